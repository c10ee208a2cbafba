//! What was found in a chunk, packed: an array of numbers and one string.
//!
//! It does not know who found it. `src/records.js` is the other end.
//!
//! The numbers: how many numbers there are, how far the chunk is used up, and then for each item two
//! numbers: flags in the lowest four bits and above them where its data ends in the string, and where
//! it begins. As the flags say, there follow where the id begins and ends; where the type begins and
//! ends (of an event whose type is not that of the one before, which at first is `message`); the lower
//! and upper half of a retry.
//!
//! Of a chunk that is ASCII the string begins with a copy, in which most texts stand already.

use crate::bytes;
use crate::text::{Text, Units};
use std::ops::Range;
use tidings::{TIDINGS_EVENT_RETRY, TIDINGS_OFF, tidings_item, tidings_item_kind::*, tidings_str};

const HAS_ID: u32 = 1;
const HAS_EVENT: u32 = 2;
const HAS_RETRY: u32 = 4;
/// A retry, or a comment in the place of data.
const OTHER: u32 = 8;
const FLAG_BITS: u32 = 4;

/// The numbers at the start.
const HEAD: usize = 2;

/// The most that one item takes.
const ITEM: usize = 8;

/// The least that the array has to hold.
pub(crate) const LEAST: usize = HEAD + ITEM;

/// How much of a chunk is packed at a time: an event that is kept keeps all of its string.
const MOST_INPUT_BYTES: usize = 16 << 10;

/// More than this is in a string only after an event that is larger than the input, and therefore the
/// first: no other is to keep that one.
const FULL_UNITS: usize = 2 * MOST_INPUT_BYTES;

/// The largest event that can be asked for. Places in the string fit their bits.
const MOST_EVENT_BYTES: u64 = 128 << 20;

const _: () = assert!((MOST_INPUT_BYTES as u64 + MOST_EVENT_BYTES) >> (u32::BITS - FLAG_BITS) == 0);

/// A limit on events, not over what can be asked for.
pub(crate) fn event_bytes(wanted: u64) -> u64 {
    match wanted {
        TIDINGS_OFF => TIDINGS_OFF,
        bytes => bytes.min(MOST_EVENT_BYTES),
    }
}

#[derive(Default)]
pub(crate) struct Records {
    numbers: Vec<u32>,
    text: Text,
    /// The type of the event before, if it is not `message`.
    event: Vec<u8>,
    is_named: bool,
    capacity: usize,
    /// Where in memory the chunk is that the string begins with, if it does.
    input: Range<usize>,
}

impl Records {
    /// Begins with room for so many numbers, and with as much of the input as is packed at a time.
    #[inline]
    pub(crate) fn begin<'i>(&mut self, capacity: usize, input: &'i [u8]) -> &'i [u8] {
        let input = &input[..input.len().min(MOST_INPUT_BYTES)];
        self.numbers.clear();
        self.numbers.extend([0; HEAD]);
        self.is_named = false;
        self.capacity = capacity;
        self.text.clear();
        self.input = 0..0;
        if input.is_ascii() {
            self.text.push(input);
            self.input = input.as_ptr().addr()..input.as_ptr().addr() + input.len();
        }
        input
    }

    /// Whether there is room for another item.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.numbers.len() + ITEM <= self.capacity && self.text.len() <= FULL_UNITS
    }

    /// Ends with so many bytes used up, of a chunk from this place on.
    pub(crate) fn end(&mut self, start: u64, taken: usize) {
        self.numbers[0] = self.numbers.len() as u32;
        self.numbers[1] = start as u32 + taken as u32;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.numbers.len() == HEAD
    }

    pub(crate) fn numbers(&self) -> &[u32] {
        &self.numbers
    }

    pub(crate) fn units(&self) -> Units<'_> {
        self.text.units()
    }

    /// Packs an item. Its texts have to be there still: nothing was called since on what found it.
    #[inline]
    pub(crate) fn push(&mut self, item: &tidings_item) {
        let flags = self.flags(item);
        let [start, end] = self.put(&item.event.data);
        self.numbers
            .extend_from_slice(&[end << FLAG_BITS | flags, start]);
        if flags != 0 {
            self.push_more(item, flags);
        }
    }

    /// What an item has beside data.
    #[inline]
    fn flags(&self, item: &tidings_item) -> u32 {
        let mut flags = 0;
        if item.kind != TIDINGS_ITEM_EVENT as u32 {
            flags |= OTHER;
        } else if !self.is_same(&item.event.event) {
            flags |= HAS_EVENT;
        }
        if !item.event.id.data.is_null() {
            flags |= HAS_ID;
        }
        if item.event.flags & TIDINGS_EVENT_RETRY != 0 {
            flags |= HAS_RETRY;
        }
        flags
    }

    /// Whether a type is that of the event before.
    #[inline]
    fn is_same(&self, event: &tidings_str) -> bool {
        // SAFETY: see `push`.
        let event = unsafe { bytes(event) };
        // Mostly there is none, and a constant is compared fast.
        if self.is_named {
            event == self.event
        } else {
            event == MESSAGE
        }
    }

    #[inline(never)]
    fn push_more(&mut self, item: &tidings_item, flags: u32) {
        if flags & HAS_ID != 0 {
            let place = self.put(&item.event.id);
            self.numbers.extend_from_slice(&place);
        }
        if flags & HAS_EVENT != 0 {
            // SAFETY: see `push`.
            let event = unsafe { bytes(&item.event.event) };
            self.is_named = event != MESSAGE;
            self.event.clear();
            self.event.extend_from_slice(event);
            let place = self.put(&item.event.event);
            self.numbers.extend_from_slice(&place);
        }
        if flags & HAS_RETRY != 0 {
            let ms = item.event.retry_ms;
            self.numbers
                .extend_from_slice(&[ms as u32, (ms >> 32) as u32]);
        }
    }

    /// Where a text stands in the string, now at the latest.
    #[inline]
    fn put(&mut self, text: &tidings_str) -> [u32; 2] {
        let addr = text.data.addr();
        if self.input.contains(&addr) {
            let start = addr - self.input.start;
            return [start as u32, (start + text.len) as u32];
        }
        self.append(text)
    }

    #[inline(never)]
    fn append(&mut self, text: &tidings_str) -> [u32; 2] {
        let start = self.text.len();
        // SAFETY: see `push`.
        self.text.push(unsafe { bytes(text) });
        [start as u32, self.text.len() as u32]
    }
}

const MESSAGE: &[u8] = b"message";
