//! A connection to the server, plain or in TLS, on which anything can be said.
//!
//! It does not know what is said. What it reads comes, or ends, in bounded time.

use super::transport::client_config;
use futures_rustls::rustls::pki_types::CertificateDer;
use futures_rustls::rustls::pki_types::ServerName;
use futures_rustls::rustls::{ClientConfig, ClientConnection, StreamOwned};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// How long a server with time limits of a second may leave a client without a word.
const BOUND: Duration = Duration::from_secs(30);

/// Where the server is, and how it is spoken to.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    pub(crate) is_http2: bool,
    tls: Option<Arc<ClientConfig>>,
}

impl Place {
    /// A server that speaks TLS with one of these certificates, or plainly where there are none.
    pub(crate) fn new(
        address: SocketAddr,
        certificates: &[CertificateDer<'static>],
        protocol: &str,
    ) -> Self {
        let is_secure = !certificates.is_empty();
        Self {
            address,
            is_http2: protocol == "h2",
            tls: is_secure.then(|| client_config(certificates, &[protocol])),
        }
    }
}

pub(crate) struct Line {
    io: Io,
    /// What came and was not taken.
    pub(crate) unread: Vec<u8>,
    pub(crate) ended: bool,
}

enum Io {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// An answer of HTTP/1.1.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) is_stream: bool,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// Whether it refuses without a reason.
    pub(crate) const fn is_bare(&self) -> bool {
        self.status >= 400 && self.body.is_empty()
    }
}

impl Line {
    pub(crate) fn connect(place: &Place) -> Self {
        let socket = TcpStream::connect(place.address).expect("the server takes a connection");
        socket.set_read_timeout(Some(BOUND)).expect("it can be set");
        socket
            .set_write_timeout(Some(BOUND))
            .expect("it can be set");
        socket.set_nodelay(true).expect("it can be set");
        let mut ended = false;
        let io = match &place.tls {
            None => Io::Plain(socket),
            Some(config) => {
                let name = ServerName::try_from("localhost").expect("a name");
                let tls = ClientConnection::new(config.clone(), name).expect("TLS");
                let mut tls = Box::new(StreamOwned::new(tls, socket));
                // Where one side does not like the other, that is the end.
                ended = tls.conn.complete_io(&mut tls.sock).is_err();
                Io::Tls(tls)
            }
        };
        Self {
            io,
            unread: Vec::new(),
            ended,
        }
    }

    /// Sends bytes, as far as the server takes them.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let sent = match &mut self.io {
            Io::Plain(socket) => socket.write_all(bytes),
            Io::Tls(tls) => tls.write_all(bytes).and_then(|()| tls.flush()),
        };
        if let Err(error) = sent {
            assert!(!is_late(error.kind()), "the server takes nothing: {error}");
        }
    }

    /// Says that nothing more is sent.
    pub(crate) fn end_sending(&mut self) {
        // The server may have ended it before.
        let _ = match &mut self.io {
            Io::Plain(socket) => socket.shutdown(Shutdown::Write),
            Io::Tls(tls) => {
                tls.conn.send_close_notify();
                tls.flush()
                    .and_then(|()| tls.sock.shutdown(Shutdown::Write))
            }
        };
    }

    /// One read.
    pub(crate) fn read(&mut self) {
        let mut bytes = [0; 16_384];
        let read = match &mut self.io {
            Io::Plain(socket) => socket.read(&mut bytes),
            Io::Tls(tls) => tls.read(&mut bytes),
        };
        match read {
            Ok(read) if read > 0 => self.unread.extend(&bytes[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if is_late(error.kind()) => panic!("neither an answer nor an end: {error}"),
            Ok(_) | Err(_) => self.ended = true,
        }
    }

    /// The next answer; none where the connection ends instead.
    pub(crate) fn reply(&mut self, has_body: bool) -> Option<Reply> {
        let head = loop {
            let end = self.unread.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let head = self.unread.drain(..end + 4).collect();
                break String::from_utf8(head).expect("a head is text");
            }
            if self.ended {
                return None;
            }
            self.read();
        };
        let status = head.get(9..12).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status: {head:?}"));
        let head = head.to_ascii_lowercase();
        let named = |name: &str| {
            let value = head.lines().find_map(|line| line.strip_prefix(name));
            value.map(|value| value.trim_matches([':', ' ', '\r']))
        };
        let is_stream = named("content-type") == Some("text/event-stream");
        let length = named("content-length").map_or(0, |length| length.parse().expect("a number"));
        let mut body = Vec::new();
        if !is_stream && has_body {
            while self.unread.len() < length && !self.ended {
                self.read();
            }
            assert!(self.unread.len() >= length, "a body is cut: {head}");
            body.extend(self.unread.drain(..length));
        }
        Some(Reply {
            status,
            is_stream,
            body,
        })
    }
}

const fn is_late(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
