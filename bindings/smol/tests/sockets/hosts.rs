//! By which names the server may be called, and what is open to other machines.

use crate::support::{Client, Program, Response, Server, error_code};

fn called(client: &mut Client, host: &str) -> Response {
    let host = format!("host: {host}");
    client.request_with("GET /health HTTP/1.1", &[&host], b"")
}

#[test]
fn loopback_names_and_addresses_are_answered() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for host in [
        "localhost",
        "localhost:8080",
        "LOCALHOST",
        "app.localhost:1",
        "127.0.0.1",
        "127.0.0.1:8080",
        "127.9.9.9",
        "[::1]",
        "[::1]:8080",
    ] {
        assert_eq!(called(&mut client, host).status, 200, "{host}");
    }
}

#[test]
fn other_names_are_refused_whatever_they_resemble() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    for host in [
        "example.com",
        "127.0.0.1.example.com",
        "localhost.example.com",
        "notlocalhost",
        "10.0.0.1",
        "0.0.0.0",
        "[::2]",
        "",
        "a b",
    ] {
        let response = called(&mut client, host);
        assert_eq!(response.status, 421, "{host:?}");
        assert_eq!(error_code(&response), "misdirected");
        assert!(response.message().contains("--host"), "{response:?}");
    }
}

#[test]
fn a_request_without_a_name_is_refused() {
    let server = Server::start(&[]);
    let response = server
        .connect()
        .request_with("GET /health HTTP/1.1", &[], b"");
    assert_eq!(response.status, 421);
}

#[test]
fn every_path_is_behind_the_check() {
    let server = Server::start(&[]);
    let body = br#"{"everyone":true,"data":"1"}"#;
    let length = format!("content-length: {}", body.len());
    let evil = [
        "host: evil.example",
        "content-type: application/json",
        &length,
    ];
    for line in [
        "GET / HTTP/1.1",
        "GET /stats HTTP/1.1",
        "GET /events?topic=a HTTP/1.1",
        "POST /publish HTTP/1.1",
        "GET /nothing HTTP/1.1",
    ] {
        let response = server.connect().request_with(line, &evil, body);
        assert_eq!(response.status, 421, "{line}");
    }
    let stats = server.stats();
    assert_eq!(
        (&stats["published"], &stats["opened"]),
        (&0.into(), &0.into())
    );
}

#[test]
fn the_name_in_the_request_line_counts_before_the_header() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let local = ["host: localhost"];
    let evil = client.request_with("GET http://evil.example/health HTTP/1.1", &local, b"");
    assert_eq!(evil.status, 421);
    let response = client.request_with("GET http://localhost/health HTTP/1.1", &local, b"");
    assert_eq!(response.status, 200);
}

#[test]
fn listed_names_are_answered() {
    let names = ["--host", "Events.example.com", "--host", "two.example:8443"];
    let server = Server::start(&names);
    let mut client = server.connect();
    for (host, status) in [
        ("events.example.com", 200),
        ("EVENTS.example.com:99", 200),
        ("two.example:8443", 200),
        ("TWO.example:8443", 200),
        ("two.example", 421),
        ("two.example:80", 421),
        ("www.events.example.com", 421),
        ("localhost", 200),
    ] {
        assert_eq!(called(&mut client, host).status, status, "{host}");
    }
}

#[test]
fn it_refuses_to_listen_to_other_machines_where_nobody_said_who_may_read() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let mut program = Program::start(&["serve", "--listen", address]);
        assert_eq!(program.wait().code(), Some(1), "{address}");
        let said = program.stderr().join("\n");
        assert!(said.contains("--allow-anonymous"), "{said}");
        assert!(program.stdout().is_empty());
    }
}

#[test]
fn beyond_loopback_anyone_may_read_but_not_publish() {
    let server = Server::start_on("0.0.0.0:0", &["--allow-anonymous"]);
    server.stream("topic=a").connected();
    let response = server.ask_to_publish(r#"{"topics":["a"],"data":"1"}"#);
    assert_eq!(response.status, 403);
    assert_eq!(error_code(&response), "forbidden");
    assert!(response.message().contains("--allow-anonymous-publish"));
    assert_eq!(server.stats()["published"], 0);
}

#[test]
fn beyond_loopback_anyone_may_publish_where_that_was_said_too() {
    let flags = ["--allow-anonymous", "--allow-anonymous-publish"];
    let server = Server::start_on("0.0.0.0:0", &flags);
    let mut stream = server.stream("topic=a");
    stream.connected();
    server.say("a", "1");
    assert_eq!(stream.messages(1), ["1"]);
}

#[test]
fn an_address_that_is_taken_is_named() {
    let server = Server::start(&[]);
    let address = server.address.to_string();
    let mut program = Program::start(&["serve", "--listen", &address]);
    assert_eq!(program.wait().code(), Some(1));
    let said = program.stderr().join("\n");
    assert!(said.contains(&address), "{said}");
}
