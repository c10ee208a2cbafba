//! Sockets of users: what their tokens allow, new tokens, and those who are shut out.

use crate::support::guarded::{names, now_s, reading, sign};
use crate::support::{Managed, Socket, admin, reader, token_of};
use serde_json::{Value, json};
use tidings_smol::server::{Access, NewToken, Rate};

fn open(server: &Managed, query: &str, token: &str) -> Socket {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer)];
    let opened = Socket::try_open(server.site.address, &format!("/ws?{query}"), &headers);
    opened.unwrap_or_else(|refused| panic!("{refused:?}"))
}

fn writer(user: &str, subscribe: &[&str], publish: &[&str]) -> NewToken {
    let access = Access {
        publish: names(publish),
        ..reading(subscribe)
    };
    token_of(user, access)
}

fn publish(topic: &str) -> Value {
    json!({ "type": "publish", "topics": [topic], "data": "x" })
}

#[test]
fn a_client_does_what_its_token_allows_and_no_more() {
    let server = Managed::start();
    let token = sign(&writer("ada", &["rooms/*"], &["rooms/1"]));
    let mut socket = open(&server, "topic=rooms/1", &token);
    socket.connected();
    assert_eq!(socket.ask(&publish("rooms/1"))["recipients"], 0);
    let everyone = json!({ "type": "publish", "everyone": true, "data": 1 });
    let private = json!({ "type": "publish", "topics": ["rooms/1"], "private": true, "data": 1 });
    let subscribe = json!({ "type": "subscribe", "topics": ["rooms/2", "other"] });
    for message in [publish("rooms/2"), everyone, private, subscribe] {
        socket.say(&message);
        assert_eq!(socket.error(), "forbidden", "{message}");
    }
    let answer = socket.ask(&json!({ "type": "unsubscribe", "topics": ["none"] }));
    assert_eq!(answer["topics"], json!(["rooms/1"]), "nothing came of it");
}

#[test]
fn a_user_publishes_on_all_sockets_as_fast_as_over_http() {
    let server = Managed::start_with(|options| options.limits.publishes = Rate::new(1, 3));
    let token = sign(&writer("ada", &["a"], &["a"]));
    let mut sockets = [0; 2].map(|_| {
        let mut socket = open(&server, "topic=a", &token);
        socket.connected();
        socket
    });
    let event = json!({ "topics": ["a"], "data": "x" });
    assert_eq!(server.post("/publish", &token, &event).status, 200);
    for socket in &mut sockets {
        assert_eq!(socket.ask(&publish("a"))["type"], "answer");
    }
    let refused = sockets[0].ask(&publish("a"));
    assert_eq!(refused["code"], "publishing_too_fast");
    assert!(
        refused["retry_ms"].as_u64().is_some_and(|ms| ms >= 1_000),
        "{refused}"
    );
    assert_eq!(server.post("/publish", &token, &event).status, 429);
}

#[test]
fn a_socket_goes_on_with_a_new_token_and_what_that_allows() {
    let server = Managed::start();
    let short = NewToken {
        expires_s: Some(now_s() + 5),
        ..writer("ada", &["news", "rooms/7"], &[])
    };
    let mut socket = open(&server, "topic=news&topic=rooms/7", &sign(&short));
    socket.connected();
    assert!(socket.control("reauth")["expires_ms"].is_u64());
    let fresh = NewToken {
        id: Some("fresh".to_owned()),
        ..writer("ada", &["news"], &["news"])
    };
    let answer = socket.ask(&json!({ "type": "token", "token": sign(&fresh), "ref": 1 }));
    let expires_ms = fresh.expires_s.map(|seconds| seconds * 1_000);
    let expected = json!({ "type": "answer", "ref": 1, "expires_ms": expires_ms,
        "topics": ["news"], "dropped": ["rooms/7"] });
    assert_eq!(answer, expected);
    assert_eq!(socket.ask(&publish("news"))["recipients"], 0);
    while now_s() <= short.expires_s.expect("it ends") {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    server.say("news", "after the first token");
    assert_eq!(socket.messages(1), ["after the first token"]);
}

#[test]
fn what_is_no_new_token_of_its_user_is_refused() {
    let server = Managed::start();
    let token = reader("ada", &["news"]);
    let mut socket = open(&server, "topic=news", &token);
    socket.connected();
    for (token, code) in [
        ("", "invalid_request"),
        ("no token", "invalid_request"),
        ("no.to.ken", "invalid_token"),
        ("a\nb", "invalid_token"),
        (&*reader("bob", &["news"]), "forbidden"),
    ] {
        socket.say(&json!({ "type": "token", "token": token }));
        let found = socket.error();
        assert!(
            found == code || found == "malformed_token",
            "{token:?}: {found}"
        );
    }
    server.say("news", "still here");
    assert_eq!(socket.messages(1), ["still here"]);
}

#[test]
fn what_is_renewed_over_http_counts_on_the_socket() {
    let server = Managed::start();
    let mut socket = open(
        &server,
        "topic=news",
        &sign(&writer("ada", &["news"], &["news"])),
    );
    let id = socket.connected();
    assert_eq!(socket.ask(&publish("news"))["type"], "answer");
    let narrow = NewToken {
        id: Some("narrow".to_owned()),
        ..writer("ada", &["news"], &[])
    };
    let renewed = server.post(
        &format!("/connections/{id}/token"),
        &sign(&narrow),
        &Value::Null,
    );
    assert_eq!(renewed.status, 200);
    socket.say(&publish("news"));
    assert_eq!(socket.error(), "forbidden");
}

#[test]
fn a_socket_ends_with_its_token() {
    let server = Managed::start();
    let short = NewToken {
        expires_s: Some(now_s() + 2),
        ..writer("ada", &["news"], &["news"])
    };
    let mut socket = open(&server, "topic=news", &sign(&short));
    socket.connected();
    socket.control("reauth");
    assert_eq!(socket.control("bye")["reason"], "expired");
    assert_eq!(socket.end(), Some(1008));
}

#[test]
fn whoever_is_shut_out_says_nothing_any_more() {
    let server = Managed::start();
    let token = sign(&writer("ada", &["news"], &["news"]));
    let mut reader = server.stream("topic=news", &admin());
    reader.connected();
    let mut socket = open(&server, "topic=news", &token);
    socket.connected();
    let revoked = server.post("/revocations", &admin(), &json!({ "user": "ada" }));
    assert_eq!(revoked.json(), json!({ "closed": 1, "tokens": 1 }));
    // What comes after the answer is not done, be it sent on the open socket.
    socket.say(&publish("news"));
    let mut bye = socket.read();
    if bye["type"] == "error" {
        assert_eq!(bye["code"], "connection_not_found");
        bye = socket.read();
    }
    assert_eq!(bye["event"], "bye");
    assert_eq!(socket.end(), Some(1008));
    server.say("news", "next");
    assert_eq!(reader.messages(1), ["next"]);
}
