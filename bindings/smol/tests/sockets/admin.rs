//! What those see who look after the server.

use crate::support::guarded::{now_s, reading, sign};
use crate::support::{Managed, Stream, admin, error_code, eventually, reader, token_of};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tidings_smol::server::Access;

fn id_of(stream: &mut Stream) -> String {
    let id = stream.connected()["connection"].clone();
    id.as_str().expect("an id").to_owned()
}

/// All pages of a list, joined.
fn listed(server: &Managed, path: &str, query: &str) -> Vec<Value> {
    let name = path.trim_start_matches('/');
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.seen_by_admin(&format!("{path}?{query}&after={after}"));
        all.extend(page[name].as_array().expect("a list").iter().cloned());
        match page["next"].as_str() {
            Some(next) => next.clone_into(&mut after),
            None => return all,
        }
    }
}

fn names<'a>(list: &'a [Value], field: &str) -> BTreeSet<&'a str> {
    list.iter()
        .map(|one| one[field].as_str().expect("a name"))
        .collect()
}

#[test]
fn a_stream_is_shown_as_it_is() {
    let server = Managed::start();
    let token = token_of("ada", reading(&["**"]));
    let before_ms = now_s() * 1_000;
    let mut stream = server.stream("topic=b&topic=a/*&tab=1", &sign(&token));
    let id = id_of(&mut stream);
    let shown = server.seen_by_admin(&format!("/connections/{id}"));
    let opened_ms = shown["opened_ms"].as_u64().expect("a time");
    assert!((before_ms..=(now_s() + 1) * 1_000).contains(&opened_ms));
    assert_eq!(
        shown,
        json!({
            "connection": id,
            "user": "ada",
            "tab": "1",
            "token_id": "token of ada",
            "expires_ms": token.expires_s.map(|seconds| seconds * 1_000),
            "address": "127.0.0.1",
            "opened_ms": opened_ms,
            "transport": "http1",
            "topics": ["a/*", "b"],
        })
    );
    assert_eq!(
        server.seen_by_admin("/connections"),
        json!({ "connections": [shown], "next": null })
    );
}

#[test]
fn a_renewed_stream_is_shown_with_its_new_token() {
    let server = Managed::start();
    let mut stream = server.stream("topic=a", &reader("ada", &["**"]));
    let path = format!("/connections/{}", id_of(&mut stream));
    let mut other = token_of("ada", reading(&["b"]));
    (other.id, other.expires_s) = (None, Some(4_000_000_000));
    assert_eq!(
        server
            .post(&format!("{path}/token"), &sign(&other), &Value::Null)
            .status,
        200
    );
    let shown = server.seen_by_admin(&path);
    assert_eq!(shown["token_id"], Value::Null);
    assert_eq!(shown["expires_ms"], json!(4_000_000_000_000_u64));
    assert_eq!(shown["topics"], json!([]));
}

#[test]
fn streams_are_listed_in_pages_by_user_and_by_topic() {
    let server = Managed::start_with(|options| options.driver.shards = 3);
    let mut streams = Vec::new();
    for number in 0..30 {
        let user = ["ada", "bob", "eve"][number % 3];
        let topic = ["news", "room/1", "room/*", "other"][number % 4];
        let query = format!("topic={topic}&topic=own/{number}");
        let mut stream = server.stream(&query, &reader(user, &["**"]));
        let id = id_of(&mut stream);
        streams.push((stream, id, user, topic));
    }
    let ids = |keep: &dyn Fn(&str, &str) -> bool| -> BTreeSet<&str> {
        let kept = streams
            .iter()
            .filter(|(_, _, user, topic)| keep(user, topic));
        kept.map(|(_, id, ..)| &**id).collect()
    };
    for limit in ["limit=1", "limit=7", "limit=1000", ""] {
        let found = |filter: &str| listed(&server, "/connections", &format!("{limit}&{filter}"));
        let (all, ada) = (found(""), found("user=ada"));
        assert_eq!(all.len(), 30, "nobody twice");
        assert_eq!(names(&all, "connection"), ids(&|_, _| true));
        assert_eq!(names(&ada, "connection"), ids(&|user, _| user == "ada"));
        let in_room = found("topic=room/1");
        assert_eq!(
            names(&in_room, "connection"),
            ids(&|_, topic| topic.starts_with("room/"))
        );
        let both = found("topic=room/1&user=bob");
        assert_eq!(
            names(&both, "connection"),
            ids(&|user, topic| user == "bob" && topic.starts_with("room/"))
        );
        assert!(found("topic=nothing").is_empty() && found("user=nobody").is_empty());
    }
}

#[test]
fn a_stream_with_many_topics_makes_a_page_short_and_none_is_left_out() {
    let server = Managed::start();
    let topics: Vec<_> = (0..990).map(|number| format!("topic={number}")).collect();
    let streams: Vec<_> = (0..25)
        .map(|_| {
            let mut stream = server.stream(&topics.join("&"), &reader("ada", &["**"]));
            id_of(&mut stream);
            stream
        })
        .collect();
    let first = server.seen_by_admin("/connections?limit=1000");
    let shown = first["connections"].as_array().expect("a list");
    assert_eq!(shown.len(), 11, "with the topics of 11 it has enough");
    assert_eq!(shown[0]["topics"].as_array().map(Vec::len), Some(990));
    let all = listed(&server, "/connections", "limit=1000");
    assert_eq!(names(&all, "connection").len(), streams.len());
}

