//! One connection: whether it speaks TLS, which HTTP, and what carries its streams.
//!
//! It does not know what is asked on it.

use super::client::Client;
use super::http2::serve_http2;
use super::limits::Place;
use super::pump::{Pumped, pump};
use super::routes::respond;
use super::tls::Tls;
use super::{Context, Counted};
use crate::http::{Answer, serve_connection, serve_http1};
use crate::stream::Stream;
use futures_rustls::server::TlsStream;
use http_body_util::Full;
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use smol::future::or;
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
        executor.spawn(send(stream, context.clone())).detach();
    } else if first == First::Http2 {
        prepare(&socket, &context);
        Box::pin(http2(socket, ends, context.clone())).await;
    } else {
        let turn = if first == First::Get {
            Some(Turn::new(context.opening.acquire_arc().await))
        } else {
            None
        };
        Box::pin(http1(socket, ends, turn, &context)).await;
    }
}

/// A stream that goes on over TLS.
type OverTls = Box<(Stream, TlsStream<Async<TcpStream>>)>;

/// Serves a connection with TLS; where it became a stream, that goes on.
async fn over_tls(
    socket: Async<TcpStream>,
    tls: &Tls,
    ends: Ends,
    context: &Rc<Context>,
) -> Option<OverTls> {
    let limit = context.options.http.head_timeout;
    // Whoever does not speak TLS, or not as we do, has been told by the time it fails, in its terms.
    let socket = in_time(limit, tls.acceptor().accept(socket)).await.ok()?;
    if socket.get_ref().1.alpn_protocol() == Some(b"h2") {
        Box::pin(http2(socket, ends, context.clone())).await;
        return None;
    }
    let service = |request| answer(request, ends, None, context);
    let served = Box::pin(serve_http1(socket, context.options.http, service)).await;
    served.ok().flatten().map(Box::new)
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
    turn: Option<&Turn>,
    context: &Context,
) -> Answer<Full<Bytes>> {
    let trusted = &context.options.trusted_proxies;
    let client = Client::new(&request, ends.peer.ip(), ends.secure, trusted);
    request.extensions_mut().insert(client.clone());
    if let Some(turn) = turn {
        request.extensions_mut().insert(turn.clone());
    }
    respond(request, context, &client, ends.local).await
}

async fn http1(socket: Async<TcpStream>, ends: Ends, turn: Option<Turn>, context: &Context) {
    let turn = &turn;
    let service = |request| async move {
        let answer = answer(request, ends, turn.as_ref(), context).await;
        // A stream keeps its place until the buffers of its request are gone.
        if let (Answer::Response(_), Some(turn)) = (&answer, turn) {
            turn.give_back();
        }
        answer
    };
    // A client that breaks the protocol or leaves has been answered as far as it can be.
    let _ = serve_connection(socket, context.options.http, service).await;
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
            answer(request, ends, Some(&turn), &context).await
        }
    };
    let options = (context.options.http, context.options.http2);
    let _ = serve_http2(socket, options, stop, service).await;
}

/// Sends a stream over TLS.
async fn send(stream: OverTls, context: Rc<Context>) {
    let (stream, socket) = *stream;
    let _carried = Counted::new(&context.carried);
    let closing = context.options.http.head_timeout;
    let (pumped, socket) = pump(stream.into_body().await, socket, closing).await;
    if pumped == Pumped::Cut {
        // What the system still holds for the reader is forgotten. A socket that does not take this
        // is closed in the ordinary way.
        let _ = SockRef::from(socket.get_ref().0).set_linger(Some(Duration::ZERO));
    }
}
