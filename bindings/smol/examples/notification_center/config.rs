//! What can be configured, in a file of JSON; what it leaves out has its default.
//!
//! It does not know what is done with it.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Times are in milliseconds.
#[derive(Clone, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Config {
    /// The file of the database.
    #[serde(skip_serializing)]
    pub(crate) database: PathBuf,
    /// How often a quiet stream says that it is alive.
    pub(crate) heartbeat_interval: u64,
    /// A stream on which nothing happens for so long is closed; a page that is looked at comes back.
    pub(crate) idle_timeout: u64,
    /// How long a page waits before its first attempt to reconnect.
    pub(crate) initial_reconnect_delay: u64,
    /// How long it waits at most.
    pub(crate) max_reconnect_delay: u64,
    /// How much longer it waits after each attempt.
    pub(crate) reconnect_backoff_multiplier: f64,
    /// Attempts in a row after which a page says that it has failed.
    pub(crate) max_reconnect_attempts: u32,
    /// How long a session lasts.
    pub(crate) session_lifetime: u64,
    /// Further users to try it with, `guest-1` and so on, whose password is `guest`.
    #[serde(skip_serializing)]
    pub(crate) guests: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            database: std::env::temp_dir().join("notification_center.redb"),
            heartbeat_interval: 30_000,
            idle_timeout: 300_000,
            initial_reconnect_delay: 1_000,
            max_reconnect_delay: 30_000,
            reconnect_backoff_multiplier: 2.0,
            max_reconnect_attempts: 10,
            session_lifetime: 86_400_000,
            guests: 0,
        }
    }
}
