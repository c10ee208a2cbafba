//! Changes to live connections in one step, and the pages of what there is.

use crate::support::{Rig, topic_event};
use proptest::prelude::*;
use std::collections::BTreeSet;
use tidings_core::{ClassOptions, CloseReason, Event, HubOptions, Limits, Open, SubscribeError};

fn rig(topics_per_connection: usize) -> Rig {
    Rig::new(HubOptions {
        limits: Limits {
            topics_per_connection,
            ..Limits::default()
        },
        ..HubOptions::default()
    })
}

fn topics(rig: &Rig, connection: tidings_core::ConnectionId) -> BTreeSet<String> {
    rig.hub.topics_of(connection).map(str::to_owned).collect()
}

#[test]
fn topics_change_places_at_the_limit() {
    let mut rig = rig(2);
    let reader = rig.open(Open {
        topics: &["a", "b"],
        ..Open::default()
    });
    rig.publish("a", "1");
    rig.publish("c", "before it was added");
    rig.hub.change_topics(reader, &["c"], &["b"]).unwrap();
    rig.publish("b", "after it was removed");
    rig.publish("c", "2");
    assert_eq!(rig.data(reader), ["1", "2"]);
}

#[test]
fn a_topic_that_stays_keeps_what_it_owes() {
    let mut rig = rig(2);
    let reader = rig.open(Open {
        topics: &["a", "b/*"],
        ..Open::default()
    });
    rig.publish("a", "1");
    rig.publish("b/1", "2");
    let changed = rig.hub.change_topics(reader, &["a", "b/*"], &["a"]);
    assert_eq!(changed, Ok(()));
    assert_eq!(rig.data(reader), ["1", "2"]);
}

#[test]
fn a_change_that_cannot_be_changes_nothing() {
    let mut rig = rig(2);
    let reader = rig.open(Open {
        topics: &["a", "b"],
        ..Open::default()
    });
    rig.publish("a", "1");
    let cases: [(&[&str], &[&str]); 3] =
        [(&["c"], &[]), (&["c", "d"], &["a"]), (&["c", ""], &["a"])];
    for (add, remove) in cases {
        let refused = rig.hub.change_topics(reader, add, remove);
        assert!(refused.is_err(), "{add:?} {remove:?}");
        assert_eq!(
            topics(&rig, reader),
            BTreeSet::from(["a".into(), "b".into()])
        );
    }
    assert_eq!(rig.data(reader), ["1"]);
    rig.hub.handle_closed(reader);
    let refused = rig.hub.change_topics(reader, &["c"], &[]);
    assert_eq!(refused, Err(SubscribeError::NotFound));
}

#[test]
fn a_new_token_drops_what_it_does_not_allow_at_once() {
    let mut rig = rig(10);
    let reader = rig.open(Open {
        topics: &["a", "b", "c/*"],
        grants: &["a", "b"],
        expires_ms: Some(10_000),
        ..Open::default()
    });
    rig.received(reader);
    rig.publish("a", "1");
    rig.publish("b", "published, but not offered yet");
    let dropped = rig
        .hub
        .reauthorize(0, reader, Some(20_000), &["a"], |topic| topic == "a");
    let mut dropped = dropped.unwrap();
    dropped.sort();
    assert_eq!(dropped, ["b", "c/*"]);
    rig.publish("c/1", "gone too");
    assert_eq!(rig.data(reader), ["1"]);
    rig.run_to(19_000);
    assert!(rig.hub.is_open(reader), "it lives beyond its first token");
    rig.run_to(21_000);
    assert_eq!(rig.closed(), [(reader, CloseReason::Expired, false)]);
}

#[test]
fn a_new_token_that_cannot_be_drops_nothing() {
    let mut rig = rig(10);
    let reader = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    rig.now = 5_000;
    let refused = rig
        .hub
        .reauthorize(5_000, reader, Some(5_000), &[], |_| false);
    assert_eq!(refused, Err(SubscribeError::Expired));
    assert!(topics(&rig, reader).contains("a"));
}

