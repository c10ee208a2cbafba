//! Who gets what: topics, patterns, users, everyone, grants, exclusion, live subscriptions.

use crate::support::{Rig, topic_event};
use tidings_core::{
    Audience, ConnectionId, Consumed, Event, HubOptions, NameError, Open, Publish, SubscribeError,
};

fn private(rig: &mut Rig, topic: &str, data: &str) -> usize {
    let publish = Publish {
        private: true,
        ..topic_event(topic, Event::message(data))
    };
    rig.hub.publish(rig.now, &publish).unwrap().recipients
}

#[test]
fn patterns_match_segments() {
    let mut rig = Rig::new(HubOptions::default());
    let rooms = rig.open(Open {
        topics: &["rooms/*"],
        ..Open::default()
    });
    let deep = rig.open(Open {
        topics: &["rooms/**"],
        ..Open::default()
    });
    let all = rig.open(Open {
        topics: &["**"],
        ..Open::default()
    });
    for topic in ["rooms", "rooms/7", "rooms/7/x", "other"] {
        rig.publish(topic, topic);
    }
    assert_eq!(rig.data(rooms), ["rooms/7"]);
    assert_eq!(rig.data(deep), ["rooms/7", "rooms/7/x"]);
    assert_eq!(rig.data(all), ["rooms", "rooms/7", "rooms/7/x", "other"]);
}

#[test]
fn users_are_no_topics() {
    let mut rig = Rig::new(HubOptions::default());
    let ada = rig.open(Open {
        user: Some("ada"),
        ..Open::default()
    });
    let second = rig.open(Open {
        user: Some("ada"),
        topics: &["news"],
        ..Open::default()
    });
    let bob = rig.open(Open {
        user: Some("bob"),
        topics: &["ada", "**"],
        ..Open::default()
    });
    assert_eq!(rig.publish_to(Audience::User("ada"), "yours").recipients, 2);
    let in_news = Audience::UserInTopics {
        user: "ada",
        topics: &["news"],
    };
    assert_eq!(rig.publish_to(in_news, "yours in news").recipients, 1);
    assert_eq!(rig.data(ada), ["yours"]);
    assert_eq!(rig.data(second), ["yours", "yours in news"]);
    assert_eq!(rig.data(bob), Vec::<String>::new());
    assert_eq!(rig.publish_to(Audience::Everyone, "all").recipients, 3);
    assert_eq!(rig.data(bob), ["all"]);
}

#[test]
fn private_events_need_a_grant() {
    let mut rig = Rig::new(HubOptions::default());
    let granted = rig.open(Open {
        topics: &["rooms/**"],
        grants: &["rooms/1"],
        ..Open::default()
    });
    let plain = rig.open(Open {
        topics: &["rooms/1", "rooms/**"],
        ..Open::default()
    });
    assert_eq!(private(&mut rig, "rooms/1", "secret"), 1);
    assert_eq!(private(&mut rig, "rooms/2", "other secret"), 0);
    rig.publish("rooms/1", "open");
    assert_eq!(rig.data(granted), ["secret", "open"]);
    assert_eq!(rig.data(plain), ["open"]);
}

#[test]
fn replay_goes_by_the_present_grants() {
    let mut rig = Rig::new(HubOptions::default());
    private(&mut rig, "a", "secret");
    rig.publish("a", "open");
    let from = Open {
        topics: &["a"],
        last_event_id: Some("1~0"),
        ..Open::default()
    };
    let plain = rig.open(from);
    let granted = rig.open(Open {
        grants: &["*"],
        ..from
    });
    assert_eq!(rig.data(plain), ["open"]);
    assert_eq!(rig.data(granted), ["secret", "open"]);
    rig.hub.renew(0, granted, None, &["b"]).unwrap();
    assert_eq!(private(&mut rig, "a", "not any more"), 0);
    rig.hub.renew(0, plain, None, &["a"]).unwrap();
    assert_eq!(private(&mut rig, "a", "now"), 1);
    assert_eq!(
        (rig.data(granted), rig.data(plain)),
        (vec![], vec!["now".to_owned()])
    );
}

#[test]
fn the_sender_is_left_out_also_after_its_tab_comes_back() {
    let mut rig = Rig::new(HubOptions::default());
    let open = Open {
        user: Some("ada"),
        tab: Some("t1"),
        topics: &["room"],
        ..Open::default()
    };
    let sender = rig.open(open);
    let other = rig.open(Open {
        tab: Some("t2"),
        ..open
    });
    rig.drive();
    let publish = Publish {
        except: Some(sender),
        ..topic_event("room", Event::message("hi"))
    };
    assert_eq!(rig.hub.publish(0, &publish).unwrap().recipients, 1);
    rig.hub.handle_closed(sender);
    let again = rig.open(Open {
        last_event_id: Some("1~0"),
        ..open
    });
    rig.publish("room", "later");
    assert_eq!(rig.data(again), ["later"]);
    assert_eq!(rig.data(other), ["hi", "later"]);
}

