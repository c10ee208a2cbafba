//! Publishing: numbers, ids, batches, limits, and what is refused.

use crate::support::{Rig, topic_event};
use tidings_core::{
    Audience, ClassOptions, ConnectionId, Event, HubOptions, Limits, NameError, Open, Publish,
    PublishError,
};

fn publish(rig: &mut Rig, event: Event<'_>) -> Result<tidings_core::Published, PublishError> {
    rig.hub.publish(rig.now, &topic_event("news", event))
}

#[test]
fn events_carry_their_position_as_id() {
    let mut rig = Rig::new(HubOptions {
        epoch: 0xabc,
        ..HubOptions::default()
    });
    let reader = rig.open(Open {
        topics: &["news"],
        ..Open::default()
    });
    assert_eq!(rig.publish("news", "one").cursor.to_string(), "abc~1");
    assert_eq!(rig.publish("news", "two").recipients, 1);
    let received = rig.received(reader);
    let ids: Vec<_> = received.iter().map(|one| &*one.id).collect();
    assert_eq!(ids, ["abc~0", "abc~1", "abc~2"]);
}

#[test]
fn nobody_listening_is_fine() {
    let mut rig = Rig::new(HubOptions::default());
    for audience in [
        Audience::Topics(&["a", "b"]),
        Audience::User("ada"),
        Audience::Everyone,
    ] {
        assert_eq!(rig.publish_to(audience, "x").recipients, 0);
    }
    assert_eq!(rig.hub.stats().published, 3);
}

#[test]
fn an_own_id_is_seen_and_published_once() {
    let mut rig = Rig::new(HubOptions::default());
    let reader = rig.open(Open {
        topics: &["news"],
        ..Open::default()
    });
    let event = Event::message("paid").with_id("order-7").unwrap();
    let first = publish(&mut rig, event).unwrap();
    let second = publish(&mut rig, event).unwrap();
    assert!(!first.duplicate && second.duplicate);
    assert_eq!((second.cursor, second.recipients), (first.cursor, 0));
    assert_eq!(rig.data(reader), ["paid"]);
    assert_eq!(rig.last_event_id(reader), "order-7");
    assert_eq!(rig.hub.stats().duplicates, 1);
}

#[test]
fn own_ids_that_could_be_mistaken_are_refused() {
    let mut rig = Rig::new(HubOptions::default());
    for id in ["5f~1042", "0~0", "5f~1~2", "gone!", "earliest"] {
        let event = Event::message("x").with_id(id).unwrap();
        assert_eq!(
            publish(&mut rig, event),
            Err(PublishError::IdReserved),
            "{id}"
        );
    }
    for id in ["5F~1", "05f~1", "5f~01", "5f~", "1526919030474-55"] {
        assert!(
            publish(&mut rig, Event::message("x").with_id(id).unwrap()).is_ok(),
            "{id}"
        );
    }
    let long = "x".repeat(257);
    let event = Event::message("x").with_id(&long).unwrap();
    assert_eq!(
        publish(&mut rig, event),
        Err(PublishError::IdLength { limit: 256 })
    );
    let event = Event::message("x").with_id("a\tb").unwrap();
    assert_eq!(
        publish(&mut rig, event),
        Err(PublishError::IdControlCharacter)
    );
}

#[test]
fn wrong_events_are_refused_and_change_nothing() {
    let limits = Limits {
        event_bytes: 100,
        topics_per_publish: 2,
        ..Limits::default()
    };
    let mut rig = Rig::new(HubOptions {
        limits,
        ..HubOptions::default()
    });
    let before = rig.hub.stats();
    let long = "x".repeat(100);
    let cases = [
        (topic_event("", Event::message("x")), "invalid_topic"),
        (topic_event("a\nb", Event::message("x")), "invalid_topic"),
        (topic_event("a/*", Event::message("x")), "invalid_topic"),
        (topic_event("a", Event::new()), "no_data"),
        (
            topic_event("a", Event::message("x").with_event("gap").unwrap()),
            "reserved_event",
        ),
        (topic_event("a", Event::message(&long)), "event_too_long"),
        (
            Publish::to(Audience::Topics(&[]), Event::message("x")),
            "no_topic",
        ),
        (
            Publish::to(Audience::Topics(&["a", "b", "c"]), Event::message("x")),
            "too_many_topics",
        ),
        (
            Publish::to(Audience::User(""), Event::message("x")),
            "invalid_user",
        ),
    ];
    for (wrong, code) in cases {
        let error = rig.hub.publish(0, &wrong).expect_err(code);
        assert_eq!(error.code(), code, "{error}");
    }
    let star = PublishError::Topic {
        index: 0,
        error: NameError::StarInName,
    };
    assert_eq!(
        rig.hub.publish(0, &topic_event("*", Event::message("x"))),
        Err(star)
    );
    assert_eq!(rig.hub.stats(), before);
}

