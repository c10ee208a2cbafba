//! A small HTTP client for the commands that talk to a server.
//!
//! It does not know what is sent or read.

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::HOST;
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
    url: ServerUrl,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    pub(super) fn new(executor: Rc<LocalExecutor<'static>>, url: ServerUrl) -> Self {
        Self {
            executor,
            url,
            open: None,
        }
    }

    /// Sends a request, whose URI is the path below the server's.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, HttpError> {
        *request.uri_mut() = format!("{}{}", self.url.path, request.uri()).parse()?;
        request
            .headers_mut()
            .insert(HOST, self.url.authority.parse()?);
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
        let socket = TcpStream::connect((&*self.url.host, self.url.port)).await?;
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
