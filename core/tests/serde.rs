//! Events, names and options in another format, and back.

use serde::Serialize;
use serde_json::{Value, from_str, from_value, json, to_value};
use tidings_core::{
    ClassOptions, ClientOptions, ConnectionId, Cursor, DecodeOptions, Decoder, Event, Hub,
    HubOptions, Item, LagPolicy, OwnedEvent, WhenFull,
};

fn value(of: impl Serialize) -> Value {
    to_value(of).expect("it can be written")
}

#[test]
fn events_are_objects() {
    let whole = Event::message("a\nb")
        .with_id("7")
        .and_then(|event| event.with_event("tick"));
    let whole = whole.expect("it can be encoded").with_retry(250);
    let empty_id = Event::message("").with_id("").expect("it can be encoded");
    for (event, expected) in [
        (
            whole,
            json!({"id": "7", "event": "tick", "data": "a\nb", "retry": 250}),
        ),
        (Event::message("a"), json!({"data": "a"})),
        (empty_id, json!({"id": "", "data": ""})),
        (Event::new().with_retry(1), json!({"retry": 1})),
        (Event::new(), json!({})),
    ] {
        assert_eq!(value(event), expected);
        assert_eq!(value(event.into_owned()), expected);
        let read: OwnedEvent = from_value(expected).expect("it was written");
        assert_eq!(read, event.into_owned());
    }
}

#[test]
fn an_event_says_only_its_own_id() {
    let mut decoder = Decoder::default();
    let mut input = &b"id: 7\n\ndata: \xff\n\n"[..];
    let item = decoder.decode(&mut input).expect("no error").expect("one");
    let Item::Event(event) = item else {
        panic!("{item:?} is an event");
    };
    assert_eq!(event.id(), "7", "that of an event before it");
    assert_eq!(value(event), json!({"data": "\u{fffd}"}));
}

#[test]
fn what_cannot_be_encoded_is_refused() {
    for (text, says) in [
        (
            r#"{"id":"a\nb","data":""}"#,
            "the event id has a line break",
        ),
        (r#"{"id":"a\u0000b","data":""}"#, "the event id has a NUL"),
        (
            r#"{"event":"a\rb","data":""}"#,
            "the event type has a line break",
        ),
        (r#"{"datum":""}"#, "unknown field `datum`"),
        (r#"{"retry":-1}"#, "invalid value"),
    ] {
        let error = from_str::<OwnedEvent>(text).expect_err(text).to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[test]
fn names_are_texts() {
    let cursor = Cursor {
        epoch: 0x5f3a,
        sequence: 1_042,
        latest: Some(7),
    };
    let connection = ConnectionId::from_u64(u64::MAX);
    assert_eq!(value(cursor), "5f3a~1042~7");
    assert_eq!(value(connection), "ffffffffffffffff");
    assert_eq!(
        from_value::<Cursor>(json!("5f3a~1042~7")).ok(),
        Some(cursor)
    );
    assert_eq!(
        from_str::<ConnectionId>("\"ffffffffffffffff\"").ok(),
        Some(connection)
    );
    for wrong in [json!("05~1"), json!(""), json!(5), json!(null)] {
        assert!(from_value::<Cursor>(wrong.clone()).is_err(), "{wrong}");
        assert!(
            from_value::<ConnectionId>(wrong.clone()).is_err(),
            "{wrong}"
        );
    }
}

#[test]
fn what_a_configuration_does_not_name_is_the_default() {
    let nothing: HubOptions = from_str("{}").expect("nothing has to be there");
    assert_eq!(value(&nothing), value(HubOptions::default()));
    let nothing: ClientOptions = from_str("{}").expect("nothing has to be there");
    assert_eq!(nothing, ClientOptions::new(0));
    let nothing: DecodeOptions = from_str("{}").expect("nothing has to be there");
    assert_eq!(nothing, DecodeOptions::default());

    let options: HubOptions = from_value(json!({
        "lag": "close",
        "classes": [{"topics": ["prices/**"], "latest": true}],
        "limits": {"when_user_full": "replace_oldest", "user_connections": 3},
        "deadlines": {"heartbeat_ms": null},
        "control": {"heartbeat": {"enabled": false}, "bye": {"name": "farewell", "json": "{}"}},
    }))
    .expect("all of it is known");
    assert_eq!(options.lag, LagPolicy::Close);
    let class = &options.classes[0];
    assert!(class.latest && class.topics == ["prices/**"]);
    assert_eq!(class.events, ClassOptions::new(["a"]).events);
    assert_eq!(options.limits.when_user_full, WhenFull::ReplaceOldest);
    assert_eq!(options.limits.user_connections, 3);
    assert_eq!(
        options.limits.name_bytes,
        HubOptions::default().limits.name_bytes
    );
    assert_eq!(options.deadlines.heartbeat_ms, None);
    assert_eq!(options.deadlines.stall_ms, Some(60_000));
    let control = &options.control;
    assert_eq!(
        (&*control.heartbeat.name, control.heartbeat.enabled),
        ("heartbeat", false)
    );
    assert_eq!(
        (&*control.bye.name, control.bye.enabled),
        ("farewell", true)
    );
    assert_eq!(
        (&*control.gap.name, control.bye.json.as_deref()),
        ("gap", Some("{}"))
    );
    let read: HubOptions = from_value(value(&options)).expect("it was written");
    assert_eq!(value(&read), value(&options));
    assert!(Hub::new(read).is_ok());
}

#[test]
fn what_a_configuration_misspells_is_refused() {
    for wrong in [
        json!({"limit": {}}),
        json!({"limits": {"conections": 3}}),
        json!({"deadlines": {"heartbeat": 3}}),
        json!({"classes": [{"topic": []}]}),
        json!({"control": {"hartbeat": {}}}),
        json!({"control": {"heartbeat": {"on": false}}}),
        json!({"lag": "drop"}),
    ] {
        assert!(from_value::<HubOptions>(wrong.clone()).is_err(), "{wrong}");
    }
    assert!(
        from_value::<ClientOptions>(json!({"seed": 7})).is_err(),
        "not a setting"
    );
    assert!(from_value::<DecodeOptions>(json!({"event_byte": 7})).is_err());
}
