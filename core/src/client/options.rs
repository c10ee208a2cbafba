//! Everything about a client that can be set, with its default and the reason for it.
//!
//! It does not know how a limit is enforced.

use crate::decode::DecodeOptions;
use alloc::string::String;

/// How a [`Client`](crate::Client) works. All times are in milliseconds.
///
/// ```
/// use tidings_core::ClientOptions;
///
/// # let seed_from_the_system = 7;
/// let options = ClientOptions {
///     resilient: true,
///     max_attempts: Some(20),
///     ..ClientOptions::new(seed_from_the_system)
/// };
/// assert_eq!(options.retry_ms, 1_000);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(default = "ClientOptions::unseeded", deny_unknown_fields)
)]
pub struct ClientOptions {
    /// Where the jitter of the delays comes from. Give each client another: those of one seed
    /// would all come back at the same moment. It has no place in a configuration, and is 0 in what
    /// is read from one.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub seed: u64,
    /// The first delay before a reconnect, until the server sets another with `retry`. Default
    /// 1 s: soon enough that a restarted server is hardly missed.
    pub retry_ms: u64,
    /// What doubling the delay leads up to, unless the server asks for more. Default 30 s: a
    /// server that is down for long is hardly burdened, and found again within half a minute.
    pub max_delay_ms: u64,
    /// What no delay is shorter than, whatever the server says. Default 100 ms: a `retry: 0` must
    /// not make the client spin.
    pub min_delay_ms: u64,
    /// How long a connection has to be open to count as a success, if no event comes. Default
    /// 10 s: a server that takes connections only to drop them is not one that works.
    pub settled_ms: u64,
    /// How many attempts in a row may fail before the client does. Default `None`, no limit, as
    /// the standard has it.
    pub max_attempts: Option<u32>,
    /// How long to wait for a response. Default 30 s: three lost packets in the handshake cost 15.
    pub connect_timeout_ms: Option<u64>,
    /// How long a connection may be silent, comments and heartbeats counted, before it is taken
    /// for dead. Default 90 s: three heartbeats of a server that sends one every 30 s. `None` for
    /// servers that may have nothing to say for longer.
    pub idle_timeout_ms: Option<u64>,
    /// The type of the event with which a server ends a stream and says when to come back: the
    /// `retry` in it is kept exactly, since it is the server's way to spread its clients. Default
    /// `bye`; empty for none.
    pub bye_event: String,
    /// Whether to try again after a wrong status or content type, or an event over the limit.
    /// Default no, as the standard has it. A 204 ends it for good either way.
    pub resilient: bool,
    /// The limits of decoding. Comments are never handed out by a client.
    pub decode: DecodeOptions,
}

impl ClientOptions {
    /// What a configuration has that does not say otherwise.
    #[cfg(feature = "serde")]
    fn unseeded() -> Self {
        Self::new(0)
    }

    /// The defaults, with this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        ClientOptions {
            seed,
            retry_ms: 1_000,
            max_delay_ms: 30_000,
            min_delay_ms: 100,
            settled_ms: 10_000,
            max_attempts: None,
            connect_timeout_ms: Some(30_000),
            idle_timeout_ms: Some(90_000),
            bye_event: String::from("bye"),
            resilient: false,
            decode: DecodeOptions::default(),
        }
    }
}
