//! Sockets that an application has read a request from, and hands over.

use crate::support::{Client, Stream, block_on, eventually};
use socket2::SockRef;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;
use tidings_smol::{
    Audience, CloseReason, ConnectionId, DriverOptions, Event, Hub, NotOpened, OnClose, OpenError,
    Publish, StreamOptions, SubscribeError, stream_head,
};

/// A connection on loopback: the client, and the socket of the server.
fn pair() -> (Client, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let client = Client::connect(address);
    (client, listener.accept().expect("it is there").0)
}

fn options() -> StreamOptions {
    StreamOptions {
        topics: vec!["a".into()],
        head: stream_head(&hyper::HeaderMap::new()),
        ..StreamOptions::default()
    }
}

/// Options of streams whose ends come out of the receiver.
fn watched() -> (StreamOptions, Receiver<(ConnectionId, CloseReason)>) {
    let (closed, closings) = mpsc::channel();
    let on_close = OnClose::new(move |connection, end| {
        let end = (connection, end.reason);
        closed.send(end).expect("the test listens");
    });
    let options = StreamOptions {
        on_close: Some(on_close),
        ..options()
    };
    (options, closings)
}

fn start() -> Hub {
    Hub::start(DriverOptions::default()).expect("it starts")
}

fn say(hub: &Hub, data: &str) -> usize {
    let event = Publish::to(Audience::Topic("a"), Event::message(data));
    let published = block_on(hub.publish(&event)).expect("it is published");
    published.recipients
}

#[test]
fn a_socket_is_a_stream_in_one_step() {
    let hub = start();
    let (client, socket) = pair();
    let connection = block_on(hub.adopt(options(), socket)).expect("it is taken");
    let mut stream = Stream::of(client);
    let connected = stream.connected();
    assert_eq!(connected["connection"], connection.to_string());
    assert_eq!(say(&hub, "1"), 1);
    assert_eq!(stream.messages(1), ["1"]);
}

#[test]
fn a_local_socket_is_as_good() {
    let hub = start();
    let (mut client, socket) = UnixStream::pair().expect("there are sockets");
    let connection = block_on(hub.adopt(options(), std::os::fd::OwnedFd::from(socket)));
    let connection = connection.expect("it is taken");
    assert_eq!(say(&hub, "over here"), 1);
    assert!(block_on(hub.close(connection)));
    let mut text = String::new();
    client.read_to_string(&mut text).expect("it ends in order");
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    assert!(text.contains("data: over here\n"), "{text}");
    assert!(text.contains("event: bye\n"), "{text}");
}

#[test]
fn a_refused_socket_is_as_it_was() {
    let hub = start();
    let (mut client, socket) = pair();
    let mut kept = socket.try_clone().expect("it can be cloned");
    let refused = StreamOptions {
        tab: Some("guessable".into()),
        ..options()
    };
    let refused = block_on(hub.adopt(refused, socket));
    assert_eq!(refused, Err(NotOpened::Refused(OpenError::TabTooShort)));
    let nonblocking = SockRef::from(&kept).nonblocking().expect("it says so");
    assert!(!nonblocking, "its mode was not touched");
    kept.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        .expect("it can be answered");
    assert_eq!(client.response().status, 400);
    assert_eq!(hub.connections(), 0);
}

#[test]
fn who_asks_is_told_that_a_stream_has_closed_and_why() {
    let hub = start();
    let (options, closings) = watched();
    let adopt = |tab: Option<&str>| {
        let (client, socket) = pair();
        let options = StreamOptions {
            user: tab.map(|_| "ada".into()),
            tab: tab.map(str::to_owned),
            ..options.clone()
        };
        let connection = block_on(hub.adopt(options, socket)).expect("it is taken");
        (Stream::of(client), connection)
    };
    let next = || {
        closings
            .recv_timeout(crate::support::PATIENCE)
            .expect("it is told")
    };

    let (stream, left) = adopt(None);
    drop(stream);
    assert_eq!(next(), (left, CloseReason::Gone));

    let (_stream, closed) = adopt(None);
    assert!(block_on(hub.close(closed)));
    assert_eq!(next(), (closed, CloseReason::Closed));

    let (_older, superseded) = adopt(Some("1"));
    let (_newer, newer) = adopt(Some("1"));
    assert_eq!(next(), (superseded, CloseReason::Superseded));

    block_on(hub.drain(Duration::from_secs(1)));
    assert_eq!(next(), (newer, CloseReason::Drain));
    drop(options);
    eventually("nobody is left to tell", || match closings.try_recv() {
        Err(mpsc::TryRecvError::Disconnected) => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

#[test]
fn a_stream_that_was_refused_is_no_stream_that_closed() {
    let hub = start();
    let (options, closings) = watched();
    let (_client, socket) = pair();
    let refused = StreamOptions {
        topics: vec!["a*b".into()],
        ..options
    };
    let refused = block_on(hub.adopt(refused, socket));
    assert!(matches!(
        refused,
        Err(NotOpened::Refused(OpenError::Topic { .. }))
    ));
    assert_eq!(
        closings.recv(),
        Err(mpsc::RecvError),
        "it was dropped unused"
    );
}

#[test]
fn a_stream_goes_on_with_a_new_token() {
    let hub = start();
    let (client, socket) = pair();
    let options = StreamOptions {
        expires_ms: Some(4_000_000_000_000),
        ..options()
    };
    let connection = block_on(hub.adopt(options, socket)).expect("it is taken");
    let mut stream = Stream::of(client);
    stream.connected();
    let secret = Publish {
        private: true,
        ..Publish::to(Audience::Topic("a"), Event::message("secret"))
    };
    let publish = || block_on(hub.publish(&secret)).map(|published| published.recipients);
    assert_eq!(publish(), Ok(0), "it has no grant");
    let renewed = hub.renew(connection, None, vec!["a".into()]);
    assert_eq!(block_on(renewed), Ok(()));
    assert_eq!(publish(), Ok(1));
    assert_eq!(stream.messages(1), ["secret"]);
    let expired = block_on(hub.renew(connection, Some(1), Vec::new()));
    assert_eq!(expired, Err(SubscribeError::Expired));
}
