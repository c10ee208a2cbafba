//! The topics of a hub: who subscribes to each, what was published to it, which patterns match it.
//!
//! A record lives while it has a subscriber or a number in the index; of the topics that are gone
//! the hub remembers only how far back they may have lost something. It does not know connections.

use super::lane::Lane;
use super::loss::Loss;
use super::patterns::{PatternId, Patterns};
use super::record::TopicId;
use super::table::Table;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Bound;

pub(crate) struct Topic {
    /// Slots of the connections that subscribe to it by name.
    pub(crate) subscribers: Vec<u32>,
    pub(crate) lane: Lane,
    /// The patterns that match it, in order of their numbers, as of `patterns_version`.
    patterns: Vec<PatternId>,
    patterns_version: u64,
}

pub(crate) struct Topics {
    table: Table<Arc<str>, Topic>,
    /// What a topic without a record may have lost.
    forgotten: Loss,
}

impl Topics {
    pub(crate) const fn new() -> Self {
        Self {
            table: Table::new(),
            forgotten: Loss::NONE,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn find(&self, name: &str) -> Option<TopicId> {
        self.table.find(name)
    }

    /// Those whose names are in this range, by name.
    pub(crate) fn range<'a>(
        &'a self,
        names: (Bound<&str>, Bound<&str>),
    ) -> impl Iterator<Item = (&'a str, TopicId)> {
        let found = self.table.range(names);
        found.map(|(name, topic)| (&**name, topic))
    }

    pub(crate) fn name(&self, topic: TopicId) -> &Arc<str> {
        self.table.key(topic)
    }

    pub(crate) fn get(&self, topic: TopicId) -> &Topic {
        &self.table[topic]
    }

    pub(crate) fn get_mut(&mut self, topic: TopicId) -> &mut Topic {
        &mut self.table[topic]
    }

    /// The number of a topic, new where it has no record.
    pub(crate) fn intern(&mut self, name: &str) -> TopicId {
        if let Some(topic) = self.table.find(name) {
            return topic;
        }
        let record = Topic {
            subscribers: Vec::new(),
            lane: Lane::after(self.forgotten),
            patterns: Vec::new(),
            patterns_version: 0,
        };
        self.table.insert(name.into(), record)
    }

    /// Forgets the topic if nothing needs it.
    pub(crate) fn release(&mut self, topic: TopicId) {
        let record = &self.table[topic];
        if record.subscribers.is_empty() && record.lane.is_empty() {
            self.forgotten.merge(record.lane.dropped);
            self.table.remove(topic);
        }
    }

    /// The patterns that match the topic.
    pub(crate) fn patterns(&mut self, topic: TopicId, patterns: &Patterns) -> &[PatternId] {
        self.refresh(topic, patterns);
        &self.table[topic].patterns
    }

    /// Sees to it that the topic knows its patterns.
    pub(crate) fn refresh(&mut self, topic: TopicId, patterns: &Patterns) {
        if self.table[topic].patterns_version != patterns.version {
            let matches = patterns.matches(self.table.key(topic));
            let record = &mut self.table[topic];
            record.patterns = matches;
            record.patterns_version = patterns.version;
        }
    }
}

impl Topic {
    /// The patterns that match it, as of the last refresh.
    pub(crate) fn patterns(&self) -> &[PatternId] {
        &self.patterns
    }
}
