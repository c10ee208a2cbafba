//! One publisher of the load: a connection that is kept, and one request on it at a time.
//!
//! It does not know what it publishes.

use super::stream::status;
use socket2::Socket;
use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;

pub(super) struct Publisher {
    pub(super) socket: Socket,
    /// Whether an answer is due.
    asked: bool,
    /// What could not be sent yet.
    unsent: Vec<u8>,
    answer: Vec<u8>,
}

/// What reading has shown.
pub(super) enum Answer {
    None,
    Whole,
    /// The server left, as nothing was asked of it for long.
    Left,
}

impl Publisher {
    pub(super) fn new(socket: Socket) -> Self {
        Self {
            socket,
            asked: false,
            unsent: Vec::new(),
            answer: Vec::new(),
        }
    }

    /// Sends a request with this body; false where the socket did not take all of it yet.
    pub(super) fn publish(
        &mut self,
        address: SocketAddr,
        path: &str,
        body: &[u8],
    ) -> io::Result<bool> {
        self.asked = true;
        write!(
            self.unsent,
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        )?;
        self.unsent.extend_from_slice(body);
        self.send()
    }

    /// Sends what is left; true once that is all.
    pub(super) fn send(&mut self) -> io::Result<bool> {
        while !self.unsent.is_empty() {
            match self.socket.send(&self.unsent) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) if is_for_now(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Reads what is there.
    ///
    /// # Errors
    /// When the answer says that nothing was published.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<Answer> {
        match self.socket.read(buffer) {
            Ok(0) if !self.asked => return Ok(Answer::Left),
            Ok(0) => return Err(io::Error::other("the server left a publisher")),
            Ok(read) => self.answer.extend_from_slice(&buffer[..read]),
            Err(error) if is_for_now(&error) => return Ok(Answer::None),
            Err(error) => return Err(error),
        }
        let Some(end) = memchr::memmem::find(&self.answer, b"\r\n\r\n") else {
            return Ok(Answer::None);
        };
        let head = String::from_utf8_lossy(&self.answer[..end]).to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length:"));
        let length: usize = length
            .and_then(|text| text.trim().parse().ok())
            .ok_or_else(|| io::Error::other("an answer has no length"))?;
        if self.answer.len() < end + 4 + length {
            return Ok(Answer::None);
        }
        if status(&self.answer)? != 200 {
            let answer = String::from_utf8_lossy(&self.answer).into_owned();
            return Err(io::Error::other(format!("not published: {answer}")));
        }
        self.answer.clear();
        self.asked = false;
        Ok(Answer::Whole)
    }
}

/// Whether the socket is not connected yet, or takes or has nothing now.
fn is_for_now(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::NotConnected
    )
}
