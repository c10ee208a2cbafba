//! What a hub behind a handle is made with, and what each of its streams is opened with.
//!
//! It does not know how these are kept.

use crate::{ConnectionId, Encoding, Hub, HubOptions, LagPolicy, Open, OpenError};
use alloc::string::String;
use alloc::vec::Vec;

/// What a hub is driven with.
#[derive(Clone, Debug)]
pub struct DriverOptions {
    /// The options of the hub. An `epoch` that nobody has chosen and a `seed` of 0, the default here,
    /// stand for random bits: after a restart, which loses the log, old cursors are then known to be old.
    pub hub: HubOptions,
    /// Batches that were sent and are not yet appended. A publisher beyond them waits. Default 64:
    /// enough to join the work of many publishers, little enough to be remembered.
    pub publish_queue: usize,
    /// Requests of all other kinds that may wait. Whoever sends one more waits itself. Default
    /// 1,024: a wave of clients that reconnect is let in at one go.
    pub command_queue: usize,
    /// The most bytes handed to a stream at a time, all that is ever in memory for one beside the
    /// log. Default 16 KiB: what TLS sends as one record, and a hundred common events.
    pub chunk_bytes: usize,
}

impl Default for DriverOptions {
    fn default() -> Self {
        Self {
            hub: HubOptions {
                epoch: 0,
                seed: 0,
                ..HubOptions::default()
            },
            publish_queue: 64,
            command_queue: 1_024,
            chunk_bytes: 16 << 10,
        }
    }
}

/// Who opens a stream, for what, and from where: [`Open`] with texts of its own.
#[derive(Clone, Debug, Default)]
pub struct StreamOptions {
    /// See [`Open::user`].
    pub user: Option<String>,
    /// See [`Open::tab`].
    pub tab: Option<String>,
    /// See [`Open::topics`].
    pub topics: Vec<String>,
    /// See [`Open::grants`].
    pub grants: Vec<String>,
    /// See [`Open::last_event_id`].
    pub last_event_id: Option<String>,
    /// See [`Open::expires_ms`].
    pub expires_ms: Option<u64>,
    /// See [`Open::lag`].
    pub lag: Option<LagPolicy>,
    /// See [`Open::comment_heartbeats`].
    pub comment_heartbeats: bool,
    /// See [`Open::encoding`].
    pub encoding: Encoding,
    /// See [`Open::preamble`]: nothing where a web server writes the head of the response.
    pub preamble: Vec<u8>,
}

impl StreamOptions {
    /// The defaults, for one topic or pattern.
    ///
    /// ```
    /// use tidings_core::adapters::StreamOptions;
    ///
    /// let options = StreamOptions { user: Some("ada".into()), ..StreamOptions::topic("rooms/*") };
    /// assert_eq!(options.topics, ["rooms/*"]);
    /// ```
    #[must_use]
    pub fn topic(topic: impl Into<String>) -> Self {
        Self {
            topics: Vec::from([topic.into()]),
            ..Self::default()
        }
    }

    pub(super) fn open(&self, hub: &mut Hub, now: u64) -> Result<ConnectionId, OpenError> {
        let topics: Vec<_> = self.topics.iter().map(String::as_str).collect();
        let grants: Vec<_> = self.grants.iter().map(String::as_str).collect();
        let open = Open {
            user: self.user.as_deref(),
            tab: self.tab.as_deref(),
            topics: &topics,
            grants: &grants,
            last_event_id: self.last_event_id.as_deref(),
            expires_ms: self.expires_ms,
            lag: self.lag,
            comment_heartbeats: self.comment_heartbeats,
            encoding: self.encoding,
            preamble: &self.preamble,
        };
        hub.open(now, open)
    }
}
