//! Requests as hostile clients make them: good ones with something changed in one place.
//!
//! It does not know which of them may be accepted.

use super::oracle::{Access, Asked, Claims, KEY, SECRET, sign};
use crate::support::Random;
use crate::support::guarded::now_s;
use serde_json::{Value, json};

pub(super) const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// An hour, in seconds.
const HOUR: u64 = 3_600;

/// Good tokens of people who may do different things.
pub(super) struct Tokens {
    /// Reads everything, and sees how the server is.
    pub(super) witness: String,
    /// Publishes and reads in rooms.
    pub(super) writer: String,
    /// Reads in rooms.
    reader: String,
    /// The connection of someone else, as it is called in paths.
    pub(super) foreign: String,
}

impl Tokens {
    pub(super) fn new() -> Self {
        let (all, rooms) = (|| vec!["**".to_owned()], || vec!["room/**".to_owned()]);
        let witness = Access {
            subscribe: all(),
            grants: all(),
            metrics: true,
            ..Access::default()
        };
        let writer = Access {
            subscribe: rooms(),
            publish: rooms(),
            ..Access::default()
        };
        let reader = Access {
            subscribe: rooms(),
            ..Access::default()
        };
        Self {
            witness: good("witness", witness),
            writer: good("writer", writer),
            reader: good("reader", reader),
            foreign: String::new(),
        }
    }

    fn any(&self, random: &mut Random) -> String {
        let all = [&*self.witness, &self.writer, &self.reader, KEY];
        random.of(&all).to_owned()
    }
}

fn claims(user: &str, access: Access) -> String {
    let claims = Claims {
        sub: user.to_owned(),
        exp: now_s() + HOUR,
        tidings: access,
    };
    serde_json::to_string(&claims).expect("claims are JSON")
}

fn good(user: &str, access: Access) -> String {
    sign(HEADER, &claims(user, access), SECRET)
}

/// A request in order, with a token that is good.
fn base(random: &mut Random, tokens: &Tokens, number: usize) -> Asked {
    let token = tokens.any(random);
    let mut asked = match random.below(8) {
        0..4 => publish(&event(random, number).to_string()),
        4 => get("/events?topic=room/1"),
        5 => get("/poll?topic=room/1"),
        6 => get("/stats"),
        _ => get("/"),
    };
    carry(random, &mut asked, &token);
    asked
}

pub(super) fn get(target: &str) -> Asked {
    Asked {
        method: "GET".to_owned(),
        target: target.to_owned(),
        fields: vec![("host".to_owned(), b"localhost".to_vec())],
        body: Vec::new(),
    }
}

pub(super) fn publish(body: &str) -> Asked {
    let mut asked = get("/publish");
    asked.method = "POST".to_owned();
    let json = b"application/json".to_vec();
    asked.fields.push(("content-type".to_owned(), json));
    asked.body = body.into();
    asked
}

fn event(random: &mut Random, number: usize) -> Value {
    let topic = random.of(&["room/1", "room/2", "secret"]);
    match random.below(6) {
        0 => json!({ "everyone": true, "data": number }),
        1 => json!({ "user": "writer", "data": number }),
        2 => {
            json!({ "topics": [topic], "data": { "number": number }, "event": "news", "retry": 9 })
        }
        3 => json!([{ "topics": ["room/1"], "data": number }, { "topics": [topic], "data": "x" }]),
        _ => {
            json!({ "topics": [topic], "data": format!("{number}\nof many"), "id": format!("h-{number}") })
        }
    }
}

/// Puts a token where a request may have one.
pub(super) fn carry(random: &mut Random, asked: &mut Asked, token: &str) {
    match random.below(4) {
        0 => asked
            .fields
            .push(("cookie".to_owned(), format!("a=b; session={token}").into())),
        1 => {
            let mark = if asked.target.contains('?') { '&' } else { '?' };
            let token: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
            asked.target += &format!("{mark}token={token}");
        }
        _ => asked
            .fields
            .push(("authorization".to_owned(), format!("Bearer {token}").into())),
    }
}

