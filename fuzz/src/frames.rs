//! WebSocket messages, read back: as the event stream that says the same.
//!
//! It does not know what they should say. It writes messages itself, too, so that the hub has
//! something to be compared with.

use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use serde_json::{Map, Value};
use tidings_core::{Opcode, decode_frame};

/// Bytes that come in pieces, of which whole messages are made.
#[derive(Debug, Default)]
pub struct Frames {
    rest: Vec<u8>,
    closed: bool,
}

/// What a close frame says.
pub type Close = (u16, String);

impl Frames {
    /// The messages that end in these bytes, as an event stream. Where none does, a comment shows that
    /// the connection is alive.
    ///
    /// # Errors
    /// Where it is none that a server sends, or follows a close.
    pub fn stream(&mut self, bytes: &[u8]) -> Verdict<Vec<u8>> {
        self.rest.extend_from_slice(bytes);
        let mut rest = &*self.rest;
        let mut stream = Vec::new();
        while let Some((opcode, payload)) = next_frame(&mut rest)? {
            ensure!(!self.closed, "{opcode:?} after a close");
            match opcode {
                Opcode::Text => stream.extend(event_of(payload)?),
                Opcode::Close => {
                    close_of(payload)?;
                    self.closed = true;
                }
                _ => stream.extend(b":\n"),
            }
        }
        self.rest = rest.to_vec();
        if stream.is_empty() && !bytes.is_empty() {
            stream.extend(b":\n");
        }
        Ok(stream)
    }
}

/// The first frame, if it is whole.
///
/// # Errors
/// Where it is none that a server sends.
pub fn next_frame<'a>(rest: &mut &'a [u8]) -> Verdict<Option<(Opcode, &'a [u8])>> {
    decode_frame(rest).map_err(|error| format!("not a frame: {error}"))
}

/// The event that a message is, as it stands in an event stream.
///
/// # Errors
/// Where the payload is not what a message is.
pub fn event_of(payload: &[u8]) -> Verdict<Vec<u8>> {
    let object: Map<String, Value> =
        serde_json::from_slice(payload).map_err(|error| format!("not a message: {error}"))?;
    let names: Vec<&str> = object.keys().map(String::as_str).collect();
    let (retry, names) = match object.get("retry") {
        Some(retry) => (retry.as_u64(), names.len() - 1),
        None => (None, names.len()),
    };
    ensure_eq!(names, 4, "the fields of a message: {object:?}");
    let text = |name: &str| match object.get(name) {
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(Value::Null) => Ok(None),
        other => Err(format!("the {name} of a message is {other:?}")),
    };
    let (id, event, data) = (text("id")?, text("event")?, text("data")?);
    text("topic")?;
    ensure_eq!(
        event.is_some(),
        data.is_some(),
        "a message has a type and data, or neither"
    );
    ensure!(
        retry.is_some() || !object.contains_key("retry"),
        "not a retry: {object:?}"
    );
    let mut stream = String::new();
    let mut line = |name: &str, value: &str| stream.extend([name, ": ", value, "\n"]);
    if let Some(id) = id {
        line("id", id);
    }
    if let Some(event) = event.filter(|event| *event != "message") {
        line("event", event);
    }
    if let Some(ms) = retry {
        line("retry", &ms.to_string());
    }
    for part in data.iter().flat_map(|data| data.split('\n')) {
        line("data", part);
    }
    stream.push('\n');
    Ok(stream.into_bytes())
}

/// What a close frame says.
///
/// # Errors
/// Where it has no status, or its text is none.
pub fn close_of(payload: &[u8]) -> Verdict<Close> {
    let (status, reason) = payload.split_first_chunk().ok_or("a close says nothing")?;
    let reason = str::from_utf8(reason).map_err(|error| error.to_string())?;
    Ok((u16::from_be_bytes(*status), reason.to_owned()))
}

/// A message of text as a server sends it, byte by byte.
#[must_use]
pub fn message(json: &str) -> Vec<u8> {
    let len = json.len();
    let mut frame = vec![0x81];
    match len {
        0..=125 => frame.push(len as u8),
        126..=0xffff => frame.extend([126, (len >> 8) as u8, len as u8]),
        _ => {
            frame.push(127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(json.as_bytes());
    frame
}
