//! The decoder in C: one item a call.
//!
//! It does not know where the bytes come from.

use crate::TIDINGS_OFF;
use crate::event::{TIDINGS_EVENT_RETRY, tidings_event};
use crate::failure::{Failure, Outcome};
use crate::handle::{Handle, Owner, call, error, free, give, look};
use crate::raw;
use crate::sized::{self, SizeFirst};
use crate::status::tidings_status::{self, *};
use crate::text::tidings_str;
use std::ffi::c_char;
use std::mem::offset_of;
use tidings_core::{DecodeOptions, Decoder, Event, Item};

/// In `tidings_decoder_options.flags`: hand out comments.
pub const TIDINGS_DECODER_COMMENTS: u32 = 1;

/// How a decoder works. Zero means default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_decoder_options {
    /// `sizeof(tidings_decoder_options)`
    pub size: u32,
    /// `TIDINGS_DECODER_COMMENTS`, or 0: comments are skipped, whatever their length.
    pub flags: u32,
    /// The most that one event may hold. Default 8 MiB.
    pub event_bytes: u64,
    /// How much memory each buffer may keep from one event to the next. Default 64 KiB.
    pub kept_bytes: u64,
}

// SAFETY: `repr(C)`, begins with its size, has only numbers.
unsafe impl SizeFirst for tidings_decoder_options {
    const FIRST_SIZE: usize = offset_of!(Self, kept_bytes) + size_of::<u64>();
}

/// What an item is.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum tidings_item_kind {
    /// The input is used up: go on with more.
    TIDINGS_ITEM_NONE = 0,
    /// An event.
    TIDINGS_ITEM_EVENT = 1,
    /// From now on wait `event.retry_ms` before reconnecting. This comes with its line, before the
    /// event around it ends, if ever.
    TIDINGS_ITEM_RETRY = 2,
    /// A comment, in `event.data`.
    TIDINGS_ITEM_COMMENT = 3,
}
use tidings_item_kind::*;

/// What was found in a stream. This struct never grows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_item {
    /// A `tidings_item_kind`.
    pub kind: u32,
    /// 0.
    pub reserved: u32,
    /// Of an event: the last event id at it, its own or that of an event before. Empty if there is none.
    pub last_event_id: tidings_str,
    /// The event.
    pub event: tidings_event,
}

impl tidings_item {
    pub(crate) const NONE: Self = Self {
        kind: TIDINGS_ITEM_NONE as u32,
        reserved: 0,
        last_event_id: tidings_str::ABSENT,
        event: tidings_event::NONE,
    };

    /// An event with these texts, which live longer than those it has, or as long.
    #[inline]
    pub(crate) fn event(
        event: &Event<'_>,
        id: tidings_str,
        kind: tidings_str,
        data: tidings_str,
    ) -> Self {
        let own = event.has_id();
        let retry = event.retry();
        Self {
            kind: TIDINGS_ITEM_EVENT as u32,
            reserved: 0,
            last_event_id: id,
            event: tidings_event {
                id: if own { id } else { tidings_str::ABSENT },
                event: kind,
                data,
                retry_ms: retry.unwrap_or(0),
                flags: if retry.is_some() {
                    TIDINGS_EVENT_RETRY
                } else {
                    0
                },
                reserved: 0,
            },
        }
    }

    /// An event borrowed from where it was read.
    #[inline]
    pub(crate) fn borrowed(event: &Event<'_>) -> Self {
        let of = tidings_str::of;
        let (id, kind) = (event.id_bytes(), event.event_bytes());
        Self::event(event, of(id), of(kind), of(event.data_bytes()))
    }

    /// Borrowed from the input or the decoder.
    #[inline]
    fn of(item: &Item<'_>) -> Outcome<Self> {
        Ok(match item {
            Item::Event(event) => Self::borrowed(event),
            Item::Retry(ms) => Self {
                kind: TIDINGS_ITEM_RETRY as u32,
                event: tidings_event::retry(Some(*ms)),
                ..Self::NONE
            },
            Item::Comment(text) => Self {
                kind: TIDINGS_ITEM_COMMENT as u32,
                event: tidings_event {
                    data: tidings_str::of(text),
                    ..tidings_event::NONE
                },
                ..Self::NONE
            },
            _ => return Err(TIDINGS_ERR_OTHER.into()),
        })
    }
}

