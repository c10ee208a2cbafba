//! Readers that do not keep up: they cost a cursor, and are told what they missed or closed.

use crate::support::Rig;
use tidings_core::{
    Audience, ClassOptions, CloseReason, Deadlines, Gap, GapReason, HubOptions, LagPolicy, Limits,
    Open,
};

fn keeping(events: usize, lag: LagPolicy) -> HubOptions {
    let default_class = ClassOptions {
        events,
        ..ClassOptions::new(["**"])
    };
    HubOptions {
        default_class,
        lag,
        ..HubOptions::default()
    }
}

#[test]
fn a_blocked_reader_holds_nobody_up_and_is_told() {
    let mut rig = Rig::new(keeping(5, LagPolicy::Gap));
    let slow = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    let fast = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    rig.drive();
    rig.set_room(slow, 0);
    let mut expected = Vec::new();
    for number in 0..10 {
        rig.publish("a", &number.to_string());
        rig.publish("b", "for nobody");
        expected.push(number.to_string());
        rig.drive();
    }
    assert_eq!(rig.data(fast), expected);
    rig.set_room(slow, usize::MAX);
    let received = rig.received(slow);
    let events: Vec<_> = received[1..]
        .iter()
        .map(|one| (&*one.event, &*one.data))
        .collect();
    let gap = r#"{"missed":8,"from":"1~0","reason":"lagged"}"#;
    assert_eq!(events, [("gap", gap), ("message", "8"), ("message", "9")]);
    let told = Gap {
        missed: Some(8),
        reason: GapReason::Lagged,
    };
    assert_eq!(rig.gaps, [(slow, told)]);
    rig.publish("a", "live");
    assert_eq!(rig.data(slow), ["live"]);
}

#[test]
fn with_the_policy_close_it_is_closed_and_told_when_it_comes_back() {
    let mut rig = Rig::new(keeping(2, LagPolicy::Close));
    let slow = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    rig.drive();
    rig.set_room(slow, 0);
    for number in 0..5 {
        rig.publish("a", &number.to_string());
        rig.drive();
    }
    rig.set_room(slow, usize::MAX);
    let received = rig.received(slow);
    assert_eq!(received.last().unwrap().event, "bye");
    assert_eq!(rig.closed(), [(slow, CloseReason::Lagged, false)]);
    let id = received.last().unwrap().id.clone();
    let again = rig.open(Open {
        topics: &["a"],
        last_event_id: Some(&id),
        ..Open::default()
    });
    let received = rig.received(again);
    assert!(
        received[1].data.starts_with(r#"{"missed":3,"#),
        "{received:?}"
    );
}

#[test]
fn a_frame_that_was_begun_is_finished_even_when_the_log_drops_it() {
    let class = ClassOptions {
        events: 2,
        bytes: 1 << 20,
        ..ClassOptions::new(["**"])
    };
    let limits = Limits {
        event_bytes: 100_000,
        ..Limits::default()
    };
    let mut rig = Rig::new(HubOptions {
        default_class: class,
        limits,
        ..HubOptions::default()
    });
    let slow = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    rig.drive();
    rig.set_room(slow, 1_000);
    let big: String = (0..60_000)
        .map(|place| char::from(b'a' + (place % 26) as u8))
        .collect();
    rig.publish("a", &big);
    rig.drive();
    for _ in 0..10 {
        rig.publish("b", &big);
        rig.drive();
    }
    assert!(!rig.hub.is_idle());
    rig.set_room(slow, usize::MAX);
    assert_eq!(rig.data(slow), [big]);
    assert!(rig.hub.is_open(slow));
}

#[test]
fn readers_whose_rest_cannot_be_kept_are_cut() {
    let class = ClassOptions {
        events: 2,
        bytes: 1 << 20,
        ..ClassOptions::new(["**"])
    };
    let limits = Limits {
        event_bytes: 100_000,
        rescue_bytes: 100_000,
        ..Limits::default()
    };
    let mut rig = Rig::new(HubOptions {
        default_class: class,
        limits,
        ..HubOptions::default()
    });
    let slow = [(); 3].map(|()| {
        rig.open(Open {
            topics: &["a"],
            ..Open::default()
        })
    });
    rig.drive();
    for id in slow {
        rig.set_room(id, 1_000);
    }
    let big = "x".repeat(60_000);
    rig.publish("a", &big);
    rig.drive();
    for _ in 0..10 {
        rig.publish("b", &big);
        rig.drive();
    }
    let closed = rig.closed();
    assert_eq!(closed.len(), 2);
    assert!(
        closed
            .iter()
            .all(|(_, reason, cut)| (*reason, *cut) == (CloseReason::Overflow, true))
    );
    for id in slow {
        rig.hub.handle_closed(id);
    }
    assert!(rig.hub.is_idle());
}

#[test]
fn a_reader_that_takes_nothing_is_cut_after_the_stall_time() {
    let deadlines = Deadlines {
        tick_ms: 1,
        stall_ms: Some(1_000),
        ..Deadlines::default()
    };
    let mut rig = Rig::new(HubOptions {
        deadlines,
        ..HubOptions::default()
    });
    let slow = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    rig.drive();
    rig.set_room(slow, 0);
    rig.publish("a", "x");
    rig.run_to(900);
    // One byte is a sign of life.
    rig.set_room(slow, 1);
    rig.run_to(1_899);
    assert_eq!(rig.closed(), []);
    rig.run_to(1_900);
    assert_eq!(rig.closed(), [(slow, CloseReason::Stalled, true)]);
    assert_eq!(rig.hub.connections(), 0);
}

#[test]
fn a_short_block_is_no_gap() {
    let mut rig = Rig::new(keeping(5, LagPolicy::Close));
    let reader = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    rig.drive();
    for (number, room) in [(1, 7), (2, 0), (3, 11), (4, 3)] {
        rig.set_room(reader, room);
        rig.publish("a", &number.to_string());
        rig.drive();
    }
    rig.set_room(reader, usize::MAX);
    assert_eq!(rig.data(reader), ["1", "2", "3", "4"]);
}

#[test]
fn memory_stays_under_the_limit() {
    let bytes = 300_000;
    let class = ClassOptions {
        events: 10_000,
        bytes,
        ..ClassOptions::new(["**"])
    };
    let limits = Limits {
        event_bytes: 50_000,
        ..Limits::default()
    };
    let mut rig = Rig::new(HubOptions {
        default_class: class,
        limits,
        ..HubOptions::default()
    });
    for number in 0..2_000 {
        rig.publish(
            &format!("topic/{}", number % 50),
            &"x".repeat(number * 37 % 40_000),
        );
        let stats = rig.hub.stats();
        assert!(stats.log_bytes <= bytes, "{stats:?}");
    }
    rig.publish_to(Audience::Everyone, &"y".repeat(49_000));
    assert!(rig.hub.stats().log_bytes > bytes / 2);
}
