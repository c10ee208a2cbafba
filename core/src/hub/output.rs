//! What the hub tells its driver, and why connections close and events are missed.
//!
//! It does not know the queues these wait in; `poll` does.

use super::id::ConnectionId;
use core::fmt;

/// What a driver has to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Output {
    /// The connection has something to send: call [`Hub::transmit`](super::Hub::transmit), write,
    /// and [`Hub::consume`](super::Hub::consume) what the socket took, 0 if it took nothing.
    Ready(ConnectionId),
    /// The connection is closed and its id stale: close the socket. Where it was `cut`, it is in
    /// the middle of a frame or takes no bytes: reset it, so that the system forgets what it holds.
    Closed {
        /// Which.
        connection: ConnectionId,
        /// Why.
        reason: CloseReason,
        /// Whether the stream ends without its `bye`.
        cut: bool,
    },
}

/// Why a connection is closed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum CloseReason {
    /// The application closed it.
    Closed,
    /// The hub is drained before a shutdown.
    Drain,
    /// The same tab of the same user opened a newer connection.
    Superseded,
    /// The user's newest connection took the place of this, its oldest.
    Replaced,
    /// Its token ended.
    Expired,
    /// No application event for the idle time.
    Idle,
    /// It reached the maximum age.
    Age,
    /// Its next event left the log while its socket was blocked, and its policy is to close.
    Lagged,
    /// Its socket accepted no byte for the stall time.
    Stalled,
    /// The log dropped the frame it was in the middle of, and there was no room to keep the rest.
    Overflow,
    /// The other side went away.
    Gone,
}

impl CloseReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Closed,
        Self::Drain,
        Self::Superseded,
        Self::Replaced,
        Self::Expired,
        Self::Idle,
        Self::Age,
        Self::Lagged,
        Self::Stalled,
        Self::Overflow,
        Self::Gone,
    ];

    /// The name in `bye` events, JSON, logs and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Drain => "drain",
            Self::Superseded => "superseded",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::Idle => "idle",
            Self::Age => "age",
            Self::Lagged => "lagged",
            Self::Stalled => "stalled",
            Self::Overflow => "overflow",
            Self::Gone => "gone",
        }
    }

    /// The status of the close frame that ends a WebSocket connection: RFC 6455, section 7.4.1. Going
    /// away (1001) for a drain, which ends with the server; policy violation (1008) where the client
    /// may not go on as it was, since its token ended or it did not keep up; else normal (1000).
    #[must_use]
    pub const fn websocket_status(self) -> u16 {
        match self {
            Self::Drain => 1001,
            Self::Expired | Self::Lagged => 1008,
            _ => 1000,
        }
    }

    /// Whether the client is told not to come back: another stream has taken its place.
    pub(crate) const fn stays_away(self) -> bool {
        matches!(self, Self::Superseded | Self::Replaced)
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a connection was told that it missed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// How many events; none where they cannot be counted any more.
    pub missed: Option<u64>,
    /// Why; of several gaps taken together, why the first.
    pub reason: GapReason,
}

impl Gap {
    /// Both as one: what cannot be counted in either cannot be counted in all.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        let missed = self.missed.zip(later.missed);
        Self {
            missed: missed.map(|(before, more)| before + more),
            reason: self.reason,
        }
    }
}

/// Why a connection missed events.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum GapReason {
    /// They left the log while its socket was blocked.
    Lagged,
    /// They had left the log when it came back.
    Trimmed,
    /// It came back with an id that is none of this log: of another epoch, malformed, or forgotten.
    UnknownCursor,
    /// They were more than a resume replays.
    ReplayLimit,
}

impl GapReason {
    /// The name in `gap` events, JSON and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Lagged => "lagged",
            Self::Trimmed => "trimmed",
            Self::UnknownCursor => "unknown_cursor",
            Self::ReplayLimit => "replay_limit",
        }
    }
}

impl fmt::Display for GapReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
