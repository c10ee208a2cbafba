//! Which descriptors are taken, which are not, and what a stream begins with.

use super::world::{Engine, Reader, init, publish_to, tcp, text};
use std::fs::File;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd as _, FromRawFd as _, IntoRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use tidings::tidings_status::*;
use tidings::*;

fn header(name: &str, value: &str) -> tidings_header {
    tidings_header {
        name: text(name),
        value: text(value),
    }
}

#[test]
fn the_library_writes_the_head_if_asked() {
    let engine = Engine::start();
    let topics = [text("a")];
    let open = init!(tidings_open {
        topics: topics.as_ptr(),
        topic_count: 1
    });
    let headers = [
        header("Access-Control-Allow-Origin", "https://example.org"),
        header("set-cookie", "a=1"),
        header("set-cookie", "b=2; secure"),
    ];
    let adopt = init!(tidings_adopt {
        flags: TIDINGS_ADOPT_WRITE_HEAD,
        open: &raw const open,
        headers: headers.as_ptr(),
        header_count: headers.len(),
    });
    let (client, server) = tcp();
    let connection = engine
        .try_adopt(server.into_raw_fd(), &adopt)
        .expect("it is adopted");
    let mut reader = Reader::new(client);
    let head = reader.until("\r\n\r\n");
    assert!(
        head.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"),
        "{head}"
    );
    for line in [
        "access-control-allow-origin: https://example.org\r\n",
        "set-cookie: a=1\r\n",
        "set-cookie: b=2; secure\r\n",
    ] {
        assert!(head.contains(line), "{line} in {head}");
    }
    let connected = reader.until("\n\n");
    assert!(
        connected.contains(&format!("{connection:x}")),
        "{connected}"
    );
    assert_eq!(
        engine
            .publish("a", "hello")
            .map(|published| published.recipients),
        Ok(1)
    );
    assert!(reader.until("\n\n").contains("data: hello\n"));
}

#[test]
fn a_local_socket_whose_head_the_host_gives_is_as_good() {
    let engine = Engine::start();
    let topics = [text("a")];
    let open = init!(tidings_open {
        topics: topics.as_ptr(),
        topic_count: 1,
        preamble: text("HTTP/1.1 200 OK\r\nx-mine: 1\r\n\r\n"),
    });
    let adopt = init!(tidings_adopt {
        open: &raw const open
    });
    let (client, server) = UnixStream::pair().expect("there are sockets");
    let connection = engine
        .try_adopt(server.into_raw_fd(), &adopt)
        .expect("it is adopted");
    let mut reader = Reader::new(client);
    assert_eq!(
        reader.until("\r\n\r\n"),
        "HTTP/1.1 200 OK\r\nx-mine: 1\r\n\r\n"
    );
    engine.publish("a", "hello").expect("it is published");
    reader.until("data: hello\n\n");
    assert_eq!(engine.close(connection), TIDINGS_OK);
    assert!(reader.rest().contains("event: bye\n"));
}

#[test]
fn a_tab_that_comes_too_soon_is_told_when_to_come_back() {
    let engine = Engine::start();
    let open = init!(tidings_open {
        user: text("ada"),
        tab: text("1"),
    });
    let adopt = init!(tidings_adopt {
        open: &raw const open
    });
    assert_eq!(engine.retry_ms(), 0);
    let refused = loop {
        let (_client, server) = tcp();
        if let Err(refused) = engine.try_adopt(server.as_raw_fd(), &adopt) {
            break refused;
        }
        // It is the engine's.
        let _ = server.into_raw_fd();
    };
    assert_eq!(refused, TIDINGS_ERR_SUPERSEDED_TOO_SOON);
    assert!((1..=1_000).contains(&engine.retry_ms()));
    // What else fails has no say in it, but for sockets.
    assert_eq!(engine.close(0), TIDINGS_ERR_NOT_FOUND);
    assert_ne!(engine.retry_ms(), 0);
    assert_eq!(engine.try_adopt(-1, &adopt), Err(TIDINGS_ERR_BAD_FD));
    assert_eq!(engine.retry_ms(), 0);
}

