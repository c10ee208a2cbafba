//! Calls on a decoder.
//!
//! It does not know what it ought to read.

use super::memory::{Number, Room, Size, Text, touch, wrote, wrote_both, zeroed};
use super::{Fault, call, went};
use crate::ensure;
use crate::verdict::Verdict;
use arbitrary::Arbitrary;
use std::ptr;
use tidings::{tidings_decoder, tidings_decoder_options, tidings_item, tidings_str};

#[derive(Arbitrary, Debug)]
pub(super) enum Deed {
    New(Size, u8, Number, Number),
    Free,
    Decode(Text),
    LastEventId,
    Reset,
    Resume(Text),
    Error,
}

pub(super) struct Owned(*mut tidings_decoder);

impl Default for Owned {
    fn default() -> Self {
        Self(ptr::null_mut())
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        call!(tidings_decoder_free(self.0));
    }
}

/// Reads all that an item borrows.
pub(super) fn touch_item(item: &tidings_item) -> Verdict {
    let event = item.event;
    for text in [item.last_event_id, event.id, event.event, event.data] {
        touch(text)?;
    }
    ensure!(item.kind <= 3 && item.reserved == 0, "an item of no kind");
    Ok(())
}

impl Owned {
    /// Makes one with all defaults.
    pub(super) fn make(&mut self) -> Verdict {
        let made = wrote(Room::new(), |made| {
            call!(tidings_decoder_new(ptr::null(), made))
        })?;
        ensure!(made.is_some(), "NULL is no options");
        *self = made.map_or_else(Self::default, Self);
        Ok(())
    }

    pub(super) fn does(&mut self, fault: Fault, deed: &Deed) -> Verdict {
        let handle = fault.handle(self.0);
        let text = match deed {
            Deed::New(size, flags, event_bytes, kept_bytes) => {
                let options = tidings_decoder_options {
                    flags: u32::from(*flags) % 3,
                    event_bytes: event_bytes.raw(),
                    kept_bytes: kept_bytes.raw(),
                    ..zeroed()
                };
                let mut options = Room::holding(options, *size);
                let options = fault.input(options.place());
                let made = wrote(Room::new(), |made| {
                    call!(tidings_decoder_new(options, fault.out(made)))
                })?;
                if let Some(made) = made {
                    *self = Self(made);
                }
                return Ok(());
            }
            Deed::Free => {
                *self = Self::default();
                return Ok(());
            }
            Deed::Decode(input) => return decode(fault, handle, input.raw()),
            Deed::LastEventId => wrote(Room::new(), |id| {
                call!(tidings_decoder_last_event_id(handle, fault.out(id)))
            })?,
            Deed::Error => wrote(Room::new(), |text| {
                call!(tidings_decoder_error(handle, fault.out(text)))
            })?,
            Deed::Reset => return went(call!(tidings_decoder_reset(handle))).map(drop),
            Deed::Resume(id) => {
                return went(call!(tidings_decoder_resume(handle, id.raw()))).map(drop);
            }
        };
        text.map_or(Ok(0), touch).map(drop)
    }
}

fn decode(fault: Fault, handle: *mut tidings_decoder, mut input: tidings_str) -> Verdict {
    loop {
        let found = wrote_both(|taken, item| {
            let (taken, item) = (fault.out(taken), fault.second_out(item));
            call!(tidings_decoder_decode(
                handle, input.data, input.len, taken, item
            ))
        })?;
        let Some((taken, item)) = found else {
            return Ok(());
        };
        let item: tidings_item = item;
        ensure!(taken <= input.len, "it took more than there was");
        touch_item(&item)?;
        if item.kind == 0 {
            return Ok(());
        }
        input.data = input.data.wrapping_add(taken);
        input.len -= taken;
    }
}
