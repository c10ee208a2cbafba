//! `tidings decode`: a stream in, JSON out; and what every command says of itself.

use crate::support::{Program, run_to_end};
use std::process::{Command, Stdio};

const STREAM: &str = "\u{feff}: a comment\nretry: 1500\n\nid: 1\nevent: greeting\ndata: hello\n\
    data: world\r\n\r\ndata\rid: 2\r\r:another\nid: 3\n\ndata: Grüße €\u{1f600}\ndata:  two\n\
    unknown: x\nretry: soon\n\ndata: never ended";

const DECODED: &str = r#"{"retry":1500}
{"event":"greeting","data":"hello\nworld","id":"1"}
{"event":"message","data":"","id":"2"}
{"event":"message","data":"Grüße €😀\n two","id":"3"}
"#;

fn decode(arguments: &[&str], input: &[u8]) -> (Option<i32>, String, String) {
    let (status, out, error) = run_to_end(&[&["decode"], arguments].concat(), input);
    (status.code(), out, error)
}

#[test]
fn a_stream_becomes_one_json_object_an_event() {
    assert_eq!(
        decode(&[], STREAM.as_bytes()),
        (Some(0), DECODED.into(), String::new())
    );
}

#[test]
fn however_the_stream_is_cut_the_outcome_is_the_same() {
    for size in 1..=STREAM.len() + 1 {
        let (status, out, _) = decode(&["--chunk", &size.to_string()], STREAM.as_bytes());
        assert_eq!(
            (status, &*out),
            (Some(0), DECODED),
            "{size} bytes at a time"
        );
    }
}

#[test]
fn comments_are_printed_where_they_are_wanted() {
    for size in ["1", "2", "1000"] {
        let flags = ["--comments", "--chunk", size];
        let (_, out, _) = decode(&flags, b": one\n:two\n\ndata: x\n:\n\n");
        let expected = "{\"comment\":\"one\"}\n{\"comment\":\"two\"}\n{\"comment\":\"\"}\n\
            {\"event\":\"message\",\"data\":\"x\",\"id\":\"\"}\n";
        assert_eq!(out, expected);
    }
}

#[test]
fn bytes_that_are_no_text_are_replaced() {
    for size in ["1", "3", "1000"] {
        let input = b"data: a\xff\xe2\x82b\xc0\x80\n\nid: \xf0\x9f\ndata: c\n\n";
        let (status, out, _) = decode(&["--chunk", size], input);
        let expected = "{\"event\":\"message\",\"data\":\"a\u{fffd}\u{fffd}b\u{fffd}\u{fffd}\",\
            \"id\":\"\"}\n{\"event\":\"message\",\"data\":\"c\",\"id\":\"\u{fffd}\"}\n";
        assert_eq!((status, &*out), (Some(0), expected));
    }
}

#[test]
fn only_one_byte_order_mark_is_skipped() {
    let (_, out, _) = decode(&[], "\u{feff}data: 1\n\n".as_bytes());
    assert_eq!(out, "{\"event\":\"message\",\"data\":\"1\",\"id\":\"\"}\n");
    let (_, out, _) = decode(&[], "\u{feff}\u{feff}data: 1\n\ndata: 2\n\n".as_bytes());
    assert_eq!(out, "{\"event\":\"message\",\"data\":\"2\",\"id\":\"\"}\n");
}

#[test]
fn an_event_over_the_limit_ends_it_after_what_came_before() {
    for size in ["1", "7", "1000"] {
        let input = b"data: fits\n\ndata: 0123456789A\n\ndata: after\n\n";
        let (status, out, error) = decode(&["--limit", "10", "--chunk", size], input);
        assert_eq!(status, Some(1));
        assert_eq!(
            out,
            "{\"event\":\"message\",\"data\":\"fits\",\"id\":\"\"}\n"
        );
        assert!(
            error.contains("byte 28") && error.contains("10 bytes"),
            "{error}"
        );
    }
}

#[test]
fn the_message_names_what_can_be_typed_to_raise_the_limit() {
    let (_, _, error) = decode(&["--limit", "10"], b"data: 0123456789A\n\n");
    assert!(error.contains("--limit"), "{error}");
}

#[test]
fn nothing_in_is_nothing_out() {
    assert_eq!(decode(&[], b""), (Some(0), String::new(), String::new()));
}

#[test]
fn events_are_printed_as_they_come() {
    let mut program = Program::start(&["decode"]);
    for number in 0..3 {
        program.write(format!("data: {number}\n\n"));
        program.wait_for_stdout(&format!("\"data\":\"{number}\""));
    }
}

#[test]
fn nobody_reading_the_output_ends_it_quietly() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tidings"))
        .arg("decode")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().expect("it is piped");
    // It ends before it has read everything.
    let _ = std::io::Write::write_all(&mut stdin, "data: x\n\n".repeat(100_000).as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_chunk_of_nothing_is_a_mistake_in_the_command() {
    let (status, _, error) = decode(&["--chunk", "0"], b"");
    assert_eq!(status, Some(2));
    assert!(error.contains("at least 1"), "{error}");
}

#[test]
fn every_command_shows_examples_of_itself() {
    for command in ["serve", "publish", "subscribe", "decode"] {
        let (status, out, _) = run_to_end(&[command, "--help"], b"");
        assert_eq!(status.code(), Some(0));
        let (_, examples) = out.split_once("Examples:").expect("there are examples");
        assert!(
            examples.contains(&format!("tidings {command}")),
            "{examples}"
        );
    }
    let (_, out, _) = run_to_end(&["--help"], b"");
    for command in ["Examples:", "serve", "publish", "subscribe", "decode"] {
        assert!(out.contains(command), "{command} in {out}");
    }
}

#[test]
fn it_tells_its_version() {
    let (_, out, _) = run_to_end(&["--version"], b"");
    assert_eq!(out, format!("tidings {}\n", env!("CARGO_PKG_VERSION")));
}
