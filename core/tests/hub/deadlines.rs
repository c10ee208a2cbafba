//! What happens without anybody asking, and when.

use crate::support::Rig;
use tidings_core::{
    CloseReason, ConnectionId, ControlEvent, ControlOptions, Deadlines, HubOptions, Open, OpenError,
};

fn exact(deadlines: Deadlines) -> HubOptions {
    HubOptions {
        deadlines: Deadlines {
            tick_ms: 1,
            ..deadlines
        },
        ..HubOptions::default()
    }
}

fn events(rig: &mut Rig, id: ConnectionId) -> Vec<String> {
    rig.received(id).into_iter().map(|one| one.event).collect()
}

#[test]
fn a_quiet_stream_is_sent_heartbeats() {
    let mut rig = Rig::new(exact(Deadlines::default()));
    let reader = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    rig.run_to(29_999);
    assert_eq!(events(&mut rig, reader), ["connected"]);
    rig.publish("a", "x");
    rig.run_to(59_998);
    assert_eq!(events(&mut rig, reader), ["message"]);
    rig.run_to(59_999);
    assert_eq!(events(&mut rig, reader), ["heartbeat"]);
    rig.publish("b", "moves the head");
    rig.run_to(89_999);
    assert_eq!(rig.last_event_id(reader), "1~2");
    assert_eq!(rig.hub.poll_timeout(), Some(119_999));
}

#[test]
fn heartbeats_can_be_comments() {
    let mut rig = Rig::new(exact(Deadlines::default()));
    let reader = rig.open(Open {
        comment_heartbeats: true,
        ..Open::default()
    });
    rig.run_to(30_000);
    assert!(
        rig.raw(reader).ends_with("\n\n: \nid: 1~0\n\n"),
        "{}",
        rig.raw(reader)
    );
}

#[test]
fn deadlines_fire_together_on_the_tick() {
    let deadlines = Deadlines {
        tick_ms: 1_000,
        ..Deadlines::default()
    };
    let mut rig = Rig::new(HubOptions {
        deadlines,
        ..HubOptions::default()
    });
    for at in 0..10 {
        rig.now = 100 * at;
        rig.open(Open::default());
        rig.drive();
    }
    assert_eq!(rig.hub.poll_timeout(), Some(30_000));
    rig.run_to(30_000);
    assert_eq!(rig.hub.poll_timeout(), Some(31_000));
    rig.run_to(31_000);
    assert_eq!(rig.hub.poll_timeout(), Some(60_000));
}

#[test]
fn an_idle_stream_is_closed_though_its_heart_beats() {
    let idle = Deadlines {
        idle_ms: Some(70_000),
        ..Deadlines::default()
    };
    let mut rig = Rig::new(exact(idle));
    let reader = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    rig.run_to(50_000);
    rig.publish("a", "x");
    rig.run_to(119_999);
    assert!(rig.hub.is_open(reader));
    rig.run_to(120_000);
    assert_eq!(rig.received(reader).pop().unwrap().event, "bye");
    assert_eq!(rig.closed(), [(reader, CloseReason::Idle, false)]);
}

#[test]
fn an_old_stream_is_closed() {
    let age = Deadlines {
        age_ms: Some(40_000),
        ..Deadlines::default()
    };
    let mut rig = Rig::new(exact(age));
    let reader = rig.open(Open {
        topics: &["a"],
        ..Open::default()
    });
    rig.run_to(39_000);
    rig.publish("a", "x");
    rig.run_to(40_000);
    assert_eq!(rig.closed(), [(reader, CloseReason::Age, false)]);
}

