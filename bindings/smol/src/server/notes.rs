//! What is noted of streams and refusals: a line in the log, and a count in the metrics.
//!
//! It does not decide anything. A line never has a token, a query or a header in it; what a client
//! chose freely is a field of its own, which the log escapes, so that nobody can write lines.

use super::Context;
use super::error::ApiError;
use super::metrics::OpenStream;
use super::sessions::Transport;
use crate::driver::milliseconds;
use crate::stream::{Closed, StreamOptions};
use std::net::IpAddr;
use std::time::Instant;
use tidings_core::ConnectionId;
use tracing::info;

/// What is said of a stream once it is open.
pub(super) struct Opening {
    user: Option<String>,
    address: IpAddr,
    topics: usize,
    resumed: bool,
    transport: Transport,
}

impl Opening {
    pub(super) fn new(options: &StreamOptions, address: IpAddr, transport: Transport) -> Self {
        Self {
            user: options.user.clone(),
            address,
            topics: options.topics.len(),
            resumed: options.last_event_id.is_some(),
            transport,
        }
    }
}

impl Context {
    pub(super) fn note_opened(&self, connection: ConnectionId, opening: &Opening) {
        let Opening {
            user,
            address,
            topics,
            resumed,
            transport,
        } = opening;
        let transport = transport.as_str();
        if *resumed {
            self.metrics.count_reconnection();
        }
        info!(%connection, user, %address, topics, resumed, transport, "connected");
    }

    /// A request on this path of the table was refused.
    pub(super) fn note_refusal(&self, refused: &ApiError, path: &'static str, address: IpAddr) {
        let ApiError { status, code, .. } = *refused;
        self.metrics.count_refused(status, code);
        if let Some(left_out) = self.refusal_lines.admit(Instant::now()) {
            info!(code, status = status.as_u16(), path, %address, left_out, "refused");
        }
    }

    /// What was left out of the log by now.
    pub(super) fn note_left_out(&self) {
        if let Some(left_out) = self.refusal_lines.take_left_out() {
            info!(left_out, "more were refused");
        }
    }
}

impl OpenStream {
    /// The stream has ended.
    pub(super) fn note_closed(&self, connection: ConnectionId, closed: Closed) {
        let reason = closed.reason.as_str();
        let duration_ms = milliseconds(self.count_closed());
        let delivered = closed.delivered;
        info!(%connection, reason, duration_ms, delivered, "disconnected");
    }
}
