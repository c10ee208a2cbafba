//! The sequence list of one destination: which numbers in the log were addressed to it.
//!
//! A lane does not know which log holds a number, nor whether the frame still exists. It lets a
//! reader of few topics skip the rest of the log, and remembers how far its past is lost.

use super::loss::Loss;
use alloc::collections::VecDeque;

/// Bytes that one number in a lane costs, counted with the index record it belongs to.
pub(crate) const LANE_ENTRY_BYTES: usize = size_of::<u64>();

/// A short lane that empties and fills again keeps its memory.
const KEPT_CAPACITY: usize = 16;

pub(crate) struct Lane {
    sequences: VecDeque<u64>,
    /// Numbers that left the index with nothing in their place: they cannot be counted.
    pub(crate) dropped: Loss,
}

impl Lane {
    pub(crate) const fn new() -> Self {
        Self::after(Loss::NONE)
    }

    /// A lane that may have lost as much.
    pub(crate) const fn after(dropped: Loss) -> Self {
        Self {
            sequences: VecDeque::new(),
            dropped,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sequences.is_empty()
    }

    pub(crate) fn push(&mut self, sequence: u64) {
        debug_assert!(self.sequences.back().is_none_or(|last| *last < sequence));
        self.sequences.push_back(sequence);
    }

    /// Takes a number out, and notes what the lane has lost by it. Nearly always it is the first:
    /// only where logs of different retention share a topic does another come before it.
    pub(crate) fn remove(&mut self, sequence: u64, loss: Loss) {
        self.dropped.merge(loss);
        if self.sequences.front() == Some(&sequence) {
            self.sequences.pop_front();
        } else if let Ok(place) = self.sequences.binary_search(&sequence) {
            self.sequences.remove(place);
        }
        let (len, capacity) = (self.sequences.len(), self.sequences.capacity());
        if capacity > KEPT_CAPACITY && len * 4 < capacity {
            self.sequences.shrink_to((len * 2).max(KEPT_CAPACITY));
        }
    }

    /// Where the first number from `sequence` on stands.
    pub(crate) fn place_from(&self, sequence: u64) -> usize {
        self.sequences.partition_point(|number| *number < sequence)
    }

    /// How many numbers there are from `sequence` on.
    pub(crate) fn count_from(&self, sequence: u64) -> usize {
        self.sequences.len() - self.place_from(sequence)
    }

    /// The number that stands there.
    pub(crate) fn at(&self, place: usize) -> Option<u64> {
        self.sequences.get(place).copied()
    }
}

impl Default for Lane {
    fn default() -> Self {
        Self::new()
    }
}
