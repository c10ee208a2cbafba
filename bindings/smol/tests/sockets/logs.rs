//! The log: a line for what matters, which nobody can write but the server, and which holds nobody up.

use crate::support::{File, Program, Server, eventually, run_to_end};
use rustix::process::Signal;
use serde_json::Value;
use std::fs::OpenOptions;
use std::path::Path;
use std::process::Command;

const JSON: [&str; 2] = ["--log-format", "json"];

/// The lines of a log in JSON with this message.
fn lines(program: &Program, message: &str) -> Vec<Value> {
    let lines = program.stderr().into_iter().map(|line| {
        let json = serde_json::from_str::<Value>(&line);
        json.unwrap_or_else(|error| panic!("{error} in {line:?}"))
    });
    lines.filter(|line| line["message"] == message).collect()
}

fn wait_for_lines(program: &Program, message: &str, count: usize) -> Vec<Value> {
    eventually(&format!("{count} lines {message:?}"), || {
        let lines = lines(program, message);
        (lines.len() == count)
            .then_some(lines)
            .ok_or_else(|| program.describe())
    })
}

impl Server {
    /// All that it has logged to its end.
    fn stop_and_read(mut self) -> Vec<String> {
        self.program.signal(Signal::TERM);
        assert!(self.program.wait().success());
        self.program.stderr()
    }
}

#[test]
fn a_stream_has_a_line_when_it_opens_and_one_when_it_ends() {
    let mut server = Server::start(&JSON);
    let mut stream = server.stream("topic=a&topic=b&user=ada");
    let connection = stream.connected()["connection"].clone();
    for data in ["1", "2", "3"] {
        server.say("a", data);
    }
    let last = stream.messages(3).len();
    drop(stream);
    let opened = wait_for_lines(&server.program, "connected", 1).remove(0);
    assert_eq!(opened["level"], "INFO");
    assert_eq!(opened["connection"], connection);
    assert_eq!(opened["user"], "ada");
    assert_eq!(opened["address"], "127.0.0.1");
    assert_eq!(
        (&opened["topics"], &opened["resumed"], &opened["transport"]),
        (&2.into(), &false.into(), &"http1".into())
    );
    let ended = wait_for_lines(&server.program, "disconnected", 1).remove(0);
    assert_eq!(ended["connection"], connection);
    assert_eq!(ended["reason"], "gone");
    assert_eq!(ended["delivered"], last);
    assert!(ended["duration_ms"].as_u64() < Some(60_000), "{ended}");

    server.resume("topic=a", "earliest").connected();
    let again = wait_for_lines(&server.program, "connected", 2).remove(1);
    assert_eq!((&again["resumed"], again.get("user")), (&true.into(), None));

    server.program.signal(Signal::TERM);
    assert!(server.program.wait().success());
    for message in ["listening", "draining", "stopped"] {
        assert_eq!(
            lines(&server.program, message).len(),
            1,
            "{}",
            server.program.describe()
        );
    }
}

#[test]
fn text_is_for_people_and_nobody_else_writes_lines() {
    const NAME: &str = "ada%22%20level=%22ERROR%E2%80%AE";
    let server = Server::start(&[]);
    let mut stream = server.stream(&format!("topic=a&user={NAME}"));
    stream.connected();
    let line = server.program.wait_for_stderr("connected");
    let (time, rest) = line.split_once(' ').expect("it has a time");
    assert!(time.ends_with('Z') && time.contains('T'), "{line}");
    assert!(rest.trim_start().starts_with("INFO connected "), "{line}");
    let escaped = r#" user="ada\" level=\"ERROR\u{202e}" "#;
    assert!(line.contains(escaped), "{line}");
    // What would begin a line is no name, and what a path is is not said.
    let forged = "%0A2026%20INFO%20forged";
    for target in [
        format!("/events?user=ada{forged}"),
        format!("/{forged}?{forged}"),
    ] {
        assert!([400, 404].contains(&server.get(&target).status));
    }
    assert_eq!(server.stop_and_read().concat().matches("forged").count(), 0);

    let server = Server::start(&JSON);
    server.stream(&format!("topic=a&user={NAME}")).connected();
    let line = wait_for_lines(&server.program, "connected", 1).remove(0);
    assert_eq!(line["user"], "ada\" level=\"ERROR\u{202e}");
}

#[test]
fn what_is_secret_is_in_no_line() {
    const SECRET: &str = "eyJhbGciOiJub25lIn0";
    for format in ["text", "json"] {
        let server = Server::start(&["--log-format", format, "--log-level", "trace"]);
        let path = format!("/events?topic={SECRET}&{SECRET}=1&token={SECRET}");
        let with_header = |target: &str| {
            let host = format!("host: {}", server.address);
            let bearer = format!("authorization: Bearer {SECRET}");
            let cookie = format!("cookie: session={SECRET}");
            let headers = [&*host, &*bearer, &*cookie, "connection: close"];
            let request = format!("GET {target} HTTP/1.1");
            server
                .connect()
                .request_with(&request, &headers, b"")
                .status
        };
        assert_eq!(with_header(&path), 400);
        assert_eq!(with_header(&format!("/{SECRET}?{SECRET}")), 404);
        assert_eq!(with_header("/stats"), 200);
        server.ask_to_publish(&format!("{{\"{SECRET}\":1}}"));
        let mut stream = server.stream(&format!("topic={SECRET}&last_event_id={SECRET}"));
        stream.connected();
        stream.expect("gap");
        drop(stream);
        server.program.wait_for_stderr("disconnected");
        let (program, metrics) = (&server.program, server.get("/metrics").text());
        assert!(
            !program.describe().contains(SECRET),
            "{}",
            program.describe()
        );
        assert!(!metrics.contains(SECRET), "{metrics}");
    }
}

