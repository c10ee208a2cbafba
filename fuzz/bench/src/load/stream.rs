//! One stream of the load: its request, the head of the answer, and events.
//!
//! It does not know when its socket can be read.

use super::End;
use socket2::Socket;
use std::io::{self, Read as _};
use tidings_core::{Decoder, Event, Item};

/// The head of an answer may have so many bytes.
const HEAD_BYTES: usize = 16 << 10;

pub(super) struct Stream {
    pub(super) socket: Socket,
    request: Vec<u8>,
    phase: Phase,
}

enum Phase {
    /// The head, as far as it came.
    Head(Vec<u8>),
    Open(Box<Decoder>),
}

/// What reading has changed.
pub(super) enum Progress {
    None,
    Opened,
    Ended(End),
}

impl Stream {
    pub(super) fn new(socket: Socket, request: Vec<u8>) -> Self {
        Self {
            socket,
            request,
            phase: Phase::Head(Vec::new()),
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open(_))
    }

    /// Sends the request, which fits into the socket whole; true once it is sent.
    pub(super) fn send(&mut self) -> io::Result<bool> {
        let request = std::mem::take(&mut self.request);
        match self.socket.send(&request) {
            Ok(sent) if sent == request.len() => Ok(true),
            Ok(_) => Err(io::ErrorKind::WriteZero.into()),
            // Reading will show that nobody listens.
            Err(_) => Ok(true),
        }
    }

    /// Reads what is there, and hands out the events in it.
    pub(super) fn read(
        &mut self,
        buffer: &mut [u8],
        tell: impl FnMut(&Event<'_>),
    ) -> io::Result<Progress> {
        let read = match self.socket.read(buffer) {
            Ok(0) => return Ok(Progress::Ended(End::Closed)),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Progress::None),
            Err(_) => return Ok(Progress::Ended(End::Reset)),
        };
        match &mut self.phase {
            Phase::Open(decoder) => {
                decode(decoder, &buffer[..read], tell)?;
                Ok(Progress::None)
            }
            Phase::Head(head) => {
                head.extend_from_slice(&buffer[..read]);
                let Some(end) = memchr::memmem::find(head, b"\r\n\r\n") else {
                    if head.len() > HEAD_BYTES {
                        return Err(io::Error::other("the head of an answer has no end"));
                    }
                    return Ok(Progress::None);
                };
                let status = status(head)?;
                if status != 200 {
                    return Ok(Progress::Ended(End::Refused(status)));
                }
                let mut decoder = Box::<Decoder>::default();
                decode(&mut decoder, &head[end + 4..], tell)?;
                self.phase = Phase::Open(decoder);
                Ok(Progress::Opened)
            }
        }
    }
}

fn decode(
    decoder: &mut Decoder,
    mut bytes: &[u8],
    mut tell: impl FnMut(&Event<'_>),
) -> io::Result<()> {
    while let Some(item) = decoder.decode(&mut bytes).map_err(io::Error::other)? {
        if let Item::Event(event) = item {
            tell(&event);
        }
    }
    Ok(())
}

/// The status in the head of an answer.
pub(super) fn status(head: &[u8]) -> io::Result<u16> {
    let digits = head
        .strip_prefix(b"HTTP/1.1 ")
        .and_then(|rest| rest.get(..3));
    digits
        .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok())
        .ok_or_else(|| io::Error::other("what came is not HTTP"))
}
