//! One event that was published, and what became of it in the log.
//!
//! It does not know who it is for; `addressing` compares.

use super::Tab;
use crate::mail::Mail;
use tidings_core::Encoding;

/// An event with its number, for ever.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its number.
    pub sequence: u64,
    /// What was published.
    pub mail: Mail,
    /// The class it went to.
    pub class: usize,
    /// When it was appended.
    pub time_ms: u64,
    /// The tab of the connection that does not want it.
    pub except_tab: Option<Tab>,
    /// What became of it.
    pub state: State,
    /// Its bytes in an event stream.
    pub frame: Vec<u8>,
    /// Its bytes over WebSocket.
    pub message: Vec<u8>,
}

/// What became of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It can be sent.
    Kept,
    /// It is gone, but can be counted.
    Trimmed,
    /// It cannot even be counted any more; so many were dropped before it.
    Dropped(usize),
    /// In a `latest` class, a newer value took its place.
    Replaced,
    /// It was never in the log: it was for a connection that was gone.
    Unstored,
}

impl Event {
    /// Its bytes on the wire.
    #[must_use]
    pub fn written(&self, encoding: Encoding) -> &[u8] {
        match encoding {
            Encoding::EventStream => &self.frame,
            Encoding::WebSocket => &self.message,
        }
    }

    /// Whether it can be sent.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.state == State::Kept
    }

    /// Whether the log still knows of it.
    #[must_use]
    pub const fn has_record(&self) -> bool {
        matches!(self.state, State::Kept | State::Trimmed)
    }
}
