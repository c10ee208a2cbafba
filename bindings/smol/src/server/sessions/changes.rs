//! What tabs have changed about their topics, for as long as they may come back.
//!
//! It does not know what a stream may hear; whoever opens one says so.

use super::revoked::Full;
use std::collections::{BTreeMap, BTreeSet};
use tidings_core::ConnectionId;

/// Whose change it is: a user's tab, or the tab of someone without a user.
pub(in crate::server) type TabKey = (Option<Box<str>>, Box<str>);

pub(in crate::server) type Topics = BTreeSet<Box<str>>;

/// The changes that are kept.
pub(super) struct Changes {
    limit: usize,
    limit_bytes: usize,
    keep_ms: u64,
    tabs: BTreeMap<TabKey, Change>,
    /// Those without a stream, by when they are forgotten.
    ends: BTreeSet<(u64, TabKey)>,
    bytes: usize,
}

struct Change {
    /// What the tab asked for when its stream was opened.
    query: Topics,
    /// What it has since.
    topics: Topics,
    life: Life,
}

enum Life {
    /// The newest stream of the tab.
    Stream(ConnectionId),
    /// It has none, and is forgotten then.
    Until(u64),
}

impl Changes {
    pub(super) fn new(limit: usize, limit_bytes: usize, keep_ms: u64) -> Self {
        Self {
            limit,
            limit_bytes,
            keep_ms,
            tabs: BTreeMap::new(),
            ends: BTreeSet::new(),
            bytes: 0,
        }
    }

    /// The topics of a stream that asks for `query`: with what the tab added, as far as it is
    /// `allowed`, and without what it removed. None where it has changed nothing.
    pub(super) fn apply(
        &mut self,
        now_ms: u64,
        tab: &TabKey,
        query: &Topics,
        allowed: impl Fn(&str) -> bool,
    ) -> Option<Topics> {
        self.forget(now_ms);
        let change = self.tabs.get(tab)?;
        let is_removed =
            |topic: &str| change.query.contains(topic) && !change.topics.contains(topic);
        let added = change.topics.difference(&change.query);
        let mut topics: Topics = added.filter(|topic| allowed(topic)).cloned().collect();
        topics.extend(query.iter().filter(|topic| !is_removed(topic)).cloned());
        Some(topics)
    }

    /// The tab has a new stream.
    pub(super) fn opened(&mut self, tab: &TabKey, connection: ConnectionId) {
        if let Some(change) = self.tabs.get_mut(tab) {
            if let Life::Until(until_ms) = change.life {
                self.ends.remove(&(until_ms, tab.clone()));
            }
            change.life = Life::Stream(connection);
        }
    }

    /// A stream of the tab has closed. Where it was the newest, its change is kept from now on.
    pub(super) fn closed(&mut self, now_ms: u64, tab: &TabKey, connection: ConnectionId) {
        self.forget(now_ms);
        if let Some(change) = self.tabs.get_mut(tab)
            && matches!(change.life, Life::Stream(newest) if newest == connection)
        {
            let until_ms = now_ms.saturating_add(self.keep_ms);
            change.life = Life::Until(until_ms);
            self.ends.insert((until_ms, tab.clone()));
        }
    }

    /// Whether there is room to remember that the tab's stream goes from some topics to others.
    pub(super) fn check(
        &mut self,
        now_ms: u64,
        tab: &TabKey,
        before: &Topics,
        after: &Topics,
    ) -> Result<(), Full> {
        self.forget(now_ms);
        let held = self.tabs.get(tab);
        let (query, bytes) = held.map_or((before, 0), |held| (&held.query, held.bytes(tab)));
        if self.tabs.len() + usize::from(held.is_none()) > self.limit {
            return Err(Full);
        }
        let more = bytes_of(tab) + bytes_of_topics(query) + bytes_of_topics(after);
        if self.bytes - bytes + more > self.limit_bytes {
            return Err(Full);
        }
        Ok(())
    }

