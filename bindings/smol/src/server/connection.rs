//! One connection: whether it speaks TLS, which HTTP, and what carries its streams.
//!
//! It does not know what is asked on it.

use super::client::Client;
use super::http2::serve_http2;
use super::limits::Place;
use super::pump::{Pumped, pump};
use super::routes::respond;
use super::tls::Tls;
use super::upgrade::{self, Upgrade, Upgraded};
use super::{Context, Counted};
use crate::http::{Answer, serve_http1};
use crate::stream::Stream;
use futures_rustls::server::TlsStream;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, StatusCode};
use smol::future::{FutureExt as _, or};
use smol::io::{AsyncRead, AsyncWrite};
use smol::lock::Semaphore;
use smol::lock::SemaphoreGuardArc;
use smol::{Async, LocalExecutor, Timer};
use socket2::SockRef;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// No method begins like this, so that servers which know HTTP/1.1 alone refuse HTTP/2 (RFC 9113,
/// section 3.4).
const HTTP2: &[u8] = b"PRI ";

/// Requests of one connection of HTTP/2 that are answered at a time, others wait: the body of each is
/// in memory meanwhile. Streams are none of them once they are open.
const ANSWERED: usize = 8;

/// What a client begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum First {
    /// A whole request for something to be sent.
    Get,
    /// HTTP/2, without having asked for it.
    Http2,
    Other,
}

/// The place of a request among those that are answered at a time, which is among its extensions. One
/// that has to wait gives it back first.
#[derive(Clone, Debug)]
pub(super) struct Turn(Arc<Mutex<Option<SemaphoreGuardArc>>>);

impl Turn {
    fn new(place: SemaphoreGuardArc) -> Self {
        Self(Arc::new(Mutex::new(Some(place))))
    }

    pub(super) fn give_back(&self) {
        let place = self.0.lock();
        drop(place.unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// What carries a request, as far as its answer depends on it.
#[derive(Clone, Copy)]
pub(super) struct Carrier<'a> {
    /// Where the client connected to.
    pub(super) local: Option<SocketAddr>,
    /// Where a request that becomes more than a stream leaves that; none where none can.
    pub(super) upgrade: Option<&'a Upgrade>,
}

impl Carrier<'_> {
    /// How a stream is answered that it carries.
    pub(super) fn status(self) -> StatusCode {
        match self.upgrade {
            Some(upgrade) if upgrade.is_taken() => StatusCode::SWITCHING_PROTOCOLS,
            _ => StatusCode::OK,
        }
    }
}

/// Between whom a connection is.
#[derive(Clone, Copy)]
struct Ends {
    peer: SocketAddr,
    local: Option<SocketAddr>,
    secure: bool,
}

/// Serves a connection to its end, or until it is a stream. What waits here for many is kept small: all
/// clients of a busy server may come back at once.
pub(super) async fn serve(
    socket: Async<TcpStream>,
    (peer, place): (SocketAddr, Option<Place>),
    executor: Rc<LocalExecutor<'static>>,
    context: Rc<Context>,
) {
    let counted = Counted::new(&context.requests);
    let Ok(first) = first_bytes(&socket, context.options.http.head_timeout).await else {
        return;
    };
    let ends = Ends {
        peer,
        local: socket.get_ref().local_addr().ok(),
        secure: context.tls.is_some(),
    };
    if let Some(tls) = &context.tls {
        prepare(&socket, &context);
        let Some(stream) = Box::pin(over_tls(socket, tls, ends, &context)).await else {
            return;
        };
        // All that the requests needed is gone with this task.
        drop((counted, place));
        let sent = send(stream, context, |socket| SockRef::from(socket.get_ref().0));
        executor.spawn(sent).detach();
    } else if first == First::Http2 {
        prepare(&socket, &context);
        Box::pin(http2(socket, ends, context.clone())).await;
    } else {
        let turn = if first == First::Get {
            Some(Turn::new(context.opening.acquire_arc().await))
        } else {
            None
        };
        let taken = Box::pin(http1(socket, ends, turn, &context)).await;
        if let Some(taken) = taken {
            drop((counted, place));
            let sent = send(taken, context, |socket| SockRef::from(socket));
            executor.spawn(sent).detach();
        }
    }
}

/// A stream that goes on, what it needs beside, and what carries it.
type Taken<I> = Box<(Stream, Option<Box<Upgraded>>, (I, Bytes))>;

type TlsSocket = TlsStream<Async<TcpStream>>;

/// Serves a connection with TLS; where it became a stream, that goes on.
async fn over_tls(
    socket: Async<TcpStream>,
    tls: &Tls,
    ends: Ends,
    context: &Rc<Context>,
) -> Option<Taken<TlsSocket>> {
    let limit = context.options.http.head_timeout;
    // Whoever does not speak TLS, or not as we do, has been told by the time it fails, in its terms.
    let socket = in_time(limit, tls.acceptor().accept(socket)).await.ok()?;
    if socket.get_ref().1.alpn_protocol() == Some(b"h2") {
        Box::pin(http2(socket, ends, context.clone())).await;
        return None;
    }
    let upgrade = Upgrade::default();
    let service = |request| answer(request, ends, (None, Some(&upgrade)), context);
    let served = Box::pin(serve_http1(socket, context.options.http, service)).await;
    let (stream, carrier) = served.ok().flatten()?;
    let upgraded = upgrade.take(&stream);
    Some(Box::new((stream, upgraded, carrier)))
}

/// Sets the limits of a socket that the driver does not get, as it would. Where the system does not
/// take them, it has limits of its own.
fn prepare(socket: &Async<TcpStream>, context: &Context) {
    let _ = context.options.driver.socket.set_on(&SockRef::from(socket));
}

async fn in_time<T>(limit: Duration, done: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = async {
        Timer::after(limit).await;
        Err(io::ErrorKind::TimedOut.into())
    };
    or(done, late).await
}

/// What a client says first; most have said it when they are accepted.
async fn first_bytes(socket: &Async<TcpStream>, limit: Duration) -> io::Result<First> {
    match peek(socket.get_ref()) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Box::pin(in_time(limit, wait_for_bytes(socket))).await
        }
        other => other,
    }
}

