//! Owns the way from the bytes of `text/event-stream` to events: section 9.2.6 of the WHATWG HTML
//! standard, resumable at any byte and bounded.
//!
//! It does not know connections: reconnecting is the business of `client`.
//!
//! Two ways lead through a line. One that stands whole in the input is taken apart in place
//! ([`line`]) and its value borrowed. Of one that is cut by the end of the input, `partial` keeps
//! the value in the buffer where it belongs, and goes on with it when more comes.

mod line;
mod partial;

use crate::event::{Event, EventError, check_id};
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, mem};
use line::{Field, Lines};
use partial::Line;

/// How a [`Decoder`] works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct DecodeOptions {
    /// The most that one event may hold, in bytes: the values of its data, id and type together,
    /// with one byte for each line break in the data. A value that a later line replaces counts
    /// too. Default 8 MiB: room for a picture of 6 MB in base64, the largest thing commonly sent
    /// in one event, while a server gone wild cannot fill the memory.
    pub event_bytes: usize,
    /// How much memory each buffer may keep from one event to the next. More is given back when
    /// the event that needed it has been let go. Default 64 KiB: with events of no more than that
    /// nothing is allocated once the buffers have grown.
    pub kept_bytes: usize,
    /// Whether comments are handed out, which then may be as long as an event. Default no: they
    /// are skipped, whatever their length, and cost nothing.
    pub comments: bool,
}

impl Default for DecodeOptions {
    fn default() -> Self {
        DecodeOptions {
            event_bytes: 8 << 20,
            kept_bytes: 64 << 10,
            comments: false,
        }
    }
}

/// Why a [`Decoder`] cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeError {
    /// An event is larger than [`DecodeOptions::event_bytes`].
    EventTooLarge {
        /// The limit.
        limit_bytes: usize,
        /// Where in the stream the first byte stands that is too much; the first of all is 0.
        offset: u64,
    },
    /// A comment is larger than [`DecodeOptions::event_bytes`].
    CommentTooLarge {
        /// The limit.
        limit_bytes: usize,
        /// Where in the stream the first byte stands that is too much; the first of all is 0.
        offset: u64,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, limit_bytes, offset) = match *self {
            Self::EventTooLarge {
                limit_bytes,
                offset,
            } => ("event", limit_bytes, offset),
            Self::CommentTooLarge {
                limit_bytes,
                offset,
            } => ("comment", limit_bytes, offset),
        };
        write!(
            f,
            "the {what} at byte {offset} of the stream is over the limit of {limit_bytes} bytes: \
             raise `event_bytes` or have the server send less at a time"
        )
    }
}

impl core::error::Error for DecodeError {}

/// What a [`Decoder`] finds in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item<'a> {
    /// An event, as its blank line ends it.
    Event(Event<'a>),
    /// From now on wait so many milliseconds before reconnecting. This comes with the line, as
    /// the standard says, even if the event around it never ends; an event that does has it in
    /// [`Event::retry`] again.
    Retry(u64),
    /// A comment without its colon and one space, if [`DecodeOptions::comments`] is on.
    Comment(&'a [u8]),
}

/// Reads a stream of events, cut into pieces anywhere.
///
/// Each call of [`decode`](Self::decode) takes what it needs from the front of the input and hands
/// out one thing, borrowed from the input or the decoder. What comes out does not depend on how
/// the stream was cut, and comes out as soon as its last byte is in. Data of one line that stands
/// whole in the input with its event is not copied.
///
/// The rules are those of the standard, sections 9.2.5 and 9.2.6. Where it leaves room:
///
/// - A new stream starts with the last event id of the one before, not with an empty one.
/// - A CR that ends the input ends its line at once; if an LF comes next, it belongs to it.
/// - A `retry` of more than 64 bits is the largest number; one without digits is ignored.
///
/// Memory is bounded: the buffers of one event together never take more than twice
/// [`event_bytes`](DecodeOptions::event_bytes), those of the last event id and of a comment never
/// more than once.
///
/// ```
/// use tidings_core::{Decoder, Item};
///
/// let mut decoder = Decoder::default();
/// let mut seen = Vec::new();
/// for chunk in [&b"id: 7\ndata: hel"[..], b"lo\n\nda", b"ta: world\n\n"] {
///     let mut input = chunk;
///     while let Some(item) = decoder.decode(&mut input)? {
///         if let Item::Event(event) = item {
///             seen.push(event.data().into_owned());
///         }
///     }
/// }
/// assert_eq!(seen, ["hello", "world"]);
/// assert_eq!(decoder.last_event_id(), "7");
/// # Ok::<(), tidings_core::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Decoder {
    options: DecodeOptions,
    line: Line,
    /// Where in the stream the next input begins; while one is read, where that ends. A place in
    /// it is given by how many bytes it stands behind the end.
    offset: u64,
    /// How many bytes the event may still take.
    room: usize,
    /// The data lines of the event that did not stay in the input, with LF between them.
    data: Vec<u8>,
    has_data: bool,
    event: Vec<u8>,
    /// The event's id, if it has one. Behind it, one whose line has not ended: that line may
    /// still turn out to be ignored.
    id: Vec<u8>,
    id_len: usize,
    has_id: bool,
    last_event_id: Vec<u8>,
    retry: Option<u64>,
    /// The digits of a `retry` line that has not ended.
    number: Option<u64>,
    comment: Vec<u8>,
    spent: Spent,
    failure: Option<DecodeError>,
}

