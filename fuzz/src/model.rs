//! The naive model of a hub: every event ever published, every connection ever opened, and laws.
//!
//! It does not know an index: whatever it is asked, it walks through all events and compares text.
//! Nor does it count bytes as the hub does: what the public face shows (how much each class holds,
//! how far a connection was served) it takes over once the laws allow it.

mod addressing;
mod bytes;
mod connection;
mod control;
mod deadlines;
mod event;
mod ids;
mod lifecycle;
mod names;
mod offer;
mod open;
mod publish;
mod reading;
mod retention;
mod subscribe;
mod taken;
mod tally;
mod walk;

pub use connection::{Connection, Phase};
pub use event::{Event, State};
pub use offer::Offer;
pub use open::Asked;
pub use publish::Outcome;
pub use retention::Cause;

use std::collections::BTreeMap;
use tally::Tally;
use tidings_core::{ClassStats, ConnectionId, HubOptions, pattern_matches};

/// A tab: of a user, or of a browser without one.
pub type Tab = (Option<String>, String);

/// What a hub must be like after all that happened to it.
pub struct Model {
    options: HubOptions,
    now: u64,
    unix_ms_at_zero: u64,
    head: u64,
    assigned: u64,
    draining: bool,
    /// All of them, in order of their numbers.
    events: Vec<Event>,
    /// For each class, the place before which none of its events has a record: nothing but a
    /// shorter way to the same.
    oldest: Vec<usize>,
    /// How many records were dropped with nothing in their place.
    drops: usize,
    /// All of them, in the order they were opened.
    connections: Vec<Connection>,
    /// What each class held when it was last looked at.
    held: Vec<ClassStats>,
    /// When each tab last closed an older stream, and whether the hub must still know.
    superseded: BTreeMap<Tab, (u64, bool)>,
    /// Publishers' own ids that are remembered, and the numbers they stand for.
    own_ids: BTreeMap<String, u64>,
    tally: Tally,
    /// What has come about, and how often: to see that the cases reach everything.
    reached: BTreeMap<&'static str, usize>,
}

impl Model {
    /// The model of a hub just made with these options.
    #[must_use]
    pub fn new(options: &HubOptions) -> Self {
        Self {
            now: 0,
            unix_ms_at_zero: options.unix_ms_at_zero,
            head: 0,
            assigned: 0,
            draining: false,
            events: Vec::new(),
            oldest: vec![0; options.classes.len() + 1],
            drops: 0,
            connections: Vec::new(),
            held: vec![ClassStats::default(); options.classes.len() + 1],
            superseded: BTreeMap::new(),
            own_ids: BTreeMap::new(),
            tally: Tally::default(),
            reached: BTreeMap::new(),
            options: options.clone(),
        }
    }

    /// Every connection that was ever opened, in that order.
    #[must_use]
    pub fn connections(&self) -> &[Connection] {
        &self.connections
    }

    /// The place of a connection among all that were ever opened.
    #[must_use]
    pub fn find(&self, id: ConnectionId) -> Option<usize> {
        self.connections.iter().position(|one| one.id == id)
    }

    /// The last number of the log.
    #[must_use]
    pub const fn head(&self) -> u64 {
        self.head
    }

    /// Whether the hub is being drained.
    #[must_use]
    pub const fn is_draining(&self) -> bool {
        self.draining
    }

    /// What has come about, and how often.
    #[must_use]
    pub const fn reached(&self) -> &BTreeMap<&'static str, usize> {
        &self.reached
    }

    fn reach(&mut self, what: &'static str) {
        *self.reached.entry(what).or_default() += 1;
    }

    /// Time has passed.
    pub const fn advance(&mut self, now: u64) {
        self.now = now;
    }

    /// The Unix time, in milliseconds.
    #[must_use]
    pub const fn unix_ms(&self) -> u64 {
        self.unix_ms_at_zero.saturating_add(self.now)
    }

    /// The Unix clock was set.
    pub const fn set_unix_ms(&mut self, unix_ms: u64) {
        self.unix_ms_at_zero = unix_ms.saturating_sub(self.now);
    }

    /// The end of the log has moved on.
    pub fn skip(&mut self, through: u64) {
        self.head = self.head.max(through);
        self.assigned = self.assigned.max(through);
    }

    /// Numbers were given out.
    pub fn assign(&mut self, through: u64) {
        self.assigned = self.assigned.max(through);
    }

    /// The most bytes of one encoded event.
    #[must_use]
    pub const fn event_bytes(&self) -> usize {
        self.options.limits.event_bytes
    }

    /// The name of a control event, by number.
    #[must_use]
    pub fn control_name(&self, number: usize) -> String {
        let control = &self.options.control;
        let names = [
            &control.connected,
            &control.heartbeat,
            &control.gap,
            &control.reauth,
            &control.bye,
        ];
        names[number % names.len()].name.clone()
    }

    /// Whether a `bye` does not say why.
    #[must_use]
    pub const fn has_silent_bye(&self) -> bool {
        let bye = &self.options.control.bye;
        !bye.enabled || bye.json.is_some()
    }

    /// Whether the connection is to be sent anything, as far as its socket takes it.
    #[must_use]
    pub fn has_something(&self, key: usize) -> bool {
        let connection = &self.connections[key];
        let control = &self.options.control;
        let owed = connection.owed.connected
            || connection.owed.heartbeat
            || connection.owed.reauth && control.reauth.enabled
            || !connection.preamble.is_empty()
            || connection.rest.is_some();
        let closing = connection.phase != Phase::Live;
        !self.is_mute(key) && (owed || closing || !self.is_caught_up(connection))
    }

    /// The events from a number on.
    fn events_after(&self, sequence: u64) -> &[Event] {
        let first = self
            .events
            .partition_point(|event| event.sequence <= sequence);
        &self.events[first..]
    }

    /// The places of the events of a class that have a record, oldest first.
    fn recorded(&self, class: usize) -> impl Iterator<Item = usize> {
        let events = self.events.iter().enumerate().skip(self.oldest[class]);
        let recorded = events.filter(move |(_, event)| event.class == class && event.has_record());
        recorded.map(|(place, _)| place)
    }

    /// All that have a record.
    fn all_recorded(&self) -> impl Iterator<Item = &Event> {
        let first = self.oldest.iter().min().copied().unwrap_or(0);
        self.events[first..]
            .iter()
            .filter(|event| event.has_record())
    }

    /// The class that a topic belongs to.
    fn class_of_topic(&self, topic: &str) -> usize {
        let classes = &self.options.classes;
        let takes = |pattern: &String| pattern_matches(pattern, topic);
        classes
            .iter()
            .position(|class| class.topics.iter().any(takes))
            .unwrap_or(classes.len())
    }

    fn class(&self, class: usize) -> &tidings_core::ClassOptions {
        self.options
            .classes
            .get(class)
            .unwrap_or(&self.options.default_class)
    }

    fn open_connections(&self) -> impl Iterator<Item = (usize, &Connection)> {
        self.connections
            .iter()
            .enumerate()
            .filter(|(_, one)| one.phase.is_open())
    }
}
