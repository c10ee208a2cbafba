//! Topics of live streams that change, and tabs that find their changes again.

use crate::support::guarded::{bearer, reading, sign};
use crate::support::{
    Managed, Response, Server, Stream, admin, error_code, eventually, reader, token_of,
};
use serde_json::{Value, json};
use std::time::Duration;
use tidings_smol::server::NewToken;

/// Opens a stream and says where its topics are changed.
fn open(server: &Managed, query: &str, token: &str) -> (Stream, String) {
    let mut stream = server.stream(query, token);
    let connected = stream.connected();
    let id = connected["connection"].as_str().expect("an id");
    (stream, format!("/connections/{id}/topics"))
}

#[track_caller]
fn change(server: &Managed, path: &str, token: &str, add: &[&str], remove: &[&str]) -> Value {
    let response = server.post(path, token, &json!({ "add": add, "remove": remove }));
    assert_eq!(response.status, 200, "{response:?}");
    response.json()["topics"].clone()
}

/// The topics of a stream that is opened now, in order.
fn topics_of_new(server: &Managed, query: &str, token: &str) -> Vec<String> {
    let connected = server.stream(query, token).connected();
    let topics = connected["topics"].as_array().expect("a list");
    let mut topics: Vec<_> = topics
        .iter()
        .map(|topic| topic.as_str().expect("a name").to_owned())
        .collect();
    topics.sort();
    topics
}

fn wait_until_closed(server: &Managed) {
    eventually("it is closed", || {
        let listed = server.seen_by_admin("/connections");
        let open = listed["connections"].as_array().map_or(0, Vec::len);
        (open == 0).then_some(()).ok_or(listed)
    });
}

#[test]
fn a_stream_changes_its_topics_without_a_reconnect() {
    let server = Managed::start();
    let token = reader("ada", &["room/**"]);
    let (mut stream, path) = open(&server, "topic=room/1&tab=1", &token);
    server.say("room/2", "before");
    let topics = change(
        &server,
        &path,
        &token,
        &["room/2", "room/3/*"],
        &["room/1", "room/9"],
    );
    assert_eq!(topics, json!(["room/2", "room/3/*"]));
    server.say("room/1", "after");
    server.say("room/2", "1");
    server.say("room/3/x", "2");
    assert_eq!(stream.messages(2), ["1", "2"]);
    assert_eq!(change(&server, &path, &token, &[], &[]), topics);
}

#[test]
fn a_tab_that_comes_back_finds_its_changes_and_misses_nothing() {
    let server = Managed::start();
    let token = reader("ada", &["**"]);
    let query = "topic=a&topic=b&tab=1";
    let (mut stream, path) = open(&server, query, &token);
    change(&server, &path, &token, &["c"], &["b"]);
    server.say("c", "1");
    let id = stream.expect("message").id;
    drop(stream);
    wait_until_closed(&server);
    for topic in ["a", "b", "c"] {
        server.say(topic, topic);
    }
    let mut back = server.resume(query, &token, &id);
    let mut topics = back.connected()["topics"].clone();
    topics
        .as_array_mut()
        .expect("a list")
        .sort_by_key(Value::to_string);
    assert_eq!(topics, json!(["a", "c"]));
    assert_eq!(back.messages(2), ["a", "c"]);
    // Other tabs and users have what they ask for.
    assert_eq!(
        topics_of_new(&server, "topic=a&topic=b&tab=2", &token),
        ["a", "b"]
    );
    assert_eq!(
        topics_of_new(&server, query, &reader("bob", &["**"])),
        ["a", "b"]
    );
}

#[test]
fn what_a_tab_added_is_for_the_token_of_the_day() {
    let server = Managed::start();
    let (stream, path) = open(&server, "topic=a&tab=1", &reader("ada", &["**"]));
    change(
        &server,
        &path,
        &reader("ada", &["**"]),
        &["secret", "b"],
        &[],
    );
    drop(stream);
    wait_until_closed(&server);
    let narrow = reader("ada", &["a", "b"]);
    assert_eq!(topics_of_new(&server, "topic=a&tab=1", &narrow), ["a", "b"]);
    let asked = server.get("/events?topic=secret&tab=1", &narrow);
    assert_eq!(asked.status, 403);
    assert!(asked.message().contains("\"secret\""), "{asked:?}");
}

