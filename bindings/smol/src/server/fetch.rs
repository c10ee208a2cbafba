//! What the server asks of others over HTTP: one `GET` at a time, and its whole answer.
//!
//! It does not know what for.

mod tls;

use futures_rustls::TlsConnector;
use futures_rustls::pki_types::ServerName;
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{ACCEPT, HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, Uri};
use smol::Timer;
use smol::future::{or, poll_once};
use smol::io::{AsyncRead, AsyncWrite};
use smol::net::TcpStream;
use smol_hyper::rt::FuturesIo;
use std::fmt;
use std::future::pending;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of an answer: a thousand keys, or as many topics as anyone can make use of.
const ANSWER_BYTES: usize = 256 << 10;

/// Bytes of the head of an answer.
const HEAD_BYTES: usize = 64 << 10;

/// Connections that are kept for the next request, and for how long: less than servers keep them.
const IDLE: usize = 8;
const IDLE_TIME: Duration = Duration::from_secs(4);

/// One resource of another server, and the connections to it.
pub(super) struct Resource {
    host: String,
    port: u16,
    authority: HeaderValue,
    path: PathAndQuery,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    timeout: Duration,
    idle: Mutex<Vec<Connection>>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum FetchError {
    Late(Duration),
    Connect(io::Error),
    Http(hyper::Error),
    TooLong,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(timeout) => write!(f, "there is no answer within {timeout:?}"),
            Self::Connect(error) => write!(f, "it cannot be connected to: {error}"),
            Self::Http(error) => {
                write!(f, "it does not answer: {error}")?;
                let source = std::error::Error::source(error);
                source.map_or(Ok(()), |source| write!(f, ": {source}"))
            }
            Self::TooLong => write!(f, "its answer is longer than {ANSWER_BYTES} bytes"),
        }
    }
}

impl Resource {
    /// What is at this URL, `http://` or `https://`, asked for within this time. Who answers `https://`
    /// must be certified by the authorities in a file of PEM, or without one by those that the
    /// system trusts.
    ///
    /// # Errors
    /// What is wrong with the URL or the file.
    pub(super) fn new(
        url: &str,
        ca_file: Option<&Path>,
        timeout: Duration,
    ) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("no URL: {error}"))?;
        let authority = uri
            .authority()
            .filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or("a URL begins with http:// or https:// and a host")?;
        if authority.as_str().contains('@') {
            return Err("the URL must not have a user or a password in it".into());
        }
        let host = authority.host();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let (port, tls) = match uri.scheme_str() {
            Some("http") if ca_file.is_some() => {
                return Err("authorities certify what is asked over https:// only".into());
            }
            Some("http") => (80, None),
            Some("https") => {
                let name = ServerName::try_from(host.to_owned());
                let name = name.map_err(|_| format!("{host:?} cannot be in a certificate"))?;
                (443, Some((tls::connector(ca_file)?, name)))
            }
            _ => return Err("a URL begins with http:// or https://".into()),
        };
        let named = authority.as_str().parse();
        Ok(Self {
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(port),
            authority: named.map_err(|_| "its host cannot be in a header")?,
            path: uri
                .path_and_query()
                .cloned()
                .unwrap_or_else(|| PathAndQuery::from_static("/")),
            tls,
            timeout,
            idle: Mutex::default(),
        })
    }

    /// Asks for it with these headers. A redirection is an answer like any other.
    pub(super) async fn get(
        &self,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Response<Bytes>, FetchError> {
        let late = async {
            Timer::after(self.timeout).await;
            Err(FetchError::Late(self.timeout))
        };
        or(self.ask(headers), late).await
    }

    async fn ask(
        &self,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<Response<Bytes>, FetchError> {
        while let Some(mut connection) = self.kept().await {
            match connection.exchange(self.request(headers)).await {
                Ok(response) => {
                    self.keep(connection);
                    return response;
                }
                Err(error) if error.is_parse() => return Err(FetchError::Http(error)),
                // The other side may have ended it meanwhile. To ask for something twice does no harm.
                Err(_) => {}
            }
        }
        let mut connection = self.connect().await?;
        let response = connection.exchange(self.request(headers)).await;
        let response = response.map_err(FetchError::Http)?;
        self.keep(connection);
        response
    }

    fn request(&self, headers: &[(HeaderName, HeaderValue)]) -> Request<Empty<Bytes>> {
        let mut request = Request::new(Empty::new());
        *request.uri_mut() = Uri::from(self.path.clone());
        let sent = request.headers_mut();
        sent.insert(HOST, self.authority.clone());
        sent.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let agent = HeaderValue::from_static(concat!("tidings/", env!("CARGO_PKG_VERSION")));
        sent.insert(USER_AGENT, agent);
        for (name, value) in headers {
            sent.append(name, value.clone());
        }
        request
    }

    async fn connect(&self) -> Result<Connection, FetchError> {
        let socket = TcpStream::connect((&*self.host, self.port)).await;
        let socket = socket.map_err(FetchError::Connect)?;
        socket.set_nodelay(true).map_err(FetchError::Connect)?;
        let connection = match &self.tls {
            None => Connection::open(socket).await,
            Some((tls, name)) => {
                let socket = tls.connect(name.clone(), socket).await;
                Connection::open(socket.map_err(FetchError::Connect)?).await
            }
        };
        connection.map_err(FetchError::Http)
    }

    /// A connection from before that still stands, as far as can be seen.
    async fn kept(&self) -> Option<Connection> {
        loop {
            let mut connection = self.idle().pop()?;
            if connection.since.elapsed() < IDLE_TIME && connection.stands().await {
                return Some(connection);
            }
        }
    }

    fn keep(&self, mut connection: Connection) {
        let mut idle = self.idle();
        idle.retain(|kept| kept.since.elapsed() < IDLE_TIME);
        if !connection.ended && idle.len() < IDLE {
            connection.since = Instant::now();
            idle.push(connection);
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection, which moves while something is asked on it.
struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    driver: Pin<Box<dyn Future<Output = ()> + Send>>,
    ended: bool,
    since: Instant,
}

impl Connection {
    async fn open<T>(socket: T) -> hyper::Result<Self>
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let mut http = Builder::new();
        http.max_buf_size(HEAD_BYTES);
        let (sender, driver) = http.handshake(FuturesIo::new(socket)).await?;
        Ok(Self {
            sender,
            // How it ends is seen by whoever waits for an answer.
            driver: Box::pin(async { drop(driver.await) }),
            ended: false,
            since: Instant::now(),
        })
    }

    async fn stands(&mut self) -> bool {
        self.ended = poll_once(&mut self.driver).await.is_some();
        !self.ended
    }

    /// The outer error is for what comes instead of an answer.
    async fn exchange(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> hyper::Result<Result<Response<Bytes>, FetchError>> {
        let Self {
            sender,
            driver,
            ended,
            ..
        } = self;
        let answer = async {
            sender.ready().await?;
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES).collect().await;
            Ok(match body {
                Ok(body) => Ok(Response::from_parts(head, body.to_bytes())),
                Err(error) if error.is::<LengthLimitError>() => Err(FetchError::TooLong),
                Err(error) => match error.downcast::<hyper::Error>() {
                    Ok(error) => Err(FetchError::Http(*error)),
                    Err(other) => Err(FetchError::Connect(io::Error::other(other))),
                },
            })
        };
        let drive = async {
            driver.await;
            *ended = true;
            pending().await
        };
        or(answer, drive).await
    }
}

#[cfg(test)]
mod tests;
