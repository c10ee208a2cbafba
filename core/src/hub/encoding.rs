//! The two ways to say an event: as a piece of `text/event-stream`, and as a WebSocket message.
//!
//! It does not know where the bytes are kept (`texts`), nor what control events say.
//!
//! A message is a frame of text, as RFC 6455 has it, with one object of JSON, RFC 8259:
//!
//! ```json
//! {"id":"1~5","event":"message","data":"hello","topic":"news","retry":500}
//! ```
//!
//! Nothing is said in one encoding that is not in the other, but for `topic`: an event stream has no
//! place for it.

use super::json::{JsonString, OrNull};
use super::output::CloseReason;
use crate::Event;
use crate::websocket::{Opcode, encode_frame, enframe_text};
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

/// How the events of a connection are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Encoding {
    /// `text/event-stream`, as an `EventSource` reads it: the WHATWG HTML standard, section 9.2.
    #[default]
    EventStream,
    /// WebSocket messages: whole frames of RFC 6455, unmasked, each with an object of JSON in
    /// `id`, `event`, `data`, `topic`, and, where there is one, `retry`.
    ///
    /// - `id` is the event's id, as in an event stream; null where that has no `id` line.
    /// - `event` is its type, `message` where it has none.
    /// - `data` is its data, a string. Where `event` and `data` are null, there is nothing to hand
    ///   on, but the `id` is a position to keep, and the `retry` a delay: what an event stream says
    ///   by an `id` line without data.
    /// - `topic` is the topic it was published to; of several, the first by name. It is null for
    ///   events to a user, to everyone and to one connection, and for those of the hub itself. It is
    ///   the same for all readers, also for those who subscribe only to another of several topics.
    ///
    /// Control events have their JSON in `data`, as a string. Where an event stream has a comment,
    /// there is a ping. After the `bye`, also one that is switched off, comes a close frame with the
    /// status of [`CloseReason::websocket_status`] and the name of the reason.
    WebSocket,
}

impl Encoding {
    /// Writes an event of the hub's own.
    pub(crate) fn write(self, event: &Event<'_>, out: &mut Vec<u8>) {
        match self {
            Self::EventStream => event.encode(out),
            Self::WebSocket => write_text(event, None, out),
        }
    }

    /// Writes what the last words of a stream are followed by.
    pub(crate) fn write_end(self, reason: CloseReason, out: &mut Vec<u8>) {
        if self == Self::WebSocket {
            let status = reason.websocket_status().to_be_bytes();
            let payload = [&status, reason.as_str().as_bytes()].concat();
            encode_frame(Opcode::Close, &payload, out);
        }
    }

    /// Writes what shows that the stream is alive and is no event.
    pub(crate) fn write_sign_of_life(self, out: &mut Vec<u8>) {
        match self {
            Self::EventStream => crate::encode_comment("", out),
            Self::WebSocket => encode_frame(Opcode::Ping, &[], out),
        }
    }
}

/// Writes an event as a WebSocket message.
pub(crate) fn write_text(event: &Event<'_>, topic: Option<&str>, out: &mut Vec<u8>) {
    let start = out.len();
    let has_data = event.has_data();
    let (id, name, data) = (event.id(), event.event(), event.data());
    let written = write!(
        Utf8(out),
        r#"{{"id":{},"event":{},"data":{},"topic":{}"#,
        OrNull(event.has_id().then_some(JsonString(&id))),
        OrNull(has_data.then_some(JsonString(&name))),
        OrNull(has_data.then_some(JsonString(&data))),
        OrNull(topic.map(JsonString)),
    );
    debug_assert!(written.is_ok(), "writing to a buffer cannot fail");
    if let Some(retry_ms) = event.retry() {
        let written = write!(Utf8(out), r#","retry":{retry_ms}"#);
        debug_assert!(written.is_ok(), "writing to a buffer cannot fail");
    }
    out.push(b'}');
    enframe_text(start, out);
}

/// Text that goes where bytes are kept.
struct Utf8<'a>(&'a mut Vec<u8>);

impl fmt::Write for Utf8<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
