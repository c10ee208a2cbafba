//! The hub: publishes go in, bytes for many streams come out.
//!
//! [`Hub`] holds the log, the connections and their deadlines. It does not know sockets, clocks or
//! threads: a driver tells it what happened (`handle_…`), asks it what to do (`poll_…`), and moves
//! the bytes it offers. Each part has a file of its own below.

mod audience;
mod change;
mod class;
mod close;
mod connections;
mod control;
mod cursor;
mod encoding;
mod heartbeat;
mod id;
mod ids;
mod json;
mod lane;
mod latest;
mod links;
mod list;
mod log;
mod loss;
mod message;
mod names;
mod open;
mod options;
mod order;
mod output;
mod patterns;
mod plan;
mod poll;
mod publish;
mod pull;
mod queues;
mod record;
mod retention;
mod room;
mod rules;
mod search;
mod slab;
mod stats;
mod subscribe;
mod subscriptions;
mod table;
mod texts;
mod timers;
mod topics;
mod transmit;
mod users;
mod waiting;

pub use control::{ControlEvent, ControlOptions};
pub use cursor::{Cursor, CursorError};
pub use encoding::Encoding;
pub use id::{ConnectionId, ConnectionIdError};
pub use message::{Audience, Message, Publish};
pub use names::{NameError, pattern_matches};
pub use open::{Open, OpenError};
pub use options::{ClassOptions, Deadlines, HubOptions, LagPolicy, Limits, OptionsError, WhenFull};
pub use output::{CloseReason, Gap, GapReason, Output};
pub use plan::MAX_SLICES;
pub use publish::Published;
pub use rules::{PublishError, Rules, STAY_AWAY};
pub use stats::{ClassStats, Stats, TopicStats};
pub use subscribe::SubscribeError;
pub use transmit::{Consumed, NotTransmitted, Transmit};

use crate::random::Random;
use alloc::collections::BTreeSet;
use alloc::string::String;
use class::Classes;
use connections::Connections;
use heartbeat::LastHeartbeat;
pub(crate) use ids::Ids;
use lane::Lane;
use loss::Loss;
use order::Order;
use patterns::Patterns;
use plan::Plan;
use queues::Queues;
use record::TopicId;
use timers::Timers;
use topics::Topics;
use users::{Tabs, Users};
use waiting::Waiting;

/// A hub of Server-Sent Events: one bounded log, and connections that are cursors into it.
///
/// The methods come in four kinds. **Nouns** read: [`stats`](Self::stats), [`cursor`](Self::cursor).
/// **Verbs** are what the application wants: [`open`](Self::open), [`subscribe`](Self::subscribe),
/// [`publish`](Self::publish), [`close`](Self::close), [`drain`](Self::drain). **`handle_…`** says
/// what the world did: a socket can be written again, a peer went away, a deadline has come.
/// **`poll_…`** says what the driver must do, and when to come back. Time is always an argument:
/// milliseconds of any monotonic clock, never going back.
///
/// After any call, drain [`poll_output`](Self::poll_output); whenever the time of
/// [`poll_timeout`](Self::poll_timeout) has come, call [`handle_timeout`](Self::handle_timeout).
///
/// ```
/// use tidings_core::{Audience, Event, Hub, HubOptions, Open, Output, Publish};
///
/// let mut hub = Hub::new(HubOptions::default())?;
/// let now = 0;
/// let reader = hub.open(now, Open { topics: &["news"], ..Open::default() })?;
/// hub.publish(now, &Publish::to(Audience::Topic("news"), Event::message("hello")))?;
///
/// let mut socket = Vec::new();
/// while let Some(output) = hub.poll_output() {
///     if let Output::Ready(connection) = output
///         && let Some(transmit) = hub.transmit(now, connection)
///     {
///         let taken = transmit.len();
///         transmit.slices().for_each(|slice| socket.extend_from_slice(slice));
///         hub.consume(now, connection, taken)?;
///     }
/// }
/// let text = String::from_utf8(socket)?;
/// assert!(text.starts_with("id: 1~0\nevent: connected\ndata: {"));
/// assert!(text.ends_with("id: 1~1\ndata: hello\n\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Hub {
    rules: Rules,
    options: HubOptions,
    random: Random,
    /// The last number of the log.
    head: u64,
    /// The last number given out, here or by whoever numbers for several hubs.
    assigned: u64,
    connections: Connections,
    topics: Topics,
    patterns: Patterns,
    users: Users,
    tabs: Tabs,
    classes: Classes,
    ids: Ids,
    /// What was addressed to everyone, and to single connections.
    everyone: Lane,
    direct: Lane,
    /// The records that were dropped, of any class; and those of them addressed to topics.
    dropped: Loss,
    topics_dropped: Loss,
    queues: Queues,
    waiting: Waiting,
    timers: Timers,
    heartbeat: LastHeartbeat,
    /// Connections in the middle of a frame or a message, by where that stands.
    partials: Order,
    /// Bytes owed to connections that are in no log any more.
    tail_bytes: usize,
    plan: Plan,
    /// Whose plan may be consumed.
    transmitted: Option<ConnectionId>,
    id_line: String,
    draining: bool,
    stats: Stats,
}

