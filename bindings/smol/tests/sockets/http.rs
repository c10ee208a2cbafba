//! HTTP connections: order, reuse, and clients that are slow, old or broken.

use crate::support::{Client, PATIENCE, Server, Stream, error_code};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tidings_smol::HttpOptions;
use tidings_smol::server::ServerOptions;

#[test]
fn a_connection_serves_one_request_after_the_other_and_then_a_stream() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for _ in 0..3 {
        let published = client.request("POST", "/publish", r#"{"topics":["a"],"data":"1"}"#);
        assert_eq!(published.status, 200);
        assert_eq!(client.request("GET", "/health", "").status, 200);
    }
    assert_eq!(client.request("GET", "/nothing", "").status, 404);
    let mut stream = Stream::on(client, "topic=a&last_event_id=earliest", "");
    stream.connected();
    assert_eq!(stream.messages(3), ["1", "1", "1"]);
}

#[test]
fn a_publish_and_a_stream_request_in_one_packet_are_answered_one_after_the_other() {
    let server = Server::start(&[]);
    for round in 0..20 {
        let mut client = server.connect();
        let event = format!(r#"{{"topics":["a"],"data":"{round}"}}"#);
        let publish = client.bytes_of("POST", "/publish", &event);
        let target = "/events?topic=a&last_event_id=earliest";
        let stream = client.bytes_of("GET", target, "");
        client.send(format!("{publish}{stream}"));
        let answer = client.response();
        assert_eq!(answer.status, 200);
        let mut stream = Stream::of(client);
        stream.connected();
        let messages = stream.messages(round + 1);
        assert_eq!(messages.last(), Some(&round.to_string()));
    }
}

#[test]
fn many_requests_in_one_packet_are_answered_in_order() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let requests: String = (0..50)
        .map(|number| {
            let event = format!(r#"{{"topics":["a"],"id":"n{number}","data":"x"}}"#);
            client.bytes_of("POST", "/publish", &event)
        })
        .collect();
    client.send(requests);
    for number in 0..50 {
        assert_eq!(client.response().json()["id"], format!("n{number}"));
    }
}

#[test]
fn what_a_client_sends_on_its_stream_is_ignored() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let stream = client.bytes_of("GET", "/events?topic=a", "");
    let publish = client.bytes_of("POST", "/publish", r#"{"topics":["a"],"data":"no"}"#);
    client.send(format!("{stream}{publish}"));
    let mut stream = Stream::of(client);
    stream.connected();
    stream.client.send(&publish);
    stream.client.send(vec![b'x'; 1 << 20]);
    server.say("a", "yes");
    assert_eq!(stream.messages(1), ["yes"]);
    assert_eq!(server.stats()["published"], 1);
}

#[test]
fn a_client_of_http_1_0_can_publish_and_read() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send("GET /events?topic=a HTTP/1.0\r\nhost: localhost\r\n\r\n");
    let mut stream = Stream::of(client);
    stream.connected();
    let body = br#"{"topics":["a"],"data":"old"}"#;
    let length = format!("content-length: {}", body.len());
    let headers = ["host: localhost", "content-type: application/json", &length];
    let mut client = server.connect();
    let response = client.request_with("POST /publish HTTP/1.0", &headers, body);
    assert_eq!(response.status, 200);
    assert!(client.rest().is_empty(), "the connection is closed");
    assert_eq!(stream.messages(1), ["old"]);
}

#[test]
fn a_client_that_waits_for_continue_is_told_to() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let body = r#"{"topics":["a"],"data":"1"}"#;
    let length = body.len();
    client.send(format!(
        "POST /publish HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\nexpect: 100-continue\r\n\r\n"
    ));
    assert!(client.head().starts_with("HTTP/1.1 100 "));
    client.send(body);
    assert_eq!(client.response().status, 200);
}

