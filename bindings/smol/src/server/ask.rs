//! A request to an application's own route, and what the server can do for its answer.
//!
//! It does not know the route.

use super::Context;
use super::auth::cookies;
use super::body::{check_empty, invalid, read_json};
use super::client::Client;
use super::connection::Carrier;
use super::error::ApiError;
use super::identity::Identity;
use super::live::{self, Renewed};
use super::object::Object;
use super::open::Opener;
use super::poll;
use super::reply::Reply;
use super::sessions::{Asking, Target, Transport};
#[cfg(feature = "websocket")]
use super::websocket::{self, SocketHandler};
use crate::http::Answer;
use crate::hub::Hub;
use crate::stream::StreamOptions;
use hyper::body::Incoming;
use hyper::{Method, Request};
use serde::de::DeserializeOwned;
use std::fmt;
#[cfg(feature = "websocket")]
use std::rc::Rc;

/// A request to a route of an [`App`](super::App).
pub struct Ask<'a> {
    context: &'a Context,
    client: &'a Client,
    #[cfg_attr(
        not(feature = "websocket"),
        expect(dead_code, reason = "only sockets need it")
    )]
    carrier: Carrier<'a>,
    asking: &'a Asking,
    request: Request<Incoming>,
    params: Vec<(String, String)>,
    /// Who asks, where it was found out.
    identity: Option<Identity>,
}

impl<'a> Ask<'a> {
    pub(super) const fn new(
        context: &'a Context,
        (client, carrier): (&'a Client, Carrier<'a>),
        asking: &'a Asking,
        request: Request<Incoming>,
        params: Vec<(String, String)>,
    ) -> Self {
        Self {
            context,
            client,
            carrier,
            asking,
            request,
            params,
            identity: None,
        }
    }

