//! The publishers' own event ids that the log remembers, and the numbers they stand for.
//!
//! It does not know records: whoever drops one takes its id out here.

use super::message::Message;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

#[derive(Debug, Default)]
pub(crate) struct Ids(BTreeMap<Arc<str>, u64>);

/// The number of an event, and whether it had it already.
#[derive(Clone, Copy)]
pub(crate) struct Numbered {
    pub(crate) sequence: u64,
    pub(crate) duplicate: bool,
}

impl Ids {
    /// Numbers events from `first` on, but for those that are known by their id, or have one that
    /// stands before them in the list.
    pub(crate) fn number(&self, first: u64, messages: &[Message]) -> Vec<Numbered> {
        let (mut next, mut here) = (first, BTreeMap::new());
        let numbered = messages.iter().map(|message| {
            let known = message
                .id()
                .and_then(|id| here.get(id).copied().or_else(|| self.find(id)));
            if let Some(sequence) = known {
                return Numbered {
                    sequence,
                    duplicate: true,
                };
            }
            let sequence = next;
            here.extend(message.id().map(|id| (id, sequence)));
            next += 1;
            Numbered {
                sequence,
                duplicate: false,
            }
        });
        numbered.collect()
    }

    pub(crate) fn find(&self, id: &str) -> Option<u64> {
        self.0.get(id).copied()
    }

    pub(crate) fn insert(&mut self, id: Arc<str>, sequence: u64) {
        self.0.insert(id, sequence);
    }

    /// Forgets the id, unless it was given to a later event.
    pub(crate) fn remove(&mut self, id: &str, sequence: u64) {
        if self.find(id) == Some(sequence) {
            self.0.remove(id);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}
