//! Sockets as streams: events, positions, gaps, tabs, back-pressure, and how they are listed and counted.

use crate::support::{
    Client, Managed, Metrics, Random, Server, Site, Socket, Stream, block_on, reader,
};
use serde_json::{Value, json};
use std::time::Duration;
use tidings_smol::CloseReason;

/// More than the systems hold for a reader on both sides.
const EVENTS: usize = 400;
const EVENT_BYTES: usize = 32 << 10;

#[test]
fn readers_of_event_streams_and_of_sockets_see_the_same() {
    let server = Server::start(&[]);
    let mut stream = server.stream("topic=a&topic=b/*");
    let mut socket = Socket::open(server.address, "topic=a&topic=b/*");
    assert_eq!(
        socket.control("connected")["topics"],
        stream.connected()["topics"]
    );
    for event in [
        json!({ "topics": ["a"], "data": "line\nline" }),
        json!({ "topics": ["b/1", "c"], "data": { "é": [1, null] }, "event": "e", "retry": 7 }),
        json!({ "everyone": true, "data": "", "id": "own" }),
        json!({ "topics": ["not theirs"], "data": "x" }),
        json!({ "topics": ["a"], "data": "x".repeat(70_000) }),
    ] {
        server.publish(&event.to_string());
    }
    for topic in [json!("a"), json!("b/1"), Value::Null, json!("a")] {
        let (told, heard) = (stream.next(), socket.next());
        let retry = heard.get("retry").and_then(Value::as_u64);
        assert_eq!(heard["id"], told.id);
        assert_eq!(heard["event"], told.event);
        assert_eq!(heard["data"], told.data);
        assert_eq!(retry, told.retry);
        assert_eq!(heard["topic"], topic);
    }
}

#[test]
fn a_socket_goes_on_where_another_stream_was() {
    let server = Server::start(&[]);
    let mut socket = Socket::open(server.address, "topic=a");
    socket.connected();
    server.say("a", "1");
    let first = socket.expect("message")["id"].clone();
    drop(socket);
    server.say("a", "2");
    let query = format!("topic=a&last_event_id={}", first.as_str().expect("an id"));
    let mut socket = Socket::open(server.address, &query);
    socket.connected();
    assert_eq!(socket.messages(1), ["2"]);
    let mut stream = server.stream(&query);
    stream.connected();
    assert_eq!(stream.messages(1), ["2"]);
    let mut earliest = Socket::open(server.address, "topic=a&last_event_id=earliest");
    earliest.connected();
    assert_eq!(earliest.messages(2), ["1", "2"]);
    let mut unknown = Socket::open(server.address, "topic=a&last_event_id=other");
    unknown.connected();
    assert_eq!(unknown.control("gap")["missed"], Value::Null);
}

#[test]
fn a_newer_stream_of_a_tab_closes_the_older_which_stays_away() {
    let server = Server::start(&[]);
    let query = "user=ada&tab=1&topic=a";
    let mut old = Socket::open(server.address, query);
    old.connected();
    let mut new = server.stream(query);
    new.connected();
    let bye = old.expect("bye");
    assert!(
        bye["id"].as_str().is_some_and(|id| id.ends_with('!')),
        "{bye}"
    );
    assert_eq!(old.end(), Some(1000));
}

/// Publishes numbered events, each large.
fn publish_many(address: std::net::SocketAddr) {
    let mut client = Client::connect(address);
    for number in 0..EVENTS {
        let data = format!("{number}:{}", "x".repeat(EVENT_BYTES));
        let event = json!({ "topics": ["a"], "data": data }).to_string();
        assert_eq!(client.request("POST", "/publish", &event).status, 200);
    }
}

#[test]
fn a_slow_reader_is_told_how_many_events_it_missed() {
    let server = Server::start(&["--log-events", "100"]);
    let mut slow = Socket::open(server.address, "topic=a");
    slow.connected();
    publish_many(server.address);
    let (mut next, mut gaps) = (0, 0);
    while next < EVENTS {
        let heard = slow.next();
        if heard["event"] == "gap" {
            let said: Value =
                serde_json::from_str(heard["data"].as_str().expect("text")).expect("JSON");
            next += said["missed"].as_u64().expect("a number") as usize;
            gaps += 1;
        } else {
            let data = heard["data"].as_str().expect("text");
            let number = data.split(':').next().expect("a number");
            assert_eq!(number.parse(), Ok(next));
            next += 1;
        }
    }
    assert_eq!(gaps, 1);
}

#[test]
fn a_reader_that_takes_nothing_for_long_is_cut() {
    let server = Server::start(&["--stall", "1s", "--log-events", "100"]);
    let mut slow = Socket::open(server.address, "topic=a");
    slow.connected();
    publish_many(server.address);
    server.wait_for_stat("closed.stalled", 1);
    assert_eq!(server.stats()["connections"], 0);
    assert_eq!(slow.end(), None, "without a word, since none can be said");
}

