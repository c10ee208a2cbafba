//! New tokens for live streams: what they give, what they take, and that no event is lost by it.

use crate::support::guarded::{now_s, reading, sign};
use crate::support::{Managed, Stream, admin, error_code, reader, token_of};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use tidings_smol::server::{Access, NewToken};

fn path(connected: &Value) -> String {
    let id = connected["connection"].as_str().expect("an id");
    format!("/connections/{id}/token")
}

/// Opens a stream and says where its tokens go.
fn open(server: &Managed, query: &str, token: &str) -> (Stream, String) {
    let mut stream = server.stream(query, token);
    let path = path(&stream.connected());
    (stream, path)
}

fn renew(server: &Managed, path: &str, token: &str) -> Value {
    let response = server.post(path, token, &Value::Null);
    assert_eq!(response.status, 200, "{response:?}");
    response.json()
}

#[test]
fn a_stream_goes_on_with_a_new_token_and_loses_nothing() {
    const EVENTS: usize = 300;
    let server = Managed::start();
    let token = reader("ada", &["news", "more"]);
    let (mut stream, path) = open(&server, "topic=news", &token);
    let done = AtomicBool::new(false);
    let renewals = std::thread::scope(|scope| {
        let renewing = scope.spawn(|| {
            let mut renewals = 0;
            while !done.load(Ordering::Relaxed) {
                let answer = renew(&server, &path, &token);
                assert_eq!(answer["topics"], json!(["news"]));
                assert_eq!(answer["dropped"], json!([]));
                renewals += 1;
            }
            renewals
        });
        for number in 0..EVENTS {
            server.say("news", &number.to_string());
        }
        done.store(true, Ordering::Relaxed);
        renewing.join().expect("every renewal is answered")
    });
    assert!(renewals > 0);
    let expected: Vec<_> = (0..EVENTS).map(|number| number.to_string()).collect();
    assert_eq!(stream.messages(EVENTS), expected);
}

#[test]
fn topics_that_the_new_token_does_not_allow_are_dropped_before_the_answer() {
    let server = Managed::start();
    let token = reader("ada", &["**"]);
    let narrow = NewToken {
        expires_s: Some(4_000_000_000),
        ..token_of("ada", reading(&["kept", "room/1"]))
    };
    for round in 0..20 {
        let (mut stream, path) = open(&server, "topic=kept&topic=gone&topic=room/*", &token);
        let done = AtomicBool::new(false);
        let answer = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    server.say("gone", "before");
                }
            });
            let answer = renew(&server, &path, &sign(&narrow));
            done.store(true, Ordering::Relaxed);
            answer
        });
        assert_eq!(
            answer,
            json!({
                "expires_ms": 4_000_000_000_000_u64,
                "topics": ["kept"],
                "dropped": ["gone", "room/*"],
            })
        );
        server.say("gone", "after");
        server.say("room/1", "after");
        server.say("kept", "marker");
        let mut received = Vec::new();
        while received.last().is_none_or(|last| last != "marker") {
            received.extend(stream.messages(1));
        }
        assert!(!received.contains(&"after".to_owned()), "round {round}");
    }
}

#[test]
fn private_events_go_by_the_token_of_the_moment_in_replay_too() {
    let server = Managed::start();
    let granted = Access {
        grants: vec!["news".into()],
        ..reading(&["news"])
    };
    let with = sign(&token_of("ada", granted));
    let without = reader("ada", &["news"]);
    let tell = |data: &str| {
        let event = json!({ "topics": ["news"], "data": data, "private": true });
        assert_eq!(server.post("/publish", &admin(), &event).status, 200);
    };
    let (mut stream, path) = open(&server, "topic=news", &with);
    tell("1");
    let first = stream.expect("message");
    assert_eq!(first.data, "1");
    renew(&server, &path, &without);
    tell("2");
    server.say("news", "3");
    assert_eq!(stream.messages(1), ["3"]);
    renew(&server, &path, &with);
    tell("4");
    assert_eq!(stream.messages(1), ["4"]);
    let mut back = server.resume("topic=news", &without, &first.id);
    back.connected();
    assert_eq!(back.messages(1), ["3"]);
    let mut back = server.resume("topic=news", &with, &first.id);
    back.connected();
    assert_eq!(back.messages(3), ["2", "3", "4"]);
}

#[test]
fn without_a_new_token_a_stream_is_told_and_ends_with_its_own() {
    let server = Managed::start();
    let short = NewToken {
        expires_s: Some(now_s() + 5),
        ..token_of("ada", reading(&["news"]))
    };
    let expires_ms = short.expires_s.map(|seconds| seconds * 1_000);
    let (mut ends, _) = open(&server, "topic=news", &sign(&short));
    let (mut lives, path) = open(&server, "topic=news", &sign(&short));
    for stream in [&mut ends, &mut lives] {
        assert_eq!(
            stream.expect("reauth").json()["expires_ms"],
            json!(expires_ms)
        );
    }
    renew(&server, &path, &reader("ada", &["news"]));
    let bye = ends.expect("bye");
    assert_eq!(bye.json()["reason"], "expired");
    assert!(!bye.id.ends_with('!'), "it may come back with a new one");
    ends.expect_end();
    assert!(now_s() * 1_000 >= expires_ms.expect("it has one"));
    server.say("news", "for the other");
    assert_eq!(lives.messages(1), ["for the other"]);
}

