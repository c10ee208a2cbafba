//! What a body says, read field by field, and everything that may be wrong with it.
//!
//! It does not know what the server makes of it.

use crate::targets::fields::Fields;
use serde_json::Value;
use serde_json::value::RawValue;
use tidings_core::{ConnectionId, ControlOptions, Cursor, Limits, pattern_matches};

/// What a body says of one event.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) topics: Option<Vec<String>>,
    pub(super) user: Option<String>,
    pub(super) everyone: bool,
    pub(super) connection: Option<String>,
    pub(super) event: Option<String>,
    /// A text as it is, and other JSON as it was written.
    pub(super) data: Option<String>,
    pub(super) id: Option<String>,
    pub(super) retry: Option<u64>,
    pub(super) private: bool,
    pub(super) except: Option<String>,
}

/// A body: one event, or an array of them. None stands for what is no event.
pub(super) struct Body {
    pub(super) is_array: bool,
    pub(super) events: Vec<Option<Said>>,
}

/// Reads a body; none if it is neither an object nor an array.
pub(super) fn read(body: &[u8]) -> Option<Body> {
    let text = str::from_utf8(body).ok()?;
    let whole: &RawValue = serde_json::from_str(text).ok()?;
    match whole.get().as_bytes().first() {
        Some(b'{') => Some(Body {
            is_array: false,
            events: vec![read_event(whole)],
        }),
        Some(b'[') => {
            let events: Vec<&RawValue> = serde_json::from_str(text).ok()?;
            Some(Body {
                is_array: true,
                events: events.into_iter().map(read_event).collect(),
            })
        }
        _ => None,
    }
}

fn read_event(event: &RawValue) -> Option<Said> {
    let Fields(fields) = serde_json::from_str(event.get()).ok()?;
    let mut said = Said::default();
    for (number, (name, raw)) in fields.iter().enumerate() {
        if fields[..number].iter().any(|(other, _)| other == name) {
            return None;
        }
        if name == "data" {
            said.data = match raw.get().as_bytes()[0] {
                b'n' => None,
                b'"' => Some(serde_json::from_str(raw.get()).ok()?),
                _ => Some(raw.get().to_owned()),
            };
            continue;
        }
        let value: Value = serde_json::from_str(raw.get()).ok()?;
        let text = || match &value {
            Value::Null => Some(None),
            Value::String(text) => Some(Some(text.clone())),
            _ => None,
        };
        match &**name {
            "topics" => said.topics = topics(&value)?,
            "user" => said.user = text()?,
            "everyone" => said.everyone = value.as_bool()?,
            "connection" => said.connection = text()?,
            "event" => said.event = text()?,
            "id" => said.id = text()?,
            "retry" if value.is_null() => {}
            "retry" => said.retry = Some(value.as_u64()?),
            "private" => said.private = value.as_bool()?,
            "except" => said.except = text()?,
            _ => return None,
        }
    }
    Some(said)
}

fn topics(value: &Value) -> Option<Option<Vec<String>>> {
    if value.is_null() {
        return Some(None);
    }
    let topics = value.as_array()?.iter();
    let topics: Option<Vec<_>> = topics
        .map(|topic| topic.as_str().map(str::to_owned))
        .collect();
    topics.map(Some)
}

/// The code of a fault, a word that its message must have, and whether an event has it.
type Fault = (&'static str, &'static str, fn(&Said, &Limits) -> bool);

/// What there is to be wrong.
pub(super) const FAULTS: [Fault; 13] = [
    ("invalid_audience", "exactly one of topics", |said, _| {
        let ways = (
            said.topics.is_some(),
            said.user.is_some(),
            said.everyone,
            said.connection.is_some(),
        );
        !matches!(
            ways,
            (true, _, false, false)
                | (false, true, false, false)
                | (false, false, true, false)
                | (false, false, false, true)
        )
    }),
    ("invalid_connection", "connection", |said, _| {
        is_no_connection(said.connection.as_deref())
    }),
    ("invalid_connection", "except", |said, _| {
        is_no_connection(said.except.as_deref())
    }),
    ("invalid_event", "event", |said, _| {
        said.event.iter().any(|event| event.contains(['\r', '\n']))
    }),
    ("invalid_id", "id", |said, limits| {
        said.id.iter().any(|id| {
            let is_cursor = id.parse::<Cursor>().is_ok();
            let is_long = id.is_empty() || id.len() > limits.id_bytes;
            let is_word = id == "earliest" || id.ends_with('!');
            is_long || is_word || is_cursor || id.chars().any(char::is_control)
        })
    }),
    ("no_topic", "topics", |said, _| {
        said.topics.iter().any(Vec::is_empty)
    }),
    ("too_many_topics", "topics", |said, limits| {
        let most = limits.topics_per_publish;
        said.topics.iter().any(|topics| topics.len() > most)
    }),
    ("invalid_topic", "topics", |said, limits| {
        let mut topics = said.topics.iter().flatten();
        topics.any(|topic| is_no_name(topic, limits) || topic.contains('*'))
    }),
    ("invalid_user", "user", |said, limits| {
        said.user.iter().any(|user| is_no_name(user, limits))
    }),
    ("no_data", "data", |said, _| said.data.is_none()),
    ("reserved_event", "event", |said, _| {
        let control = ControlOptions::default();
        let reserved = [
            control.connected,
            control.heartbeat,
            control.gap,
            control.reauth,
            control.bye,
        ];
        let event = said.event.as_deref().unwrap_or_default();
        reserved.iter().any(|control| control.name == event)
    }),
    ("event_too_long", "data", |said, limits| {
        said.frame().len() > limits.event_bytes
    }),
    ("latest_not_alone", "topics", |said, _| {
        let topics = || said.topics.iter().flatten();
        let is_latest = topics().any(|topic| pattern_matches("latest/**", topic));
        let is_alone = said.user.is_none() && topics().all(|topic| Some(topic) == topics().next());
        is_latest && !is_alone
    }),
];

fn is_no_connection(id: Option<&str>) -> bool {
    id.is_some_and(|id| id.parse::<ConnectionId>().is_err())
}

fn is_no_name(name: &str, limits: &Limits) -> bool {
    name.is_empty() || name.len() > limits.name_bytes || name.chars().any(char::is_control)
}

impl Said {
    /// The data as a reader gets it.
    pub(super) fn lines(&self) -> String {
        let data = self.data.as_deref().unwrap_or_default();
        data.replace("\r\n", "\n").replace('\r', "\n")
    }

    /// The bytes on the wire, but for the id.
    fn frame(&self) -> String {
        let mut frame = String::new();
        for event in self.event.iter().filter(|event| !event.is_empty()) {
            frame += &format!("event: {event}\n");
        }
        if let Some(ms) = self.retry {
            frame += &format!("retry: {ms}\n");
        }
        for line in self.lines().split('\n') {
            frame += &format!("data: {line}\n");
        }
        frame + "\n"
    }
}
