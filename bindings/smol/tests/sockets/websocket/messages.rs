//! What clients say, and what they are answered.

use crate::support::{Site, Socket, block_on};
use async_tungstenite::tungstenite::Message;
use serde_json::{Value, json};

fn start() -> Site {
    Site::start(false, |_| {})
}

fn open(site: &Site, query: &str) -> Socket {
    let mut socket = Socket::open(site.address, query);
    socket.connected();
    socket
}

#[test]
fn topics_are_subscribed_to_and_left() {
    let site = start();
    let mut socket = open(&site, "topic=a");
    let answer = socket.ask(&json!({ "type": "subscribe", "topics": ["b", "c/*"], "ref": 7 }));
    assert_eq!(
        answer,
        json!({ "type": "answer", "ref": 7, "topics": ["a", "b", "c/*"] })
    );
    block_on(async {
        site.say("b", "1").await;
        site.say("c/1", "2").await;
    });
    assert_eq!(socket.messages(2), ["1", "2"]);
    let answer = socket.ask(&json!({ "type": "unsubscribe", "topics": ["a", "c/*"], "ref": "x" }));
    assert_eq!(
        answer,
        json!({ "type": "answer", "ref": "x", "topics": ["b"] })
    );
    block_on(async {
        site.say("a", "not any more").await;
        site.say("b", "3").await;
    });
    assert_eq!(socket.messages(1), ["3"]);
}

#[test]
fn topics_of_a_tab_are_remembered_for_when_it_comes_back() {
    let site = start();
    let query = "tab=0123456789abcdef&topic=a";
    let mut socket = open(&site, query);
    socket.ask(&json!({ "type": "subscribe", "topics": ["b"] }));
    socket.close(1000);
    let mut again = Socket::open(site.address, query);
    assert_eq!(again.control("connected")["topics"], json!(["a", "b"]));
}

#[test]
fn an_event_is_published_to_all_but_its_sender_unless_it_asks() {
    let site = start();
    let mut sender = open(&site, "topic=a");
    let mut reader = open(&site, "topic=a");
    let event =
        json!({ "type": "publish", "topics": ["a"], "data": { "n": 1 }, "event": "e", "ref": 1 });
    let answer = sender.ask(&event);
    assert_eq!(answer["type"], "answer");
    assert_eq!(
        (&answer["ref"], &answer["recipients"]),
        (&json!(1), &json!(1))
    );
    let heard = reader.expect("e");
    let expected = json!({ "id": answer["id"], "event": "e", "data": "{\"n\":1}", "topic": "a" });
    assert_eq!(heard, expected);
    let echo = json!({ "type": "publish", "topics": ["a"], "data": "2", "echo": true });
    assert_eq!(sender.ask(&echo)["recipients"], 2);
    assert_eq!(sender.messages(1), ["2"], "and not the one before");
    assert_eq!(reader.messages(1), ["2"]);
    let own = json!({ "type": "publish", "topics": ["a"], "data": "3", "id": "own", "retry": 5 });
    assert_eq!(sender.ask(&own)["id"], "own");
    let heard = reader.expect("message");
    assert_eq!((&heard["id"], &heard["retry"]), (&json!("own"), &json!(5)));
    let again = sender.ask(&own);
    assert_eq!(again["duplicate"], json!(true));
}

#[test]
fn what_is_malformed_is_answered_and_the_socket_lives() {
    let site = Site::start(false, |options| {
        options.driver.hub.limits.event_bytes = 1_000;
    });
    let mut socket = open(&site, "topic=a");
    let long = "x".repeat(2_000);
    let too_long = json!({ "type": "publish", "topics": ["a"], "data": long }).to_string();
    for (said, code) in [
        ("", "invalid_json"),
        ("hello", "invalid_json"),
        ("[1,2]", "invalid_json"),
        ("{}", "unknown_type"),
        (r#"{"type":"join-room"}"#, "unknown_type"),
        (r#"{"type":"subscribe","topics":[""]}"#, "invalid_topic"),
        (r#"{"type":"subscribe"}"#, "invalid_json"),
        (r#"{"type":"publish","topics":["a"]}"#, "no_data"),
        (
            r#"{"type":"publish","topics":["a"],"data":1,"except":"1"}"#,
            "invalid_except",
        ),
        (r#"{"type":"token","token":"x"}"#, "forbidden"),
        (&too_long, "event_too_long"),
        (r#"{"type":"ping","ref":{}}"#, "invalid_ref"),
    ] {
        socket.send(Message::text(said));
        assert_eq!(socket.error(), code, "{said}");
    }
    socket.send(Message::binary(vec![0, 1, 2]));
    assert_eq!(socket.error(), "not_text");
    let pong = socket.ask(&json!({ "type": "ping", "ref": 1 }));
    assert_eq!(pong, json!({ "type": "pong", "ref": 1 }));
    block_on(site.say("a", "still here"));
    assert_eq!(socket.messages(1), ["still here"]);
}

#[test]
fn an_error_says_which_message_it_is_about() {
    let site = start();
    let mut socket = open(&site, "");
    let answer = socket.ask(&json!({ "ref": "r", "type": "subscribe", "topics": [""] }));
    assert_eq!(
        (&answer["type"], &answer["ref"]),
        (&json!("error"), &json!("r"))
    );
    assert!(
        answer.get("retry_ms").is_none(),
        "time does not mend it: {answer}"
    );
}

#[test]
fn messages_of_a_socket_are_answered_in_order() {
    const MESSAGES: u64 = 200;
    let site = start();
    let mut socket = open(&site, "topic=a");
    let mut reader = open(&site, "topic=a");
    for number in 0..MESSAGES {
        let message = match number % 3 {
            0 => json!({ "type": "ping", "ref": number }),
            1 => json!({ "type": "subscribe", "topics": [format!("t{number}")], "ref": number }),
            _ => json!({ "type": "publish", "topics": ["a"], "data": number, "ref": number }),
        };
        socket.say(&message);
    }
    let refs: Vec<_> = (0..MESSAGES)
        .map(|_| socket.answer()["ref"].clone())
        .collect();
    assert_eq!(refs, (0..MESSAGES).map(Value::from).collect::<Vec<_>>());
    let published: Vec<_> = (0..MESSAGES).filter(|number| number % 3 == 2).collect();
    let expected: Vec<_> = published.iter().map(u64::to_string).collect();
    assert_eq!(reader.messages(published.len()), expected);
}

#[test]
fn users_that_are_not_known_may_do_on_a_socket_what_they_may_over_http() {
    let site = Site::start(false, |options| {
        options.listen = ([0, 0, 0, 0], 0).into();
        options.allow_anonymous = true;
    });
    let address = ([127, 0, 0, 1], site.address.port()).into();
    let mut socket = Socket::open(address, "topic=a");
    socket.connected();
    let answer = socket.ask(&json!({ "type": "subscribe", "topics": ["b"] }));
    assert_eq!(answer["topics"], json!(["a", "b"]));
    socket.say(&json!({ "type": "publish", "topics": ["a"], "data": "1" }));
    assert_eq!(socket.error(), "forbidden");
}
