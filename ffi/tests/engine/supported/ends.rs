//! Starting and ending: what can be asked when, and what becomes of streams.

use super::world::{Engine, init, tcp};
use std::os::fd::AsRawFd as _;
use std::time::Duration;
use tidings::tidings_close_reason::*;
use tidings::tidings_status::*;
use tidings::*;

#[test]
fn an_engine_that_is_not_started_says_so() {
    let engine = Engine::new(&init!(tidings_engine_options)).expect("it is made");
    let (_client, server) = tcp();
    let adopt = init!(tidings_adopt);
    assert_eq!(
        engine.try_adopt(server.as_raw_fd(), &adopt),
        Err(TIDINGS_ERR_NOT_STARTED)
    );
    assert_eq!(
        engine.publish("a", "x").map(drop),
        Err(TIDINGS_ERR_NOT_STARTED)
    );
    assert_eq!(
        engine.post("a", "x", 1).map(drop),
        Err(TIDINGS_ERR_NOT_STARTED)
    );
    assert_eq!(engine.stats().map(drop), Err(TIDINGS_ERR_NOT_STARTED));
    assert_eq!(engine.drain(0), TIDINGS_ERR_NOT_STARTED);
    assert_eq!(engine.error(), "the engine is not started yet");
    engine.expect_silence();
    // SAFETY: the engine lives.
    let start = || unsafe { tidings_engine_start(engine.0) };
    assert_eq!(start(), TIDINGS_OK);
    assert_eq!(start(), TIDINGS_ERR_STARTED);
    assert!(engine.publish("a", "x").is_ok());
}

#[test]
fn options_that_cannot_be_are_refused() {
    let refused = |options: tidings_engine_options| Engine::new(&options).map(drop);
    let zero = init!(tidings_engine_options);
    let many = tidings_engine_options {
        shards: 257,
        ..zero
    };
    assert_eq!(refused(many), Err(TIDINGS_ERR_SHARDS));
    assert_eq!(
        refused(tidings_engine_options { size: 8, ..zero }),
        Err(TIDINGS_ERR_STRUCT_SIZE)
    );
    let hub = init!(tidings_hub_options {
        tick_ms: TIDINGS_OFF
    });
    let hub = tidings_engine_options {
        hub: &raw const hub,
        ..zero
    };
    assert_eq!(refused(hub), Err(TIDINGS_ERR_ZERO_INTERVAL));
    let class = init!(tidings_class_options { bytes: 4 << 20 });
    let hub = init!(tidings_hub_options {
        default_class: &raw const class
    });
    let of_one = tidings_engine_options {
        hub: &raw const hub,
        ..zero
    };
    assert_eq!(refused(of_one), Ok(()));
    let of_two = tidings_engine_options {
        shards: 2,
        ..of_one
    };
    assert_eq!(
        refused(of_two),
        Err(TIDINGS_ERR_CLASS_TOO_SMALL),
        "they share the bytes"
    );
    let mut engine = std::ptr::null_mut();
    // SAFETY: null stands for defaults, and there is a place for the handle.
    unsafe {
        assert_eq!(
            tidings_engine_new(std::ptr::null(), &raw mut engine),
            TIDINGS_OK
        );
        tidings_engine_free(engine);
    }
}

#[test]
fn a_drain_tells_everyone_and_ends_the_engine() {
    let engine = Engine::start_with(&init!(tidings_engine_options { shards: 2 }));
    let mut readers: Vec<_> = (1..=4).map(|tag| engine.stream("a", tag).0).collect();
    engine.publish("a", "last").expect("it is published");
    std::thread::scope(|scope| {
        // Several may wait for it.
        let other = scope.spawn(|| engine.drain(1_000));
        assert_eq!(engine.drain(1_000), TIDINGS_OK);
        assert_eq!(other.join().ok(), Some(TIDINGS_OK));
    });
    for reader in &mut readers {
        let rest = reader.rest();
        assert!(rest.contains("data: last\n\n"), "{rest}");
        assert!(
            rest.contains("event: bye\n") && rest.contains("\"reason\":\"drain\""),
            "{rest}"
        );
    }
    let mut told: Vec<_> = (1..=4).map(|_| engine.next_closed()).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [1, 2, 3, 4].map(|tag| (tag, TIDINGS_CLOSE_DRAIN as u32))
    );
    engine.expect_silence();
    let (_client, server) = tcp();
    let adopt = init!(tidings_adopt { tag: 1 });
    let refused = engine.try_adopt(server.as_raw_fd(), &adopt);
    assert!(matches!(refused, Err(TIDINGS_ERR_STOPPED)), "{refused:?}");
    assert_eq!(engine.publish("a", "x").map(drop), Err(TIDINGS_ERR_STOPPED));
    assert_eq!(engine.post("a", "x", 1).map(drop), Err(TIDINGS_ERR_STOPPED));
    assert_eq!(engine.stats().map(drop), Err(TIDINGS_ERR_STOPPED));
    assert_eq!(engine.drain(0), TIDINGS_OK, "it is drained");
}

