//! Bodies of requests: JSON, of a bounded length, in a bounded time.
//!
//! It does not know what is in them.

use super::Context;
use super::error::ApiError;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Request, StatusCode};
use smol::Timer;
use smol::future::or;
use std::error::Error;

/// Reads the body of a request that must be JSON.
pub(super) async fn read_json(
    request: Request<Incoming>,
    context: &Context,
) -> Result<Bytes, ApiError> {
    if !is_json(&request) {
        let message = "the body must be application/json";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(ApiError::new(status, "not_json", message));
    }
    let limit = context.options.body_bytes;
    let read = async {
        let read = Limited::new(request.into_body(), limit).collect().await;
        read.map(http_body_util::Collected::to_bytes)
            .map_err(|error| unreadable(&*error, limit))
    };
    let late = async {
        Timer::after(context.options.body_timeout).await;
        Err(ApiError::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "the body came too slowly",
        ))
    };
    or(read, late).await
}

/// # Errors
/// Where there is a body: then the client means something that is not done.
pub(super) fn check_empty(request: &Request<Incoming>) -> Result<(), ApiError> {
    if request.body().is_end_stream() {
        return Ok(());
    }
    Err(ApiError::bad("unexpected_body", "this request has no body"))
}

pub(super) fn invalid(error: serde_json::Error) -> ApiError {
    ApiError::bad("invalid_json", error.to_string())
}

fn is_json<B>(request: &Request<B>) -> bool {
    let header = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = header
        .and_then(|value| value.split(';').next())
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}

fn unreadable(error: &(dyn Error + 'static), limit: usize) -> ApiError {
    if error.is::<LengthLimitError>() {
        let message = format!("a body has at most {limit} bytes");
        return ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_long", message);
    }
    ApiError::bad("unreadable_body", error.to_string())
}
