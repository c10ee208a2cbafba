//! `tidings publish`: one event or many lines, through outages.

use crate::support::{Program, Server, eventually, reserved_port, run_to_end};
use serde_json::{Value, json};
use std::process::{Command, Stdio};

/// Runs `tidings publish` against a server, to its end.
fn publish(server: &Server, arguments: &[&str], input: &str) -> (Option<i32>, String, String) {
    let url = server.url();
    let arguments = [&["publish", "--server", &url], arguments].concat();
    let (status, out, error) = run_to_end(&arguments, input.as_bytes());
    (status.code(), out, error)
}

fn start_lines(server: &str, more: &[&str]) -> Program {
    Program::start(
        &[
            &["publish", "--lines", "--topic", "a", "--server", server],
            more,
        ]
        .concat(),
    )
}

#[test]
fn an_argument_is_published_and_the_answer_printed() {
    let server = Server::start(&[]);
    let mut stream = server.stream("topic=a&topic=b");
    stream.connected();
    let (status, out, error) = publish(&server, &["--topic", "a", "--topic", "b", "hello"], "");
    assert_eq!((status, &*error), (Some(0), ""));
    let answer: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(answer["recipients"], 1);
    let received = stream.expect("message");
    assert_eq!(
        (&*received.data, answer["id"].as_str()),
        ("hello", Some(&*received.id))
    );
}

#[test]
fn standard_input_is_published_as_one_event() {
    let server = Server::start(&[]);
    let mut stream = server.stream("topic=a");
    stream.connected();
    let (status, ..) = publish(&server, &["--topic", "a"], "two\nlines");
    assert_eq!(status, Some(0));
    assert_eq!(stream.messages(1), ["two\nlines"]);
}

#[test]
fn an_event_can_be_given_a_type_an_id_and_a_retry() {
    let server = Server::start(&[]);
    let mut stream = server.stream("topic=a");
    stream.connected();
    let flags = [
        "--topic", "a", "--event", "paid", "--id", "order-7", "--retry", "2500", "7",
    ];
    publish(&server, &flags, "");
    let (_, out, _) = publish(&server, &flags, "");
    assert!(out.contains("\"duplicate\":true"), "{out}");
    let received = stream.expect("paid");
    assert_eq!((&*received.id, received.retry), ("order-7", Some(2_500)));
}

#[test]
fn an_event_can_be_for_a_user_for_one_stream_or_for_all() {
    let server = Server::start(&[]);
    let mut stream = server.stream("user=ada");
    let id = stream.connected()["connection"]
        .as_str()
        .expect("a text")
        .to_owned();
    for (flags, data) in [
        (&["--user", "ada"][..], "1"),
        (&["--connection", &id], "2"),
        (&["--everyone"], "3"),
        (&["--user", "bob"], "not for her"),
    ] {
        let (status, _, error) = publish(&server, &[flags, &[data]].concat(), "");
        assert_eq!(status, Some(0), "{error}");
    }
    assert_eq!(stream.messages(3), ["1", "2", "3"]);
    let (_, out, _) = publish(&server, &["--topic", "a", "--private", "secret"], "");
    assert!(out.contains("\"recipients\":0"), "{out}");
}

#[test]
fn an_event_for_nobody_is_a_mistake_in_the_command() {
    let (status, _, error) = run_to_end(&["publish", "hello"], b"");
    assert_eq!(status.code(), Some(2));
    assert!(error.contains("--topic"), "{error}");
}

#[test]
fn a_refusal_is_told_in_the_servers_words() {
    let server = Server::start(&[]);
    let (status, out, error) = publish(&server, &["--topic", "a/*", "hello"], "");
    assert_eq!((status, &*out), (Some(1), ""));
    assert!(
        error.contains("400") && error.contains("topic 0"),
        "{error}"
    );
}

