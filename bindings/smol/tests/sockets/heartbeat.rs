//! What happens on streams without anybody publishing: heartbeats, ends by time, peers that vanish.

use crate::support::{Client, PATIENCE, Server, Stream};
use socket2::SockRef;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tidings_smol::server::ServerOptions;
use tidings_smol::{Deadlines, DriverOptions, SocketOptions};

#[test]
fn a_quiet_stream_gets_heartbeats_with_its_position() {
    let server = Server::start(&["--heartbeat", "300ms"]);
    let mut stream = server.stream("topic=a");
    stream.connected();
    let published = server.say("b", "not for it");
    for _ in 0..3 {
        let heartbeat = stream.next_of_any_kind();
        assert_eq!(heartbeat.event, "heartbeat");
        assert_eq!(published["id"], *heartbeat.id, "all up to there is served");
        assert!(heartbeat.json()["time_ms"].as_u64() > Some(1 << 40));
    }
}

#[test]
fn heartbeats_are_comments_for_those_who_ask() {
    let server = Server::start(&["--heartbeat", "300ms"]);
    let mut client = server.connect();
    let request = client.bytes_of("GET", "/events?topic=a&heartbeat=comment", "");
    client.send(request);
    client.head();
    let mut text = String::new();
    while !text.contains("\n\n: \nid: ") {
        assert!(client.read(), "the stream goes on: {text}");
        text += &String::from_utf8(client.take_unread()).expect("text");
    }
    assert!(!text.contains("heartbeat"), "{text}");
}

#[test]
fn heartbeats_can_be_switched_off() {
    let server = Server::start(&["--heartbeat", "0s"]);
    let mut stream = server.stream("topic=a");
    stream.connected();
    assert!(stream.client.is_silent_for(Duration::from_secs(1)));
}

#[test]
fn a_stream_without_events_for_long_is_closed_with_a_word() {
    let server = Server::start(&["--idle", "700ms", "--heartbeat", "200ms"]);
    let mut stream = server.stream("topic=a");
    stream.connected();
    let bye = stream.expect("bye");
    assert_eq!(bye.json()["reason"], "idle");
    assert!((1_000..=3_000).contains(&bye.retry.expect("when to come back")));
    assert!(!bye.id.ends_with('!'), "it may come back: {bye:?}");
    stream.expect_end();
    server.wait_for_stat("closed.idle", 1);
}

#[test]
fn an_old_stream_is_closed_with_a_word_and_loses_nothing() {
    let server = Server::start(&["--max-age", "700ms"]);
    let mut stream = server.stream("topic=a");
    stream.connected();
    let mut published = 0;
    let mut received = Vec::new();
    let mut reopened = 0;
    while reopened < 3 {
        server.say("a", &published.to_string());
        published += 1;
        let next = stream.next();
        if next.event == "bye" {
            assert_eq!(next.json()["reason"], "age");
            stream.expect_end();
            stream = server.resume("topic=a", &next.id);
            stream.connected();
            reopened += 1;
        } else {
            received.push(next.data);
        }
    }
    received.extend(stream.messages(published - received.len()));
    let expected: Vec<_> = (0..published).map(|number| number.to_string()).collect();
    assert_eq!(received, expected);
}

#[test]
fn a_client_that_is_killed_leaves_the_count_at_once() {
    let server = Server::start(&[]);
    let mut streams: Vec<_> = (0..20).map(|_| server.stream("topic=a")).collect();
    for stream in &mut streams {
        stream.connected();
    }
    assert_eq!(server.stats()["connections"], 20);
    for (number, stream) in streams.into_iter().enumerate() {
        if number % 2 == 0 {
            let linger = Some(Duration::ZERO);
            let socket = SockRef::from(&stream.client.socket);
            socket.set_linger(linger).expect("it can be set");
        }
        drop(stream);
    }
    // Far less than a heartbeat, which would find them too.
    server.wait_for_stat_within(Duration::from_secs(10), "connections", 0);
    assert_eq!(server.stats()["closed"]["gone"], 20);
    assert_eq!(server.say("a", "1")["recipients"], 0);
}

/// Makes the system drop whatever comes for this socket, acknowledgements too: a cable that is cut.
#[cfg(target_os = "linux")]
fn cut_cable(client: &Client) -> std::io::Result<()> {
    const RETURN: u16 = 0x06;
    let drop_all = socket2::SockFilter::new(RETURN, 0, 0, 0);
    SockRef::from(&client.socket).attach_filter(&[drop_all])
}

#[cfg(not(target_os = "linux"))]
fn cut_cable(_: &Client) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[test]
fn a_peer_whose_cable_is_cut_is_found_in_bounded_time() {
    let options = ServerOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        driver: DriverOptions {
            socket: SocketOptions {
                user_timeout: Duration::from_secs(1),
                ..SocketOptions::default()
            },
            hub: tidings_smol::HubOptions {
                deadlines: Deadlines {
                    heartbeat_ms: Some(300),
                    ..Deadlines::default()
                },
                ..DriverOptions::default().hub
            },
            ..DriverOptions::default()
        },
        ..ServerOptions::default()
    };
    let server = tidings_smol::server::Server::bind(options).expect("it listens");
    let (address, hub) = (server.address(), server.hub().clone());
    std::thread::spawn(move || server.run(std::future::pending()));
    let mut lost = Stream::open(address, "topic=a", "");
    lost.connected();
    if let Err(error) = cut_cable(&lost.client) {
        println!("skipped: {error}; a cut cable needs Linux, and perhaps root");
        return;
    }
    let start = Instant::now();
    let mut there = Stream::open(address, "topic=a", "");
    there.connected();
    crate::support::eventually("one stream is left", || match hub.connections() {
        1 => Ok(()),
        other => Err(other),
    });
    assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
    assert_eq!(there.next_of_any_kind().event, "heartbeat");
}
