//! Counts of a hub, in C.
//!
//! It does not know how they are counted.

use super::output::number;
use crate::sized::SizeFirst;
use std::mem::offset_of;
use tidings_core::{ClassStats, CloseReason, Stats};

/// Room for reasons that may be added.
pub const TIDINGS_CLOSE_REASONS: usize = 32;

/// What a hub has done since it was made, and what it holds now.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_stats {
    /// `sizeof(tidings_stats)`
    pub size: u32,
    /// 0.
    pub reserved: u32,
    /// Open connections, those included that are about to close.
    pub connections: u64,
    /// Users with a connection.
    pub users: u64,
    /// Topics with a subscriber or an event in the index.
    pub topics: u64,
    /// Events in the log.
    pub log_events: u64,
    /// Bytes of the log, frames and index, as counted against its limits.
    pub log_bytes: u64,
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
    /// Connections closed, by `tidings_close_reason`.
    pub closed: [u64; TIDINGS_CLOSE_REASONS],
}

// SAFETY: `repr(C)`, begins with its size, has only numbers.
unsafe impl SizeFirst for tidings_stats {
    const FIRST_SIZE: usize = offset_of!(Self, closed) + size_of::<[u64; TIDINGS_CLOSE_REASONS]>();
}

/// What one class of a hub holds.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_class_stats {
    /// `sizeof(tidings_class_stats)`
    pub size: u32,
    /// 0.
    pub reserved: u32,
    /// Events that can still be sent; of latest values, values.
    pub events: u64,
    /// Index records, those of events included whose frame is gone.
    pub records: u64,
    /// Frames and index, as counted against the limit.
    pub bytes: u64,
    /// The number of the oldest event that can still be sent; 0 if there is none.
    pub first: u64,
}

// SAFETY: `repr(C)`, begins with its size, has only numbers.
unsafe impl SizeFirst for tidings_class_stats {
    const FIRST_SIZE: usize = offset_of!(Self, first) + size_of::<u64>();
}

impl tidings_stats {
    pub(crate) fn of(stats: &Stats) -> Self {
        let mut closed = [0; TIDINGS_CLOSE_REASONS];
        for reason in CloseReason::ALL {
            if let Ok(number) = number(reason) {
                closed[number as usize] = stats.closed(reason);
            }
        }
        Self {
            size: size_of::<Self>() as u32,
            reserved: 0,
            connections: stats.connections as u64,
            users: stats.users as u64,
            topics: stats.topics as u64,
            log_events: stats.log_events as u64,
            log_bytes: stats.log_bytes as u64,
            opened: stats.opened,
            published: stats.published,
            duplicates: stats.duplicates,
            delivered: stats.delivered,
            delivered_bytes: stats.delivered_bytes,
            gaps: stats.gaps,
            missed: stats.missed,
            replaced: stats.replaced,
            undelivered: stats.undelivered,
            closed,
        }
    }
}

impl tidings_class_stats {
    pub(super) fn of(stats: &ClassStats) -> Self {
        Self {
            size: size_of::<Self>() as u32,
            reserved: 0,
            events: stats.events as u64,
            records: stats.records as u64,
            bytes: stats.bytes as u64,
            first: stats.first.unwrap_or(0),
        }
    }
}
