//! The C++ wrapper and its example: compiled with either compiler, with and without exceptions, and run.
//!
//! It does not know what they try.

use crate::tools::{SANITIZERS, WARNINGS, has, libraries, package, run, start};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const COMPILERS: [&str; 2] = ["g++", "clang++"];

/// With exceptions, and without.
const DIALECTS: [&[&str]; 2] = [&[], &["-fno-exceptions"]];

fn include() -> PathBuf {
    package().join("../bindings/c/include")
}

/// Compiles a program against the wrapper and one of the libraries, and returns where it is.
fn compile(source: &Path, compiler: &str, flags: &[&str], library: &str) -> PathBuf {
    let name = source.file_stem().expect("a name").to_string_lossy();
    let way = flags.join("").replace(['=', ','], "-");
    let program = format!("{name}-{compiler}{way}-{library}");
    let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join(program);
    let mut command = Command::new(compiler);
    command
        .args(["-std=c++17", "-g", "-O1", "-Wshadow"])
        .args(WARNINGS)
        .args(flags)
        .arg("-I")
        .arg(package().join("include"))
        .arg("-I")
        .arg(include())
        .arg(source)
        .arg("-o")
        .arg(&program)
        .arg(libraries().join(library))
        .args(["-lpthread", "-ldl", "-lm"]);
    run(&mut command);
    program
}

fn wrapper() -> PathBuf {
    package().join("tests/c/wrapper.cpp")
}

#[test]
fn the_wrapper_works_with_and_without_exceptions() {
    for compiler in COMPILERS.into_iter().filter(|compiler| has(compiler)) {
        for dialect in DIALECTS {
            let program = compile(&wrapper(), compiler, dialect, "libtidings.so");
            run(&mut start(program));
        }
    }
}

#[test]
fn sanitizers_find_nothing_in_the_wrapper() {
    if !has("g++") || !has("nm") {
        return;
    }
    for dialect in DIALECTS {
        let flags = [SANITIZERS, dialect].concat();
        let program = compile(&wrapper(), "g++", &flags, "libtidings.a");
        let symbols = run(Command::new("nm").arg(&program)).stdout;
        let symbols = String::from_utf8(symbols).expect("UTF-8");
        for sanitizer in ["__asan_init", "__ubsan_handle"] {
            assert!(
                symbols.contains(sanitizer),
                "{dialect:?} without {sanitizer}"
            );
        }
        run(&mut start(program));
    }
}

/// A value that is not there ends a program without exceptions, and says why.
#[test]
fn no_value_is_made_up() {
    if !has("g++") {
        return;
    }
    let source = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-value.cpp");
    let text = "#include <tidings.hpp>\nint main() { return tidings::cursor::parse(\"no\").value().sequence == 0; }\n";
    fs::write(&source, text).expect("the directory can be written");
    let program = compile(&source, "g++", &["-fno-exceptions"], "libtidings.so");
    let output = start(program).output().expect("it starts");
    assert!(!output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cursor"), "{said}");
}

#[test]
fn the_example_decodes() {
    let source = package().join("../bindings/c/examples/decode.cpp");
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let input = directory.join("stream-for-cpp");
    let stream = "id: 5\nevent: greeting\ndata: a\ndata: b\u{1b}\n\nretry: 10\ndata: x\n\n";
    fs::write(&input, stream.repeat(3_000)).expect("the directory can be written");
    for compiler in COMPILERS.into_iter().filter(|compiler| has(compiler)) {
        for dialect in DIALECTS {
            let program = compile(&source, compiler, dialect, "libtidings.so");
            let stream = fs::File::open(&input).expect("it was written");
            let output = run(start(program).stdin(Stdio::from(stream))).stdout;
            let lines = "greeting [5]: a\\nb\\x1b\n(reconnect after 10 ms)\nmessage [5]: x\n";
            assert_eq!(String::from_utf8_lossy(&output), lines.repeat(3_000));
        }
    }
}