impl Hub {
    /// A hub with an empty log.
    ///
    /// # Errors
    /// An option that cannot be.
    pub fn new(options: HubOptions) -> Result<Self, OptionsError> {
        Ok(Self {
            rules: Rules::new(&options)?,
            random: Random::new(options.seed),
            head: 0,
            assigned: 0,
            connections: Connections::new(options.shard),
            topics: Topics::new(),
            patterns: Patterns::new(),
            users: Users::new(),
            tabs: Tabs::new(),
            classes: Classes::new(&options),
            ids: Ids::default(),
            everyone: Lane::default(),
            direct: Lane::default(),
            dropped: Loss::NONE,
            topics_dropped: Loss::NONE,
            queues: Queues::new(),
            waiting: Waiting::default(),
            timers: Timers::new(&options.deadlines, options.unix_ms_at_zero),
            heartbeat: LastHeartbeat::default(),
            partials: Order::new(),
            tail_bytes: 0,
            plan: Plan::default(),
            transmitted: None,
            id_line: String::new(),
            draining: false,
            stats: Stats::default(),
            options,
        })
    }

    /// The rules that publishes to this hub must keep, to check and encode elsewhere.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The end of the log: the position to store with a snapshot of the application's state, so
    /// that a reader that starts there gets every later event.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor::new(self.options.epoch, self.head)
    }

    /// How many connections are open, those included that are about to close.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// How many users have a connection.
    #[must_use]
    pub const fn users(&self) -> usize {
        self.users.online
    }

    /// Counts of what the hub has done and holds.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let mut stats = self.stats;
        stats.connections = self.connections.len();
        stats.users = self.users.online;
        stats.topics = self.topics.len();
        for (_, log) in self.classes.iter() {
            stats.log_events += log.usage().events;
            stats.log_bytes += log.usage().bytes();
        }
        stats
    }

    /// What each class holds, in the order of `HubOptions::classes`, the default class last.
    pub fn classes(&self) -> impl Iterator<Item = ClassStats> {
        self.classes.iter().map(|(_, log)| ClassStats {
            events: log.usage().events,
            records: log.usage().records(),
            bytes: log.usage().bytes(),
            first: log.first_retained(),
        })
    }

    /// The position of a connection: everything addressed to it up to there has been taken by its
    /// socket, at least in part, or was told as a gap or is about to be. None where it is closed.
    #[must_use]
    pub fn position(&self, connection: ConnectionId) -> Option<Cursor> {
        let connection = self.connections.at(self.recipient(connection)?);
        Some(self.cursor_at(connection.position(self.head)))
    }

    /// Where a connection stands that is owed nothing: its socket has taken all that was for it, so a
    /// client that comes back with this misses nothing and gets nothing twice. None where something
    /// is still to be sent, or the connection is closed.
    #[must_use]
    pub fn caught_up(&self, connection: ConnectionId) -> Option<Cursor> {
        let connection = self.connections.at(self.recipient(connection)?);
        let position = connection.position(self.head);
        (!connection.has_output()).then(|| self.cursor_at(position))
    }

    /// Whether the connection is open.
    #[must_use]
    pub fn is_open(&self, connection: ConnectionId) -> bool {
        self.connections.find(connection).is_some()
    }

    /// Whether the hub is being drained, and takes neither connections nor publishes.
    #[must_use]
    pub const fn is_draining(&self) -> bool {
        self.draining
    }

    /// Sets the Unix time, in milliseconds, that it is at `now`. Token expiry goes by it.
    pub fn set_unix_ms(&mut self, now: u64, unix_ms: u64) {
        self.timers.unix_ms_at_zero = unix_ms.saturating_sub(now);
    }

    /// Takes other limits for what comes from now on: on connections, in total and of users, on their
    /// topics and grants, and on replays. What is open stays open. The limits on publishes and on
    /// names stay as they were, since everyone who has the [`Rules`] goes by them.
    pub fn set_limits(&mut self, limits: &Limits) {
        let now = &mut self.options.limits;
        *now = Limits {
            connections: limits.connections.min(id::MAX_CONNECTIONS),
            topics_per_publish: now.topics_per_publish,
            name_bytes: now.name_bytes,
            id_bytes: now.id_bytes,
            event_bytes: now.event_bytes,
            rescue_bytes: now.rescue_bytes,
            ..limits.clone()
        };
    }

    /// Whether nothing is left but the log: with no connection open, no index holds a trace of one,
    /// and topics, users, tabs and ids are there only for events in the index. A hub that says no
    /// after its last connection has leaked something.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.connections.len() == 0
            && self.patterns.len() == 0
            && self.users.online == 0
            && self.waiting.is_empty()
            && self.timers.is_empty()
            && self.partials.is_empty()
            && self.tail_bytes == 0
            && !self.classes.iter().any(|(_, log)| log.has_stray_text())
            && self.names_are_of_records()
    }

    /// Whether, with no connection open, the names that are held are those in index records.
    fn names_are_of_records(&self) -> bool {
        let (mut topics, mut users) = (BTreeSet::<TopicId>::new(), BTreeSet::new());
        let (mut tabs, mut ids) = (BTreeSet::new(), BTreeSet::new());
        for record in self.classes.iter().flat_map(|(_, log)| log.records()) {
            topics.extend(record.reach.topics().iter().copied());
            users.extend(record.reach.user());
            tabs.extend(record.except().and_then(|except| except.tab));
            ids.extend(record.id());
        }
        users.extend(tabs.iter().filter_map(|tab| self.tabs.user(*tab)));
        topics.len() == self.topics.len()
            && users.len() == self.users.len()
            && tabs.len() == self.tabs.len()
            && ids.len() == self.ids.len()
    }
}
