//! Bytes that were offered, taken apart into frames at blank lines.
//!
//! It does not know what should be there.

use crate::frames::{Close, close_of, event_of, next_frame};
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use std::fmt;
use tidings_core::{Encoding, Opcode};

/// Bytes from which frames are taken one by one.
pub(crate) struct Scan<'a> {
    rest: &'a [u8],
    encoding: Encoding,
}

/// One frame: what stands before a blank line.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) bytes: Vec<u8>,
    pub(crate) id: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) retry: Option<u64>,
    pub(crate) comment: bool,
    /// The close frame behind it, over WebSocket.
    pub(crate) close: Option<Close>,
}

impl<'a> Scan<'a> {
    pub(crate) const fn new(bytes: &'a [u8], encoding: Encoding) -> Self {
        Self {
            rest: bytes,
            encoding,
        }
    }

    pub(crate) fn starts_with(&self, bytes: &[u8]) -> bool {
        self.rest.starts_with(bytes)
    }

    /// Takes exactly these bytes.
    pub(crate) fn take(&mut self, bytes: &[u8], what: &str) -> Verdict {
        let found = &self.rest[..bytes.len().min(self.rest.len())];
        ensure_eq!(
            lossy(found),
            lossy(bytes),
            "{what} is not what it should be"
        );
        self.rest = &self.rest[bytes.len()..];
        Ok(())
    }

    /// The next frame, if anything is left.
    pub(crate) fn peek(&self) -> Verdict<Option<Frame>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        if self.encoding == Encoding::WebSocket {
            return self.peek_message().map(Some);
        }
        let end = self.rest.windows(2).position(|two| two == b"\n\n");
        let Some(end) = end else {
            return Err(format!("a frame has no end: {:?}", lossy(self.rest)));
        };
        Frame::parse(&self.rest[..end + 2]).map(Some)
    }

    /// The next message, with a ping before it and a close behind it.
    fn peek_message(&self) -> Verdict<Frame> {
        let none = || format!("a message has no end: {:?}", lossy(self.rest));
        let mut rest = self.rest;
        let mut stream = Vec::new();
        let (mut opcode, mut payload) = next_frame(&mut rest)?.ok_or_else(none)?;
        if opcode == Opcode::Ping {
            stream.extend(b": \n");
            (opcode, payload) = next_frame(&mut rest)?.ok_or_else(none)?;
        }
        ensure_eq!(opcode, Opcode::Text, "a frame");
        stream.extend(event_of(payload)?);
        let mut frame = Frame::parse(&stream)?;
        let mut behind = rest;
        if let Some((Opcode::Close, payload)) = next_frame(&mut behind)? {
            frame.close = Some(close_of(payload)?);
            rest = behind;
        }
        frame.bytes = self.rest[..self.rest.len() - rest.len()].to_vec();
        Ok(frame)
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lossy(&self.bytes).fmt(f)
    }
}

impl Frame {
    /// Takes one frame apart.
    pub(crate) fn parse(bytes: &[u8]) -> Verdict<Self> {
        let mut frame = Self {
            bytes: bytes.to_vec(),
            ..Self::default()
        };
        for line in lossy(bytes).lines().filter(|line| !line.is_empty()) {
            let Some((name, value)) = line.split_once(": ") else {
                return Err(format!("not a line of a frame: {line:?}"));
            };
            ensure!(
                name != "id" || frame.id.is_none(),
                "a frame has two ids: {:?}",
                lossy(bytes)
            );
            match name {
                "id" => frame.id = Some(value.into()),
                "event" => frame.event = Some(value.into()),
                "data" => frame.data = Some(value.into()),
                "retry" => frame.retry = value.parse().ok(),
                "" => frame.comment = true,
                _ => return Err(format!("not a field of a frame: {line:?}")),
            }
        }
        Ok(frame)
    }

    /// Whether nothing but an id stands in it.
    pub(crate) fn is_only_id(&self) -> bool {
        let only = Self {
            bytes: self.bytes.clone(),
            id: self.id.clone(),
            ..Self::default()
        };
        self.id.is_some() && *self == only
    }
}

pub(crate) fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
