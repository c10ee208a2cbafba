//! `GET /events`: what opens a stream, and where it begins.

use crate::support::{Server, Stream, error_code};
use std::io::Read as _;

#[test]
fn the_head_is_that_of_a_stream_nobody_may_keep_or_change() {
    let server = Server::start(&[]);
    let mut stream = server.stream("topic=news");
    let head = stream.head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 200 ok\r\n"), "{head}");
    for line in [
        "content-type: text/event-stream",
        "cache-control: no-cache, no-transform",
        "x-accel-buffering: no",
        "connection: close",
    ] {
        assert!(
            head.contains(&format!("\r\n{line}\r\n")),
            "{line} in {head}"
        );
    }
    assert!(head.contains("\r\ndate: "), "{head}");
    assert!(!head.contains("transfer-encoding"), "{head}");
    assert!(!head.contains("content-length"), "{head}");
    stream.expect("connected");
}

#[test]
fn the_first_packet_has_the_head_and_connected() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let request = client.bytes_of("GET", "/events?topic=news", "");
    client.send(request);
    let mut packet = [0; 16_384];
    let read = client.socket.read(&mut packet).expect("it answers");
    let packet = String::from_utf8_lossy(&packet[..read]);
    let (head, events) = packet.split_once("\r\n\r\n").expect("a whole head");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(events.contains("event: connected\n"), "{events}");
    assert!(events.ends_with("\n\n"), "{events}");
}

