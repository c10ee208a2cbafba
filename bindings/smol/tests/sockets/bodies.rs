//! Streams whose bytes a task takes, instead of a socket.

use crate::support::{BodyReader, block_on, eventually};
use futures::StreamExt as _;
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Body as _;
use hyper::header::{HeaderMap, HeaderValue};
use smol::Async;
use smol::future::poll_once;
use smol_hyper::rt::FuturesIo;
use std::convert::Infallible;
use std::net::TcpListener;
use std::time::Duration;
use tidings_smol::tidings_core::{Opcode, decode_frame};
use tidings_smol::{
    Audience, CloseReason, DriverOptions, Encoding, Event, Hub, Publish, StreamBody, StreamCut,
    StreamOptions,
};

/// More than a body and a log of 100 events hold together, and fewer than such a log can count.
const EVENTS: usize = 300;

fn options(change: impl FnOnce(&mut DriverOptions)) -> DriverOptions {
    let mut options = DriverOptions::default();
    options.hub.deadlines.heartbeat_ms = None;
    change(&mut options);
    options
}

async fn open(hub: &Hub) -> StreamBody {
    let options = StreamOptions {
        topics: vec!["a".into()],
        ..StreamOptions::default()
    };
    hub.open(options).await.expect("it opens").into_body().await
}

async fn say(hub: &Hub, data: &str) {
    let event = Publish::to(Audience::Topic("a"), Event::message(data));
    hub.publish(&event).await.expect("it is published");
}

fn closed(hub: &Hub, reason: CloseReason) {
    eventually("the stream is closed", || {
        let stats = block_on(hub.stats()).expect("the driver runs");
        let done = (stats.connections, stats.closed(reason)) == (0, 1);
        done.then_some(()).ok_or(format!("{stats:?}"))
    });
}