#[test]
fn what_is_no_http_is_refused_and_the_server_lives() {
    let server = Server::start(&[]);
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 no handshake here\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
        b"POST /publish HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"POST /publish HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        &[0; 512],
    ] {
        let mut client = server.connect();
        client.send(garbage);
        client.end_sending();
        client.wait_for_end();
        let answer = client.take_unread();
        let answer = String::from_utf8_lossy(&answer);
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 400 ");
        assert!(refused, "{garbage:?} is answered with {answer}");
    }
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    client.send(format!(
        "GET /events?{} HTTP/1.1\r\nhost: localhost\r\n",
        "topic=0123456789&".repeat(5_000)
    ));
    client.wait_for_end();
    let answer = client.take_unread();
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    assert_eq!(server.get("/health").status, 200);
}

#[test]
fn many_topics_fit_in_one_url() {
    let server = Server::start(&[]);
    let topics: Vec<_> = (0..1_000)
        .map(|number| format!("topic=room/{number}"))
        .collect();
    let mut stream = server.stream(&topics.join("&"));
    stream.connected();
    server.say("room/999", "last");
    assert_eq!(stream.messages(1), ["last"]);
}

/// A server in this process, for what the command line does not set. It ends with the process.
fn start(options: ServerOptions) -> SocketAddr {
    let options = ServerOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        ..options
    };
    let server = tidings_smol::server::Server::bind(options).expect("it listens");
    let address = server.address();
    std::thread::spawn(move || server.run(std::future::pending()));
    address
}

#[test]
fn a_head_that_comes_too_slowly_is_cut() {
    let address = start(ServerOptions {
        http: HttpOptions {
            head_timeout: Duration::from_millis(200),
            ..HttpOptions::default()
        },
        ..ServerOptions::default()
    });
    let mut client = Client::connect(address);
    let start = Instant::now();
    client.send("GET /events?topic=a HTTP/1.1\r\n");
    // A byte now and then does not buy more time.
    while start.elapsed() < PATIENCE {
        client.send("x");
        if !client.is_silent_for(Duration::from_millis(20)) {
            break;
        }
    }
    client.wait_for_end();
    assert!(start.elapsed() < PATIENCE, "the head was cut");
    assert!(client.take_unread().is_empty(), "and nothing answered");
    assert_eq!(
        Client::connect(address)
            .request("GET", "/health", "")
            .status,
        200
    );
}

#[test]
fn a_connection_that_asks_for_nothing_is_closed() {
    let address = start(ServerOptions {
        http: HttpOptions {
            head_timeout: Duration::from_millis(200),
            ..HttpOptions::default()
        },
        ..ServerOptions::default()
    });
    let mut never = Client::connect(address);
    never.wait_for_end();
    let mut once = Client::connect(address);
    assert_eq!(once.request("GET", "/health", "").status, 200);
    once.wait_for_end();
}

#[test]
fn a_body_that_comes_too_slowly_is_refused() {
    let address = start(ServerOptions {
        body_timeout: Duration::from_millis(200),
        ..ServerOptions::default()
    });
    let mut client = Client::connect(address);
    let headers = [
        "host: localhost",
        "content-type: application/json",
        "content-length: 20",
    ];
    let response = client.request_with("POST /publish HTTP/1.1", &headers, b"{");
    assert_eq!(response.status, 408);
    assert_eq!(error_code(&response), "timeout");
    client.wait_for_end();
}

#[test]
fn a_stream_is_not_bound_by_the_time_for_a_head() {
    let address = start(ServerOptions {
        http: HttpOptions {
            head_timeout: Duration::from_millis(200),
            ..HttpOptions::default()
        },
        ..ServerOptions::default()
    });
    let mut stream = Stream::open(address, "topic=a", "");
    stream.connected();
    assert!(stream.client.is_silent_for(Duration::from_secs(1)));
    let event = r#"{"topics":["a"],"data":"still here"}"#;
    Client::connect(address).request("POST", "/publish", event);
    assert_eq!(stream.messages(1), ["still here"]);
}
