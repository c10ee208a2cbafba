//! Readers that do not read: they cost nobody else anything, and are told what they missed.

use crate::support::{Received, Server, Stream};
use serde_json::json;

/// More than the system keeps for a socket on both sides: the reader is blocked for certain. Four
/// times the log, as far back as what is gone can be counted.
const EVENTS: usize = 400;
const EVENT_BYTES: usize = 32 << 10;

/// Publishes numbered events, each large.
fn publish_many(server: &Server, topic: &str, count: usize) {
    let mut client = server.connect();
    for number in 0..count {
        let data = format!("{number}:{}", "x".repeat(EVENT_BYTES));
        let event = json!({ "topics": [topic], "data": data }).to_string();
        let response = client.request("POST", "/publish", &event);
        assert_eq!(response.status, 200, "{response:?}");
    }
}

fn number(received: &Received) -> usize {
    let number = received.data.split(':').next();
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("a numbered event: {received:?}"))
}

/// Reads up to the last event, and checks that every number came, or was counted in a gap.
fn read_all(stream: &mut Stream, from: usize) -> usize {
    let (mut next, mut gaps) = (from, 0);
    while next < EVENTS {
        let received = stream.next();
        if received.event == "gap" {
            let gap = received.json();
            next += gap["missed"].as_u64().expect("a number") as usize;
            gaps += 1;
        } else {
            assert!(received.is_message(), "{received:?}");
            assert_eq!(number(&received), next);
            next += 1;
        }
    }
    gaps
}

#[test]
fn a_slow_reader_is_told_how_many_events_it_missed() {
    let server = Server::start(&["--log-events", "100"]);
    let mut slow = server.stream("topic=a");
    slow.connected();
    publish_many(&server, "a", EVENTS);
    assert_eq!(read_all(&mut slow, 0), 1);
    server.say("a", "next");
    assert_eq!(slow.messages(1), ["next"]);
    let stats = server.stats();
    assert_eq!(stats["gaps"], 1);
    let sum = stats["missed"].as_u64().zip(stats["delivered"].as_u64());
    assert_eq!(
        sum.map(|(missed, came)| missed + came),
        Some(EVENTS as u64 + 1)
    );
}

#[test]
fn a_reader_that_missed_more_than_can_be_counted_is_told_that() {
    let server = Server::start(&["--log-events", "20"]);
    let mut slow = server.stream("topic=a");
    slow.connected();
    publish_many(&server, "a", EVENTS);
    let gap = loop {
        let received = slow.next();
        if received.event == "gap" {
            break received.json();
        }
    };
    assert_eq!(gap["missed"], serde_json::Value::Null);
    assert_eq!(gap["reason"], "lagged");
    let numbers: Vec<_> = (0..20).map(|_| number(&slow.expect("message"))).collect();
    assert_eq!(numbers, (EVENTS - 20..EVENTS).collect::<Vec<_>>());
}

#[test]
fn a_slow_reader_holds_nobody_up() {
    let server = Server::start(&["--log-events", "100"]);
    let mut slow = server.stream("topic=a");
    slow.connected();
    let mut quick = server.stream("topic=a");
    quick.connected();
    let reader = std::thread::spawn(move || (read_all(&mut quick, 0), quick));
    publish_many(&server, "a", EVENTS);
    let (gaps, _quick) = reader.join().expect("all came in order");
    assert_eq!(
        gaps, 0,
        "whoever reads misses nothing, however short the log"
    );
    assert_eq!(read_all(&mut slow, 0), 1);
}

#[test]
fn a_slow_reader_can_be_closed_instead_and_is_told_when_it_comes_back() {
    let server = Server::start(&["--log-events", "100", "--lag", "close"]);
    let mut slow = server.stream("topic=a");
    slow.connected();
    publish_many(&server, "a", EVENTS);
    let came = slow.rest();
    let (bye, messages) = came.split_last().expect("something came");
    assert_eq!(bye.json()["reason"], "lagged");
    let numbers: Vec<_> = messages.iter().map(number).collect();
    assert_eq!(numbers, (0..messages.len()).collect::<Vec<_>>());
    server.wait_for_stat("closed.lagged", 1);
    let mut again = server.resume("topic=a", &bye.id);
    again.connected();
    // What is gone from the log, and what is more than a resume replays.
    assert!(read_all(&mut again, messages.len()) >= 1);
}

#[test]
fn a_reader_that_takes_nothing_for_long_is_cut() {
    let server = Server::start(&["--stall", "1s", "--log-events", "100"]);
    let mut slow = server.stream("topic=a");
    slow.connected();
    publish_many(&server, "a", EVENTS);
    server.wait_for_stat("closed.stalled", 1);
    assert_eq!(server.stats()["connections"], 0);
    let (came, end) = slow.rest_and_end();
    assert!(end.is_err(), "it is reset, so that the system forgets it");
    assert!(came.iter().all(Received::is_message), "without a word");
}

#[test]
fn a_resume_beyond_what_is_kept_is_told_how_much_is_gone() {
    let server = Server::start(&["--log-events", "10"]);
    let mut stream = server.stream("topic=a");
    let start = stream.expect("connected").id;
    drop(stream);
    for number in 0..25 {
        server.say("a", &number.to_string());
    }
    let mut again = server.resume("topic=a", &start);
    assert_eq!(
        again.expect("connected").id,
        "",
        "only the gap has the position"
    );
    let gap = again.expect("gap").json();
    assert_eq!(
        gap,
        json!({ "missed": 15, "from": start, "reason": "trimmed" })
    );
    let expected: Vec<_> = (15..25).map(|number| number.to_string()).collect();
    assert_eq!(again.messages(10), expected);
}

#[test]
fn events_for_others_are_no_gap() {
    let server = Server::start(&["--log-events", "10"]);
    let mut stream = server.stream("topic=a");
    let start = stream.expect("connected").id;
    drop(stream);
    for number in 0..25 {
        server.say("b", &number.to_string());
    }
    server.say("a", "mine");
    let mut again = server.resume("topic=a", &start);
    again.connected();
    assert_eq!(again.messages(1), ["mine"]);
}

#[test]
fn publishers_go_on_as_soon_as_a_full_log_has_room() {
    const EACH: usize = 200;
    let server = Server::start(&["--log-events", "1", "--heartbeat", "0s"]);
    let mut reader = server.stream("topic=a");
    reader.connected();
    let publishers: Vec<_> = (0..4)
        .map(|_| {
            let mut client = server.connect();
            std::thread::spawn(move || {
                for _ in 0..EACH {
                    let event = r#"{"topics":["a"],"data":"x"}"#;
                    let response = client.request("POST", "/publish", event);
                    assert_eq!(response.status, 200, "{response:?}");
                }
            })
        })
        .collect();
    assert_eq!(reader.messages(4 * EACH).len(), 4 * EACH, "none is a gap");
    for publisher in publishers {
        publisher.join().expect("everything is published");
    }
}