#[test]
fn the_tag_of_an_adopt_stands_in_one_place() {
    let engine = Engine::start();
    let open = init!(tidings_open { tag: 1 });
    let adopt = init!(tidings_adopt {
        open: &raw const open
    });
    let (_client, server) = tcp();
    let refused = engine.try_adopt(server.as_raw_fd(), &adopt);
    assert_eq!(refused, Err(TIDINGS_ERR_INVALID));
}

#[test]
fn a_stream_can_have_all_defaults() {
    let engine = Engine::start();
    let (client, server) = tcp();
    let mut connection = 0;
    let fd = server.into_raw_fd();
    // SAFETY: the engine lives, null stands for defaults, and there is a place for the id.
    let status =
        unsafe { tidings_engine_adopt(engine.0, fd, std::ptr::null(), &raw mut connection) };
    assert_eq!(status, TIDINGS_OK);
    assert_ne!(connection, 0);
    Reader::new(client).until("event: connected\n");
}

#[test]
fn headers_cannot_say_more_than_they_should() {
    let engine = Engine::start();
    let (_client, server) = tcp();
    let refused = |header: tidings_header, flags| {
        let adopt = init!(tidings_adopt {
            flags: flags,
            headers: &raw const header,
            header_count: 1
        });
        engine.try_adopt(server.as_raw_fd(), &adopt)
    };
    for (name, value) in [
        ("x", "a\r\nx-evil: 1"),
        ("x", "a\nb"),
        ("x", "\0"),
        ("x y", "a"),
        ("x:", "a"),
        ("x\r\ny", "a"),
        ("", "a"),
        ("Content-Length", "5"),
        ("transfer-encoding", "chunked"),
        ("Connection", "keep-alive"),
        ("content-type", "text/html"),
    ] {
        let status = refused(header(name, value), TIDINGS_ADOPT_WRITE_HEAD);
        assert_eq!(status, Err(TIDINGS_ERR_HEADER), "{name:?}: {value:?}");
    }
    assert_eq!(
        refused(header("x", "a"), 0),
        Err(TIDINGS_ERR_INVALID),
        "there is no head"
    );
    assert_eq!(refused(header("x", "a"), 2), Err(TIDINGS_ERR_INVALID));
    let long = "x".repeat(4_096);
    let status = refused(header("x", &long), TIDINGS_ADOPT_WRITE_HEAD);
    assert_eq!(status, Err(TIDINGS_ERR_PREAMBLE_TOO_LONG));
    assert_eq!(engine.stats().map(|stats| stats.opened), Ok(0));
}

#[test]
fn what_is_no_connected_stream_socket_is_left_alone() {
    let engine = Engine::start();
    let adopt = init!(tidings_adopt);
    let file = File::open(std::env::current_exe().expect("it has a path")).expect("it is there");
    let (pipe, _write) = rustix::pipe::pipe().expect("there are pipes");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let udp = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    udp.connect(listener.local_addr().expect("an address"))
        .expect("it has a port");
    let offered: [(OwnedFd, _); 4] = [
        (file.into(), TIDINGS_ERR_NOT_A_STREAM_SOCKET),
        (pipe, TIDINGS_ERR_NOT_A_STREAM_SOCKET),
        (udp.into(), TIDINGS_ERR_NOT_A_STREAM_SOCKET),
        (listener.into(), TIDINGS_ERR_NOT_CONNECTED),
    ];
    for (fd, status) in &offered {
        assert_eq!(engine.try_adopt(fd.as_raw_fd(), &adopt), Err(*status));
        assert!(
            rustix::io::fcntl_getfd(fd).is_ok(),
            "it is still the host's"
        );
    }
    for number in [-1, i32::MIN, 1_000_000] {
        assert_eq!(engine.try_adopt(number, &adopt), Err(TIDINGS_ERR_BAD_FD));
    }
    assert_eq!(engine.error(), "a number that is no open descriptor");
}

