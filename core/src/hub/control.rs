//! The events that the hub itself sends: their names, and how each is written.
//!
//! It does not know when one is due.

use super::connections::Missing;
use super::cursor::Cursor;
use super::encoding::Encoding;
use super::heartbeat::Heartbeat;
use super::id::ConnectionId;
use super::json::{Fields, JsonString, JsonStrings, OrNull, Quoted, fill, object};
use super::options::OptionsError;
use super::output::CloseReason;
use super::rules::STAY_AWAY;
use crate::Event;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The control events: typed, in the stream, visible to a plain `EventSource`.
///
/// Their names are reserved: publishing an event of such a type is an error.
///
/// ```
/// use tidings_core::{ControlEvent, ControlOptions};
///
/// let control = ControlOptions {
///     heartbeat: ControlEvent {
///         json: Some(r#"{"timestamp":{time_ms}}"#.to_owned()),
///         ..ControlEvent::named("ping")
///     },
///     ..ControlOptions::default()
/// };
/// # drop(control);
/// ```
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(from = "crate::serialize::ControlChanges"))]
pub struct ControlOptions {
    /// Opens a stream: `{"connection","user","topics","cursor"}`. Default name `connected`.
    pub connected: ControlEvent,
    /// A quiet stream is alive: `{"time_ms"}`, Unix time. Default name `heartbeat`.
    pub heartbeat: ControlEvent,
    /// Events were missed: `{"missed","from","reason"}`; `missed` is null where it cannot be
    /// counted, `from` the cursor before them, null where it is unknown. Default name `gap`.
    pub gap: ControlEvent,
    /// The token ends soon: `{"expires_ms"}`, Unix time. Default name `reauth`.
    pub reauth: ControlEvent,
    /// The hub closes the stream: `{"reason","retry_ms"}`. Default name `bye`.
    pub bye: ControlEvent,
}

/// One of the control events.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct ControlEvent {
    /// Its type on the wire. Reserved even where it is switched off.
    pub name: String,
    /// Whether it is sent. One that is off leaves only the id line that it carries, and the `retry`
    /// of a `bye`, which readers take without dispatching an event. A `gap` that is off is still
    /// counted in the statistics, but the reader does not hear of it.
    pub enabled: bool,
    /// JSON to send instead of the hub's own, in one line. A field of the hub's own in braces stands for
    /// its value there: `{time_ms}` in that of a heartbeat for a number, `{user}` in that of `connected`
    /// for a string, with its quotes, or null.
    pub json: Option<String>,
}

impl Default for ControlOptions {
    fn default() -> Self {
        Self {
            connected: ControlEvent::named("connected"),
            heartbeat: ControlEvent::named("heartbeat"),
            gap: ControlEvent::named("gap"),
            reauth: ControlEvent::named("reauth"),
            bye: ControlEvent::named("bye"),
        }
    }
}

impl ControlEvent {
    /// An event of this name, switched on, with the hub's own JSON.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            enabled: true,
            json: None,
        }
    }

    /// Writes the event, or only the lines beside its type and data where it is not `dispatched`.
    fn write(
        &self,
        dispatched: bool,
        head: Event<'_>,
        fields: Fields<'_>,
        encoding: Encoding,
        out: &mut Vec<u8>,
    ) {
        let mut event = head;
        let json;
        if dispatched {
            json = match &self.json {
                Some(template) => fill(template, fields),
                None => object(fields),
            };
            let named = event.with_event(&self.name);
            debug_assert!(named.is_ok(), "names were checked with the options");
            event = named.unwrap_or(event).with_data(&json);
        }
        if event != Event::new() {
            encoding.write(&event, out);
        }
    }
}

