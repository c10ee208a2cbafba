//! A socket as the codec has it: what it reads comes from the socket, and what it says waits for the
//! end of a frame of the stream.
//!
//! It does not know frames.

use smol::io::{AsyncRead, AsyncWrite};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes read in one turn: a client that sends without end does not keep others waiting.
const TURN_BYTES: usize = 16 << 10;

pub(super) struct Tap<I> {
    pub(super) io: I,
    /// What is to be said, whole frames.
    pub(super) out: Vec<u8>,
    /// Bytes that may still be read in this turn.
    left: usize,
    heard: bool,
}

impl<I> Tap<I> {
    /// With what is said first.
    pub(super) const fn new(io: I, first: Vec<u8>) -> Self {
        Self {
            io,
            out: first,
            left: TURN_BYTES,
            heard: true,
        }
    }

    /// A turn begins.
    pub(super) const fn begin_turn(&mut self) {
        self.left = TURN_BYTES;
    }

    /// Whether anything was read since this was asked last.
    pub(super) const fn take_heard(&mut self) -> bool {
        std::mem::replace(&mut self.heard, false)
    }

    /// So much of what is to be said is sent. Who has said all has no buffer.
    pub(super) fn sent(&mut self, bytes: usize) {
        if bytes == self.out.len() {
            self.out = Vec::new();
        } else {
            self.out.drain(..bytes);
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Tap<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.left == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let read = Pin::new(&mut self.io).poll_read(cx, buffer);
        if let Poll::Ready(Ok(read)) = read {
            self.left = self.left.saturating_sub(read);
            self.heard |= read > 0;
        }
        read
    }
}

impl<I: Unpin> AsyncWrite for Tap<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.out.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
