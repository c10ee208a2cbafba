//! Opening streams: limits, tabs, what is refused.

use crate::support::Rig;
use tidings_core::{CloseReason, HubOptions, Limits, NameError, Open, OpenError, WhenFull};

fn refused(rig: &mut Rig, open: Open<'_>) -> OpenError {
    rig.hub
        .open(rig.now, open)
        .expect_err("the stream is refused")
}

#[test]
fn the_first_event_says_who_and_where() {
    let mut rig = Rig::new(HubOptions::default());
    rig.publish("a", "before");
    let reader = rig.open(Open {
        user: Some("a\"b"),
        topics: &["a/*", "b"],
        ..Open::default()
    });
    let first = &rig.received(reader)[0];
    assert_eq!((&*first.event, &*first.id), ("connected", "1~1"));
    let says =
        format!(r#"{{"connection":"{reader}","user":"a\"b","topics":["b","a/*"],"cursor":"1~1"}}"#);
    assert_eq!(first.data, says);
    let anonymous = rig.open(Open::default());
    assert!(
        rig.received(anonymous)[0]
            .data
            .contains(r#""user":null,"topics":[],"#)
    );
}

#[test]
fn the_preamble_comes_first() {
    let mut rig = Rig::new(HubOptions::default());
    let reader = rig.open(Open {
        preamble: b"HTTP/1.1 200 OK\r\n\r\n",
        ..Open::default()
    });
    rig.drive();
    assert!(
        rig.raw(reader)
            .starts_with("HTTP/1.1 200 OK\r\n\r\nid: 1~0\nevent: connected\n")
    );
    let long = Open {
        preamble: &[b'x'; 4_097],
        ..Open::default()
    };
    assert_eq!(
        refused(&mut rig, long),
        OpenError::PreambleTooLong { limit: 4_096 }
    );
}

#[test]
fn a_newer_stream_of_a_tab_supersedes_the_older() {
    let mut rig = Rig::new(HubOptions::default());
    let open = Open {
        user: Some("ada"),
        tab: Some("t"),
        topics: &["a"],
        ..Open::default()
    };
    let first = rig.open(open);
    let other_user = rig.open(Open {
        user: Some("bob"),
        ..open
    });
    rig.publish("a", "1");
    rig.drive();
    let second = rig.open(open);
    let last = rig.received(first).pop().unwrap();
    assert_eq!((&*last.event, &*last.id), ("bye", "1~1!"));
    assert!(
        last.data
            .starts_with(r#"{"reason":"superseded","retry_ms":"#),
        "{}",
        last.data
    );
    assert_eq!(rig.closed(), [(first, CloseReason::Superseded, false)]);
    assert!(rig.hub.is_open(second) && rig.hub.is_open(other_user));
    rig.now = 400;
    assert_eq!(
        refused(&mut rig, open),
        OpenError::SupersededTooSoon { retry_ms: 600 }
    );
    rig.now = 1_000;
    let third = rig.open(open);
    assert_eq!(rig.closed(), [(second, CloseReason::Superseded, false)]);
    rig.hub.handle_closed(third);
    let fourth = rig.open(open);
    assert!(
        rig.hub.is_open(fourth),
        "nothing to supersede, nothing to wait for"
    );
}

#[test]
fn a_tab_without_a_user_is_a_secret() {
    let mut rig = Rig::new(HubOptions::default());
    assert_eq!(
        refused(
            &mut rig,
            Open {
                tab: Some("t"),
                ..Open::default()
            }
        ),
        OpenError::TabTooShort
    );
    let open = Open {
        tab: Some("0123456789abcdef"),
        ..Open::default()
    };
    let first = rig.open(open);
    let second = rig.open(open);
    rig.drive();
    assert!(!rig.hub.is_open(first) && rig.hub.is_open(second));
}

#[test]
fn limits_refuse_and_stay_as_they_were() {
    let limits = Limits {
        connections: 3,
        user_connections: 2,
        topics_per_connection: 2,
        grants_per_connection: 1,
        name_bytes: 5,
        ..Limits::default()
    };
    let mut rig = Rig::new(HubOptions {
        limits,
        ..HubOptions::default()
    });
    let ada = Open {
        user: Some("ada"),
        ..Open::default()
    };
    let first = rig.open(ada);
    rig.open(ada);
    let cases = [
        (ada, "too_many_user_connections"),
        (
            Open {
                topics: &["a", "b", "c"],
                ..Open::default()
            },
            "too_many_topics",
        ),
        (
            Open {
                grants: &["a", "b"],
                ..Open::default()
            },
            "too_many_grants",
        ),
        (
            Open {
                topics: &["a", "**/b"],
                ..Open::default()
            },
            "invalid_topic",
        ),
        (
            Open {
                grants: &["a\n"],
                ..Open::default()
            },
            "invalid_grant",
        ),
        (
            Open {
                user: Some("abcdef"),
                ..Open::default()
            },
            "invalid_user",
        ),
        (
            Open {
                user: Some("ada"),
                tab: Some(""),
                ..Open::default()
            },
            "invalid_tab",
        ),
        (
            Open {
                expires_ms: Some(0),
                ..Open::default()
            },
            "expired",
        ),
    ];
    for (open, code) in cases {
        let error = refused(&mut rig, open);
        assert_eq!(error.code(), code, "{error}");
    }
    let error = refused(
        &mut rig,
        Open {
            topics: &["abcdef"],
            ..Open::default()
        },
    );
    let too_long = OpenError::Topic {
        index: 0,
        error: NameError::TooLong { limit: 5 },
    };
    assert_eq!(error, too_long);
    assert_eq!((rig.hub.connections(), rig.hub.users()), (2, 1));
    rig.open(Open::default());
    assert_eq!(
        refused(&mut rig, Open::default()),
        OpenError::TooManyConnections { limit: 3 }
    );
    rig.hub.handle_closed(first);
    rig.open(ada);
}

#[test]
fn the_oldest_of_a_user_can_make_room() {
    let limits = Limits {
        user_connections: 2,
        when_user_full: WhenFull::ReplaceOldest,
        ..Limits::default()
    };
    let mut rig = Rig::new(HubOptions {
        limits,
        ..HubOptions::default()
    });
    let ada = Open {
        user: Some("ada"),
        ..Open::default()
    };
    let streams = [(); 3].map(|()| rig.open(ada));
    let last = rig.received(streams[0]).pop().unwrap();
    assert_eq!((&*last.event, last.id.ends_with('!')), ("bye", true));
    assert_eq!(rig.closed(), [(streams[0], CloseReason::Replaced, false)]);
    assert!(rig.hub.is_open(streams[1]) && rig.hub.is_open(streams[2]));
}

#[test]
fn ids_of_closed_connections_stay_stale() {
    let mut rig = Rig::new(HubOptions::default());
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..100 {
        let id = rig.open(Open {
            topics: &["a"],
            ..Open::default()
        });
        assert!(seen.insert(id), "an id is not used twice");
        rig.hub.handle_closed(id);
        rig.hub.handle_closed(id);
        assert!(!rig.hub.close(0, id) && !rig.hub.is_open(id));
        assert!(rig.hub.transmit(0, id).is_none());
        assert!(rig.hub.consume(0, id, 0).is_err());
    }
    assert!(rig.hub.is_idle());
}

#[test]
fn other_limits_hold_for_what_comes_from_now_on() {
    let mut rig = Rig::new(HubOptions::default());
    let ada = Open {
        user: Some("ada"),
        topics: &["a", "b"],
        ..Open::default()
    };
    let (first, second) = (rig.open(ada), rig.open(ada));
    rig.hub.set_limits(&Limits {
        connections: 3,
        user_connections: 1,
        topics_per_connection: 2,
        event_bytes: 1,
        ..Limits::default()
    });
    assert!(rig.hub.is_open(first) && rig.hub.is_open(second));
    let limit = 1;
    assert_eq!(
        refused(&mut rig, ada),
        OpenError::TooManyUserConnections { limit }
    );
    let topics = Open {
        topics: &["a", "b", "c"],
        ..Open::default()
    };
    assert_eq!(
        refused(&mut rig, topics),
        OpenError::TooManyTopics { limit: 2 }
    );
    rig.open(Open::default());
    assert_eq!(
        refused(&mut rig, Open::default()),
        OpenError::TooManyConnections { limit: 3 }
    );
    rig.publish("a", "as long as it was allowed to be");
    assert_eq!(rig.data(first).len(), 1);
}
