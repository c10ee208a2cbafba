//! What is said before a stream: the position that a request asks for, and the head of the response.
//!
//! It does not know how either is sent.

use crate::stream::StreamOptions;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Version};
use std::time::SystemTime;

/// The headers of every stream.
const HEADERS: [(&str, &str); 3] = [
    ("content-type", "text/event-stream"),
    ("cache-control", "no-cache, no-transform"),
    ("x-accel-buffering", "no"),
];

impl StreamOptions {
    /// Options for the answer to this request: the position that the client comes back with, if it
    /// does, and the head of a stream.
    #[must_use]
    pub fn for_request<B>(request: &Request<B>) -> Self {
        Self::for_request_with(request, HeaderMap::new())
    }

    /// As [`for_request`](Self::for_request), with headers beside the stream's own, whatever the
    /// version of HTTP.
    #[must_use]
    pub fn for_request_with<B>(request: &Request<B>, headers: HeaderMap) -> Self {
        // Bytes that are no UTF-8 are no id of a hub; repaired they are none either.
        let id = request.headers().get("last-event-id");
        let id = id.map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
        // From HTTP/2 on, heads are not bytes of the stream.
        let head = if request.version() < Version::HTTP_2 {
            stream_head(&headers)
        } else {
            Vec::new()
        };
        Self {
            last_event_id: id,
            head,
            headers,
            ..Self::default()
        }
    }
}

/// The headers of a response that is a stream, these among them.
pub(crate) fn stream_headers(headers: &HeaderMap) -> HeaderMap {
    let own = HEADERS.map(|(name, value)| {
        let name = HeaderName::from_static(name);
        (name, HeaderValue::from_static(value))
    });
    let mut all = headers.clone();
    all.extend(own);
    all
}

/// The head of a response that is a stream, with these headers beside its own.
///
/// It has neither a length nor chunks: the stream ends where the connection does (RFC 9112,
/// section 6.3).
///
/// ```
/// let head = tidings_smol::stream_head(&Default::default());
/// let head = String::from_utf8(head)?;
/// assert!(head.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"));
/// assert!(head.ends_with("\r\n\r\n"));
/// # Ok::<(), std::string::FromUtf8Error>(())
/// ```
#[must_use]
pub fn stream_head(headers: &HeaderMap) -> Vec<u8> {
    let date = httpdate::fmt_http_date(SystemTime::now());
    let own = HEADERS
        .into_iter()
        .chain([("connection", "close"), ("date", &*date)]);
    let own = own.map(|(name, value)| (name, value.as_bytes()));
    let others = headers.iter();
    let others = others.map(|(name, value)| (name.as_str(), value.as_bytes()));
    let mut head = b"HTTP/1.1 200 OK\r\n".to_vec();
    for (name, value) in own.chain(others) {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}
