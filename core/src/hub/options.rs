//! Everything about a hub that can be set, with its default and the reason for it.
//!
//! It does not know how a limit is enforced.

use super::control::ControlOptions;
use super::names::{NameError, check_pattern};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What a hub is made with. Change what you need of the default.
///
/// ```
/// use tidings_core::{ClassOptions, HubOptions};
///
/// let options = HubOptions {
///     epoch: 0x5f3a_9c1b,
///     classes: vec![
///         ClassOptions { latest: true, ..ClassOptions::new(["prices/**"]) },
///         ClassOptions { events: 100_000, ..ClassOptions::new(["orders/**"]) },
///     ],
///     ..HubOptions::default()
/// };
/// assert!(options.validate().is_ok());
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct HubOptions {
    /// The life of this log. A hub whose history is gone needs another epoch than the one before,
    /// so that old cursors are known to be old: take random bits or the time. Default 1, which
    /// drivers take for nobody's choice, and replace: see [`is_epoch_chosen`](Self::is_epoch_chosen).
    pub epoch: u64,
    /// The number of this hub among several of one process, part of its connection ids. Default 0.
    pub shard: u8,
    /// For the spread of delays. Default 1; a driver passes random bits.
    pub seed: u64,
    /// The Unix time in milliseconds at `now = 0`. Token expiry is Unix time. Default 0.
    pub unix_ms_at_zero: u64,
    /// Retention by topic, first match wins. What none matches, and what is addressed without a
    /// topic, goes to a last class of defaults, which is always there.
    pub classes: Vec<ClassOptions>,
    /// The retention of that last class; its patterns are ignored.
    pub default_class: ClassOptions,
    /// What happens to a reader whose next event has left the log. Default `Gap`.
    pub lag: LagPolicy,
    /// Limits on what may come in.
    pub limits: Limits,
    /// Deadlines of connections.
    pub deadlines: Deadlines,
    /// Names of control events, and which are sent.
    pub control: ControlOptions,
}

/// The retention of the topics that match its patterns.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(
    feature = "serde",
    serde(default = "ClassOptions::of_nothing", deny_unknown_fields)
)]
pub struct ClassOptions {
    /// Patterns of topic names, `*` for one segment, `**` for any rest.
    pub topics: Vec<String>,
    /// Keep one value per topic, replaced in place, instead of a history. Default false.
    pub latest: bool,
    /// The most events kept (for `latest`: topics). Default 50,000: about as many small ones as
    /// `bytes` hold, so that a short stall in a fast feed loses nothing.
    pub events: usize,
    /// The most bytes kept, frames and index together, and the messages of events that WebSocket
    /// connections were sent: where these read everything, they take a little more than the frames.
    /// Default 16 MiB.
    pub bytes: usize,
    /// How long an event is kept, in milliseconds. Default none: until another limit.
    pub age_ms: Option<u64>,
    /// The most index records kept, those of trimmed events included: as far back a gap can be
    /// counted. Records of trimmed events never take more than a quarter of `bytes`. Default none:
    /// four times `events`.
    pub records: Option<usize>,
}

/// What happens to a live reader whose next event has left the log while it was blocked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum LagPolicy {
    /// It is told how many it missed, and goes on at the oldest event that is still there.
    #[default]
    Gap,
    /// It is closed with a `bye`; when it comes back with its cursor, it is told the gap.
    Close,
}

/// What to do with one connection too many.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
pub enum WhenFull {
    /// The new one is refused.
    #[default]
    Refuse,
    /// The oldest of that user is closed and told to stay away. Connections without a user are
    /// refused.
    ReplaceOldest,
}

