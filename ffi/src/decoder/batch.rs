//! Many items of a stream in one call, all valid together.
//!
//! It does not know what the items are for.

use super::{State, tidings_item};
use crate::failure::Outcome;
use crate::raw::OutSlice;
use crate::text::tidings_str;
use std::ops::Range;
use tidings_core::{Event, Item};

/// Copies of what the decoder would overwrite with its next item: ids, and short data of several lines.
///
/// The bytes never move: what no longer fits stays in the decoder, and ends the batch.
#[derive(Default)]
pub(crate) struct Arena {
    bytes: Vec<u8>,
}

/// Room for the ids of some hundred events.
const ARENA_BYTES: usize = 8 << 10;

/// Longer data is not worth the copy: the batch ends there.
const COPIED_BYTES: usize = 512;

impl Arena {
    #[inline]
    fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.reserve_exact(ARENA_BYTES);
    }

    /// A copy that lives until the next batch, or none if there is no room.
    #[inline]
    fn copy(&mut self, bytes: &[u8]) -> Option<Range<usize>> {
        let start = self.bytes.len();
        if bytes.len() > self.bytes.capacity() - start {
            return None;
        }
        self.bytes.extend_from_slice(bytes);
        Some(start..self.bytes.len())
    }

    #[inline]
    fn at(&self, range: &Range<usize>) -> &[u8] {
        &self.bytes[range.clone()]
    }
}

/// One batch under way.
struct Batch<'b> {
    arena: &'b mut Arena,
    /// Where the input stands, which outlives the batch.
    input: Range<*const u8>,
    /// Where the copy of the last event id stands in the arena.
    id: Option<Range<usize>>,
}

/// Fills `items` from the front of `input`, and returns how many.
pub(super) fn decode(
    state: &mut State,
    input: &mut &[u8],
    items: &mut OutSlice<tidings_item>,
) -> Outcome<usize> {
    state.arena.clear();
    let mut batch = Batch {
        arena: &mut state.arena,
        input: input.as_ptr_range(),
        id: None,
    };
    let mut count = 0;
    while count < items.capacity() {
        let found = match state.decoder.decode(input) {
            Ok(Some(found)) => found,
            Ok(None) => break,
            // The decoder gives the error again when it is asked again.
            Err(_) if count > 0 => break,
            Err(error) => return Err(error.into()),
        };
        let stays = match &found {
            Item::Event(event) => {
                let kind = batch.keep(event.event_bytes());
                let data = batch.keep(event.data_bytes());
                let id = batch.keep_id(event);
                items.set(
                    count,
                    tidings_item::event(event, id.text, kind.text, data.text),
                );
                kind.stays && data.stays && id.stays
            }
            other => {
                items.set(count, tidings_item::of(other)?);
                matches!(other, Item::Retry(_))
            }
        };
        count += 1;
        if !stays {
            break;
        }
    }
    Ok(count)
}

/// A text of an item, and whether it outlives the next one.
struct Kept {
    text: tidings_str,
    stays: bool,
}

impl Kept {
    #[inline]
    const fn staying(bytes: &[u8]) -> Self {
        Self {
            text: tidings_str::of(bytes),
            stays: true,
        }
    }
}

impl Batch<'_> {
    /// Has the last event id outlive the next item: it may change with an event that is not handed out.
    #[inline]
    fn keep_id(&mut self, event: &Event<'_>) -> Kept {
        let bytes = event.id_bytes();
        if bytes.is_empty() {
            return Kept::staying(&[]);
        }
        let known = self.id.take().filter(|range| self.arena.at(range) == bytes);
        self.id = known.or_else(|| self.arena.copy(bytes));
        self.copied(self.id.as_ref(), bytes)
    }

    /// Has a text outlive the next item, if it can: it does in the input, or as a short copy.
    #[inline]
    fn keep(&mut self, bytes: &[u8]) -> Kept {
        if self.input.contains(&bytes.as_ptr()) {
            Kept::staying(bytes)
        } else if bytes.as_array() == Some(MESSAGE) {
            Kept::staying(MESSAGE)
        } else {
            let is_short = bytes.len() <= COPIED_BYTES;
            let copy = if is_short {
                self.arena.copy(bytes)
            } else {
                None
            };
            self.copied(copy.as_ref(), bytes)
        }
    }

    #[inline]
    fn copied(&self, copy: Option<&Range<usize>>, bytes: &[u8]) -> Kept {
        match copy {
            Some(range) => Kept::staying(self.arena.at(range)),
            None => Kept {
                text: tidings_str::of(bytes),
                stays: false,
            },
        }
    }
}

/// The type of an event that names none.
static MESSAGE: &[u8; 7] = b"message";
