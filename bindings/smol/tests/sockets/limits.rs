//! Limits on connections, and a server that has reached one.

use crate::support::{
    Client, File, Response, Server, Stream, assert_spread, error_code, eventually,
};
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
    assert_spread(response.header("retry-after"), 2);
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
    assert_spread(response.header("retry-after"), 5);
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

/// Settings that limit each address, of clients that a proxy asks for.
fn behind_a_proxy(name: &str, settings: &str) -> (File, Server) {
    let settings = format!(
        "listen = \"127.0.0.1:0\"\ntrusted_proxies = [\"127.0.0.1/32\"]\n[limits]\n{settings}\n"
    );
    let file = File::new(&format!("{name}.toml"), &settings);
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.args(["serve", "--config", file.path()]);
    let server = Server::run(command);
    (file, server)
}

/// The bytes of a request that the proxy makes for a client.
fn bytes_for(client: &Client, address: &str, method: &str, target: &str, body: &str) -> String {
    let request = client.bytes_of(method, target, body);
    let header = format!("\r\nx-forwarded-for: {address}\r\n\r\n");
    request.replacen("\r\n\r\n", &header, 1)
}

fn ask_for(server: &Server, address: &str, method: &str, target: &str, body: &str) -> Response {
    let mut client = server.connect();
    client.send(bytes_for(&client, address, method, target, body));
    client.response()
}

fn stream_for(server: &Server, address: &str, query: &str) -> Stream {
    let mut client = server.connect();
    let target = format!("/events?{query}");
    client.send(bytes_for(&client, address, "GET", &target, ""));
    Stream::of(client)
}

#[test]
fn an_address_has_so_many_streams() {
    let (_file, server) = behind_a_proxy("streams-of-an-address", "connections_per_address = 2");
    let open = |address| stream_for(&server, address, "topic=a");
    let (first, _second) = (open("192.0.2.1"), open("192.0.2.1"));
    let refused = ask_for(&server, "192.0.2.1", "GET", "/events?topic=a", "");
    assert_eq!(refused.status, 429);
    assert_eq!(error_code(&refused), "too_many_address_connections");
    assert!(refused.header("retry-after").is_some());
    let _other = open("192.0.2.2");
    drop(first);
    server.wait_for_stat("connections", 2);
    let _third = open("192.0.2.1");
}

#[test]
fn an_address_opens_so_fast_and_publishes_so_fast() {
    let (_file, server) = behind_a_proxy(
        "rates",
        "opens_per_address = { per_second = 1, burst = 2 }\n\
         opens_per_user = { per_second = 1, burst = 1 }\n\
         publishes = { per_second = 1, burst = 3 }",
    );
    let events =
        |address, query: &str| ask_for(&server, address, "GET", &format!("/events?{query}"), "");
    // What is no request for a stream counts as well.
    assert_eq!(events("192.0.2.1", "what=1").status, 400);
    assert_eq!(events("192.0.2.1", "what=1").status, 400);
    let refused = events("192.0.2.1", "topic=a");
    assert_eq!(
        (refused.status, &*error_code(&refused)),
        (429, "opening_too_fast")
    );
    let _ada = stream_for(&server, "192.0.2.2", "user=ada");
    let refused = events("192.0.2.3", "user=ada");
    assert_eq!(
        (refused.status, &*error_code(&refused)),
        (429, "opening_too_fast")
    );
    let publish = |body: &str| ask_for(&server, "192.0.2.4", "POST", "/publish", body);
    let event = r#"{"topics":["a"],"data":"1"}"#;
    assert_eq!(publish(&format!("[{event},{event}]")).status, 200);
    let refused = publish(&format!("[{event},{event}]"));
    assert_eq!(
        (refused.status, &*error_code(&refused)),
        (429, "publishing_too_fast")
    );
    assert_eq!(publish(event).status, 200);
    assert_eq!(server.stats()["published"], 3);
}
