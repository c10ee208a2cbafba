//! `POST /publish`: every field, and what the answer says.

use crate::support::{Server, Stream};
use serde_json::{Map, Value, json};
use tidings_smol::Cursor;

fn streams<const N: usize>(server: &Server, queries: [&str; N]) -> [Stream; N] {
    queries.map(|query| {
        let mut stream = server.stream(query);
        stream.connected();
        stream
    })
}

#[test]
fn the_answer_has_the_id_and_the_number_of_recipients() {
    let server = Server::start(&[]);
    let [mut one, _two, _other] =
        streams(&server, ["topic=news", "topic=news&topic=**", "topic=a"]);
    let answer = server.say("news", "hello");
    assert_eq!(answer["recipients"], 2, "each stream is counted once");
    let id = answer["id"].as_str().expect("a text");
    assert!(id.parse::<Cursor>().is_ok(), "{id} is a position");
    assert_eq!(one.expect("message").id, id);
    assert_eq!(answer.as_object().map(Map::len), Some(2), "{answer}");
}

#[test]
fn nobody_listening_is_no_error() {
    let server = Server::start(&[]);
    assert_eq!(server.say("news", "hello")["recipients"], 0);
}

#[test]
fn an_event_has_a_type_an_id_and_a_retry() {
    let server = Server::start(&[]);
    let [mut stream] = streams(&server, ["topic=orders"]);
    let event = r#"{"topics":["orders"],"event":"paid","id":"order-7","retry":2500,"data":"7"}"#;
    assert_eq!(server.publish(event)["id"], "order-7");
    let received = stream.expect("paid");
    assert_eq!(received.id, "order-7");
    assert_eq!(received.data, "7");
    assert_eq!(received.retry, Some(2_500));
}

