//! How a request for a stream is refused, so that whoever asked can make something of it.
//!
//! It does not know why. An `EventSource` sees neither status nor body of a refusal, and gives up for
//! good; one that asks with `soft=1` is answered in the stream instead:
//!
//! - what may be otherwise later, with a `bye` that names the code, and a `retry` after which it comes
//!   back by itself;
//! - what the same request will be refused for again (a 4xx beside 408 and 429), with a `bye` as well,
//!   whose id says that it is to stay away: when it comes back with that, it gets 204, and stays away.
//!
//! 204 is also what a stream gets whose place another one took, asked for softly or not.

use super::app::App;
use super::error::ApiError;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, UPGRADE};
use hyper::{Request, Response, StatusCode};
use serde_json::{Value, json};
use tidings_core::{ControlOptions, Event, STAY_AWAY};

/// Where streams are asked for.
const EVENTS: &str = "/events";

/// How a request wants to be refused.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Refusals {
    /// In the stream.
    soft: bool,
    /// Where it comes back from, if it does.
    last_event_id: String,
}

impl Refusals {
    /// What a request says about it; one that is not for a stream says nothing. An application's own
    /// routes may all be.
    pub(super) fn asked_for<B>(request: &Request<B>, app: &App) -> Self {
        let path = request.uri().path();
        // Whoever asks for a WebSocket sees no stream that refuses it.
        let is_socket = request.headers().contains_key(UPGRADE);
        if is_socket || path != EVENTS && app.template(path).is_none() {
            return Self::default();
        }
        let mut asked = Self::of(request.uri().query().unwrap_or_default());
        // The header wins, as it does where a stream is opened.
        if let Some(id) = request.headers().get("last-event-id") {
            asked.last_event_id = String::from_utf8_lossy(id.as_bytes()).into_owned();
        }
        asked
    }

    /// What the first line of a request says about it, where no more of it is read.
    pub(super) fn asked_for_in(head: &[u8]) -> Self {
        let line = head.strip_prefix(b"GET ").and_then(|rest| {
            let target = rest.split(|byte| *byte == b' ').next()?;
            std::str::from_utf8(target).ok()
        });
        match line.and_then(|line| line.split_once('?')) {
            Some((EVENTS, query)) => Self::of(query),
            _ => Self::default(),
        }
    }

    fn of(query: &str) -> Self {
        let mut asked = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "soft" => asked.soft = value == "1",
                "last_event_id" => asked.last_event_id = value.into_owned(),
                _ => {}
            }
        }
        asked
    }

    /// The answer that refuses.
    pub(super) fn response(&self, refused: &ApiError, control: &ControlOptions) -> Response<Bytes> {
        if self.stays_away() || refused.status == StatusCode::NO_CONTENT {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        } else if self.soft {
            soft(refused, &control.bye.name, &self.last_event_id)
        } else {
            refused.response()
        }
    }

    /// The answer that refuses, on a connection that is not worth an HTTP server.
    pub(super) fn http1(&self, refused: &ApiError, control: &ControlOptions) -> Vec<u8> {
        let (head, body) = self.response(refused, control).into_parts();
        let mut bytes = format!("HTTP/1.1 {}\r\n", head.status).into_bytes();
        for (name, value) in &head.headers {
            bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        let len = body.len();
        let end = format!("content-length: {len}\r\nconnection: close\r\n\r\n");
        bytes.extend_from_slice(end.as_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// Whether it was told to stay away before.
    fn stays_away(&self) -> bool {
        self.last_event_id.ends_with(STAY_AWAY)
    }
}

/// A stream of one `bye`. Who is to stay away can still tell where it was.
fn soft(refused: &ApiError, name: &str, last_event_id: &str) -> Response<Bytes> {
    let retry_ms = refused.retry_ms();
    let json = said(refused, retry_ms).to_string();
    let id = format!("{last_event_id}{STAY_AWAY}");
    let mut event = Event::message(&json).with_retry(retry_ms);
    // The name was checked with the options.
    event = event.with_event(name).unwrap_or(event);
    if refused.is_final() {
        let plain = event.with_id(STAY_AWAY).unwrap_or(event);
        event = event.with_id(&id).unwrap_or(plain);
    }
    let mut body = Vec::new();
    event.encode(&mut body);
    let response = Response::builder()
        .header(CONTENT_TYPE, "text/event-stream")
        .header(CACHE_CONTROL, "no-cache, no-transform")
        .header("x-accel-buffering", "no");
    response.body(body.into()).unwrap_or_default()
}

/// As any `bye`, with the sentence for people.
fn said(refused: &ApiError, retry_ms: u64) -> Value {
    let retry_ms = (!refused.is_final()).then_some(retry_ms);
    json!({ "reason": refused.code, "message": refused.message, "retry_ms": retry_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(target: &str, id: Option<&str>) -> Refusals {
        let mut request = Request::get(target);
        if let Some(id) = id {
            request = request.header("last-event-id", id);
        }
        let app = App::new().get("/own/{id}", async |_| Err(ApiError::bad("bad", "bad")));
        Refusals::asked_for(&request.body(()).expect("a request"), &app)
    }

    #[test]
    fn only_streams_are_refused_softly() {
        assert!(asked("/events?topic=a&soft=1", None).soft);
        assert!(asked("/events?soft=%31", None).soft);
        assert!(asked("/own/1?soft=1", None).soft);
        for target in [
            "/events",
            "/events?soft=0",
            "/events?soft=11",
            "/publish?soft=1",
            "/own?soft=1",
        ] {
            assert!(!asked(target, None).soft, "{target}");
        }
    }

    #[test]
    fn a_first_line_is_enough_to_be_refused_softly() {
        for (head, is_soft) in [
            (
                &b"GET /events?topic=a&soft=1 HTTP/1.1\r\nhost: x\r\n"[..],
                true,
            ),
            (b"GET /events?soft=1", true),
            (b"GET /events?soft=", false),
            (b"POST /events?soft=1 HTTP/1.1", false),
            (b"GET /?soft=1 HTTP/1.1", false),
            (b"GET \xff?soft=1 HTTP/1.1", false),
            (b"", false),
        ] {
            assert_eq!(Refusals::asked_for_in(head).soft, is_soft, "{head:?}");
        }
    }

    #[test]
    fn whoever_was_told_to_stay_away_says_so_in_either_place() {
        let cases = [
            ("/events", Some("1~2!"), true),
            ("/events", Some("1~2"), false),
            ("/events?last_event_id=1~2!", None, true),
            ("/events?last_event_id=1~2!", Some("1~2"), false),
            ("/events?last_event_id=1~2", Some("!"), true),
            ("/publish", Some("1~2!"), false),
        ];
        for (target, id, stays_away) in cases {
            assert_eq!(
                asked(target, id).stays_away(),
                stays_away,
                "{target} {id:?}"
            );
        }
    }
}