#[test]
fn a_batch_is_published_in_order_all_or_none() {
    let mut rig = Rig::new(HubOptions::default());
    let reader = rig.open(Open {
        topics: &["a", "b"],
        ..Open::default()
    });
    let rules = rig.hub.rules().clone();
    let message = |topic: &str, data: &str| {
        rules
            .message(&topic_event(
                topic,
                Event::message(data).with_id(data).unwrap(),
            ))
            .unwrap()
    };
    let batch = [
        message("a", "1"),
        message("b", "2"),
        message("a", "1"),
        message("c", "3"),
    ];
    let published = rig.hub.publish_all(0, &batch).unwrap();
    let numbers: Vec<_> = published.iter().map(|one| one.cursor.sequence).collect();
    assert_eq!(numbers, [1, 2, 1, 3]);
    assert_eq!(
        published
            .iter()
            .map(|one| one.duplicate)
            .collect::<Vec<_>>(),
        [false, false, true, false]
    );
    assert_eq!(
        published
            .iter()
            .map(|one| one.recipients)
            .collect::<Vec<_>>(),
        [1, 1, 0, 0]
    );
    assert_eq!(rig.data(reader), ["1", "2"]);
}

#[test]
fn a_batch_that_never_fits_is_refused_whole() {
    let class = ClassOptions {
        events: 3,
        ..ClassOptions::new(["**"])
    };
    let mut rig = Rig::new(HubOptions {
        default_class: class,
        ..HubOptions::default()
    });
    let message = rig
        .hub
        .rules()
        .message(&topic_event("a", Event::message("x")))
        .unwrap();
    let batch = vec![message; 4];
    assert_eq!(
        rig.hub.publish_all(0, &batch),
        Err(PublishError::BatchTooLarge)
    );
    assert_eq!(rig.hub.cursor().sequence, 0);
    assert!(rig.hub.publish_all(0, &batch[1..]).is_ok());
}

#[test]
fn a_publish_waits_for_readers_that_are_not_blocked() {
    let class = ClassOptions {
        events: 2,
        ..ClassOptions::new(["**"])
    };
    let mut rig = Rig::new(HubOptions {
        default_class: class,
        ..HubOptions::default()
    });
    let reader = rig.open(Open {
        topics: &["news"],
        ..Open::default()
    });
    rig.publish("news", "one");
    rig.publish("other", "not for the reader");
    let before = rig.hub.stats();
    assert_eq!(
        publish(&mut rig, Event::message("three")),
        Err(PublishError::Full)
    );
    assert_eq!(rig.hub.stats(), before);
    rig.drive();
    rig.publish("news", "three");
    assert_eq!(rig.data(reader), ["one", "three"]);
}

#[test]
fn numbers_can_come_from_outside_with_holes() {
    let mut rig = Rig::new(HubOptions::default());
    let reader = rig.open(Open {
        topics: &["news"],
        ..Open::default()
    });
    let message = rig
        .hub
        .rules()
        .message(&topic_event("news", Event::message("x")))
        .unwrap();
    assert_eq!(
        rig.hub
            .append(0, 5, std::slice::from_ref(&message))
            .unwrap(),
        [1]
    );
    rig.hub.skip(9);
    assert_eq!(
        rig.hub.append(0, 10, &[message.clone(), message]).unwrap(),
        [1, 1]
    );
    let ids: Vec<_> = rig.received(reader).into_iter().map(|one| one.id).collect();
    assert_eq!(ids, ["1~4", "1~5", "1~10", "1~11"]);
    assert_eq!(rig.publish("news", "y").cursor.sequence, 12);
}

#[test]
fn several_topics_reach_a_subscriber_of_both_once() {
    let mut rig = Rig::new(HubOptions::default());
    let both = rig.open(Open {
        topics: &["a", "b", "a", "*"],
        ..Open::default()
    });
    let one = rig.open(Open {
        topics: &["b"],
        ..Open::default()
    });
    let published = rig.publish_to(Audience::Topics(&["a", "b", "a"]), "x");
    assert_eq!(published.recipients, 2);
    assert_eq!(
        (rig.data(both), rig.data(one)),
        (vec!["x".into()], vec!["x".into()])
    );
}

#[test]
fn an_event_for_one_connection_is_never_replayed() {
    let mut rig = Rig::new(HubOptions::default());
    let reader = rig.open(Open::default());
    let other = rig.open(Open::default());
    assert_eq!(
        rig.publish_to(Audience::Connection(reader), "psst")
            .recipients,
        1
    );
    assert_eq!(
        (rig.data(reader), rig.data(other)),
        (vec!["psst".to_owned()], vec![])
    );
    rig.publish_to(Audience::Connection(reader), "too late");
    rig.hub.handle_closed(reader);
    assert_eq!(rig.hub.stats().undelivered, 1);
    assert_eq!(
        rig.publish_to(Audience::Connection(reader), "gone")
            .recipients,
        0
    );
    let stranger = ConnectionId::from_u64(12_345);
    assert_eq!(
        rig.publish_to(Audience::Connection(stranger), "who")
            .recipients,
        0
    );
    assert_eq!(rig.hub.stats().undelivered, 3);
    let again = rig.open(Open {
        last_event_id: Some("1~0"),
        ..Open::default()
    });
    assert_eq!(rig.data(again), Vec::<String>::new());
}
