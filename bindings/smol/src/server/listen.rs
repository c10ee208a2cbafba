//! Accepting connections: as many as the process can hold, and living on when it can hold no more.
//!
//! It does not know what is asked on them.

use super::Context;
use super::connection::serve;
use super::error::ApiError;
use super::limits::Place;
use super::paths::OTHER;
use super::refusal::Refusals;
use rustix::process::{Resource, getrlimit};
use smol::future::yield_now;
use smol::{Async, LocalExecutor, Timer};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;
use std::time::Duration;

/// Connections that may wait to be accepted: all clients of a busy server that come back at once.
const BACKLOG: i32 = 4_096;

/// Descriptors that are left to the process for everything else.
const OWN_DESCRIPTORS: u64 = 256;

/// How long nothing is accepted when the process has no descriptor left.
const PAUSE: Duration = Duration::from_millis(100);

/// Requests for streams that are being answered at a time. Each needs buffers until it is a stream:
/// of all clients of a busy server that come back at once, most wait without.
pub(super) const OPENING: usize = 256;

pub(super) fn listen(address: SocketAddr) -> io::Result<Async<TcpListener>> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A server that is started again takes its port over from the connections of the one before.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Async::new(socket.into())
}

/// How many connections the descriptors of the process allow.
pub(super) fn connection_limit() -> usize {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(1 << 20);
    let left = descriptors
        .saturating_sub(OWN_DESCRIPTORS)
        .max(descriptors / 2);
    usize::try_from(left).unwrap_or(usize::MAX)
}

/// Accepts and serves connections for ever.
pub(super) async fn accept(
    listener: Async<TcpListener>,
    executor: Rc<LocalExecutor<'static>>,
    context: Rc<Context>,
) {
    loop {
        match listener.accept().await {
            Ok((socket, peer)) => match context.admit(peer.ip()) {
                Ok(place) => {
                    let serve = serve(socket, (peer, place), executor.clone(), context.clone());
                    executor.spawn(serve).detach();
                    // A request that is there already is taken before the next connection.
                    yield_now().await;
                }
                Err(refused) => {
                    refuse(&socket, &refused, &context);
                    context.note_refusal(&refused, OTHER, peer.ip().to_canonical());
                }
            },
            Err(error) if is_of_one_connection(&error) => {}
            // No descriptor or no memory: what is open goes on, and may end and make room.
            Err(_) => drop(Timer::after(PAUSE).await),
        }
    }
}

/// Whether it was the connection that failed, and not accepting.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::Interrupted
    )
}

/// Tells a client at once that it is one too many, if its socket takes it. Who speaks TLS is worth no
/// handshake.
fn refuse(socket: &Async<TcpStream>, refused: &ApiError, context: &Context) {
    if context.tls.is_some() {
        return;
    }
    let mut socket = socket.get_ref();
    // What it has sent is read, or closing would take the answer back.
    let mut head = [0; 4_096];
    let read = socket.read(&mut head).unwrap_or_default();
    let refusals = Refusals::asked_for_in(&head[..read]);
    let control = &context.options.driver.hub.control;
    let _ = socket.write(&refusals.http1(refused, control));
}

impl Context {
    /// A place for one more connection of this peer. One that is a trusted proxy has room for all its
    /// clients.
    fn admit(&self, peer: IpAddr) -> Result<Option<Place>, ApiError> {
        let limit = self.most_connections.get();
        if self.requests.get() + self.hub.connections() >= limit {
            let message = "the server takes no more now";
            return Err(ApiError {
                retry_after: Some(2),
                ..ApiError::unavailable("too_many_connections", message)
            });
        }
        let proxies = &self.options.trusted_proxies;
        if proxies
            .iter()
            .any(|proxy| proxy.contains(&peer.to_canonical()))
        {
            return Ok(None);
        }
        self.limits().connect(peer).map(Some)
    }
}