/// What of the buffers has been handed out, and is to be cleared before more is read.
#[derive(Clone, Copy, Debug)]
enum Spent {
    Nothing,
    Event,
    Comment,
}

/// An item, as far as it stands in the input. What is missing stands in the buffers.
pub(crate) enum Found<'i> {
    Nothing,
    Event(Parts<'i>),
    Retry(u64),
    Comment(Option<&'i [u8]>),
}

pub(crate) struct Parts<'i> {
    borrowed: Borrowed<'i>,
    has_id: bool,
    retry: Option<u64>,
}

/// What an event has in the input, where it stays as long as the event ends there too.
#[derive(Clone, Copy, Default)]
struct Borrowed<'i> {
    data: Option<&'i [u8]>,
    event: Option<&'i [u8]>,
}

impl Default for Decoder {
    fn default() -> Self {
        Decoder::new(DecodeOptions::default())
    }
}

impl Decoder {
    /// A decoder for a new stream, with no last event id.
    #[must_use]
    pub const fn new(options: DecodeOptions) -> Self {
        Decoder {
            options,
            line: Line::Bom(0),
            offset: 0,
            room: options.event_bytes,
            data: Vec::new(),
            has_data: false,
            event: Vec::new(),
            id: Vec::new(),
            id_len: 0,
            has_id: false,
            last_event_id: Vec::new(),
            retry: None,
            number: None,
            comment: Vec::new(),
            spent: Spent::Nothing,
            failure: None,
        }
    }

