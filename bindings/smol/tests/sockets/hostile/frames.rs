//! HTTP/2 as frames, in order and otherwise.
//!
//! It does not know what may be accepted. Of heads that come it knows only whether they say 200 or
//! 204: both have a place of their own in the static table (RFC 7541, appendix A).

use super::cases::{Tokens, carry, get, mutate, publish};
use super::oracle::Asked;
use crate::support::{Line, Random};
use std::collections::BTreeMap;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// What a frame holds at most, where nobody allows more.
const FRAME_BYTES: usize = 16_384;

/// What came on a stream.
#[derive(Default)]
pub(super) struct Answer {
    /// The head says 200 or 204; none where there is no head.
    pub(super) is_good: Option<bool>,
    pub(super) body: Vec<u8>,
    pub(super) ended: bool,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A field as a literal that nobody remembers (RFC 7541, section 6.2.2).
fn field(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    block.push(0);
    for text in [name, value] {
        if text.len() < 127 {
            block.push(text.len() as u8);
        } else {
            block.push(127);
            let mut rest = text.len() - 127;
            while rest >= 128 {
                block.push(rest as u8 | 128);
                rest >>= 7;
            }
            block.push(rest as u8);
        }
        block.extend(text);
    }
}

fn head(asked: &Asked) -> Vec<u8> {
    let mut block = Vec::new();
    field(&mut block, b":method", asked.method.as_bytes());
    field(&mut block, b":scheme", b"http");
    field(&mut block, b":path", asked.target.as_bytes());
    for (name, value) in &asked.fields {
        let name = if name == "host" { ":authority" } else { name };
        field(&mut block, name.as_bytes(), value);
    }
    block
}

fn request(stream: u32, block: &[u8], body: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    let parts: Vec<_> = block.chunks(FRAME_BYTES).collect();
    for (number, part) in parts.iter().enumerate() {
        let kind = if number == 0 { HEADERS } else { CONTINUATION };
        let ends = number + 1 == parts.len();
        let end = if number == 0 && body.is_empty() {
            END_STREAM
        } else {
            0
        };
        let flags = end | if ends { END_HEADERS } else { 0 };
        frames.extend(frame(kind, flags, stream, part));
    }
    let parts: Vec<_> = body.chunks(FRAME_BYTES).collect();
    for (number, part) in parts.iter().enumerate() {
        let flags = if number + 1 == parts.len() {
            END_STREAM
        } else {
            0
        };
        frames.extend(frame(DATA, flags, stream, part));
    }
    frames
}

fn begin() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// One connection with these requests, in order.
pub(super) fn requests(asked: &[Asked]) -> Vec<u8> {
    let mut bytes = begin();
    for (number, asked) in asked.iter().enumerate() {
        bytes.extend(request(stream(number), &head(asked), &asked.body));
    }
    bytes
}

/// The stream of a request, by its number.
pub(super) const fn stream(number: usize) -> u32 {
    2 * number as u32 + 1
}

/// Reads until all is said on these streams, or the connection ends. Of an endless answer the head
/// is enough.
pub(super) fn answers(line: &mut Line, asked: &[Asked]) -> BTreeMap<u32, Answer> {
    let mut answers = BTreeMap::<u32, Answer>::new();
    loop {
        while let Some((kind, flags, stream, payload)) = take(line) {
            let answer = answers.entry(stream).or_default();
            match kind {
                HEADERS if answer.is_good.is_none() => {
                    let sized = payload.iter().position(|byte| byte & 0xe0 != 0x20);
                    let first = sized.map(|place| payload[place]);
                    answer.is_good = Some(matches!(first, Some(0x88 | 0x89)));
                }
                DATA => answer.body.extend(payload),
                _ => {}
            }
            let ends = [HEADERS, DATA].contains(&kind) && flags & END_STREAM != 0;
            answer.ended |= ends || kind == RST_STREAM;
        }
        let is_done = |(number, asked): (usize, &Asked)| {
            let Some(answer) = answers.get(&stream(number)) else {
                return false;
            };
            let is_stream = asked.target.contains("/events") && answer.is_good == Some(true);
            answer.ended || is_stream
        };
        let is_all = !asked.is_empty() && asked.iter().enumerate().all(is_done);
        if is_all || line.ended {
            answers.remove(&0);
            return answers;
        }
        line.read();
    }
}

fn take(line: &mut Line) -> Option<(u8, u8, u32, Vec<u8>)> {
    let head: [u8; 9] = line.unread.get(..9)?.try_into().ok()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let payload = line.unread.get(9..9 + length)?.to_vec();
    line.unread.drain(..9 + length);
    let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
    Some((head[3], head[4], stream, payload))
}

/// A connection with requests that nobody allows, and bytes of it changed.
pub(super) fn corrupted(random: &mut Random) -> Vec<u8> {
    let mut asked = match random.below(2) {
        0 => get("/events?topic=room/1"),
        _ => publish(r#"{"topics":["room/1"],"data":"corrupted"}"#),
    };
    carry(random, &mut asked, "no-token-of-anyone.that-there.is");
    let mut bytes = requests(&[asked.clone(), asked]);
    if random.chance(8) {
        bytes = PREFACE.to_vec();
        bytes.extend((0..random.below(1_000)).map(|_| random.below(256) as u8));
    }
    mutate(random, &mut bytes);
    bytes
}

/// Connections that break a rule of HTTP/2, with a token that is good.
pub(super) fn crafted(random: &mut Random, tokens: &Tokens) -> Vec<u8> {
    let mut asked = publish(r#"{"topics":["room/1"],"data":"crafted"}"#);
    let token = format!("Bearer {}", tokens.writer);
    asked
        .fields
        .push(("authorization".to_owned(), token.into()));
    let body = asked.body.clone();
    let good = head(&asked);
    let with = |name: &[u8], value: &[u8]| {
        let mut block = good.clone();
        field(&mut block, name, value);
        [begin(), request(1, &block, &body)].concat()
    };
    let then = |frames: Vec<u8>| [begin(), frames].concat();
    let open = frame(HEADERS, END_HEADERS, 1, &good);
    match random.below(24) {
        0 => with(b"X-Upper", b"x"),
        1 => with(b"connection", b"keep-alive"),
        2 => with(b"transfer-encoding", b"chunked"),
        3 => with(b"te", b"gzip"),
        4 => with(b":path", b"/publish"),
        5 => with(b":unknown", b"x"),
        6 => with(b":status", b"200"),
        7 => with(b"x", b"a\r\nauthorization: b"),
        8 => with(b"x", b"a\0b"),
        9 => with(b"", b"x"),
        10 => with(b"content-length", b"1"),
        11 => with(b"content-length", b"99"),
        12 => with(b"content-length", b"-1"),
        13 => then(request(2, &good, &body)),
        14 => then(request(0, &good, &body)),
        15 => then([frame(DATA, END_STREAM, 1, &body), open].concat()),
        16 => then(frame(SETTINGS, 0, 0, &[0; 5])),
        17 => then([open, frame(WINDOW_UPDATE, 0, 1, &[0; 4])].concat()),
        18 => then([open, frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])].concat()),
        19 => then(
            [
                frame(HEADERS, 0, 1, &good),
                frame(DATA, END_STREAM, 1, &body),
            ]
            .concat(),
        ),
        20 => {
            let part = frame(CONTINUATION, 0, 1, &[b'x'; 1_000]);
            then([frame(HEADERS, 0, 1, &good), part.repeat(200)].concat())
        }
        21 => then([open, frame(PING, 0, 0, &[7; 8]).repeat(2_000)].concat()),
        22 => {
            let reset = |number| {
                [
                    request(stream(number), &good, b""),
                    frame(RST_STREAM, 0, stream(number), &[0, 0, 0, 8]),
                ]
                .concat()
            };
            then((0..300).flat_map(reset).collect())
        }
        _ => then(frame(HEADERS, END_STREAM | END_HEADERS, 1, &[0xff; 20])),
    }
}
