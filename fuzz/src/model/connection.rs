//! One stream that was opened: who it is, what it was sent, what it is owed.
//!
//! It does not know events; `walk` finds what is ahead of it.

use super::Tab;
use super::deadlines::Armed;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use tidings_core::{CloseReason, ConnectionId, Encoding, LagPolicy};

/// A connection, open or not.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its id, used once.
    pub id: ConnectionId,
    /// Where it stands in its life.
    pub phase: Phase,
    /// Its user.
    pub user: Option<String>,
    /// Its tab, without the user.
    pub tab: Option<String>,
    /// Topics and patterns, and the number after which each counts.
    pub subscriptions: BTreeMap<String, u64>,
    /// Names and patterns of the topics whose private events it may get.
    pub grants: Vec<String>,
    /// Whether its socket takes no more for the moment.
    pub blocked: bool,
    /// All up to here that was for it has been sent, at least in part, or told.
    pub position: u64,
    /// The last number it was sent, or told of.
    pub(crate) served: u64,
    pub(crate) lag: LagPolicy,
    pub(crate) comments: bool,
    /// How it is written to.
    pub encoding: Encoding,
    /// Nothing up to here is for it.
    pub(crate) floor: u64,
    /// In the values that open the stream: the last one sent.
    pub(crate) opening: Option<u64>,
    /// Not yet at the end of the log since it was opened with an id.
    pub(crate) resuming: bool,
    pub(crate) replay: Option<Replay>,
    /// What was gone already when it was opened without a position.
    pub(crate) excused: BTreeSet<u64>,
    /// It came with an id that says nothing, and was not told yet.
    pub(crate) unknown: bool,
    /// Of the records that were dropped, it was told of the first so many.
    pub(crate) told_drops: usize,
    /// Where it stood when the hub went past dropped records on its behalf: it may be told of them.
    pub(crate) passed_from: Option<u64>,
    pub(crate) owed: Owed,
    /// Bytes to be sent before all else.
    pub(crate) preamble: Vec<u8>,
    /// What it is in the middle of.
    pub(crate) rest: Option<Rest>,
    /// Events for it alone that it has still to be offered.
    pub(crate) direct: BTreeSet<u64>,
    /// When its token ends, Unix time.
    pub(crate) expires_ms: Option<u64>,
    pub(crate) armed: Armed,
    /// What its `bye` may say about coming back.
    pub(crate) retry_ms: Option<RangeInclusive<u64>>,
}

/// Where a connection stands in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// It is sent events.
    Live,
    /// It is sent what is there, then closed.
    Flushing,
    /// It is sent its `bye`, then closed.
    Leaving(CloseReason),
    /// It is closed, and the driver has still to be told.
    Closed {
        /// Why.
        reason: CloseReason,
        /// Whether without a `bye`.
        cut: bool,
    },
    /// Its id is stale.
    Gone,
}

/// Control events it is owed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Owed {
    pub(crate) connected: bool,
    pub(crate) reauth: bool,
    pub(crate) heartbeat: bool,
}

/// How much of the past it may still be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replay {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    /// Once that is used up: what is left out.
    pub(crate) skip_through: Option<u64>,
}

/// The bytes of a frame that were not taken with its beginning.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    pub(crate) bytes: Vec<u8>,
    pub(crate) of: RestOf,
}

/// What a rest is the end of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RestOf {
    /// An event, which the log may have or not.
    Event(u64),
    /// A value that opened the stream.
    Value,
    Control,
    Bye,
}

impl Connection {
    /// Whether it is in the middle of something other than its last words.
    pub(crate) fn is_amid(&self) -> bool {
        self.rest
            .as_ref()
            .is_some_and(|rest| rest.of != RestOf::Bye)
    }

    /// Its tab, of its user.
    pub(crate) fn whole_tab(&self) -> Option<Tab> {
        Some((self.user.clone(), self.tab.clone()?))
    }
}

impl Phase {
    /// Whether the connection can be addressed.
    #[must_use]
    pub fn is_live(self) -> bool {
        self == Self::Live
    }

    /// Whether it is sent events.
    #[must_use]
    pub fn is_served(self) -> bool {
        matches!(self, Self::Live | Self::Flushing)
    }

    /// Whether its id is in use.
    #[must_use]
    pub fn is_open(self) -> bool {
        self != Self::Gone
    }

    /// Whether it may be sent something.
    #[must_use]
    pub fn is_sent(self) -> bool {
        matches!(self, Self::Live | Self::Flushing | Self::Leaving(_))
    }
}

impl Replay {
    /// Whether an event of so many bytes is more than may be sent.
    pub(crate) fn is_over(&self, len: usize) -> bool {
        self.events == 0 || self.bytes < len
    }

    /// An event of so many bytes is sent.
    pub(crate) fn use_up(&mut self, len: usize) {
        if self.skip_through.is_none() {
            self.events = self.events.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(len);
        }
    }
}
