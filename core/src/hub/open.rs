//! Opening streams: who may, where each begins, and which older stream it takes the place of.
//!
//! It does not know how the application found out who is asking.

use super::Hub;
use super::connections::{CAUGHT_UP, Connection, Due, Missing, Phase, Queue, Rare, Replay};
use super::cursor::Cursor;
use super::encoding::Encoding;
use super::id::ConnectionId;
use super::links::{LISTS, Link};
use super::names::{NameError, check_pattern, check_text};
use super::options::{LagPolicy, WhenFull};
use super::output::{CloseReason, GapReason};
use super::record::{TabId, UserId};
use super::rules::{EARLIEST, STAY_AWAY};
use super::subscriptions::Subscriptions;
use super::timers::Timer;
use alloc::boxed::Box;
use core::fmt;

/// Who opens a stream, for what, and from where.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open<'a> {
    /// The authenticated user, if there is one.
    pub user: Option<&'a str>,
    /// The tab or device, so that a newer stream of it closes the older. Within the user; without
    /// a user it is a secret of at least 16 bytes.
    pub tab: Option<&'a str>,
    /// Topics and patterns. None is fine: users and everyone can still be addressed.
    pub topics: &'a [&'a str],
    /// Names and patterns of the topics whose private events it may get.
    pub grants: &'a [&'a str],
    /// The last event id, as a client sends it: a cursor, a publisher's own id, or `earliest`.
    /// Without it, or empty, the stream starts at the end of the log.
    pub last_event_id: Option<&'a str>,
    /// When its token ends, Unix time in milliseconds.
    pub expires_ms: Option<u64>,
    /// What happens when it lags; none for the hub's own policy.
    pub lag: Option<LagPolicy>,
    /// Send heartbeats as comments; as pings, over WebSocket.
    pub comment_heartbeats: bool,
    /// How its events are written.
    pub encoding: Encoding,
    /// Bytes to send before all else, such as the head of an HTTP response.
    pub preamble: &'a [u8],
}

/// Why a stream cannot be opened. The hub is as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// Another stream has taken the place of the one that the client resumes: it is to stay away
    /// (HTTP 204, after which an `EventSource` does not come back).
    StayAway,
    /// The hub is being drained.
    Draining,
    /// As many connections as the hub takes.
    TooManyConnections {
        /// `Limits::connections`.
        limit: usize,
    },
    /// As many connections as a user may have.
    TooManyUserConnections {
        /// `Limits::user_connections`.
        limit: usize,
    },
    /// The tab closed an older stream less than a second ago.
    SupersededTooSoon {
        /// Milliseconds after which it may again.
        retry_ms: u64,
    },
    /// More topics than a connection may have.
    TooManyTopics {
        /// `Limits::topics_per_connection`.
        limit: usize,
    },
    /// More grants than a connection may have.
    TooManyGrants {
        /// `Limits::grants_per_connection`.
        limit: usize,
    },
    /// A topic is neither name nor pattern.
    Topic {
        /// Which, counted from 0.
        index: usize,
        /// What is wrong with it.
        error: NameError,
    },
    /// A grant is neither name nor pattern.
    Grant {
        /// Which, counted from 0.
        index: usize,
        /// What is wrong with it.
        error: NameError,
    },
    /// The user is no name.
    User(NameError),
    /// The tab is no name.
    Tab(NameError),
    /// A tab without a user has less than 16 bytes: others could guess it and close the stream.
    TabTooShort,
    /// The token has ended.
    Expired,
    /// The preamble is longer than what may be owed.
    PreambleTooLong {
        /// 4,096: it waits in memory until the first write.
        limit: usize,
    },
}

