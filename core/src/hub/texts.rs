//! The second encoding of a class: for events that a WebSocket connection was sent, the message.
//!
//! It does not know who reads, nor what the log may hold. A message is made when the first such
//! connection is to be sent the event, kept with the event, counted with its frame, and goes with it.
//! Where nobody asks for it nothing is there.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

/// By sequence, which may come in any order: readers of other topics make other messages, and those
/// that come back make older ones.
#[derive(Default)]
pub(crate) struct Texts(BTreeMap<u64, Box<[u8]>>);

/// Bytes that a message takes beside itself: an entry in an ordered map, with its share of the nodes.
const ENTRY_BYTES: usize = 64;

/// What a message of so many bytes costs.
pub(crate) const fn text_bytes(len: usize) -> usize {
    len + ENTRY_BYTES
}

impl Texts {
    pub(crate) fn get(&self, sequence: u64) -> Option<&[u8]> {
        self.0.get(&sequence).map(|text| &**text)
    }

    /// What the message of an event costs; nothing where there is none.
    pub(crate) fn cost(&self, sequence: u64) -> usize {
        self.get(sequence).map_or(0, |text| text_bytes(text.len()))
    }

    /// The events that have one.
    pub(crate) fn sequences(&self) -> impl Iterator<Item = u64> {
        self.0.keys().copied()
    }

    pub(crate) fn insert(&mut self, sequence: u64, text: Box<[u8]>) {
        let before = self.0.insert(sequence, text);
        debug_assert!(before.is_none(), "a message is made once");
    }

    pub(crate) fn remove(&mut self, sequence: u64) -> Option<Box<[u8]>> {
        self.0.remove(&sequence)
    }
}
