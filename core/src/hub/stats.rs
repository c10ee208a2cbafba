//! Counts of what a hub has done and holds.

use super::output::CloseReason;

/// What a hub has done since it was made, and what it holds now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Open connections, those included that are about to close.
    pub connections: usize,
    /// Users with a connection.
    pub users: usize,
    /// Topics with a subscriber or an event in the index.
    pub topics: usize,
    /// Events in the log.
    pub log_events: usize,
    /// Bytes of the log, frames, messages and index, as counted against its limits.
    pub log_bytes: usize,
    /// Connections opened.
    pub opened: u64,
    /// Events published.
    pub published: u64,
    /// Publishes that were known by their id already.
    pub duplicates: u64,
    /// Events of which a connection took the last byte, for each connection.
    pub delivered: u64,
    /// Bytes that connections took.
    pub delivered_bytes: u64,
    /// Gaps told.
    pub gaps: u64,
    /// Events missed, where they could be counted.
    pub missed: u64,
    /// Values replaced by newer ones before their turn to leave.
    pub replaced: u64,
    /// Events for one connection that closed before it could be offered them.
    pub undelivered: u64,
    /// Connections closed, by the number of the reason.
    closed: [u64; CloseReason::ALL.len()],
}

/// What one class of a hub holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct ClassStats {
    /// Events that can still be sent; of a `latest` class, values.
    pub events: usize,
    /// Index records, those of events included whose frame is gone.
    pub records: usize,
    /// Frames, messages and index, as counted against `ClassOptions::bytes`.
    pub bytes: usize,
    /// The number of the oldest event that can still be sent.
    pub first: Option<u64>,
}

/// What there is of one topic.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TopicStats<'a> {
    /// Which.
    pub name: &'a str,
    /// Connections that subscribe to it by name.
    pub subscribers: usize,
    /// Subscriptions to patterns that match it.
    pub pattern_subscribers: usize,
    /// Events of it that its class can still send.
    pub events: usize,
}

impl Stats {
    /// Connections closed for this reason.
    #[must_use]
    pub const fn closed(&self, reason: CloseReason) -> u64 {
        self.closed[reason as usize]
    }

    pub(crate) fn count_closed(&mut self, reason: CloseReason) {
        self.closed[reason as usize] += 1;
    }
}

impl core::ops::AddAssign for Stats {
    /// Adds up several hubs. Events published to all of them count in each.
    fn add_assign(&mut self, other: Self) {
        self.connections += other.connections;
        self.users += other.users;
        self.topics += other.topics;
        self.log_events += other.log_events;
        self.log_bytes += other.log_bytes;
        self.opened += other.opened;
        self.published += other.published;
        self.duplicates += other.duplicates;
        self.delivered += other.delivered;
        self.delivered_bytes += other.delivered_bytes;
        self.gaps += other.gaps;
        self.missed += other.missed;
        self.replaced += other.replaced;
        self.undelivered += other.undelivered;
        for (sum, closed) in self.closed.iter_mut().zip(other.closed) {
            *sum += closed;
        }
    }
}
