//! The patterns in use, and which of them match a topic: a tree by segments.
//!
//! It does not know topics: they keep the answer and ask again when `version` has changed.

use super::table::Table;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::str::Split;

/// Number of a pattern that someone subscribes to or is granted.
pub(crate) type PatternId = u32;

#[derive(Default)]
pub(crate) struct Pattern {
    /// Slots of the connections that subscribe to it.
    pub(crate) subscribers: Vec<u32>,
    /// How many connections hold it as a grant.
    pub(crate) grants: u32,
}

pub(crate) struct Patterns {
    table: Table<Arc<str>, Pattern>,
    root: Node,
    /// Changes whenever a pattern comes or goes.
    pub(crate) version: u64,
}

/// What may follow a common beginning.
#[derive(Default)]
struct Node {
    literal: BTreeMap<Box<str>, Self>,
    star: Option<Box<Self>>,
    /// The pattern that ends here.
    end: Option<PatternId>,
    /// The pattern that goes on with `**`.
    rest: Option<PatternId>,
}

impl Patterns {
    pub(crate) fn new() -> Self {
        Self {
            table: Table::new(),
            root: Node::default(),
            version: 1,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn find(&self, pattern: &str) -> Option<PatternId> {
        self.table.find(pattern)
    }

    pub(crate) fn text(&self, id: PatternId) -> &Arc<str> {
        self.table.key(id)
    }

    pub(crate) fn get(&self, id: PatternId) -> &Pattern {
        &self.table[id]
    }

    pub(crate) fn get_mut(&mut self, id: PatternId) -> &mut Pattern {
        &mut self.table[id]
    }

    /// The number of `pattern`, new where nobody uses it yet.
    pub(crate) fn intern(&mut self, pattern: &str) -> PatternId {
        if let Some(id) = self.table.find(pattern) {
            return id;
        }
        let id = self.table.insert(pattern.into(), Pattern::default());
        *self.root.slot(pattern) = Some(id);
        self.version += 1;
        id
    }

    /// Forgets the pattern if nobody uses it.
    pub(crate) fn release(&mut self, id: PatternId) {
        let pattern = &self.table[id];
        if pattern.subscribers.is_empty() && pattern.grants == 0 {
            let (text, _) = self.table.remove(id).expect("the pattern was just read");
            self.root.remove(text.split('/'));
            self.version += 1;
        }
    }

    /// The patterns that match the topic `name`, in order of their numbers.
    pub(crate) fn matches(&self, name: &str) -> Vec<PatternId> {
        let mut found = Vec::new();
        self.root.collect(name.split('/'), &mut found);
        found.sort_unstable();
        found
    }
}

impl Node {
    /// Where the number of `pattern` stands, with all that leads there.
    fn slot(&mut self, pattern: &str) -> &mut Option<PatternId> {
        let mut node = self;
        for segment in pattern.split('/') {
            node = match segment {
                "**" => return &mut node.rest,
                "*" => node.star.get_or_insert_default(),
                literal => node.literal.entry(literal.into()).or_default(),
            };
        }
        &mut node.end
    }

    fn remove(&mut self, mut segments: Split<'_, char>) {
        match segments.next() {
            None => self.end = None,
            Some("**") => self.rest = None,
            Some("*") => {
                if let Some(mut star) = self.star.take() {
                    star.remove(segments);
                    self.star = (!star.is_empty()).then_some(star);
                }
            }
            Some(literal) => {
                if let Some(node) = self.literal.get_mut(literal) {
                    node.remove(segments);
                    if node.is_empty() {
                        self.literal.remove(literal);
                    }
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.literal.is_empty() && self.star.is_none() && self.end.is_none() && self.rest.is_none()
    }

    fn collect(&self, mut segments: Split<'_, char>, found: &mut Vec<PatternId>) {
        let Some(segment) = segments.next() else {
            found.extend(self.end);
            return;
        };
        found.extend(self.rest);
        if let Some(star) = &self.star {
            star.collect(segments.clone(), found);
        }
        if let Some(node) = self.literal.get(segment) {
            node.collect(segments, found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::names::pattern_matches;
    use super::*;
    use proptest::prelude::*;
    use std::string::String;

    fn name() -> impl Strategy<Value = String> {
        proptest::collection::vec("[ab]?", 1..4).prop_map(|segments| segments.join("/"))
    }

    fn pattern() -> impl Strategy<Value = String> {
        let segments = proptest::collection::vec(prop_oneof!["[ab]?", Just("*".into())], 1..4);
        (segments, any::<bool>()).prop_map(|(mut segments, rest)| {
            if rest {
                segments.push("**".into());
            }
            segments.join("/")
        })
    }

    proptest! {
        #[test]
        fn the_tree_finds_what_matching_one_by_one_finds(
            patterns in proptest::collection::vec(pattern(), 0..12),
            gone in proptest::collection::vec(any::<bool>(), 12),
            name in name(),
        ) {
            let mut tree = Patterns::new();
            for pattern in &patterns {
                let id = tree.intern(pattern);
                tree.get_mut(id).grants = 1;
            }
            for (pattern, _) in patterns.iter().zip(&gone).filter(|(_, gone)| **gone) {
                if let Some(id) = tree.find(pattern) {
                    tree.get_mut(id).grants = 0;
                    tree.release(id);
                }
            }
            let found = tree.matches(&name);
            for pattern in &patterns {
                let id = tree.find(pattern);
                prop_assert_eq!(
                    id.is_some_and(|id| found.contains(&id)),
                    id.is_some() && pattern_matches(pattern, &name),
                    "{} on {}", pattern, name
                );
            }
            for pattern in &patterns {
                if let Some(id) = tree.find(pattern) {
                    tree.get_mut(id).grants = 0;
                    tree.release(id);
                }
            }
            prop_assert!(tree.root.is_empty() && tree.len() == 0);
        }
    }
}