#[test]
fn a_reader_that_is_stuck_does_not_hold_up_a_drain() {
    let engine = Engine::start();
    let (_stuck, _) = engine.stream("a", 1);
    let data = "x".repeat(500_000);
    for _ in 0..10 {
        engine.publish("a", &data).expect("it is published");
    }
    assert_eq!(engine.drain(200), TIDINGS_OK);
    assert_eq!(engine.next_closed(), (1, TIDINGS_CLOSE_DRAIN as u32));
}

#[test]
fn freeing_closes_every_stream() {
    let engine = Engine::start_with(&init!(tidings_engine_options { shards: 3 }));
    let mut readers: Vec<_> = (1..=9).map(|tag| engine.stream("a", tag).0).collect();
    for number in 0..100 {
        engine.post("a", "x", number).expect("it is posted");
    }
    drop(engine);
    for reader in &mut readers {
        reader.end();
    }
}

#[test]
fn an_engine_can_be_freed_before_it_is_started_and_at_once_after() {
    for _ in 0..20 {
        drop(Engine::new(&init!(tidings_engine_options)).expect("it is made"));
        drop(Engine::start());
    }
}

#[test]
fn nothing_is_left_of_engines_that_were_freed() {
    let descriptors = || std::fs::read_dir("/dev/fd").map_or(0, Iterator::count);
    // Other tests have descriptors of their own meanwhile; a leak of this many would be seen.
    let engines = 300;
    let before = descriptors();
    for _ in 0..engines {
        let engine = Engine::start();
        let (_reader, _) = engine.stream("a", 1);
    }
    let after = descriptors();
    assert!(after < before + engines, "{before} before, {after} after");
}

#[test]
#[cfg(target_os = "linux")]
fn its_threads_take_no_signals() {
    let engine = Engine::start();
    engine.stats().expect("its thread runs, and has its name");
    let threads = std::fs::read_dir("/proc/self/task").expect("it is Linux");
    let mut seen = 0;
    for thread in threads {
        let path = thread.expect("it can be read").path().join("status");
        // A thread of another test may have ended.
        let Ok(status) = std::fs::read_to_string(path) else {
            continue;
        };
        if !status.starts_with("Name:\ttidings-0\n") {
            continue;
        }
        let blocked = status
            .lines()
            .find_map(|line| line.strip_prefix("SigBlk:\t"));
        let blocked = u64::from_str_radix(blocked.expect("it is there"), 16).expect("a number");
        for signal in [1, 2, 10, 13, 15] {
            assert_ne!(
                blocked & 1 << (signal - 1),
                0,
                "signal {signal} is blocked: {blocked:x}"
            );
        }
        assert_eq!(blocked & 1 << 10, 0, "a fault is not: {blocked:x}");
        seen += 1;
    }
    assert!(seen > 0, "there is a thread of that name");
}

#[test]
fn a_thread_that_starts_an_engine_has_its_signals_again() {
    let blocked = || {
        let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
        status
            .lines()
            .find(|line| line.starts_with("SigBlk:"))
            .map(str::to_owned)
    };
    let before = blocked();
    let _engine = Engine::start();
    assert_eq!(blocked(), before);
}

#[test]
fn a_drain_lets_those_go_on_who_wait() {
    let engine = Engine::start();
    std::thread::scope(|scope| {
        let publishing = scope.spawn(|| while engine.publish("a", "x").is_ok() {});
        let asking = scope.spawn(|| while engine.stats().is_ok() {});
        while engine.cursor().is_ok_and(|cursor| cursor.sequence < 100) {
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(engine.drain(0), TIDINGS_OK);
        publishing.join().expect("it was told");
        asking.join().expect("it was told");
    });
}
