//! Who opens a stream, as C says it.
//!
//! It does not know what a hub makes of it.

use crate::failure::Outcome;
use crate::sized::SizeFirst;
use crate::status::tidings_status::*;
use crate::text::{texts, tidings_str};
use std::mem::offset_of;
use tidings_core::{Encoding, LagPolicy, Open};

/// In `tidings_open.flags`: send heartbeats as comments.
pub const TIDINGS_OPEN_COMMENT_HEARTBEATS: u32 = 1;

/// What happens to a live reader whose next event has left the log while it was blocked.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum tidings_lag {
    /// Of an open: what the hub's options say. Of these: `TIDINGS_LAG_GAP`.
    TIDINGS_LAG_DEFAULT = 0,
    /// It is told how many it missed, and goes on at the oldest event that is still there.
    TIDINGS_LAG_GAP = 1,
    /// It is closed with a `bye`; when it comes back with its cursor, it is told the gap.
    TIDINGS_LAG_CLOSE = 2,
}

/// How the events of a connection are written.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum tidings_encoding {
    /// `text/event-stream`, as an `EventSource` reads it.
    TIDINGS_ENCODING_EVENT_STREAM = 0,
    /// WebSocket messages: whole frames of RFC 6455, unmasked, each of text with an object of JSON in
    /// `id`, `event`, `data`, `topic` and, where there is one, `retry`. A heartbeat that would be a
    /// comment is a ping; the `bye` is followed by a close frame. The handshake, what the client says
    /// and what it is answered are yours.
    TIDINGS_ENCODING_WEBSOCKET = 1,
}

fn encoding(number: u32) -> Outcome<Encoding> {
    const EVENT_STREAM: u32 = tidings_encoding::TIDINGS_ENCODING_EVENT_STREAM as u32;
    const WEBSOCKET: u32 = tidings_encoding::TIDINGS_ENCODING_WEBSOCKET as u32;
    match number {
        EVENT_STREAM => Ok(Encoding::EventStream),
        WEBSOCKET => Ok(Encoding::WebSocket),
        _ => Err(TIDINGS_ERR_INVALID.into()),
    }
}

pub(super) fn lag(number: u32) -> Outcome<Option<LagPolicy>> {
    const DEFAULT: u32 = tidings_lag::TIDINGS_LAG_DEFAULT as u32;
    const GAP: u32 = tidings_lag::TIDINGS_LAG_GAP as u32;
    const CLOSE: u32 = tidings_lag::TIDINGS_LAG_CLOSE as u32;
    match number {
        DEFAULT => Ok(None),
        GAP => Ok(Some(LagPolicy::Gap)),
        CLOSE => Ok(Some(LagPolicy::Close)),
        _ => Err(TIDINGS_ERR_INVALID.into()),
    }
}

/// Who opens a stream, for what, and from where. Zero means default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_open {
    /// `sizeof(tidings_open)`
    pub size: u32,
    /// `TIDINGS_OPEN_COMMENT_HEARTBEATS`, or 0.
    pub flags: u32,
    /// The authenticated user; absent if there is none.
    pub user: tidings_str,
    /// The tab or device, so that a newer stream of it closes the older. Within the user; without a user
    /// it is a secret of at least 16 bytes.
    pub tab: tidings_str,
    /// Topics and patterns. None is fine: users and everyone can still be addressed.
    pub topics: *const tidings_str,
    /// How many.
    pub topic_count: usize,
    /// Names and patterns of the topics whose private events it may get.
    pub grants: *const tidings_str,
    /// How many.
    pub grant_count: usize,
    /// The last event id as the client sent it. Absent or empty, the stream starts at the end of the log.
    pub last_event_id: tidings_str,
    /// When its token ends, Unix time in milliseconds; 0 for never.
    pub expires_ms: u64,
    /// A `tidings_lag`.
    pub lag: u32,
    /// A `tidings_encoding`.
    pub encoding: u32,
    /// Bytes to send before all else, such as the head of an HTTP response; at most 4,096.
    pub preamble: tidings_str,
    /// Comes back in every `tidings_output` of the connection: your own number for it, or a pointer to
    /// what you have of it. For an adopt it is 0, which has a tag of its own.
    pub tag: u64,
}

// SAFETY: `repr(C)`, begins with its size, has only numbers and pointers.
unsafe impl SizeFirst for tidings_open {
    const FIRST_SIZE: usize = offset_of!(Self, preamble) + size_of::<tidings_str>();
}

impl tidings_open {
    /// Hands on what it says.
    pub(crate) fn with<T>(&self, body: impl FnOnce(Open<'_>) -> Outcome<T>) -> Outcome<T> {
        if self.flags & !TIDINGS_OPEN_COMMENT_HEARTBEATS != 0 {
            return Err(TIDINGS_ERR_INVALID.into());
        }
        body(Open {
            user: self.user.maybe_text()?,
            tab: self.tab.maybe_text()?,
            topics: &texts(self.topics, self.topic_count)?,
            grants: &texts(self.grants, self.grant_count)?,
            last_event_id: self.last_event_id.maybe_text()?,
            expires_ms: (self.expires_ms != 0).then_some(self.expires_ms),
            lag: lag(self.lag)?,
            comment_heartbeats: self.flags & TIDINGS_OPEN_COMMENT_HEARTBEATS != 0,
            encoding: encoding(self.encoding)?,
            preamble: self.preamble.bytes()?,
        })
    }
}