/// A request with one part of it changed, which still is one.
pub(super) fn changed(random: &mut Random, tokens: &Tokens, number: usize) -> Asked {
    match random.below(11) {
        10 => meddling(random, tokens),
        0..4 => {
            let mut asked = match random.below(3) {
                0 => get("/events?topic=room/1"),
                1 => get("/stats"),
                _ => publish(&event(random, number).to_string()),
            };
            let changed = token(random, tokens);
            carry(random, &mut asked, &changed);
            if random.chance(6) {
                let other = tokens.any(random);
                carry(random, &mut asked, &other);
            }
            asked
        }
        4..7 => {
            let mut asked = publish(&body(random, number));
            if random.chance(2) {
                mutate(random, &mut asked.body);
            }
            let token = tokens.any(random);
            carry(random, &mut asked, &token);
            asked
        }
        7 => {
            let mut asked = base(random, tokens, number);
            asked.target += &query(random);
            asked
        }
        8 => {
            let mut asked = base(random, tokens, number);
            asked.method = method(random);
            asked
        }
        _ => {
            let mut asked = base(random, tokens, number);
            let place = random.below(asked.fields.len());
            let (name, value) = &mut asked.fields[place];
            if random.chance(3) {
                *name = header_name(random, name);
            } else {
                mutate(random, value);
            }
            asked
        }
    }
}

/// Something about the stream of someone else, by those whose it is not.
fn meddling(random: &mut Random, tokens: &Tokens) -> Asked {
    let token = random.of(&[&*tokens.writer, &tokens.reader, KEY]);
    let mut body = match random.below(3) {
        0 => json!({ "token": token }).to_string(),
        1 => json!({ "add": ["room/1"], "remove": ["**"] }).to_string(),
        _ => "{}".to_owned(),
    };
    if random.chance(2) {
        let mut bytes = body.into_bytes();
        mutate(random, &mut bytes);
        body = String::from_utf8_lossy(&bytes).into_owned();
    }
    let mut asked = publish(&body);
    let what = random.of(&["/token", "/topics", "", "/"]);
    asked.target = format!("/connections/{}{what}", tokens.foreign);
    if random.chance(4) {
        asked.target = random
            .of(&["/revocations", "/connections", "/topics"])
            .to_owned();
        asked.body = json!({ "user": "witness" }).to_string().into();
    }
    asked.method = random.of(&["POST", "POST", "DELETE", "GET"]).to_owned();
    carry(random, &mut asked, token);
    asked
}

fn method(random: &mut Random) -> String {
    let methods = [
        "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "POST", "GET",
        "PRI", "X",
    ];
    random.of(&methods).to_owned()
}

fn header_name(random: &mut Random, name: &str) -> String {
    let mut name = name.to_owned();
    match random.below(3) {
        0 => name.insert(0, 'x'),
        1 => name.truncate(name.len() / 2),
        _ => name.push('_'),
    }
    name
}