#[test]
fn a_connection_can_be_made_to_expire() {
    let mut rig = rig(10);
    let reader = rig.open(Open::default());
    rig.received(reader);
    assert!(rig.hub.expire(0, reader));
    let bye = rig.received(reader).pop().unwrap();
    assert!(bye.data.contains(r#""reason":"expired""#), "{bye:?}");
    assert!(!bye.id.ends_with('!'), "another token may come back");
    assert_eq!(rig.closed(), [(reader, CloseReason::Expired, false)]);
    assert!(!rig.hub.expire(0, reader));
    assert!(rig.hub.is_idle());
}

#[test]
fn one_that_expires_in_a_frame_is_cut_there() {
    let mut rig = rig(10);
    let reader = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    rig.received(reader);
    rig.set_room(reader, 5);
    rig.publish("a", "secret");
    rig.drive();
    assert!(rig.hub.expire(0, reader));
    rig.set_room(reader, usize::MAX);
    assert_eq!(rig.closed(), [(reader, CloseReason::Expired, true)]);
    assert!(!rig.raw(reader).contains("secret"));
}

#[test]
fn topics_are_listed_with_what_there_is_of_them() {
    let mut rig = Rig::new(HubOptions {
        classes: vec![
            ClassOptions {
                latest: true,
                events: 1,
                ..ClassOptions::new(["price/*"])
            },
            ClassOptions {
                events: 2,
                ..ClassOptions::new(["short"])
            },
        ],
        ..HubOptions::default()
    });
    for _ in 0..2 {
        rig.open(Open {
            topics: &["a", "room/1", "room/*", "**"],
            ..Open::default()
        });
    }
    for topic in [
        "short", "short", "short", "price/1", "price/1", "price/2", "b",
    ] {
        rig.hub
            .publish(0, &topic_event(topic, Event::message("x")))
            .unwrap();
        rig.drive();
    }
    let listed: Vec<_> = rig
        .hub
        .topics_after("")
        .map(|topic| {
            let patterns = topic.pattern_subscribers;
            (topic.name, topic.subscribers, patterns, topic.events)
        })
        .collect();
    assert_eq!(
        listed,
        [
            ("a", 2, 2, 0),
            ("b", 0, 2, 1),
            ("price/1", 0, 2, 0),
            ("price/2", 0, 2, 1),
            ("room/1", 2, 4, 0),
            ("short", 0, 2, 2),
        ]
    );
}

proptest! {
    /// Pages joined are the whole list, whatever their length.
    #[test]
    fn pages_of_topics_are_the_whole(
        names in prop::collection::btree_set("[a-c]{1,3}", 0..20),
        limit in 1_usize..5,
    ) {
        let mut rig = rig(100);
        let topics: Vec<_> = names.iter().map(String::as_str).collect();
        rig.open(Open { topics: &topics, ..Open::default() });
        let (mut paged, mut after) = (Vec::new(), String::new());
        loop {
            let page = rig.hub.topics_after(&after).take(limit);
            let page: Vec<_> = page.map(|topic| topic.name.to_owned()).collect();
            let Some(last) = page.last() else { break };
            after.clone_from(last);
            paged.extend(page);
        }
        prop_assert_eq!(paged, topics);
    }

    /// A change is what its parts are one by one, or nothing.
    #[test]
    fn a_change_is_all_or_nothing(
        before in prop::collection::btree_set("[a-e]", 0..4),
        add in prop::collection::vec("[a-e]|/|[*]x", 0..4),
        remove in prop::collection::vec("[a-e]", 0..4),
    ) {
        let mut rig = rig(4);
        let list: Vec<_> = before.iter().map(String::as_str).collect();
        let reader = rig.open(Open { topics: &list, ..Open::default() });
        let strs = |list: &[String]| list.to_vec();
        let (add, remove) = (strs(&add), strs(&remove));
        let adds: Vec<_> = add.iter().map(String::as_str).collect();
        let removes: Vec<_> = remove.iter().map(String::as_str).collect();
        let changed = rig.hub.change_topics(reader, &adds, &removes);
        let mut after = before.clone();
        after.retain(|topic| !remove.contains(topic) || add.contains(topic));
        after.extend(add.iter().cloned());
        let expected = if changed.is_ok() { after.clone() } else { before.clone() };
        prop_assert_eq!(topics(&rig, reader), expected);
        if changed == Err(SubscribeError::TooMany { limit: 4 }) {
            prop_assert!(after.len() > 4);
        }
        rig.hub.handle_closed(reader);
        prop_assert!(rig.hub.is_idle());
    }
}
