//! Requests for sockets, and how they are refused: as any request, with a status and an error.

use crate::support::guarded::{Guarded, names, options, reading, token};
use crate::support::{
    Client, PATIENCE, Site, Socket, Stream, Transport, Wire, block_on, client_config, error_code,
    patiently, upgrade,
};
use serde_json::json;
use std::net::TcpStream;
use std::sync::Arc;
use tidings_smol::server::{CorsOptions, Rate};

fn refused(site: &Site, target: &str, headers: &[(&str, &str)]) -> (u16, String) {
    match Socket::try_open(site.address, target, headers) {
        Ok(_) => panic!("{target} {headers:?} is opened"),
        Err(refused) => refused,
    }
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[test]
fn who_does_not_ask_for_a_socket_is_told_how() {
    let site = Site::start(false, |_| {});
    let mut client = Client::connect(site.address);
    let plain = client.request("GET", "/ws", "");
    assert_eq!(
        (plain.status, &*error_code(&plain)),
        (426, "upgrade_needed")
    );
    assert_eq!(plain.header("upgrade"), Some("websocket"));
    assert_eq!(plain.header("connection"), Some("upgrade"));
    assert_eq!(plain.header("sec-websocket-version"), Some("13"));
    let posted = client.request("POST", "/ws", "{}");
    assert_eq!((posted.status, posted.header("allow")), (405, Some("GET")));
    let mut old = HANDSHAKE;
    old[3] = "sec-websocket-version: 8";
    let old = client.request_with("GET /ws HTTP/1.1", &old, b"");
    assert_eq!(error_code(&old), "unknown_websocket_version");
    let keyless = [&HANDSHAKE[..], &["sec-websocket-key: short"]].concat();
    let keyless = client.request_with("GET /ws HTTP/1.1", &keyless, b"");
    assert_eq!(error_code(&keyless), "invalid_websocket_key");
    assert_eq!(
        client.request("GET", "/health", "").status,
        200,
        "it lives on"
    );
}

/// A handshake but for its key.
const HANDSHAKE: [&str; 4] = [
    "host: localhost",
    "connection: upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
];

#[test]
fn http_2_has_no_sockets_and_says_so() {
    for transport in [Transport::Http2, Transport::Http2OverTls] {
        let site = Site::start(transport.is_secure(), |_| {});
        block_on(async {
            let mut wire = patiently(Wire::connect(transport, &site)).await;
            let response = wire.get("/ws").await;
            assert_eq!(response.status(), 505);
            assert_eq!(wire.get("/health").await.status(), 200);
        });
    }
}

#[test]
fn what_is_wrong_with_a_query_is_said_before_the_handshake() {
    let site = Site::start(false, |_| {});
    for (target, status, code) in [
        ("/ws?soft=1", 400, "unknown_parameter"),
        ("/ws?topics=a", 400, "unknown_parameter"),
        ("/ws?tab=a&tab=b", 400, "repeated_parameter"),
        ("/ws?topic=", 400, "invalid_topic"),
        ("/ws?tab=short", 400, "invalid_tab"),
    ] {
        assert_eq!(refused(&site, target, &[]), is(status, code), "{target}");
    }
    // Whose place another one took is to stay away.
    assert_eq!(refused(&site, "/ws?last_event_id=1~2!", &[]).0, 204);
}

#[test]
fn who_asks_is_found_out_as_for_any_stream() {
    let server = Guarded::start(options());
    let ada = token("ada", reading(&["news"]));
    let bearer = format!("Bearer {ada}");
    let cookie = format!("session={ada}");
    let query = format!("/ws?topic=news&token={ada}");
    for (target, headers) in [
        ("/ws?topic=news", &[("authorization", &*bearer)]),
        ("/ws?topic=news", &[("cookie", &*cookie)]),
        (&*query, &[("accept", "*/*")]),
    ] {
        let mut socket =
            Socket::try_open(server.site.address, target, headers).expect("it is opened");
        let said = socket.control("connected");
        assert_eq!(
            (&said["user"], &said["topics"]),
            (&json!("ada"), &json!(["news"]))
        );
    }
    let site = &server.site;
    let forbidden = refused(site, "/ws?topic=other", &[("authorization", &bearer)]);
    assert_eq!(forbidden, is(403, "forbidden"));
    assert_eq!(
        refused(site, "/ws?topic=news", &[]),
        is(401, "unauthenticated")
    );
    let wrong = refused(site, "/ws", &[("authorization", "Bearer x.y.z")]);
    assert_eq!(wrong.0, 401);
    let user = refused(site, "/ws?user=ada", &[("authorization", &bearer)]);
    assert_eq!(user, is(400, "unexpected_user"));
}

#[test]
fn pages_of_other_origins_open_nothing_whatever_they_bring() {
    let mut auth = options();
    auth.anonymous.subscribe = names(&["**"]);
    let site = Site::start(false, |server| {
        server.auth = Some(auth);
        server.cors = CorsOptions {
            origins: vec!["https://app.example.com".to_owned()],
            ..CorsOptions::default()
        };
    });
    let ada = token("ada", reading(&["news"]));
    let (bearer, cookie) = (format!("Bearer {ada}"), format!("session={ada}"));
    let own = format!("http://{}", site.address);
    let host = site.address.to_string();
    for (origin, allowed) in [
        (None, true),
        (Some("https://app.example.com"), true),
        (Some(&*own), true),
        (Some("https://evil.example"), false),
        (Some("http://app.example.com"), false),
        (Some("null"), false),
        (Some(""), false),
    ] {
        for proof in [
            None,
            Some(("authorization", &*bearer)),
            Some(("cookie", &*cookie)),
        ] {
            let mut headers = vec![("host", &*host)];
            headers.extend(proof);
            headers.extend(origin.map(|origin| ("origin", origin)));
            let opened = Socket::try_open(site.address, "/ws?topic=news", &headers);
            match opened {
                Ok(_) => assert!(allowed, "{headers:?}"),
                Err(refused) => {
                    assert!(!allowed, "{headers:?} {refused:?}");
                    assert_eq!(refused, is(403, "origin_mismatch"));
                }
            }
        }
    }
    let elsewhere = [("host", "evil.example"), ("origin", "http://evil.example")];
    assert_eq!(refused(&site, "/ws", &elsewhere), is(421, "misdirected"));
}

#[test]
fn sockets_are_limited_as_streams_and_with_them() {
    let site = Site::start(false, |options| {
        options.driver.hub.limits.user_connections = 2;
    });
    let _stream = Stream::open(site.address, "user=ada", "");
    let mut socket = Socket::open(site.address, "user=ada");
    socket.connected();
    let full = refused(&site, "/ws?user=ada", &[]);
    assert_eq!(full, is(429, "too_many_user_connections"));
    socket.close(1000);
    site.wait_for_connections(1);
    Socket::open(site.address, "user=ada").connected();

    let site = Site::start(false, |options| {
        options.limits.opens_per_user = Rate::new(1, 2);
    });
    let _open: Vec<_> = (0..2)
        .map(|_| Socket::open(site.address, "user=ada"))
        .collect();
    let fast = refused(&site, "/ws?user=ada", &[]);
    assert_eq!(fast, is(429, "opening_too_fast"));

    let site = Site::start(false, |options| options.connections = Some(2));
    let _open = [0; 2].map(|_| {
        let mut socket = Socket::open(site.address, "");
        socket.connected();
        socket
    });
    let full = refused(&site, "/ws", &[]);
    assert_eq!(full, is(503, "too_many_connections"));
}

#[test]
fn what_is_said_right_after_the_request_is_heard() {
    use async_tungstenite::tungstenite::protocol::frame::Frame;
    use async_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
    use std::io::Write as _;
    let site = Site::start(false, |_| {});
    let mut frame = Frame::message(r#"{"type":"ping","ref":1}"#, OpCode::Data(Data::Text), true);
    frame.header_mut().mask = Some([1, 2, 3, 4]);
    let mut said = Vec::new();
    frame.format(&mut said).expect("a vector");
    let mut stream = TcpStream::connect(site.address).expect("a connection");
    let request = upgrade("/ws", &[]);
    let mut bytes = b"GET /ws HTTP/1.1\r\n".to_vec();
    for (name, value) in request.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(b"\r\n");
    bytes.extend(said);
    stream.write_all(&bytes).expect("it is sent");
    let mut client = Client::of(stream, site.address);
    assert!(client.head().starts_with("HTTP/1.1 101 "));
    let mut heard = Vec::new();
    while !heard.windows(6).any(|six| six == b"\"pong\"") {
        assert!(client.read(), "it is answered");
        heard.extend(client.take_unread());
    }
}

#[test]
fn sockets_work_over_tls() {
    use futures_rustls::rustls::pki_types::ServerName;
    use futures_rustls::rustls::{ClientConnection, StreamOwned};
    let site = Site::start(true, |_| {});
    let files = site.files.as_ref().expect("it speaks TLS");
    let config = client_config(std::slice::from_ref(&files.certificate), &["http/1.1"]);
    let name = ServerName::try_from("localhost").expect("a name");
    let open = || {
        let tls = ClientConnection::new(Arc::clone(&config), name.clone()).expect("TLS");
        let stream = TcpStream::connect(site.address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a time");
        let stream = StreamOwned::new(tls, stream);
        Socket::try_on(stream, "/ws?topic=a", &[]).unwrap_or_else(|refused| panic!("{refused:?}"))
    };
    let (mut one, mut other) = (open(), open());
    one.connected();
    other.connected();
    let long = "x".repeat(300_000);
    block_on(site.say("a", &long));
    assert_eq!(one.messages(1), [&*long]);
    assert_eq!(other.messages(1), [&*long]);
    let answer = one.ask(&json!({ "type": "publish", "topics": ["a"], "data": "hi" }));
    assert_eq!(answer["recipients"], 1);
    assert_eq!(other.messages(1), ["hi"]);
    one.close(1000);
    drop(other);
    site.wait_for_connections(0);
}
