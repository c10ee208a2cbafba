//! The tests in `c/`, compiled and run in every way that finds mistakes; and the header and the shared
//! library as a C programmer meets them.
//!
//! A tool that is missing is noted as skipped, in the file that `TIDINGS_SKIPPED` names too; with
//! `CI=true` it has to be there.

#![cfg(not(miri))]

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// The programs in `c/`.
const PROGRAMS: &[&str] = &[
    "layout",
    "decode",
    "hub",
    "client",
    "misuse",
    "engine",
    "engine_sigpipe",
    "engine_threads",
];

const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo has put the library beside this test.
fn libraries() -> PathBuf {
    let test = env::current_exe().expect("this program is a file");
    test.parent().expect("in a directory").to_owned()
}

fn run(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    output
}

/// Whether there is such a tool; if not, that is noted.
fn has(tool: &str) -> bool {
    if Command::new(tool).arg("--version").output().is_ok() {
        return true;
    }
    assert!(env::var("CI").as_deref() != Ok("true"), "{tool} is missing");
    let line = format!("tests in C: install {tool}\n");
    eprint!("skipped: {line}");
    if let Some(file) = env::var_os("TIDINGS_SKIPPED") {
        // Several tests may miss one tool.
        if !fs::read_to_string(&file).is_ok_and(|skipped| skipped.contains(&line)) {
            let file = OpenOptions::new().append(true).create(true).open(file);
            let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
            written.expect("what is skipped can be noted");
        }
    }
    false
}

/// The programs, and the one that needs exports which panic.
fn programs() -> Vec<&'static str> {
    let poison = cfg!(feature = "test-hooks").then_some("poison");
    PROGRAMS.iter().copied().chain(poison).collect()
}

/// Compiles a program against the header and one of the libraries, and returns where it is.
fn compile(name: &str, way: &str, flags: &[&str], library: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{way}"));
    let mut compiler = Command::new("cc");
    compiler
        .args(["-std=c99", "-D_GNU_SOURCE", "-g", "-O1"])
        .args(WARNINGS)
        .args(flags)
        .arg("-I")
        .arg(package().join("include"))
        .arg(package().join(format!("tests/c/{name}.c")))
        .arg("-o")
        .arg(&program)
        .arg(libraries().join(library))
        .args(["-lpthread", "-ldl", "-lm"]);
    run(&mut compiler);
    program
}

/// A program that finds the shared library, and makes no noise about caught panics.
fn start(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env("LD_LIBRARY_PATH", libraries())
        .env("RUST_BACKTRACE", "0");
    command
}

#[test]
fn programs_run_with_either_library() {
    if !has("cc") {
        return;
    }
    for name in programs() {
        run(&mut start(compile(name, "shared", &[], "libtidings.so")));
        run(&mut start(compile(name, "static", &[], "libtidings.a")));
    }
}

/// The program has nothing of the library in itself, and lets its threads run on.
#[test]
#[cfg(target_os = "linux")]
fn a_program_can_unload_the_library_while_engines_run() {
    if has("cc") {
        run(&mut start(compile(
            "engine_unload",
            "loading",
            &[],
            "libtidings.a",
        )));
    }
}

#[test]
fn valgrind_finds_nothing() {
    if !has("cc") || !has("valgrind") {
        return;
    }
    // The reactor that all engines of a process share has a thread that never ends: what the system
    // keeps for it may look lost.
    let kinds = match cfg!(feature = "engine") {
        true => "--errors-for-leak-kinds=definite,indirect",
        false => "--errors-for-leak-kinds=definite,indirect,possible",
    };
    for name in programs() {
        let program = compile(name, "valgrind", &[], "libtidings.so");
        let mut valgrind = start("valgrind");
        valgrind.args(["--quiet", "--leak-check=full", "--error-exitcode=99", kinds]);
        run(valgrind.arg(program));
    }
}

#[test]
fn sanitizers_find_nothing() {
    if !has("cc") || !has("nm") {
        return;
    }
    let flags = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    for name in programs() {
        let program = compile(name, "sanitized", &flags, "libtidings.a");
        let symbols = run(Command::new("nm").arg(&program)).stdout;
        let symbols = String::from_utf8(symbols).expect("UTF-8");
        for sanitizer in ["__asan_init", "__ubsan_handle"] {
            assert!(symbols.contains(sanitizer), "{name} is without {sanitizer}");
        }
        run(&mut start(program));
    }
}

/// The header alone, and everything in it named once, in every language it is for.
#[test]
fn the_header_is_clean() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = "#include <tidings.h>\n#include <tidings.h>\n\
                  tidings_str literal(void);\n\
                  tidings_str literal(void) { return TIDINGS_STR(\"x\"); }\n\
                  uint32_t size(void);\n\
                  uint32_t size(void) { tidings_open open = TIDINGS_INIT(tidings_open); return open.size; }\n";
    let (c, cpp) = (directory.join("clean.c"), directory.join("clean.cpp"));
    fs::write(&c, source).expect("the directory can be written");
    fs::write(&cpp, source).expect("the directory can be written");
    let compilers: [(&str, &Path, &[&str]); 4] = [
        ("gcc", &c, &["c99", "c11", "c2x"]),
        ("clang", &c, &["c99", "c11", "c2x"]),
        ("g++", &cpp, &["c++17"]),
        ("clang++", &cpp, &["c++17"]),
    ];
    for (compiler, source, standards) in compilers {
        if !has(compiler) {
            continue;
        }
        for standard in standards {
            let mut command = Command::new(compiler);
            command
                .arg(format!("-std={standard}"))
                .args(WARNINGS)
                .arg("-fsyntax-only");
            run(command.arg("-I").arg(package().join("include")).arg(source));
        }
    }
}

/// The functions that the header declares.
fn declared() -> BTreeSet<String> {
    let header = fs::read_to_string(package().join("include/tidings.h")).expect("the header");
    let results = ["tidings_status ", "void ", "uint32_t ", "const char *"];
    let names = header.lines().filter_map(|line| {
        let function = results
            .iter()
            .find_map(|result| line.strip_prefix(result))?;
        Some(function.split_once('(')?.0.to_owned())
    });
    names.collect()
}

#[test]
fn exports_are_what_the_header_declares() {
    if !has("nm") {
        return;
    }
    let mut nm = Command::new("nm");
    nm.args(["--dynamic", "--defined-only", "--format=posix"]);
    let symbols = run(nm.arg(libraries().join("libtidings.so"))).stdout;
    let symbols = String::from_utf8(symbols).expect("UTF-8");
    let names = symbols.lines().filter_map(|line| line.split(' ').next());
    let names = names.filter(|name| !name.starts_with("tidings_test_"));
    let exported: BTreeSet<_> = names.map(str::to_owned).collect();
    assert!(exported.len() > 50, "{exported:?}");
    assert_eq!(exported, declared());
}

#[test]
fn every_function_is_misused() {
    let tests = fs::read_to_string(package().join("tests/c/misuse.c")).expect("the test");
    let missing: Vec<_> = declared()
        .into_iter()
        .filter(|name| !tests.contains(&format!("{name}(")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_shared_library_stays_loaded() {
    if !has("readelf") {
        return;
    }
    let mut readelf = Command::new("readelf");
    let flags = run(readelf
        .arg("--dynamic")
        .arg(libraries().join("libtidings.so")))
    .stdout;
    let flags = String::from_utf8(flags).expect("UTF-8");
    assert!(flags.contains("NODELETE"), "{flags}");
}
