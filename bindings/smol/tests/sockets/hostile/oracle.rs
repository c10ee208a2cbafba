//! What a request may be taken for at most, found out without any code of the server.
//!
//! It does not know how the request came about. Of two ways to read one it takes the kinder, for it
//! says what must be refused, and not why.

use crate::support::guarded::now_s;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use form_urlencoded::parse;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// What the tokens of the tests are signed with, and the key of an application server.
pub(super) const SECRET: &str = "what the tokens of hostile clients are not signed with";
pub(super) const KEY: &str = "the-key-of-an-application-server.0123456789";

/// Clocks may differ by so many seconds.
const LEEWAY: u64 = 30;

/// What a token says that its bearer may do.
#[derive(Clone, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Access {
    pub(super) subscribe: Vec<String>,
    pub(super) grants: Vec<String>,
    pub(super) publish: Vec<String>,
    pub(super) publish_private: Vec<String>,
    pub(super) publish_direct: bool,
    pub(super) console: bool,
    pub(super) metrics: bool,
}

#[derive(Deserialize, Serialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    pub(super) exp: u64,
    pub(super) tidings: Access,
}

/// An event as it is published, as far as it matters here.
#[derive(Deserialize)]
struct Event {
    topics: Option<Vec<String>>,
    user: Option<String>,
    #[serde(default)]
    everyone: bool,
    connection: Option<String>,
    data: Option<Box<RawValue>>,
    #[serde(default)]
    private: bool,
    except: Option<String>,
}

/// One request, with the names of headers in lower case.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) fields: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
}

/// What may come of a request that may be accepted.
#[derive(Default, Debug)]
pub(super) struct Meant {
    /// The data of events that readers of all topics may get.
    pub(super) may_come: Vec<String>,
    /// Of these, the data of events that they must get if it is accepted.
    pub(super) must_come: Vec<String>,
}

fn signing_key(secret: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())
}

fn base64() -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&URL_SAFE, config)
}

/// A token with this header and these claims, signed with HS256 and this secret whatever they say.
pub(super) fn sign(header: &str, claims: &str, secret: &str) -> String {
    let message = format!("{}.{}", base64().encode(header), base64().encode(claims));
    let signature = hmac::sign(&signing_key(secret), message.as_bytes());
    format!("{message}.{}", base64().encode(signature))
}

/// What the bearer of this token may do; none where it is no good one.
pub(super) fn access(token: &str) -> Option<Access> {
    if token == KEY {
        let all = || vec!["**".to_owned()];
        return Some(Access {
            publish: all(),
            publish_private: all(),
            publish_direct: true,
            ..Access::default()
        });
    }
    let (message, signature) = token.rsplit_once('.')?;
    let (header, claims) = message.split_once('.')?;
    let signature = base64().decode(signature).ok()?;
    hmac::verify(&signing_key(SECRET), message.as_bytes(), &signature).ok()?;
    let header: Value = serde_json::from_slice(&base64().decode(header).ok()?).ok()?;
    let claims: Claims = serde_json::from_slice(&base64().decode(claims).ok()?).ok()?;
    let is_good = header["alg"] == "HS256" && now_s() < claims.exp + LEEWAY;
    is_good.then_some(claims.tidings)
}

/// The patterns of these tests are all topics and those of rooms.
fn allows(patterns: &[String], topic: &str) -> bool {
    let is_room = topic == "room" || topic.starts_with("room/");
    patterns
        .iter()
        .any(|pattern| pattern == "**" || (pattern == "room/**" && is_room))
}

impl Asked {
    /// What may come of it; none where it must be refused.
    pub(super) fn may(&self) -> Option<Meant> {
        let (path, query) = self.place();
        let nothing = Some(Meant::default());
        let is_for_all = path == "/" || path == "/identity" || path.starts_with("/browser/");
        if is_for_all || path.starts_with("/health") || self.method == "OPTIONS" {
            return nothing;
        }
        let access = self.access(query)?;
        match path {
            "/events" | "/poll" => {
                let mut topics = parse(query.as_bytes()).filter(|(name, _)| name == "topic");
                let allowed = topics.all(|(_, topic)| allows(&access.subscribe, &topic));
                allowed.then(Meant::default)
            }
            "/publish" if self.method == "POST" => meant(&self.body, &access),
            "/stats" | "/metrics" if access.metrics => nothing,
            // Nobody here looks after the server, or asks about a stream of their own.
            _ => None,
        }
    }

    /// Path and query, of a target in absolute form too.
    fn place(&self) -> (&str, &str) {
        let target = &*self.target;
        let path = match target.split_once("://") {
            Some((_, rest)) if !target.starts_with('/') => {
                rest.find('/').map_or("/", |start| &rest[start..])
            }
            _ => target,
        };
        let path = path.split('#').next().unwrap_or_default();
        path.split_once('?').unwrap_or((path, ""))
    }