/// What is said in place of a token.
fn token(random: &mut Random, tokens: &Tokens) -> String {
    let good = tokens.any(random);
    let parts: Vec<&str> = good.split('.').collect();
    let other = tokens.any(random);
    let others: Vec<&str> = other.split('.').collect();
    match random.below(16) {
        0..6 => {
            let mut bytes = good.clone().into_bytes();
            mutate(random, &mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        }
        6..11 => forged(random),
        11 if others.len() == 3 && parts.len() == 3 => {
            let [header, claims, signature] = [0, 1, 2].map(|part| {
                if random.chance(2) {
                    parts[part]
                } else {
                    others[part]
                }
            });
            format!("{header}.{claims}.{signature}")
        }
        12 if parts.len() == 3 => {
            let wider = claims("witness", everything());
            let wider = sign(HEADER, &wider, "");
            let wider: Vec<_> = wider.split('.').collect();
            format!("{}.{}.{}", parts[0], wider[1], parts[2])
        }
        13 => good[..random.below(good.len())].to_owned(),
        14 => match random.below(3) {
            0 => good.repeat(2),
            1 => "A".repeat(9_000),
            _ => parts.iter().rev().copied().collect::<Vec<_>>().join("."),
        },
        _ => good,
    }
}

fn everything() -> Access {
    Access {
        subscribe: vec!["**".to_owned()],
        publish: vec!["**".to_owned()],
        publish_direct: true,
        metrics: true,
        console: true,
        ..Access::default()
    }
}

/// A token that says that everything may be done, and that nobody should believe.
fn forged(random: &mut Random) -> String {
    match random.below(5) {
        0 => sign(
            HEADER,
            &claims("writer", everything()),
            "another secret, of somebody else",
        ),
        1 => {
            let unsigned = random.of(&["none", "None", "NONE", ""]);
            let token = sign(
                &json!({ "alg": unsigned }).to_string(),
                &claims("x", everything()),
                "",
            );
            token[..=token.rfind('.').expect("it has parts")].to_owned()
        }
        2 => {
            let alg = random.of(&["HS384", "HS512", "RS256", "ES256", "EdDSA", "hs256"]);
            sign(
                &json!({ "alg": alg }).to_string(),
                &claims("x", everything()),
                SECRET,
            )
        }
        3 => {
            let expired = json!({ "sub": "x", "exp": now_s() - HOUR, "tidings": everything() });
            sign(HEADER, &expired.to_string(), SECRET)
        }
        _ => {
            let exp = [
                json!("9999999999"),
                json!(-1),
                json!(null),
                json!(1e300),
                json!([]),
            ];
            let exp = &exp[random.below(exp.len())];
            let wrong = json!({ "sub": "x", "exp": exp, "tidings": everything() });
            sign(HEADER, &wrong.to_string(), SECRET)
        }
    }
}

/// A body as nobody should send it.
fn body(random: &mut Random, number: usize) -> String {
    let odd = [
        json!(null),
        json!(-1),
        json!(1e308),
        json!(""),
        json!([]),
        json!({}),
        json!([["room/1"]]),
        json!("room/1"),
        json!("\u{0}"),
        json!("a\r\ndata: b\n\nid: 7"),
        json!(u64::MAX),
        json!(true),
        json!("room/**"),
        json!("**"),
        json!("/"),
        json!("x".repeat(300)),
        json!(["room/1", "secret"]),
    ];
    let names = [
        "topics",
        "user",
        "everyone",
        "connection",
        "event",
        "data",
        "id",
        "retry",
        "private",
        "except",
        "what",
        "",
    ];
    let mut event = event(random, number);
    match random.below(8) {
        0 => "[".repeat(1 + random.below(5_000)),
        1 => format!(
            r#"{{"topics":["room/1"],"data":{}1{}}}"#,
            "[".repeat(200),
            "]".repeat(200)
        ),
        2 => format!("{event}{event}"),
        3 => format!(r#"{{"topics":["room/1"],"topics":["secret"],"data":{number}}}"#),
        4 => format!(
            r#"{{"topics":["room/1"],"data":"{}"}}"#,
            "y".repeat(random.below(20_000))
        ),
        5 => format!(r#"[{event},{{"topics":["room/1"],"data":"\ud800"}}]"#),
        _ => {
            if let Some(event) = event.as_object_mut() {
                for _ in 0..=random.below(3) {
                    let value = odd[random.below(odd.len())].clone();
                    event.insert(random.of(&names).to_owned(), value);
                }
            }
            event.to_string()
        }
    }
}

/// What stands behind a target.
fn query(random: &mut Random) -> String {
    let rest = match random.below(8) {
        0 => "topic=%".to_owned(),
        1 => "topic=%00%0d%0aset-cookie:%20a=b".to_owned(),
        2 => "topic=room/%ff".to_owned(),
        3 => "topic=room/x&".repeat(1 + random.below(200)),
        4 => "topic=secret".to_owned(),
        5 => "user=witness&tab=0123456789abcdef".to_owned(),
        6 => format!("last_event_id={}", "9".repeat(random.below(3_000))),
        _ => {
            let mut bytes = b"topic=room/1&tab=0123456789abcdef&heartbeat=comment".to_vec();
            mutate(random, &mut bytes);
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    let mark = random.of(&["?", "&", "#"]);
    format!("{mark}{rest}")
}

/// Changes bytes in one of the ways in which they are changed by chance or with intent.
pub(super) fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..=random.below(3) {
        let place = random.below(bytes.len() + 1);
        let end = (place + random.below(20)).min(bytes.len());
        match random.below(9) {
            0 => bytes.truncate(place),
            1 => drop(bytes.drain(place..end)),
            2 => {
                let again = bytes[place..end].to_vec();
                bytes.splice(place..place, again);
            }
            3 => bytes.insert(
                place,
                *random.of(&[&b'\r', &b'\n', &0, &b' ', &b':', &b'"', &0xff]),
            ),
            4 => bytes.insert(place, random.below(256) as u8),
            5 if place < end => bytes.swap(place, end - 1),
            6 if place < bytes.len() => bytes[place] ^= 1 << random.below(8),
            _ if place < bytes.len() => bytes[place] = random.below(256) as u8,
            _ => {}
        }
    }
}

/// The bytes of HTTP/1.1.
pub(super) fn bytes(asked: &Asked) -> Vec<u8> {
    let mut bytes = format!("{} {} HTTP/1.1\r\n", asked.method, asked.target).into_bytes();
    for (name, value) in &asked.fields {
        bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    if !asked.body.is_empty() {
        bytes.extend(format!("content-length: {}\r\n", asked.body.len()).bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(&asked.body);
    bytes
}

/// Bytes that are no request, or one that is broken somewhere.
pub(super) fn broken(random: &mut Random, tokens: &Tokens, number: usize) -> Vec<u8> {
    let asked = base(random, tokens, number);
    let mut bytes = bytes(&asked);
    match random.below(10) {
        0 => bytes.truncate(random.below(bytes.len())),
        1 => {
            return (0..random.below(2_000))
                .map(|_| random.below(256) as u8)
                .collect();
        }
        2 => {
            let mut absolute = asked;
            let start = random.of(&[
                "http://localhost",
                "http://evil.example",
                "https://",
                "*",
                "//",
            ]);
            absolute.target.insert_str(0, start);
            return self::bytes(&absolute);
        }
        _ => mutate(random, &mut bytes),
    }
    bytes
}

/// Requests that are read differently by different servers, or cost more than they should, and the
/// requests that they may be taken for.
pub(super) fn crafted(
    random: &mut Random,
    tokens: &Tokens,
    number: usize,
) -> (Vec<u8>, Vec<Asked>) {
    let inner = format!(r#"{{"topics":["room/1"],"data":"smuggled {number}"}}"#);
    let hidden = bytes(&publish(&inner));
    let mut outer = publish(&format!(
        r#"{{"topics":["room/1"],"data":"outer {number}"}}"#
    ));
    let token = format!("Bearer {}", tokens.writer);
    outer
        .fields
        .push(("authorization".to_owned(), token.into()));
    let body = std::mem::take(&mut outer.body);
    let head = bytes(&outer);
    let head = &head[..head.len() - 2];
    let (fields, body, taken) = match random.below(16) {
        0..3 => {
            let (length, chunked) = (body.len(), chunks(&body, &hidden));
            let fields = if random.chance(2) {
                format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n")
            } else {
                let length = chunked.len();
                format!("transfer-encoding: chunked\r\ncontent-length: {length}\r\n")
            };
            // Chunks count more than a length (RFC 9112, section 6.3).
            (fields, chunked, vec![Asked { body, ..outer }])
        }
        3..12 => {
            let (fields, body) = unclear(random, &body, &hidden);
            (fields, body, Vec::new())
        }
        12 => {
            let fields = (0..2_000).map(|field| format!("x-{field}: {field}\r\n"));
            (fields.collect(), Vec::new(), Vec::new())
        }
        13 => {
            let long = format!("x: {}\r\n", "x".repeat(100_000));
            (long, Vec::new(), Vec::new())
        }
        14 => ("x: y\r\n z: folded\r\n".to_owned(), Vec::new(), Vec::new()),
        _ => {
            let target = format!("/events?topic=room/1&x={}", "x".repeat(100_000));
            return (bytes(&get(&target)), Vec::new());
        }
    };
    let said = [head, fields.as_bytes(), b"\r\n", &body].concat();
    (said, taken)
}

/// A body as one chunk, and something hidden after it.
fn chunks(body: &[u8], hidden: &[u8]) -> Vec<u8> {
    let size = format!("{:x}\r\n", body.len());
    [size.as_bytes(), body, b"\r\n0\r\n\r\n", hidden].concat()
}

/// Headers that do not say where the body ends, and what follows them.
fn unclear(random: &mut Random, body: &[u8], hidden: &[u8]) -> (String, Vec<u8>) {
    let length = body.len();
    let whole = [body, hidden].concat();
    let longer = whole.len();
    let chunked = chunks(body, hidden);
    let endless = b"fffffffffffffffff\r\n".to_vec();
    let negative = [b"-1\r\n", body].concat();
    let mut all = vec![
        (
            format!("content-length: {length}\r\ncontent-length: {longer}\r\n"),
            whole.clone(),
        ),
        (
            format!("content-length: {length}, {longer}\r\n"),
            whole.clone(),
        ),
        (format!("content-length: +{length}\r\n"), whole.clone()),
        (
            "content-length: 99999999999999999999999\r\n".to_owned(),
            whole.clone(),
        ),
        ("content-length: -1\r\n".to_owned(), whole),
        (
            "transfer-encoding: chunked, identity\r\n".to_owned(),
            chunked.clone(),
        ),
        (
            "transfer-encoding: xchunked\r\n".to_owned(),
            chunked.clone(),
        ),
        ("transfer-encoding : chunked\r\n".to_owned(), chunked),
        ("transfer-encoding: chunked\r\n".to_owned(), endless),
        ("transfer-encoding: chunked\r\n".to_owned(), negative),
    ];
    all.swap_remove(random.below(all.len()))
}
