//! Several shards act as one server.

use crate::support::{Received, Server, Stream};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tidings_smol::ConnectionId;

fn start() -> Server {
    Server::start(&["--shards", "3", "--drain", "10s"])
}

/// Opens streams, and tells on which shard each is.
fn open(server: &Server, query: &str, count: usize) -> Vec<(ConnectionId, Stream)> {
    let open = |_| {
        let mut stream = server.stream(query);
        let says = stream.connected();
        let id = says["connection"].as_str().and_then(|id| id.parse().ok());
        (id.expect("a connection id"), stream)
    };
    (0..count).map(open).collect()
}

fn by_shard(streams: &[(ConnectionId, Stream)]) -> BTreeMap<u8, usize> {
    let mut counts = BTreeMap::new();
    for (id, _) in streams {
        *counts.entry(id.shard()).or_default() += 1;
    }
    counts
}

#[test]
fn streams_take_turns_among_the_shards() {
    let server = start();
    let streams = open(&server, "topic=a", 9);
    assert_eq!(by_shard(&streams), BTreeMap::from([(0, 3), (1, 3), (2, 3)]));
}

#[test]
fn the_streams_of_a_user_or_a_tab_share_a_shard() {
    let server = start();
    for user in ["ada", "bob", "eve", "joe"] {
        let streams = open(&server, &format!("user={user}"), 5);
        assert_eq!(by_shard(&streams).len(), 1, "{user}");
    }
    let tab = "topic=a&tab=0123456789abcdef";
    let mut older = server.stream(tab);
    older.connected();
    let mut newer = server.stream(tab);
    newer.connected();
    assert_eq!(older.expect("bye").json()["reason"], "superseded");
}

#[test]
fn all_readers_see_one_order_whatever_their_shard() {
    const EVENTS: usize = 300;
    let server = start();
    let mut streams = open(&server, "topic=a", 6);
    let address = server.address;
    let publishers: Vec<_> = (0..3)
        .map(|publisher| {
            std::thread::spawn(move || {
                let mut client = crate::support::Client::connect(address);
                for number in 0..EVENTS {
                    let data = format!("{publisher}:{number}");
                    let event = json!({ "topics": ["a"], "data": data }).to_string();
                    let answer = client.request("POST", "/publish", &event).json();
                    assert_eq!(answer["recipients"], 6);
                }
            })
        })
        .collect();
    let read = |stream: &mut Stream| -> Vec<Received> {
        (0..3 * EVENTS).map(|_| stream.expect("message")).collect()
    };
    let first = read(&mut streams[0].1);
    for (id, stream) in &mut streams[1..] {
        assert_eq!(read(stream), first, "{id} sees the same");
    }
    for publisher in publishers {
        publisher.join().expect("everything is published");
    }
}

#[test]
fn counts_are_those_of_one_server() {
    let server = start();
    let users = open(&server, "topic=a&user=ada", 2);
    let streams = open(&server, "topic=a", 6);
    for number in 0..10 {
        assert_eq!(server.say("a", &number.to_string())["recipients"], 8);
    }
    server.publish(r#"{"topics":["a"],"id":"x","data":"1"}"#);
    server.publish(r#"{"topics":["a"],"id":"x","data":"1"}"#);
    server.wait_for_stat("delivered", 88);
    let stats = server.stats();
    for (name, count) in [
        ("connections", 8),
        ("opened", 8),
        ("users", 1),
        ("topics", 1),
        ("published", 11),
        ("duplicates", 1),
        ("log_events", 11),
        ("undelivered", 0),
        ("gaps", 0),
    ] {
        assert_eq!(stats[name], count, "{name} in {stats}");
    }
    drop((users, streams));
    server.wait_for_stat("connections", 0);
    assert_eq!(server.stats()["closed"]["gone"], 8);
}

#[test]
fn an_event_for_one_connection_finds_it_on_its_shard() {
    let server = start();
    let mut streams = open(&server, "topic=a", 6);
    for (id, _) in &streams {
        let event = json!({ "connection": id.to_string(), "data": id.to_string() });
        assert_eq!(server.publish(&event.to_string())["recipients"], 1);
    }
    server.say("a", "all");
    for (id, stream) in &mut streams {
        assert_eq!(stream.messages(2), [id.to_string(), "all".into()]);
    }
    assert_eq!(server.stats()["undelivered"], 0);
}

#[test]
fn a_connection_is_left_out_on_whatever_shard_it_is() {
    let server = start();
    let mut streams = open(&server, "topic=a", 6);
    for (id, _) in &streams {
        let event = json!({ "topics": ["a"], "data": id.to_string(), "except": id.to_string() });
        assert_eq!(server.publish(&event.to_string())["recipients"], 5);
    }
    let ids: Vec<_> = streams.iter().map(|(id, _)| id.to_string()).collect();
    for (id, stream) in &mut streams {
        let expected: Vec<_> = ids
            .iter()
            .filter(|other| **other != id.to_string())
            .collect();
        assert_eq!(stream.messages(5).iter().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_cursor_of_one_shard_is_good_on_every_other() {
    let server = start();
    let mut streams = open(&server, "topic=a", 3);
    server.say("a", "1");
    server.say("a", "2");
    for (_, stream) in &mut streams {
        let id = stream.expect("message").id;
        for _ in 0..3 {
            let mut again = server.resume("topic=a", &id);
            again.connected();
            assert_eq!(again.messages(1), ["2"]);
        }
    }
}

#[test]
fn a_cursor_just_given_out_is_known_on_every_shard() {
    let server = start();
    let mut client = server.connect();
    for number in 0..200 {
        let event = json!({ "topics": ["a"], "data": number }).to_string();
        let answer: Value = client.request("POST", "/publish", &event).json();
        let id = answer["id"].as_str().expect("a text").to_owned();
        let mut stream = server.resume("topic=a", &id);
        assert_eq!(
            stream.expect("connected").id,
            id,
            "nothing is missing before it"
        );
    }
}

#[test]
fn all_shards_drain() {
    let server = start();
    let mut streams = open(&server, "topic=a", 9);
    server.say("a", "last");
    assert_eq!(server.stop().code(), Some(0));
    for (_, stream) in &mut streams {
        assert_eq!(stream.messages(1), ["last"]);
        assert_eq!(stream.expect("bye").json()["reason"], "drain");
        stream.expect_end();
    }
}