/// Reads a stream of events, cut into pieces anywhere.
pub struct tidings_decoder {
    handle: Handle<Decoder>,
}

impl Owner for tidings_decoder {
    type State = Decoder;

    fn handle(&self) -> &Handle<Decoder> {
        &self.handle
    }

    fn handle_mut(&mut self) -> &mut Handle<Decoder> {
        &mut self.handle
    }
}

impl tidings_decoder_options {
    fn options(&self) -> Outcome<DecodeOptions> {
        if self.flags & !TIDINGS_DECODER_COMMENTS != 0 {
            return Err(TIDINGS_ERR_INVALID.into());
        }
        Ok(DecodeOptions {
            comments: self.flags & TIDINGS_DECODER_COMMENTS != 0,
            ..decode_options(self.event_bytes, self.kept_bytes)
        })
    }
}

/// The limits of decoding, where 0 stands for the default.
pub(crate) fn decode_options(event_bytes: u64, kept_bytes: u64) -> DecodeOptions {
    let mut options = DecodeOptions::default();
    set(&mut options.event_bytes, event_bytes);
    set(&mut options.kept_bytes, kept_bytes);
    options
}

/// Sets an option to what C says: 0 leaves the default, `TIDINGS_OFF` allows none.
pub(crate) fn set(option: &mut usize, value: u64) {
    *option = match value {
        0 => *option,
        TIDINGS_OFF => 0,
        value => usize::try_from(value).unwrap_or(usize::MAX),
    };
}

/// Makes a decoder for a new stream. `options` may be NULL. It is yours to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_decoder_new(
    options: *const tidings_decoder_options,
    decoder: *mut *mut tidings_decoder,
) -> tidings_status {
    give(decoder, || {
        let options = sized::options(options)?.options()?;
        let handle = Handle::new(Decoder::new(options));
        Ok(tidings_decoder { handle })
    })
}

/// Frees a decoder; NULL is fine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_decoder_free(decoder: *mut tidings_decoder) {
    free(decoder);
}

/// What was wrong in the last call that failed; empty if none did. Until the next call on the decoder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_decoder_error(
    decoder: *mut tidings_decoder,
    text: *mut tidings_str,
) -> tidings_status {
    error(decoder, text)
}

/// Takes bytes from the front of the input up to the end of the next item: `taken` says how many. Go on
/// behind them until the item is `TIDINGS_ITEM_NONE`.
///
/// An item is borrowed from the input and the decoder: until the next call on the decoder. An event over
/// the limit is an error; then every call answers it until `tidings_decoder_reset`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_decoder_decode(
    decoder: *mut tidings_decoder,
    input: *const c_char,
    len: usize,
    taken: *mut usize,
    item: *mut tidings_item,
) -> tidings_status {
    call(decoder, |decoder| {
        let mut rest = raw::bytes(input, len)?;
        let (taken, place) = (raw::out(taken)?, raw::out(item)?);
        match decoder.decode(&mut rest)? {
            None => place.set(tidings_item::NONE),
            Some(Item::Event(event)) => place.set(tidings_item::borrowed(&event)),
            Some(other) => place.set(tidings_item::of(&other)?),
        }
        taken.set(len - rest.len());
        Ok(())
    })
}

/// The last event id of the stream: what a reconnect sends as `Last-Event-ID`. Empty if there is none.
/// Until the next call on the decoder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_decoder_last_event_id(
    decoder: *const tidings_decoder,
    id: *mut tidings_str,
) -> tidings_status {
    look(decoder, |decoder| {
        raw::out(id)?.set(tidings_str::of(decoder.last_event_id_bytes()));
        Ok(())
    })
}

/// Makes ready for a new stream when the old one has ended or failed. What was incomplete is dropped;
/// the last event id stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_decoder_reset(decoder: *mut tidings_decoder) -> tidings_status {
    call(decoder, |decoder| {
        decoder.reset();
        Ok(())
    })
}

/// Like `tidings_decoder_reset`, for a stream that goes on after the event of this id; with an empty one,
/// after none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_decoder_resume(
    decoder: *mut tidings_decoder,
    last_event_id: tidings_str,
) -> tidings_status {
    call(decoder, |decoder| {
        let id = last_event_id.bytes()?;
        decoder.resume(id).map_err(Failure::Event)
    })
}
