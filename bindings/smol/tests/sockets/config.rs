//! Settings: from a file, the environment and flags, and what is said of those that cannot be.

use crate::support::{File, Program, Server};
use rustix::process::Signal;
use std::process::Command;

/// What the program prints, or says is wrong.
fn tidings(arguments: &[&str], environment: &[(&str, &str)]) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.args(arguments).envs(environment.iter().copied());
    let mut program = Program::run(command);
    program.end_input();
    if program.wait().success() {
        Ok(program.stdout().join("\n") + "\n")
    } else {
        Err(program.stderr().join("\n"))
    }
}

fn has(printed: &str, line: &str) -> bool {
    printed.lines().any(|printed| printed == line)
}

#[test]
fn what_is_printed_is_a_file_with_the_same_settings() {
    let flags = [
        "config",
        "--log-bytes=12345678",
        "--latest=prices/**",
        "--heartbeat=1s500ms",
        "--replace-oldest",
    ];
    let printed = tidings(&flags, &[]).unwrap();
    let file = File::new("printed.toml", &printed);
    let again = tidings(&["config", "--config", file.path()], &[]).unwrap();
    assert_eq!(printed, again);
    for line in [
        "bytes = 12345678",
        "heartbeat = \"1s 500ms\"",
        "topics = [\"prices/**\"]",
        "when_user_full = \"replace_oldest\"",
        "event_bytes = \"1MiB\"",
    ] {
        assert!(has(&printed, line), "{line} in {printed}");
    }
    tidings(&["check", "--config", file.path()], &[]).unwrap();
}

#[test]
fn flags_count_more_than_the_environment_and_that_more_than_the_file() {
    let file = File::new(
        "order.toml",
        "allow_anonymous = true\n[log]\nevents = 1000\nage = \"1m\"\nlag = \"close\"\n",
    );
    let environment = [
        ("TIDINGS_CONFIG", file.path()),
        ("TIDINGS_LOG_EVENTS", "2000"),
        ("TIDINGS_LOG_AGE", "2m"),
        ("TIDINGS_ALLOW_ANONYMOUS", "false"),
    ];
    let printed = tidings(&["config", "--log-events", "3000"], &environment).unwrap();
    for line in [
        "events = 3000",
        "age = \"2m\"",
        "lag = \"close\"",
        "allow_anonymous = false",
    ] {
        assert!(has(&printed, line), "{line} in {printed}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    let cases = [
        ("[log]\nevents = 0\n", ":1: log: "),
        ("\n\n[log\n", ":3: "),
        ("[log]\n\nevnts = 1\n", ":3: unknown field `evnts`"),
        ("listen = 7\n", ":1: "),
        ("[log]\nbytes = \"many\"\n", ":2: "),
        ("[streams]\nidle = \"soon\"\n", ":2: "),
        (
            "[log]\nlag = \"perhaps\"\n",
            ":2: unknown variant `perhaps`",
        ),
        ("shards = 0\n", ":1: shards: 1 to 256"),
        ("listen = \"0.0.0.0:1\"\n", ":1: listen: "),
        (
            "[[classes]]\ntopics = [\"a\"]\n[[classes]]\ntopics = [\"b\", \"x*\"]\n",
            ":4: classes[1].topics: ",
        ),
        ("[limits]\nhead_bytes = 100\n", ":2: limits.head_bytes: "),
        ("[logs]\nlevel = \"no,such=level\"\n", ":2: logs.level: "),
        ("[logs]\nformat = \"xml\"\n", ":2: unknown variant `xml`"),
        (
            "[limits.publishes]\nper_second = 1\n",
            "missing field `burst`",
        ),
    ];
    for (number, (text, said)) in cases.into_iter().enumerate() {
        let file = File::new(&format!("wrong-{number}.toml"), text);
        for command in ["check", "serve"] {
            let error = tidings(&[command, "--config", file.path()], &[]).unwrap_err();
            let place = format!("{}{said}", file.path());
            let found = if said.starts_with(':') { &place } else { said };
            assert!(error.contains(found), "{found:?} in {error:?}");
        }
    }
}

#[test]
fn a_setting_from_elsewhere_has_its_name() {
    let error = tidings(&["check"], &[("TIDINGS_SHARDS", "300")]).unwrap_err();
    assert!(error.contains("shards: 1 to 256"), "{error}");
    let error = tidings(&["check", "--config", "/nowhere/tidings.toml"], &[]).unwrap_err();
    assert!(
        error.contains("cannot read /nowhere/tidings.toml"),
        "{error}"
    );
}

#[test]
fn a_server_has_the_settings_of_its_file() {
    let file = File::new(
        "serve.toml",
        "listen = \"127.0.0.1:0\"\n[limits]\nconnections_per_user = 1\nevent_bytes = 20000\n",
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.args(["serve", "--config", file.path()]);
    let server = Server::run(command);
    let _stream = server.stream("user=ada");
    assert_eq!(server.get("/events?user=ada").status, 429);
    let long = format!(r#"{{"topics":["a"],"data":"{}"}}"#, "x".repeat(20_000));
    assert_eq!(server.ask_to_publish(&long).status, 413);
}

#[test]
fn a_hang_up_has_limits_read_again_and_cuts_no_stream() {
    let settings = |limits: &str| format!("listen = \"127.0.0.1:0\"\n[limits]\n{limits}");
    let file = File::new("reload.toml", &settings("connections_per_user = 1\n"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.args(["serve", "--config", file.path()]);
    let server = Server::run(command);
    let mut first = server.stream("topic=a&user=ada");
    assert_eq!(server.get("/events?user=ada").status, 429);

    file.write(&settings("connections_per_user = 2\n[log]\nevents = 10\n"));
    server.program.signal(Signal::HUP);
    server
        .program
        .wait_for_stderr("only a restart changes log.events");
    server
        .program
        .wait_for_stderr("the settings are read again");
    let mut second = server.stream("topic=a&user=ada");
    assert_eq!(server.get("/events?user=ada").status, 429);

    file.write(&settings("connections_per_usr = 3\n"));
    server.program.signal(Signal::HUP);
    let said = server
        .program
        .wait_for_stderr("the settings stay as they were");
    assert!(
        said.contains(":3: unknown field `connections_per_usr`"),
        "{said}"
    );
    assert_eq!(server.get("/events?user=ada").status, 429);
    server.say("a", "still here");
    for stream in [&mut first, &mut second] {
        stream.connected();
        assert_eq!(stream.messages(1), ["still here"]);
    }
}