#[test]
fn one_stream_can_be_closed() {
    let server = Managed::start();
    let token = reader("ada", &["**"]);
    let mut stream = server.stream("topic=a", &token);
    let path = format!("/connections/{}", id_of(&mut stream));
    let closed = server.request(&format!("DELETE {path}"), &admin(), "");
    assert_eq!(closed.status, 204);
    assert_eq!(stream.expect("bye").json()["reason"], "closed");
    stream.expect_end();
    eventually("it is gone", || {
        let status = server.get(&path, &admin()).status;
        (status == 404).then_some(()).ok_or(status)
    });
    for method in ["GET", "DELETE"] {
        let response = server.request(&format!("{method} {path}"), &admin(), "");
        assert_eq!(response.status, 404);
    }
    server.stream("topic=a", &token).connected();
}

#[test]
fn topics_are_listed_with_what_there_is_of_them() {
    let server = Managed::start_with(|options| options.driver.shards = 2);
    let mut streams = Vec::new();
    for user in ["ada", "bob", "eve", "dan"] {
        let mut stream = server.stream("topic=a&topic=room/*", &reader(user, &["**"]));
        id_of(&mut stream);
        streams.push(stream);
    }
    for topic in ["room/1", "room/1", "x"] {
        server.say(topic, "1");
    }
    let expected = json!([
        { "topic": "a", "subscribers": 4, "pattern_subscribers": 0, "events": 0 },
        { "topic": "room/1", "subscribers": 0, "pattern_subscribers": 4, "events": 2 },
        { "topic": "x", "subscribers": 0, "pattern_subscribers": 0, "events": 1 },
    ]);
    for limit in ["", "limit=1", "limit=2", "limit=3"] {
        assert_eq!(
            json!(listed(&server, "/topics", limit)),
            expected,
            "{limit}"
        );
    }
    let page = server.seen_by_admin("/topics?after=room/1");
    assert_eq!(page["topics"][0]["topic"], "x");
}

#[test]
fn what_is_no_list_is_refused() {
    let server = Managed::start();
    for (target, code, word) in [
        ("/connections?limit=0", "invalid_limit", "1000"),
        ("/connections?limit=1001", "invalid_limit", "1000"),
        ("/connections?limit=-1", "invalid_limit", "1000"),
        ("/connections?limit=", "invalid_limit", "1000"),
        (
            "/connections?limit=99999999999999999999",
            "invalid_limit",
            "1000",
        ),
        ("/connections?after=nonsense", "invalid_after", "next"),
        ("/connections?tab=1", "unknown_parameter", "topic"),
        ("/connections?user=a&user=b", "repeated_parameter", "user"),
        ("/topics?topic=a", "unknown_parameter", "after"),
    ] {
        let response = server.get(target, &admin());
        assert_eq!(response.status, 400, "{target}");
        assert_eq!(error_code(&response), code, "{target}");
        assert!(response.message().contains(word), "{response:?}");
    }
    let response = server.request("POST /connections", &admin(), "{}");
    assert_eq!(
        (response.status, response.header("allow")),
        (405, Some("GET, HEAD"))
    );
    let response = server.request("PUT /connections/1", &admin(), "{}");
    assert_eq!(response.header("allow"), Some("GET, HEAD, DELETE"));
}

#[test]
fn only_those_with_the_permission_look_after_the_server() {
    let server = Managed::start();
    let mut stream = server.stream("topic=a", &reader("ada", &["**"]));
    let id = id_of(&mut stream);
    let all_but = Access {
        admin: false,
        ..Access::everything()
    };
    let tokens = [
        (String::new(), 401, "unauthenticated"),
        (sign(&token_of("ada", all_but)), 403, "forbidden"),
    ];
    for (token, status, code) in tokens {
        for line in [
            "GET /connections",
            &format!("GET /connections/{id}"),
            "GET /connections/1",
            &format!("DELETE /connections/{id}"),
            "GET /topics",
            "POST /revocations",
        ] {
            let response = server.request(line, &token, "");
            assert_eq!(response.status, status, "{line}");
            assert_eq!(error_code(&response), code, "{line}");
        }
    }
    server.say("a", "it is open");
    assert_eq!(stream.messages(1), ["it is open"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is in a query, it is answered, and not with more than was asked for.
    #[test]
    fn any_query_is_answered(query in "(limit|after|user|topic|x)?[=&]?[a-f0-9%&=]{0,12}") {
        static SERVER: std::sync::OnceLock<Managed> = std::sync::OnceLock::new();
        let server = SERVER.get_or_init(Managed::start);
        for path in ["/connections", "/topics"] {
            let response = server.get(&format!("{path}?{query}"), &admin());
            prop_assert!([200, 400].contains(&response.status), "{} {:?}", query, response);
        }
    }
}