impl ControlOptions {
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.all().into_iter().map(|event| event.name.as_str())
    }

    fn all(&self) -> [&ControlEvent; 5] {
        [
            &self.connected,
            &self.heartbeat,
            &self.gap,
            &self.reauth,
            &self.bye,
        ]
    }

    pub(crate) fn validate(&self) -> Result<(), OptionsError> {
        let events = self.all();
        for (place, event) in events.iter().enumerate() {
            let twice = events[..place].iter().any(|other| other.name == event.name);
            let bad = event.name.is_empty() || event.name == "message";
            if twice || bad || Event::new().with_event(&event.name).is_err() {
                return Err(OptionsError::ControlName);
            }
            if event
                .json
                .as_ref()
                .is_some_and(|json| json.contains(['\r', '\n']))
            {
                return Err(OptionsError::ControlJson);
            }
        }
        Ok(())
    }

    /// `id` is none where a gap follows, which then carries the new position.
    pub(crate) fn write_connected<'a>(
        &self,
        id: Option<Cursor>,
        says: &Connected<'a, impl Iterator<Item = &'a str> + Clone>,
        encoding: Encoding,
        out: &mut Vec<u8>,
    ) {
        let fields: Fields<'_> = &[
            ("connection", &Quoted(says.connection)),
            ("user", &OrNull(says.user.map(JsonString))),
            ("topics", &JsonStrings(says.topics.clone())),
            ("cursor", &Quoted(says.cursor)),
        ];
        let id = id.map(|cursor| cursor.to_string());
        let head = id.as_deref().map_or(Event::new(), with_id);
        let event = &self.connected;
        event.write(event.enabled, head, fields, encoding, out);
    }

    pub(crate) fn write_heartbeat(&self, heartbeat: &Heartbeat, out: &mut Vec<u8>) {
        let (event, encoding) = (&self.heartbeat, heartbeat.encoding);
        let dispatched = event.enabled && !heartbeat.comment;
        if !dispatched {
            encoding.write_sign_of_life(out);
        }
        let fields: Fields<'_> = &[("time_ms", &heartbeat.time_ms)];
        let id = heartbeat.id.to_string();
        event.write(dispatched, with_id(&id), fields, encoding, out);
    }

    pub(crate) fn write_gap(
        &self,
        id: Cursor,
        missing: &Missing,
        encoding: Encoding,
        out: &mut Vec<u8>,
    ) {
        let from = missing.from.map(|sequence| Cursor::new(id.epoch, sequence));
        let fields: Fields<'_> = &[
            ("missed", &OrNull(missing.events)),
            ("from", &OrNull(from.map(Quoted))),
            ("reason", &Quoted(missing.reason)),
        ];
        let (event, id) = (&self.gap, id.to_string());
        event.write(event.enabled, with_id(&id), fields, encoding, out);
    }

    pub(crate) fn write_reauth(&self, expires_ms: u64, encoding: Encoding, out: &mut Vec<u8>) {
        let (event, fields): (_, Fields<'_>) = (&self.reauth, &[("expires_ms", &expires_ms)]);
        event.write(event.enabled, Event::new(), fields, encoding, out);
    }

    /// Where the client is to stay away, the id says so when it comes back all the same. `id` is
    /// none where the client keeps the one it came with.
    pub(crate) fn write_bye(
        &self,
        id: Option<Cursor>,
        reason: CloseReason,
        retry_ms: u64,
        encoding: Encoding,
        out: &mut Vec<u8>,
    ) {
        let mut id = id.map_or(String::new(), |id| id.to_string());
        if reason.stays_away() {
            id.push_str(STAY_AWAY);
        }
        let head = match &*id {
            "" => Event::new(),
            id => with_id(id),
        };
        let fields: Fields<'_> = &[("reason", &Quoted(reason)), ("retry_ms", &retry_ms)];
        let event = &self.bye;
        event.write(
            event.enabled,
            head.with_retry(retry_ms),
            fields,
            encoding,
            out,
        );
        encoding.write_end(reason, out);
    }
}

/// What `connected` says.
pub(crate) struct Connected<'a, I> {
    pub(crate) connection: ConnectionId,
    pub(crate) user: Option<&'a str>,
    pub(crate) topics: I,
    pub(crate) cursor: Cursor,
}

/// An event with nothing but an id, which is a cursor's text.
fn with_id(id: &str) -> Event<'_> {
    let event = Event::new().with_id(id);
    debug_assert!(event.is_ok(), "a cursor can be an id");
    event.unwrap_or_default()
}