#[test]
fn a_body_has_the_messages_of_a_websocket() {
    let hub = Hub::start(options(|_| {})).expect("it starts");
    let bytes = futures::executor::block_on(async {
        let options = StreamOptions {
            topics: vec!["a".into()],
            encoding: Encoding::WebSocket,
            ..StreamOptions::default()
        };
        let stream = hub.open(options).await.expect("it opens");
        let connection = stream.connection();
        let mut body = stream.into_body().await;
        let mut bytes = Vec::new();
        // Longer than what a body holds.
        let long = "x".repeat(100_000);
        say(&hub, "hello").await;
        say(&hub, &long).await;
        while bytes.len() < long.len() {
            bytes.extend(body.next().await.expect("more").expect("no cut"));
        }
        assert!(hub.close(connection).await);
        while let Some(more) = body.next().await {
            bytes.extend(more.expect("no cut"));
        }
        bytes
    });
    let mut rest = &*bytes;
    let mut heard = Vec::new();
    while let Some((opcode, payload)) = decode_frame(&mut rest).expect("frames of a server") {
        heard.push((opcode, String::from_utf8_lossy(payload)));
    }
    assert_eq!(rest, b"");
    let begins = [
        (Opcode::Text, r#"{"id":""#),
        (Opcode::Text, r#"{"id":""#),
        (Opcode::Text, r#"{"id":""#),
        (Opcode::Text, r#"{"id":""#),
        (Opcode::Close, "\u{3}"),
    ];
    assert_eq!(heard.len(), begins.len());
    for ((opcode, payload), (expected, begin)) in heard.iter().zip(begins) {
        assert_eq!(*opcode, expected);
        assert!(payload.starts_with(begin), "{payload}");
    }
    assert!(
        heard[1]
            .1
            .ends_with(r#""event":"message","data":"hello","topic":"a"}"#)
    );
    assert!(heard[2].1.ends_with(r#"x","topic":"a"}"#) && heard[2].1.len() > 100_000);
    assert!(heard[3].1.contains(r#""event":"bye""#));
}

#[test]
fn a_body_has_everything_in_order_to_the_end() {
    let hub = Hub::start(options(|_| {})).expect("it starts");
    futures::executor::block_on(async {
        let body = open(&hub).await;
        let connection = body.connection();
        let mut reader = BodyReader::new(body);
        reader.expect("connected").await;
        // The last is longer than what a body holds.
        let long = "x".repeat(100_000);
        for data in ["1", "2", &long] {
            say(&hub, data).await;
        }
        for data in ["1", "2", &long] {
            assert_eq!(reader.message().await, data);
        }
        assert!(!reader.body.is_end_stream());
        assert!(hub.close(connection).await);
        assert!(reader.expect("bye").await.data.contains("\"closed\""));
        reader.expect_end().await;
        assert!(reader.body.is_end_stream());
        reader.expect_end().await;
    });
    closed(&hub, CloseReason::Closed);
}

#[test]
fn a_drain_ends_bodies_with_a_word_also_those_that_are_read_later() {
    let (hub, drivers) = Hub::new(options(|_| {})).expect("it starts");
    let driving = drivers
        .into_iter()
        .map(|driver| std::thread::spawn(move || smol::block_on(driver)));
    let driving: Vec<_> = driving.collect();
    block_on(async {
        let body = open(&hub).await;
        hub.drain(Duration::ZERO).await;
        for thread in driving {
            thread.join().expect("the driver ends well");
        }
        let mut reader = BodyReader::new(body);
        reader.expect("connected").await;
        assert!(reader.expect("bye").await.data.contains("\"drain\""));
        reader.expect_end().await;
    });
}

#[test]
fn a_body_that_is_dropped_closes_its_stream() {
    let hub = Hub::start(options(|_| {})).expect("it starts");
    drop(block_on(open(&hub)));
    closed(&hub, CloseReason::Gone);
}

#[test]
fn a_body_that_nobody_reads_holds_little_and_is_told_of_the_gap() {
    let hub = Hub::start(options(|options| {
        options.hub.default_class.events = 100;
    }));
    let hub = hub.expect("it starts");
    block_on(async {
        let mut body = open(&hub).await;
        for number in 0..EVENTS {
            say(&hub, &format!("{number}:{}", "x".repeat(100))).await;
        }
        let first = body.next().await.expect("bytes").expect("it is not cut");
        assert!(first.len() <= 8 << 10, "{} bytes", first.len());
        // What was taken last counts until more is asked for.
        say(&hub, "last").await;
        assert_eq!(
            hub.stats().await.expect("it runs").delivered_bytes,
            first.len() as u64
        );
        let mut reader = BodyReader::new(body);
        reader.feed(&first);
        let mut next = 0;
        while next < EVENTS {
            let received = reader.next().await.expect("it is not cut");
            let received = received.expect("it has not ended");
            match &*received.event {
                "gap" => next += received.json()["missed"].as_u64().expect("a number") as usize,
                "message" => {
                    let number = received.data.split(':').next();
                    assert_eq!(number, Some(&*next.to_string()));
                    next += 1;
                }
                other => assert_eq!(other, "connected"),
            }
        }
        assert_eq!(reader.message().await, "last");
        let stats = hub.stats().await.expect("the driver runs");
        let told = (stats.gaps, stats.missed + stats.delivered);
        assert_eq!(told, (1, EVENTS as u64 + 1));
    });
}

#[test]
fn a_body_that_nobody_reads_for_long_is_cut() {
    let hub = Hub::start(options(|options| {
        options.hub.deadlines.stall_ms = Some(200);
    }));
    let hub = hub.expect("it starts");
    block_on(async {
        let mut body = open(&hub).await;
        let mut watch = body.watch();
        say(&hub, &"x".repeat(100_000)).await;
        assert!(poll_once(&mut watch).await.is_none(), "not yet");
        watch.await;
        assert_eq!(body.next().await, Some(Err(StreamCut)));
        assert_eq!(body.next().await, None);
    });
    closed(&hub, CloseReason::Stalled);
}

#[test]
fn last_bytes_that_nobody_takes_are_not_kept_for_ever() {
    let hub = Hub::start(options(|options| {
        options.socket.user_timeout = Duration::from_millis(200);
    }));
    let hub = hub.expect("it starts");
    block_on(async {
        let mut bodies = Vec::new();
        for _ in 0..200 {
            bodies.push(open(&hub).await);
        }
        let ids: Vec<_> = bodies.iter().map(StreamBody::connection).collect();
        for connection in ids {
            assert!(hub.close(connection).await);
        }
        for mut body in bodies {
            body.watch().await;
            assert_eq!(body.next().await, Some(Err(StreamCut)));
        }
    });
}

#[test]
fn a_driver_that_is_dropped_cuts_its_bodies() {
    let (hub, mut drivers) = Hub::new(options(|_| {})).expect("it starts");
    let mut driver = drivers.pop().expect("one shard");
    block_on(async {
        let opened = smol::future::or(async { Some(open(&hub).await) }, async {
            (&mut driver).await;
            None
        });
        let mut body = opened.await.expect("it opens");
        drop(driver);
        body.watch().await;
        assert_eq!(body.next().await, Some(Err(StreamCut)));
        // One that comes too late opens no more, and one that is under way is cut.
        assert!(hub.open(StreamOptions::default()).await.is_err());
    });
}

#[test]
fn a_stream_is_a_response_for_a_service_that_knows_nothing_of_sockets() {
    let hub = Hub::start(options(|_| {})).expect("it starts");
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).expect("a port is free");
    let address = listener.get_ref().local_addr().expect("it has an address");
    let served = hub.clone();
    let service = move |request: hyper::Request<hyper::body::Incoming>| {
        let hub = served.clone();
        async move {
            let mut headers = HeaderMap::new();
            headers.insert("x-mine", HeaderValue::from_static("yes"));
            let options = StreamOptions {
                topics: vec!["a".into()],
                head: Vec::new(),
                ..StreamOptions::for_request_with(&request, headers)
            };
            let stream = hub.open(options).await.expect("it opens");
            Ok::<_, Infallible>(stream.into_response().await)
        }
    };
    let serving = async {
        let (socket, _) = listener.accept().await.expect("a connection");
        let http = hyper::server::conn::http1::Builder::new();
        let service = hyper::service::service_fn(service);
        http.serve_connection(FuturesIo::new(socket), service).await
    };
    let reading = async {
        let socket = Async::<std::net::TcpStream>::connect(address).await;
        let io = FuturesIo::new(socket.expect("it connects"));
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io)
            .await
            .expect("HTTP");
        let request = hyper::Request::get("/").header("host", "x");
        let request = request.body(http_body_util::Empty::<hyper::body::Bytes>::new());
        let asking = sender.send_request(request.expect("a request"));
        let connection = async { drop(connection.await) };
        let check = async {
            let mut response: Response<_> = asking.await.expect("a response");
            assert_eq!(response.headers()["x-mine"], "yes");
            assert_eq!(response.headers()["content-type"], "text/event-stream");
            say(&hub, "in a chunk").await;
            let mut text = String::new();
            while !text.contains("data: in a chunk\n\n") {
                let frame = response.frame().await.expect("more").expect("no error");
                text += &String::from_utf8_lossy(frame.data_ref().expect("data"));
            }
        };
        let mut connection = std::pin::pin!(connection);
        smol::future::or(check, async {
            connection.as_mut().await;
            panic!("the connection ended");
        })
        .await;
    };
    block_on(async {
        smol::future::or(reading, async {
            let served = serving.await;
            panic!("the server ended: {served:?}");
        })
        .await;
    });
    closed(&hub, CloseReason::Gone);
}
