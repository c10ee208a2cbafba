//! What the host is told, and the descriptor that says that there is something.

use super::world::{Engine, PATIENCE, init, tcp};
use std::os::fd::IntoRawFd as _;
use std::time::Duration;
use tidings::tidings_close_reason::*;
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
    let text = super::world::text;
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
