//! Cursors and connection ids in C: numbers, and their texts.
//!
//! It does not know the hub that gives them out.

use crate::failure::Outcome;
use crate::handle::guard;
use crate::raw;
use crate::status::tidings_status::{self, *};
use crate::text::tidings_str;
use std::ffi::c_char;
use std::fmt::{self, Write as _};
use tidings_core::{ConnectionId, Cursor};

/// What the text of a cursor takes at most, with the NUL at its end.
pub const TIDINGS_CURSOR_BYTES: usize = 64;

/// What the text of a connection id takes at most, with the NUL at its end.
pub const TIDINGS_CONNECTION_BYTES: usize = 17;

/// A position in the log of a hub. Its text is the id of an event on the wire, and what clients send
/// back as `Last-Event-ID`. This struct never grows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_cursor {
    /// The life of the log.
    pub epoch: u64,
    /// The last number served; 0 is before the first event.
    pub sequence: u64,
    /// With `has_latest`: the last one served of the values that open a stream.
    pub latest: u64,
    /// Whether it stands in the middle of these: 0 or 1.
    pub has_latest: u32,
    /// 0.
    pub reserved: u32,
}

impl tidings_cursor {
    pub(crate) const fn of(cursor: Cursor) -> Self {
        let (latest, has_latest) = match cursor.latest {
            Some(latest) => (latest, 1),
            None => (0, 0),
        };
        Self {
            epoch: cursor.epoch,
            sequence: cursor.sequence,
            latest,
            has_latest,
            reserved: 0,
        }
    }

    fn cursor(&self) -> Outcome<Cursor> {
        if self.has_latest > 1 || self.reserved != 0 {
            return Err(TIDINGS_ERR_INVALID.into());
        }
        Ok(Cursor {
            epoch: self.epoch,
            sequence: self.sequence,
            latest: (self.has_latest == 1).then_some(self.latest),
        })
    }
}

/// Writes the text of a cursor, with a NUL that `len` does not count. `TIDINGS_CURSOR_BYTES` are enough.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_cursor_format(
    cursor: *const tidings_cursor,
    buffer: *mut c_char,
    capacity: usize,
    len: *mut usize,
) -> tidings_status {
    guard(|| write_text(&raw::one(cursor)?.cursor()?, buffer, capacity, len))
}

/// Reads the text of a cursor.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_cursor_parse(
    text: tidings_str,
    cursor: *mut tidings_cursor,
) -> tidings_status {
    guard(|| {
        let place = raw::out(cursor)?;
        let cursor = text.text()?.parse().map_err(|_| TIDINGS_ERR_CURSOR)?;
        place.set(tidings_cursor::of(cursor));
        Ok(())
    })
}

/// Writes the text of a connection id, as it stands in JSON, with a NUL that `len` does not count.
/// `TIDINGS_CONNECTION_BYTES` are enough.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_connection_format(
    connection: u64,
    buffer: *mut c_char,
    capacity: usize,
    len: *mut usize,
) -> tidings_status {
    guard(|| write_text(&ConnectionId::from_u64(connection), buffer, capacity, len))
}

/// Reads the text of a connection id.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_connection_parse(
    text: tidings_str,
    connection: *mut u64,
) -> tidings_status {
    guard(|| {
        let place = raw::out(connection)?;
        let id: ConnectionId = text
            .text()?
            .parse()
            .map_err(|_| TIDINGS_ERR_CONNECTION_ID)?;
        place.set(id.to_u64());
        Ok(())
    })
}

/// The slot of a connection in its hub: small, one for each that is open, and used again once it is
/// closed. It can be the index for a table of your own, which has to grow: one that supersedes another may
/// have a slot beyond the limit on connections. `tidings_open.tag` is simpler.
#[unsafe(no_mangle)]
pub extern "C" fn tidings_connection_index(connection: u64) -> u32 {
    ConnectionId::from_u64(connection).index()
}

fn write_text(
    value: &impl fmt::Display,
    buffer: *mut c_char,
    capacity: usize,
    len: *mut usize,
) -> Outcome {
    let mut buffer = raw::out_slice(buffer.cast::<u8>(), capacity)?;
    let len = raw::out(len)?;
    let mut text = Text {
        bytes: [0; TIDINGS_CURSOR_BYTES],
        len: 0,
    };
    write!(text, "{value}").map_err(|_| TIDINGS_ERR_OTHER)?;
    buffer.copy_from(&text.bytes[..=text.len])?;
    len.set(text.len);
    Ok(())
}

/// A short text with room for a NUL.
struct Text {
    bytes: [u8; TIDINGS_CURSOR_BYTES],
    len: usize,
}

impl fmt::Write for Text {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let end = self.len + part.len();
        let room = self.bytes[..TIDINGS_CURSOR_BYTES - 1].get_mut(self.len..end);
        room.ok_or(fmt::Error)?.copy_from_slice(part.as_bytes());
        self.len = end;
        Ok(())
    }
}
