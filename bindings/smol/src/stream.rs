//! One stream between the request that opens it and its end.
//!
//! It does not know HTTP: whoever opens it has read a request, and says what the answer's head is.

use crate::body::StreamBody;
use crate::driver::{Command, End, PIPE_BYTES, pipe};
#[cfg(doc)]
use crate::http::stream_head;
use crate::http::stream_headers;
use crate::hub::texts;
use async_channel::Sender;
use hyper::Response;
use hyper::header::HeaderMap;
use std::fmt;
use std::net::TcpStream;
use std::sync::Arc;
use tidings_core::{CloseReason, ConnectionId, Encoding, Gap, Hub, LagPolicy, Open, OpenError};

/// Who opens a stream, for what, and from where: [`Open`] with texts of its own.
#[derive(Clone, Debug, Default)]
pub struct StreamOptions {
    /// See [`Open::user`].
    pub user: Option<String>,
    /// See [`Open::tab`].
    pub tab: Option<String>,
    /// See [`Open::topics`].
    pub topics: Vec<String>,
    /// See [`Open::grants`].
    pub grants: Vec<String>,
    /// See [`Open::last_event_id`].
    pub last_event_id: Option<String>,
    /// See [`Open::expires_ms`].
    pub expires_ms: Option<u64>,
    /// See [`Open::lag`].
    pub lag: Option<LagPolicy>,
    /// See [`Open::comment_heartbeats`].
    pub comment_heartbeats: bool,
    /// See [`Open::encoding`]. What is beside the stream's own bytes, the `head` of a handshake or the
    /// frames with which a client is answered, is of whoever opens it.
    pub encoding: Encoding,
    /// What is sent before the first event: the head of the HTTP response, where the stream has a
    /// socket of its own. See [`stream_head`].
    pub head: Vec<u8>,
    /// Headers beside the stream's own, for [`Stream::into_response`].
    pub headers: HeaderMap,
    /// Who is told that the stream is open, before anything can happen to it. Default: nobody.
    pub on_open: Option<OnOpen>,
    /// Who is told when the stream has closed. Default: nobody.
    pub on_close: Option<OnClose>,
    /// Who is told when the stream has been told of events that it missed. Default: nobody.
    pub on_gap: Option<OnGap>,
}

/// Is told that a stream is open, in the turn of the driver that opened it: what is noted then is
/// there before the stream can close, or be told to.
pub type OnOpen = Watcher<()>;

/// Is told when a stream has closed, and why: once for each stream that was opened with it, after
/// its last byte was given to the system. A driver that ends without a drain takes its streams with
/// it and tells nobody.
///
/// ```
/// use std::sync::mpsc;
/// use tidings_smol::{CloseReason, DriverOptions, Hub, OnClose, StreamOptions};
///
/// let (sender, closings) = mpsc::channel();
/// let options = StreamOptions {
///     on_close: Some(OnClose::new(move |connection, closed| {
///         // Nobody may listen any more.
///         let _ = sender.send((connection, closed.reason));
///     })),
///     ..StreamOptions::default()
/// };
/// let hub = Hub::start(DriverOptions::default())?;
/// let stream = smol::block_on(hub.open(options))?;
/// let connection = stream.connection();
/// drop(stream);
/// assert_eq!(closings.recv()?, (connection, CloseReason::Gone));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type OnClose = Watcher<Closed>;

/// How a stream ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Closed {
    /// Why.
    pub reason: CloseReason,
    /// How many events its socket took.
    pub delivered: u64,
}

/// Is told what a stream was told that it missed: each time that the begin of a `gap` was given to the
/// system, also where the event itself is switched off.
pub type OnGap = Watcher<Gap>;

/// Is told of a stream, which is named.
pub struct Watcher<T>(Arc<dyn Fn(ConnectionId, T) + Send + Sync>);

impl<T> Watcher<T> {
    /// Calls this on the driver's thread, which waits for it meanwhile: it should be short. A panic
    /// in it ends the driver.
    pub fn new(tell: impl Fn(ConnectionId, T) + Send + Sync + 'static) -> Self {
        Self(Arc::new(tell))
    }