    /// Remembers it, now that it is so.
    pub(super) fn note(
        &mut self,
        tab: &TabKey,
        connection: ConnectionId,
        before: Topics,
        after: Topics,
    ) {
        let held = self.take(tab);
        let change = Change {
            query: held.map_or(before, |held| held.query),
            topics: after,
            life: Life::Stream(connection),
        };
        self.put(tab, change);
    }

    /// The tab came back with another query, and has these topics now.
    pub(super) fn rebase(&mut self, tab: &TabKey, query: Topics, topics: Topics) {
        if let Some(held) = self.take(tab) {
            let change = Change {
                query,
                topics,
                life: held.life,
            };
            if let Life::Until(until_ms) = change.life
                && change.query != change.topics
            {
                self.ends.insert((until_ms, tab.clone()));
            }
            self.put(tab, change);
        }
    }

    /// A change that is none any more is not kept.
    fn put(&mut self, tab: &TabKey, change: Change) {
        if change.query != change.topics {
            self.bytes += change.bytes(tab);
            self.tabs.insert(tab.clone(), change);
        }
    }

    fn take(&mut self, tab: &TabKey) -> Option<Change> {
        let change = self.tabs.remove(tab)?;
        self.bytes -= change.bytes(tab);
        if let Life::Until(until_ms) = change.life {
            self.ends.remove(&(until_ms, tab.clone()));
        }
        Some(change)
    }

