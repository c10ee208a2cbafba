//! HTTP/2: many streams on a connection, and clients that are slow, silent or hostile.

use crate::support::{Client, Site, Transport, Wire, block_on, eventually, patiently};
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use smol::future::poll_once;
use std::pin::pin;
use std::time::Duration;
use tidings_smol::CloseReason;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

const REFUSED_STREAM: u32 = 7;
const CANCEL: u32 = 8;
const ENHANCE_YOUR_CALM: u32 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// The head of `GET target`, from the static table and as literals (RFC 7541).
fn get(target: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x86];
    for (name, value) in [(4, target), (1, "localhost")] {
        block.extend([name, value.len() as u8]);
        block.extend(value.as_bytes());
    }
    block
}

/// A client that says exactly what it is told to.
struct Raw {
    client: Client,
    unread: Vec<u8>,
}

#[derive(Debug)]
struct Frame {
    kind: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Frame {
    /// The number in the payload from here on.
    fn number(&self, at: usize) -> u32 {
        let bytes = self.payload[at..at + 4].try_into();
        u32::from_be_bytes(bytes.expect("four bytes"))
    }
}

impl Raw {
    fn connect(site: &Site) -> Self {
        let mut client = Client::connect(site.address);
        client.send([PREFACE, &frame(SETTINGS, 0, 0, &[])].concat());
        Self {
            client,
            unread: Vec::new(),
        }
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.client.send(frame(kind, flags, stream, payload));
    }

    fn ask(&mut self, stream: u32, target: &str) {
        self.send(HEADERS, END_STREAM | END_HEADERS, stream, &get(target));
    }

    /// All frames to the end of the connection, in whatever way it ends.
    fn rest(&mut self) -> Vec<Frame> {
        self.client.wait_for_end();
        self.unread.extend(self.client.take_unread());
        std::iter::from_fn(|| self.parse()).collect()
    }

    /// The next frame that is like this.
    fn expect(&mut self, is_it: impl Fn(&Frame) -> bool) -> Frame {
        loop {
            while let Some(frame) = self.parse() {
                if is_it(&frame) {
                    return frame;
                }
            }
            assert!(self.client.read(), "the connection ended");
            self.unread.extend(self.client.take_unread());
        }
    }

    fn parse(&mut self) -> Option<Frame> {
        let head: [u8; 9] = self.unread.get(..9)?.try_into().ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let payload = self.unread.get(9..9 + length)?.to_vec();
        self.unread.drain(..9 + length);
        Some(Frame {
            kind: head[3],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]),
            payload,
        })
    }
}

fn is_reset(frame: &Frame) -> bool {
    frame.kind == RST_STREAM
}

async fn wire(site: &Site) -> Wire {
    patiently(Wire::connect(Transport::Http2, site)).await
}

/// It still does what it is for.
fn lives(site: &Site) {
    block_on(async {
        assert_eq!(wire(site).await.get("/health").await.status(), 200);
    });
}

#[test]
fn a_thousand_streams_share_ten_connections() {
    let site = Site::start(false, |_| {});
    let mut wires = block_on(async {
        let mut wires = Vec::new();
        for number in 0..10 {
            let mut wire = wire(&site).await;
            let mut streams = Vec::new();
            for tab in 0..100 {
                let query = format!("topic=all&topic=of/{number}/{tab}");
                streams.push(wire.stream(&query, "").await);
            }
            wires.push((wire, streams));
        }
        for (_, streams) in &mut wires {
            for stream in streams {
                stream.connected().await;
            }
        }
        site.say("of/7/42", "for one").await;
        site.say("all", "for all").await;
        for (number, (_, streams)) in wires.iter_mut().enumerate() {
            for (tab, stream) in streams.iter_mut().enumerate() {
                if (number, tab) == (7, 42) {
                    assert_eq!(stream.message().await, "for one");
                }
                assert_eq!(stream.message().await, "for all");
            }
        }
        wires
    });
    site.wait_for_connections(1_000);
    wires.truncate(5);
    site.wait_for_closed(CloseReason::Gone, 500);
    block_on(async {
        site.say("all", "for the rest").await;
        for (_, streams) in &mut wires {
            for stream in streams {
                assert_eq!(stream.message().await, "for the rest");
            }
        }
    });
    drop(wires);
    site.wait_for_closed(CloseReason::Gone, 1_000);
}