/// Limits on what may come in. A value of 0 allows none.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Limits {
    /// Connections in total. Default 2^24, the most a hub can name; a driver sets what its
    /// descriptors allow.
    pub connections: usize,
    /// Connections of one user. Default 100: many tabs and devices, but not a loop.
    pub user_connections: usize,
    /// What happens at `user_connections`. Default `Refuse`.
    pub when_user_full: WhenFull,
    /// Topics and patterns of one connection. Default 1,000: all of them fit one URL or body.
    pub topics_per_connection: usize,
    /// Grants of one connection. Default 100: they come in a token.
    pub grants_per_connection: usize,
    /// Topics of one publish. Default 100.
    pub topics_per_publish: usize,
    /// Bytes of one topic, pattern, user or tab name. Default 256.
    pub name_bytes: usize,
    /// Bytes of a publisher's own event id. Default 256: it comes back in a header.
    pub id_bytes: usize,
    /// Bytes of one encoded event. Default 1 MiB.
    pub event_bytes: usize,
    /// Events a resume replays; what is beyond them is told as a gap. Default 10,000.
    pub replay_events: usize,
    /// Bytes a resume replays, likewise. Default 1 MiB: a client that needs more is better served
    /// by fetching the state.
    pub replay_bytes: usize,
    /// Bytes in all of frames that blocked readers are in the middle of while the log has dropped
    /// them. Beyond it such readers are cut. Default 4 MiB.
    pub rescue_bytes: usize,
}

/// Deadlines of connections, in milliseconds; `None` switches one off.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Deadlines {
    /// Deadlines are rounded up to a multiple of this, so that thousands fire in one wake, and a
    /// busy connection is moved at most once in it. Default 250.
    pub tick_ms: u64,
    /// A quiet stream is sent a heartbeat after this. Default 30 s: below the 60 s after which
    /// common proxies cut.
    pub heartbeat_ms: Option<u64>,
    /// A stream without an application event for so long is closed. Default off.
    pub idle_ms: Option<u64>,
    /// A stream as old as this is closed. Default off.
    pub age_ms: Option<u64>,
    /// A blocked socket that accepts no byte for so long is cut. Default 60 s.
    pub stall_ms: Option<u64>,
    /// How long before a token ends `reauth` is sent. Default 60 s.
    pub reauth_ms: u64,
    /// How long a closing stream may take to accept its last bytes. Default 5 s.
    pub linger_ms: u64,
    /// The `retry` of a `bye`, spread by half up and down, so that many do not come back at once.
    /// Default 2 s.
    pub retry_ms: u64,
}

/// Good for one life of a hub, such as a test's.
const DEFAULT_EPOCH: u64 = 1;

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            epoch: DEFAULT_EPOCH,
            shard: 0,
            seed: 1,
            unix_ms_at_zero: 0,
            classes: Vec::new(),
            default_class: ClassOptions::new(["**"]),
            lag: LagPolicy::default(),
            limits: Limits::default(),
            deadlines: Deadlines::default(),
            control: ControlOptions::default(),
        }
    }
}

impl ClassOptions {
    /// A class of defaults for these patterns.
    pub fn new<T: Into<String>>(topics: impl IntoIterator<Item = T>) -> Self {
        Self {
            topics: topics.into_iter().map(Into::into).collect(),
            latest: false,
            events: 50_000,
            bytes: 16 << 20,
            age_ms: None,
            records: None,
        }
    }

    /// What a class in a configuration has that does not say otherwise.
    #[cfg(feature = "serde")]
    fn of_nothing() -> Self {
        Self::new::<String>([])
    }

    pub(crate) fn record_limit(&self) -> usize {
        self.records
            .unwrap_or(self.events.saturating_mul(4))
            .max(self.events)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: super::id::MAX_CONNECTIONS,
            user_connections: 100,
            when_user_full: WhenFull::default(),
            topics_per_connection: 1_000,
            grants_per_connection: 100,
            topics_per_publish: 100,
            name_bytes: 256,
            id_bytes: 256,
            event_bytes: 1 << 20,
            replay_events: 10_000,
            replay_bytes: 1 << 20,
            rescue_bytes: 4 << 20,
        }
    }
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            tick_ms: 250,
            heartbeat_ms: Some(30_000),
            idle_ms: None,
            age_ms: None,
            stall_ms: Some(60_000),
            reauth_ms: 60_000,
            linger_ms: 5_000,
            retry_ms: 2_000,
        }
    }
}

/// The most classes of one hub, the last one included: a reader looks into each of them.
const MAX_CLASSES: usize = 16;

/// Room for the index record of the largest event: its topics, and an id of its own.
const INDEX_BYTES: usize = 8 << 10;

/// Places in a segment are 32-bit numbers.
pub(crate) const MAX_EVENT_BYTES: usize = 1 << 30;

