//! What the host is told, and the descriptor that says that there is something.

use super::world::{Engine, PATIENCE, Reader, init, tcp, text, text_of};
use std::os::fd::IntoRawFd as _;
use std::time::Duration;
use tidings::tidings_close_reason::*;
use tidings::tidings_engine_output_kind::TIDINGS_ENGINE_GAP;
use tidings::tidings_status::*;
use tidings::*;

#[test]
fn the_end_of_a_stream_is_told_to_who_asked() {
    let engine = Engine::start();
    let (left, _) = engine.stream("a", 1);
    let (_closed, closed) = engine.stream("a", 2);
    let (_untold, untold) = engine.stream("a", 0);
    engine.expect_silence();
    drop(left);
    assert_eq!(engine.next_closed(), (1, TIDINGS_CLOSE_GONE as u32));
    engine.expect_silence();
    assert_eq!(engine.close(untold), TIDINGS_OK);
    assert_eq!(engine.close(closed), TIDINGS_OK);
    let output = engine.next_output();
    assert_eq!((output.tag, output.connection), (2, closed));
    assert_eq!(output.reason, TIDINGS_CLOSE_CLOSED as u32);
    engine.expect_silence();
}

#[test]
fn the_descriptor_is_readable_exactly_while_there_is_something() {
    let engine = Engine::start();
    for _ in 0..100 {
        let streams: Vec<_> = (1..=5).map(|tag| engine.stream("a", tag)).collect();
        engine.expect_silence();
        let mut readers = Vec::new();
        for (reader, connection) in streams {
            assert_eq!(engine.close(connection), TIDINGS_OK);
            readers.push(reader);
        }
        for reader in &mut readers {
            // The last word of a stream is before its end, which is what is told.
            reader.until("event: bye\n");
        }
        for _ in 0..5 {
            assert!(engine.is_readable_within(PATIENCE));
            engine.next_closed();
        }
        engine.expect_silence();
    }
}

#[test]
fn the_descriptor_wakes_who_waits_for_it() {
    let engine = Engine::start();
    let (reader, _) = engine.stream("a", 1);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| engine.is_readable_within(PATIENCE));
        drop(reader);
        assert!(waiting.join().expect("it was woken"));
    });
    assert_eq!(engine.next_closed(), (1, TIDINGS_CLOSE_GONE as u32));
}

#[test]
fn ends_that_nobody_polls_are_bounded() {
    let hub = init!(tidings_hub_options { connections: 2 });
    let engine = Engine::start_with(&init!(tidings_engine_options {
        hub: &raw const hub
    }));
    for tag in [1, 2] {
        let (mut reader, connection) = engine.stream("a", tag);
        assert_eq!(engine.close(connection), TIDINGS_OK);
        reader.end();
    }
    let (_client, server) = tcp();
    let fd = server.into_raw_fd();
    let told = init!(tidings_adopt { tag: 3 });
    assert_eq!(engine.try_adopt(fd, &told), Err(TIDINGS_ERR_UNPOLLED));
    assert_eq!(engine.next_closed().0, 1);
    let adopted = loop {
        // The slot of a stream that has ended is free with the driver's next turn.
        match engine.try_adopt(fd, &told) {
            Err(TIDINGS_ERR_TOO_MANY_CONNECTIONS) => std::thread::yield_now(),
            other => break other,
        }
    };
    assert!(adopted.is_ok(), "{adopted:?}");
}

