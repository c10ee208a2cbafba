//! Sending a stream through something that is no plain socket, such as TLS.
//!
//! It does not know what carries the bytes.

use crate::body::{StreamBody, StreamCut, StreamWatch};
use futures::{FutureExt, Stream as _};
use hyper::body::{Buf as _, Bytes};
use smol::Timer;
use smol::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// How a stream came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pumped {
    /// In order; all was sent.
    Ended,
    /// The client left, or its connection failed.
    Left,
    /// The stream was cut: so must be what carried it.
    Cut,
}

/// Sends the bytes of a stream until it ends or the client leaves, and hands the carrier back. To close
/// it in order takes no longer than `closing`.
pub(super) async fn pump<I>(body: StreamBody, io: I, closing: Duration) -> (Pumped, I)
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let mut pump = Pump {
        cut: body.watch(),
        body,
        io,
        chunk: Bytes::new(),
        flushed: true,
    };
    let mut pumped = std::future::poll_fn(|cx| pump.poll(cx)).await;
    let Pump { mut io, .. } = pump;
    if pumped == Pumped::Ended {
        pumped = futures::select_biased! {
            closed = io.close().fuse() => closed.map_or(Pumped::Left, |()| Pumped::Ended),
            _ = FutureExt::fuse(Timer::after(closing)) => Pumped::Cut,
        };
    }
    (pumped, io)
}

struct Pump<I> {
    /// What waits for the carrier does not ask for bytes, and must still see a cut.
    cut: StreamWatch,
    body: StreamBody,
    io: I,
    chunk: Bytes,
    flushed: bool,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Pump<I> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Pumped> {
        if self.poll_left(cx).is_ready() {
            return Poll::Ready(Pumped::Left);
        }
        match self.poll_send(cx) {
            Poll::Ready(Ok(pumped)) => Poll::Ready(pumped),
            Poll::Ready(Err(_)) => Poll::Ready(Pumped::Left),
            Poll::Pending => Pin::new(&mut self.cut).poll(cx).map(|()| Pumped::Cut),
        }
    }

    /// Ready when the client has left. What it says is forgotten.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match Pin::new(&mut self.io).poll_read(cx, &mut [0; 4_096]) {
            Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(()),
            Poll::Ready(Ok(_)) => {
                // There may be more, after others had their turn.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Pumped>> {
        loop {
            let io = Pin::new(&mut self.io);
            if !self.chunk.is_empty() {
                let sent = ready!(io.poll_write(cx, &self.chunk))?;
                if sent == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.chunk.advance(sent);
                self.flushed = false;
            } else if !self.flushed {
                ready!(io.poll_flush(cx))?;
                self.flushed = true;
            } else {
                match ready!(Pin::new(&mut self.body).poll_next(cx)) {
                    Some(Ok(bytes)) => self.chunk = bytes,
                    Some(Err(StreamCut)) => return Poll::Ready(Ok(Pumped::Cut)),
                    None => return Poll::Ready(Ok(Pumped::Ended)),
                }
            }
        }
    }
}