    pub(crate) fn call(&self, connection: ConnectionId, news: T) {
        (self.0)(connection, news);
    }
}

impl<T> Clone for Watcher<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Watcher<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

impl StreamOptions {
    pub(crate) fn open(&self, hub: &mut Hub, now: u64) -> Result<ConnectionId, OpenError> {
        let (topics, grants) = (texts(&self.topics), texts(&self.grants));
        let open = Open {
            user: self.user.as_deref(),
            tab: self.tab.as_deref(),
            topics: &topics,
            grants: &grants,
            last_event_id: self.last_event_id.as_deref(),
            expires_ms: self.expires_ms,
            lag: self.lag,
            comment_heartbeats: self.comment_heartbeats,
            encoding: self.encoding,
            preamble: &self.head,
        };
        hub.open(now, open)
    }
}

/// A stream that is open in the hub and waits for its socket, or for whoever takes its bytes. Dropped
/// without either, it is closed.
#[must_use = "a stream without a socket is closed"]
pub struct Stream {
    connection: ConnectionId,
    headers: HeaderMap,
    commands: Option<Sender<Command>>,
}

impl Stream {
    pub(crate) fn new(connection: ConnectionId, commands: Sender<Command>) -> Self {
        Self {
            connection,
            headers: HeaderMap::new(),
            commands: Some(commands),
        }
    }

    pub(crate) fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers = headers;
        self
    }

    /// The name of the stream in the hub.
    #[must_use]
    pub const fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// The stream has its socket already.
    pub(crate) fn keep(mut self) -> ConnectionId {
        self.commands = None;
        self.connection
    }

    /// Hands the stream its socket, on which the request has been read and nothing answered. The
    /// driver owns it from now on, and closes it in the end.
    pub async fn attach(self, socket: TcpStream) {
        self.attach_end(End::Socket(socket.into())).await;
    }

    /// Takes the bytes of the stream into a task of your own, for whatever is no plain socket: HTTP/2,
    /// TLS, or an HTTP library that does not let go of its connection.
    pub async fn into_body(self) -> StreamBody {
        self.into_body_of(PIPE_BYTES).await
    }

    /// As [`into_body`](Self::into_body), with room for so many bytes: for those who want much at a time,
    /// and have done with it soon. What is due when the stream begins comes in one piece, up to 64 KiB.
    pub async fn into_body_of(self, bytes: usize) -> StreamBody {
        let (writer, reader) = pipe(self.connection, bytes.max(1));
        self.attach_end(End::Pipe(writer)).await;
        StreamBody::new(reader)
    }

    /// The response that is this stream, for a library that writes the head itself. The options of
    /// the stream have no `head` then; their `headers` come with this.
    ///
    /// ```
    /// use futures::StreamExt as _;
    /// use tidings_smol::{DriverOptions, Hub, StreamOptions};
    ///
    /// let hub = Hub::start(DriverOptions::default())?;
    /// smol::block_on(async {
    ///     let stream = hub.open(StreamOptions::default()).await?;
    ///     // In a service of hyper, this is what the request is answered with.
    ///     let response = stream.into_response().await;
    ///     assert_eq!(response.headers()["content-type"], "text/event-stream");
    ///     let mut body = response.into_body();
    ///     let first = body.next().await.transpose()?.unwrap_or_default();
    ///     assert!(first.starts_with(b"id: "));
    ///     Ok::<_, Box<dyn std::error::Error>>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn into_response(mut self) -> Response<StreamBody> {
        let headers = std::mem::take(&mut self.headers);
        let mut response = Response::new(self.into_body().await);
        *response.headers_mut() = stream_headers(&headers);
        response
    }

    async fn attach_end(mut self, end: End) {
        if let Some(commands) = self.commands.clone() {
            let connection = self.connection;
            // A driver that has ended has closed its streams; the end is dropped, and closed.
            let _ = commands.send(Command::Attach { connection, end }).await;
            self.commands = None;
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(commands) = self.commands.take() {
            // A full mailbox leaves it to the hub's stall time, which ends a stream without socket.
            let _ = commands.try_send(Command::Gone(self.connection));
        }
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}
