//! `GET /ws`: streams as WebSockets (RFC 6455), on which clients can speak, too.
//!
//! It does not know how events are numbered, kept and encoded. A socket is a stream of the hub like any
//! other: opened, limited, listed, revoked and drained as one; the hub gives its events, pings and the
//! frame that closes it as whole frames, and what is said to the client beside stands between them.

mod application;
mod conversation;
mod counts;
mod ended;
mod frames;
mod handshake;
mod message;
mod options;
mod pump;
mod silence;
mod tap;
mod turns;

pub use application::{Socket, SocketHandler};
pub(super) use counts::Counts;
pub use message::{Asks, ClientMessage, PublishAsked, parse_message};
pub use options::WebSocketOptions;
pub(super) use turns::Turns;

use super::Context;
use super::body::check_empty;
use super::client::Client;
use super::error::ApiError;
use super::events;
use super::identity::Identity;
use super::open::Opener;
use super::reply::Reply;
use super::sessions::{Asking, Transport};
use super::upgrade::Upgrade;
use crate::http::Answer;
use crate::stream::{Stream, StreamOptions};
use application::Application;
use conversation::Conversation;
use handshake::Handshake;
use hyper::Request;
use hyper::body::{Bytes, Incoming};
use pump::Pump;
use smol::io::{AsyncRead, AsyncWrite};
use socket2::SockRef;
use std::rc::Rc;
use std::sync::Arc;
use tidings_core::{ConnectionId, Encoding};

/// A stream that is a socket once its connection is free.
pub(super) struct Upgraded {
    head: Vec<u8>,
    client: Client,
    socket: Socket,
    application: Option<Rc<dyn Application>>,
}

/// A request that may become a socket, with what is asked for.
pub(super) struct Asked<'a> {
    upgrade: Option<&'a Upgrade>,
    handshake: Handshake,
}

impl<'a> Asked<'a> {
    /// # Errors
    /// Where the request is not for a socket, not as it should be, or from a page that may not.
    pub(super) fn read(
        context: &Context,
        request: &Request<Incoming>,
        upgrade: Option<&'a Upgrade>,
    ) -> Result<Self, ApiError> {
        let handshake = Handshake::read(request)?;
        context.cors.check_socket(request)?;
        check_empty(request)?;
        Ok(Self { upgrade, handshake })
    }

    /// Opens the stream. What the application wants to hear goes to it.
    pub(super) async fn open(
        self,
        opener: Opener<'_>,
        options: StreamOptions,
        application: Option<Rc<dyn Application>>,
    ) -> Reply {
        let client = opener.client.clone();
        let user = options.user.as_deref().map(Arc::from);
        let options = StreamOptions {
            encoding: Encoding::WebSocket,
            head: Vec::new(),
            ..options
        };
        let stream = opener.open(options).await?;
        let upgraded = Upgraded {
            head: self.handshake.head(),
            client,
            socket: Socket::new(stream.connection(), user),
            application,
        };
        if let Some(place) = self.upgrade {
            place.leave(upgraded);
        }
        Ok(Answer::Stream(stream))
    }
}

/// `GET /ws`.
pub(super) async fn websocket(
    request: Request<Incoming>,
    context: &Context,
    client: &Client,
    identity: Identity,
    (asking, upgrade): (&Asking, Option<&Upgrade>),
) -> Reply {
    let asked = Asked::read(context, &request, upgrade)?;
    let query = parse_query(request.uri().query().unwrap_or_default())?;
    events::check_reader(context, &identity, &query)?;
    let opener = Opener {
        context,
        client,
        asking,
        identity,
        transport: Transport::WebSocket,
    };
    let options = opener.complete(query, &request);
    asked.open(opener, options, None).await
}

/// As for `/events`, but that there is no stream to be refused in.
fn parse_query(query: &str) -> Result<StreamOptions, ApiError> {
    let mut names = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
    if names.any(|name| name == "soft") {
        let message = "soft is for event streams; a WebSocket is refused with a status";
        return Err(ApiError::bad("unknown_parameter", message));
    }
    events::parse_query(query)
}

impl Upgraded {
    /// The stream that it belongs to.
    pub(super) const fn connection(&self) -> ConnectionId {
        self.socket.connection()
    }
}

/// Serves a socket to its end, on what carries it, with what came after the request; `below` is the socket
/// that carries that. Hands the carrier back, and says whether it is to be cut.
pub(super) fn serve<I>(
    upgraded: Box<Upgraded>,
    stream: Stream,
    carrier: (I, Bytes),
    context: Rc<Context>,
    below: impl Fn(&I) -> SockRef<'_>,
) -> impl Future<Output = (bool, I)>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    // What lasts is small: what was needed to begin is gone by then, and what the end needs comes then.
    let begun = Box::pin(begin(upgraded, stream, carrier, context));
    async move {
        let ended = begun.await.run().await;
        Box::pin(ended.close(below)).await
    }
}

async fn begin<I>(
    upgraded: Box<Upgraded>,
    stream: Stream,
    (io, read): (I, Bytes),
    context: Rc<Context>,
) -> Box<Pump<I>>
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let Upgraded {
        head,
        client,
        socket,
        application,
    } = *upgraded;
    let conversation = Conversation {
        context,
        client,
        socket,
        application,
    };
    let body = stream.into_body().await;
    Pump::new(body, (io, head, read), Rc::new(conversation)).await
}
