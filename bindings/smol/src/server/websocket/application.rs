//! Messages of an application's own types, and what it is told of the sockets they come on.
//!
//! It does not know what they mean.

use crate::server::error::ApiError;
use serde_json::Value;
use std::pin::Pin;
use std::sync::Arc;
use tidings_core::ConnectionId;

/// A socket, as an application is told of it.
#[derive(Clone, Debug)]
pub struct Socket {
    connection: ConnectionId,
    user: Option<Arc<str>>,
}

impl Socket {
    pub(super) const fn new(connection: ConnectionId, user: Option<Arc<str>>) -> Self {
        Self { connection, user }
    }

    /// Its stream in the hub: what is published to it alone goes to its client, and its topics can be
    /// changed with [`Hub::change_topics`](crate::Hub::change_topics).
    #[must_use]
    pub const fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// The user whose it is.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    pub(super) const fn user_arc(&self) -> Option<&Arc<str>> {
        self.user.as_ref()
    }
}

/// What an application makes of messages whose `type` is not the server's: see
/// [`Ask::socket`](crate::server::Ask::socket).
///
/// Messages of one socket are handed over one after the other, and those of one user too, on however
/// many sockets they come; whoever takes long keeps only that user waiting. The server counts and limits
/// them before.
pub trait SocketHandler: 'static {
    /// Answers a message, which is a JSON object. The client gets the value as `data` of an `answer`, or
    /// the error. Once begun it is run to its end, also where the client has left.
    ///
    /// # Errors
    /// Why it is refused, as the client is told. It counts towards the limit on errors, as the server's own
    /// do.
    fn message(
        &self,
        socket: &Socket,
        message: Value,
    ) -> impl Future<Output = Result<Value, ApiError>>;

    /// The socket has gone, for whatever reason: told at once, once, and after its last message, be it one
    /// in which this has panicked. A socket whose client left before the handshake was answered never was.
    fn closed(&self, socket: &Socket) {
        let _ = socket;
    }
}

/// The same for handlers of any type.
pub(in crate::server) trait Application {
    fn message<'a>(
        &'a self,
        socket: &'a Socket,
        message: Value,
    ) -> Pin<Box<dyn Future<Output = Result<Value, ApiError>> + 'a>>;

    fn closed(&self, socket: &Socket);
}

impl<T: SocketHandler> Application for T {
    fn message<'a>(
        &'a self,
        socket: &'a Socket,
        message: Value,
    ) -> Pin<Box<dyn Future<Output = Result<Value, ApiError>> + 'a>> {
        Box::pin(SocketHandler::message(self, socket, message))
    }

    fn closed(&self, socket: &Socket) {
        SocketHandler::closed(self, socket);
    }
}
