//! Those who are shut out: their streams end at once, and what they were let in with is refused.

use crate::support::guarded::{now_s, reading, sign};
use crate::support::{Managed, Stream, admin, error_code, eventually, reader, token_of};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;
use tidings_smol::server::{NewToken, Rate};

#[track_caller]
fn revoke(server: &Managed, target: &Value) -> Value {
    let response = server.post("/revocations", &admin(), target);
    assert_eq!(response.status, 200, "{response:?}");
    response.json()
}

#[track_caller]
fn assert_refused(server: &Managed, token: &str) {
    let event = json!({ "topics": ["a"], "data": "1" });
    let connection = "/connections/1/token";
    for response in [
        server.get("/events", token),
        server.get("/stats", token),
        server.post("/publish", token, &event),
        server.post(connection, token, &Value::Null),
    ] {
        assert_eq!(response.status, 401, "{response:?}");
        assert_eq!(error_code(&response), "token_revoked");
        let challenge = response.header("www-authenticate").expect("a challenge");
        assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
    }
}

fn streams_of(server: &Managed, user: &str) -> usize {
    let listed = server.seen_by_admin(&format!("/connections?user={user}"));
    listed["connections"].as_array().map_or(0, Vec::len)
}

fn assert_expired(stream: &mut Stream) {
    let bye = stream.expect("bye");
    assert_eq!(bye.json()["reason"], "expired");
    stream.expect_end();
}

#[test]
fn two_hundred_streams_of_a_user_end_with_one_request() {
    const STREAMS: usize = 200;
    let server = Managed::start_with(|options| {
        options.driver.hub.limits.user_connections = STREAMS;
        options.limits.opens_per_user = Rate::new(0, 0);
    });
    let token = reader("ada", &["news"]);
    let mut streams: Vec<_> = (0..STREAMS)
        .map(|_| server.stream("topic=news", &token))
        .collect();
    let mut bob = server.stream("topic=news", &reader("bob", &["news"]));
    for stream in streams.iter_mut().chain([&mut bob]) {
        stream.connected();
    }
    let start = Instant::now();
    let answer = revoke(&server, &json!({ "user": "ada" }));
    println!("200 streams in {:?}", start.elapsed());
    assert_eq!(answer, json!({ "closed": STREAMS, "tokens": 1 }));
    // It is so when the answer comes, and not only soon.
    server.say("news", "not for ada");
    streams.iter_mut().for_each(assert_expired);
    println!("200 ends read after {:?}", start.elapsed());
    assert_eq!(bob.messages(1), ["not for ada"]);
    assert_refused(&server, &token);
    let fresh = NewToken {
        id: Some("fresh".into()),
        ..token_of("ada", reading(&["news"]))
    };
    server.stream("topic=news", &sign(&fresh)).connected();
}

#[test]
fn a_stream_is_revoked_with_its_token() {
    let server = Managed::start();
    let other = NewToken {
        id: Some("other".into()),
        ..token_of("ada", reading(&["news"]))
    };
    let (token, other) = (reader("ada", &["news"]), sign(&other));
    let mut stream = server.stream("topic=news", &token);
    let id = stream.connected()["connection"].clone();
    let mut lives = server.stream("topic=news", &other);
    lives.connected();
    let answer = revoke(&server, &json!({ "connection": id }));
    assert_eq!(answer, json!({ "closed": 1, "tokens": 1 }));
    assert_expired(&mut stream);
    assert_refused(&server, &token);
    server.say("news", "for the other");
    assert_eq!(lives.messages(1), ["for the other"]);
    let again = server.post("/revocations", &admin(), &json!({ "connection": id }));
    assert_eq!(
        (again.status, &*error_code(&again)),
        (404, "connection_not_found")
    );
}

#[test]
fn a_token_is_revoked_wherever_it_is_in_use() {
    let server = Managed::start();
    let token = reader("ada", &["news"]);
    let mut streams: Vec<_> = (0..3)
        .map(|_| server.stream("topic=news", &token))
        .collect();
    for stream in &mut streams {
        stream.connected();
    }
    let answer = revoke(&server, &json!({ "token_id": "token of ada" }));
    assert_eq!(answer, json!({ "closed": 3, "tokens": 1 }));
    streams.iter_mut().for_each(assert_expired);
    assert_refused(&server, &token);
    let answer = revoke(&server, &json!({ "token_id": "nobody's" }));
    assert_eq!(answer, json!({ "closed": 0, "tokens": 1 }));
}

#[test]
fn a_stream_that_went_on_with_another_token_outlives_the_first() {
    let server = Managed::start();
    let second = NewToken {
        id: Some("second".into()),
        ..token_of("ada", reading(&["news"]))
    };
    let (first, second) = (reader("ada", &["news"]), sign(&second));
    let mut stream = server.stream("topic=news", &first);
    let id = stream.connected()["connection"].clone();
    let path = format!("/connections/{}/token", id.as_str().expect("an id"));
    assert_eq!(server.post(&path, &second, &Value::Null).status, 200);
    let answer = revoke(&server, &json!({ "token_id": "token of ada" }));
    assert_eq!(answer, json!({ "closed": 0, "tokens": 1 }));
    server.say("news", "it lives");
    assert_eq!(stream.messages(1), ["it lives"]);
    let back = server.post(&path, &first, &Value::Null);
    assert_eq!(error_code(&back), "token_revoked");
    revoke(&server, &json!({ "token_id": "second" }));
    assert_expired(&mut stream);
}