#[test]
fn a_refused_socket_is_still_the_hosts_and_untouched() {
    let engine = Engine::start();
    let (client, server) = tcp();
    let topics = [text("a"), text("b*c")];
    let open = init!(tidings_open {
        topics: topics.as_ptr(),
        topic_count: 2
    });
    let adopt = init!(tidings_adopt {
        open: &raw const open,
        tag: 1
    });
    let fd = server.into_raw_fd();
    assert_eq!(engine.try_adopt(fd, &adopt), Err(TIDINGS_ERR_INVALID_TOPIC));
    assert!(
        engine.error().starts_with("topic 1: "),
        "{}",
        engine.error()
    );
    // SAFETY: it was refused, so that it is ours.
    let mut server = unsafe { TcpStream::from_raw_fd(fd) };
    let flags = rustix::fs::fcntl_getfl(&server).expect("it is open");
    assert!(!flags.contains(rustix::fs::OFlags::NONBLOCK));
    server
        .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        .expect("it can be answered");
    drop(server);
    assert_eq!(
        Reader::new(client).rest(),
        "HTTP/1.1 400 Bad Request\r\n\r\n"
    );
    engine.expect_silence();
}

#[test]
fn an_adopted_descriptor_is_no_longer_the_hosts() {
    let engine = Engine::start();
    let (client, server) = tcp();
    let connection = engine.try_adopt(server.into_raw_fd(), &init!(tidings_adopt));
    let connection = connection.expect("it is adopted");
    assert_eq!(engine.close(connection), TIDINGS_OK);
    let rest = Reader::new(client).rest();
    assert!(
        rest.contains("event: bye\n"),
        "nobody else holds it open: {rest}"
    );
}

#[test]
fn a_client_that_sends_more_is_still_read_to() {
    let engine = Engine::start();
    let (mut client, server) = tcp();
    let topics = [text("a")];
    let open = init!(tidings_open {
        topics: topics.as_ptr(),
        topic_count: 1
    });
    let adopt = init!(tidings_adopt {
        open: &raw const open
    });
    engine
        .try_adopt(server.into_raw_fd(), &adopt)
        .expect("it is adopted");
    client.write_all(&[b'x'; 100_000]).expect("it can be sent");
    let publishes = [publish_to(&topics, "1"), publish_to(&topics, "2")];
    assert_eq!(
        engine
            .publish_all(&publishes)
            .map(|published| published.len()),
        Ok(2)
    );
    Reader::new(client).until("data: 2\n\n");
}

#[test]
fn structs_are_checked() {
    let engine = Engine::start();
    let (_client, server) = tcp();
    for size in [0, 4, 39] {
        let adopt = tidings_adopt {
            size,
            ..init!(tidings_adopt)
        };
        let status = engine.try_adopt(server.as_raw_fd(), &adopt);
        assert_eq!(status, Err(TIDINGS_ERR_STRUCT_SIZE));
    }
    #[repr(C)]
    struct Newer {
        adopt: tidings_adopt,
        more: u64,
    }
    let size = size_of::<Newer>() as u32;
    let mut newer = Newer {
        adopt: tidings_adopt {
            size,
            ..init!(tidings_adopt)
        },
        more: 1,
    };
    let status = engine.try_adopt(server.as_raw_fd(), &newer.adopt);
    assert_eq!(
        status,
        Err(TIDINGS_ERR_STRUCT_SIZE),
        "it asks for more than is known"
    );
    newer.more = 0;
    // SAFETY: the struct is as long as it says.
    let adopt = unsafe { &*(&raw const newer).cast() };
    assert!(engine.try_adopt(server.into_raw_fd(), adopt).is_ok());
}
