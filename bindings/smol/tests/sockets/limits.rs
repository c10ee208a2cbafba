//! Limits on connections, and a server that has reached one.

use crate::support::{Client, Server, Stream, error_code, eventually};
use std::process::Command;
use std::time::Duration;

#[test]
fn a_connection_too_many_is_refused_and_room_is_used_again() {
    let server = Server::start(&["--connections", "3"]);
    let mut streams: Vec<_> = (0..3).map(|_| server.stream("topic=a")).collect();
    for stream in &mut streams {
        stream.connected();
    }
    let response = server.get("/events?topic=a");
    assert_eq!(response.status, 503);
    assert_eq!(response.header("retry-after"), Some("2"));
    assert_eq!(error_code(&response), "too_many_connections");
    streams.pop();
    let mut stream = eventually("there is room again", || open(&server));
    stream.connected();
}

/// Opens a stream, or says how it was refused.
fn open(server: &Server) -> Result<Stream, String> {
    let mut client = server.connect();
    let request = client.bytes_of("GET", "/events?topic=a", "");
    client.send(request);
    let response = client.peek_head();
    if response.starts_with("HTTP/1.1 200 ") {
        Ok(Stream::of(client))
    } else {
        Err(response)
    }
}

#[test]
fn requests_that_are_not_yet_streams_count_too() {
    let server = Server::start(&["--connections", "3"]);
    let mut kept: Vec<_> = (0..3).map(|_| server.connect()).collect();
    for client in &mut kept {
        assert_eq!(client.request("GET", "/health", "").status, 200);
    }
    assert_eq!(server.get("/health").status, 503);
    assert_eq!(kept[0].request("GET", "/health", "").status, 200);
    drop(kept);
    eventually("there is room again", || open(&server)).connected();
}

#[test]
fn a_user_with_too_many_streams_is_refused() {
    let server = Server::start(&["--user-connections", "2"]);
    let mut streams: Vec<_> = (0..2).map(|_| server.stream("user=ada")).collect();
    for stream in &mut streams {
        stream.connected();
    }
    let response = server.get("/events?user=ada");
    assert_eq!(response.status, 429);
    assert_eq!(response.header("retry-after"), Some("5"));
    assert_eq!(error_code(&response), "too_many_user_connections");
    server.stream("user=bob").connected();
    server.stream("topic=a").connected();
}

#[test]
fn the_oldest_stream_of_a_user_can_make_room_for_the_newest() {
    let server = Server::start(&["--user-connections", "2", "--replace-oldest"]);
    let mut oldest = server.stream("user=ada");
    oldest.connected();
    let mut middle = server.stream("user=ada");
    middle.connected();
    let mut newest = server.stream("user=ada");
    newest.connected();
    let bye = oldest.expect("bye");
    assert_eq!(bye.json()["reason"], "replaced");
    assert!(bye.id.ends_with('!'), "{bye:?}");
    oldest.expect_end();
    server.publish(r#"{"user":"ada","data":"1"}"#);
    assert_eq!(middle.messages(1), ["1"]);
    assert_eq!(newest.messages(1), ["1"]);
    let mut back = server.connect();
    let id = format!("last-event-id: {}", bye.id);
    let headers = ["host: localhost", &*id];
    let response = back.request_with("GET /events?user=ada HTTP/1.1", &headers, b"");
    assert_eq!(response.status, 204);
}

#[test]
fn too_many_topics_are_refused() {
    let server = Server::start(&[]);
    let topics: Vec<_> = (0..1_001).map(|number| format!("topic={number}")).collect();
    let response = server.get(&format!("/events?{}", topics.join("&")));
    assert_eq!(response.status, 400);
    assert_eq!(error_code(&response), "too_many_topics");
    assert!(response.message().contains("1000"), "{response:?}");
}

fn start_with_few_descriptors(arguments: &str) -> Server {
    let mut command = Command::new("sh");
    let script = format!("ulimit -n 256; exec \"$0\" serve --listen 127.0.0.1:0 {arguments}");
    command.args(["-c", &script, env!("CARGO_BIN_EXE_tidings")]);
    Server::run(command)
}

#[test]
fn with_few_descriptors_it_refuses_in_time_and_recovers() {
    let server = start_with_few_descriptors("");
    let (mut streams, mut refused) = (Vec::new(), 0);
    for _ in 0..400 {
        match open(&server) {
            Ok(stream) => streams.push(stream),
            Err(_) => refused += 1,
        }
    }
    assert_eq!(streams.len() + refused, 400);
    assert_eq!(streams.len(), 128, "half of the descriptors");
    for stream in &mut streams {
        stream.connected();
    }
    streams.pop();
    eventually("there is room again", || open(&server)).connected();
    drop(streams);
    server.wait_for_stat("connections", 0);
}

#[test]
fn without_descriptors_it_waits_lives_and_recovers() {
    let server = start_with_few_descriptors("--connections 4000");
    let mut clients: Vec<_> = (0..400)
        .map(|_| {
            let mut client = server.connect();
            let request = client.bytes_of("GET", "/events?topic=a", "");
            client.send(request);
            client
        })
        .collect();
    // Those that were accepted first are served; the others wait in the system's queue.
    let mut first = Stream::of(clients.remove(0));
    first.connected();
    let mut last = clients.pop().expect("there are many");
    assert!(last.is_silent_for(Duration::from_millis(500)), "it waits");
    drop(clients);
    let mut last = Stream::of(last);
    last.connected();
    server.wait_for_stat("connections", 2);
    server.say("a", "alive");
    assert_eq!(first.messages(1), ["alive"]);
    assert_eq!(last.messages(1), ["alive"]);
}

#[test]
fn a_connection_that_is_refused_is_told_so_even_before_it_asks() {
    let server = Server::start(&["--connections", "1"]);
    server.stream("topic=a").connected();
    let mut kept = eventually("the first has left", || open(&server));
    kept.connected();
    let mut client = Client::connect(server.address);
    let response = client.response();
    assert_eq!(response.status, 503);
    assert!(client.rest().is_empty(), "and an orderly end");
}