/// An option that cannot be: which one, and what it takes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum OptionsError {
    /// More than 15 classes.
    TooManyClasses,
    /// A pattern of a class is none.
    ClassPattern {
        /// Position in `HubOptions::classes`.
        class: usize,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        error: NameError,
    },
    /// A class without room for an event: `events` is 0, or `bytes` is less than 8 KiB and
    /// twice `Limits::event_bytes`.
    ClassTooSmall {
        /// Position in `HubOptions::classes`; one beyond them is `default_class`.
        class: usize,
    },
    /// `default_class` is `latest`: events without a topic need a log.
    DefaultClassLatest,
    /// `Deadlines::tick_ms` or an interval is 0.
    ZeroInterval,
    /// Two control events have one name, or a name has a line break or is empty.
    ControlName,
    /// The JSON of a control event has a line break.
    ControlJson,
    /// `Limits::connections` is more than 2^24.
    TooManyConnections,
    /// `Limits::event_bytes` is more than 1 GiB.
    EventTooLarge,
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooManyClasses => write!(f, "at most {} classes", MAX_CLASSES - 1),
            Self::ClassPattern {
                class,
                pattern,
                error,
            } => {
                write!(f, "class {class}, pattern {pattern:?}: {error}")
            }
            Self::ClassTooSmall { class } => write!(
                f,
                "class {class} needs room for 1 event, and bytes for two of the largest size and 8 KiB"
            ),
            Self::DefaultClassLatest => f.write_str("the default class cannot be `latest`"),
            Self::ZeroInterval => {
                f.write_str("an interval must be at least 1 ms; switch a deadline off with none")
            }
            Self::ControlName => {
                f.write_str("control events need names that differ, without line breaks")
            }
            Self::ControlJson => f.write_str("the JSON of a control event must be one line"),
            Self::TooManyConnections => {
                write!(
                    f,
                    "a hub names at most {} connections",
                    super::id::MAX_CONNECTIONS
                )
            }
            Self::EventTooLarge => write!(f, "an event has at most {MAX_EVENT_BYTES} bytes"),
        }
    }
}

impl core::error::Error for OptionsError {}

impl HubOptions {
    /// Whether an epoch was chosen: neither 0 nor the default. A driver that left the default would let
    /// clients of a log that a restart has lost go on in the new one, as if nothing were missing.
    #[must_use]
    pub const fn is_epoch_chosen(&self) -> bool {
        self.epoch > DEFAULT_EPOCH
    }

    /// Whether a hub can be made with these.
    ///
    /// # Errors
    /// The first option that cannot be.
    pub fn validate(&self) -> Result<(), OptionsError> {
        if self.classes.len() >= MAX_CLASSES {
            return Err(OptionsError::TooManyClasses);
        }
        for (class, options) in self.all_classes().enumerate() {
            let least_bytes = self
                .limits
                .event_bytes
                .saturating_mul(2)
                .saturating_add(INDEX_BYTES);
            if options.events == 0 || options.bytes < least_bytes {
                return Err(OptionsError::ClassTooSmall { class });
            }
            for pattern in &options.topics {
                check_pattern(pattern, self.limits.name_bytes).map_err(|error| {
                    OptionsError::ClassPattern {
                        class,
                        pattern: pattern.clone(),
                        error,
                    }
                })?;
            }
        }
        if self.default_class.latest {
            return Err(OptionsError::DefaultClassLatest);
        }
        if self.limits.connections > super::id::MAX_CONNECTIONS {
            return Err(OptionsError::TooManyConnections);
        }
        if self.limits.event_bytes > MAX_EVENT_BYTES {
            return Err(OptionsError::EventTooLarge);
        }
        let deadlines = &self.deadlines;
        let intervals = [
            deadlines.heartbeat_ms,
            deadlines.idle_ms,
            deadlines.age_ms,
            deadlines.stall_ms,
        ];
        if deadlines.tick_ms == 0 || intervals.contains(&Some(0)) {
            return Err(OptionsError::ZeroInterval);
        }
        self.control.validate()
    }

    /// The classes in order of their match, the default last.
    pub(crate) fn all_classes(&self) -> impl Iterator<Item = &ClassOptions> {
        self.classes.iter().chain([&self.default_class])
    }
}