#[test]
fn connected_says_who_is_connected_to_what() {
    let server = Server::start(&[]);
    let mut stream = server.stream("topic=news&topic=rooms/*&user=ada");
    let first = stream.expect("connected");
    let says = first.json();
    assert_eq!(says["user"], "ada");
    assert_eq!(says["topics"], serde_json::json!(["news", "rooms/*"]));
    assert_eq!(says["cursor"], *first.id, "the id is the position");
    let connection = says["connection"].as_str().expect("a text");
    assert!(connection.bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn a_stream_without_topics_hears_what_is_for_everyone() {
    let server = Server::start(&[]);
    let mut stream = server.stream("");
    assert_eq!(stream.connected()["topics"], serde_json::json!([]));
    server.say("news", "not for it");
    server.publish(r#"{"everyone":true,"data":"for all"}"#);
    assert_eq!(stream.messages(1), ["for all"]);
}

#[test]
fn the_query_may_be_left_out_altogether() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let request = client.bytes_of("GET", "/events", "");
    client.send(request);
    Stream::of(client).expect("connected");
}

#[test]
fn topics_are_taken_as_the_url_encodes_them() {
    let server = Server::start(&[]);
    let mut stream = server.stream("topic=caf%C3%A9+%26+bar/%e2%82%ac");
    assert_eq!(stream.connected()["topics"][0], "café & bar/€");
    server.say("café & bar/€", "yes");
    assert_eq!(stream.messages(1), ["yes"]);
}

#[test]
fn patterns_match_as_they_promise() {
    let server = Server::start(&[]);
    let mut one = server.stream("topic=rooms/*");
    let mut rest = server.stream("topic=rooms/**");
    one.connected();
    rest.connected();
    for topic in ["rooms", "rooms/1", "rooms/1/typing", "rooms/2"] {
        server.say(topic, topic);
    }
    assert_eq!(one.messages(2), ["rooms/1", "rooms/2"]);
    assert_eq!(rest.messages(3), ["rooms/1", "rooms/1/typing", "rooms/2"]);
}

#[test]
fn a_stream_goes_on_after_the_id_in_its_header() {
    let server = Server::start(&[]);
    let mut stream = server.stream("topic=news");
    stream.connected();
    server.say("news", "1");
    server.say("news", "2");
    server.say("news", "3");
    let first = stream.expect("message");
    let mut again = server.resume("topic=news", &first.id);
    again.connected();
    assert_eq!(again.messages(2), ["2", "3"]);
}

#[test]
fn a_stream_goes_on_after_the_id_in_its_query() {
    let server = Server::start(&[]);
    let first = server.say("news", "1");
    server.say("news", "2");
    let id = first["id"].as_str().expect("a text");
    let mut stream = server.stream(&format!("topic=news&last_event_id={id}"));
    stream.connected();
    assert_eq!(stream.messages(1), ["2"]);
}

#[test]
fn the_header_wins_over_the_query() {
    let server = Server::start(&[]);
    server.say("news", "1");
    let second = server.say("news", "2");
    server.say("news", "3");
    let id = second["id"].as_str().expect("a text");
    let mut stream = server.resume("topic=news&last_event_id=earliest", id);
    stream.connected();
    assert_eq!(stream.messages(1), ["3"]);
}

#[test]
fn earliest_is_all_that_is_kept() {
    let server = Server::start(&[]);
    for data in ["1", "2", "3"] {
        server.say("news", data);
    }
    let mut stream = server.stream("topic=news&last_event_id=earliest");
    stream.connected();
    assert_eq!(stream.messages(3), ["1", "2", "3"]);
}

#[test]
fn an_id_of_the_publisher_is_a_place_to_go_on_from() {
    let server = Server::start(&[]);
    server.publish(r#"{"topics":["news"],"data":"1","id":"ørder 1"}"#);
    server.say("news", "2");
    let mut stream = server.resume("topic=news", "ørder 1");
    stream.connected();
    assert_eq!(stream.messages(1), ["2"]);
}

#[test]
fn an_unknown_id_is_a_gap_of_unknown_size_and_all_that_is_kept() {
    let server = Server::start(&[]);
    server.say("news", "1");
    let mut stream = server.resume("topic=news", "nobody knows");
    assert!(
        stream.expect("connected").id.is_empty(),
        "the gap has the id"
    );
    let gap = stream.expect("gap").json();
    assert_eq!(gap["missed"], serde_json::Value::Null);
    assert_eq!(gap["from"], serde_json::Value::Null);
    assert_eq!(gap["reason"], "unknown_cursor");
    assert_eq!(stream.messages(1), ["1"]);
}

#[test]
fn latest_topics_open_a_stream_with_their_values() {
    let server = Server::start(&["--latest", "prices/**"]);
    for (topic, data) in [("prices/a", "1"), ("prices/b", "2"), ("prices/a", "3")] {
        server.say(topic, data);
    }
    let mut stream = server.stream("topic=prices/*");
    stream.connected();
    assert_eq!(stream.messages(2), ["2", "3"]);
}

#[test]
fn a_parameter_that_is_unknown_is_named() {
    let server = Server::start(&[]);
    let response = server.get("/events?topics=news");
    assert_eq!(response.status, 400);
    assert_eq!(error_code(&response), "unknown_parameter");
    assert!(response.message().contains("\"topics\""), "{response:?}");
}

#[test]
fn a_parameter_given_twice_is_named() {
    let server = Server::start(&[]);
    for name in ["user", "tab", "last_event_id", "heartbeat"] {
        let response = server.get(&format!("/events?{name}=event&topic=a&{name}=event"));
        assert_eq!(response.status, 400);
        assert_eq!(error_code(&response), "repeated_parameter");
        assert!(response.message().contains(name), "{response:?}");
    }
}

#[test]
fn a_bad_topic_is_refused_with_its_number() {
    let server = Server::start(&[]);
    for (query, number) in [
        ("topic=", "topic 0"),
        ("topic=ok&topic=a*b", "topic 1"),
        ("topic=ok&topic=ok/*&topic=**/x", "topic 2"),
        ("topic=a%0Ab", "topic 0"),
    ] {
        let response = server.get(&format!("/events?{query}"));
        assert_eq!(response.status, 400, "{query}");
        assert_eq!(error_code(&response), "invalid_topic");
        assert!(response.message().starts_with(number), "{response:?}");
    }
}

#[test]
fn a_bad_user_or_heartbeat_is_refused() {
    let server = Server::start(&[]);
    for (query, code) in [
        ("user=", "invalid_user"),
        ("user=a%00", "invalid_user"),
        ("heartbeat=loud", "invalid_heartbeat"),
    ] {
        let response = server.get(&format!("/events?{query}"));
        assert_eq!((response.status, &*error_code(&response)), (400, code));
    }
}

#[test]
fn a_request_for_a_stream_has_no_body() {
    let server = Server::start(&[]);
    let response = server.request("GET", "/events?topic=news", "{}");
    assert_eq!(response.status, 400);
    assert_eq!(error_code(&response), "unexpected_body");
    server.wait_for_stat("connections", 0);
}
