//! Topics that keep only their latest value.

use crate::support::{Rig, topic_event};
use tidings_core::{
    Audience, ClassOptions, Event, Gap, GapReason, HubOptions, Open, Publish, PublishError,
};

fn options() -> HubOptions {
    let prices = ClassOptions {
        latest: true,
        events: 3,
        ..ClassOptions::new(["price/*"])
    };
    HubOptions {
        classes: vec![prices],
        ..HubOptions::default()
    }
}

fn ids_and_data(rig: &mut Rig, id: tidings_core::ConnectionId) -> Vec<(String, String)> {
    rig.received(id)
        .into_iter()
        .skip(1)
        .map(|one| (one.id, one.data))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected
        .iter()
        .map(|(id, data)| ((*id).to_owned(), (*data).to_owned()))
        .collect()
}

#[test]
fn a_new_stream_gets_the_current_values_first() {
    let mut rig = Rig::new(options());
    rig.publish("price/a", "a1");
    rig.publish("price/b", "b1");
    rig.publish("news", "old news");
    rig.publish("price/a", "a2");
    let reader = rig.open(Open {
        topics: &["price/*", "news"],
        ..Open::default()
    });
    assert_eq!(rig.received(reader)[0].id, "1~4~0");
    let reader = rig.open(Open {
        topics: &["price/*", "news"],
        ..Open::default()
    });
    // Their ids lead back to this place: the rest of the values, and all that comes later.
    assert_eq!(
        ids_and_data(&mut rig, reader),
        pairs(&[("1~4~2", "b1"), ("1~4~4", "a2")])
    );
    rig.publish("news", "fresh");
    assert_eq!(rig.data(reader), ["fresh"]);
    assert_eq!(rig.hub.stats().replaced, 1);
}

#[test]
fn a_stream_cut_among_the_first_values_goes_on_there() {
    let mut rig = Rig::new(options());
    for topic in ["price/a", "price/b", "price/c"] {
        rig.publish(topic, topic);
    }
    rig.publish("news", "before");
    let open = Open {
        topics: &["price/*", "news"],
        ..Open::default()
    };
    let first = rig.open(open);
    rig.drive();
    rig.publish("news", "after");
    rig.publish("price/a", "newer");
    let resumed = rig.open(Open {
        last_event_id: Some("1~4~1"),
        ..open
    });
    let expected = [
        ("1~4~2", "price/b"),
        ("1~4~3", "price/c"),
        ("1~5", "after"),
        ("1~6", "newer"),
    ];
    assert_eq!(ids_and_data(&mut rig, resumed), pairs(&expected));
    assert_eq!(rig.data(first).len(), 5);
}

#[test]
fn a_resume_gets_the_newest_unseen_value_of_each_topic() {
    let mut rig = Rig::new(options());
    for (topic, data) in [
        ("price/a", "a1"),
        ("price/b", "b1"),
        ("price/a", "a2"),
        ("price/a", "a3"),
    ] {
        rig.publish(topic, data);
    }
    let reader = rig.open(Open {
        topics: &["price/*"],
        last_event_id: Some("1~2"),
        ..Open::default()
    });
    assert_eq!(ids_and_data(&mut rig, reader), pairs(&[("1~4", "a3")]));
}

#[test]
fn a_slow_reader_skips_to_the_newest_without_a_gap() {
    let mut rig = Rig::new(options());
    let slow = rig.open(Open {
        topics: &["price/a", "price/b"],
        ..Open::default()
    });
    rig.drive();
    rig.set_room(slow, 0);
    for number in 0..10 {
        rig.publish("price/a", &format!("a{number}"));
        rig.publish("price/b", &format!("b{number}"));
        rig.drive();
    }
    rig.set_room(slow, usize::MAX);
    assert_eq!(rig.data(slow), ["a9", "b9"]);
    assert_eq!(rig.hub.stats().gaps, 0);
}

#[test]
fn a_topic_that_had_to_make_room_is_a_gap() {
    let mut rig = Rig::new(options());
    for topic in ["price/a", "price/b", "price/c", "price/d", "price/e"] {
        rig.publish(topic, topic);
    }
    let open = Open {
        topics: &["price/a", "price/c"],
        ..Open::default()
    };
    let resumed = rig.open(Open {
        last_event_id: Some("1~0"),
        ..open
    });
    let received = rig.received(resumed);
    assert!(
        received[1].data.starts_with(r#"{"missed":1,"#),
        "{received:?}"
    );
    assert_eq!(received[2].data, "price/c");
    rig.publish("price/a", "a again");
    let resumed = rig.open(Open {
        topics: &["price/a"],
        last_event_id: Some("1~0"),
        ..open
    });
    let received = rig.received(resumed);
    assert!(
        received.iter().all(|one| one.event != "gap"),
        "the newer value makes up for it"
    );
}

#[test]
fn a_value_is_for_all_subscribers_of_its_topic() {
    let mut rig = Rig::new(options());
    let to_user = Audience::UserInTopics {
        user: "ada",
        topics: &["price/a"],
    };
    for audience in [Audience::Topics(&["price/a", "news"]), to_user] {
        let publish = Publish::to(audience, Event::message("x"));
        assert_eq!(
            rig.hub.publish(0, &publish),
            Err(PublishError::LatestNotAlone)
        );
    }
    assert!(
        rig.hub
            .publish(0, &topic_event("price/a", Event::message("x")))
            .is_ok()
    );
}

#[test]
fn a_value_replaced_while_it_is_being_sent_is_finished_first() {
    let mut rig = Rig::new(options());
    let slow = rig.open(Open {
        topics: &["price/a"],
        ..Open::default()
    });
    rig.drive();
    rig.set_room(slow, 10);
    rig.publish("price/a", "the first value");
    rig.drive();
    rig.publish("price/a", "the second value");
    rig.publish("price/a", "the third value");
    rig.set_room(slow, usize::MAX);
    assert_eq!(rig.data(slow), ["the first value", "the third value"]);
}

#[test]
fn topics_of_several_classes_are_read_in_one_order() {
    let short = ClassOptions {
        events: 2,
        ..ClassOptions::new(["short/*"])
    };
    let mut options = options();
    options.classes.push(short);
    let mut rig = Rig::new(options);
    let reader = rig.open(Open {
        topics: &["**"],
        ..Open::default()
    });
    rig.drive();
    rig.set_room(reader, 0);
    for (topic, data) in [
        ("short/a", "1"),
        ("news", "2"),
        ("price/a", "3"),
        ("short/a", "4"),
        ("news", "5"),
        ("short/b", "6"),
        ("price/a", "7"),
        ("short/a", "8"),
    ] {
        rig.publish(topic, data);
        rig.drive();
    }
    rig.set_room(reader, usize::MAX);
    let received = rig.received(reader);
    let seen: Vec<_> = received
        .iter()
        .skip(1)
        .map(|one| match &*one.event {
            "gap" => one.data[..12].to_owned(),
            _ => one.data.clone(),
        })
        .collect();
    // Both in one pull: taken together.
    let told = Gap {
        missed: Some(2),
        reason: GapReason::Lagged,
    };
    assert_eq!(rig.gaps, [(reader, told)]);
    // 1 and 4 left the short class; each gap stands where its events would have stood.
    assert_eq!(
        seen,
        [
            r#"{"missed":1,"#,
            "2",
            r#"{"missed":1,"#,
            "5",
            "6",
            "7",
            "8"
        ]
    );
}
