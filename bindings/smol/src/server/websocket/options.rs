//! What is too much on a socket.
//!
//! It does not know who counts.

use crate::server::config::exact;
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Limits of one socket, beside those of every stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WebSocketOptions {
    /// Bytes of one message from a client; a longer one ends its socket. Default 64 KiB: what people
    /// write, and what their pages say about it. A socket keeps room for the longest that it got.
    #[serde(serialize_with = "exact")]
    pub message_bytes: ByteSize,
    /// Messages that are answered with an error, until the socket is closed; every other message makes
    /// up for one of them. Default 20: a page that was mistaken, but not a loop.
    pub errors: usize,
    /// A client that was silent for so long is asked whether it is there, and has as long to answer; 0 for
    /// never. Default 30 s, as the hub's heartbeat: it finds those whose system takes every byte, and who
    /// read none.
    #[serde(with = "humantime_serde")]
    pub ping: Duration,
}

impl Default for WebSocketOptions {
    fn default() -> Self {
        Self {
            message_bytes: ByteSize::kib(64),
            errors: 20,
            ping: Duration::from_secs(30),
        }
    }
}