#[test]
fn a_token_that_ends_is_announced_and_then_ends_the_stream() {
    let mut options = exact(Deadlines {
        heartbeat_ms: None,
        ..Deadlines::default()
    });
    options.unix_ms_at_zero = 1_000_000;
    let mut rig = Rig::new(options);
    let open = Open {
        topics: &["a"],
        expires_ms: Some(1_100_000),
        ..Open::default()
    };
    let reader = rig.open(open);
    rig.run_to(39_999);
    assert_eq!(events(&mut rig, reader), ["connected"]);
    rig.run_to(40_000);
    let reauth = rig.received(reader).remove(0);
    assert_eq!(
        (&*reauth.event, &*reauth.data),
        ("reauth", r#"{"expires_ms":1100000}"#)
    );
    rig.publish("a", "in time");
    assert_eq!(rig.data(reader), ["in time"]);
    rig.publish("a", "too late");
    rig.now = 100_000;
    let received = rig.received(reader);
    assert_eq!(received.len(), 1);
    assert!(received[0].data.starts_with(r#"{"reason":"expired","#));
    assert_eq!(
        received[0].id, "1~1",
        "the event that was not sent can be resumed"
    );
    assert_eq!(rig.hub.open(rig.now, open), Err(OpenError::Expired));
}

#[test]
fn a_renewed_token_keeps_the_stream_open() {
    let mut rig = Rig::new(exact(Deadlines {
        heartbeat_ms: None,
        ..Deadlines::default()
    }));
    let reader = rig.open(Open {
        expires_ms: Some(100_000),
        ..Open::default()
    });
    rig.run_to(50_000);
    rig.hub.renew(50_000, reader, Some(200_000), &[]).unwrap();
    rig.run_to(139_999);
    assert_eq!(events(&mut rig, reader), ["connected", "reauth"]);
    rig.run_to(140_000);
    assert_eq!(events(&mut rig, reader), ["reauth"]);
    rig.hub.renew(140_000, reader, None, &[]).unwrap();
    assert_eq!(rig.hub.poll_timeout(), None);
}

#[test]
fn a_clock_that_is_corrected_moves_the_expiry() {
    let mut rig = Rig::new(exact(Deadlines {
        heartbeat_ms: None,
        ..Deadlines::default()
    }));
    let reader = rig.open(Open {
        expires_ms: Some(500_000),
        ..Open::default()
    });
    rig.drive();
    rig.hub.set_unix_ms(0, 450_000);
    assert_eq!(rig.hub.poll_timeout(), Some(0), "the announcement is due");
    rig.run_to(50_000);
    assert_eq!(rig.closed(), [(reader, CloseReason::Expired, false)]);
}

#[test]
fn control_events_can_be_renamed_filled_and_switched_off() {
    let control = ControlOptions {
        connected: ControlEvent {
            json: Some(r#"{"hello":1}"#.into()),
            ..ControlEvent::named("open")
        },
        heartbeat: ControlEvent {
            enabled: false,
            ..ControlEvent::named("heartbeat")
        },
        ..ControlOptions::default()
    };
    let mut rig = Rig::new(HubOptions {
        control,
        ..exact(Deadlines::default())
    });
    let reader = rig.open(Open::default());
    rig.run_to(30_000);
    let raw = "id: 1~0\nevent: open\ndata: {\"hello\":1}\n\n: \nid: 1~0\n\n";
    assert_eq!(rig.raw(reader), raw);
}

#[test]
fn json_of_ones_own_can_say_what_the_hub_would() {
    let says = |name, json: &str| ControlEvent {
        json: Some(json.to_owned()),
        ..ControlEvent::named(name)
    };
    let control = ControlOptions {
        connected: says(
            "connected",
            r#"{"who":{user},"reads":{topics},"deep":{"at":{cursor}},"{connection":{}}"#,
        ),
        heartbeat: says("heartbeat", r#"{"timestamp":{time_ms},"other":"{user}"}"#),
        gap: says("gap", r#"[{missed},{from},{reason}]"#),
        reauth: says("reauth", "{expires_ms}"),
        bye: says(
            "bye",
            r#"{"why":{reason},"again":{reason},"in":{retry_ms}}"#,
        ),
    };
    let deadlines = Deadlines {
        retry_ms: 0,
        age_ms: Some(95_000),
        ..Deadlines::default()
    };
    let mut rig = Rig::new(HubOptions {
        control,
        unix_ms_at_zero: 1_000_000,
        ..exact(deadlines)
    });
    let reader = rig.open(Open {
        user: Some("{topics} \""),
        topics: &["a"],
        last_event_id: Some("2~1"),
        expires_ms: Some(1_100_000),
        ..Open::default()
    });
    rig.run_to(95_000);
    let received = rig.received(reader);
    let data: Vec<_> = received.iter().map(|event| &*event.data).collect();
    let expected = [
        r#"{"who":"{topics} \"","reads":["a"],"deep":{"at":"1~0"},"{connection":{}}"#,
        r#"[null,null,"unknown_cursor"]"#,
        r#"{"timestamp":1030000,"other":"{user}"}"#,
        "1100000",
        r#"{"timestamp":1070000,"other":"{user}"}"#,
        r#"{"why":"age","again":"age","in":0}"#,
    ];
    assert_eq!(data, expected);
}
