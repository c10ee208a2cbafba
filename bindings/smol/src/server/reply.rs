//! Responses as an application's own routes answer them.
//!
//! It does not know what is answered.

use super::error::ApiError;
use crate::http::Answer;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderValue, IntoHeaderName, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use serde::Serialize;

/// What a route answers: a response, a stream, or why not.
pub type Reply = Result<Answer<Full<Bytes>>, ApiError>;

/// A value as JSON. One that cannot be is a mistake in the program, and null.
pub(super) fn json(value: &(impl Serialize + ?Sized)) -> Response<Full<Bytes>> {
    let mut json = serde_json::to_vec(value).unwrap_or_else(|_| b"null".to_vec());
    json.push(b'\n');
    let mut response = Response::new(Full::from(json));
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

impl Answer<Full<Bytes>> {
    /// A value as JSON. One that cannot be is a mistake in the program, and null.
    #[must_use]
    pub fn json(value: &(impl Serialize + ?Sized)) -> Self {
        Self::Response(json(value))
    }

    /// A page.
    #[must_use]
    pub fn html(page: impl Into<Bytes>) -> Self {
        Self::content("text/html; charset=utf-8", page)
    }

    /// Something of a type (RFC 9110, section 8.3), which is asked for anew each time.
    #[must_use]
    pub fn content(kind: &'static str, content: impl Into<Bytes>) -> Self {
        let response = Self::Response(Response::new(Full::new(content.into())));
        response
            .with_header(CONTENT_TYPE, HeaderValue::from_static(kind))
            .with_header(CACHE_CONTROL, HeaderValue::from_static("no-cache"))
            .with_header(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"))
    }

    /// Nothing but that it is done: 204.
    #[must_use]
    pub fn done() -> Self {
        Self::Response(Response::default()).with_status(StatusCode::NO_CONTENT)
    }

    /// With another status. A stream has its own.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        if let Self::Response(response) = &mut self {
            *response.status_mut() = status;
        }
        self
    }

    /// With a header in addition. A stream has its own.
    #[must_use]
    pub fn with_header(mut self, name: impl IntoHeaderName, value: HeaderValue) -> Self {
        if let Self::Response(response) = &mut self {
            response.headers_mut().append(name, value);
        }
        self
    }
}
