//! The request that becomes a socket, and its answer (RFC 6455, section 4.2).
//!
//! It does not know who asks. What is refused here is an ordinary response of HTTP.

use crate::server::error::ApiError;
use async_tungstenite::tungstenite::handshake::derive_accept_key;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{
    CONNECTION, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use hyper::{Request, StatusCode, Version};
use std::time::SystemTime;

/// The version of the protocol that is spoken.
pub(in crate::server) const VERSION: &str = "13";

/// A request that may become a socket.
#[derive(Debug)]
pub(super) struct Handshake {
    accept: String,
}

impl Handshake {
    /// # Errors
    /// Where the request is not for a socket, or not as it should be.
    pub(super) fn read<B>(request: &Request<B>) -> Result<Self, ApiError> {
        if request.version() != Version::HTTP_11 {
            let message = "a WebSocket is opened over HTTP/1.1; a client that has both takes that";
            let status = StatusCode::HTTP_VERSION_NOT_SUPPORTED;
            return Err(ApiError::new(status, "http1_needed", message));
        }
        let headers = request.headers();
        if !lists(headers, UPGRADE, "websocket") || !lists(headers, CONNECTION, "upgrade") {
            let message = "this path is for WebSockets: ask with `Connection: Upgrade` and \
                 `Upgrade: websocket`";
            return Err(upgrade_required("upgrade_needed", message));
        }
        if !lists(headers, SEC_WEBSOCKET_VERSION, VERSION) {
            let message = "the version of the protocol is 13, in Sec-WebSocket-Version";
            return Err(upgrade_required("unknown_websocket_version", message));
        }
        let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
        let (key, more) = (keys.next(), keys.next());
        let is_key = |key: &[u8]| STANDARD.decode(key).is_ok_and(|nonce| nonce.len() == 16);
        match key.map(HeaderValue::as_bytes) {
            Some(key) if is_key(key) && more.is_none() => Ok(Self {
                accept: derive_accept_key(key),
            }),
            _ => Err(ApiError::bad(
                "invalid_websocket_key",
                "Sec-WebSocket-Key is 16 random bytes in base64, once",
            )),
        }
    }

    /// The head that says yes.
    pub(super) fn head(&self) -> Vec<u8> {
        let date = httpdate::fmt_http_date(SystemTime::now());
        let accept = &self.accept;
        let head = format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-accept: {accept}\r\ndate: {date}\r\n\r\n"
        );
        head.into_bytes()
    }
}

fn upgrade_required(code: &'static str, message: &str) -> ApiError {
    ApiError::new(StatusCode::UPGRADE_REQUIRED, code, message)
}

/// Whether a header lists a word, in whatever case.
fn lists(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).into_iter();
    let mut words = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    words.any(|listed| listed.trim().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: [(&str, &str); 4] = [
        ("upgrade", "websocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn read(version: Version, headers: &[(&str, &str)]) -> Result<Handshake, ApiError> {
        let mut request = Request::get("/ws").version(version);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Handshake::read(&request.body(()).expect("a request"))
    }

    /// The key and the answer are those of RFC 6455, section 1.3.
    #[test]
    fn a_good_handshake_is_accepted() {
        let head = read(Version::HTTP_11, &GOOD).expect("it is good").head();
        let head = String::from_utf8(head).expect("text");
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        assert!(head.contains("\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
        assert!(head.ends_with("\r\n\r\n"));
    }

    #[test]
    fn what_is_no_handshake_is_refused() {
        let refused = |version, headers: &[(&str, &str)]| {
            let refused = read(version, headers).expect_err("it is refused");
            (refused.status.as_u16(), refused.code)
        };
        let http2 = refused(Version::HTTP_2, &GOOD);
        assert_eq!(http2, (505, "http1_needed"));
        assert_eq!(refused(Version::HTTP_10, &GOOD).0, 505);
        let codes = [
            (426, "upgrade_needed"),
            (426, "upgrade_needed"),
            (426, "unknown_websocket_version"),
            (400, "invalid_websocket_key"),
        ];
        for (number, expected) in codes.into_iter().enumerate() {
            let mut headers = GOOD;
            headers[number].1 = "other";
            assert_eq!(refused(Version::HTTP_11, &headers), expected, "{headers:?}");
            let missing = [&GOOD[..number], &GOOD[number + 1..]].concat();
            assert_eq!(refused(Version::HTTP_11, &missing), expected, "{missing:?}");
        }
        let twice = [&GOOD[..], &GOOD[3..]].concat();
        assert_eq!(refused(Version::HTTP_11, &twice).1, "invalid_websocket_key");
    }
}