#[test]
fn a_token_stays_refused_until_it_ends_whatever_was_said() {
    let server = Managed::start();
    let token = reader("ada", &["news"]);
    let until_ms = (now_s() + 2) * 1_000;
    revoke(
        &server,
        &json!({ "token_id": "token of ada", "until_ms": until_ms }),
    );
    assert_refused(&server, &token);
    eventually("the time that was said has come", || {
        let now = now_s() * 1_000;
        (now > until_ms).then_some(()).ok_or(now)
    });
    assert_refused(&server, &token);
}

#[test]
fn a_stream_that_is_opened_while_its_token_is_revoked_does_not_survive() {
    let server = Managed::start_with(|options| {
        options.driver.hub.limits.user_connections = 10_000;
        options.limits.opens_per_user = Rate::new(0, 0);
        options.driver.shards = 2;
    });
    for round in 0..8 {
        let user = format!("user-{round}");
        let token = &reader(&user, &["news"]);
        // Its token is known by a stream, so that to revoke the user revokes it too.
        server.stream("topic=news", token).connected();
        let mut first = server.stream("topic=news", token);
        first.connected();
        let done = &AtomicBool::new(false);
        std::thread::scope(|scope| {
            let openers: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        let mut opened = Vec::new();
                        while !done.load(Ordering::Relaxed) {
                            let mut client = server.ask_for_stream("topic=news", token, "");
                            if client.peek_head().starts_with("HTTP/1.1 200 ") {
                                opened.push(Stream::of(client));
                            }
                        }
                        opened
                    })
                })
                .collect();
            let target = match round % 2 {
                0 => json!({ "user": user }),
                _ => json!({ "token_id": format!("token of {user}") }),
            };
            revoke(&server, &target);
            // From the answer on nothing is opened; what was being opened ends.
            assert_refused(&server, token);
            done.store(true, Ordering::Relaxed);
            for opener in openers {
                for mut stream in opener.join().expect("it ends") {
                    let (_, end) = stream.rest_and_end();
                    end.ok();
                }
            }
        });
        assert_expired(&mut first);
        eventually("no stream is left", || {
            let left = streams_of(&server, &user);
            (left == 0).then_some(()).ok_or(left)
        });
    }
}

#[test]
fn when_there_is_no_room_nothing_is_revoked_and_nothing_forgotten() {
    let server = Managed::start_with(|options| options.sessions.revocations = 1);
    let token = reader("ada", &["news"]);
    let mut bob = server.stream("topic=news", &reader("bob", &["news"]));
    bob.connected();
    revoke(&server, &json!({ "token_id": "token of ada" }));
    for target in [json!({ "token_id": "x" }), json!({ "user": "bob" })] {
        let refused = server.post("/revocations", &admin(), &target);
        assert_eq!(refused.status, 503, "{refused:?}");
        assert_eq!(error_code(&refused), "too_many_revocations");
    }
    assert_refused(&server, &token);
    server.say("news", "still open");
    assert_eq!(bob.messages(1), ["still open"]);
    revoke(&server, &json!({ "token_id": "token of ada" }));
}

#[test]
fn revocations_that_cannot_be_are_refused() {
    let server = Managed::start();
    let refused = |body: &str| {
        let response = server.request("POST /revocations", &admin(), body);
        assert_eq!(response.status, 400, "{body}");
        error_code(&response)
    };
    let long = format!(r#"{{"user":"{}"}}"#, "x".repeat(257));
    for (body, code) in [
        ("{}", "invalid_target"),
        (r#"{"user":"a","token_id":"b"}"#, "invalid_target"),
        (r#"{"user":"a","connection":"1"}"#, "invalid_target"),
        (r#"{"until_ms":9}"#, "unexpected_until"),
        (
            r#"{"user":"a","until_ms":9999999999999}"#,
            "unexpected_until",
        ),
        (r#"{"token_id":"a","until_ms":9}"#, "invalid_until"),
        (r#"{"token_id":"a","until_ms":-1}"#, "invalid_json"),
        (r#"{"token_id":"a","until_ms":"soon"}"#, "invalid_json"),
        (r#"{"token_id":7}"#, "invalid_json"),
        (r#"{"token":"a"}"#, "invalid_json"),
        (r#"["1",null,null,null]"#, "invalid_json"),
        ("", "invalid_json"),
        (r#"{"connection":"nonsense"}"#, "invalid_connection"),
        (r#"{"user":""}"#, "invalid_name"),
        (r#"{"token_id":"a\u0000"}"#, "invalid_name"),
        (&long, "invalid_name"),
    ] {
        if body.is_empty() {
            let response = server.request("POST /revocations", &admin(), body);
            assert_eq!(error_code(&response), "not_json");
        } else {
            assert_eq!(refused(body), code, "{body}");
        }
    }
    for (token, status) in [(String::new(), 401), (reader("ada", &["**"]), 403)] {
        let response = server.post("/revocations", &token, &json!({ "user": "bob" }));
        assert_eq!(response.status, status);
    }
}
