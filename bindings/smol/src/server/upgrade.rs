//! What becomes of a connection that is for one stream from now on: the place where a request leaves what
//! that needs beside the stream.
//!
//! It does not know what is left. Only a connection of HTTP/1.1 has such a place.

#[cfg(feature = "websocket")]
pub(super) use super::websocket::{Upgraded, serve};
#[cfg(not(feature = "websocket"))]
pub(super) use without::{Upgraded, serve};

use crate::stream::Stream;
use std::cell::Cell;

/// The place. What a later request leaves takes that of the one before.
#[derive(Default)]
pub(super) struct Upgrade(Cell<Option<Box<Upgraded>>>);

impl Upgrade {
    /// Leaves it for whoever has the connection.
    #[cfg(feature = "websocket")]
    pub(super) fn leave(&self, upgraded: Upgraded) {
        self.0.set(Some(Box::new(upgraded)));
    }

    /// What this stream needs beside, if it needs anything.
    pub(super) fn take(&self, stream: &Stream) -> Option<Box<Upgraded>> {
        let left = self.0.take();
        left.filter(|upgraded| upgraded.connection() == stream.connection())
    }

    /// Whether something was left.
    pub(super) fn is_taken(&self) -> bool {
        let left = self.0.take();
        let is_taken = left.is_some();
        self.0.set(left);
        is_taken
    }
}

/// Nothing is ever left.
#[cfg(not(feature = "websocket"))]
mod without {
    use crate::server::Context;
    use crate::stream::Stream;
    use hyper::body::Bytes;
    use socket2::SockRef;
    use std::rc::Rc;
    use tidings_core::ConnectionId;

    pub(in crate::server) enum Upgraded {}

    impl Upgraded {
        pub(in crate::server) const fn connection(&self) -> ConnectionId {
            match *self {}
        }
    }

    pub(in crate::server) async fn serve<I>(
        upgraded: Box<Upgraded>,
        _: Stream,
        _: (I, Bytes),
        _: Rc<Context>,
        _: impl Fn(&I) -> SockRef<'_>,
    ) -> (bool, I) {
        match *upgraded {}
    }
}
