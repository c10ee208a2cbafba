//! What a hub tells its driver, in C.
//!
//! It does not know what a driver does about it.

use super::tags::Tagged;
use crate::failure::Outcome;
use crate::status::tidings_status::*;
use std::ffi::{CStr, c_char};
use tidings_core::{CloseReason, ConnectionId, Output};

/// What a driver has to do next.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum tidings_output_kind {
    /// Nothing until something happens.
    TIDINGS_OUTPUT_NONE = 0,
    /// The connection has something to send: transmit, write, consume what the socket took.
    TIDINGS_OUTPUT_READY = 1,
    /// The connection is closed and its id stale: close the socket.
    TIDINGS_OUTPUT_CLOSED = 2,
}
use tidings_output_kind::*;

/// Why a connection is closed.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum tidings_close_reason {
    /// The application closed it.
    TIDINGS_CLOSE_CLOSED = 0,
    /// The hub is drained before a shutdown.
    TIDINGS_CLOSE_DRAIN = 1,
    /// The same tab of the same user opened a newer connection.
    TIDINGS_CLOSE_SUPERSEDED = 2,
    /// The user's newest connection took the place of this, its oldest.
    TIDINGS_CLOSE_REPLACED = 3,
    /// Its token ended.
    TIDINGS_CLOSE_EXPIRED = 4,
    /// No application event for the idle time.
    TIDINGS_CLOSE_IDLE = 5,
    /// It reached the maximum age.
    TIDINGS_CLOSE_AGE = 6,
    /// Its next event left the log while its socket was blocked, and its policy is to close.
    TIDINGS_CLOSE_LAGGED = 7,
    /// Its socket accepted no byte for the stall time.
    TIDINGS_CLOSE_STALLED = 8,
    /// The log dropped the frame it was in the middle of, and there was no room to keep the rest.
    TIDINGS_CLOSE_OVERFLOW = 9,
    /// The other side went away.
    TIDINGS_CLOSE_GONE = 10,
}
use tidings_close_reason::*;

/// Why a connection missed events.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum tidings_gap_reason {
    /// They left the log while its socket was blocked.
    TIDINGS_GAP_LAGGED = 0,
    /// They had left the log when it came back.
    TIDINGS_GAP_TRIMMED = 1,
    /// It came back with an id that is none of this log: of another epoch, malformed, or forgotten.
    TIDINGS_GAP_UNKNOWN_CURSOR = 2,
    /// They were more than a resume replays.
    TIDINGS_GAP_REPLAY_LIMIT = 3,
}

/// What a driver has to do next. This struct never grows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_output {
    /// A `tidings_output_kind`.
    pub kind: u32,
    /// Of a closed one, a `tidings_close_reason`.
    pub reason: u32,
    /// Which connection.
    pub connection: u64,
    /// Of a closed one: 1 if the stream ends without its `bye`. Then reset the socket, so that the system
    /// forgets what it holds.
    pub cut: u32,
    /// 0.
    pub reserved: u32,
    /// The connection's, as `tidings_open.tag` gave it: for a pointer to what you have of it.
    pub tag: u64,
}

impl tidings_output {
    pub(super) const NONE: Self = Self {
        kind: TIDINGS_OUTPUT_NONE as u32,
        reason: 0,
        connection: 0,
        cut: 0,
        reserved: 0,
        tag: 0,
    };

    #[inline]
    pub(super) fn of(output: Output, hub: &Tagged) -> Outcome<Self> {
        let to = |kind, connection: ConnectionId| Self {
            kind: kind as u32,
            connection: connection.to_u64(),
            tag: hub.tag(connection),
            ..Self::NONE
        };
        Ok(match output {
            Output::Ready(connection) => to(TIDINGS_OUTPUT_READY, connection),
            Output::Closed {
                connection,
                reason,
                cut,
            } => Self {
                reason: number(reason)?,
                cut: cut.into(),
                ..to(TIDINGS_OUTPUT_CLOSED, connection)
            },
            _ => return Err(TIDINGS_ERR_OTHER.into()),
        })
    }
}

/// The number of a reason, and its place in `tidings_stats.closed`.
pub(crate) fn number(reason: CloseReason) -> Outcome<u32> {
    Ok(match reason {
        CloseReason::Closed => TIDINGS_CLOSE_CLOSED,
        CloseReason::Drain => TIDINGS_CLOSE_DRAIN,
        CloseReason::Superseded => TIDINGS_CLOSE_SUPERSEDED,
        CloseReason::Replaced => TIDINGS_CLOSE_REPLACED,
        CloseReason::Expired => TIDINGS_CLOSE_EXPIRED,
        CloseReason::Idle => TIDINGS_CLOSE_IDLE,
        CloseReason::Age => TIDINGS_CLOSE_AGE,
        CloseReason::Lagged => TIDINGS_CLOSE_LAGGED,
        CloseReason::Stalled => TIDINGS_CLOSE_STALLED,
        CloseReason::Overflow => TIDINGS_CLOSE_OVERFLOW,
        CloseReason::Gone => TIDINGS_CLOSE_GONE,
        _ => return Err(TIDINGS_ERR_OTHER.into()),
    } as u32)
}

/// The name of a reason as in `bye` events and logs, `unknown` for none. It is static.
#[unsafe(no_mangle)]
pub extern "C" fn tidings_close_reason_str(reason: u32) -> *const c_char {
    const NAMES: [&CStr; CloseReason::ALL.len()] = [
        c"closed",
        c"drain",
        c"superseded",
        c"replaced",
        c"expired",
        c"idle",
        c"age",
        c"lagged",
        c"stalled",
        c"overflow",
        c"gone",
    ];
    NAMES.get(reason as usize).unwrap_or(&c"unknown").as_ptr()
}

/// The name of a reason as in `gap` events and logs, `unknown` for none. It is static.
#[unsafe(no_mangle)]
pub extern "C" fn tidings_gap_reason_str(reason: u32) -> *const c_char {
    const NAMES: [&CStr; 4] = [c"lagged", c"trimmed", c"unknown_cursor", c"replay_limit"];
    NAMES.get(reason as usize).unwrap_or(&c"unknown").as_ptr()
}