    fn forget(&mut self, now_ms: u64) {
        while let Some((until_ms, tab)) = self.ends.first()
            && *until_ms <= now_ms
        {
            let tab = tab.clone();
            self.take(&tab);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.tabs.is_empty() && self.ends.is_empty() && self.bytes == 0
    }
}

impl Change {
    fn bytes(&self, tab: &TabKey) -> usize {
        bytes_of(tab) + bytes_of_topics(&self.query) + bytes_of_topics(&self.topics)
    }
}

/// About what it takes in memory: texts, and what holds them.
fn bytes_of((user, tab): &TabKey) -> usize {
    const EACH: usize = 256;
    EACH + 2 * (tab.len() + user.as_ref().map_or(0, |user| user.len()))
}

fn bytes_of_topics(topics: &Topics) -> usize {
    const EACH: usize = 40;
    topics.iter().map(|topic| EACH + topic.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tab(name: &str) -> TabKey {
        (Some("ada".into()), name.into())
    }

    fn topics(list: &str) -> Topics {
        let names = list.split_whitespace();
        names.map(Box::from).collect()
    }

    fn id(number: u64) -> ConnectionId {
        ConnectionId::from_u64(number)
    }

    fn change(changes: &mut Changes, connection: u64, before: &str, after: &str) {
        let (key, before, after) = (tab("1"), topics(before), topics(after));
        changes.check(0, &key, &before, &after).expect("room");
        changes.note(&key, id(connection), before, after);
    }

    fn apply(changes: &mut Changes, now: u64, query: &str) -> Option<Topics> {
        changes.apply(now, &tab("1"), &topics(query), |_| true)
    }

    #[test]
    fn a_change_is_applied_to_what_the_tab_asks_for_next() {
        let mut changes = Changes::new(10, 10_000, 300);
        change(&mut changes, 1, "a b", "b c");
        assert_eq!(apply(&mut changes, 0, "a b"), Some(topics("b c")));
        assert_eq!(apply(&mut changes, 0, "a d"), Some(topics("c d")));
        let narrow = changes.apply(0, &tab("1"), &topics("b"), |topic| topic != "c");
        assert_eq!(narrow, Some(topics("b")));
        let other = changes.apply(0, &tab("2"), &topics("a"), |_| true);
        assert_eq!(other, None);
    }

    #[test]
    fn it_is_kept_from_when_the_newest_stream_closes() {
        let mut changes = Changes::new(10, 10_000, 300);
        change(&mut changes, 1, "a", "b");
        changes.opened(&tab("1"), id(2));
        changes.closed(1_000, &tab("1"), id(1));
        assert!(apply(&mut changes, 9_000, "a").is_some());
        changes.closed(10_000, &tab("1"), id(2));
        assert!(apply(&mut changes, 10_299, "a").is_some());
        changes.opened(&tab("1"), id(3));
        changes.closed(20_000, &tab("1"), id(3));
        assert!(apply(&mut changes, 20_300, "a").is_none());
        assert!(changes.is_empty());
    }

    #[test]
    fn a_change_taken_back_is_forgotten() {
        let mut changes = Changes::new(10, 10_000, 300);
        change(&mut changes, 1, "a", "a b");
        change(&mut changes, 1, "a b", "a");
        assert!(changes.is_empty());
        change(&mut changes, 1, "a", "a b");
        changes.rebase(&tab("1"), topics("a b"), topics("a b"));
        assert!(changes.is_empty());
    }

    #[test]
    fn what_there_is_no_room_for_is_refused_not_forgotten() {
        let mut changes = Changes::new(1, 10_000, 300);
        change(&mut changes, 1, "a", "b");
        let (before, after) = (topics("a"), topics("b"));
        let refused = changes.check(0, &tab("2"), &before, &after);
        assert_eq!(refused, Err(Full));
        change(&mut changes, 1, "b", "b c");
        changes.closed(0, &tab("1"), id(1));
        assert_eq!(changes.check(300, &tab("2"), &before, &after), Ok(()));
        let mut changes = Changes::new(9, 400, 300);
        let long = topics(&"x".repeat(400));
        let refused = changes.check(0, &tab("1"), &before, &long);
        assert_eq!(refused, Err(Full));
    }

    #[derive(Clone, Debug)]
    enum Step {
        Open(u8, Topics),
        Close(u8),
        Change(u8, Topics),
        Wait(u64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let some = || prop::collection::btree_set("[a-d]".prop_map(Box::from), 0..4);
        let step = prop_oneof![
            (0..4_u8, some()).prop_map(|(tab, query)| Step::Open(tab, query)),
            (0..4_u8).prop_map(Step::Close),
            (0..4_u8, some()).prop_map(|(tab, topics)| Step::Change(tab, topics)),
            (0..400_u64).prop_map(Step::Wait),
        ];
        prop::collection::vec(step, 0..60)
    }

    proptest! {
        /// A tab that comes back in time with the same query has what it had, and in the end
        /// nothing is held.
        #[test]
        fn tabs_find_what_they_left(steps in steps()) {
            let mut changes = Changes::new(3, 100_000, 300);
            let (mut now, mut next) = (0, 0);
            // Of each tab: its stream, its query, its topics, and when it closed.
            let mut tabs: BTreeMap<u8, (u64, Topics, Topics, Option<u64>)> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Open(name, query) => {
                        let key = tab(&name.to_string());
                        next += 1;
                        let applied = changes.apply(now, &key, &query, |_| true);
                        if let Some((_, old, had, closed)) = tabs.get(&name)
                            && *old == query
                            && closed.is_none_or(|at| now < at + 300)
                        {
                            prop_assert_eq!(applied.as_ref().unwrap_or(&query), had);
                        }
                        let has = applied.unwrap_or_else(|| query.clone());
                        changes.opened(&key, id(next));
                        changes.rebase(&key, query.clone(), has.clone());
                        tabs.insert(name, (next, query, has, None));
                    }
                    Step::Close(name) => {
                        if let Some((stream, _, _, closed)) = tabs.get_mut(&name)
                            && closed.is_none()
                        {
                            *closed = Some(now);
                            changes.closed(now, &tab(&name.to_string()), id(*stream));
                        }
                    }
                    Step::Change(name, to) => {
                        if let Some((stream, _, has, None)) = tabs.get_mut(&name) {
                            let key = tab(&name.to_string());
                            if changes.check(now, &key, has, &to).is_ok() {
                                changes.note(&key, id(*stream), has.clone(), to.clone());
                                *has = to;
                            }
                        }
                    }
                    Step::Wait(ms) => now += ms,
                }
                prop_assert!(changes.tabs.len() <= 3 && changes.bytes <= 100_000);
            }
            for (name, (stream, ..)) in tabs {
                changes.closed(now, &tab(&name.to_string()), id(stream));
            }
            changes.forget(u64::MAX);
            prop_assert!(changes.is_empty());
        }
    }
}
