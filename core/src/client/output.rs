//! What a client tells its driver to do, and the reasons it gives.
//!
//! It does not know when; `client` decides.

use crate::decode::DecodeError;
use alloc::borrow::Cow;
use core::fmt;

/// What the driver has to do, or to tell the application.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientOutput<'a> {
    /// Send a request, and hand in what comes of it.
    ///
    /// A GET with `Accept: text/event-stream`, and without a cache.
    Connect {
        /// What to send as `Last-Event-ID`, if anything.
        last_event_id: Option<Cow<'a, str>>,
    },
    /// The connection is open: events may come.
    Open,
    /// Drop the request or the stream that is under way, if it still is, and hand in nothing more
    /// of it. If the client goes on, a `Connect` follows in time.
    Disconnect(ClientError),
    /// The client has given up. It does nothing more unless it is told to connect again.
    Failed(ClientError),
}

/// Why a client drops a connection, or gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientError {
    /// The application closed the client.
    Closed,
    /// No response came in time.
    ConnectTimeout,
    /// Not a byte came for too long.
    IdleTimeout,
    /// The server answered 204: it wants the client to stay away.
    NoContent,
    /// The server answered with another status than 200.
    Status(u16),
    /// The response is no event stream.
    ContentType,
    /// The stream could not be decoded.
    Decode(DecodeError),
    /// Too many attempts in a row failed.
    Attempts {
        /// [`ClientOptions::max_attempts`](crate::ClientOptions::max_attempts).
        limit: u32,
    },
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the application closed the client"),
            Self::ConnectTimeout => f.write_str(
                "no response came in time: check that the server is up, or raise \
                 `connect_timeout_ms`",
            ),
            Self::IdleTimeout => f.write_str(
                "the stream was silent for too long: have the server send heartbeats, or raise \
                 `idle_timeout_ms`",
            ),
            Self::NoContent => f.write_str("the server answered 204: do not connect again"),
            Self::Status(status) => write!(f, "the server answered {status} instead of 200"),
            Self::ContentType => f.write_str(
                "the response is no event stream: have the server send it as `text/event-stream`",
            ),
            Self::Decode(error) => error.fmt(f),
            Self::Attempts { limit } => write!(
                f,
                "{limit} attempts in a row failed: check the server, then connect again"
            ),
        }
    }
}

impl core::error::Error for ClientError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Decode(error) => Some(error),
            _ => None,
        }
    }
}

/// What waits to be polled. Each can wait only once: a connection that the driver has not been told
/// of is not dropped but forgotten.
#[derive(Clone, Debug, Default)]
pub(super) struct Outputs {
    pub(super) open: bool,
    pub(super) disconnect: Option<ClientError>,
    pub(super) connect: bool,
    pub(super) failed: Option<ClientError>,
}
