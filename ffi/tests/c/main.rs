//! The tests in C, compiled and run in every way that finds mistakes; the examples in C; the wrapper for
//! C++; and the header and the shared library as a C programmer meets them.

#![cfg(not(miri))]

mod cpp;
#[cfg(target_os = "linux")]
mod examples;
mod tools;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tools::{SANITIZERS, WARNINGS, has, libraries, package, run, start, valgrind};

/// The programs beside this file.
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
    for name in programs() {
        let program = compile(name, "valgrind", &[], "libtidings.so");
        run(valgrind().arg(program));
    }
}

#[test]
fn sanitizers_find_nothing() {
    if !has("cc") || !has("nm") {
        return;
    }
    for name in programs() {
        let program = compile(name, "sanitized", SANITIZERS, "libtidings.a");
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
