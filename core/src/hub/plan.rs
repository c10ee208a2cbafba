//! What one connection is about to be sent: pieces of the log and of what is its own, in order, and
//! what each piece means once the socket has taken it.
//!
//! It does not know how the pieces were found (`pull`) nor what their meaning does (`transmit`).

use super::class::{ClassId, Classes, Place};
use super::connections::{CAUGHT_UP, Missing, Replay};
use super::cursor::Cursor;
use super::encoding::{Encoding, write_text};
use super::options::MAX_EVENT_BYTES;
use super::output::GapReason;
use super::record::TopicId;
use crate::Event;
use crate::decode::{self, DecodeOptions, Decoder};
use alloc::boxed::Box;
use alloc::string::ToString as _;
use alloc::vec::Vec;

/// The most bytes of one pull, unless its first event alone is longer.
pub(crate) const MAX_BYTES: usize = 64 << 10;

/// The most slices that [`Transmit::slices`](super::Transmit::slices) yields: what one vectored write takes anywhere.
pub const MAX_SLICES: usize = 64;

/// What the scratch buffer keeps: a pull of messages, and control events around them, in a buffer
/// that grows by doubling.
const KEPT_BYTES: usize = 2 * MAX_BYTES;

pub(crate) struct Plan {
    /// The slot of the connection.
    pub(crate) index: u32,
    pub(crate) items: Vec<Item>,
    /// Where control events are written, and messages.
    pub(crate) scratch: Vec<u8>,
    /// Messages in it that may be kept with their events.
    pub(crate) made: Vec<Made>,
    /// Reads the frames that messages are made of.
    decoder: Decoder,
    pub(crate) bytes: usize,
    /// How many slices the items make, neighbours in memory joined.
    slices: usize,
    /// What the walk found, which holds once every byte is taken.
    pub(crate) outcome: Outcome,
    /// Connections that stand here are sent the same, as long as the logs do not change.
    pub(crate) shared: Option<Standing>,
}

/// Where a connection stands that has one topic by name, and is owed nothing but events.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Standing {
    pub(crate) topic: TopicId,
    pub(crate) next: u64,
    pub(crate) encoding: Encoding,
}

/// A message that was made for this plan.
pub(crate) struct Made {
    pub(crate) class: ClassId,
    pub(crate) sequence: u64,
    /// Where in the scratch buffer it stands.
    pub(crate) start: usize,
    pub(crate) len: usize,
}

/// One piece, which the socket takes wholly or in part.
pub(crate) struct Item {
    pub(crate) source: Source,
    pub(crate) len: usize,
    pub(crate) effect: Effect,
}

/// Where the bytes of a piece stand.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// In the scratch buffer, from this place on.
    Scratch(usize),
    /// In a frame, from so many bytes in.
    Frame(Place, usize),
}

/// What it means that a piece was taken.
pub(crate) enum Effect {
    /// Bytes that the driver put before all else.
    Preamble,
    /// The rest of a control event, or of a frame that the log dropped.
    Tail,
    /// The rest of a frame.
    Partial,
    Connected,
    /// One of the values that open a stream.
    Opening {
        sequence: u64,
    },
    Event {
        sequence: u64,
        direct: bool,
    },
    /// Boxed, since it is rare, and would make every item twice as large.
    Gap(Box<ToldGap>),
    Reauth,
    Heartbeat,
    Bye,
}

/// What a connection is told that it missed.
pub(crate) struct ToldGap {
    /// Everything up to here is told.
    pub(crate) through: u64,
    pub(crate) missing: Missing,
    pub(crate) told_losses: u64,
}

/// Where a walk through the log ended.
#[derive(Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) next: u64,
    pub(crate) opening: Option<u64>,
    pub(crate) missing: Option<Missing>,
    pub(crate) replay: Option<Replay>,
}

