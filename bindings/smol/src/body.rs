//! A stream as the body of a response, for HTTP libraries.
//!
//! It does not know how the bytes are sent on.

use crate::driver::{Cut, Reader, Watch};
use http_body::{Body, Frame};
use hyper::body::Bytes;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tidings_core::ConnectionId;

/// The bytes of a stream, as a body of HTTP and as a [`futures::Stream`]. Dropped, it closes the
/// stream.
///
/// It holds no more than 8 KiB, or what [`Stream::into_body_of`](crate::Stream::into_body_of) says: when
/// these are not taken, the hub lets the stream wait in its log, as
/// one whose socket takes nothing, and cuts it after the stall time. Ask for the next bytes when those
/// before are sent.
#[must_use = "a stream whose bytes nobody takes is closed"]
pub struct StreamBody {
    reader: Reader,
    /// Nothing follows.
    ended: bool,
}

/// A stream did not end in order: its reader took nothing for too long, or its driver has ended. The
/// response has to be broken off, so that the client sees it and comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StreamCut;

impl StreamBody {
    pub(crate) const fn new(reader: Reader) -> Self {
        Self {
            reader,
            ended: false,
        }
    }

    /// The name of the stream in the hub.
    #[must_use]
    pub fn connection(&self) -> ConnectionId {
        self.reader.connection()
    }

    /// To hear of a cut where the bytes cannot be asked for, such as in a task that waits for the
    /// client to take those before.
    pub fn watch(&self) -> StreamWatch {
        StreamWatch(self.reader.watch())
    }
}

/// Ready when the stream is cut; never where it ends in order. One of them is woken at a time.
#[must_use = "it has to be waited for"]
pub struct StreamWatch(Watch);

impl Future for StreamWatch {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx)
    }
}

impl fmt::Debug for StreamWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamWatch")
    }
}

impl futures::Stream for StreamBody {
    type Item = Result<Bytes, StreamCut>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let next = ready!(self.reader.poll_next(cx));
        self.ended = !matches!(next, Some(Ok(_)));
        Poll::Ready(next.map(|bytes| bytes.map_err(|Cut| StreamCut)))
    }
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = StreamCut;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StreamCut>>> {
        let next = ready!(futures::Stream::poll_next(self, cx));
        Poll::Ready(next.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.reader.is_at_end()
    }
}

impl fmt::Debug for StreamBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamBody")
            .field("connection", &self.connection())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for StreamCut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the stream was cut: its reader was too slow, or its driver has ended")
    }
}

impl std::error::Error for StreamCut {}

impl From<StreamCut> for io::Error {
    fn from(cut: StreamCut) -> Self {
        Self::new(io::ErrorKind::ConnectionAborted, cut)
    }
}
