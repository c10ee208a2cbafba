//! The second encoding: the same events as WebSocket messages, made once and kept with them.

use crate::support::{Message, Received, Rig, topic_event};
use proptest::prelude::*;
use tidings_core::{
    Audience, ClassOptions, CloseReason, ConnectionId, ControlEvent, ControlOptions, Deadlines,
    Encoding, Event, HubOptions, LagPolicy, Limits, Opcode, Open, Publish, decode_frame,
    encode_frame,
};

const SOCKET: Open<'_> = Open {
    user: None,
    tab: None,
    topics: &["a"],
    grants: &[],
    last_event_id: None,
    expires_ms: None,
    lag: None,
    comment_heartbeats: false,
    encoding: Encoding::WebSocket,
    preamble: b"",
};

/// A rig with one socket, whose first message was taken.
fn rig(options: HubOptions, open: Open<'_>) -> (Rig, ConnectionId) {
    let mut rig = Rig::new(options);
    let socket = rig.open(open);
    rig.drive();
    rig.bytes(socket);
    (rig, socket)
}

/// The payloads of messages of text.
fn payloads(bytes: &[u8]) -> Vec<String> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while let Some((opcode, payload)) = decode_frame(&mut rest).expect("valid frames") {
        assert_eq!(opcode, Opcode::Text);
        found.push(String::from_utf8(payload.to_vec()).expect("UTF-8"));
    }
    assert_eq!(rest, b"");
    found
}

fn small_log(bytes: usize, event_bytes: usize) -> HubOptions {
    HubOptions {
        default_class: ClassOptions {
            bytes,
            ..ClassOptions::new(["**"])
        },
        limits: Limits {
            event_bytes,
            ..Limits::default()
        },
        ..HubOptions::default()
    }
}

#[test]
fn an_event_is_a_message_with_its_topic() {
    let open = Open {
        user: Some("ada"),
        topics: &["a", "b"],
        ..SOCKET
    };
    let (mut rig, socket) = rig(HubOptions::default(), open);
    let event = Event::message("one\r\ntwo \"\\\u{1}")
        .with_event("x")
        .and_then(|event| event.with_id("own \"1\""))
        .expect("a valid event")
        .with_retry(500);
    for (audience, event) in [
        (Audience::Topic("a"), event),
        (Audience::Topics(&["c", "b", "a"]), Event::message("")),
        (
            Audience::UserInTopics {
                user: "ada",
                topics: &["b"],
            },
            Event::message("é\u{2028}"),
        ),
        (Audience::User("ada"), Event::message("u")),
        (Audience::Everyone, Event::message("e")),
        (Audience::Connection(socket), Event::message("c")),
    ] {
        let publish = Publish::to(audience, event);
        rig.hub.publish(0, &publish).expect("it is published");
    }
    assert_eq!(
        payloads(&rig.bytes(socket)),
        [
            r#"{"id":"own \"1\"","event":"x","data":"one\ntwo \"\\\u0001","topic":"a","retry":500}"#,
            r#"{"id":"1~2","event":"message","data":"","topic":"a"}"#,
            "{\"id\":\"1~3\",\"event\":\"message\",\"data\":\"é\u{2028}\",\"topic\":\"b\"}",
            r#"{"id":"1~4","event":"message","data":"u","topic":null}"#,
            r#"{"id":"1~5","event":"message","data":"e","topic":null}"#,
            r#"{"id":"1~6","event":"message","data":"c","topic":null}"#,
        ]
    );
}