impl OpenError {
    /// The name in JSON, C and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::StayAway => "stay_away",
            Self::Draining => "draining",
            Self::TooManyConnections { .. } => "too_many_connections",
            Self::TooManyUserConnections { .. } => "too_many_user_connections",
            Self::SupersededTooSoon { .. } => "superseded_too_soon",
            Self::TooManyTopics { .. } => "too_many_topics",
            Self::TooManyGrants { .. } => "too_many_grants",
            Self::Topic { .. } => "invalid_topic",
            Self::Grant { .. } => "invalid_grant",
            Self::User(_) => "invalid_user",
            Self::Tab(_) | Self::TabTooShort => "invalid_tab",
            Self::Expired => "expired",
            Self::PreambleTooLong { .. } => "preamble_too_long",
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StayAway => f.write_str("another stream took the place of this one"),
            Self::Draining => f.write_str("the hub is being drained; come back later"),
            Self::TooManyConnections { limit } => write!(f, "the hub has its {limit} connections"),
            Self::TooManyUserConnections { limit } => {
                write!(f, "the user has its {limit} connections; close one")
            }
            Self::SupersededTooSoon { retry_ms } => {
                write!(
                    f,
                    "this tab opened a stream just now; come back in {retry_ms} ms"
                )
            }
            Self::TooManyTopics { limit } => write!(f, "at most {limit} topics on a connection"),
            Self::TooManyGrants { limit } => write!(f, "at most {limit} grants on a connection"),
            Self::Topic { index, error } => write!(f, "topic {index}: {error}"),
            Self::Grant { index, error } => write!(f, "grant {index}: {error}"),
            Self::User(error) => write!(f, "user: {error}"),
            Self::Tab(error) => write!(f, "tab: {error}"),
            Self::TabTooShort => {
                write!(
                    f,
                    "a tab without a user needs {ANONYMOUS_TAB_BYTES} random bytes or more"
                )
            }
            Self::Expired => f.write_str("the token has ended"),
            Self::PreambleTooLong { limit } => write!(f, "the preamble is over {limit} bytes"),
        }
    }
}

impl core::error::Error for OpenError {}

/// Long enough that nobody guesses another's.
const ANONYMOUS_TAB_BYTES: usize = 16;

/// Enough for the head of a response with some cookies.
const PREAMBLE_BYTES: usize = 4_096;

/// A tab closes older streams of its own no more often than this: two tabs with one id, as after
/// "duplicate tab", would otherwise close each other as fast as they can connect.
const SUPERSEDE_INTERVAL_MS: u64 = 1_000;

/// Where a stream begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Start {
    Head,
    After { sequence: u64, latest: Option<u64> },
    Earliest,
    Unknown,
}

