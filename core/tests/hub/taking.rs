//! What it means that a socket took bytes: which event waited longest, and how many are through.

use crate::support::Rig;
use tidings_core::{ClassOptions, Consumed, HubOptions, Open};

fn events(events: u64) -> Consumed {
    Consumed { events, gap: None }
}

#[test]
fn a_write_names_its_first_event_and_counts_those_it_ends() {
    let mut rig = Rig::new(HubOptions::default());
    let reader = rig.open(Open {
        topics: &["news"],
        ..Open::default()
    });
    rig.drive();
    let first = rig.publish("news", "one").cursor.sequence;
    let second = rig.publish("news", "two").cursor.sequence;

    let offer = rig.hub.transmit(0, reader).expect("there are events");
    let len = offer.len();
    assert_eq!(offer.first_live(0), None);
    assert_eq!(offer.first_live(1), Some(first));
    assert_eq!(offer.first_live(len), Some(first));
    assert_eq!(rig.hub.consume(0, reader, len - 1), Ok(events(1)));

    // The rest of an event is no event that begins.
    rig.hub.handle_writable(reader);
    let third = rig.publish("news", "three").cursor.sequence;
    let offer = rig.hub.transmit(0, reader).expect("there is a rest");
    let len = offer.len();
    assert_eq!(offer.first_live(1), None);
    assert_eq!(offer.first_live(2), Some(third));
    assert_eq!(rig.hub.consume(0, reader, len), Ok(events(2)));
    assert!(first < second && second < third);
}

#[test]
fn what_is_replayed_and_what_is_no_event_has_not_waited() {
    let mut rig = Rig::new(HubOptions::default());
    let before = rig.publish("news", "one").cursor.to_string();
    rig.publish("news", "two");
    let back = rig.open(Open {
        topics: &["news"],
        last_event_id: Some(&before),
        ..Open::default()
    });
    let offer = rig.hub.transmit(0, back).expect("there is a replay");
    let len = offer.len();
    assert_eq!(offer.first_live(len), None);
    assert_eq!(rig.hub.consume(0, back, len), Ok(events(1)));

    let live = rig.publish("news", "three").cursor.sequence;
    let offer = rig.hub.transmit(0, back).expect("there is an event");
    let len = offer.len();
    assert_eq!(offer.first_live(len), Some(live));
    assert_eq!(rig.hub.consume(0, back, len), Ok(events(1)));

    let fresh = rig.open(Open {
        topics: &["news"],
        ..Open::default()
    });
    let offer = rig
        .hub
        .transmit(0, fresh)
        .expect("it is told that it is connected");
    let len = offer.len();
    assert_eq!(offer.first_live(len), None);
    assert_eq!(rig.hub.consume(0, fresh, len), Ok(events(0)));
}

#[test]
fn a_connection_that_is_owed_nothing_says_where_it_stands() {
    let mut rig = Rig::new(HubOptions::default());
    let reader = rig.open(Open {
        topics: &["news"],
        ..Open::default()
    });
    assert_eq!(rig.hub.caught_up(reader), None, "it has not begun");
    rig.drive();
    let elsewhere = rig.publish("other", "one").cursor;
    assert_eq!(rig.hub.caught_up(reader), Some(elsewhere));

    let event = rig.publish("news", "two").cursor;
    assert_eq!(rig.hub.caught_up(reader), None, "an event waits");
    let offer = rig.hub.transmit(0, reader).expect("there is an event");
    let len = offer.len();
    assert_eq!(rig.hub.consume(0, reader, len - 1), Ok(events(0)));
    assert_eq!(
        rig.hub.caught_up(reader),
        None,
        "it is in the middle of one"
    );
    rig.hub.handle_writable(reader);
    rig.drive();
    assert_eq!(rig.hub.caught_up(reader), Some(event));

    rig.hub.close(0, reader);
    assert_eq!(rig.hub.caught_up(reader), None, "it is about to close");
}

#[test]
fn a_connection_with_a_gap_before_it_is_not_caught_up() {
    let mut rig = Rig::new(HubOptions {
        default_class: ClassOptions {
            events: 1,
            ..ClassOptions::new(["**"])
        },
        ..HubOptions::default()
    });
    let before = rig.publish("news", "one").cursor.to_string();
    for data in ["two", "three"] {
        rig.publish("news", data);
    }
    rig.publish("other", "four");
    let reader = rig.open(Open {
        topics: &["news"],
        last_event_id: Some(&before),
        ..Open::default()
    });
    while rig.hub.caught_up(reader).is_none() {
        let offer = rig.hub.transmit(0, reader).expect("it is told");
        let len = offer.len();
        let got = rig.hub.consume(0, reader, len).expect("it is taken");
        assert_eq!(got.gap.and_then(|gap| gap.missed), Some(2));
    }
}