impl Plan {
    pub(crate) fn clear(&mut self, index: u32) {
        self.index = index;
        self.items.clear();
        self.scratch.clear();
        self.made.clear();
        // What one unusual connection needed is given back.
        if self.scratch.capacity() > KEPT_BYTES {
            self.scratch = Vec::new();
        }
        (self.bytes, self.slices) = (0, 0);
        self.outcome = Outcome::default();
        self.shared = None;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether a frame of so many bytes may come in addition, with a control event on either side.
    pub(crate) fn has_room(&self, len: usize) -> bool {
        self.bytes == 0 || self.bytes + len <= MAX_BYTES && self.slices + 3 <= MAX_SLICES
    }

    /// Writes the message of an event, whose frame this is, to the scratch buffer, under its own id
    /// or another. It is not sent yet. Returns where it stands, and its length.
    pub(crate) fn write_text(
        &mut self,
        frame: &[u8],
        id: Option<Cursor>,
        topic: Option<&str>,
    ) -> (usize, usize) {
        let start = self.scratch.len();
        let id = id.map(|id| id.to_string());
        let mut rest = frame;
        while let Ok(Some(item)) = self.decoder.decode(&mut rest) {
            if let decode::Item::Event(event) = item {
                let id = id.as_deref().map_or(event.id, str::as_bytes);
                write_text(&Event { id, ..event }, topic, &mut self.scratch);
            }
        }
        debug_assert!(self.scratch.len() > start, "a frame is one event");
        (start, self.scratch.len() - start)
    }

    /// Copies bytes to the scratch buffer. They are not sent yet. Returns where they stand.
    pub(crate) fn write_copy(&mut self, bytes: &[u8]) -> usize {
        let start = self.scratch.len();
        self.scratch.extend_from_slice(bytes);
        start
    }

    /// Takes back what was written last to the scratch buffer, from this place on.
    pub(crate) fn unwrite(&mut self, start: usize) {
        self.scratch.truncate(start);
    }

    /// Bytes of the scratch buffer.
    pub(crate) fn written(&self, start: usize, len: usize) -> &[u8] {
        &self.scratch[start..][..len]
    }

    pub(crate) fn push(&mut self, source: Source, len: usize, effect: Effect) {
        let item = Item {
            source,
            len,
            effect,
        };
        if !self
            .items
            .last()
            .is_some_and(|last| last.is_followed_by(&item))
        {
            self.slices += 1;
        }
        self.items.push(item);
        self.bytes += len;
    }

    /// Adds what `write` writes to the scratch buffer; false where it writes nothing.
    pub(crate) fn push_written(
        &mut self,
        effect: Effect,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        self.insert_written(self.items.len(), effect, write)
    }

    /// The same, before the items from `place` on.
    pub(crate) fn insert_written(
        &mut self,
        place: usize,
        effect: Effect,
        write: impl FnOnce(&mut Vec<u8>),
    ) -> bool {
        let start = self.scratch.len();
        write(&mut self.scratch);
        let len = self.scratch.len() - start;
        if len > 0 {
            self.items.insert(
                place,
                Item {
                    source: Source::Scratch(start),
                    len,
                    effect,
                },
            );
            self.bytes += len;
            self.slices += 1;
        }
        len > 0
    }

    /// The bytes, in the order in which they are to be sent: at most [`MAX_SLICES`] slices.
    pub(crate) fn slices<'a>(&'a self, classes: &'a Classes) -> impl Iterator<Item = &'a [u8]> {
        self.items
            .chunk_by(Item::is_followed_by)
            .filter_map(|items| {
                let len = items.iter().map(|item| item.len).sum();
                Some(self.bytes_from(items.first()?.source, len, classes))
            })
    }

    /// What is left of an item when the socket took only its first `taken` bytes.
    pub(crate) fn rest<'a>(&'a self, item: &Item, taken: usize) -> &'a [u8] {
        match item.source {
            Source::Scratch(start) => &self.scratch[start + taken..start + item.len],
            Source::Frame(..) => &[],
        }
    }

    fn bytes_from<'a>(&'a self, source: Source, len: usize, classes: &'a Classes) -> &'a [u8] {
        match source {
            Source::Scratch(start) => &self.scratch[start..][..len],
            Source::Frame(place, skip) => classes.bytes_from(place, skip, len),
        }
    }
}

impl Default for Plan {
    fn default() -> Self {
        // Every frame of the log may be read again.
        let decoder = Decoder::new(DecodeOptions {
            event_bytes: 2 * MAX_EVENT_BYTES,
            ..DecodeOptions::default()
        });
        Self {
            index: 0,
            items: Vec::new(),
            scratch: Vec::new(),
            made: Vec::new(),
            decoder,
            bytes: 0,
            slices: 0,
            outcome: Outcome::default(),
            shared: None,
        }
    }
}

impl Default for Outcome {
    fn default() -> Self {
        Self {
            next: CAUGHT_UP,
            opening: None,
            missing: None,
            replay: None,
        }
    }
}

impl Outcome {
    pub(crate) fn is_caught_up(&self) -> bool {
        self.next == CAUGHT_UP && self.opening.is_none()
    }

    /// Notes events that cannot be sent any more, `None` for an unknown number of them.
    pub(crate) fn miss(&mut self, from: u64, events: Option<u64>, direct: bool, reason: GapReason) {
        let none = Missing {
            events: Some(0),
            from: Some(from),
            reason,
            direct: 0,
        };
        let missing = self.missing.get_or_insert(none);
        missing.events = missing
            .events
            .zip(events)
            .map(|(before, more)| before + more);
        missing.direct += u32::from(direct);
    }
}

impl Item {
    /// Whether the bytes of `next` follow this item's in memory.
    fn is_followed_by(&self, next: &Self) -> bool {
        match (self.source, next.source) {
            (Source::Scratch(start), Source::Scratch(next)) => start + self.len == next,
            (Source::Frame(Place::Log(a, this), skip), Source::Frame(Place::Log(b, next), 0)) => {
                a == b
                    && this.segment == next.segment
                    && this.start as usize + skip + self.len == next.start as usize
            }
            _ => false,
        }
    }
}
