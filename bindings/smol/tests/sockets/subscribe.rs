//! `tidings subscribe`: prints what comes, and comes back.

use crate::support::{Program, Proxy, Random, Server, eventually, reserved_port, run_to_end};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

fn start(url: &str, arguments: &[&str]) -> Program {
    Program::start(&[&["subscribe", "--server", url], arguments].concat())
}

/// Waits until so many lines were printed, and hands out all.
fn wait_for_lines(program: &Program, count: usize) -> Vec<String> {
    eventually(&format!("{count} lines"), || {
        let lines = program.stdout();
        (lines.len() >= count)
            .then_some(lines)
            .ok_or_else(|| program.describe())
    })
}

/// Has every reader come back soon after a cut.
fn set_short_retry(server: &Server, topic: &str) {
    let event = json!({ "topics": [topic], "data": "come back soon", "retry": 100 });
    server.publish(&event.to_string());
}

#[test]
fn it_prints_the_data_and_tells_people_the_rest() {
    let server = Server::start(&["--heartbeat", "100ms"]);
    let program = start(
        &server.url(),
        &["--topic", "a", "--topic", "b/*", "--user", "ada"],
    );
    let connected = program.wait_for_stderr("tidings: connected {");
    assert!(connected.contains("\"user\":\"ada\""), "{connected}");
    server.say("a", "one");
    server.say("b/1", "two\nlines");
    server.publish(r#"{"user":"ada","data":"three","event":"note"}"#);
    assert_eq!(
        wait_for_lines(&program, 4),
        ["one", "two", "lines", "three"]
    );
    assert_eq!(
        program.stderr().len(),
        1,
        "no heartbeats: {}",
        program.describe()
    );
}

#[test]
fn it_prints_json_for_programs() {
    let server = Server::start(&[]);
    let program = start(&server.url(), &["--topic", "a", "--json"]);
    wait_for_lines(&program, 1);
    let id = server.publish(r#"{"topics":["a"],"event":"paid","data":"two\nlines"}"#)["id"].clone();
    let lines = wait_for_lines(&program, 2);
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!(lines[0]["event"], "connected");
    assert_eq!(
        lines[1],
        json!({ "event": "paid", "data": "two\nlines", "id": id })
    );
    assert!(program.stderr().is_empty(), "{}", program.describe());
}

#[test]
fn it_begins_where_it_is_told_to() {
    let server = Server::start(&[]);
    let first = server.say("a", "1")["id"].clone();
    server.say("a", "2");
    let all = start(
        &server.url(),
        &["--topic", "a", "--last-event-id", "earliest"],
    );
    assert_eq!(wait_for_lines(&all, 2), ["1", "2"]);
    let id = first.as_str().expect("a text");
    let rest = start(&server.url(), &["--topic", "a", "--last-event-id", id]);
    assert_eq!(wait_for_lines(&rest, 1), ["2"]);
}

#[test]
fn through_cuts_it_misses_nothing_and_prints_nothing_twice() {
    const EVENTS: usize = 300;
    let server = Server::start(&[]);
    let proxy = Proxy::start(server.address);
    let program = start(&proxy.url(), &["--topic", "a"]);
    program.wait_for_stderr("connected");
    set_short_retry(&server, "a");
    wait_for_lines(&program, 1);
    proxy.cut_after(Random::new(), 2_000);
    proxy.cut();
    for number in 0..EVENTS {
        server.say("a", &format!("event {number}"));
        if number % 50 == 0 {
            let before = proxy.connections();
            eventually("it has come back", || match proxy.connections() {
                now if now > before => Ok(()),
                _ => {
                    proxy.cut();
                    Err(program.describe())
                }
            });
        }
    }
    let mut lines = wait_for_lines(&program, EVENTS + 1);
    lines.remove(0);
    let expected: Vec<_> = (0..EVENTS)
        .map(|number| format!("event {number}"))
        .collect();
    assert_eq!(lines, expected);
    assert!(proxy.connections() > 5, "it was cut");
    assert!(
        !program.stderr().iter().any(|line| line.contains("gap")),
        "{}",
        program.describe()
    );
}

#[test]
fn after_a_crash_of_the_server_it_tells_the_gap_and_goes_on() {
    let listen = format!("127.0.0.1:{}", reserved_port());
    let mut server = Server::start_on(&listen, &[]);
    let program = start(&server.url(), &["--topic", "a"]);
    program.wait_for_stderr("connected");
    set_short_retry(&server, "a");
    wait_for_lines(&program, 1);
    server.kill();
    program.wait_for_stderr("trying again");
    let server = Server::start_on(&listen, &[]);
    server.say("a", "new life");
    assert_eq!(wait_for_lines(&program, 2), ["come back soon", "new life"]);
    let gap = program.wait_for_stderr("tidings: gap {");
    assert!(gap.contains("\"missed\":null"), "{gap}");
}

#[test]
fn after_a_bye_it_comes_back() {
    let listen = format!("127.0.0.1:{}", reserved_port());
    let server = Server::start_on(&listen, &["--drain", "1s"]);
    let program = start(&server.url(), &["--topic", "a"]);
    program.wait_for_stderr("connected");
    assert_eq!(server.stop().code(), Some(0));
    let bye = program.wait_for_stderr("tidings: bye {");
    assert!(bye.contains("\"reason\":\"drain\""), "{bye}");
    let server = Server::start_on(&listen, &[]);
    server.wait_for_stat("connections", 1);
}

#[test]
fn a_reader_whose_place_was_taken_ends() {
    let server = Server::start(&[]);
    let mut program = start(&server.url(), &["--user", "ada", "--tab", "1"]);
    program.wait_for_stderr("connected");
    let mut newer = server.stream("user=ada&tab=1");
    newer.connected();
    assert_eq!(program.wait().code(), Some(1));
    let said = program.describe();
    assert!(said.contains("superseded"), "{said}");
}

#[test]
fn it_gives_up_after_the_attempts_it_was_given() {
    let url = format!("http://127.0.0.1:{}", reserved_port());
    let arguments = [
        "subscribe",
        "--server",
        &url,
        "--topic",
        "a",
        "--attempts",
        "2",
    ];
    let (status, out, error) = run_to_end(&arguments, b"");
    assert_eq!((status.code(), &*out), (Some(1), ""));
    assert_eq!(error.matches("no answer").count(), 2, "{error}");
}

#[test]
fn nobody_reading_its_output_ends_it_quietly() {
    let server = Server::start(&[]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(["subscribe", "--server", &server.url(), "--topic", "a"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    server.wait_for_stat("connections", 1);
    server.say("a", "nobody sees this");
    let output = child.wait_with_output().expect("it ends");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    assert!(
        !error.contains("roken pipe") && !error.contains("panic"),
        "{error}"
    );
}

#[test]
fn nobody_reading_what_it_tells_does_not_stop_it() {
    let server = Server::start(&[]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(["subscribe", "--server", &server.url(), "--topic", "a"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stderr.take());
    let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
    server.wait_for_stat("opened", 1);
    server.say("a", "this is printed");
    let mut line = String::new();
    let read = out.read_line(&mut line);
    // It is ended in any case, before the test can fail.
    let _ = child.kill();
    child.wait().expect("it ends");
    assert_eq!((read.ok(), &*line), (Some(16), "this is printed\n"));
}