#[test]
fn a_live_subscription_starts_at_the_head() {
    let mut rig = Rig::new(HubOptions::default());
    let reader = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    rig.publish("a", "a1");
    rig.publish("b", "b1");
    // Its position is still before b1: the subscription must not reach back.
    assert_eq!(rig.hub.subscribe(reader, "b"), Ok(true));
    assert_eq!(rig.hub.subscribe(reader, "b"), Ok(false));
    rig.publish("b", "b2");
    assert_eq!(rig.data(reader), ["a1", "b2"]);
    assert!(rig.hub.unsubscribe(reader, "b"));
    assert!(!rig.hub.unsubscribe(reader, "b"));
    rig.publish("b", "b3");
    assert_eq!(rig.data(reader), Vec::<String>::new());
}

#[test]
fn subscriptions_that_cannot_be_say_why() {
    let mut rig = Rig::new(HubOptions::default());
    let reader = rig.open(Open::default());
    let misplaced = SubscribeError::Name(NameError::MisplacedStar);
    assert_eq!(rig.hub.subscribe(reader, "a*"), Err(misplaced));
    assert_eq!(rig.hub.subscribe(reader, "**/a"), Err(misplaced));
    let stale = ConnectionId::from_u64(7);
    assert_eq!(rig.hub.subscribe(stale, "a"), Err(SubscribeError::NotFound));
    assert!(!rig.hub.unsubscribe(stale, "a"));
    assert_eq!(rig.hub.topics_of(reader).count(), 0);
}

#[test]
fn an_event_unsubscribed_before_it_left_is_not_sent() {
    let mut rig = Rig::new(HubOptions::default());
    let reader = rig.open(Open {
        topics: &["a", "b"],
        ..Open::default()
    });
    rig.publish("a", "a1");
    rig.publish("b", "b1");
    rig.hub.unsubscribe(reader, "a");
    assert_eq!(rig.data(reader), ["b1"]);
}

#[test]
fn readers_that_stand_together_get_each_what_is_theirs() {
    let mut rig = Rig::new(HubOptions::default());
    let mut reader = |user| {
        rig.open(Open {
            user,
            topics: &["news"],
            ..Open::default()
        })
    };
    let (nobody, ada, bob) = (reader(None), reader(Some("ada")), reader(Some("bob")));
    let readers = [nobody, ada, bob];
    rig.drive();

    rig.publish("news", "to all");
    rig.publish_to(Audience::User("ada"), "to ada");
    rig.publish("news", "to all again");
    let seen = readers.map(|reader| rig.data(reader));
    assert_eq!(seen[0], ["to all", "to all again"]);
    assert_eq!(seen[1], ["to all", "to ada", "to all again"]);
    assert_eq!(seen[2], seen[0]);

    rig.publish("news", "to all");
    let topics = &["news"];
    rig.publish_to(
        Audience::UserInTopics {
            user: "bob",
            topics,
        },
        "to bob",
    );
    private(&mut rig, "news", "to the granted");
    let publish = Publish {
        except: Some(ada),
        ..topic_event("news", Event::message("to all but ada"))
    };
    rig.hub.publish(rig.now, &publish).unwrap();
    let seen = readers.map(|reader| rig.data(reader));
    assert_eq!(seen[0], ["to all", "to all but ada"]);
    assert_eq!(seen[1], ["to all"]);
    assert_eq!(seen[2], ["to all", "to bob", "to all but ada"]);

    // Beyond many events for others, whose way leads past what is for ada.
    rig.publish("news", "to all");
    for _ in 0..300 {
        rig.publish("other", "to others");
    }
    rig.publish_to(Audience::User("ada"), "to ada");
    rig.publish("news", "to all again");
    let seen = readers.map(|reader| rig.data(reader));
    assert_eq!(seen[0], ["to all", "to all again"]);
    assert_eq!(seen[1], ["to all", "to ada", "to all again"]);
    assert_eq!(seen[2], seen[0]);
}

#[test]
fn who_comes_later_from_the_same_place_gets_what_has_come_since() {
    let mut rig = Rig::new(HubOptions::default());
    let topics = &["news"];
    let (first, second) = (
        rig.open(Open {
            topics,
            ..Open::default()
        }),
        rig.open(Open {
            topics,
            ..Open::default()
        }),
    );
    rig.drive();
    rig.publish("news", "one");
    let offered = rig.hub.transmit(rig.now, first).map(|offer| offer.len());
    let taken = offered.expect("there is an event for it");
    let got = rig.hub.consume(rig.now, first, taken);
    let one = Consumed {
        events: 1,
        gap: None,
    };
    assert_eq!(got, Ok(one));
    rig.publish("news", "two");
    assert_eq!(rig.data(second), ["one", "two"]);
    assert_eq!(rig.data(first), ["two"]);
}
