//! Which numbers readers are waiting to be offered: as long as one that is not blocked waits, the
//! log does not let the frame go.
//!
//! It does not know who waits.

use super::order::Numbers;

/// How many readers wait from each sequence on.
#[derive(Default)]
pub(crate) struct Waiting(Numbers);

impl Waiting {
    pub(crate) fn add(&mut self, sequence: u64, readers: usize) {
        if readers > 0 {
            *self.0.entry(sequence).or_default() += readers as u64;
        }
    }

    pub(crate) fn remove(&mut self, sequence: u64) {
        let Some(readers) = self.0.get_mut(&sequence) else {
            debug_assert!(false, "a reader that waits was counted");
            return;
        };
        *readers -= 1;
        if *readers == 0 {
            self.0.remove(&sequence);
        }
    }

    /// Frames from here on have still to be offered to someone.
    pub(crate) fn first(&self) -> Option<u64> {
        self.0.keys().next().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
