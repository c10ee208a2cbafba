//! Owns the way from an event to the bytes of `text/event-stream`.
//!
//! It does not know who numbers the events, nor where the bytes go.
//!
//! One rule for every line: the name, a colon, one space, the value, LF. Readers strip exactly one
//! space, so a value that begins with a space arrives whole. The order of the lines is id, event,
//! retry, data; a blank line ends the event.

use crate::event::Event;
use alloc::vec::Vec;
use core::mem::{self, MaybeUninit};

const ID: &[u8] = b"id: ";
const EVENT: &[u8] = b"event: ";
const RETRY: &[u8] = b"retry: ";
const DATA: &[u8; 6] = b"data: ";
const COMMENT: &[u8; 2] = b": ";

impl Event<'_> {
    /// Appends the event to `out`, with the blank line that ends it.
    ///
    /// ```
    /// use tidings_core::Event;
    ///
    /// let mut wire = Vec::new();
    /// Event::message("first line\nsecond line").with_retry(500).encode(&mut wire);
    /// assert_eq!(wire, b"retry: 500\ndata: first line\ndata: second line\n\n");
    /// ```
    pub fn encode(&self, out: &mut Vec<u8>) {
        let data_len = data_len(self.data);
        out.reserve(self.encoded_id_len() + self.body_len(data_len));
        self.write_id(out);
        self.write_body(data_len, out);
    }

    /// Writes the event to the front of `out`, which may be uninitialized, and returns how many bytes
    /// those are. None where `out` is too short for [`encoded_len`](Self::encoded_len); then nothing
    /// is written.
    ///
    /// ```
    /// use core::mem::MaybeUninit;
    /// use tidings_core::Event;
    ///
    /// let mut place = [MaybeUninit::uninit(); 64];
    /// assert_eq!(Event::message("hello").encode_into(&mut place), Some(13));
    /// assert_eq!(Event::message("hello").encode_into(&mut place[..12]), None);
    /// ```
    pub fn encode_into(&self, out: &mut [MaybeUninit<u8>]) -> Option<usize> {
        let data_len = data_len(self.data);
        let len = self.encoded_id_len() + self.body_len(data_len);
        let mut out = out.get_mut(..len)?;
        self.write_id(&mut out);
        self.write_body(data_len, &mut out);
        debug_assert!(out.is_empty(), "as long as it was said to be");
        Some(len)
    }

    /// Appends the `id` line alone; nothing if the event has no id of its own.
    ///
    /// Together with [`encode_body`](Self::encode_body), for those who number events: one body,
    /// encoded once, may follow different ids.
    ///
    /// ```
    /// use tidings_core::Event;
    ///
    /// let mut wire = Vec::new();
    /// Event::new().with_id("7")?.encode_id(&mut wire);
    /// Event::message("hello").encode_body(&mut wire);
    /// assert_eq!(wire, b"id: 7\ndata: hello\n\n");
    /// # Ok::<(), tidings_core::EventError>(())
    /// ```
    pub fn encode_id(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_id_len());
        self.write_id(out);
    }

    /// Appends everything but the `id` line: type, retry, data and the blank line.
    pub fn encode_body(&self, out: &mut Vec<u8>) {
        let data_len = data_len(self.data);
        out.reserve(self.body_len(data_len));
        self.write_body(data_len, out);
    }

    /// How many bytes [`encode`](Self::encode) appends.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        self.encoded_id_len() + self.encoded_body_len()
    }

    /// How many bytes [`encode_id`](Self::encode_id) appends.
    #[must_use]
    pub const fn encoded_id_len(&self) -> usize {
        if self.has_id {
            line_len(ID, self.id.len())
        } else {
            0
        }
    }

    /// How many bytes [`encode_body`](Self::encode_body) appends.
    #[must_use]
    pub fn encoded_body_len(&self) -> usize {
        self.body_len(data_len(self.data))
    }

    fn body_len(&self, data_len: usize) -> usize {
        let event_len = match self.event {
            [] => 0,
            event => line_len(EVENT, event.len()),
        };
        let retry_len = match self.retry {
            Some(ms) => line_len(RETRY, ms.checked_ilog10().unwrap_or(0) as usize + 1),
            None => 0,
        };
        event_len + retry_len + data_len + 1
    }

    fn write_id(&self, out: &mut impl Sink) {
        if self.has_id {
            write_line(ID, self.id, out);
        }
    }

    fn write_body(&self, data_len: usize, out: &mut impl Sink) {
        if !self.event.is_empty() {
            write_line(EVENT, self.event, out);
        }
        if let Some(ms) = self.retry {
            write_line(RETRY, decimal(ms, &mut [0; 20]), out);
        }
        if let Some(data) = self.data {
            if data_len == line_len(DATA, data.len()) {
                write_line(DATA, data, out);
            } else {
                write_lines(DATA, data, out);
            }
        }
        out.put_byte(b'\n');
    }
}

