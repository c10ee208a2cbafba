//! The heartbeat that was written last: those who are quiet at one time are sent the same.
//!
//! It does not know who is quiet (`timers`), nor what a heartbeat says (`control`).

use super::control::ControlOptions;
use super::cursor::Cursor;
use super::encoding::Encoding;
use alloc::vec::Vec;

/// What a heartbeat is made of, beside the hub's options.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heartbeat {
    /// No event: only a sign of life, and the position.
    pub(crate) comment: bool,
    /// The position of the connection.
    pub(crate) id: Cursor,
    pub(crate) time_ms: u64,
    pub(crate) encoding: Encoding,
}

#[derive(Default)]
pub(crate) struct LastHeartbeat {
    last: Option<Heartbeat>,
    bytes: Vec<u8>,
}

impl LastHeartbeat {
    /// The bytes of a heartbeat, which are written unless they were just now.
    pub(crate) fn bytes(&mut self, heartbeat: Heartbeat, control: &ControlOptions) -> &[u8] {
        if self.last != Some(heartbeat) {
            self.last = Some(heartbeat);
            self.bytes.clear();
            control.write_heartbeat(&heartbeat, &mut self.bytes);
        }
        &self.bytes
    }
}
