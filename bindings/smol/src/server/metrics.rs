//! `GET /metrics`: what the server has done and how it is, in numbers for Prometheus.
//!
//! It does not count events and bytes; the hub does, and is asked at each scrape. No label is a
//! user, a topic or an address: what clients choose would grow without bound.

mod process;
mod scrape;

use super::Context;
use super::error::ApiError;
use super::sessions::Transport;
use crate::driver::unix_ms;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::{Response, StatusCode};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use scrape::Scrape;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What all names begin with.
const PREFIX: &str = "tidings";

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Bounds in seconds: pages that are closed at once, proxies that give up, streams that last.
const DURATIONS: [f64; 10] = [
    1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 43_200.0, 86_400.0,
];

/// What the server itself counts. Streams may end on other threads.
pub(super) struct Metrics {
    registry: Registry,
    /// When the server was started, Unix time.
    pub(super) started_ms: u64,
    connections: Family<TransportLabel, Gauge>,
    durations: Histogram,
    reconnections: Counter,
    refused: Family<CodeLabel, Counter>,
    auth_failures: Family<CodeLabel, Counter>,
    requests: Family<RequestLabels, Counter>,
    #[cfg(feature = "websocket")]
    pub(super) sockets: super::websocket::Counts,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct TransportLabel {
    transport: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct CodeLabel {
    code: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RequestLabels {
    path: &'static str,
    status: u16,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix(PREFIX),
            started_ms: unix_ms(),
            connections: Family::default(),
            durations: Histogram::new(DURATIONS),
            reconnections: Counter::default(),
            refused: Family::default(),
            auth_failures: Family::default(),
            requests: Family::default(),
            #[cfg(feature = "websocket")]
            sockets: super::websocket::Counts::default(),
        };
        metrics.register();
        metrics.begin();
        metrics
    }

    /// What people look at first is there from the begin, so that its first rise is seen as one.
    fn begin(&self) {
        for transport in Transport::ALL.iter().map(|transport| transport.as_str()) {
            self.connections
                .get_or_create(&TransportLabel { transport })
                .set(0);
        }
        let code = "too_many_connections";
        self.refused.get_or_create(&CodeLabel { code }).inc_by(0);
        for code in ["invalid_token", "unauthenticated"] {
            let label = CodeLabel { code };
            self.auth_failures.get_or_create(&label).inc_by(0);
        }
        let (path, status) = ("/events", 200);
        self.requests
            .get_or_create(&RequestLabels { path, status })
            .inc_by(0);
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let help = "Open streams and waiting polls, by what carries them";
        registry.register("connections", help, self.connections.clone());
        let help = "How long streams that have ended were open";
        let durations = self.durations.clone();
        registry.register_with_unit("connection_duration", help, Unit::Seconds, durations);
        let help = "Streams that were opened with a Last-Event-ID";
        registry.register("reconnections", help, self.reconnections.clone());
        let help = "Requests that were refused, by the code of the error";
        registry.register("refused", help, self.refused.clone());
        let help =
            "Requests that were refused since it was not known who asks, by the code of the error";
        registry.register("auth_failures", help, self.auth_failures.clone());
        let help = "Requests that were answered, by path and status; a stream when it begins";
        registry.register("http_requests", help, self.requests.clone());
        #[cfg(feature = "websocket")]
        self.sockets.register(registry);
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The version of the server", build);
        let started = ConstGauge::new(self.started_ms as f64 / 1e3);
        let help = "When the server was started, in Unix time";
        registry.register_with_unit("start_time", help, Unit::Seconds, started);
    }

    /// A stream is about to be opened; it counts as open until this is dropped.
    pub(super) fn open(self: &Arc<Self>, transport: Transport) -> OpenStream {
        let transport = transport.as_str();
        let label = TransportLabel { transport };
        self.connections.get_or_create(&label).inc();
        OpenStream {
            metrics: self.clone(),
            label,
            since: Instant::now(),
        }
    }

    /// A stream was opened for a client that comes back.
    pub(super) fn count_reconnection(&self) {
        self.reconnections.inc();
    }

    /// A request was refused with an error of this code.
    pub(super) fn count_refused(&self, status: StatusCode, code: &'static str) {
        let label = CodeLabel { code };
        self.refused.get_or_create(&label).inc();
        if status == StatusCode::UNAUTHORIZED {
            self.auth_failures.get_or_create(&label).inc();
        }
    }

    /// A request was answered. The path is a template of the table of paths.
    pub(super) fn count_request(&self, path: &'static str, status: StatusCode) {
        let status = status.as_u16();
        self.requests
            .get_or_create(&RequestLabels { path, status })
            .inc();
    }
}

/// A stream that counts as open while this lives, be it refused in the end.
pub(super) struct OpenStream {
    metrics: Arc<Metrics>,
    label: TransportLabel,
    since: Instant,
}

impl OpenStream {
    /// It was open, for so long.
    pub(super) fn count_closed(&self) -> Duration {
        let duration = self.since.elapsed();
        self.metrics.durations.observe(duration.as_secs_f64());
        duration
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let open = self.metrics.connections.get_or_create(&self.label);
        open.dec();
    }
}

pub(super) async fn metrics(context: &Context) -> Result<Response<Full<Bytes>>, ApiError> {
    let scrape = Scrape::take(context).await;
    let scrape = scrape.map_err(|error| ApiError::unavailable("draining", error.to_string()))?;
    let text = text(&context.metrics.registry, &scrape.registry());
    let text = text.map_err(|error| ApiError::bad("internal", error.to_string()))?;
    let response = Response::builder().header(CONTENT_TYPE, OPENMETRICS);
    Ok(response.body(Full::from(text)).unwrap_or_default())
}

fn text(counted: &Registry, scraped: &Registry) -> Result<String, fmt::Error> {
    let mut text = String::new();
    encode_registry(&mut text, counted)?;
    encode_registry(&mut text, scraped)?;
    encode_eof(&mut text)?;
    Ok(text)
}
