//! Many items of a stream in one call, all valid together.
//!
//! It does not know what the items are for.

use super::{State, tidings_item, tidings_item_kind::TIDINGS_ITEM_EVENT};
use crate::event::tidings_event;
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
    fn at(&self, range: Range<usize>) -> &[u8] {
        &self.bytes[range]
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
        let (item, stays) = batch.item(&found)?;
        items.set(count, item);
        count += 1;
        if !stays {
            break;
        }
    }
    Ok(count)
}

impl Batch<'_> {
    /// The item, and whether it outlives the next one.
    #[inline]
    fn item(&mut self, found: &Item<'_>) -> Outcome<(tidings_item, bool)> {
        match found {
            Item::Event(event) => Ok(self.event(event)),
            Item::Retry(_) => Ok((tidings_item::of(found)?, true)),
            other => Ok((tidings_item::of(other)?, false)),
        }
    }

    #[inline]
    fn event(&mut self, event: &Event<'_>) -> (tidings_item, bool) {
        let mut view = tidings_event::anonymous(event);
        let mut stays = self.keep(&mut view.event, event.event_bytes());
        stays &= self.keep(&mut view.data, event.data_bytes());
        let id = self.id(event.id_bytes());
        stays &= id.is_some();
        let id = id.unwrap_or(tidings_str::of(event.id_bytes()));
        if event.has_id() {
            view.id = id;
        }
        let item = tidings_item {
            kind: TIDINGS_ITEM_EVENT as u32,
            last_event_id: id,
            event: view,
            ..tidings_item::NONE
        };
        (item, stays)
    }

    /// The last event id, copied where it has changed: also an event that is not handed out changes it.
    #[inline]
    fn id(&mut self, bytes: &[u8]) -> Option<tidings_str> {
        let same = self
            .id
            .clone()
            .filter(|range| self.arena.at(range.clone()) == bytes);
        self.id = same.or_else(|| self.arena.copy(bytes));
        self.id
            .clone()
            .map(|range| tidings_str::of(self.arena.at(range)))
    }

    /// Has a text outlive the next item, if it can: it does in the input, or as a short copy.
    #[inline]
    fn keep(&mut self, text: &mut tidings_str, bytes: &[u8]) -> bool {
        if self.input.contains(&bytes.as_ptr()) {
            return true;
        }
        if bytes == MESSAGE.as_slice() {
            *text = tidings_str::of(MESSAGE);
            return true;
        }
        if bytes.len() > COPIED_BYTES {
            return false;
        }
        let copy = self.arena.copy(bytes);
        let stays = copy.is_some();
        if let Some(range) = copy {
            *text = tidings_str::of(self.arena.at(range));
        }
        stays
    }
}

/// The type of an event that names none.
static MESSAGE: &[u8; 7] = b"message";
