//! `GET /stats`: what the hub has done and holds, and since when, as JSON.
//!
//! It does not count anything; the hub does.

use super::Context;
use super::error::ApiError;
use super::reply;
use crate::driver::Latency;
use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use serde_json::{Map, Value, json};
use tidings_core::CloseReason;

pub(super) async fn stats(context: &Context) -> Result<Response<Full<Bytes>>, ApiError> {
    let stats = context.hub.stats().await;
    let stats = stats.map_err(|error| ApiError::unavailable("draining", error.to_string()))?;
    let closed = CloseReason::ALL.map(|reason| {
        (
            reason.as_str().to_owned(),
            Value::from(stats.closed(reason)),
        )
    });
    let Latency { counts, sum_us } = context.hub.latency();
    Ok(reply::json(&json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started_ms": context.metrics.started_ms,
        "connections": stats.connections,
        "users": stats.users,
        "topics": stats.topics,
        "log_events": stats.log_events,
        "log_bytes": stats.log_bytes,
        "opened": stats.opened,
        "published": stats.published,
        "duplicates": stats.duplicates,
        "delivered": stats.delivered,
        "delivered_bytes": stats.delivered_bytes,
        "gaps": stats.gaps,
        "missed": stats.missed,
        "replaced": stats.replaced,
        "undelivered": stats.undelivered,
        "delivery_latency": {
            "bounds_us": Latency::BOUNDS_US,
            "counts": counts,
            "sum_us": sum_us,
        },
        "closed": Map::from_iter(closed),
        "cursor": context.hub.cursor().to_string(),
    })))
}