#[test]
fn without_a_server_it_says_so_at_once() {
    let url = format!("http://127.0.0.1:{}", reserved_port());
    let (status, out, error) = run_to_end(&["publish", "--topic", "a", "x", "--server", &url], b"");
    assert_eq!((status.code(), &*out), (Some(1), ""));
    assert!(error.starts_with("tidings: no answer"), "{error}");
}

#[test]
fn each_line_is_published_as_it_comes() {
    let server = Server::start(&[]);
    let mut stream = server.stream("topic=a");
    stream.connected();
    let mut program = start_lines(&server.url(), &[]);
    for line in ["one", "", "  three", "vier \u{1f600}"] {
        program.write(format!("{line}\n"));
        assert_eq!(stream.messages(1), [line]);
    }
    program.write("crlf\r\nno end");
    assert_eq!(stream.messages(1), ["crlf"]);
    program.end_input();
    assert_eq!(program.wait().code(), Some(0));
    assert_eq!(stream.messages(1), ["no end"]);
    assert_eq!(program.describe(), "standard output [], standard error []");
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    let server = Server::start(&[]);
    let mut program = start_lines(&server.url(), &[]);
    program.write(b"a\xffb\n\xe2\x82\n");
    program.end_input();
    assert_eq!(program.wait().code(), Some(0));
    let mut stream = server.stream("topic=a&last_event_id=earliest");
    stream.connected();
    assert_eq!(stream.messages(2), ["a\u{fffd}b", "\u{fffd}"]);
}

#[test]
fn many_lines_keep_their_order_and_each_comes_once() {
    const LINES: usize = 5_000;
    let server = Server::start(&[]);
    let mut stream = server.stream("topic=a");
    stream.connected();
    let mut program = start_lines(&server.url(), &[]);
    let text: String = (0..LINES).map(|line| format!("line {line}\n")).collect();
    program.write(text);
    program.end_input();
    assert_eq!(program.wait().code(), Some(0));
    let expected: Vec<_> = (0..LINES).map(|line| format!("line {line}")).collect();
    assert_eq!(stream.messages(LINES), expected);
    assert_eq!(server.stats()["published"], LINES);
}

#[test]
fn lines_wait_for_a_server_that_is_away() {
    let listen = format!("127.0.0.1:{}", reserved_port());
    let mut program = start_lines(&format!("http://{listen}"), &[]);
    program.write("first\nsecond\n");
    program.wait_for_stderr("trying again");
    let server = Server::start_on(&listen, &[]);
    let mut stream = server.stream("topic=a&last_event_id=earliest");
    stream.connected();
    assert_eq!(stream.messages(2), ["first", "second"]);
    let complaints = program.stderr();
    assert_eq!(complaints.len(), 1, "it complains once: {complaints:?}");
}

#[test]
fn lines_go_on_through_a_crash_of_the_server() {
    let listen = format!("127.0.0.1:{}", reserved_port());
    let mut server = Server::start_on(&listen, &[]);
    let mut stream = server.stream("topic=a");
    stream.connected();
    let mut program = start_lines(&server.url(), &[]);
    let mut line = 0;
    for _ in 0..2 {
        let first = line;
        for _ in 0..50 {
            program.write(format!("{line}\n"));
            line += 1;
        }
        let expected: Vec<_> = (first..line).map(|line| line.to_string()).collect();
        assert_eq!(stream.messages(50), expected);
        server.settle();
        server.kill();
        for _ in 0..50 {
            program.write(format!("{line}\n"));
            line += 1;
        }
        server = Server::start_on(&listen, &[]);
        stream = server.stream("topic=a&last_event_id=earliest");
        stream.connected();
        let expected: Vec<_> = (line - 50..line).map(|line| line.to_string()).collect();
        assert_eq!(stream.messages(50), expected, "all lines, in order, once");
    }
    program.end_input();
    assert_eq!(program.wait().code(), Some(0));
    assert_eq!(server.stats()["published"], 50);
}