/// Waits until a client says something or leaves, without a buffer for it.
async fn wait_for_bytes(socket: &Async<TcpStream>) -> io::Result<First> {
    loop {
        socket.readable().await?;
        match peek(socket.get_ref()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            other => return other,
        }
    }
}

fn peek(socket: &TcpStream) -> io::Result<First> {
    let mut head = [0; 4_096];
    let len = socket.peek(&mut head)?;
    Ok(if head.starts_with(HTTP2) {
        First::Http2
    } else if head.starts_with(b"GET ") && head[..len].ends_with(b"\r\n\r\n") {
        First::Get
    } else {
        First::Other
    })
}

/// Answers one request, whatever carries it.
async fn answer(
    mut request: Request<Incoming>,
    ends: Ends,
    (turn, upgrade): (Option<&Turn>, Option<&Upgrade>),
    context: &Context,
) -> Answer<Full<Bytes>> {
    let trusted = &context.options.trusted_proxies;
    let client = Client::new(&request, ends.peer.ip(), ends.secure, trusted);
    request.extensions_mut().insert(client.clone());
    if let Some(turn) = turn {
        request.extensions_mut().insert(turn.clone());
    }
    let carrier = Carrier {
        local: ends.local,
        upgrade,
    };
    respond(request, context, &client, carrier).await
}

/// Serves a connection that is plain; where it became more than a stream, which its driver has, hands
/// that out.
async fn http1(
    socket: Async<TcpStream>,
    ends: Ends,
    turn: Option<Turn>,
    context: &Context,
) -> Option<Taken<Async<TcpStream>>> {
    let (turn, upgrade) = (&turn, &Upgrade::default());
    let service = |request| async move {
        let answer = answer(request, ends, (turn.as_ref(), Some(upgrade)), context).await;
        // A stream keeps its place until the buffers of its request are gone.
        if let (Answer::Response(_), Some(turn)) = (&answer, turn) {
            turn.give_back();
        }
        answer
    };
    // A client that breaks the protocol or leaves has been answered as far as it can be.
    let served = serve_http1(socket, context.options.http, service).await;
    let (stream, carrier) = served.ok().flatten()?;
    if let Some(upgraded) = upgrade.take(&stream) {
        prepare(&carrier.0, context);
        return Some(Box::new((stream, Some(upgraded), carrier)));
    }
    if let Ok(socket) = carrier.0.into_inner() {
        stream.attach(socket).await;
    }
    None
}

async fn http2<I>(socket: I, ends: Ends, context: Rc<Context>)
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let _carried = Counted::new(&context.carried);
    let stopping = context.stopping.clone();
    let stop = async move {
        // Nothing is ever sent: it ends when the server stops.
        let _ = stopping.recv().await;
    };
    let (answering, places) = (context.clone(), Arc::new(Semaphore::new(ANSWERED)));
    let service = move |request| {
        let (context, places) = (answering.clone(), places.clone());
        async move {
            let turn = Turn::new(places.acquire_arc().await);
            answer(request, ends, (Some(&turn), None), &context).await
        }
    };
    let options = (context.options.http, context.options.http2);
    let _ = serve_http2(socket, options, stop, service).await;
}

/// Sends a stream on what it was taken over with; `socket` is what is below that.
async fn send<I>(taken: Taken<I>, context: Rc<Context>, socket: impl Fn(&I) -> SockRef<'_>)
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let _carried = Counted::new(&context.carried);
    let closing = context.options.http.head_timeout;
    let (is_cut, io) = {
        let (stream, upgraded, carrier) = *taken;
        match upgraded {
            Some(upgraded) => {
                let context = context.clone();
                upgrade::serve(upgraded, stream, carrier, context, &socket).boxed_local()
            }
            None => stream_over(carrier.0, stream, closing).boxed_local(),
        }
    }
    .await;
    if is_cut {
        // What the system still holds for the reader is forgotten. A socket that does not take this
        // is closed in the ordinary way.
        let _ = socket(&io).set_linger(Some(Duration::ZERO));
    }
}

/// Sends a stream on what is no socket of its own.
async fn stream_over<I>(io: I, stream: Stream, closing: Duration) -> (bool, I)
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let (pumped, io) = pump(stream.into_body().await, io, closing).await;
    (pumped == Pumped::Cut, io)
}
