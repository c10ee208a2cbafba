//! The second encoding of a class: for events that a WebSocket connection was sent, the message.
//!
//! It does not know who reads, nor what the log may hold. A message is made when the first such
//! connection is to be sent the event, kept with the event, counted with its frame, and goes with it.
//! Where nobody asks for it nothing is there.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

/// By sequence. Most come at the end and go from the front; those that readers make who come back are put
/// between, which moves what is on the shorter side of them: a log has an end, and so has that.
#[derive(Default)]
pub(crate) struct Texts(VecDeque<(u64, Box<[u8]>)>);

/// Bytes that a message takes beside itself: an entry, in a buffer that grows by doubling, and what the
/// allocator adds.
const ENTRY_BYTES: usize = 64;

/// What a message of so many bytes costs.
pub(crate) const fn text_bytes(len: usize) -> usize {
    len + ENTRY_BYTES
}

impl Texts {
    pub(crate) fn get(&self, sequence: u64) -> Option<&[u8]> {
        let place = self.find(sequence).ok()?;
        Some(&self.0[place].1)
    }

    /// What the message of an event costs; nothing where there is none.
    pub(crate) fn cost(&self, sequence: u64) -> usize {
        self.get(sequence).map_or(0, |text| text_bytes(text.len()))
    }

    /// The events that have one.
    pub(crate) fn sequences(&self) -> impl Iterator<Item = u64> {
        self.0.iter().map(|(sequence, _)| *sequence)
    }

    pub(crate) fn insert(&mut self, sequence: u64, text: Box<[u8]>) {
        let place = self.find(sequence);
        debug_assert!(place.is_err(), "a message is made once");
        if let Err(place) = place {
            self.0.insert(place, (sequence, text));
        }
    }

    pub(crate) fn remove(&mut self, sequence: u64) -> Option<Box<[u8]>> {
        let (_, text) = self.0.remove(self.find(sequence).ok()?)?;
        Some(text)
    }

    fn find(&self, sequence: u64) -> Result<usize, usize> {
        self.0
            .binary_search_by_key(&sequence, |(sequence, _)| *sequence)
    }
}