#[test]
fn an_event_for_several_topics_comes_once_to_each_stream() {
    let server = Server::start(&[]);
    let [mut both, mut one] = streams(&server, ["topic=a&topic=b", "topic=b"]);
    let answer = server.publish(r#"{"topics":["a","b","a"],"data":"1"}"#);
    assert_eq!(answer["recipients"], 2);
    server.say("b", "2");
    assert_eq!(both.messages(2), ["1", "2"]);
    assert_eq!(one.messages(2), ["1", "2"]);
}

#[test]
fn an_event_for_a_user_comes_to_all_of_its_streams_and_no_other() {
    let server = Server::start(&[]);
    let [mut first, mut second, mut other] = streams(&server, ["user=ada", "user=ada", "user=bob"]);
    let answer = server.publish(r#"{"user":"ada","data":"for ada"}"#);
    assert_eq!(answer["recipients"], 2);
    server.publish(r#"{"everyone":true,"data":"for all"}"#);
    assert_eq!(first.messages(2), ["for ada", "for all"]);
    assert_eq!(second.messages(2), ["for ada", "for all"]);
    assert_eq!(other.messages(1), ["for all"]);
}

#[test]
fn topics_and_user_together_are_the_users_streams_among_the_topics() {
    let server = Server::start(&[]);
    let [mut right, mut elsewhere, mut other] = streams(
        &server,
        ["user=ada&topic=a", "user=ada&topic=b", "user=bob&topic=a"],
    );
    let answer = server.publish(r#"{"user":"ada","topics":["a"],"data":"1"}"#);
    assert_eq!(answer["recipients"], 1);
    server.publish(r#"{"everyone":true,"data":"2"}"#);
    assert_eq!(right.messages(2), ["1", "2"]);
    assert_eq!(elsewhere.messages(1), ["2"]);
    assert_eq!(other.messages(1), ["2"]);
}

#[test]
fn no_topic_can_spell_a_user() {
    let server = Server::start(&[]);
    let [mut ada] = streams(&server, ["user=ada"]);
    for topic in ["ada", "user:ada", "user/ada", "$user/ada"] {
        assert_eq!(server.say(topic, "not hers")["recipients"], 0);
    }
    server.publish(r#"{"user":"ada","data":"hers"}"#);
    assert_eq!(ada.messages(1), ["hers"]);
}

#[test]
fn an_event_for_one_connection_comes_to_it_alone_and_is_never_replayed() {
    let server = Server::start(&[]);
    let mut stream = server.stream("topic=a&user=ada");
    let connected = stream.expect("connected");
    let [mut other] = streams(&server, ["topic=a&user=ada"]);
    let id = connected.json()["connection"].clone();
    let answer = server.publish(&json!({ "connection": id, "data": "only you" }).to_string());
    assert_eq!(answer["recipients"], 1);
    server.say("a", "both");
    assert_eq!(stream.messages(2), ["only you", "both"]);
    assert_eq!(other.messages(1), ["both"]);
    let mut again = server.resume("topic=a&user=ada", &connected.id);
    again.connected();
    assert_eq!(again.messages(1), ["both"]);
}

#[test]
fn an_event_for_a_connection_that_is_gone_is_counted() {
    let server = Server::start(&[]);
    let mut stream = server.stream("topic=a");
    let id = stream.connected()["connection"].clone();
    drop(stream);
    server.wait_for_stat("connections", 0);
    let answer = server.publish(&json!({ "connection": id, "data": "too late" }).to_string());
    assert_eq!(answer["recipients"], 0);
    assert_eq!(server.stats()["undelivered"], 1);
}

#[test]
fn the_connection_that_publishes_can_be_left_out() {
    let server = Server::start(&[]);
    let mut sender = server.stream("topic=a&user=ada&tab=1");
    let connected = sender.expect("connected");
    let [mut other] = streams(&server, ["topic=a"]);
    let id = connected.json()["connection"].clone();
    let event = json!({ "topics": ["a"], "data": "typing", "except": id });
    assert_eq!(server.publish(&event.to_string())["recipients"], 1);
    server.say("a", "both");
    assert_eq!(sender.messages(1), ["both"]);
    assert_eq!(other.messages(2), ["typing", "both"]);
    drop(sender);
    let mut again = server.resume("topic=a&user=ada&tab=1", &connected.id);
    again.connected();
    assert_eq!(
        again.messages(1),
        ["both"],
        "the same tab is left out again"
    );
}

#[test]
fn a_private_event_comes_to_nobody_without_a_grant() {
    let server = Server::start(&[]);
    let [mut stream] = streams(&server, ["topic=a"]);
    let answer = server.publish(r#"{"topics":["a"],"data":"secret","private":true}"#);
    assert_eq!(answer["recipients"], 0);
    server.say("a", "public");
    assert_eq!(stream.messages(1), ["public"]);
}

#[test]
fn data_is_a_text_as_it_is() {
    let server = Server::start(&[]);
    let [mut stream] = streams(&server, ["topic=a"]);
    let texts = [
        "",
        " ",
        "  two spaces",
        "ünï\u{1f600}",
        "a\tb",
        ":colon",
        "{\"a\":1}",
    ];
    for text in texts {
        server.say("a", text);
    }
    assert_eq!(stream.messages(texts.len()), texts);
}

#[test]
fn no_text_can_end_its_line() {
    let server = Server::start(&[]);
    let [mut stream] = streams(&server, ["topic=a"]);
    server.say("a", "1\nevent: bye\r\ndata: x\rid: y\n\n\n2");
    let received = stream.expect("message");
    assert_eq!(received.data, "1\nevent: bye\ndata: x\nid: y\n\n\n2");
    server.say("a", "next");
    assert_eq!(stream.messages(1), ["next"]);
}

#[test]
fn any_other_json_stays_as_it_was_written() {
    let server = Server::start(&[]);
    let [mut stream] = streams(&server, ["topic=a"]);
    let values = [
        "1.10",
        "123456789012345678901234567890",
        "1e400",
        "-0",
        "true",
        "[1,  2 ]",
        r#"{"b":1,"a":2,"b":3,"é":"\u00e9"}"#,
        "{\"lines\":\n  [1,\n   2]}",
    ];
    for value in values {
        server.publish(&format!(r#"{{"topics":["a"],"data": {value} }}"#));
    }
    assert_eq!(stream.messages(values.len()), values);
}

#[test]
fn an_array_is_published_in_order_and_answered_in_order() {
    let server = Server::start(&[]);
    let [mut stream] = streams(&server, ["topic=a"]);
    let events: Vec<_> = (0..100)
        .map(|number| json!({ "topics": ["a"], "data": number }))
        .collect();
    let answers = server.publish(&Value::from(events).to_string());
    let answers = answers.as_array().expect("an array for an array");
    let ids: Vec<_> = (0..100)
        .map(|number| {
            let received = stream.expect("message");
            assert_eq!(received.data, number.to_string());
            received.id
        })
        .collect();
    let answered: Vec<_> = answers.iter().map(|answer| &answer["id"]).collect();
    assert_eq!(answered, ids.iter().collect::<Vec<_>>());
    assert!(answers.iter().all(|answer| answer["recipients"] == 1));
}

#[test]
fn an_array_of_one_is_answered_with_an_array_and_an_empty_one_with_an_empty_one() {
    let server = Server::start(&[]);
    let answer = server.publish(r#" [{"topics":["a"],"data":"1"}]"#);
    assert_eq!(answer.as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(server.publish("[]"), json!([]));
    assert_eq!(server.stats()["published"], 1);
}

#[test]
fn an_id_that_is_known_is_a_duplicate_and_published_once() {
    let server = Server::start(&[]);
    let [mut stream] = streams(&server, ["topic=a"]);
    let event = r#"{"topics":["a"],"id":"order-7","data":"once"}"#;
    let first = server.publish(event);
    assert_eq!(first.get("duplicate"), None);
    let again = server.publish(event);
    assert_eq!(again["duplicate"], true);
    assert_eq!(again["id"], "order-7");
    server.say("a", "next");
    assert_eq!(stream.messages(2), ["once", "next"]);
    let stats = server.stats();
    assert_eq!(stats["published"], 2);
    assert_eq!(stats["duplicates"], 1);
}

#[test]
fn duplicates_within_one_array_are_published_once() {
    let server = Server::start(&[]);
    let [mut stream] = streams(&server, ["topic=a"]);
    let event = r#"{"topics":["a"],"id":"x","data":"once"}"#;
    let answers = server.publish(&format!("[{event},{event}]"));
    assert_eq!(answers[0].get("duplicate"), None);
    assert_eq!(answers[1]["duplicate"], true);
    server.say("a", "next");
    assert_eq!(stream.messages(2), ["once", "next"]);
}