/// What bytes are written to; there is room for all of them.
trait Sink {
    fn put(&mut self, bytes: &[u8]);
    fn put_byte(&mut self, byte: u8);
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    #[inline]
    fn put_byte(&mut self, byte: u8) {
        self.push(byte);
    }
}

/// What is left of a place.
impl Sink for &mut [MaybeUninit<u8>] {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        let (place, rest) = mem::take(self).split_at_mut(bytes.len());
        place.write_copy_of_slice(bytes);
        *self = rest;
    }

    #[inline]
    fn put_byte(&mut self, byte: u8) {
        self.put(&[byte]);
    }
}

/// Appends a comment, which readers ignore, to `out`: one line for each line of `text`.
///
/// It may stand between any two events. The standard advises one every 15 seconds or so, to keep
/// proxies from closing a quiet stream.
///
/// ```
/// let mut wire = Vec::new();
/// tidings_core::encode_comment("still here", &mut wire);
/// assert_eq!(wire, b": still here\n");
/// ```
pub fn encode_comment(text: &str, out: &mut Vec<u8>) {
    write_lines(COMMENT, text.as_bytes(), out);
}

const fn line_len(name: &[u8], value_len: usize) -> usize {
    name.len() + value_len + 1
}

/// Writes each line of a text, which CR, LF and CRLF separate; there is always one.
// Inlined, it would slow down data of one line.
#[inline(never)]
fn write_lines<const NAME: usize>(name: &[u8; NAME], text: &[u8], out: &mut impl Sink) {
    let mut start = 0;
    for end in memchr::memchr2_iter(b'\r', b'\n', text) {
        let ends_crlf = end > 0 && text[end - 1..=end] == *b"\r\n";
        if !ends_crlf {
            write_line(name, &text[start..end], out);
        }
        start = end + 1;
    }
    write_line(name, &text[start..], out);
}

fn write_line(name: &[u8], value: &[u8], out: &mut impl Sink) {
    out.put(name);
    out.put(value);
    out.put_byte(b'\n');
}

/// How many bytes the `data` lines take. Equal to that of one line only if data has no line break,
/// since each break adds more than it removes.
fn data_len(data: Option<&[u8]>) -> usize {
    let Some(data) = data else { return 0 };
    let one_line = line_len(DATA, data.len());
    match memchr::memchr2(b'\r', b'\n', data) {
        Some(first) => one_line + added_len(&data[first..]),
        None => one_line,
    }
}

/// How many bytes the line breaks of data add. Nearly all are LF, and counting these takes less
/// time than to find them one by one.
fn added_len(data: &[u8]) -> usize {
    let each = line_len(DATA, 0) - 1;
    let feeds = memchr::memchr_iter(b'\n', data).count();
    let returns = memchr::memchr_iter(b'\r', data);
    returns.fold(feeds * each, |len, at| match data.get(at + 1) {
        Some(b'\n') => len - 1,
        _ => len + each,
    })
}

fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut start = digits.len();
    loop {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[start..];
        }
    }
}