impl Hub {
    /// Opens a stream. It is live at once; its first bytes can be pulled.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(&mut self, now: u64, open: Open<'_>) -> Result<ConnectionId, OpenError> {
        if self.draining {
            return Err(OpenError::Draining);
        }
        let start = self.start(open.last_event_id.unwrap_or_default())?;
        self.check_open(now, &open)?;
        let older = self.superseded_by(now, &open)?;
        let replaced = self.check_limits(open.user, older)?;
        if let Some(index) = older {
            self.leave(now, index, CloseReason::Superseded);
        }
        if let Some(index) = replaced {
            self.leave(now, index, CloseReason::Replaced);
        }
        let index = self.admit(now, &open, start, older.is_some());
        self.stats.opened += 1;
        self.queues.push(&mut self.connections, index);
        Ok(self.connections.id(index))
    }

    /// What the last event id of a client means.
    fn start(&self, id: &str) -> Result<Start, OpenError> {
        if id.is_empty() {
            return Ok(Start::Head);
        }
        if id.ends_with(STAY_AWAY) {
            return Err(OpenError::StayAway);
        }
        if id == EARLIEST {
            return Ok(Start::Earliest);
        }
        if let Ok(Cursor {
            epoch,
            sequence,
            latest,
        }) = id.parse()
        {
            let known = epoch == self.options.epoch && sequence <= self.assigned;
            // In the middle of opening values nothing after these was served: what has not arrived
            // yet is for the client, be it a value.
            let sequence = latest.map_or(sequence, |_| sequence.min(self.head));
            return Ok(if known {
                Start::After { sequence, latest }
            } else {
                Start::Unknown
            });
        }
        let own = self.ids.find(id);
        Ok(own.map_or(Start::Unknown, |sequence| Start::After {
            sequence,
            latest: None,
        }))
    }

    fn check_open(&self, now: u64, open: &Open<'_>) -> Result<(), OpenError> {
        let limits = &self.options.limits;
        let name_bytes = limits.name_bytes;
        if let Some(user) = open.user {
            check_text(user, name_bytes).map_err(OpenError::User)?;
        }
        if let Some(tab) = open.tab {
            check_text(tab, name_bytes).map_err(OpenError::Tab)?;
            if open.user.is_none() && tab.len() < ANONYMOUS_TAB_BYTES {
                return Err(OpenError::TabTooShort);
            }
        }
        if open.topics.len() > limits.topics_per_connection {
            return Err(OpenError::TooManyTopics {
                limit: limits.topics_per_connection,
            });
        }
        if open.grants.len() > limits.grants_per_connection {
            return Err(OpenError::TooManyGrants {
                limit: limits.grants_per_connection,
            });
        }
        for (index, topic) in open.topics.iter().enumerate() {
            check_pattern(topic, name_bytes).map_err(|error| OpenError::Topic { index, error })?;
        }
        for (index, grant) in open.grants.iter().enumerate() {
            check_pattern(grant, name_bytes).map_err(|error| OpenError::Grant { index, error })?;
        }
        if open
            .expires_ms
            .is_some_and(|expires_ms| expires_ms <= self.timers.unix_ms(now))
        {
            return Err(OpenError::Expired);
        }
        if open.preamble.len() > PREAMBLE_BYTES {
            return Err(OpenError::PreambleTooLong {
                limit: PREAMBLE_BYTES,
            });
        }
        Ok(())
    }

    /// The live connection of the same tab.
    fn superseded_by(&mut self, now: u64, open: &Open<'_>) -> Result<Option<u32>, OpenError> {
        let Some(name) = open.tab else {
            return Ok(None);
        };
        let user = match open.user.map(|user| self.users.find(user)) {
            None => None,
            Some(Some(user)) => Some(user),
            Some(None) => return Ok(None),
        };
        let Some(tab) = self.tabs.find(user, name) else {
            return Ok(None);
        };
        let tab = self.tabs.get_mut(tab);
        let again_ms = tab.superseded_ms.map_or(0, |at| at + SUPERSEDE_INTERVAL_MS);
        match tab.connection {
            Some(_) if again_ms > now => Err(OpenError::SupersededTooSoon {
                retry_ms: again_ms - now,
            }),
            older => Ok(older),
        }
    }

    /// The connection that has to go so that the new one may come, beside the one it supersedes.
    fn check_limits(
        &self,
        user: Option<&str>,
        older: Option<u32>,
    ) -> Result<Option<u32>, OpenError> {
        let limits = &self.options.limits;
        let leaving = usize::from(older.is_some());
        let count = self.connections.len() - leaving;
        if count >= limits.connections || self.connections.is_full() {
            return Err(OpenError::TooManyConnections {
                limit: limits.connections,
            });
        }
        let Some(name) = user else { return Ok(None) };
        let user = self.users.find(name).map(|user| self.users.get(user));
        if user.map_or(0, |user| user.count as usize) - leaving < limits.user_connections {
            return Ok(None);
        }
        let oldest = user.and_then(|user| user.connections.first());
        match (
            limits.when_user_full,
            oldest.filter(|oldest| Some(*oldest) != older),
        ) {
            (WhenFull::ReplaceOldest, Some(oldest)) => Ok(Some(oldest)),
            _ => Err(OpenError::TooManyUserConnections {
                limit: limits.user_connections,
            }),
        }
    }

    /// Puts the connection into its slot and into every index.
    fn admit(&mut self, now: u64, open: &Open<'_>, start: Start, supersedes: bool) -> u32 {
        let user = open.user.map(|user| self.users.intern(user));
        let tab = open
            .tab
            .map(|tab| self.tabs.intern(user, tab, &mut self.users));
        let connection = self.new_connection(open, start, user, tab);
        let index = self.connections.insert(connection).index();
        if self.connections.at(index).is_waiting() {
            self.waiting.add(self.connections.at(index).next, 1);
        }
        if let Some(user) = user {
            self.users.add(user, &mut self.connections, index);
        }
        if let Some(tab) = tab {
            self.tabs.retain(tab);
            let record = self.tabs.get_mut(tab);
            record.connection = Some(index);
            if supersedes {
                record.superseded_ms = Some(now);
            }
        }
        self.subscribe_all(index, open.topics);
        self.grant(index, open.grants);
        for timer in [Timer::Heartbeat, Timer::Idle, Timer::Age] {
            self.timers.touch(&mut self.connections, index, timer, now);
        }
        self.set_expiry(index, open.expires_ms);
        index
    }

    fn new_connection(
        &self,
        open: &Open<'_>,
        start: Start,
        user: Option<UserId>,
        tab: Option<TabId>,
    ) -> Connection {
        let mut rare = Rare {
            preamble: open.preamble.to_vec(),
            ..Rare::default()
        };
        let (next, floor) = self.begin(start, &mut rare);
        let resuming = next != CAUGHT_UP;
        if resuming {
            rare.replay = Some(Replay {
                events: self.options.limits.replay_events,
                bytes: self.options.limits.replay_bytes,
                skip_through: None,
            });
        }
        let mut connection = Connection {
            phase: Phase::Live,
            lag: open.lag.unwrap_or(self.options.lag),
            queue: Queue::None,
            due: Due {
                connected: true,
                ..Due::default()
            },
            blocked: false,
            resuming,
            catching_up: resuming,
            comments: open.comment_heartbeats,
            encoding: open.encoding,
            user,
            tab,
            direct: 0,
            next,
            floor,
            matched: 0,
            expires_ms: u64::MAX,
            links: [Link::new(); LISTS],
            deadlines: [0; 4],
            subscriptions: Subscriptions::with_capacity(open.topics.len()),
            rare: Some(Box::new(rare)),
        };
        connection.tidy();
        connection
    }

    /// Where the walk begins, and up to where nothing is for the connection.
    fn begin(&self, start: Start, rare: &mut Rare) -> (u64, u64) {
        let after = |sequence| {
            if sequence < self.head {
                sequence + 1
            } else {
                CAUGHT_UP
            }
        };
        let has_values = self
            .classes
            .iter()
            .any(|(_, log)| log.is_latest() && !log.is_empty());
        match start {
            Start::Head => {
                rare.opening = has_values.then_some(1);
                (CAUGHT_UP, self.head)
            }
            Start::After { sequence, latest } => {
                rare.opening = latest.filter(|_| has_values).map(|latest| latest + 1);
                (after(sequence), sequence)
            }
            Start::Earliest | Start::Unknown => {
                rare.excused = self
                    .classes
                    .iter()
                    .map(|(_, log)| log.trimmed_through().unwrap_or(0))
                    .collect();
                rare.told_losses = self.dropped.count();
                if start == Start::Unknown {
                    let (reason, from) = (GapReason::UnknownCursor, None);
                    rare.missing = Some(Missing {
                        events: None,
                        from,
                        reason,
                        direct: 0,
                    });
                }
                let first = self
                    .classes
                    .iter()
                    .filter_map(|(_, log)| log.first_retained())
                    .min();
                (first.unwrap_or(CAUGHT_UP), 0)
            }
        }
    }
}
