//! How sockets end: in order from both sides, for what breaks the protocol, and for who is not there.

use crate::support::{Client, Random, Server, Site, Socket, block_on, eventually};
use async_tungstenite::tungstenite::Message;
use bytesize::ByteSize;
use serde_json::json;
use socket2::SockRef;
use std::io::Write as _;
use std::time::Duration;
use tidings_smol::CloseReason;

fn start() -> Site {
    Site::start(false, |_| {})
}

/// A client frame, masked with zeros, which leave the payload as it is.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..126 => frame.push(0x80 | len as u8),
        len @ 126..65_536 => {
            frame.push(0xfe);
            frame.extend((len as u16).to_be_bytes());
        }
        len => {
            frame.push(0xff);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

#[test]
fn a_client_that_closes_is_answered_and_gone() {
    let site = start();
    for code in [1000, 1001, 3_000, 4_999] {
        let mut socket = Socket::open(site.address, "");
        socket.connected();
        socket.close(code);
    }
    site.wait_for_closed(CloseReason::Gone, 4);
    let metrics = Client::connect(site.address)
        .request("GET", "/metrics", "")
        .text();
    for line in [
        "tidings_websocket_closed_total{code=\"1000\"} 1",
        "tidings_websocket_closed_total{code=\"1001\"} 1",
        "tidings_websocket_closed_total{code=\"0\"} 2",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
}

#[test]
fn a_client_that_vanishes_is_gone_at_once() {
    let site = start();
    let reset = Socket::open(site.address, "user=ada&topic=a");
    let closed = Socket::open(site.address, "user=ada&topic=a");
    site.wait_for_connections(2);
    let linger = SockRef::from(reset.stream()).set_linger(Some(Duration::ZERO));
    linger.expect("it can be set");
    drop(reset);
    site.wait_for_connections(1);
    drop(closed);
    site.wait_for_connections(0);
    assert_eq!(site.stats().topics, 0);
}

#[test]
fn what_breaks_the_protocol_ends_the_socket_with_a_code_that_says_so() {
    let site = Site::start(false, |options| {
        options.websocket.message_bytes = ByteSize::b(1_000);
    });
    let long = [b'x'; 1_001];
    let halves = [frame(0x01, &long[..600]), frame(0x80, &long[..600])].concat();
    for (said, code) in [
        (frame(0x81, &long), 1009),
        (frame(0x82, &long), 1009),
        (halves, 1009),
        (vec![0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1009),
        (frame(0x81, b"\xff\xfe"), 1007),
        (frame(0x88, b"\x03\xe8\xff"), 1007),
        (b"\x81\x02{}".to_vec(), 1002),
        (frame(0xc1, b"{}"), 1002),
        (frame(0x83, b"{}"), 1002),
        (frame(0x80, b"{}"), 1002),
        (frame(0x09, b"half a ping"), 1002),
        (frame(0x89, &long[..126]), 1002),
        (frame(0x88, b"x"), 1002),
        ([frame(0x01, b"{"), frame(0x81, b"}")].concat(), 1002),
    ] {
        let mut socket = Socket::open(site.address, "");
        socket.connected();
        socket
            .socket
            .get_mut()
            .write_all(&said)
            .expect("it is sent");
        assert_eq!(
            socket.end(),
            Some(code),
            "{:?}",
            &said[..said.len().min(20)]
        );
    }
    site.wait_for_connections(0);
    let mut socket = Socket::open(site.address, "");
    socket.connected();
    let padded = format!("{:1000}", r#"{"type":"ping"}"#);
    socket.send(Message::text(padded));
    assert_eq!(socket.answer()["type"], "pong", "as long as it may be");
}

#[test]
fn a_client_with_too_many_errors_is_closed_and_one_that_mends_is_not() {
    let site = Site::start(false, |options| options.websocket.errors = 5);
    let mut socket = Socket::open(site.address, "");
    socket.connected();
    for _ in 0..20 {
        for _ in 0..2 {
            socket.send(Message::text("nonsense"));
            socket.error();
        }
        for _ in 0..2 {
            socket.ask(&json!({ "type": "ping" }));
        }
    }
    for _ in 0..5 {
        socket.send(Message::text("nonsense"));
        socket.error();
    }
    assert_eq!(socket.end(), Some(1008), "after the last was answered");
    site.wait_for_connections(0);
}

#[test]
fn a_client_that_is_not_there_any_more_is_found() {
    let site = Site::start(false, |options| {
        options.websocket.ping = Duration::from_millis(200);
    });
    // The system answers for it, it does not.
    let silent = Socket::open(site.address, "topic=a");
    site.wait_for_closed(CloseReason::Gone, 1);
    site.wait_for_connections(0);
    drop(silent);
}

#[test]
fn a_client_that_answers_pings_stays() {
    let site = Site::start(false, |options| {
        options.websocket.ping = Duration::from_secs(1);
    });
    let mut socket = Socket::open(site.address, "topic=a");
    socket.connected();
    let mut asked = 0;
    while asked < 3 {
        if let Message::Ping(_) = socket.socket.read().expect("it stays") {
            socket.socket.flush().expect("a pong");
            asked += 1;
        }
    }
    block_on(site.say("a", "still here"));
    assert_eq!(socket.messages(1), ["still here"]);
}

#[test]
fn a_client_that_sends_without_reading_is_not_read_any_further() {
    let site = start();
    let mut flood = Socket::open(site.address, "");
    flood.connected();
    let socket = flood.stream().try_clone().expect("another handle");
    socket.set_nonblocking(true).expect("it can be");
    let message = frame(0x81, br#"{"type":"ping","ref":"0123456789"}"#);
    let many = message.repeat(1_000);
    let (mut sent, mut blocked) = (0, 0);
    // What both systems hold is a few megabytes; beyond it nothing is taken.
    while blocked < 50 {
        let mut offset = sent % many.len();
        match (&socket).write(&many[offset..]) {
            Ok(taken) => {
                sent += taken;
                offset += taken;
                blocked = 0;
                assert!(sent < 200 << 20, "it is read without end: {offset}");
            }
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{error}");
                blocked += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }
    println!("{sent} bytes were taken");
    // Others do not wait, and it can go on.
    let mut other = Socket::open(site.address, "");
    other.connected();
    assert_eq!(other.ask(&json!({ "type": "ping" }))["type"], "pong");
    socket.set_nonblocking(false).expect("it can be");
    let whole = sent / message.len();
    for _ in 0..whole {
        assert_eq!(flood.answer()["type"], "pong");
    }
}

#[test]
fn a_server_that_stops_closes_its_sockets_in_order() {
    let mut site = start();
    let mut sockets: Vec<_> = (0..50)
        .map(|_| {
            let mut socket = Socket::open(site.address, "topic=a");
            socket.connected();
            socket
        })
        .collect();
    block_on(site.say("a", "last"));
    site.begin_to_stop();
    for socket in &mut sockets {
        assert_eq!(socket.messages(1), ["last"]);
        let bye = socket.control("bye");
        assert_eq!(bye["reason"], "drain");
        assert!(bye["retry_ms"].is_u64(), "{bye}");
        assert_eq!(socket.end(), Some(1001));
        let _ = socket.socket.flush();
    }
    site.wait_for_stop();
}

/// Random bytes, random frames, and frames of what could be messages.
fn nonsense(random: &mut Random) -> Vec<u8> {
    const WORDS: [&str; 12] = [
        "{",
        "}",
        "\"type\":",
        "\"publish\"",
        "\"subscribe\"",
        "\"topics\":[\"a\"]",
        ",",
        "\"data\":1",
        "\"ping\"",
        "\"ref\":7",
        "\"token\"",
        "\u{1f4e8}",
    ];
    let mut bytes = Vec::new();
    for _ in 0..random.below(20) {
        match random.below(3) {
            0 => bytes.extend((0..random.below(40)).map(|_| random.below(256) as u8)),
            1 => {
                let payload: Vec<_> = (0..random.below(300))
                    .map(|_| random.below(256) as u8)
                    .collect();
                bytes.extend(frame(random.below(256) as u8, &payload));
            }
            _ => {
                let text: String = (0..random.below(12)).map(|_| random.of(&WORDS)).collect();
                bytes.extend(frame(0x81, text.as_bytes()));
            }
        }
    }
    bytes
}

#[test]
fn nothing_that_a_client_sends_harms_the_server() {
    let server = Server::start(&[]);
    let mut random = Random::new();
    for _ in 0..300 {
        let mut socket = Socket::open(server.address, "topic=a");
        let bytes = nonsense(&mut random);
        // It may be closed before all is sent.
        let _ = socket.socket.get_mut().write_all(&bytes);
        if random.chance(2) {
            let _ = socket.stream().shutdown(std::net::Shutdown::Write);
            while socket.try_read().is_ok() {}
        }
    }
    server.wait_for_stat("connections", 0);
    let mut socket = Socket::open(server.address, "topic=a");
    socket.connected();
    eventually("it answers as before", || {
        let answer = socket.ask(&json!({ "type": "ping" }));
        (answer["type"] == "pong").then_some(()).ok_or(answer)
    });
}
