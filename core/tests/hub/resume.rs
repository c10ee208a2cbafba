//! Coming back: replay from a cursor, and being told what is missing.

use crate::support::{Received, Rig};
use tidings_core::{
    Audience, ClassOptions, Gap, GapReason, HubOptions, LagPolicy, Limits, Open, OpenError,
};

fn keeping(events: usize) -> HubOptions {
    let default_class = ClassOptions {
        events,
        ..ClassOptions::new(["**"])
    };
    HubOptions {
        default_class,
        ..HubOptions::default()
    }
}

fn after<'a>(topics: &'a [&'a str], id: &'a str) -> Open<'a> {
    Open {
        topics,
        last_event_id: Some(id),
        ..Open::default()
    }
}

/// What the hub says of a gap.
const fn missed(missed: Option<u64>, reason: GapReason) -> Gap {
    Gap { missed, reason }
}

fn gap(missed: &str, from: &str, reason: GapReason, id: &str) -> Received {
    let from = if from == "null" {
        from.to_owned()
    } else {
        format!("\"{from}\"")
    };
    let data = format!(r#"{{"missed":{missed},"from":{from},"reason":"{reason}"}}"#);
    Received {
        event: "gap".into(),
        data,
        id: id.into(),
    }
}

#[test]
fn a_resume_replays_what_was_missed() {
    let mut rig = Rig::new(HubOptions::default());
    for (topic, data) in [
        ("a", "a1"),
        ("b", "b1"),
        ("a", "a2"),
        ("c", "c1"),
        ("a", "a3"),
    ] {
        rig.publish(topic, data);
    }
    rig.publish_to(Audience::User("ada"), "for ada");
    rig.publish_to(Audience::Everyone, "for all");
    let reader = rig.open(Open {
        user: Some("ada"),
        ..after(&["a", "c"], "1~1")
    });
    assert_eq!(rig.data(reader), ["a2", "c1", "a3", "for ada", "for all"]);
    rig.publish("a", "live");
    assert_eq!(rig.data(reader), ["live"]);
}

#[test]
fn an_own_id_is_a_place_to_resume() {
    let mut rig = Rig::new(HubOptions::default());
    let first = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    let event = tidings_core::Event::message("one").with_id("mine").unwrap();
    rig.hub
        .publish(0, &crate::support::topic_event("a", event))
        .unwrap();
    rig.publish("a", "two");
    assert_eq!(rig.data(first), ["one", "two"]);
    let reader = rig.open(after(&["a"], "mine"));
    assert_eq!(rig.data(reader), ["two"]);
}

#[test]
fn what_left_the_log_is_counted() {
    let mut rig = Rig::new(keeping(2));
    for data in ["1", "2", "3", "4", "5"] {
        rig.publish("a", data);
    }
    let reader = rig.open(after(&["a"], "1~1"));
    let received = rig.received(reader);
    // The one before a gap has no id: a cut between them must not lose what is missing.
    assert_eq!((&*received[0].event, &*received[0].id), ("connected", ""));
    assert_eq!(received[1], gap("2", "1~1", GapReason::Trimmed, "1~3"));
    assert_eq!(
        received[2..]
            .iter()
            .map(|one| &*one.data)
            .collect::<Vec<_>>(),
        ["4", "5"]
    );
    assert_eq!((rig.hub.stats().gaps, rig.hub.stats().missed), (1, 2));
    assert_eq!(rig.gaps, [(reader, missed(Some(2), GapReason::Trimmed))]);
}

#[test]
fn what_was_not_addressed_to_a_reader_is_no_gap() {
    let mut rig = Rig::new(keeping(2));
    for topic in ["a", "b", "b", "b", "b"] {
        rig.publish(topic, topic);
    }
    let reader = rig.open(after(&["a"], "1~1"));
    assert_eq!(rig.received(reader).len(), 1, "only `connected`");
}

#[test]
fn what_left_the_index_cannot_be_counted() {
    let class = ClassOptions {
        records: Some(3),
        events: 2,
        ..ClassOptions::new(["**"])
    };
    let mut rig = Rig::new(HubOptions {
        default_class: class,
        ..HubOptions::default()
    });
    for data in ["1", "2", "3", "4", "5", "6"] {
        rig.publish("a", data);
    }
    let early = rig.open(after(&["a"], "1~2"));
    assert_eq!(
        rig.received(early)[1],
        gap("null", "1~2", GapReason::Trimmed, "1~4")
    );
    let late = rig.open(after(&["a"], "1~3"));
    assert_eq!(
        rig.received(late)[1],
        gap("1", "1~3", GapReason::Trimmed, "1~4")
    );
    let [uncounted, counted] = [None, Some(1)].map(|count| missed(count, GapReason::Trimmed));
    assert_eq!(rig.gaps, [(early, uncounted), (late, counted)]);
    let other = rig.open(after(&["never"], "1~2"));
    // A topic without a record may have had one: only the hub's memory of what it forgot decides.
    assert_eq!(rig.received(other).len(), 1);
}

#[test]
fn a_topic_that_was_forgotten_is_an_unknown_gap() {
    let class = ClassOptions {
        records: Some(2),
        events: 1,
        ..ClassOptions::new(["**"])
    };
    let mut rig = Rig::new(HubOptions {
        default_class: class,
        ..HubOptions::default()
    });
    for topic in ["a", "b", "b", "b"] {
        rig.publish(topic, topic);
    }
    let reader = rig.open(after(&["a"], "1~0"));
    assert_eq!(
        rig.received(reader)[1],
        gap("null", "1~0", GapReason::Trimmed, "1~4")
    );
    let reader = rig.open(after(&["a"], "1~1"));
    assert_eq!(
        rig.received(reader).len(),
        1,
        "it was forgotten, but nothing after this cursor"
    );
}

#[test]
fn an_unknown_cursor_is_told_and_gets_what_there_is() {
    let mut rig = Rig::new(keeping(2));
    for data in ["1", "2", "3"] {
        rig.publish("a", data);
    }
    for id in ["2~1", "1~99", "nonsense", "1~", "order-9"] {
        let reader = rig.open(after(&["a"], id));
        let received = rig.received(reader);
        assert_eq!(received[0].id, "", "{id}");
        assert_eq!(
            received[1],
            gap("null", "null", GapReason::UnknownCursor, "1~1"),
            "{id}"
        );
        assert_eq!(
            received[2..]
                .iter()
                .map(|one| &*one.data)
                .collect::<Vec<_>>(),
            ["2", "3"]
        );
    }
}

#[test]
fn an_unknown_cursor_in_an_empty_hub_is_told_at_once() {
    let mut rig = Rig::new(HubOptions::default());
    let reader = rig.open(after(&["a"], "77~5"));
    assert_eq!(
        rig.received(reader)[1],
        gap("null", "null", GapReason::UnknownCursor, "1~0")
    );
    rig.publish("a", "x");
    assert_eq!(rig.data(reader), ["x"]);
}

#[test]
fn earliest_is_everything_there_is_without_a_gap() {
    let mut rig = Rig::new(keeping(2));
    for data in ["1", "2", "3"] {
        rig.publish("a", data);
    }
    let reader = rig.open(after(&["a"], "earliest"));
    let received = rig.received(reader);
    assert_eq!(received[0].id, "1~1");
    assert_eq!(
        received[1..]
            .iter()
            .map(|one| &*one.data)
            .collect::<Vec<_>>(),
        ["2", "3"]
    );
}

#[test]
fn a_number_given_out_but_not_here_yet_waits() {
    let mut rig = Rig::new(HubOptions::default());
    let message = |rig: &Rig, data: &str| {
        let event = tidings_core::Event::message(data);
        rig.hub
            .rules()
            .message(&crate::support::topic_event("a", event))
            .unwrap()
    };
    rig.hub.handle_assigned(2);
    let reader = rig.open(after(&["a"], "1~2"));
    let (one, two, three) = (message(&rig, "1"), message(&rig, "2"), message(&rig, "3"));
    assert_eq!(rig.hub.append(0, 1, &[one, two]).unwrap(), [0, 0]);
    assert_eq!(rig.hub.append(0, 3, &[three]).unwrap(), [1]);
    let received = rig.received(reader);
    assert_eq!((&*received[0].id, &*received[1].data), ("1~2", "3"));
    assert_eq!(received.len(), 2);
}

#[test]
fn a_resume_replays_so_much_and_tells_the_rest() {
    let limits = Limits {
        replay_events: 3,
        ..Limits::default()
    };
    let mut rig = Rig::new(HubOptions {
        limits,
        ..HubOptions::default()
    });
    for data in ["1", "2", "3", "4", "5", "6"] {
        rig.publish("a", data);
    }
    let reader = rig.open(after(&["a"], "1~1"));
    let received = rig.received(reader);
    assert_eq!(
        received[1..4]
            .iter()
            .map(|one| &*one.data)
            .collect::<Vec<_>>(),
        ["2", "3", "4"]
    );
    assert_eq!(received[4], gap("2", "1~4", GapReason::ReplayLimit, "1~6"));
    assert_eq!(
        rig.gaps,
        [(reader, missed(Some(2), GapReason::ReplayLimit))]
    );
    rig.publish("a", "7");
    assert_eq!(rig.data(reader), ["7"]);
}

#[test]
fn a_long_replay_takes_turns_with_live_readers() {
    let mut rig = Rig::new(HubOptions::default());
    let big = "x".repeat(50_000);
    for _ in 0..20 {
        rig.publish("a", &big);
    }
    let live = rig.open(Open {
        topics: &["b"],
        ..Open::default()
    });
    rig.drive();
    let late = rig.open(after(&["a"], "1~0"));
    rig.publish("b", "first");
    let mut order = Vec::new();
    while let Some(tidings_core::Output::Ready(id)) = rig.hub.poll_output() {
        order.push(id);
        let Some(transmit) = rig.hub.transmit(0, id) else {
            continue;
        };
        let len = transmit.len();
        assert!(len <= 64 << 10, "{len}");
        rig.hub.consume(0, id, len).unwrap();
    }
    assert_eq!(order[0], live);
    assert!(order.iter().filter(|id| **id == late).count() >= 20);
}

#[test]
fn a_reader_of_few_topics_finds_them_in_a_long_log() {
    let class = ClassOptions {
        events: 20_000,
        ..ClassOptions::new(["**"])
    };
    let mut rig = Rig::new(HubOptions {
        default_class: class,
        ..HubOptions::default()
    });
    for number in 0..10_000 {
        let topic = if number % 1_000 == 999 {
            "rare"
        } else {
            "common"
        };
        rig.publish(topic, &number.to_string());
    }
    rig.publish_to(Audience::Everyone, "all");
    rig.publish_to(Audience::User("ada"), "ada");
    let open = Open {
        user: Some("ada"),
        ..after(&["rare", "rarer"], "1~0")
    };
    let reader = rig.open(open);
    let mut turns = 0;
    while let Some(tidings_core::Output::Ready(id)) = rig.hub.poll_output() {
        turns += 1;
        if let Some(transmit) = rig.hub.transmit(0, id) {
            let len = transmit.len();
            rig.hub.consume(0, id, len).unwrap();
        }
    }
    assert_eq!(rig.hub.stats().delivered, 12);
    assert!(
        turns <= 2,
        "the lanes lead past what is not for it: {turns}"
    );
    assert!(rig.hub.is_open(reader));
}

#[test]
fn a_gap_on_coming_back_never_closes() {
    let mut rig = Rig::new(HubOptions {
        lag: LagPolicy::Close,
        ..keeping(1)
    });
    for data in ["1", "2", "3"] {
        rig.publish("a", data);
    }
    let reader = rig.open(after(&["a"], "1~0"));
    assert_eq!(
        rig.received(reader)[1],
        gap("2", "1~0", GapReason::Trimmed, "1~2")
    );
    assert!(rig.hub.is_open(reader));
}

#[test]
fn a_stream_that_was_superseded_is_to_stay_away() {
    let mut rig = Rig::new(HubOptions::default());
    let open = after(&["a"], "1~0!");
    assert_eq!(rig.hub.open(0, open), Err(OpenError::StayAway));
}