proptest! {
    /// What a message says is what a reader of an event stream hears, whatever the event.
    #[test]
    fn a_message_says_what_the_event_says(
        id in proptest::option::of("[^\\p{C}\u{1}-\u{1f}!~]{1,9}"),
        event in "[^\r\n]{0,9}",
        data in "(?s).{0,300}",
        retry in proptest::option::of(any::<u64>()),
    ) {
        let (mut rig, socket) = rig(HubOptions::default(), SOCKET);
        let stream = rig.open(Open { topics: &["a"], ..Open::default() });
        rig.received(stream);
        let mut published = Event::message(&data).with_event(&event).expect("no line break");
        if let Some(id) = &id {
            published = published.with_id(id).expect("no line break");
        }
        if let Some(ms) = retry {
            published = published.with_retry(ms);
        }
        let done = rig.hub.publish(0, &topic_event("a", published));
        prop_assume!(done.is_ok());
        let payload = payloads(&rig.bytes(socket)).pop().expect("a message");
        let message: Message = serde_json::from_str(&payload).expect("JSON");
        let heard = rig.received(stream);
        let said = Received {
            event: message.event.expect("a type"),
            data: message.data.expect("data"),
            id: message.id.expect("an id"),
        };
        prop_assert_eq!(&heard, &[said]);
        prop_assert_eq!(message.topic.as_deref(), Some("a"));
        prop_assert_eq!(message.retry, retry);
        prop_assert!(id.is_none_or(|id| heard[0].id == id));
    }
}

