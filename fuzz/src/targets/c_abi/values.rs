//! Calls without a machine: events, frames, cursors, ids, names.
//!
//! It does not know what they ought to say.

use super::memory::{Event, Plain, Room, Text, touch, wrote, wrote_both};
use super::{Fault, call, went};
use crate::ensure;
use crate::verdict::Verdict;
use arbitrary::Arbitrary;
use std::ffi::{CStr, c_char};
use tidings::{tidings_cursor, tidings_status};

#[derive(Arbitrary, Debug)]
pub(super) enum Deed {
    Check(Event),
    Encode(Event, u8),
    Comment(Text, u8),
    Frame(Event),
    FormatCursor(u64, u64, u64, u8, u8),
    ParseCursor(Text),
    FormatConnection(u64, u8),
    ParseConnection(Text),
    Names(u8),
}

type Buffer = [c_char; 256];

pub(super) fn does(fault: Fault, deed: &Deed) -> Verdict {
    match deed {
        Deed::Check(event) => {
            let event = event.raw();
            went(call!(tidings_event_check(fault.input(&event)))).map(drop)
        }
        Deed::Encode(event, capacity) => {
            let event = event.raw();
            let event = fault.input(&event);
            let needs = len(|len| call!(tidings_event_encoded_len(event, fault.out(len))))?;
            writes(fault, *capacity, needs, |buffer, capacity, len| {
                call!(tidings_event_encode(event, buffer, capacity, len))
            })
        }
        Deed::Comment(text, capacity) => {
            let text = text.raw();
            let needs = len(|len| call!(tidings_comment_encoded_len(text, fault.out(len))))?;
            writes(fault, *capacity, needs, |buffer, capacity, len| {
                call!(tidings_comment_encode(text, buffer, capacity, len))
            })
        }
        Deed::Frame(event) => {
            let event = event.raw();
            let event = fault.input(&event);
            let frame = wrote(Room::new(), |frame| {
                call!(tidings_frame_new(event, fault.out(frame)))
            })?;
            if let Some(frame) = frame {
                let bytes = wrote(Room::new(), |bytes| {
                    call!(tidings_frame_bytes(fault.handle(frame), bytes))
                });
                let read = bytes.and_then(|bytes| bytes.map_or(Ok(0), touch));
                call!(tidings_frame_free(frame));
                read?;
            }
            Ok(())
        }
        Deed::FormatCursor(epoch, sequence, latest, has_latest, capacity) => {
            let cursor = tidings_cursor {
                epoch: *epoch,
                sequence: *sequence,
                latest: *latest,
                has_latest: u32::from(*has_latest) % 3,
                reserved: 0,
            };
            let cursor = fault.input(&cursor);
            writes(fault, *capacity, None, |buffer, capacity, len| {
                call!(tidings_cursor_format(cursor, buffer, capacity, len))
            })
        }
        Deed::ParseCursor(text) => sees::<tidings_cursor>(|cursor| {
            call!(tidings_cursor_parse(text.raw(), fault.out(cursor)))
        }),
        Deed::FormatConnection(id, capacity) => {
            tidings::tidings_connection_index(*id);
            writes(fault, *capacity, None, |buffer, capacity, len| {
                call!(tidings_connection_format(*id, buffer, capacity, len))
            })
        }
        Deed::ParseConnection(text) => {
            sees::<u64>(|id| call!(tidings_connection_parse(text.raw(), fault.out(id))))
        }
        Deed::Names(number) => names(*number),
    }
}

fn sees<T: Plain>(call: impl FnOnce(*mut T) -> tidings_status) -> Verdict {
    wrote(Room::<T>::new(), call).map(drop)
}

fn len(call: impl FnOnce(*mut usize) -> tidings_status) -> Verdict<Option<usize>> {
    wrote(Room::new(), call)
}

/// A call that writes a text, which needs so many bytes if that is known.
fn writes(
    fault: Fault,
    capacity: u8,
    needs: Option<usize>,
    call: impl FnOnce(*mut c_char, usize, *mut usize) -> tidings_status,
) -> Verdict {
    let capacity = usize::from(capacity);
    let written = wrote_both(|buffer: *mut Buffer, len| {
        call(fault.second_out(buffer).cast(), capacity, fault.out(len))
    })?;
    if let Some((buffer, len)) = written {
        ensure!(len <= capacity, "more than there is room for");
        ensure!(needs.is_none_or(|needs| needs == len), "not the length");
        let beyond = buffer[capacity..].iter();
        let is_untouched = beyond.into_iter().all(|byte| *byte as u8 == 0xa5);
        ensure!(is_untouched, "it wrote beyond the buffer");
    }
    Ok(())
}

/// Names are there for every number.
fn names(number: u8) -> Verdict {
    for text in [
        tidings::tidings_status_str(-i32::from(number)),
        tidings::tidings_status_name(-i32::from(number)),
        tidings::tidings_close_reason_str(number.into()),
        tidings::tidings_version(),
    ] {
        ensure!(!text.is_null(), "no name for {number}");
        // SAFETY: not null, and it is static.
        let text = unsafe { CStr::from_ptr(text) };
        ensure!(!text.is_empty(), "an empty name for {number}");
    }
    ensure!(tidings::tidings_abi_version() == 1, "another version");
    Ok(())
}
