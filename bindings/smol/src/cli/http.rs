//! A small HTTP client for the commands that talk to a server.
//!
//! It does not know what is sent or read.

use clap::Args;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Request, Response, Uri};
use smol::LocalExecutor;
use smol::net::TcpStream;
use smol_hyper::rt::FuturesIo;
use std::error::Error;
use std::fmt;
use std::rc::Rc;
use std::str::FromStr;

/// Where a server is: `http://host[:port][/path]`.
#[derive(Clone, Debug)]
pub(super) struct ServerUrl {
    host: String,
    port: u16,
    authority: String,
    path: String,
}

impl FromStr for ServerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uri: Uri = text
            .parse()
            .map_err(|error| format!("not a URL: {error}"))?;
        let authority = uri
            .authority()
            .ok_or("a URL begins with http:// and a host")?;
        if uri.scheme_str() != Some("http") {
            return Err("only http:// is supported".into());
        }
        if uri.query().is_some() {
            return Err("the URL of a server has no query".into());
        }
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        Ok(Self {
            host: host.to_owned(),
            port: authority.port_u16().unwrap_or(80),
            authority: authority.to_string(),
            path: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

/// Which server is meant, and who asks.
#[derive(Args, Clone, Debug)]
pub(super) struct Destination {
    /// The server
    #[arg(
        long,
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        env = "TIDINGS_SERVER"
    )]
    server: ServerUrl,
    /// A token or key, for a server with authentication. Others see arguments of programs: better
    /// in the environment
    #[arg(long, env = "TIDINGS_TOKEN", hide_env_values = true, value_parser = bearer)]
    token: Option<HeaderValue>,
}

/// What says who asks (RFC 6750, section 2.1).
fn bearer(token: &str) -> Result<HeaderValue, &'static str> {
    let value = HeaderValue::try_from(format!("Bearer {}", token.trim()));
    let mut value = value.map_err(|_| "a token has no line breaks nor other control characters")?;
    value.set_sensitive(true);
    Ok(value)
}

/// Why there is no response.
#[derive(Debug)]
pub(super) struct HttpError(Box<dyn Error>);

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)?;
        self.0
            .source()
            .map_or(Ok(()), |source| write!(f, ": {source}"))
    }
}

impl<E: Error + 'static> From<E> for HttpError {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

/// A connection to a server, made when it is needed and kept as long as it works.
pub(super) struct Connection {
    executor: Rc<LocalExecutor<'static>>,
    server: Destination,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    pub(super) fn new(executor: Rc<LocalExecutor<'static>>, server: Destination) -> Self {
        Self {
            executor,
            server,
            open: None,
        }
    }

    /// Sends a request, whose URI is the path below the server's.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, HttpError> {
        let Destination { server, token } = &self.server;
        *request.uri_mut() = format!("{}{}", server.path, request.uri()).parse()?;
        let headers = request.headers_mut();
        headers.insert(HOST, server.authority.parse()?);
        if let Some(token) = token {
            headers.insert(AUTHORIZATION, token.clone());
        }
        let mut sender = match self.open.take() {
            Some(sender) if !sender.is_closed() => sender,
            _ => self.connect().await?,
        };
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        self.open = Some(sender);
        Ok(response)
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, HttpError> {
        let server = &self.server.server;
        let socket = TcpStream::connect((&*server.host, server.port)).await?;
        socket.set_nodelay(true)?;
        let (sender, connection) = handshake(FuturesIo::new(socket)).await?;
        // How it ends is seen by whoever waits for a response or its body.
        self.executor
            .spawn(async { drop(connection.await) })
            .detach();
        Ok(sender)
    }
}

/// The whole body of a response, as text.
pub(super) async fn text(response: Response<Incoming>) -> Result<String, HttpError> {
    let body = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8_lossy(&body).into_owned())
}