#[test]
fn lines_under_way_in_a_crash_come_in_order_and_once_in_each_life() {
    let listen = format!("127.0.0.1:{}", reserved_port());
    let mut server = Server::start_on(&listen, &[]);
    let mut program = start_lines(&server.url(), &[]);
    const LINES: usize = 3_000;
    for line in 0..LINES {
        program.write(format!("{line}\n"));
        if line == LINES / 2 {
            eventually("some are published", || {
                match server.stats()["published"].as_u64() {
                    Some(count) if count > 0 => Ok(()),
                    _ => Err("none"),
                }
            });
            server.kill();
            server = Server::start_on(&listen, &[]);
        }
    }
    program.end_input();
    assert_eq!(program.wait().code(), Some(0));
    let mut stream = server.stream("topic=a&last_event_id=earliest");
    stream.connected();
    let first: usize = stream.messages(1)[0].parse().expect("a number");
    assert!(
        first > 0,
        "what the first life answered is not published again"
    );
    let expected: Vec<_> = (first + 1..LINES).map(|line| line.to_string()).collect();
    assert_eq!(stream.messages(LINES - 1 - first), expected);
    assert_eq!(server.stats()["published"], LINES - first);
}

#[test]
fn it_gives_up_when_told_to_and_names_the_first_line_not_published() {
    let listen = format!("127.0.0.1:{}", reserved_port());
    let mut server = Server::start_on(&listen, &[]);
    let mut program = start_lines(&server.url(), &["--give-up", "1s"]);
    program.write("one\ntwo\nthree\n");
    server.wait_for_stat("published", 3);
    server.settle();
    server.kill();
    program.write("four\nfive\n");
    assert_eq!(program.wait().code(), Some(1));
    let error = program.stderr().pop().unwrap_or_default();
    assert!(
        error.contains("line 4 and what follows is not published"),
        "{error}"
    );
}

#[test]
fn a_line_that_is_refused_ends_it_with_its_number() {
    let server = Server::start(&[]);
    let mut program = start_lines(&server.url(), &["--event", "bye"]);
    program.write("one\n");
    assert_eq!(program.wait().code(), Some(1));
    let error = program.stderr().pop().unwrap_or_default();
    assert!(
        error.contains("line 1 ") && error.contains("400"),
        "{error}"
    );
}

#[test]
fn a_line_that_is_too_long_ends_it_after_those_before() {
    let server = Server::start(&[]);
    let mut program = start_lines(&server.url(), &[]);
    program.write("one\ntwo\n");
    program.write("x".repeat((1 << 20) + 1));
    assert_eq!(program.wait().code(), Some(1));
    let error = program.stderr().pop().unwrap_or_default();
    assert!(
        error.contains("after line 2") && error.contains("1048576"),
        "{error}"
    );
    assert_eq!(server.stats()["published"], 2);
}

#[test]
fn a_server_that_drains_is_waited_for() {
    let listen = format!("127.0.0.1:{}", reserved_port());
    let server = Server::start_on(&listen, &["--drain", "10s"]);
    let mut program = start_lines(&server.url(), &[]);
    program.write("one\n");
    server.wait_for_stat("published", 1);
    server.settle();
    assert_eq!(server.stop().code(), Some(0));
    program.write("two\n");
    program.wait_for_stderr("trying again");
    let server = Server::start_on(&listen, &[]);
    let mut stream = server.stream("topic=a&last_event_id=earliest");
    stream.connected();
    assert_eq!(stream.messages(1), ["two"]);
}

#[test]
fn nobody_reading_the_answer_is_no_error() {
    let server = Server::start(&[]);
    let mut child = Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(["publish", "--server", &server.url(), "--topic", "a"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("it ends");
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*error), (Some(0), ""));
    assert_eq!(server.stats()["published"], 1);
}

#[test]
fn json_in_an_argument_is_data_like_any_text() {
    let server = Server::start(&[]);
    let mut stream = server.stream("topic=a");
    stream.connected();
    let data = json!({ "order": 7, "quote": "\"" }).to_string();
    publish(&server, &["--topic", "a", &data], "");
    assert_eq!(stream.messages(1), [data]);
}
