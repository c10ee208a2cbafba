//! Many threads at once.

use super::world::{Engine, Reader, init, tcp, text};
use std::collections::BTreeSet;
use std::os::fd::IntoRawFd as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tidings::tidings_engine_output_kind::*;
use tidings::tidings_status::*;
use tidings::*;

/// Streams that read all the while.
const READERS: u64 = 8;
/// What each publisher publishes.
const EVENTS: u64 = 400;
/// Streams that come and go.
const PASSING: u64 = 100;

/// Polls until everything was told that is due, and hands out what it was.
fn take_outputs(engine: &Engine, due: u64) -> Vec<tidings_engine_output> {
    (0..due).map(|_| engine.next_output()).collect()
}

#[test]
fn calls_from_many_threads_do_not_disturb_each_other() {
    let engine = Engine::start_with(&init!(tidings_engine_options { shards: 2 }));
    let mut readers: Vec<_> = (0..READERS).map(|_| engine.stream("a", 0).0).collect();
    let (ended, posted) = (AtomicBool::new(false), AtomicU64::new(0));
    let outputs = std::thread::scope(|scope| {
        let polling = scope.spawn(|| take_outputs(&engine, EVENTS + 2 * PASSING));
        let mut working = Vec::new();
        for publisher in ["p", "q"] {
            let engine = &engine;
            working.push(scope.spawn(move || {
                for number in 0..EVENTS {
                    engine
                        .publish("a", &format!("{publisher}{number}"))
                        .expect("it is published");
                }
            }));
        }
        working.push(scope.spawn(|| {
            for number in 0..EVENTS {
                let tag = 1 + posted.fetch_add(1, Ordering::Relaxed);
                while engine.post("a", &format!("r{number}"), tag).is_err() {
                    std::thread::yield_now();
                }
            }
        }));
        for first in [10_000, 20_000] {
            let engine = &engine;
            working.push(scope.spawn(move || {
                for tag in first..first + PASSING {
                    let (reader, connection) = engine.stream("a", tag);
                    engine.subscribe(connection, "b");
                    engine.unsubscribe(connection, "a");
                    if tag % 2 == 0 {
                        engine.close(connection);
                    }
                    drop(reader);
                }
            }));
        }
        let asking = scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                engine.stats().expect("it is answered");
                engine.cursor().expect("it is answered");
                engine.fd().expect("it is answered");
                let refused = engine.try_adopt(-1, &init!(tidings_adopt));
                assert_eq!(refused, Err(TIDINGS_ERR_BAD_FD));
                engine.error();
            }
        });
        for thread in working {
            thread.join().expect("it did its work");
        }
        ended.store(true, Ordering::Relaxed);
        asking.join().expect("it was answered");
        polling.join().expect("everything was told")
    });
    engine.expect_silence();
    let tags = |kind: tidings_engine_output_kind| {
        let told = outputs
            .iter()
            .filter(move |output| output.kind == kind as u32);
        told.map(|output| output.tag)
    };
    let passed: BTreeSet<_> = tags(TIDINGS_ENGINE_CLOSED).collect();
    let all = (10_000..10_000 + PASSING).chain(20_000..20_000 + PASSING);
    assert_eq!(passed, all.collect(), "each stream has ended once");
    let answered: Vec<_> = tags(TIDINGS_ENGINE_PUBLISHED).collect();
    assert_eq!(
        answered,
        (1..=EVENTS).collect::<Vec<_>>(),
        "posts are answered in order"
    );
    assert_eq!(engine.drain(60_000), TIDINGS_OK);
    for reader in &mut readers {
        expect_everything(reader);
    }
}

/// Every event of each publisher, in its order.
fn expect_everything(reader: &mut Reader) {
    let came = reader.rest();
    for publisher in ["p", "q", "r"] {
        let prefix = format!("data: {publisher}");
        let numbers = came
            .lines()
            .filter_map(|line| line.strip_prefix(&prefix)?.parse::<u64>().ok());
        assert!(numbers.eq(0..EVENTS), "those of {publisher}");
    }
}

#[test]
fn a_storm_of_streams_and_a_drain_end_in_order() {
    let engine = Engine::start();
    let adopted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let topics = [text("a")];
                let open = init!(tidings_open {
                    topics: topics.as_ptr(),
                    topic_count: 1
                });
                let adopt = init!(tidings_adopt {
                    open: &raw const open,
                    tag: 1
                });
                loop {
                    let (_client, server) = tcp();
                    let fd = server.into_raw_fd();
                    match engine.try_adopt(fd, &adopt) {
                        Ok(_) => adopted.fetch_add(1, Ordering::SeqCst),
                        Err(TIDINGS_ERR_STOPPED | TIDINGS_ERR_DRAINING) => {
                            // SAFETY: it was refused, so that it is ours.
                            drop(unsafe {
                                <std::net::TcpStream as std::os::fd::FromRawFd>::from_raw_fd(fd)
                            });
                            return;
                        }
                        Err(other) => panic!("{other:?}"),
                    };
                }
            });
        }
        while adopted.load(Ordering::SeqCst) < 200 {
            std::thread::yield_now();
        }
        assert_eq!(engine.drain(60_000), TIDINGS_OK);
    });
    let told = take_outputs(&engine, adopted.load(Ordering::SeqCst));
    assert!(
        told.iter()
            .all(|output| output.kind == TIDINGS_ENGINE_CLOSED as u32)
    );
    engine.expect_silence();
}
