//! The event in C, both ways, and its bytes on the wire.
//!
//! It does not know who publishes or reads it.

use crate::failure::Outcome;
use crate::handle::guard;
use crate::raw;
use crate::status::tidings_status::{self, *};
use crate::text::tidings_str;
use std::ffi::c_char;
use tidings_core::{Event, encode_comment};

/// In `tidings_event.flags`: `retry_ms` counts.
pub const TIDINGS_EVENT_RETRY: u32 = 1;

/// One server-sent event, the same in both directions: what you publish and what you read.
///
/// Texts that you hand in are UTF-8. Those of a stream are as they came, which need not be UTF-8. This
/// struct never grows. Set it to zero first: `tidings_event event = {0};`
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_event {
    /// The event's own id; absent if it has none. An empty one tells readers to forget theirs.
    pub id: tidings_str,
    /// The type. Absent or empty means `message`, and so says an event that was read.
    pub event: tidings_str,
    /// The data. Without it readers get no event.
    pub data: tidings_str,
    /// How long a reader waits before it reconnects.
    pub retry_ms: u64,
    /// `TIDINGS_EVENT_RETRY`, or 0.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

impl tidings_event {
    pub(crate) const NONE: Self = Self {
        id: tidings_str::ABSENT,
        event: tidings_str::ABSENT,
        data: tidings_str::ABSENT,
        retry_ms: 0,
        flags: 0,
        reserved: 0,
    };

    pub(crate) const fn retry(retry_ms: Option<u64>) -> Self {
        match retry_ms {
            None => Self::NONE,
            Some(retry_ms) => Self {
                retry_ms,
                flags: TIDINGS_EVENT_RETRY,
                ..Self::NONE
            },
        }
    }

    /// The event for the core, once it is checked.
    // Not inlined, it would be copied on its way.
    #[inline(always)]
    pub(crate) fn view<'a>(&self) -> Outcome<Event<'a>> {
        if self.flags & !TIDINGS_EVENT_RETRY != 0 || self.reserved != 0 {
            return Err(TIDINGS_ERR_INVALID.into());
        }
        let mut event = Event::new();
        if self.event.len > 0 {
            event = event.with_event(self.event.text()?)?;
        }
        if let Some(data) = self.data.maybe_text()? {
            event = event.with_data(data);
        }
        if let Some(id) = self.id.maybe_text()? {
            event = event.with_id(id)?;
        }
        if self.flags & TIDINGS_EVENT_RETRY != 0 {
            event = event.with_retry(self.retry_ms);
        }
        Ok(event)
    }
}

/// The event behind a pointer.
pub(crate) fn view<'a>(event: *const tidings_event) -> Outcome<Event<'a>> {
    raw::one(event)?.view()
}

/// Whether the event can be sent: its texts are UTF-8, its id has no NUL, and neither id nor type a
/// line break.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_event_check(event: *const tidings_event) -> tidings_status {
    guard(|| view(event).map(drop))
}

/// How many bytes `tidings_event_encode` writes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_event_encoded_len(
    event: *const tidings_event,
    len: *mut usize,
) -> tidings_status {
    guard(|| {
        let len = raw::out(len)?;
        len.set(view(event)?.encoded_len());
        Ok(())
    })
}

/// Writes the event as it goes over the wire, with the blank line that ends it. A buffer with less than
/// `tidings_event_encoded_len` is `TIDINGS_ERR_BUFFER`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_event_encode(
    event: *const tidings_event,
    buffer: *mut c_char,
    capacity: usize,
    len: *mut usize,
) -> tidings_status {
    guard(|| {
        let event = view(event)?;
        let mut buffer = raw::out_slice(buffer.cast::<u8>(), capacity)?;
        let len = raw::out(len)?;
        len.set(
            event
                .encode_into(buffer.place())
                .ok_or(TIDINGS_ERR_BUFFER)?,
        );
        Ok(())
    })
}

/// How many bytes `tidings_comment_encode` writes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_comment_encoded_len(
    text: tidings_str,
    len: *mut usize,
) -> tidings_status {
    guard(|| {
        let len = raw::out(len)?;
        len.set(comment(text)?.len());
        Ok(())
    })
}

/// Writes a comment, which readers ignore, one line for each line of the text. A buffer with less than
/// `tidings_comment_encoded_len` is `TIDINGS_ERR_BUFFER`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_comment_encode(
    text: tidings_str,
    buffer: *mut c_char,
    capacity: usize,
    len: *mut usize,
) -> tidings_status {
    guard(|| {
        let mut buffer = raw::out_slice(buffer.cast::<u8>(), capacity)?;
        let len = raw::out(len)?;
        let bytes = comment(text)?;
        buffer.copy_from(&bytes)?;
        len.set(bytes.len());
        Ok(())
    })
}

fn comment(text: tidings_str) -> Outcome<Vec<u8>> {
    let mut bytes = Vec::new();
    encode_comment(text.text()?, &mut bytes);
    Ok(bytes)
}