    /// Takes bytes from the front of `input` up to the end of the next item. `None` says that the
    /// input is used up: call again with more.
    ///
    /// # Errors
    ///
    /// When an event, or a comment that is to be handed out, exceeds the limit. Then `input` is
    /// left as it is, and every call gives the same error until [`reset`](Self::reset).
    #[inline]
    pub fn decode<'a, 'i: 'a>(
        &'a mut self,
        input: &mut &'i [u8],
    ) -> Result<Option<Item<'a>>, DecodeError> {
        Ok(match self.advance(input)? {
            Found::Nothing => None,
            Found::Event(parts) => Some(Item::Event(self.event(&parts))),
            Found::Retry(ms) => Some(Item::Retry(ms)),
            Found::Comment(text) => Some(Item::Comment(text.unwrap_or(&self.comment))),
        })
    }

    /// The last event id of the stream, with U+FFFD for what is not UTF-8: what a reconnect has to
    /// send as `Last-Event-ID`. It changes with the blank line that ends an event, also one
    /// without data. Empty if there is none.
    #[must_use]
    pub fn last_event_id(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.last_event_id)
    }

    /// The bytes of [`last_event_id`](Self::last_event_id).
    #[must_use]
    pub fn last_event_id_bytes(&self) -> &[u8] {
        &self.last_event_id
    }

    /// Makes ready for the start of a new stream, when the old one has ended or failed. What was
    /// incomplete is dropped, as the standard says; the last event id stays.
    pub fn reset(&mut self) {
        self.spent = Spent::Nothing;
        self.clear_event();
        self.clear_comment();
        self.clear_id();
        self.has_data = false;
        self.retry = None;
        self.room = self.options.event_bytes;
        self.offset = 0;
        self.line = Line::Bom(0);
        self.failure = None;
    }

    /// Like [`reset`](Self::reset), for a stream that goes on after the event of this id; with an
    /// empty one, for a stream that goes on after none.
    ///
    /// # Errors
    ///
    /// When the id has a NUL or a line break, which no last event id can have. Nothing has changed
    /// then.
    pub fn resume(&mut self, last_event_id: &[u8]) -> Result<(), EventError> {
        check_id(last_event_id)?;
        self.reset();
        clear(&mut self.last_event_id, self.options.kept_bytes);
        self.last_event_id.extend_from_slice(last_event_id);
        Ok(())
    }

    /// Does what `decode` does, except to borrow the decoder: a caller may keep an item to itself
    /// and go on, or have `event` make the event.
    #[inline]
    pub(crate) fn advance<'i>(&mut self, input: &mut &'i [u8]) -> Result<Found<'i>, DecodeError> {
        match mem::replace(&mut self.spent, Spent::Nothing) {
            Spent::Nothing => {}
            Spent::Event => self.clear_event(),
            Spent::Comment => self.clear_comment(),
        }
        let mut rest = *input;
        // In a value there is nothing to pass over, and a decoder that failed is in none.
        if !matches!(self.line, Line::Start | Line::Value(_)) {
            self.before_line(&mut rest)?;
        }
        self.offset += rest.len() as u64;
        let found = self.lines(&mut rest)?;
        self.offset -= rest.len() as u64;
        *input = rest;
        Ok(found)
    }

    /// Goes from line to line, up to the next item or the end of the input.
    #[inline]
    fn lines<'i>(&mut self, input: &mut &'i [u8]) -> Result<Found<'i>, DecodeError> {
        let mut lines = Lines::new(input);
        let mut borrowed = Borrowed::default();
        let mut found = None;
        if !matches!(self.line, Line::Start) {
            let behind = input.len();
            let Some(line) = lines.next() else {
                self.resume_line(mem::take(input), behind)?;
                return Ok(Found::Nothing);
            };
            self.resume_line(line, behind)?;
            found = self.end_line(behind - line.len())?;
        }
        while found.is_none() {
            let behind = lines.rest.len();
            let Some(line) = lines.next() else { break };
            found = if line.is_empty() {
                self.end_event(mem::take(&mut borrowed)).map(Found::Event)
            } else {
                self.whole_line(line, &mut lines, behind, &mut borrowed)?
            };
        }
        self.keep(borrowed);
        *input = lines.rest;
        self.line = match lines.after_cr {
            true => Line::AfterCr,
            false => Line::Start,
        };
        if found.is_none() && !input.is_empty() {
            self.begin_line(mem::take(input))?;
        }
        Ok(found.unwrap_or(Found::Nothing))
    }

    /// The event that `advance` found.
    #[inline]
    pub(crate) fn event<'a>(&'a self, parts: &Parts<'a>) -> Event<'a> {
        Event {
            id: &self.last_event_id,
            has_id: parts.has_id,
            event: parts.borrowed.event.unwrap_or(&self.event),
            data: Some(parts.borrowed.data.unwrap_or(&self.data)),
            retry: parts.retry,
        }
    }

    /// Takes a line that is not empty and stands whole in the input, where it begins `behind`
    /// bytes before the end. Data of one line and the type are left there. `lines` are those that
    /// follow.
    #[inline]
    fn whole_line<'i>(
        &mut self,
        line: &'i [u8],
        lines: &mut Lines<'i>,
        behind: usize,
        borrowed: &mut Borrowed<'i>,
    ) -> Result<Option<Found<'i>>, DecodeError> {
        let Some((field, start)) = Field::of_line(line) else {
            return Ok(None);
        };
        let value = &line[start..];
        let behind = behind - start;
        match field {
            Field::Data => match borrowed.data.take() {
                Some(first) => self.keep_data(first),
                None if self.has_data => {}
                None => {
                    self.charge(value.len(), behind)?;
                    borrowed.data = Some(value);
                    return Ok(None);
                }
            },
            Field::Event => {
                self.charge(value.len(), behind)?;
                borrowed.event = Some(value);
                return Ok(None);
            }
            Field::Id | Field::Retry => {}
            Field::Comment if !self.options.comments => {
                if borrowed.data.is_none() && self.is_between_events() {
                    lines.rest = &lines.rest[line::comments(lines.rest)..];
                }
                return Ok(None);
            }
            Field::Comment => {
                self.check_comment(value.len(), behind)?;
                return Ok(Some(Found::Comment(Some(value))));
            }
        }
        self.begin(field, behind)?;
        Ok(match self.append(field, value, behind)? {
            true => self.finish(field),
            false => None,
        })
    }

    /// Whether a blank line would end nothing.
    fn is_between_events(&self) -> bool {
        let empty = self.room == self.options.event_bytes;
        empty && !self.has_data && !self.has_id && self.retry.is_none()
    }

    /// Takes the blank line. It ends an event, which counts if it has data.
    #[inline]
    fn end_event<'i>(&mut self, borrowed: Borrowed<'i>) -> Option<Parts<'i>> {
        self.room = self.options.event_bytes;
        let has_id = mem::take(&mut self.has_id);
        if has_id {
            mem::swap(&mut self.last_event_id, &mut self.id);
            self.clear_id();
        }
        let retry = self.retry.take();
        let has_data = mem::take(&mut self.has_data) || borrowed.data.is_some();
        if !has_data {
            clear(&mut self.event, self.options.kept_bytes);
            return None;
        }
        self.spent = Spent::Event;
        Some(Parts {
            borrowed,
            has_id,
            retry,
        })
    }

    /// Copies what the event has in the input, before the input goes away.
    #[inline]
    fn keep(&mut self, borrowed: Borrowed<'_>) {
        if let Some(event) = borrowed.event {
            self.event.clear();
            extend(&mut self.event, event, self.options.event_bytes);
        }
        if let Some(data) = borrowed.data {
            self.keep_data(data);
        }
    }

    fn keep_data(&mut self, data: &[u8]) {
        extend(&mut self.data, data, self.options.event_bytes);
        self.has_data = true;
    }

    /// Counts `len` bytes against the limit; the first stands `behind` bytes before the end.
    #[inline]
    fn charge(&mut self, len: usize, behind: usize) -> Result<(), DecodeError> {
        match self.room.checked_sub(len) {
            Some(room) => {
                self.room = room;
                Ok(())
            }
            None => Err(self.fail(DecodeError::EventTooLarge {
                limit_bytes: self.options.event_bytes,
                offset: self.offset - (behind - self.room) as u64,
            })),
        }
    }

    /// Checks that a comment may have `len` bytes more; the first stands `behind` bytes before the
    /// end.
    fn check_comment(&mut self, len: usize, behind: usize) -> Result<(), DecodeError> {
        let room = self.options.event_bytes - self.comment.len();
        if len <= room {
            return Ok(());
        }
        Err(self.fail(DecodeError::CommentTooLarge {
            limit_bytes: self.options.event_bytes,
            offset: self.offset - (behind - room) as u64,
        }))
    }

    #[cold]
    fn fail(&mut self, error: DecodeError) -> DecodeError {
        self.failure = Some(error);
        self.line = Line::Skip;
        error
    }

    fn clear_event(&mut self) {
        clear(&mut self.data, self.options.kept_bytes);
        clear(&mut self.event, self.options.kept_bytes);
    }

    fn clear_comment(&mut self) {
        clear(&mut self.comment, self.options.kept_bytes);
    }

    fn clear_id(&mut self) {
        clear(&mut self.id, self.options.kept_bytes);
        self.id_len = 0;
        self.has_id = false;
    }
}

/// Grows as a vector does, by doubling, but no further than the limit.
#[inline]
fn extend(buffer: &mut Vec<u8>, part: &[u8], limit: usize) {
    let len = buffer.len() + part.len();
    if len > buffer.capacity() {
        let capacity = buffer.capacity().saturating_mul(2).min(limit).max(len);
        buffer.reserve_exact(capacity - buffer.len());
    }
    buffer.extend_from_slice(part);
}

#[inline]
fn clear(buffer: &mut Vec<u8>, kept_bytes: usize) {
    buffer.clear();
    if buffer.capacity() > kept_bytes {
        buffer.shrink_to(kept_bytes);
    }
}
