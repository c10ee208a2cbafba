//! One socket between its handshake and its end: what the stream gives goes out, what the client says is
//! answered in between.
//!
//! It does not know what is said. Nothing is taken from the stream while the carrier takes nothing, and
//! nothing is read while a message is being answered, or while answers wait to be sent: a client that
//! does not read is not listened to.

use super::conversation::{Answer, Answering, Conversation};
use super::ended::{End, Ended, NO_CODE};
use super::frames::Frames;
use super::silence::{Silence, Silent};
use super::tap::Tap;
use crate::body::{StreamBody, StreamCut, StreamWatch};
use crate::server::config::bytes;
use async_tungstenite::WebSocketStream;
use async_tungstenite::tungstenite::error::ProtocolError;
use async_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use async_tungstenite::tungstenite::protocol::frame::{CloseFrame, Frame};
use async_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use async_tungstenite::tungstenite::{Error, Message};
use futures::FutureExt as _;
use futures::Stream as _;
use hyper::body::{Buf as _, Bytes};
use smol::Timer;
use smol::io::{AsyncRead, AsyncWrite};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

/// What is read at a time, and the buffer of a quiet socket: messages are short.
const READ_BYTES: usize = 1 << 10;

/// Answers that may wait to be sent before nothing more is read. The last may be longer.
const ANSWER_BYTES: usize = 8 << 10;

