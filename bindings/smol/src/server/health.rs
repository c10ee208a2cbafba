//! `GET /health/live` and `GET /health/ready`: whether to start the server anew, and whether to send
//! it clients.
//!
//! It does not look at anything beyond this process.

use super::Context;
use super::error::ApiError;
use super::reply;
use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use serde_json::json;

/// Whoever gets this has met a loop that turns.
pub(super) fn live() -> Response<Full<Bytes>> {
    reply::json(&json!({ "status": "ok" }))
}

/// # Errors
/// While the server is about to stop: what comes now goes better to another.
pub(super) fn ready(context: &Context) -> Result<Response<Full<Bytes>>, ApiError> {
    if context.hub.is_draining() {
        let message = "the server is about to stop";
        return Err(ApiError::unavailable("draining", message));
    }
    Ok(live())
}