    /// The hub of the server.
    #[must_use]
    pub const fn hub(&self) -> &'a Hub {
        &self.context.hub
    }

    /// Who is at the other end.
    #[must_use]
    pub const fn client(&self) -> &'a Client {
        self.client
    }

    /// The request itself.
    #[must_use]
    pub const fn request(&self) -> &Request<Incoming> {
        &self.request
    }

    /// What stands in the path for a parameter; empty for one that its template does not have.
    #[must_use]
    pub fn param(&self, name: &str) -> &str {
        let found = self.params.iter().find(|(param, _)| param == name);
        found.map_or("", |(_, value)| value)
    }

    /// A value of the query, the first of this name.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<String> {
        let query = self.request.uri().query()?;
        let mut values = form_urlencoded::parse(query.as_bytes());
        let found = values.find(|(found, _)| found == name);
        found.map(|(_, value)| value.into_owned())
    }

    /// A cookie, the first of this name that is not empty.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<String> {
        cookies(self.request.headers(), name).into_iter().next()
    }

    /// Who asks, and what they may do, by the authentication that the server is configured with.
    ///
    /// # Errors
    /// Where that cannot be, or was revoked; where something is to be changed with a cookie by a page of
    /// another origin.
    pub async fn identity(&mut self) -> Result<&Identity, ApiError> {
        let identity = match self.identity.take() {
            Some(identity) => identity,
            None => {
                let identity = self.context.identify(&mut self.request).await?;
                self.asking.check(&identity)?;
                let cors = &self.context.cors;
                if !self.request.method().is_safe() {
                    cors.check_change(&self.request, identity.credential)?;
                }
                identity
            }
        };
        Ok(self.identity.insert(identity))
    }

    /// The user who asks.
    ///
    /// # Errors
    /// As [`identity`](Self::identity), and where it is nobody in particular.
    pub async fn user(&mut self) -> Result<String, ApiError> {
        let user = self.identity().await?.user.clone();
        user.ok_or_else(|| {
            let message = "this is for those who are signed in";
            ApiError::unauthorized("unauthenticated", message)
        })
    }

    /// How many streams a user has, of those that this server opened.
    #[must_use]
    pub fn connections_of(&self, user: &str) -> usize {
        self.context.sessions.lock().count_of(user)
    }

    /// Shuts out a token by its own name, be it the end of a session that the application had vouched
    /// for: its streams, whose number is the answer, are closed when this returns, and it opens no
    /// others.
    ///
    /// # Errors
    /// When too many are shut out; then nothing is.
    pub async fn revoke_token(&self, token_id: &str) -> Result<usize, ApiError> {
        let target = Target::Token(token_id.to_owned(), None);
        let shut_out = self.context.shut_out(&target).await?;
        Ok(shut_out.closed)
    }

    /// The JSON object that the request brings, of bounded length, in bounded time.
    ///
    /// # Errors
    /// Where it is none, or not such a one.
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, ApiError> {
        let body = read_json(self.request, self.context).await?;
        let Object(value) = serde_json::from_slice::<Object<T>>(&body).map_err(invalid)?;
        Ok(value)
    }

    /// Answers with a stream, which the server limits, lists and revokes as its own. What these options
    /// leave out comes from the request: the position, from the header `Last-Event-ID` or
    /// `last_event_id` in the query; `tab` and `heartbeat=comment` from the query; the user, their
    /// grants and the end of their token from [`identity`](Self::identity), where it was asked for.
    ///
    /// # Errors
    /// Where the stream may not be, now or at all.
    pub async fn stream(self, options: StreamOptions) -> Reply {
        let transport = Transport::of(self.request.version());
        let (opener, options) = self.opening(options, transport)?;
        let stream = opener.open(options).await?;
        Ok(Answer::Stream(stream))
    }

    /// Answers with what such a stream would send, as `GET /poll` does: at once where there is something
    /// after the position that the request comes with, else when there is, or `wait` in the query is over.
    /// Pages look for it beside the stream's own path: that of `/board/events` is `/board/poll`.
    ///
    /// # Errors
    /// Where the stream may not be, now or at all.
    pub async fn poll(self, options: StreamOptions) -> Reply {
        self.check_get()?;
        let wait = poll::wait(self.query("wait").as_deref())?;
        let (opener, options) = (self.opener(Transport::Poll), self.asked(options));
        let answer = poll::answer(opener, options, wait, self.request).await;
        answer.map(Answer::Response)
    }

    /// Lets a live stream go on with the token of this request in place of the one it has, as
    /// `POST /connections/{id}/token` does. Pages look for that path beside the stream's own: that of
    /// `/board/events` is `/board/connections/{id}/token`. What a new token allows beside is not
    /// subscribed to by itself: see [`Hub::change_topics`].
    ///
    /// # Errors
    /// As [`identity`](Self::identity), and where the stream is not theirs, or no more.
    pub async fn renew(&mut self, connection: &str) -> Result<Renewed, ApiError> {
        let identity = self.identity().await?.clone();
        let (context, began) = (self.context, self.asking.began());
        live::renew(&self.request, context, identity, began, connection).await
    }

    /// Answers with a WebSocket, which is otherwise a stream like those of [`stream`](Self::stream). Its
    /// client can say all that is said on `GET /ws`, as far as [`identity`](Self::identity) allows it, and
    /// nothing of it where that was not asked for; messages of other types go to the handler.
    ///
    /// ```
    /// use serde_json::{Value, json};
    /// use tidings_smol::server::{ApiError, App, Ask, Socket, SocketHandler};
    /// use tidings_smol::{Hub, StreamOptions};
    ///
    /// struct Rooms(Hub);
    ///
    /// impl SocketHandler for Rooms {
    ///     async fn message(&self, socket: &Socket, message: Value) -> Result<Value, ApiError> {
    ///         match (message["type"].as_str(), message["room"].as_str()) {
    ///             (Some("join-room"), Some(room)) => {
    ///                 let topics = vec![format!("rooms/{room}")];
    ///                 let joined = self.0.change_topics(socket.connection(), topics, Vec::new());
    ///                 joined.await.map_err(|error| ApiError::bad("not_joined", error.to_string()))?;
    ///                 Ok(json!({ "room": room }))
    ///             }
    ///             _ => Err(ApiError::bad("unknown_type", "there is join-room")),
    ///         }
    ///     }
    ///
    ///     fn closed(&self, socket: &Socket) {
    ///         println!("{} has left", socket.connection());
    ///     }
    /// }
    ///
    /// let app = App::new().get("/rooms", async |ask: Ask<'_>| {
    ///     let rooms = Rooms(ask.hub().clone());
    ///     ask.socket(StreamOptions::default(), rooms).await
    /// });
    /// # drop(app);
    /// ```
    ///
    /// # Errors
    /// Where the request is not for a WebSocket, or comes from a page of another origin, or the stream may
    /// not be, now or at all.
    #[cfg(feature = "websocket")]
    pub async fn socket(self, options: StreamOptions, handler: impl SocketHandler) -> Reply {
        let asked = websocket::Asked::read(self.context, &self.request, self.carrier.upgrade)?;
        let (opener, options) = self.opening(options, Transport::WebSocket)?;
        asked.open(opener, options, Some(Rc::new(handler))).await
    }

    /// The options of a stream with what the request says, and what opens it.
    fn opening(
        &self,
        options: StreamOptions,
        transport: Transport,
    ) -> Result<(Opener<'a>, StreamOptions), ApiError> {
        self.check_get()?;
        self.context.limits().open_by_address(self.client.address)?;
        let opener = self.opener(transport);
        let options = opener.complete(self.asked(options), &self.request);
        Ok((opener, options))
    }

    fn check_get(&self) -> Result<(), ApiError> {
        if *self.request.method() == Method::HEAD {
            let path = self.request.uri().path();
            return Err(ApiError::method_not_allowed(path, "GET"));
        }
        check_empty(&self.request)
    }

    /// These options with what the query says beside.
    fn asked(&self, options: StreamOptions) -> StreamOptions {
        StreamOptions {
            tab: options.tab.or_else(|| self.query("tab")),
            last_event_id: options
                .last_event_id
                .or_else(|| self.query("last_event_id")),
            comment_heartbeats: options.comment_heartbeats
                || self.query("heartbeat").as_deref() == Some("comment"),
            ..options
        }
    }

    fn opener(&self, transport: Transport) -> Opener<'a> {
        Opener {
            context: self.context,
            client: self.client,
            asking: self.asking,
            identity: self.identity.clone().unwrap_or_default(),
            transport,
        }
    }
}

impl fmt::Debug for Ask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ask")
            .field("method", self.request.method())
            .field("path", &self.request.uri().path())
            .field("client", self.client)
            .finish_non_exhaustive()
    }
}