    /// What its token allows: the header counts more than the cookie, and that more than the query.
    fn access(&self, query: &str) -> Option<Access> {
        let named = |wanted: &'static str| {
            let fields = self.fields.iter().filter(move |(name, _)| name == wanted);
            fields.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
        };
        let headers = named("authorization").filter_map(|value| {
            let (scheme, token) = value.trim().split_once(' ')?;
            let is_bearer = scheme.eq_ignore_ascii_case("bearer");
            is_bearer.then(|| token.trim().to_owned())
        });
        let cookies = named("cookie").flat_map(|value| {
            let pairs = value.split(';').filter_map(|pair| pair.split_once('='));
            let tokens = pairs.filter(|(name, _)| name.trim() == "session");
            let tokens = tokens.map(|(_, token)| token.trim().trim_matches('"').to_owned());
            tokens.collect::<Vec<_>>()
        });
        let query = parse(query.as_bytes()).filter(|(name, _)| name == "token");
        let places = [
            headers.collect::<Vec<_>>(),
            cookies.collect(),
            query.map(|(_, token)| token.into_owned()).collect(),
        ];
        let is_said = |tokens: &&Vec<String>| tokens.iter().any(|token| !token.is_empty());
        let tokens = places.iter().find(is_said)?;
        tokens.iter().find_map(|token| access(token))
    }
}

/// The events that a body of JSON means, if all of them may be published.
fn meant(body: &[u8], access: &Access) -> Option<Meant> {
    let events = match body.trim_ascii_start().first()? {
        b'[' => serde_json::from_slice::<Vec<Event>>(body).ok()?,
        _ => vec![serde_json::from_slice(body).ok()?],
    };
    let mut meant = Meant::default();
    for event in events {
        let is_direct = event.everyone || event.connection.is_some();
        let is_direct = is_direct || (event.topics.is_none() && event.user.is_some());
        let (topics, patterns) = (event.topics.unwrap_or_default(), &access.publish);
        if (is_direct && !access.publish_direct)
            || !topics.iter().all(|topic| allows(patterns, topic))
            || (event.private && access.publish_private.is_empty())
        {
            return None;
        }
        let data = event.data.map_or_else(String::new, |data| text(&data));
        let is_for_readers = event.user.is_none() && event.connection.is_none();
        if is_for_readers && event.except.is_none() {
            meant.must_come.push(data.clone());
        }
        meant.may_come.push(data);
    }
    Some(meant)
}

/// Data as readers get it: its lines are ended by line feeds.
fn text(data: &RawValue) -> String {
    let text = serde_json::from_str::<String>(data.get());
    let text = text.unwrap_or_else(|_| data.get().to_owned());
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// The requests of HTTP/1.1 that these bytes can be taken for, and whether the last has come whole.
pub(super) fn read(mut bytes: &[u8]) -> (Vec<Asked>, bool) {
    let mut asked = Vec::new();
    loop {
        while let [b'\r' | b'\n', rest @ ..] = bytes {
            bytes = rest;
        }
        if bytes.is_empty() {
            return (asked, true);
        }
        let Some(request) = read_one(&mut bytes) else {
            return (asked, false);
        };
        asked.push(request);
    }
}

fn read_one(bytes: &mut &[u8]) -> Option<Asked> {
    let request_line = String::from_utf8_lossy(line(bytes)?).into_owned();
    let mut words = request_line.split_ascii_whitespace();
    let mut asked = Asked {
        method: words.next().unwrap_or_default().to_owned(),
        target: words.next().unwrap_or_default().to_owned(),
        fields: Vec::new(),
        body: Vec::new(),
    };
    loop {
        let line = line(bytes)?;
        if line.is_empty() {
            break;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let name = String::from_utf8_lossy(line[..colon].trim_ascii()).to_ascii_lowercase();
        asked
            .fields
            .push((name, line[colon + 1..].trim_ascii().to_vec()));
    }
    let named = |wanted: &str| {
        let field = asked.fields.iter().find(|(name, _)| name == wanted);
        field.map(|(_, value)| String::from_utf8_lossy(value).to_ascii_lowercase())
    };
    asked.body = if named("transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        chunks(bytes)?
    } else {
        let length = named("content-length").and_then(|length| length.parse().ok());
        bytes.split_off(..length.unwrap_or(0))?.to_vec()
    };
    Some(asked)
}

fn line<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let line = bytes.split_off(..=end)?;
    let line = &line[..end];
    Some(line.strip_suffix(b"\r").unwrap_or(line))
}

fn chunks(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = String::from_utf8_lossy(line(bytes)?).into_owned();
        let size = size.split(';').next().unwrap_or_default().trim();
        let Ok(size) = usize::from_str_radix(size, 16) else {
            return Some(body);
        };
        if size == 0 {
            while !line(bytes)?.is_empty() {}
            return Some(body);
        }
        body.extend(bytes.split_off(..size)?);
        line(bytes)?;
    }
}