#[test]
fn changes_are_forgotten_some_time_after_the_stream_has_closed() {
    let server = Managed::start_with(|options| {
        options.sessions.keep_changes = Duration::from_millis(300);
    });
    let token = reader("ada", &["**"]);
    let (stream, path) = open(&server, "topic=a&tab=1", &token);
    change(&server, &path, &token, &["b"], &[]);
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(change(&server, &path, &token, &[], &[]), json!(["a", "b"]));
    drop(stream);
    wait_until_closed(&server);
    // Each stream that is opened keeps them for as long again, unless they are gone.
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(topics_of_new(&server, "topic=a&tab=1", &token), ["a"]);
}

#[test]
fn a_stream_without_a_tab_does_not_change() {
    let server = Managed::start();
    let token = reader("ada", &["**"]);
    let (_stream, path) = open(&server, "topic=a", &token);
    let response = server.post(&path, &token, &json!({ "add": ["b"] }));
    assert_eq!(
        (response.status, &*error_code(&response)),
        (409, "tab_needed")
    );
}

#[test]
fn what_may_not_be_read_is_named_and_nothing_changes() {
    let server = Managed::start();
    let token = reader("ada", &["a", "b", "c"]);
    let (_stream, path) = open(&server, "topic=a&tab=1", &token);
    let body = json!({ "add": ["b", "x", "c"], "remove": ["a"] });
    let response = server.post(&path, &token, &body);
    assert_eq!(
        (response.status, &*error_code(&response)),
        (403, "forbidden")
    );
    assert!(response.message().contains("\"x\""), "{response:?}");
    assert_eq!(change(&server, &path, &token, &[], &[]), json!(["a"]));
}

