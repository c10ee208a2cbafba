//! The end of a socket: what is still being answered, and closing what carries it as the end wants it.
//!
//! It does not know how it came to that.

use super::conversation::{Answering, Conversation};
use super::tap::Tap;
use crate::server::Counted;
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::Message;
use futures::Stream as _;
use smol::Timer;
use smol::future::{or, yield_now};
use smol::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use socket2::SockRef;
use std::future::poll_fn;
use std::net::Shutdown;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// The code of a frame without one, and of an end without a frame (RFC 6455, section 7.4.1).
pub(super) const NO_CODE: u16 = 1005;
const ABNORMAL: u16 = 1006;

/// How a socket came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// The client closed it, with this code, and was answered.
    Client(u16),
    /// The server did, and the client may have to answer.
    Server(u16),
    /// The client left without a word, or its connection failed.
    Left,
    /// The stream was cut, or the client is not there any more: so must be what carries it.
    Cut,
}

impl End {
    pub(super) const fn code(self) -> u16 {
        match self {
            Self::Client(code) | Self::Server(code) => code,
            Self::Left | Self::Cut => ABNORMAL,
        }
    }
}

/// A socket at its end; its stream is closed.
pub(super) struct Ended<I> {
    pub(super) end: End,
    pub(super) socket: WebSocketStream<Tap<I>>,
    pub(super) answering: Option<Answering>,
    pub(super) conversation: Rc<Conversation>,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Ended<I> {
    /// Closes what carries it, in a bounded time, and hands it back; says whether it is to be cut. The
    /// application is told when nothing is being answered any more. `below` is the socket that carries it
    /// in the end.
    pub(super) async fn close(self: Box<Self>, below: impl Fn(&I) -> SockRef<'_>) -> (bool, I) {
        let Self {
            end,
            mut socket,
            answering,
            conversation,
        } = *self;
        let context = conversation.context.clone();
        let (connection, code) = (conversation.socket.connection(), end.code());
        context.metrics.sockets.closed(code);
        tracing::debug!(%connection, code, "the socket has closed");
        // It is no stream any more, and has a descriptor still.
        let _counted = Counted::new(&context.requests);
        let told = async {
            if let Some(answering) = answering {
                // It is not broken off.
                answering.await;
            }
            drop(conversation);
        };
        let late = async {
            Timer::after(context.options.http.head_timeout).await;
        };
        let closed = or(close(&mut socket, end, below), late);
        futures::join!(told, closed);
        (end == End::Cut, socket.into_inner().io)
    }
}

/// A client that was told of the end answers; what it has sent before is read and forgotten, or closing
/// would take back what it was told.
async fn close<I>(socket: &mut WebSocketStream<Tap<I>>, end: End, below: impl Fn(&I) -> SockRef<'_>)
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    match end {
        End::Left | End::Cut => return,
        End::Server(_) => poll_fn(|cx| poll_answered(socket, cx)).await,
        End::Client(_) => {}
    }
    let io = &mut socket.get_mut().io;
    if io.close().await.is_ok() {
        // One that the client has closed by now has nothing to shut down.
        let _ = below(io).shutdown(Shutdown::Write);
        while io.read(&mut [0; 1_024]).await.is_ok_and(|read| read > 0) {
            // Who sends without end does not keep others waiting.
            yield_now().await;
        }
    }
}

/// Ready when the client has closed its side, too, or cannot be understood any more.
fn poll_answered<I>(socket: &mut WebSocketStream<Tap<I>>, cx: &mut Context<'_>) -> Poll<()>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    socket.get_mut().begin_turn();
    loop {
        match ready!(Pin::new(&mut *socket).poll_next(cx)) {
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Poll::Ready(()),
            Some(Ok(_)) => {}
        }
    }
}