#[test]
fn quiet_sockets_get_heartbeats_as_events_or_as_pings() {
    let server = Server::start(&["--heartbeat", "100ms"]);
    let mut socket = Socket::open(server.address, "topic=a");
    socket.connected();
    let beat = socket.read();
    assert_eq!(beat["event"], "heartbeat");
    let mut socket = Socket::open(server.address, "topic=a&heartbeat=comment");
    socket.connected();
    loop {
        use async_tungstenite::tungstenite::Message;
        match socket.socket.read().expect("it lives") {
            Message::Ping(_) => break,
            other => assert!(!other.to_string().contains("heartbeat"), "{other}"),
        }
    }
}

#[test]
fn sockets_are_listed_shown_closed_and_counted() {
    let server = Managed::start();
    let token = reader("ada", &["news"]);
    let mut stream = server.stream("topic=news", &token);
    stream.connected();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer)];
    let open = || Socket::try_open(server.site.address, "/ws?topic=news", &headers);
    let mut socket = open().expect("it is opened");
    let id = socket.connected();
    let listed = server.seen_by_admin("/connections?user=ada");
    let transports: Vec<_> = listed["connections"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["transport"].as_str().expect("a text"))
        .collect();
    assert_eq!(transports, ["http1", "websocket"]);
    let shown = server.seen_by_admin(&format!("/connections/{id}"));
    assert_eq!(
        (&shown["user"], &shown["topics"], &shown["transport"]),
        (&json!("ada"), &json!(["news"]), &json!("websocket"))
    );
    socket.ask(&json!({ "type": "ping" }));
    socket.say(&json!({ "type": "no such" }));
    socket.error();
    let metrics = server.get("/metrics", &crate::support::admin()).text();
    let metrics = Metrics::parse(&metrics);
    for (name, value) in [
        ("tidings_connections{transport=\"websocket\"}", 1.0),
        ("tidings_connections{transport=\"http1\"}", 1.0),
        ("tidings_websocket_messages_total{type=\"ping\"}", 1.0),
        ("tidings_websocket_messages_total{type=\"other\"}", 1.0),
        ("tidings_websocket_errors_total{code=\"unknown_type\"}", 1.0),
        (
            "tidings_http_requests_total{path=\"/ws\",status=\"101\"}",
            1.0,
        ),
    ] {
        assert_eq!(metrics.samples.get(name), Some(&value), "{name}");
    }
    let closed = server.request(
        &format!("DELETE /connections/{id}"),
        &crate::support::admin(),
        "",
    );
    assert_eq!(closed.status, 204);
    socket.control("bye");
    assert_eq!(socket.end(), Some(1000));
    server.site.wait_for_closed(CloseReason::Closed, 1);
}

/// A reader that is cut again and again, at random moments, and comes back each time where it was.
#[test]
fn nothing_is_lost_under_random_cuts() {
    const PUBLISHED: usize = 600;
    let site = Site::start(false, |options| {
        options.limits.opens_per_user = tidings_smol::server::Rate::new(0, 0);
    });
    let mut random = Random::new();
    let mut publisher = random.fork();
    let (address, hub) = (site.address, site.hub.clone());
    let publishing = std::thread::spawn(move || {
        for number in 0..PUBLISHED {
            let data = format!("{number}:{}", "x".repeat(publisher.below(20_000)));
            let event = tidings_smol::Event::message(&data);
            let event = tidings_smol::Publish::to(tidings_smol::Audience::Topic("a"), event);
            block_on(hub.publish(&event)).expect("it is published");
            if publisher.chance(4) {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    });
    let (mut next, mut position, mut cuts) = (0, "earliest".to_owned(), 0);
    while next < PUBLISHED {
        let mut socket = Socket::open(address, &format!("topic=a&last_event_id={position}"));
        for _ in 0..random.below(40) {
            if next == PUBLISHED {
                break;
            }
            let heard = socket.next();
            if let Some(id) = heard["id"].as_str() {
                id.clone_into(&mut position);
            }
            if heard["event"] == "message" {
                let data = heard["data"].as_str().expect("text");
                let number = data.split(':').next().expect("a number");
                assert_eq!(number.parse(), Ok(next), "in order, once");
                next += 1;
            } else {
                assert_eq!(heard["event"], "connected", "there is no gap");
            }
        }
        cuts += 1;
        // Dropped with bytes unread it is reset, in the middle of a message more often than not.
        drop(socket);
    }
    println!("{cuts} cuts");
    publishing.join().expect("all is published");
    site.wait_for_connections(0);
}

/// What a stream and a socket of one user publish and read mixes as if all were streams.
#[test]
fn whoever_publishes_over_http_reaches_sockets_but_one() {
    let server = Server::start(&[]);
    let mut one = Socket::open(server.address, "topic=a");
    let id = one.connected();
    let mut other = Socket::open(server.address, "topic=a");
    other.connected();
    let event = json!({ "topics": ["a"], "data": "1", "except": id }).to_string();
    assert_eq!(server.publish(&event)["recipients"], 1);
    server.publish(&json!({ "connection": id, "data": "2" }).to_string());
    assert_eq!(one.messages(1), ["2"]);
    assert_eq!(other.messages(1), ["1"]);
    let mut stream: Stream = server.stream("topic=a");
    stream.connected();
    one.ask(&json!({ "type": "publish", "topics": ["a"], "data": "3" }));
    assert_eq!(stream.messages(1), ["3"]);
}