pub(super) struct Pump<I> {
    socket: WebSocketStream<Tap<I>>,
    /// What waits for the carrier does not ask for bytes, and must still see a cut.
    cut: StreamWatch,
    body: StreamBody,
    chunk: Bytes,
    frames: Frames,
    flushed: bool,
    silence: Silence,
    conversation: Rc<Conversation>,
    answering: Option<Answering>,
    errors: usize,
    /// Nothing but what was begun is sent any more, and this is the end then; so much time is left.
    closing: Option<(End, Timer)>,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Pump<I> {
    /// For a carrier, the head that is said on it first, and what was read of it already.
    pub(super) async fn new(
        body: StreamBody,
        (io, head, read): (I, Vec<u8>, Bytes),
        conversation: Rc<Conversation>,
    ) -> Box<Self> {
        let options = &conversation.context.options.websocket;
        let most = Some(bytes(options.message_bytes));
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_message_size(most)
            .max_frame_size(most);
        let tap = Tap::new(io, head);
        // A copy has no room of its own, where the buffer of the request has 8 KiB.
        let read = read.to_vec();
        let socket = WebSocketStream::from_partially_read(tap, read, Role::Server, Some(config));
        let socket = socket.await;
        Box::new(Self {
            socket,
            cut: body.watch(),
            body,
            chunk: Bytes::new(),
            frames: Frames::default(),
            flushed: true,
            silence: Silence::new(options.ping),
            conversation,
            answering: None,
            errors: 0,
            closing: None,
        })
    }

    /// Runs to the end. The stream is closed then.
    pub(super) async fn run(mut self: Box<Self>) -> Box<Ended<I>> {
        let end = poll_fn(|cx| self.poll(cx)).await;
        let Self {
            socket,
            answering,
            conversation,
            ..
        } = *self;
        Box::new(Ended {
            end,
            socket,
            answering,
            conversation,
        })
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        self.socket.get_mut().begin_turn();
        if let Poll::Ready(silent) = self.poll_silence(cx) {
            return Poll::Ready(silent);
        }
        loop {
            if self.closing.is_none()
                && let Poll::Ready(end) = self.poll_listen(cx)
            {
                if end == End::Left {
                    return Poll::Ready(end);
                }
                let limit = self.conversation.context.options.http.head_timeout;
                self.closing = Some((end, Timer::after(limit)));
            }
            let was_full = self.is_full();
            match self.poll_send(cx) {
                Poll::Ready(Ok(end)) => return Poll::Ready(end),
                Poll::Ready(Err(_)) => return Poll::Ready(End::Left),
                // There is room to listen again.
                Poll::Pending if was_full && !self.is_full() => {}
                Poll::Pending => break,
            }
        }
        if let Some((_, limit)) = &mut self.closing
            && Pin::new(limit).poll(cx).is_ready()
        {
            return Poll::Ready(End::Cut);
        }
        self.cut.poll_unpin(cx).map(|()| End::Cut)
    }

    /// Ready when the client is not there any more.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            let tap = self.socket.get_mut();
            match ready!(self.silence.poll(cx, || tap.take_heard())) {
                Silent::Ask => self.say(Frame::ping(Bytes::new())),
                Silent::Gone => return Poll::Ready(End::Cut),
            }
        }
    }

    fn is_full(&mut self) -> bool {
        self.socket.get_mut().out.len() >= ANSWER_BYTES
    }

    /// Listens to the client and answers, as long as there is room for answers. Ready when there is no
    /// more to listen to.
    fn poll_listen(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            if let Some(answering) = &mut self.answering {
                let answer = ready!(answering.as_mut().poll(cx));
                self.answering = None;
                if let Poll::Ready(end) = self.answer(answer) {
                    return Poll::Ready(end);
                }
            }
            if self.is_full() {
                return Poll::Pending;
            }
            let conversation = &self.conversation;
            match ready!(Pin::new(&mut self.socket).poll_next(cx)) {
                Some(Ok(Message::Text(text))) => {
                    self.answering = Some(Box::pin(conversation.clone().answer(text)));
                }
                Some(Ok(Message::Binary(_))) => {
                    let answer = conversation.refuse_binary();
                    if let Poll::Ready(end) = self.answer(answer) {
                        return Poll::Ready(end);
                    }
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(frame))) => {
                    let code = frame.as_ref().map_or(NO_CODE, |frame| frame.code.into());
                    self.say(Frame::close(frame));
                    return Poll::Ready(End::Client(code));
                }
                Some(Err(error)) => return Poll::Ready(self.fail(&error)),
                None => return Poll::Ready(End::Left),
            }
        }
    }

    /// Says what a message is answered with. Ready when that is one error too many.
    fn answer(&mut self, answer: Answer) -> Poll<End> {
        let Answer { json, is_error } = answer;
        self.say(Frame::message(json, OpCode::Data(Data::Text), true));
        if !is_error {
            self.errors = self.errors.saturating_sub(1);
            return Poll::Pending;
        }
        self.errors += 1;
        if self.errors < self.conversation.context.options.websocket.errors {
            return Poll::Pending;
        }
        Poll::Ready(self.close(CloseCode::Policy, "too many errors"))
    }

    /// The client does not speak as it should, or has left.
    fn fail(&mut self, error: &Error) -> End {
        match error {
            Error::Capacity(_) => self.close(CloseCode::Size, "the message is too long"),
            Error::Utf8(_) => self.close(CloseCode::Invalid, "the text is not UTF-8"),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Left,
            Error::Protocol(broken) => self.close(CloseCode::Protocol, &broken.to_string()),
            _ => End::Left,
        }
    }

    fn close(&mut self, code: CloseCode, reason: &str) -> End {
        let reason = reason.into();
        self.say(Frame::close(Some(CloseFrame { code, reason })));
        End::Server(code.into())
    }

    /// Says something after the frame that has begun.
    fn say(&mut self, frame: Frame) {
        // A vector takes everything.
        let _ = frame.format(&mut self.socket.get_mut().out);
    }

    /// Sends what there is, one frame after the other. Ready at the end.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<End>> {
        loop {
            let is_between = self.frames.is_between();
            let is_closing = self.closing.is_some();
            let is_done = is_between && is_closing;
            let tap = self.socket.get_mut();
            if is_between && !tap.out.is_empty() {
                let sent = ready!(Pin::new(&mut tap.io).poll_write(cx, &tap.out))?;
                tap.sent(some(sent)?);
                self.flushed = false;
            } else if !self.chunk.is_empty() && !is_done {
                let part = if is_closing || !tap.out.is_empty() {
                    &self.chunk[..self.frames.rest(&self.chunk)]
                } else {
                    &self.chunk[..]
                };
                let sent = ready!(Pin::new(&mut tap.io).poll_write(cx, part))?;
                self.frames.advance(&part[..some(sent)?]);
                self.chunk.advance(sent);
                if self.chunk.is_empty() {
                    // What is sent takes no room.
                    self.chunk = Bytes::new();
                }
                self.flushed = false;
            } else if !self.flushed {
                ready!(Pin::new(&mut tap.io).poll_flush(cx))?;
                self.flushed = true;
            } else if let Some((end, _)) = self.closing.as_ref().filter(|_| is_done) {
                return Poll::Ready(Ok(*end));
            } else {
                match ready!(Pin::new(&mut self.body).poll_next(cx)) {
                    Some(Ok(bytes)) => self.chunk = bytes,
                    Some(Err(StreamCut)) => return Poll::Ready(Ok(End::Cut)),
                    None => {
                        let code = self.frames.close_code().unwrap_or(NO_CODE);
                        return Poll::Ready(Ok(End::Server(code)));
                    }
                }
            }
        }
    }
}

/// A carrier that takes no byte is none.
fn some(sent: usize) -> io::Result<usize> {
    if sent == 0 {
        return Err(io::ErrorKind::WriteZero.into());
    }
    Ok(sent)
}
