//! The examples in C: each is built by the command at its top, without a warning, and does what it says.
//!
//! It does not know how they are built otherwise.

mod client;
mod reader;
mod server;
mod story;

use crate::tools::{SANITIZERS, WARNINGS, has, has_library, libraries, run, start, valgrind};
use server::Server;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// How an example is built, and run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// With gcc and the shared library.
    Shared,
    /// With clang and the static library.
    Static,
    /// With gcc's sanitizers and the static library.
    Sanitized,
    /// As `Shared`, under valgrind.
    Valgrind,
}

impl Way {
    const ALL: [Self; 4] = [Self::Shared, Self::Static, Self::Sanitized, Self::Valgrind];

    const fn compiler(self) -> &'static str {
        match self {
            Self::Static => "clang",
            Self::Shared | Self::Sanitized | Self::Valgrind => "gcc",
        }
    }

    fn is_possible(self) -> bool {
        let has_valgrind = || self != Self::Valgrind || has("valgrind");
        has(self.compiler()) && has("pkg-config") && has_valgrind()
    }

    /// What pkg-config is told of the library.
    fn package(self) -> String {
        let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
        let (include, libraries) = (include.display(), libraries());
        let libraries = libraries.display();
        let link = match self {
            Self::Shared | Self::Valgrind => format!("-L{libraries} -ltidings"),
            Self::Static | Self::Sanitized => {
                format!("{libraries}/libtidings.a -lpthread -ldl -lm")
            }
        };
        let version = env!("CARGO_PKG_VERSION");
        format!(
            "Name: tidings\nDescription: as it was built\nVersion: {version}\n\
             Cflags: -I{include}\nLibs: {link}\n"
        )
    }

    /// Builds an example as its first lines say, in a directory of its own, and returns how to run it.
    fn build(self, name: &str) -> Command {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bindings/c/examples");
        let directory = directory(&format!("{name}-{self:?}"));
        let source = fs::read_to_string(examples.join(format!("{name}.c"))).expect("the example");
        fs::write(directory.join(format!("{name}.c")), &source).expect("a copy");
        fs::copy(examples.join("http.h"), directory.join("http.h")).expect("a copy");
        fs::write(directory.join("tidings.pc"), self.package()).expect("what pkg-config reads");
        let said = source
            .lines()
            .find_map(|line| line.strip_prefix(" *     cc "));
        let mut command = vec![self.compiler()];
        command.extend(WARNINGS);
        if self == Self::Sanitized {
            command.extend(SANITIZERS);
        }
        command.push(said.expect("the command that builds it"));
        run(Command::new("sh")
            .args(["-c", &command.join(" ")])
            .env("PKG_CONFIG_PATH", &directory)
            .current_dir(&directory));
        let program = directory.join(name);
        if self == Self::Valgrind {
            let mut command = valgrind();
            command.arg(program);
            return command;
        }
        start(program)
    }
}

/// A directory for a test alone.
fn directory(name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("examples")
        .join(name);
    fs::create_dir_all(&directory).expect("a directory");
    directory
}

/// The examples are also C99, and C11, for either compiler.
#[test]
fn examples_are_clean() {
    let has_all =
        has_library("libuv", "libuv1-dev") && has_library("libcurl", "libcurl4-openssl-dev");
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bindings/c/examples");
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    for compiler in ["gcc", "clang"] {
        if !has_all || !has(compiler) {
            continue;
        }
        for name in [
            "decode",
            "epoll_server",
            "libuv_server",
            "libcurl_client",
            "engine_server",
        ] {
            for standard in ["-std=c99", "-std=c11"] {
                run(Command::new(compiler)
                    .args([standard, "-fsyntax-only", "-I"])
                    .arg(&include)
                    .args(WARNINGS)
                    .arg(examples.join(format!("{name}.c"))));
            }
        }
    }
}

/// What the README tells pkg-config is of this version.
#[test]
fn pkg_config_finds_the_library_in_the_checkout() {
    if has("pkg-config") {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bindings/c");
        let mut command = Command::new("pkg-config");
        let asked = command.args(["--modversion", "tidings"]);
        let version = run(asked.env("PKG_CONFIG_PATH", directory)).stdout;
        let version = String::from_utf8_lossy(&version);
        assert_eq!(version.trim(), env!("CARGO_PKG_VERSION"));
    }
}

/// Runs a program with this on its standard input.
fn feed(command: &mut Command, input: &[u8]) -> Output {
    let file = directory("input").join("stream");
    fs::write(&file, input).expect("the directory can be written");
    let stdin = File::open(file).expect("it was written");
    command.stdin(stdin).output().expect("it starts")
}

#[test]
fn decode_prints_a_stream() {
    for way in Way::ALL.into_iter().filter(|way| way.is_possible()) {
        let stream = "id: 5\nevent: greeting\ndata: a\ndata: b\u{1b}\u{e4}\n\n: quiet\nretry: 10\ndata: x\n\n";
        let output = feed(&mut way.build("decode"), &stream.repeat(3_000).into_bytes());
        assert!(output.status.success(), "{way:?}: {output:?}");
        let lines = "greeting [5]: a\\nb\\x1b\u{e4}\n(reconnect after 10 ms)\nmessage [5]: x\n";
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            lines.repeat(3_000),
            "{way:?}"
        );

        let mut limited = way.build("decode");
        let output = feed(
            limited.arg("10"),
            b"data: short\n\ndata: longer than that\n\n",
        );
        assert_eq!(output.status.code(), Some(1), "{way:?}: {output:?}");
        assert_eq!(output.stdout, b"message: short\n");
        assert!(String::from_utf8_lossy(&output.stderr).contains("over the limit of 10 bytes"));

        let output = feed(way.build("decode").arg("ten"), b"");
        assert_eq!(output.status.code(), Some(2), "{way:?}: {output:?}");
    }
}

/// What one server does in every way.
fn serves(name: &str) {
    for way in Way::ALL.into_iter().filter(|way| way.is_possible()) {
        let begin = |events| Server::start(way.build(name).args(["0", events]));
        story::tell(begin("4"));
        if way == Way::Shared || way == Way::Sanitized {
            story::lag(begin("100"));
            story::crowd(begin("100"));
        }
        if way == Way::Shared {
            story::refuse(begin("100"));
        }
    }
}

#[test]
fn epoll_server_serves() {
    serves("epoll_server");
}

#[test]
fn libuv_server_serves() {
    if has_library("libuv", "libuv1-dev") {
        serves("libuv_server");
    }
}

#[test]
#[cfg(feature = "engine")]
fn engine_server_serves() {
    serves("engine_server");
}

#[test]
#[cfg(not(feature = "engine"))]
fn engine_server_says_that_there_is_no_engine() {
    if Way::Shared.is_possible() {
        let output = Way::Shared
            .build("engine_server")
            .output()
            .expect("it starts");
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert!(
            String::from_utf8_lossy(&output.stderr).contains("cannot do it"),
            "{output:?}"
        );
    }
}

#[test]
fn libcurl_client_reads_through_cuts_and_a_restart() {
    if !has_library("libcurl", "libcurl4-openssl-dev") {
        return;
    }
    for way in Way::ALL.into_iter().filter(|way| way.is_possible()) {
        let server = || Server::start(Way::Shared.build("epoll_server").args(["0", "100"]));
        client::read_through_cuts(&mut way.build("libcurl_client"), server);
    }
}
