//! Publishing where nobody can wait: a number at once, the count of recipients later.

use crate::support::block_on;
use smol::future::poll_once;
use std::pin::pin;
use tidings_smol::{
    Audience, DriverOptions, Event, Hub, Message, NotPublished, Publish, PublishError,
    StreamOptions,
};

const TO_A: Audience<'static> = Audience::Topic("a");

fn message(hub: &Hub, data: &str) -> Message {
    let publish = Publish::to(TO_A, Event::message(data));
    hub.rules().message(&publish).expect("it can be published")
}

#[test]
fn numbers_are_given_at_once_and_recipients_are_counted_later() {
    let (hub, drivers) = Hub::new(DriverOptions::default()).expect("it starts");
    let first = hub.try_publish_all(vec![message(&hub, "1"), message(&hub, "2")]);
    let second = hub.try_publish(&Publish::to(TO_A, Event::message("3")));
    let (mut first, second) = (
        first.expect("there is room"),
        second.expect("there is room"),
    );
    let numbers = |posted: &tidings_smol::Posted| {
        let numbers = posted.published().iter().map(|one| one.cursor.sequence);
        numbers.collect::<Vec<_>>()
    };
    assert_eq!((numbers(&first), numbers(&second)), (vec![1, 2], vec![3]));
    assert_eq!(hub.cursor().sequence, 3);
    assert!(
        block_on(poll_once(&mut first)).is_none(),
        "no driver runs yet"
    );
    for driver in drivers {
        std::thread::spawn(move || smol::block_on(driver));
    }
    assert_eq!(block_on(first).map(|published| published.len()), Ok(2));
    assert_eq!(block_on(second).map(|published| published.len()), Ok(1));
    let options = StreamOptions {
        topics: vec!["a".into()],
        ..StreamOptions::default()
    };
    let _stream = block_on(hub.open(options)).expect("it opens");
    let posted = hub.try_publish(&Publish::to(TO_A, Event::message("4")));
    let published = block_on(posted.expect("there is room")).expect("it is appended");
    assert_eq!(
        (published[0].recipients, published[0].duplicate),
        (1, false)
    );
}

#[test]
fn an_event_that_is_known_has_its_number_and_nothing_to_wait_for() {
    let (hub, _drivers) = Hub::new(DriverOptions::default()).expect("it starts");
    let event = Event::message("paid").with_id("order-7").expect("an id");
    let publish = Publish::to(TO_A, event);
    let fresh = hub.try_publish(&publish).expect("there is room");
    let known = hub.try_publish(&publish).expect("there is room");
    let known = block_on(known).expect("it is known");
    assert!(known[0].duplicate);
    assert_eq!(known[0].cursor, fresh.published()[0].cursor);
}

#[test]
fn a_full_queue_refuses_at_once_and_gives_no_number() {
    let options = DriverOptions {
        publish_queue: 3,
        ..DriverOptions::default()
    };
    let (hub, drivers) = Hub::new(options).expect("it starts");
    let publish = Publish::to(TO_A, Event::message("x"));
    for _ in 0..3 {
        drop(hub.try_publish(&publish).expect("there is room"));
    }
    assert_eq!(hub.try_publish(&publish).map(drop), Err(NotPublished::Busy));
    assert_eq!(hub.cursor().sequence, 3);
    block_on(async {
        let mut waiting = pin!(hub.publish(&publish));
        assert!(
            poll_once(&mut waiting).await.is_none(),
            "it waits for a place"
        );
        for driver in drivers {
            std::thread::spawn(move || smol::block_on(driver));
        }
        let published = waiting.await.expect("there is a place again");
        assert_eq!(published.cursor.sequence, 4);
        hub.try_publish(&publish)
            .expect("there is room")
            .await
            .expect("it is appended");
    });
}

#[test]
fn who_waits_for_a_place_and_is_dropped_has_published_nothing() {
    let options = DriverOptions {
        publish_queue: 1,
        ..DriverOptions::default()
    };
    let (hub, drivers) = Hub::new(options).expect("it starts");
    let publish = Publish::to(TO_A, Event::message("x"));
    block_on(async {
        drop(hub.post(&publish).await.expect("there is room"));
        let mut dropped = Box::pin(hub.post(&publish));
        assert!(poll_once(&mut dropped).await.is_none());
        drop(dropped);
        let mut waiting = pin!(hub.post(&publish));
        assert!(poll_once(&mut waiting).await.is_none());
        for driver in drivers {
            std::thread::spawn(move || smol::block_on(driver));
        }
        let posted = waiting.await.expect("there is a place again");
        assert_eq!(posted.published()[0].cursor.sequence, 2);
        assert_eq!(hub.cursor().sequence, 2);
        // It is published, whoever waits for it.
        drop(posted);
        hub.publish(&publish).await.expect("it is appended");
        assert_eq!(hub.stats().await.expect("it runs").published, 3);
    });
}

#[test]
fn what_cannot_be_published_is_refused_before_it_has_a_number() {
    let (hub, _drivers) = Hub::new(DriverOptions::default()).expect("it starts");
    let refused = hub.try_publish(&Publish::to(Audience::Topics(&[]), Event::message("x")));
    let refused = refused.map(drop);
    assert_eq!(refused, Err(NotPublished::Refused(PublishError::NoTopic)));
    assert_eq!(hub.cursor().sequence, 0);
}