#[test]
fn a_stream_that_is_let_go_is_closed_and_the_others_stay() {
    let site = Site::start(false, |_| {});
    let (_wire, mut stays, goes) = block_on(async {
        let mut wire = wire(&site).await;
        let stays = wire.stream("topic=a", "").await;
        let goes = wire.stream("topic=a", "").await;
        (wire, stays, goes)
    });
    drop(goes);
    site.wait_for_closed(CloseReason::Gone, 1);
    block_on(async {
        stays.connected().await;
        site.say("a", "1").await;
        assert_eq!(stays.message().await, "1");
    });
}

#[test]
fn a_connection_has_so_many_streams_and_no_more() {
    let site = Site::start(false, |options| options.http2.streams = 4);
    block_on(async {
        let mut wire = wire(&site).await;
        let mut streams = Vec::new();
        for _ in 0..4 {
            let mut stream = wire.stream("topic=a", "").await;
            stream.connected().await;
            streams.push(stream);
        }
        {
            let mut fifth = pin!(wire.stream("topic=a", ""));
            assert!(poll_once(&mut fifth).await.is_none(), "it waits");
            drop(streams.pop());
            patiently(fifth).await.connected().await;
        }
    });
    // One that does not ask how many may be.
    let mut raw = Raw::connect(&site);
    for number in 0..6 {
        raw.ask(2 * number + 1, "/events?topic=a");
    }
    let refused: Vec<_> = (0..2).map(|_| raw.expect(is_reset)).collect();
    for (reset, stream) in refused.iter().zip([9, 11]) {
        assert_eq!((reset.stream, reset.number(0)), (stream, REFUSED_STREAM));
    }
    lives(&site);
}

#[test]
fn requests_that_are_taken_back_at_once_end_the_connection() {
    let site = Site::start(false, |_| {});
    let mut raw = Raw::connect(&site);
    let mut flood = Vec::new();
    for number in 0..10_000 {
        let stream = 2 * number + 1;
        let head = get("/events?topic=a");
        flood.extend(frame(HEADERS, END_STREAM | END_HEADERS, stream, &head));
        flood.extend(frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes()));
    }
    raw.client.send(flood);
    let rest = raw.rest();
    let calm = |frame: &Frame| frame.kind == GOAWAY && frame.number(4) == ENHANCE_YOUR_CALM;
    // A connection that is reset may take with it what was said before.
    assert!(
        rest.iter().all(|frame| frame.kind != GOAWAY || calm(frame)),
        "{rest:?}"
    );
    lives(&site);
    site.wait_for_connections(0);
    let opened = site.stats().opened;
    assert!(opened < 5_000, "{opened} of them were streams");
}

#[test]
fn a_stream_that_is_not_read_is_reset_while_its_client_waits() {
    let site = Site::start(false, |options| {
        options.driver.hub.deadlines.stall_ms = Some(300);
    });
    let mut raw = Raw::connect(&site);
    // A thousand bytes of each stream, and no more until it is said, which it never is.
    let window = [0, 4, 0, 0, 0x03, 0xe8];
    raw.send(SETTINGS, 0, 0, &window);
    raw.ask(1, "/events?topic=a");
    raw.ask(3, "/events?topic=b");
    raw.expect(|frame| frame.kind == DATA && frame.stream == 1);
    raw.expect(|frame| frame.kind == DATA && frame.stream == 3);
    block_on(site.say("a", &"x".repeat(100_000)));
    let reset = raw.expect(is_reset);
    assert_eq!((reset.stream, reset.number(0)), (1, CANCEL));
    site.wait_for_closed(CloseReason::Stalled, 1);
    block_on(site.say("b", "still here"));
    let data = raw.expect(|frame| frame.kind == DATA);
    assert_eq!(data.stream, 3);
    assert!(data.payload.ends_with(b"data: still here\n\n"));
}

