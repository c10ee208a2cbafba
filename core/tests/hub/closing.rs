//! Ends of streams, and what is left behind: nothing.

use crate::support::{Rig, topic_event};
use tidings_core::{CloseReason, Deadlines, Event, HubOptions, Open, OpenError, PublishError};

#[test]
fn a_closed_stream_says_bye_and_where_it_stood() {
    let mut rig = Rig::new(HubOptions::default());
    let reader = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    rig.publish("a", "1");
    rig.drive();
    rig.publish("a", "not sent any more");
    assert!(rig.hub.close(0, reader));
    assert!(!rig.hub.close(0, reader));
    let received = rig.received(reader);
    let bye = received.last().unwrap();
    assert_eq!((&*bye.event, &*bye.id), ("bye", "1~1"));
    assert!(bye.data.starts_with(r#"{"reason":"closed","retry_ms":"#));
    assert!(rig.raw(reader).contains("\nretry: "));
    assert_eq!(rig.closed(), [(reader, CloseReason::Closed, false)]);
    assert_eq!(rig.hub.stats().closed(CloseReason::Closed), 1);
}

#[test]
fn a_blocked_stream_has_the_linger_time_for_its_bye() {
    let deadlines = Deadlines {
        tick_ms: 1,
        linger_ms: 500,
        ..Deadlines::default()
    };
    let mut rig = Rig::new(HubOptions {
        deadlines,
        ..HubOptions::default()
    });
    let [patient, lost] = [(); 2].map(|()| {
        rig.open(Open {
            topics: &["a"],
            ..Open::default()
        })
    });
    rig.drive();
    for id in [patient, lost] {
        rig.set_room(id, 3);
    }
    rig.publish("a", "long enough to be cut");
    rig.drive();
    rig.hub.close(0, patient);
    rig.hub.close(0, lost);
    rig.run_to(499);
    rig.set_room(patient, usize::MAX);
    let received = rig.received(patient);
    let events: Vec<_> = received[1..].iter().map(|one| &*one.event).collect();
    assert_eq!(
        events,
        ["message", "bye"],
        "the frame it was in the middle of comes first"
    );
    rig.run_to(500);
    assert_eq!(
        rig.closed(),
        [
            (patient, CloseReason::Closed, false),
            (lost, CloseReason::Closed, true),
        ]
    );
    assert!(rig.hub.is_idle());
}

#[test]
fn a_drain_sends_what_was_published_then_bye_with_spread_retries() {
    let deadlines = Deadlines {
        tick_ms: 1,
        ..Deadlines::default()
    };
    let mut rig = Rig::new(HubOptions {
        deadlines,
        ..HubOptions::default()
    });
    let readers: Vec<_> = (0..50)
        .map(|_| {
            rig.open(Open {
                topics: &["a"],
                ..Open::default()
            })
        })
        .collect();
    let stuck = readers[7];
    rig.drive();
    rig.set_room(stuck, 0);
    rig.publish("a", "accepted");
    rig.hub.drain(0, 10_000);
    assert_eq!(rig.hub.open(0, Open::default()), Err(OpenError::Draining));
    let late = topic_event("a", Event::message("late"));
    assert_eq!(rig.hub.publish(0, &late), Err(PublishError::Draining));
    let mut retries = Vec::new();
    for id in readers.into_iter().filter(|id| *id != stuck) {
        let received = rig.received(id);
        let [_, event, bye] = &received[..] else {
            panic!("{received:?}")
        };
        assert_eq!((&*event.data, &*bye.event), ("accepted", "bye"));
        let retry = bye.data.rsplit(':').next().unwrap().trim_end_matches('}');
        retries.push(retry.parse::<u64>().unwrap());
    }
    assert!(retries.iter().all(|retry| (1..=10_000).contains(retry)));
    assert!(
        retries.iter().max().unwrap() - retries.iter().min().unwrap() > 5_000,
        "{retries:?}"
    );
    assert_eq!(rig.closed().len(), 49);
    rig.run_to(9_999);
    assert!(rig.hub.is_open(stuck));
    rig.run_to(10_000);
    assert_eq!(rig.closed(), [(stuck, CloseReason::Drain, true)]);
    assert_eq!((rig.hub.connections(), rig.hub.is_idle()), (0, true));
}

#[test]
fn a_peer_that_went_away_leaves_nothing() {
    let mut rig = Rig::new(HubOptions::default());
    for number in 0..300 {
        let (user, topic) = (format!("user{}", number % 7), format!("topic{number}"));
        let tab = format!("tab{number}");
        let open = Open {
            user: Some(&user),
            tab: Some(&tab),
            topics: &[&topic, "rooms/*", "shared"],
            grants: &["rooms/1", "x/**"],
            expires_ms: Some(1_000_000),
            ..Open::default()
        };
        let id = rig.open(open);
        if number % 3 == 0 {
            rig.drive();
        }
        if number % 5 == 0 {
            rig.set_room(id, number);
            rig.drive();
        }
        if number % 2 == 0 {
            rig.hub.handle_closed(id);
        } else {
            rig.hub.close(0, id);
        }
    }
    rig.run_to(10_000);
    assert_eq!((rig.hub.connections(), rig.hub.users()), (0, 0));
    assert!(rig.hub.is_idle(), "{:?}", rig.hub.stats());
    assert_eq!(rig.hub.stats().topics, 0);
    assert_eq!(rig.hub.poll_timeout(), None);
}

#[test]
fn a_consume_that_follows_something_else_is_refused() {
    let mut rig = Rig::new(HubOptions::default());
    let reader = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    let len = rig.hub.transmit(0, reader).unwrap().len();
    assert!(rig.hub.consume(0, reader, len + 1).is_err());
    rig.publish("a", "between");
    assert!(rig.hub.consume(0, reader, len).is_err());
    assert_eq!(rig.received(reader).len(), 2, "nothing was lost");
}
