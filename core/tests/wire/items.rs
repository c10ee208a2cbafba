//! What is read and what is written, a line each.
//!
//! It does not know how it is read or written.

use crate::notation::Pairs;
use tidings_core::{DecodeError, Event, EventError, Item};

/// What a reader makes of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Event {
        event: String,
        data: String,
        /// Its own.
        id: Option<String>,
        /// That of an event before.
        last: Option<String>,
        retry: Option<u64>,
    },
    Retry(u64),
    Comment(String),
    Error {
        what: &'static str,
        offset: u64,
    },
}

/// All that a reader makes of streams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) seen: Vec<Seen>,
    pub(crate) last_event_id: String,
}

const EVENT_TOO_LARGE: &str = "event too large";
const COMMENT_TOO_LARGE: &str = "comment too large";

impl Seen {
    fn parse(mut pairs: Pairs) -> Result<Self, String> {
        let missing = |word| format!("{word} is missing");
        let seen = match pairs.first() {
            "event" => {
                let seen = Seen::Event {
                    event: pairs.text("event")?.ok_or_else(|| missing("event"))?,
                    data: pairs.text("data")?.ok_or_else(|| missing("data"))?,
                    id: pairs.text("id")?,
                    last: pairs.text("last")?,
                    retry: pairs.number("retry")?,
                };
                if let Seen::Event { id, last, .. } = &seen
                    && (last.as_deref() == Some("") || id.is_some() && last.is_some())
                {
                    return Err("an event has its own id, or one of an event before".to_owned());
                }
                seen
            }
            "retry" => Seen::Retry(pairs.number("retry")?.ok_or_else(|| missing("retry"))?),
            "comment" => Seen::Comment(pairs.text("comment")?.ok_or_else(|| missing("comment"))?),
            "error" => {
                let what = pairs.text("error")?.ok_or_else(|| missing("error"))?;
                let what = [EVENT_TOO_LARGE, COMMENT_TOO_LARGE]
                    .into_iter()
                    .find(|error| *error == what)
                    .ok_or_else(|| format!("there is no error {what:?}"))?;
                let offset = pairs.number("offset")?.ok_or_else(|| missing("offset"))?;
                Seen::Error { what, offset }
            }
            other => return Err(format!("nothing begins with {other:?}")),
        };
        pairs.end()?;
        Ok(seen)
    }
}

impl From<Item<'_>> for Seen {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Event(event) => {
                let id = event.id().into_owned();
                let (id, last) = match event.has_id() {
                    true => (Some(id), None),
                    false => (None, Some(id).filter(|id| !id.is_empty())),
                };
                Seen::Event {
                    event: event.event().into_owned(),
                    data: event.data().into_owned(),
                    id,
                    last,
                    retry: event.retry(),
                }
            }
            Item::Retry(ms) => Seen::Retry(ms),
            Item::Comment(text) => Seen::Comment(String::from_utf8_lossy(text).into_owned()),
            _ => unreachable!("no other items exist"),
        }
    }
}

impl From<DecodeError> for Seen {
    fn from(error: DecodeError) -> Self {
        let (what, offset) = match error {
            DecodeError::EventTooLarge { offset, .. } => (EVENT_TOO_LARGE, offset),
            DecodeError::CommentTooLarge { offset, .. } => (COMMENT_TOO_LARGE, offset),
            _ => unreachable!("no other errors exist"),
        };
        Seen::Error { what, offset }
    }
}

impl Reading {
    /// The lines of a block of events.
    pub(crate) fn parse(lines: &[&str]) -> Result<Self, String> {
        let mut reading = Reading::default();
        let lines = match lines {
            [] => return Err("where there is nothing, say `nothing`".to_owned()),
            ["nothing"] => return Ok(reading),
            [lines @ .., last] if last.starts_with("last ") => {
                let mut pairs = Pairs::parse(last)?;
                reading.last_event_id = pairs.text("last")?.unwrap_or_default();
                pairs.end()?;
                lines
            }
            lines => lines,
        };
        for line in lines {
            reading.seen.push(Seen::parse(Pairs::parse(line)?)?);
        }
        Ok(reading)
    }
}

/// What is to be written.
#[derive(Clone, Debug)]
pub(crate) enum Written {
    Event {
        id: Option<String>,
        event: Option<String>,
        data: Option<String>,
        retry: Option<u64>,
    },
    Comment(String),
}

impl Written {
    pub(crate) fn parse(line: &str) -> Result<Self, String> {
        let mut pairs = Pairs::parse(line)?;
        let written = match pairs.text("comment")? {
            Some(text) => Written::Comment(text),
            None => Written::Event {
                id: pairs.text("id")?,
                event: pairs.text("event")?,
                data: pairs.text("data")?,
                retry: pairs.number("retry")?,
            },
        };
        pairs.end()?;
        Ok(written)
    }

    /// Appends its bytes.
    pub(crate) fn write(&self, out: &mut Vec<u8>) -> Result<(), EventError> {
        match self {
            Written::Comment(text) => tidings_core::encode_comment(text, out),
            Written::Event {
                id,
                event: name,
                data,
                retry,
            } => {
                let mut event = Event::new();
                if let Some(id) = id {
                    event = event.with_id(id)?;
                }
                if let Some(name) = name {
                    event = event.with_event(name)?;
                }
                if let Some(data) = data {
                    event = event.with_data(data);
                }
                if let Some(ms) = retry {
                    event = event.with_retry(*ms);
                }
                event.encode(out);
            }
        }
        Ok(())
    }
}

/// The error of this name.
pub(crate) fn refusal(name: &str) -> Result<EventError, String> {
    match name {
        "line break in id" => Ok(EventError::LineBreakInId),
        "NUL in id" => Ok(EventError::NulInId),
        "line break in type" => Ok(EventError::LineBreakInEvent),
        _ => Err(format!("there is no refusal {name:?}")),
    }
}