/// Who has a token that is good, and who has one that is not, leave no trace of it.
#[test]
fn tokens_are_in_no_line_and_what_fails_is_counted() {
    let secret = File::new("logs.secret", "a secret of at least thirty-two bytes");
    let asked = ["token", "--secret-file", secret.path(), "--user", "ada"];
    let (status, printed, error) = run_to_end(&[&asked[..], &["--subscribe", "**"]].concat(), b"");
    assert!(status.success(), "{error}");
    let good = printed.trim();
    let (rest, signature) = good.rsplit_once('.').expect("a token has a signature");
    let bad = format!("{rest}.{}", signature.chars().rev().collect::<String>());
    let flags = ["--jwt-secret-file", secret.path(), "--token-query", "token"];
    let server = Server::start(&[&flags[..], &["--log-level", "trace"]].concat());
    assert_eq!(server.get("/events?topic=a").status, 401);
    assert_eq!(server.get(&format!("/events?token={bad}")).status, 401);
    let mut stream = server.stream(&format!("topic=a&token={good}"));
    assert_eq!(stream.connected()["user"], "ada");
    assert_eq!(server.get("/metrics").status, 401);
    drop(stream);
    server.program.wait_for_stderr("disconnected");
    let said = server.program.describe();
    assert!(said.contains("user=\\\"ada"), "{said}");
    assert!(said.contains("invalid_token") && said.contains("unauthenticated"));
    for part in good.split('.').chain([&*bad, signature]) {
        assert!(!said.contains(part), "{part} is in {said}");
    }
}

#[test]
fn a_flood_of_refusals_is_a_few_lines_and_a_count() {
    const FLOOD: u64 = 300;
    let mut server = Server::start(&JSON);
    let mut client = server.connect();
    for _ in 0..FLOOD {
        assert_eq!(client.request("GET", "/nothing?secret", "").status, 404);
    }
    drop(client);
    let line = wait_for_lines_of(&server.program, "refused");
    assert_eq!(
        (&line["code"], &line["status"]),
        (&"not_found".into(), &404.into())
    );
    assert_eq!(
        (&line["path"], &line["address"]),
        (&"other".into(), &"127.0.0.1".into())
    );
    let refused = "tidings_refused_total{code=\"not_found\"}";
    assert_eq!(server.metrics().value(refused), FLOOD as f64);
    server.program.signal(Signal::TERM);
    assert!(server.program.wait().success());
    let lines_of = |message| lines(&server.program, message);
    let (mut written, mut left_out) = (0, 0);
    for line in lines_of("refused") {
        written += 1;
        left_out += line["left_out"].as_u64().unwrap_or(0);
    }
    for line in lines_of("more were refused") {
        left_out += line["left_out"].as_u64().expect("it says how many");
    }
    assert_eq!(written + left_out, FLOOD, "{}", server.program.describe());
    assert!(
        left_out > 0 && written < FLOOD / 2,
        "{written} and {left_out}"
    );
}

/// The first line with this message.
fn wait_for_lines_of(program: &Program, message: &str) -> Value {
    eventually(&format!("a line {message:?}"), || {
        let first = lines(program, message).into_iter().next();
        first.ok_or_else(|| program.describe())
    })
}

#[test]
fn what_is_logged_can_be_chosen() {
    let server = Server::start(&["--log-level", "off"]);
    server.stream("topic=a").connected();
    assert_eq!(server.get("/nothing").status, 404);
    server.wait_for_stat("connections", 0);
    assert!(
        server.program.stderr().is_empty(),
        "{}",
        server.program.describe()
    );

    let server = Server::start(&["--log-level", "info,tidings_smol::driver=debug"]);
    server.stream("topic=a").connected();
    server.program.wait_for_stderr("stream opened");
    server.program.wait_for_stderr("stream closed");

    let (status, _, error) = run_to_end(&["serve", "--log-level", "no,such=level"], b"");
    assert!(!status.success());
    assert!(error.contains("\"no,such=level\""), "{error}");
}

/// Its standard error is a pipe that somebody holds open and nobody reads.
#[test]
fn nobody_waits_for_a_log_that_is_not_read() {
    let pipe = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("log-{}", std::process::id()));
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo is there").success());
    let held = OpenOptions::new().read(true).write(true).open(&pipe);
    let held = held.expect("it can be held");
    let mut command = Command::new("sh");
    let script = "exec \"$0\" serve --listen 127.0.0.1:0 --log-level trace 2>\"$1\"";
    let program = env!("CARGO_BIN_EXE_tidings");
    command.args(["-c", script, program]).arg(&pipe);
    let server = Server::run(command);
    let mut reader = server.stream("topic=a");
    reader.connected();
    eventually("lines are dropped", || {
        server.stream("topic=b").connected();
        let dropped = server.metrics().value("tidings_logging_dropped_total");
        (dropped > 0.0).then_some(()).ok_or(dropped)
    });
    server.say("a", "it goes on");
    assert_eq!(reader.messages(1), ["it goes on"]);
    assert!(server.stop().success());
    drop(held);
    std::fs::remove_file(pipe).expect("it can be removed");
}