#[test]
fn control_events_are_messages_too() {
    let mut rig = Rig::new(HubOptions {
        unix_ms_at_zero: 1_000,
        ..HubOptions::default()
    });
    let socket = rig.open(Open {
        user: Some("ada"),
        expires_ms: Some(100_000),
        ..SOCKET
    });
    let connected = payloads(&rig.bytes(socket));
    let says = format!(
        r#"{{\"connection\":\"{socket}\",\"user\":\"ada\",\"topics\":[\"a\"],\"cursor\":\"1~0\"}}"#
    );
    assert_eq!(
        connected,
        [format!(
            r#"{{"id":"1~0","event":"connected","data":"{says}","topic":null}}"#
        )]
    );
    rig.run_to(31_000);
    assert_eq!(
        payloads(&rig.bytes(socket)),
        [r#"{"id":"1~0","event":"heartbeat","data":"{\"time_ms\":31000}","topic":null}"#]
    );
    rig.run_to(40_000);
    assert_eq!(
        payloads(&rig.bytes(socket)),
        [r#"{"id":null,"event":"reauth","data":"{\"expires_ms\":100000}","topic":null}"#]
    );
    rig.run_to(200_000);
    let bye = rig.received(socket).pop().expect("a bye");
    assert_eq!((&*bye.event, &*bye.id), ("bye", "1~0"));
    assert!(bye.data.starts_with(r#"{"reason":"expired","retry_ms":"#));
    let close = Some((1008, "expired".to_owned()));
    assert_eq!(rig.frames(socket).1, close);
    assert_eq!(rig.closed(), [(socket, CloseReason::Expired, false)]);
}

#[test]
fn what_is_switched_off_leaves_the_position() {
    let off = |name| ControlEvent {
        enabled: false,
        ..ControlEvent::named(name)
    };
    let control = ControlOptions {
        connected: off("connected"),
        heartbeat: off("heartbeat"),
        bye: off("bye"),
        ..ControlOptions::default()
    };
    let mut rig = Rig::new(HubOptions {
        control,
        ..HubOptions::default()
    });
    let socket = rig.open(SOCKET);
    let nothing = r#"{"id":"1~0","event":null,"data":null,"topic":null"#;
    assert_eq!(payloads(&rig.bytes(socket)), [format!("{nothing}}}")]);
    rig.run_to(30_000);
    let beat = rig.bytes(socket);
    assert_eq!(beat[..2], *b"\x89\x00");
    assert_eq!(payloads(&beat[2..]), [format!("{nothing}}}")]);
    rig.hub.close(rig.now, socket);
    let end = rig.bytes(socket);
    let mut close = Vec::new();
    encode_frame(Opcode::Close, b"\x03\xe8closed", &mut close);
    let bye = payloads(end.strip_suffix(&*close).expect("a close frame at the end"));
    assert!(bye[0].starts_with(nothing) && bye[0].contains("\"retry\":"));
}

#[test]
fn heartbeats_as_comments_are_pings() {
    let open = Open {
        comment_heartbeats: true,
        ..SOCKET
    };
    let (mut rig, socket) = rig(HubOptions::default(), open);
    rig.publish("b", "for others");
    rig.run_to(30_000);
    assert_eq!(rig.frames(socket), (1, None));
    assert_eq!(rig.last_event_id(socket), "1~1");
    assert_eq!(rig.received(socket).len(), 1, "only `connected`");
}

#[test]
fn heartbeats_of_one_time_are_each_in_their_own_form() {
    let mut rig = Rig::new(HubOptions::default());
    let forms = [
        (Encoding::EventStream, false),
        (Encoding::EventStream, false),
        (Encoding::WebSocket, false),
        (Encoding::WebSocket, true),
        (Encoding::EventStream, true),
    ];
    let readers = forms.map(|(encoding, comment_heartbeats)| {
        let reader = rig.open(Open {
            encoding,
            comment_heartbeats,
            ..SOCKET
        });
        rig.drive();
        rig.bytes(reader);
        reader
    });
    let message = |json: &str| {
        let mut frame = Vec::new();
        encode_frame(Opcode::Text, json.as_bytes(), &mut frame);
        frame
    };
    for (number, time_ms) in [(0, 30_000), (1, 60_000)] {
        rig.run_to(time_ms);
        let event =
            format!("id: 1~{number}\nevent: heartbeat\ndata: {{\"time_ms\":{time_ms}}}\n\n");
        let socket = message(&format!(
            r#"{{"id":"1~{number}","event":"heartbeat","data":"{{\"time_ms\":{time_ms}}}","topic":null}}"#
        ));
        let position = message(&format!(
            r#"{{"id":"1~{number}","event":null,"data":null,"topic":null}}"#
        ));
        let ping = [b"\x89\x00", &*position].concat();
        let comment = format!(": \nid: 1~{number}\n\n");
        let beats = [
            event.as_bytes(),
            event.as_bytes(),
            &socket,
            &ping,
            comment.as_bytes(),
        ];
        assert_eq!(readers.map(|reader| rig.bytes(reader)), beats);
        rig.publish("b", "moves the head");
    }
}

#[test]
fn the_close_frame_says_why() {
    let mut rig = Rig::new(HubOptions {
        lag: LagPolicy::Close,
        default_class: ClassOptions {
            events: 1,
            ..ClassOptions::new(["**"])
        },
        deadlines: Deadlines {
            idle_ms: Some(100_000),
            ..Deadlines::default()
        },
        ..HubOptions::default()
    });
    let tab = Some("a tab of its own");
    let old = rig.open(Open { tab, ..SOCKET });
    rig.drive();
    let new = rig.open(Open { tab, ..SOCKET });
    rig.drive();
    let superseded = Some((1000, "superseded".to_owned()));
    assert_eq!(rig.frames(old).1, superseded);
    assert!(rig.last_event_id(old).ends_with('!'));
    rig.set_room(new, 0);
    rig.publish("a", "1");
    rig.drive();
    rig.publish("a", "2");
    rig.set_room(new, usize::MAX);
    assert_eq!(rig.frames(new).1, Some((1008, "lagged".to_owned())));
    let idle = rig.open(SOCKET);
    rig.run_to(100_000);
    assert_eq!(rig.frames(idle).1, Some((1000, "idle".to_owned())));
    let drained = rig.open(SOCKET);
    rig.publish("a", "last");
    rig.hub.drain(rig.now, 1_000);
    assert_eq!(rig.frames(drained).1, Some((1001, "drain".to_owned())));
    assert_eq!(rig.data(drained), ["last"]);
}

#[test]
fn a_message_is_made_once_and_counted() {
    let (mut rig, first) = rig(HubOptions::default(), SOCKET);
    let second = rig.open(SOCKET);
    let stream = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    rig.received(stream);
    rig.bytes(second);
    rig.publish("a", "hello");
    let before = rig.hub.stats().log_bytes;
    let message = rig.bytes(first);
    let with_text = rig.hub.stats().log_bytes;
    assert!(with_text > before + message.len());
    assert_eq!(rig.bytes(second), message);
    let late = rig.open(Open {
        last_event_id: Some("1~0"),
        ..SOCKET
    });
    assert!(rig.bytes(late).ends_with(&message));
    assert_eq!(rig.hub.stats().log_bytes, with_text);
    assert_eq!(rig.received(stream).len(), 1);
}

#[test]
fn a_message_goes_with_its_event() {
    let options = || HubOptions {
        classes: vec![ClassOptions {
            latest: true,
            ..ClassOptions::new(["v"])
        }],
        default_class: ClassOptions {
            events: 1,
            ..ClassOptions::new(["**"])
        },
        ..HubOptions::default()
    };
    let topics = &["a", "v"];
    let mut bytes = Vec::new();
    for reads in [false, true] {
        let mut rig = Rig::new(options());
        if reads {
            rig.open(Open { topics, ..SOCKET });
        }
        for round in ["1", "2", "3"] {
            rig.publish("a", round);
            rig.publish("v", round);
            rig.drive();
        }
        // Not asked for by anyone.
        let nobody = Audience::User("nobody");
        rig.publish_to(nobody, "4");
        rig.publish("v", "4");
        bytes.push(rig.hub.stats().log_bytes);
    }
    assert_eq!(bytes[0], bytes[1]);
}

#[test]
fn messages_are_one_slice_for_the_first_and_for_later_readers() {
    let mut rig = Rig::new(HubOptions::default());
    let open = Open {
        last_event_id: Some("earliest"),
        ..SOCKET
    };
    for number in 0..100 {
        rig.publish("a", &number.to_string());
    }
    for _ in 0..2 {
        let socket = rig.hub.open(0, open).expect("it opens");
        let transmit = rig.hub.transmit(0, socket).expect("it has something");
        let (len, slices) = (transmit.len(), transmit.slices().count());
        assert!(slices <= 2, "{slices} slices");
        let taken = rig.hub.consume(0, socket, len).expect("it was offered");
        assert_eq!(taken.events, 100);
    }
}

#[test]
fn a_long_message_is_sent_from_the_log() {
    let (mut rig, first) = rig(HubOptions::default(), SOCKET);
    let second = rig.open(SOCKET);
    rig.bytes(second);
    let data = "\u{1}".repeat(1 << 19);
    rig.publish("a", &data);
    assert_eq!(rig.data(first), [&*data]);
    rig.set_room(second, 100_000);
    rig.drive();
    rig.publish("a", "next");
    rig.set_room(second, usize::MAX);
    assert_eq!(rig.data(second), [&*data, "next"]);
}

#[test]
fn a_reader_in_the_middle_of_a_message_gets_the_rest_of_it() {
    for latest in [false, true] {
        let class = ClassOptions {
            latest,
            events: 1,
            ..ClassOptions::new(["a"])
        };
        let (mut rig, slow) = rig(
            HubOptions {
                classes: vec![class],
                ..HubOptions::default()
            },
            SOCKET,
        );
        rig.publish("a", "cut in two");
        rig.set_room(slow, 20);
        rig.drive();
        for number in 0..3 {
            rig.publish("a", &number.to_string());
        }
        rig.set_room(slow, usize::MAX);
        let received = rig.received(slow);
        let heard: Vec<_> = received[1..].iter().map(|one| &*one.data).collect();
        let gap = r#"{"missed":2,"from":"1~1","reason":"lagged"}"#;
        match latest {
            false => assert_eq!(heard, ["cut in two", gap, "2"]),
            true => assert_eq!(heard, ["cut in two", "2"]),
        }
        rig.hub.handle_closed(slow);
        assert!(rig.hub.is_idle());
    }
}

#[test]
fn room_for_a_message_is_made_as_for_a_publish() {
    let (mut rig, socket) = rig(small_log(16 << 10, 2 << 10), SOCKET);
    let stream = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    let mut sent = Vec::new();
    for number in 0..200 {
        let data = format!("{number}{}", "-".repeat(number * 7 % 1_000));
        rig.publish("a", &data);
        rig.drive();
        sent.push(data);
        assert!(rig.hub.stats().log_bytes <= 16 << 10);
    }
    assert_eq!(rig.data(socket), sent);
    assert_eq!(rig.data(stream), sent);
    let kept = rig.hub.stats().log_events;
    assert!((5..15).contains(&kept), "{kept} events are kept");
    assert_eq!(rig.gaps, []);
}

#[test]
fn without_room_a_message_is_made_again() {
    // More than the class holds, even alone.
    let (mut rig, first) = rig(small_log(16 << 10, 4 << 10), SOCKET);
    let second = rig.open(SOCKET);
    rig.bytes(second);
    let data = "\u{1}".repeat(4_000);
    rig.publish("a", &data);
    let before = rig.hub.stats().log_bytes;
    assert_eq!(rig.data(first), [&*data]);
    assert_eq!(rig.hub.stats().log_bytes, before);
    // What is owed of it is kept for the reader.
    rig.set_room(second, 9_999);
    rig.drive();
    rig.publish("a", "next");
    rig.drive();
    rig.set_room(second, usize::MAX);
    assert_eq!(rig.data(second), [&*data, "next"]);
}

#[test]
fn what_a_reader_waits_for_is_not_let_go_for_a_message() {
    let options = small_log(16 << 10, 4 << 10);
    let (mut rig, socket) = rig(options, SOCKET);
    let mut sent = Vec::new();
    for number in 0..4 {
        let data = format!("{number}{}", "\"".repeat(3_000));
        rig.publish("a", &data);
        sent.push(data);
    }
    assert_eq!(rig.data(socket), sent);
    assert_eq!(rig.gaps, []);
    assert!(rig.hub.stats().log_bytes <= 16 << 10);
}

#[test]
fn what_is_not_replayed_is_not_made() {
    let mut rig = Rig::new(HubOptions {
        limits: Limits {
            replay_events: 2,
            ..Limits::default()
        },
        ..HubOptions::default()
    });
    let mut bytes = Vec::new();
    for number in 0..50 {
        rig.publish("a", &format!("{number:03}"));
        bytes.push(rig.hub.stats().log_bytes);
    }
    let socket = rig.open(Open {
        last_event_id: Some("1~0"),
        ..SOCKET
    });
    let received = rig.received(socket);
    let heard: Vec<_> = received.iter().map(|one| &*one.event).collect();
    assert_eq!(heard, ["connected", "message", "message", "gap"]);
    assert!(received[3].data.starts_with(r#"{"missed":48,"#));
    let each = bytes[1] - bytes[0];
    let made = rig.hub.stats().log_bytes - bytes[49];
    assert!(made < 4 * each, "{made} bytes of messages");
}

#[test]
fn values_that_open_a_stream_are_messages_under_its_position() {
    let mut rig = Rig::new(HubOptions {
        classes: vec![ClassOptions {
            latest: true,
            ..ClassOptions::new(["v/*"])
        }],
        ..HubOptions::default()
    });
    rig.publish("v/1", "one");
    rig.publish("v/2", "two");
    let socket = rig.open(Open {
        topics: &["v/*"],
        ..SOCKET
    });
    assert_eq!(
        payloads(&rig.bytes(socket))[1..],
        [
            r#"{"id":"1~2~1","event":"message","data":"one","topic":"v/1"}"#,
            r#"{"id":"1~2~2","event":"message","data":"two","topic":"v/2"}"#,
        ]
    );
    rig.publish("v/1", "three");
    assert_eq!(
        payloads(&rig.bytes(socket)),
        [r#"{"id":"1~3","event":"message","data":"three","topic":"v/1"}"#]
    );
}

#[test]
fn a_cut_anywhere_loses_nothing() {
    let mut rig = Rig::new(HubOptions::default());
    let mut sent = Vec::new();
    for number in 0..30 {
        let data = number.to_string();
        rig.publish("a", &data);
        rig.publish("b", "for others");
        sent.push(data);
    }
    let mut id = "earliest".to_owned();
    let mut heard = Vec::new();
    for cut in (0..).step_by(37).take(200) {
        let socket = rig.open(Open {
            last_event_id: Some(&id),
            ..SOCKET
        });
        rig.set_room(socket, 200 + cut % 300);
        heard.extend(rig.data(socket));
        let last = rig.last_event_id(socket);
        rig.hub.handle_closed(socket);
        if heard.len() >= sent.len() {
            break;
        }
        if !last.is_empty() {
            id = last;
        }
    }
    assert_eq!(heard, sent);
}
