//! Refusals: a status, a code for programs, a sentence for people.
//!
//! It does not know which request is refused.

use crate::hub::{NotOpened, NotPublished, random};
use hyper::body::Bytes;
use hyper::header::{
    ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, SEC_WEBSOCKET_VERSION, UPGRADE, WWW_AUTHENTICATE,
};
use hyper::{Response, StatusCode};
use serde::Serialize;
use std::borrow::Cow;
use std::fmt;
use tidings_core::PublishError;

/// Seconds after which to try again where nothing better is known.
const DEFAULT_RETRY: u64 = 2;

/// The code of what whoever asks may not.
const FORBIDDEN: &str = "forbidden";

/// Why a request is refused, as the client is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApiError {
    /// The HTTP status.
    pub status: StatusCode,
    /// For programs; it does not change.
    pub code: &'static str,
    /// For people: what is wrong, and where.
    pub message: String,
    /// The methods that the path has, where another was used.
    pub(super) allow: Option<Cow<'static, str>>,
    /// After how many seconds to try again, at the earliest.
    pub(super) retry_after: Option<u64>,
    /// What `WWW-Authenticate` says is wrong with the token, where there was one.
    pub(super) challenge: Option<&'static str>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Said<'a>,
}

#[derive(Serialize)]
struct Said<'a> {
    code: &'a str,
    message: &'a str,
}

impl ApiError {
    /// With a status, a code for programs, and a sentence for people.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            allow: None,
            retry_after: None,
            challenge: None,
        }
    }

    /// The request is not as it should be: 400.
    pub fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// Whoever asks may not: 403.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, FORBIDDEN, message)
    }

    /// It is not known who asks: 401.
    pub fn unauthorized(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    /// Says in addition, in `WWW-Authenticate`, what is wrong with the token: one of the errors of
    /// RFC 6750, section 3.1.
    pub(super) fn challenging(self, error: &'static str) -> Self {
        let challenge = Some(error);
        Self { challenge, ..self }
    }

    /// What is forbidden, as it is said to those who have a token, and to those who have none and
    /// may be allowed with one.
    pub(super) fn answering(self, has_token: bool) -> Self {
        match (self.code, has_token) {
            (FORBIDDEN, true) => self.challenging("insufficient_scope"),
            (FORBIDDEN, false) => Self::unauthorized("unauthenticated", self.message),
            _ => self,
        }
    }

    /// There is no such thing: 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// The path takes other methods: 405.
    pub(super) fn method_not_allowed(path: &str, allow: impl Into<Cow<'static, str>>) -> Self {
        let allow = allow.into();
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let message = format!("{path} takes {allow}");
        Self {
            allow: Some(allow),
            ..Self::new(status, "method_not_allowed", message)
        }
    }

    /// Not for now: 503, to be tried again after a second.
    pub fn unavailable(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            retry_after: Some(1),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
        }
    }

    /// Says in addition where in the request it is.
    pub(super) fn within(mut self, place: impl fmt::Display) -> Self {
        self.message = format!("{place}: {}", self.message);
        self
    }

    /// Whether the same request will be refused again.
    pub(super) fn is_final(&self) -> bool {
        let passes = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
        self.status.is_client_error() && !passes.contains(&self.status)
    }

    /// When to try again, in milliseconds: spread over as long again, so that those who were refused
    /// together do not come back together.
    pub(super) fn retry_ms(&self) -> u64 {
        let least = self
            .retry_after
            .unwrap_or(DEFAULT_RETRY)
            .saturating_mul(1_000);
        least.saturating_add(random() % (least + 1))
    }

    fn retry_seconds(&self) -> u64 {
        self.retry_ms().div_ceil(1_000)
    }

    fn body(&self) -> Vec<u8> {
        let body = Body {
            error: Said {
                code: self.code,
                message: &self.message,
            },
        };
        // Two strings can always be serialized.
        let mut body = serde_json::to_vec(&body).unwrap_or_default();
        body.push(b'\n');
        body
    }

    pub(super) fn response(&self) -> Response<Bytes> {
        let body = self.body();
        let mut response = Response::builder()
            .status(self.status)
            .header(CONTENT_TYPE, "application/json");
        if let Some(allow) = &self.allow {
            response = response.header(ALLOW, &**allow);
        }
        if self.status == StatusCode::UPGRADE_REQUIRED {
            response = response.header(CONNECTION, "upgrade");
            response = response.header(UPGRADE, "websocket");
            response = response.header(SEC_WEBSOCKET_VERSION, "13");
        }
        if self.retry_after.is_some() {
            response = response.header(RETRY_AFTER, self.retry_seconds());
        }
        if self.challenge.is_some() || self.status == StatusCode::UNAUTHORIZED {
            response = response.header(WWW_AUTHENTICATE, self.authenticate());
        }
        response.body(body.into()).unwrap_or_default()
    }

    /// How to authenticate (RFC 6750, section 3). Without a token nothing is wrong with it.
    fn authenticate(&self) -> String {
        let scheme = "Bearer realm=\"tidings\"";
        let Some(error) = self.challenge else {
            return scheme.to_owned();
        };
        let allowed = |char: char| match char {
            '"' | '\\' => '\'',
            ' '..='~' => char,
            _ => '?',
        };
        let description: String = self.message.chars().map(allowed).collect();
        format!("{scheme}, error=\"{error}\", error_description=\"{description}\"")
    }
}

impl From<PublishError> for ApiError {
    fn from(error: PublishError) -> Self {
        let status = match error {
            PublishError::EventTooLong { .. } | PublishError::BatchTooLarge => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status, error.code(), error.to_string())
    }
}

impl From<NotPublished> for ApiError {
    fn from(error: NotPublished) -> Self {
        match error {
            NotPublished::Refused(error) => error.into(),
            NotPublished::Busy => Self::unavailable("busy", error.to_string()),
            NotPublished::Stopped => Self::unavailable("draining", error.to_string()),
        }
    }
}

impl From<NotOpened> for ApiError {
    fn from(error: NotOpened) -> Self {
        let code = match error {
            NotOpened::Refused(refused) => refused.code(),
            _ => "draining",
        };
        let retry_after = error.retry_after();
        Self {
            retry_after,
            ..Self::new(error.status(), code, error.to_string())
        }
    }
}
