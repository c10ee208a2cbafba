//! Owns the event: what an application publishes and what a reader receives, one type for both.
//!
//! It does not know how an event looks on the wire; `encode` and `decode` do.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// One server-sent event: a small copyable view of bytes that someone else owns.
///
/// The same type goes in both directions. What you build can always be encoded, because the
/// builders refuse what would end a line early; what a [`Decoder`](crate::Decoder) hands out can
/// be encoded again as it is, and means the same.
///
/// | part | on the wire | limits |
/// |---|---|---|
/// | id | `id` | no line break, no NUL |
/// | type | `event` | no line break; none, or an empty one, means `message` |
/// | data | one `data` line for each line of it | none; without data a reader gets no event |
/// | retry | `retry` | milliseconds |
///
/// The getters `id`, `event` and `data` give text in which bytes that are not UTF-8 are replaced
/// by U+FFFD; those that end in `_bytes` give the bytes as they came. The standard decodes the
/// whole stream before it looks for lines. The outcome is the same: a replacement never reaches
/// beyond a maximal subpart of a character, and everything that separates lines and fields is
/// ASCII, which no such part contains.
///
/// ```
/// use tidings_core::Event;
///
/// let event = Event::message("21.5 °C").with_event("temperature")?.with_id("7")?;
/// let mut wire = Vec::new();
/// event.encode(&mut wire);
/// assert_eq!(wire, "id: 7\nevent: temperature\ndata: 21.5 °C\n\n".as_bytes());
/// # Ok::<(), tidings_core::EventError>(())
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Event<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) has_id: bool,
    pub(crate) event: &'a [u8],
    pub(crate) data: Option<&'a [u8]>,
    pub(crate) retry: Option<u64>,
}

impl<'a> Event<'a> {
    /// An event with nothing in it.
    #[must_use]
    pub const fn new() -> Self {
        Event {
            id: &[],
            has_id: false,
            event: &[],
            data: None,
            retry: None,
        }
    }

    /// An event of type `message`, which is what a page's `onmessage` hears.
    #[must_use]
    pub const fn message(data: &'a str) -> Self {
        Event::new().with_data(data)
    }

    /// Sets the id, which a reader sends back as `Last-Event-ID` when it reconnects.
    ///
    /// An empty id is not the same as none: it tells the reader to forget the id it has.
    ///
    /// # Errors
    ///
    /// When the id has a NUL, for which a reader ignores the whole line, or a CR or LF, which
    /// would end the line.
    #[inline]
    pub fn with_id(self, id: &'a str) -> Result<Self, EventError> {
        check_id(id.as_bytes())?;
        Ok(Event {
            id: id.as_bytes(),
            has_id: true,
            ..self
        })
    }

    /// Sets the type. An empty one means `message`, and no line is written for it.
    ///
    /// # Errors
    ///
    /// When the type has a CR or LF, which would end the line.
    #[inline]
    pub fn with_event(self, event: &'a str) -> Result<Self, EventError> {
        if memchr::memchr2(b'\r', b'\n', event.as_bytes()).is_some() {
            return Err(EventError::LineBreakInEvent);
        }
        Ok(Event {
            event: event.as_bytes(),
            ..self
        })
    }

    /// Sets the data. CR, LF and CRLF each are one line break, and arrive as LF.
    #[must_use]
    pub const fn with_data(self, data: &'a str) -> Self {
        Event {
            data: Some(data.as_bytes()),
            ..self
        }
    }

    /// Sets how long a reader waits before it reconnects, in milliseconds.
    #[must_use]
    pub const fn with_retry(self, ms: u64) -> Self {
        Event {
            retry: Some(ms),
            ..self
        }
    }

    /// The last event id at this event, `lastEventId` in a page: the event's own, or else that of
    /// the last event before it on its stream that had one. Empty if there is none.
    #[must_use]
    pub fn id(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.id)
    }

    /// The bytes of [`id`](Self::id).
    #[must_use]
    pub const fn id_bytes(&self) -> &'a [u8] {
        self.id
    }

    /// Whether the id is the event's own. Only then is it encoded with the event.
    #[must_use]
    pub const fn has_id(&self) -> bool {
        self.has_id
    }

    /// The type: `message` if the event has none.
    #[must_use]
    pub fn event(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.event_bytes())
    }

    /// The bytes of [`event`](Self::event).
    #[must_use]
    pub const fn event_bytes(&self) -> &'a [u8] {
        if self.event.is_empty() {
            b"message"
        } else {
            self.event
        }
    }

    /// The data, its lines separated by LF. Empty if there is none.
    #[must_use]
    pub fn data(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.data_bytes())
    }

    /// The bytes of [`data`](Self::data).
    #[must_use]
    pub const fn data_bytes(&self) -> &'a [u8] {
        match self.data {
            Some(data) => data,
            None => &[],
        }
    }

    /// Whether there is data, be it empty. A reader hands out no event without it, but takes note
    /// of its id and retry.
    #[must_use]
    pub const fn has_data(&self) -> bool {
        self.data.is_some()
    }

    /// How long a reader waits before it reconnects, in milliseconds, if the event says so.
    #[must_use]
    pub const fn retry(&self) -> Option<u64> {
        self.retry
    }

    /// Copies the event, to keep it longer than the bytes it looks at.
    #[must_use]
    pub fn into_owned(self) -> OwnedEvent {
        OwnedEvent {
            id: self.id.into(),
            has_id: self.has_id,
            event: self.event.into(),
            data: self.data.map(Vec::from),
            retry: self.retry,
        }
    }
}

impl fmt::Debug for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id())
            .field("has_id", &self.has_id)
            .field("event", &String::from_utf8_lossy(self.event))
            .field("data", &self.data.map(String::from_utf8_lossy))
            .field("retry", &self.retry)
            .finish()
    }
}

/// An [`Event`] that owns its bytes.
///
/// ```
/// use tidings_core::Event;
///
/// let kept = Event::message("hello").into_owned();
/// assert_eq!(kept.as_event().data(), "hello");
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct OwnedEvent {
    id: Vec<u8>,
    has_id: bool,
    event: Vec<u8>,
    data: Option<Vec<u8>>,
    retry: Option<u64>,
}

impl OwnedEvent {
    /// The event itself, with all its getters.
    #[must_use]
    pub fn as_event(&self) -> Event<'_> {
        Event {
            id: &self.id,
            has_id: self.has_id,
            event: &self.event,
            data: self.data.as_deref(),
            retry: self.retry,
        }
    }
}

impl From<Event<'_>> for OwnedEvent {
    fn from(event: Event<'_>) -> Self {
        event.into_owned()
    }
}

impl fmt::Debug for OwnedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_event().fmt(f)
    }
}

/// Why a text cannot be part of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventError {
    /// The id has a CR or LF.
    LineBreakInId,
    /// The id has a NUL.
    NulInId,
    /// The type has a CR or LF.
    LineBreakInEvent,
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LineBreakInId => {
                "the event id has a line break, which would end its line: encode or remove it"
            }
            Self::NulInId => {
                "the event id has a NUL, for which readers ignore it: encode or remove it"
            }
            Self::LineBreakInEvent => {
                "the event type has a line break, which would end its line: encode or remove it"
            }
        })
    }
}

impl core::error::Error for EventError {}

pub(crate) fn check_id(id: &[u8]) -> Result<(), EventError> {
    match memchr::memchr3(b'\0', b'\r', b'\n', id) {
        None => Ok(()),
        Some(at) if id[at] == b'\0' => Err(EventError::NulInId),
        Some(_) => Err(EventError::LineBreakInId),
    }
}