#[test]
fn a_client_that_answers_no_pings_is_given_up_with_its_idle_streams() {
    let site = Site::start(false, |options| {
        options.http2.ping = Duration::from_millis(300);
        options.driver.hub.deadlines.heartbeat_ms = None;
    });
    let mut raw = Raw::connect(&site);
    raw.ask(1, "/events?topic=a");
    raw.expect(|frame| frame.kind == PING);
    site.wait_for_closed(CloseReason::Gone, 1);
    raw.rest();
    // One that answers may be as quiet as it likes.
    block_on(async {
        let mut wire = wire(&site).await;
        let mut quiet = wire.stream("topic=a", "").await;
        quiet.connected().await;
        let mut raw = Raw::connect(&site);
        raw.rest();
        site.say("a", "still here").await;
        assert_eq!(quiet.message().await, "still here");
    });
}

#[test]
fn a_connection_on_which_nothing_is_asked_is_closed() {
    let site = Site::start(false, |options| {
        options.http.head_timeout = Duration::from_millis(300);
    });
    block_on(async {
        let mut wire = wire(&site).await;
        let mut quiet = wire.stream("topic=a", "").await;
        quiet.connected().await;
        let mut silent = Raw::connect(&site);
        let said = silent.rest();
        assert!(said.iter().any(|frame| frame.kind == GOAWAY), "{said:?}");
        let mut half = Raw::connect(&site);
        half.send(HEADERS, END_STREAM, 1, &get("/events?topic=a"));
        half.rest();
        let mut preface = Client::connect(site.address);
        preface.send(&PREFACE[..16]);
        preface.wait_for_end();
        // A stream is not bound by it.
        site.say("a", "still here").await;
        assert_eq!(quiet.message().await, "still here");
    });
}

#[test]
fn what_is_too_large_is_refused_and_the_connection_goes_on() {
    let site = Site::start(false, |_| {});
    block_on(async {
        let mut wire = wire(&site).await;
        let long = Request::get("/health").header("x-long", "x".repeat(100_000));
        let long = long.body(Full::default()).expect("a request");
        assert_eq!(wire.send(long).await.status(), 431);
        let publish = Request::post("/publish").header("content-type", "application/json");
        let publish = publish.body(Full::from(vec![b'['; 2 << 20]));
        let refused = wire.send(publish.expect("a request")).await;
        assert_eq!(refused.status(), 413);
        refused.into_body().collect().await.expect("a body");
        let topics: Vec<_> = (0..1_000)
            .map(|number| format!("topic=t/{number}"))
            .collect();
        let mut stream = wire.stream(&topics.join("&"), "").await;
        stream.connected().await;
        site.say("t/999", "last").await;
        assert_eq!(stream.message().await, "last");
    });
}

#[test]
fn bodies_that_do_not_come_hold_up_nobody_but_their_own_connection() {
    let site = Site::start(false, |options| {
        options.body_timeout = Duration::from_millis(500);
    });
    let mut raw = Raw::connect(&site);
    let mut post = vec![0x83];
    post.extend(&get("/publish")[1..]);
    post.extend([0x0f, 0x10, 16]);
    post.extend(b"application/json");
    let bodies = (0..8).map(|number| 2 * number + 1);
    for stream in bodies.clone() {
        raw.send(HEADERS, END_HEADERS, stream, &post);
    }
    raw.ask(17, "/health");
    lives(&site);
    let answered: Vec<_> = (0..9)
        .map(|_| raw.expect(|frame| frame.kind == HEADERS).stream)
        .collect();
    assert_ne!(answered[0], 17, "it waits for a place");
    assert!(bodies.chain([17]).all(|stream| answered.contains(&stream)));
}

#[test]
fn what_is_no_http2_is_refused_and_the_server_lives() {
    let site = Site::start(false, |_| {});
    let settings = frame(SETTINGS, 0, 0, &[]);
    let data = frame(0, 0, 1, b"data of no request");
    let endless = frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff; 100]);
    let even = frame(HEADERS, END_STREAM | END_HEADERS, 2, &get("/health"));
    let too_long = [0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1];
    for garbage in [&data[..], &endless, &even, &too_long, &[0xff; 4_096]] {
        let mut client = Client::connect(site.address);
        client.send([PREFACE, &settings, garbage].concat());
        client.end_sending();
        client.wait_for_end();
    }
    let mut client = Client::connect(site.address);
    client.send(b"PRI * HTTP/2.0\r\n\r\nnonsense\r\n\r\n");
    client.wait_for_end();
    lives(&site);
    eventually("nothing is left", || {
        let stats = site.stats();
        (stats.connections == 0)
            .then_some(())
            .ok_or(format!("{stats:?}"))
    });
}
