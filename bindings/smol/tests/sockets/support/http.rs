//! HTTP as bytes on a socket, so that tests see exactly what is sent, and when.
//!
//! It does not know what is asked for.

use super::wait::PATIENCE;
use serde_json::Value;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// One connection.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    /// Bytes that came behind what was taken.
    unread: Vec<u8>,
    address: SocketAddr,
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).expect("the server takes a connection");
        Self::of(socket, address)
    }

    pub(crate) fn of(socket: TcpStream, address: SocketAddr) -> Self {
        let patience = Some(PATIENCE);
        socket
            .set_read_timeout(patience)
            .expect("a time can be set");
        socket
            .set_write_timeout(patience)
            .expect("a time can be set");
        socket.set_nodelay(true).expect("it can be set");
        Self {
            socket,
            unread: Vec::new(),
            address,
        }
    }

    /// Sends bytes. A server that does not read to the end is no failure: its answer tells.
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = self.socket.write_all(bytes.as_ref());
        if let Err(error) = sent {
            let broken = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
            assert!(broken.contains(&error.kind()), "sending failed: {error}");
        }
    }

    /// Says that nothing more is sent.
    pub(crate) fn end_sending(&self) {
        self.socket
            .shutdown(Shutdown::Write)
            .expect("it can be shut down");
    }

    /// The bytes of a request; a body makes it one with JSON.
    pub(crate) fn bytes_of(&self, method: &str, target: &str, body: &str) -> String {
        let json = if body.is_empty() {
            String::new()
        } else {
            let length = body.len();
            format!("content-type: application/json\r\ncontent-length: {length}\r\n")
        };
        let host = self.address;
        format!("{method} {target} HTTP/1.1\r\nhost: {host}\r\n{json}\r\n{body}")
    }

    pub(crate) fn request(&mut self, method: &str, target: &str, body: &str) -> Response {
        let request = self.bytes_of(method, target, body);
        self.send(request);
        self.response_to(method)
    }

    /// Sends a request with these header lines and this body.
    pub(crate) fn request_with(
        &mut self,
        request_line: &str,
        headers: &[&str],
        body: &[u8],
    ) -> Response {
        let headers: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        self.send(format!("{request_line}\r\n{headers}\r\n"));
        self.send(body);
        self.response()
    }

    pub(crate) fn response(&mut self) -> Response {
        self.response_to("GET")
    }

    fn response_to(&mut self, method: &str) -> Response {
        let head = self.head();
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let mut response = Response {
            status: status.unwrap_or_else(|| panic!("a status line: {head:?}")),
            head,
            body: Vec::new(),
        };
        let length = response.header("content-length");
        let length = length.map(|length| length.parse().expect("a length is a number"));
        response.body = match length {
            _ if method == "HEAD" || [204, 304].contains(&response.status) => Vec::new(),
            Some(length) => self.take(length),
            None => self.rest(),
        };
        response
    }

    /// Reads up to the blank line.
    pub(crate) fn head(&mut self) -> String {
        loop {
            let end = self.unread.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let head = self.unread.drain(..end + 4).collect();
                return String::from_utf8(head).expect("a head is text");
            }
            assert!(self.read(), "the connection ended in a head: {self:?}");
        }
    }

    /// The status line and headers of what comes next, which stay to be read.
    pub(crate) fn peek_head(&mut self) -> String {
        let head = self.head();
        self.unread.splice(..0, head.bytes());
        head
    }

    /// The next response; none where the other side has closed the connection instead.
    pub(crate) fn response_unless_ended(&mut self) -> Option<Response> {
        let mut byte = [0; 1];
        match self.socket.peek(&mut byte) {
            Ok(1) => Some(self.response()),
            Ok(_) => None,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("there is neither response nor end: {error}"),
        }
    }

    fn take(&mut self, length: usize) -> Vec<u8> {
        while self.unread.len() < length {
            assert!(self.read(), "the connection ended in a body: {self:?}");
        }
        self.unread.drain(..length).collect()
    }

    /// Reads to the end of the connection, which must be an orderly one.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.read() {}
        std::mem::take(&mut self.unread)
    }

    /// Waits until the other side has closed the connection, in whatever way.
    pub(crate) fn wait_for_end(&mut self) {
        let mut bytes = [0; 4_096];
        loop {
            match self.socket.read(&mut bytes) {
                Ok(0) => return,
                Ok(read) => self.unread.extend(&bytes[..read]),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return,
                Err(error) => panic!("the connection does not end: {error}; {self:?}"),
            }
        }
    }

    /// Whether the other side answers with nothing for this time. Only what must not happen is
    /// waited for by time.
    pub(crate) fn is_silent_for(&mut self, time: Duration) -> bool {
        self.socket
            .set_read_timeout(Some(time))
            .expect("a time can be set");
        let read = self.socket.read(&mut [0; 1]);
        self.socket
            .set_read_timeout(Some(PATIENCE))
            .expect("a time can be set");
        read.is_err_and(|error| is_timeout(&error))
    }

    /// One read; false at the end.
    pub(crate) fn read(&mut self) -> bool {
        let mut bytes = [0; 16_384];
        match self.socket.read(&mut bytes) {
            Ok(read) => {
                self.unread.extend(&bytes[..read]);
                read > 0
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => true,
            Err(error) => panic!("reading failed: {error}; {self:?}"),
        }
    }

    /// All that was read and not taken.
    pub(crate) fn take_unread(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.unread)
    }
}

pub(crate) fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let unread = String::from_utf8_lossy(&self.unread);
        f.debug_struct("Client").field("unread", &unread).finish()
    }
}

impl Response {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("a body is text")
    }

    pub(crate) fn json(&self) -> Value {
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{self:?}"
        );
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {:?}", self.text()))
    }

    /// The sentence for people in an error.
    pub(crate) fn message(&self) -> String {
        self.json()["error"]["message"]
            .as_str()
            .unwrap_or_else(|| panic!("an error has a message: {self:?}"))
            .to_owned()
    }
}

/// The value of a header in a head; names are in lower case.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split("\r\n").skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