#[test]
fn changes_that_cannot_be_are_refused_with_the_place() {
    let server = Managed::start_with(|options| {
        options.driver.hub.limits.topics_per_connection = 3;
    });
    let token = reader("ada", &["**"]);
    let (_stream, path) = open(&server, "topic=a&tab=1", &token);
    let refused = |body: &str| {
        let response = server.request(&format!("POST {path}"), &token, body);
        assert_eq!(response.status, 400, "{body}");
        (error_code(&response), response.message())
    };
    for (body, code, word) in [
        ("{", "invalid_json", "line 1"),
        ("[[],[]]", "invalid_json", "object"),
        ("null", "invalid_json", "object"),
        (r#"{"add":"b"}"#, "invalid_json", "sequence"),
        (r#"{"add":[1]}"#, "invalid_json", "string"),
        (r#"{"add":[null]}"#, "invalid_json", "null"),
        (r#"{"added":["b"]}"#, "invalid_json", "added"),
        (r#"{"add":["b"],"add":["c"]}"#, "invalid_json", "duplicate"),
        (r#"{"add":[""]}"#, "invalid_topic", "add"),
        (r#"{"remove":["b\n"]}"#, "invalid_topic", "remove"),
        (r#"{"add":["a*"]}"#, "invalid_topic", "a*"),
        (
            r#"{"add":["b"],"remove":["b"]}"#,
            "contradictory_topic",
            "\"b\"",
        ),
        (r#"{"add":["b","c","d"]}"#, "too_many_topics", "3"),
        (r#"{"remove":["b","c","d","e"]}"#, "too_many_topics", "3"),
    ] {
        let (found, message) = refused(body);
        assert_eq!(found, code, "{body}: {message}");
        assert!(message.contains(word), "{word:?} in {message:?} for {body}");
    }
    let plain = ["content-type: text/plain", "content-length: 2"];
    let mut headers = vec!["host: localhost"];
    let authorization = bearer(&token);
    headers.extend(plain);
    headers.push(&authorization);
    let mut client = crate::support::Client::connect(server.site.address);
    let response = client.request_with(&format!("POST {path} HTTP/1.1"), &headers, b"{}");
    assert_eq!(response.status, 415);
    let full = change(&server, &path, &token, &["b", "c"], &[]);
    assert_eq!(full, json!(["a", "b", "c"]));
    let swapped = change(&server, &path, &token, &["d"], &["a"]);
    assert_eq!(swapped, json!(["b", "c", "d"]));
}

fn status_and_code(response: &Response) -> (u16, String) {
    (response.status, error_code(response))
}

#[test]
fn streams_are_changed_by_those_whose_they_are() {
    let server = Managed::start();
    let token = reader("ada", &["**"]);
    let (_stream, path) = open(&server, "topic=a&tab=1", &token);
    let add = json!({ "add": ["b"] });
    let cases = [
        (String::new(), &add, 401, "unauthenticated"),
        (reader("bob", &["**"]), &add, 403, "forbidden"),
        (
            reader("bob", &["**"]),
            &json!({ "add": ["b"], "tab": "1" }),
            403,
            "forbidden",
        ),
        (
            token.clone(),
            &json!({ "add": ["b"], "tab": "2" }),
            403,
            "forbidden",
        ),
    ];
    for (token, body, status, code) in cases {
        let response = server.post(&path, &token, body);
        assert_eq!(status_and_code(&response), (status, code.into()), "{body}");
    }
    assert_eq!(
        change(&server, &path, &admin(), &["b"], &[]),
        json!(["a", "b"])
    );
    let with_tab = server.post(&path, &token, &json!({ "add": ["c"], "tab": "1" }));
    assert_eq!(with_tab.status, 200);
    for id in ["7", "nonsense"] {
        let path = format!("/connections/{id}/topics");
        let response = server.post(&path, &token, &add);
        assert_eq!(
            status_and_code(&response),
            (404, "connection_not_found".into())
        );
    }
}

#[test]
fn a_stream_without_a_user_is_changed_by_whoever_knows_its_tab() {
    let server = Managed::start_with(|options| {
        let auth = options.auth.as_mut().expect("it asks who comes");
        auth.anonymous = reading(&["public/**"]);
    });
    let tab = "0123456789abcdef";
    let (mut stream, path) = open(&server, &format!("topic=public/1&tab={tab}"), "");
    let ask = |token: &str, tab: Value, topic: &str| {
        server.post(&path, token, &json!({ "add": [topic], "tab": tab }))
    };
    let nameless = NewToken {
        user: None,
        ..token_of("nobody", reading(&["**"]))
    };
    for (token, tab) in [
        (String::new(), Value::Null),
        (String::new(), json!("0123456789abcdeX")),
        (reader("ada", &["**"]), json!(tab)),
        (sign(&nameless), Value::Null),
    ] {
        let response = ask(&token, tab, "public/2");
        assert!([401, 403].contains(&response.status), "{response:?}");
    }
    assert_eq!(ask("", json!(tab), "secret").status, 401);
    assert_eq!(ask("", json!(tab), "public/2").status, 200);
    server.say("public/2", "added");
    assert_eq!(stream.messages(1), ["added"]);
    let listed = server.seen_by_admin("/connections");
    assert_eq!(listed["connections"][0]["tab"], Value::Null, "{listed}");
}

#[test]
fn what_there_is_no_room_to_remember_is_refused() {
    let server = Managed::start_with(|options| options.sessions.changed_tabs = 1);
    let token = reader("ada", &["**"]);
    let (_one, first) = open(&server, "topic=a&tab=1", &token);
    let (mut two, second) = open(&server, "topic=a&tab=2", &token);
    change(&server, &first, &token, &["b"], &[]);
    let refused = server.post(&second, &token, &json!({ "add": ["b"] }));
    assert_eq!(status_and_code(&refused), (503, "too_many_changes".into()));
    assert!(refused.header("retry-after").is_some());
    server.say("b", "not for the second");
    server.say("a", "for both");
    assert_eq!(two.messages(1), ["for both"]);
    change(&server, &first, &token, &[], &["b"]);
    change(&server, &second, &token, &["b"], &[]);
}

#[test]
fn a_newer_stream_of_the_tab_takes_the_changes_over() {
    let server = Managed::start();
    let token = reader("ada", &["**"]);
    let (mut older, old_path) = open(&server, "topic=a&tab=1", &token);
    change(&server, &old_path, &token, &["b"], &[]);
    let (newer, path) = open(&server, "topic=a&tab=1", &token);
    older.expect("bye");
    older.expect_end();
    let gone = server.post(&old_path, &token, &json!({ "add": ["c"] }));
    assert_eq!(gone.status, 404);
    assert_eq!(
        change(&server, &path, &token, &["d"], &["a"]),
        json!(["b", "d"])
    );
    drop(newer);
    wait_until_closed(&server);
    assert_eq!(topics_of_new(&server, "topic=a&tab=1", &token), ["b", "d"]);
}

#[test]
fn without_authentication_those_on_this_machine_change_every_stream_with_a_tab() {
    let server = Server::start(&[]);
    let mut stream = server.stream("topic=a&user=ada&tab=1");
    let id = stream.connected()["connection"].clone();
    let path = format!("/connections/{}/topics", id.as_str().expect("an id"));
    let response = server.request("POST", &path, r#"{"add":["b"]}"#);
    assert_eq!(response.json()["topics"], json!(["a", "b"]));
    let path = path.replace("topics", "token");
    let response = server.request("POST", &path, "");
    assert_eq!(response.status, 401, "there are no tokens");
}
