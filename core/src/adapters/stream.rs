//! One stream of a hub: the bytes that a web server sends as the body of its response.
//!
//! It does not know the hub. It says to the driver when it is ready for bytes, and is handed one
//! chunk at a time: what is not asked for stays in the log, as a position.

use super::error::StreamCut;
use super::signals::Signals;
use crate::{ConnectionId, Transmit};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use futures::stream::{FusedStream, Stream, StreamExt as _};
use futures::{AsyncWrite, AsyncWriteExt as _, io};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The bytes of one open stream, as `text/event-stream`: a [`Stream`] of chunks.
///
/// It is what web frameworks take as a body, whatever the executor. A chunk is taken out of the
/// hub's log when the stream is polled and has none, so a reader that is slow, or a body that is
/// not polled, costs nothing but its position. One that is not polled for the stall time though
/// there is something to send is cut.
///
/// It ends after the `bye` of the hub. Where it cannot, because it was cut or the driver has ended,
/// it ends with an error: pass it on, so that the client sees a broken connection and comes back.
/// Dropped, it is closed in the hub.
///
/// Between two polls nothing is on its way: a future of the next chunk can be dropped.
#[must_use = "a stream that is dropped is closed"]
pub struct ByteStream {
    connection: ConnectionId,
    place: Arc<Place>,
    signals: Arc<Signals>,
}

/// Where the driver puts the next chunk of a stream.
pub(super) struct Place(Mutex<State>);

/// What stands in a place.
#[derive(Default)]
pub(super) struct State {
    /// Empty where there is none.
    chunk: Vec<u8>,
    /// The stream was polled and had nothing: who is to be told of a chunk.
    waker: Option<Waker>,
    /// The driver has a signal of this stream that it has not looked into.
    signalled: bool,
    /// The stream was dropped.
    pub(super) gone: bool,
    end: End,
}

/// How a stream ends.
#[derive(Clone, Copy, Default)]
enum End {
    #[default]
    Open,
    /// The stream ends with an error.
    Cut(StreamCut),
    /// Nothing comes any more.
    Over,
}

impl Place {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts in a chunk of at most `most` of these bytes, if the stream is ready for one. Says how
    /// many were taken.
    pub(super) fn fill(&self, transmit: &Transmit<'_>, most: usize) -> usize {
        let mut state = self.lock();
        let Some(waker) = state.waker.take() else {
            return 0;
        };
        let mut room = transmit.len().min(most);
        state.chunk.reserve_exact(room);
        for slice in transmit.slices() {
            let part = room.min(slice.len());
            state.chunk.extend_from_slice(&slice[..part]);
            room -= part;
        }
        let taken = state.chunk.len();
        drop(state);
        waker.wake();
        taken
    }

    /// No more chunks will come; `cut` where the stream has not come to its end.
    pub(super) fn end(&self, cut: Option<StreamCut>) {
        let mut state = self.lock();
        state.end = cut.map_or(End::Over, End::Cut);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl State {
    pub(super) const fn is_ready(&self) -> bool {
        self.waker.is_some()
    }

    /// The driver looks into what the stream has signalled.
    pub(super) const fn take_signal(&mut self) {
        self.signalled = false;
    }
}

impl ByteStream {
    pub(super) fn new(connection: ConnectionId, signals: Arc<Signals>) -> (Self, Arc<Place>) {
        let place = Arc::new(Place(Mutex::default()));
        let stream = Self {
            connection,
            place: place.clone(),
            signals,
        };
        (stream, place)
    }

    /// The name of the stream in the hub.
    #[must_use]
    pub const fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// Writes all that comes to `writer`, up to the end of the stream, and flushes after each
    /// chunk. The writer is left open.
    ///
    /// # Errors
    /// Those of the writer. A stream that was cut is [`io::ErrorKind::ConnectionAborted`], with a
    /// [`StreamCut`] within: reset the connection then.
    pub async fn write_to(mut self, writer: impl AsyncWrite) -> io::Result<()> {
        let mut writer = core::pin::pin!(writer);
        while let Some(chunk) = self.next().await {
            let chunk =
                chunk.map_err(|cut| io::Error::new(io::ErrorKind::ConnectionAborted, cut))?;
            writer.write_all(&chunk).await?;
            writer.flush().await?;
        }
        Ok(())
    }

    /// Has the driver look at this stream, unless it is about to.
    fn signal(&self, mut state: MutexGuard<'_, State>) {
        let signalled = mem::replace(&mut state.signalled, true);
        drop(state);
        if !signalled {
            self.signals.add(self.connection);
        }
    }
}

impl Stream for ByteStream {
    type Item = Result<Vec<u8>, StreamCut>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut state = self.place.lock();
        if !state.chunk.is_empty() {
            return Poll::Ready(Some(Ok(mem::take(&mut state.chunk))));
        }
        match state.end {
            End::Open => {}
            End::Over => return Poll::Ready(None),
            End::Cut(cut) => {
                state.end = End::Over;
                return Poll::Ready(Some(Err(cut)));
            }
        }
        match &mut state.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => {
                *none = Some(cx.waker().clone());
                self.signal(state);
            }
        }
        Poll::Pending
    }
}

impl FusedStream for ByteStream {
    fn is_terminated(&self) -> bool {
        let state = self.place.lock();
        state.chunk.is_empty() && matches!(state.end, End::Over)
    }
}

impl Drop for ByteStream {
    fn drop(&mut self) {
        let mut state = self.place.lock();
        state.gone = true;
        (state.chunk, state.waker) = (Vec::new(), None);
        if matches!(state.end, End::Open) {
            self.signal(state);
        }
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteStream")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}