#[test]
fn a_superseded_stream_and_an_expired_token_are_told_as_what_they_are() {
    let engine = Engine::start();
    let adopt = |tag, expires_ms| {
        let open = init!(tidings_open {
            user: text("ada"),
            tab: text("1"),
            expires_ms: expires_ms,
        });
        let (client, server) = tcp();
        let adopt = init!(tidings_adopt {
            open: &raw const open,
            tag: tag
        });
        let adopted = engine.try_adopt(server.into_raw_fd(), &adopt);
        (client, adopted)
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.expect("it is after 1970").as_millis() as u64;
    let (_older, older) = adopt(1, 0);
    let (_newer, newer) = adopt(2, now + 300);
    assert!(older.is_ok() && newer.is_ok());
    assert_eq!(engine.next_closed(), (1, TIDINGS_CLOSE_SUPERSEDED as u32));
    assert_eq!(engine.next_closed(), (2, TIDINGS_CLOSE_EXPIRED as u32));
    let (_client, expired) = adopt(3, now - 1);
    assert_eq!(expired, Err(TIDINGS_ERR_EXPIRED));
    assert!(!engine.is_readable_within(Duration::ZERO));
}

#[test]
fn what_a_stream_missed_is_told_to_who_asked() {
    let class = init!(tidings_class_options { events: 2 });
    let hub = init!(tidings_hub_options {
        default_class: &raw const class
    });
    let engine = Engine::start_with(&init!(tidings_engine_options {
        hub: &raw const hub
    }));
    let first = engine.publish("a", "1").expect("it is published");
    for data in ["2", "3", "4", "5"] {
        engine.publish("a", data).expect("it is published");
    }
    let (topics, id) = ([text("a")], text_of(&first.cursor));
    let resumed = |tag, flags, id: &str| {
        let open = init!(tidings_open {
            topics: topics.as_ptr(),
            topic_count: 1,
            last_event_id: text(id),
        });
        let adopt = init!(tidings_adopt {
            open: &raw const open,
            flags: flags,
            tag: tag
        });
        let (client, server) = tcp();
        let adopted = engine.try_adopt(server.into_raw_fd(), &adopt);
        (Reader::new(client), adopted)
    };
    let (mut reader, unasked) = resumed(1, 0, &id);
    assert!(unasked.is_ok());
    reader.until("data: 5\n\n");
    engine.expect_silence();
    let (mut reader, connection) = resumed(2, TIDINGS_ADOPT_GAPS, &id);
    reader.until("data: 5\n\n");
    let gap = engine.next_output();
    assert_eq!(gap.kind, TIDINGS_ENGINE_GAP as u32);
    assert_eq!((gap.tag, Ok(gap.connection)), (2, connection));
    let trimmed = tidings_gap_reason::TIDINGS_GAP_TRIMMED as u32;
    assert_eq!((gap.reason, gap.missed), (trimmed, 2));
    engine.expect_silence();
    let (_unknown, connection) = resumed(3, TIDINGS_ADOPT_GAPS, "of another log");
    let gap = engine.next_output();
    assert_eq!((gap.tag, Ok(gap.connection)), (3, connection));
    let unknown = tidings_gap_reason::TIDINGS_GAP_UNKNOWN_CURSOR as u32;
    assert_eq!((gap.reason, gap.missed), (unknown, TIDINGS_UNCOUNTED));
    let (_untagged, refused) = resumed(0, TIDINGS_ADOPT_GAPS, &id);
    assert_eq!(refused, Err(TIDINGS_ERR_INVALID));
}

/// However often a stream has a gap, one output waits for a host that does not ask.
#[test]
fn gaps_that_nobody_polls_are_one() {
    let class = init!(tidings_class_options {
        events: 2,
        records: 1_000
    });
    let hub = init!(tidings_hub_options {
        default_class: &raw const class,
        lag: tidings_lag::TIDINGS_LAG_GAP as u32,
    });
    let engine = Engine::start_with(&init!(tidings_engine_options {
        hub: &raw const hub
    }));
    let topics = [text("a")];
    let open = init!(tidings_open {
        topics: topics.as_ptr(),
        topic_count: 1,
    });
    let adopt = init!(tidings_adopt {
        open: &raw const open,
        flags: TIDINGS_ADOPT_GAPS,
        tag: 1
    });
    let (client, server) = tcp();
    let adopted = engine.try_adopt(server.into_raw_fd(), &adopt);
    let connection = adopted.expect("it is adopted");
    let mut reader = Reader::new(client);
    reader.until("event: connected\n");
    let large = "x".repeat(500_000);
    for round in 1..=3 {
        // More than the system keeps for a reader that does not read.
        for _ in 0..20 {
            engine.publish("a", &large).expect("it is published");
        }
        engine.publish("a", "end").expect("it is published");
        reader.until("data: end\n\n");
        assert!(engine.stats().expect("it runs").gaps >= round);
    }
    assert_eq!(engine.close(connection), TIDINGS_OK);
    reader.end();
    let (stats, gap) = (engine.stats().expect("it runs"), engine.next_output());
    assert_eq!(gap.kind, TIDINGS_ENGINE_GAP as u32);
    let lagged = tidings_gap_reason::TIDINGS_GAP_LAGGED as u32;
    assert_eq!((gap.reason, gap.missed), (lagged, stats.missed));
    assert_eq!(engine.next_closed(), (1, TIDINGS_CLOSE_CLOSED as u32));
    engine.expect_silence();
}