#[test]
fn a_token_that_ends_sooner_is_fine() {
    let server = Managed::start();
    let (mut stream, path) = open(&server, "", &reader("ada", &[]));
    let short = NewToken {
        expires_s: Some(now_s() + 4),
        ..token_of("ada", Access::default())
    };
    renew(&server, &path, &sign(&short));
    stream.expect("reauth");
    assert_eq!(stream.expect("bye").json()["reason"], "expired");
}

#[test]
fn a_stream_is_renewed_by_its_own_user_alone() {
    let server = Managed::start();
    let token = reader("ada", &["news"]);
    let (mut stream, path) = open(&server, "topic=news", &token);
    let nobody = NewToken {
        user: None,
        ..token_of("nobody", Access::everything())
    };
    let stale = NewToken {
        expires_s: Some(now_s() - 10),
        ..token_of("ada", reading(&["news"]))
    };
    let cases = [
        (String::new(), 401, "unauthenticated"),
        (reader("bob", &["news"]), 403, "forbidden"),
        (admin(), 403, "forbidden"),
        (sign(&nobody), 403, "forbidden"),
        (sign(&stale), 401, "invalid_token"),
        ("nonsense".into(), 401, "invalid_token"),
    ];
    for (token, status, code) in cases {
        let response = server.post(&path, &token, &Value::Null);
        assert_eq!(response.status, status, "{token}: {response:?}");
        assert_eq!(error_code(&response), code, "{token}");
        let challenge = response.header("www-authenticate");
        assert!(challenge.is_some_and(|says| says.starts_with("Bearer")));
    }
    server.say("news", "still there");
    assert_eq!(stream.messages(1), ["still there"]);
}

#[test]
fn what_is_no_renewal_is_refused() {
    let server = Managed::start_with(|options| {
        let auth = options.auth.as_mut().expect("it asks who comes");
        auth.query = Some("token".into());
    });
    let token = reader("ada", &["news"]);
    let (_stream, path) = open(&server, "topic=news", &token);
    let id = path.split('/').nth(2).expect("an id");
    let unknown = format!(
        "{:x}",
        u64::from_str_radix(id, 16).expect("a number") + (1 << 24)
    );
    for id in [&*unknown, "0", "ffffffffffffffff", "x", "%00", "00", "-1"] {
        let response = server.post(&format!("/connections/{id}/token"), &token, &Value::Null);
        assert_eq!(response.status, 404, "{id}");
        assert_eq!(error_code(&response), "connection_not_found", "{id}");
        // Those who own nothing learn nothing.
        let stranger = server.post(&format!("/connections/{id}/token"), "", &Value::Null);
        assert_eq!(stranger.status, 401, "{id}");
    }
    let response = server.post(&path, &token, &json!({ "token": token }));
    assert_eq!(
        (response.status, &*error_code(&response)),
        (400, "unexpected_body")
    );
    let in_query = format!("POST {path}?token={token}");
    let response = server.request(&in_query, "", "");
    assert_eq!(
        (response.status, &*error_code(&response)),
        (401, "unauthenticated")
    );
    let response = server.request(&format!("GET {path}"), &token, "");
    assert_eq!(response.status, 405);
    assert_eq!(response.header("allow"), Some("POST"));
}

#[test]
fn a_closed_stream_cannot_be_renewed() {
    let server = Managed::start();
    let token = reader("ada", &["news"]);
    let (stream, path) = open(&server, "topic=news", &token);
    drop(stream);
    crate::support::eventually("it is gone", || {
        let status = server.post(&path, &token, &Value::Null).status;
        (status == 404).then_some(()).ok_or(status)
    });
}

#[test]
fn a_cookie_renews_a_stream_from_pages_of_its_own_origin_alone() {
    let server = Managed::start();
    let token = reader("ada", &["news"]);
    let (_stream, path) = open(&server, "topic=news", &token);
    let cookie = format!("cookie: session={token}");
    for (origin, status) in [
        (Some("origin: http://localhost"), 200),
        (Some("origin: https://evil.example"), 403),
        (Some("origin: null"), 403),
        (None, 403),
    ] {
        let headers: Vec<&str> = [&*cookie].into_iter().chain(origin).collect();
        let response = server.request_with(&format!("POST {path}"), &headers, "");
        assert_eq!(response.status, status, "{origin:?}: {response:?}");
        if status == 403 {
            assert_eq!(error_code(&response), "origin_mismatch", "{origin:?}");
        }
    }
}
