//! The tools that the tests in C need, and what is done where one is missing.
//!
//! It does not know the tests. A tool that is missing is noted as skipped, in the file that
//! `TIDINGS_SKIPPED` names too; with `CI=true` it has to be there.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

pub(crate) const WARNINGS: &[&str] = &["-Wall", "-Wextra", "-Wpedantic", "-Werror"];

pub(crate) const SANITIZERS: &[&str] =
    &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

pub(crate) fn package() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo has put the library beside this test.
pub(crate) fn libraries() -> PathBuf {
    let test = env::current_exe().expect("this program is a file");
    test.parent().expect("in a directory").to_owned()
}

pub(crate) fn run(command: &mut Command) -> Output {
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
pub(crate) fn has(tool: &str) -> bool {
    has_when(tool, Command::new(tool).arg("--version").output().is_ok())
}

/// Whether pkg-config knows a library, which is in such a package of Debian's.
#[cfg(target_os = "linux")]
pub(crate) fn has_library(name: &str, package: &str) -> bool {
    let mut look = Command::new("pkg-config");
    let mut found = || look.args(["--exists", name]).status();
    has("pkg-config") && has_when(package, found().is_ok_and(|status| status.success()))
}

fn has_when(what: &str, is_there: bool) -> bool {
    if is_there {
        return true;
    }
    assert!(env::var("CI").as_deref() != Ok("true"), "{what} is missing");
    let line = format!("tests in C: install {what}\n");
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

/// A program that finds the shared library, and makes no noise about caught panics.
pub(crate) fn start(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command
        .env("LD_LIBRARY_PATH", libraries())
        .env("RUST_BACKTRACE", "0");
    command
}

/// Valgrind, which fails where the program it is given makes a mistake or leaks.
pub(crate) fn valgrind() -> Command {
    // The reactor that all engines of a process share has a thread that never ends: what the system
    // keeps for it may look lost.
    let kinds = match cfg!(feature = "engine") {
        true => "definite,indirect",
        false => "definite,indirect,possible",
    };
    let mut valgrind = start("valgrind");
    valgrind.args(["--quiet", "--leak-check=full", "--error-exitcode=99"]);
    valgrind.arg(format!("--show-leak-kinds={kinds}"));
    valgrind.arg(format!("--errors-for-leak-kinds={kinds}"));
    valgrind
}
