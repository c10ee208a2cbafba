//! What a server is run with, and why it cannot be.
//!
//! It does not know files and flags; `config` and the command line do.

use super::auth::{Auth, AuthError, AuthOptions};
use super::cors::{Cors, CorsError, CorsOptions};
use super::http2::Http2Options;
use super::limits::LimitOptions;
use super::listen;
use super::logs::{LogError, LogOptions};
use super::sessions::SessionOptions;
use super::tls::{Tls, TlsError, TlsOptions};
#[cfg(feature = "websocket")]
use super::websocket::WebSocketOptions;
use crate::http::HttpOptions;
use crate::hub::StartError;
use crate::options::DriverOptions;
use ipnet::IpNet;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tidings_core::Rules;

/// What the server is run with.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    /// Where to listen. Default 127.0.0.1:8080.
    pub listen: SocketAddr,
    /// Names by which clients may call the server, beside loopback names and the address that they
    /// connected to. A page of another site that makes its own name point here is refused so.
    pub hosts: Vec<String>,
    /// Let anyone read, from beyond this machine too.
    pub allow_anonymous: bool,
    /// Let anyone publish, from beyond this machine too.
    pub allow_anonymous_publish: bool,
    /// Who may ask for what. Default none: without authentication, those on this machine may do
    /// everything, and others what is said above.
    pub auth: Option<AuthOptions>,
    /// Pages of other origins that may use the server. Default: none.
    pub cors: CorsOptions,
    /// What is remembered of streams, of tabs and of those who are shut out.
    pub sessions: SessionOptions,
    /// Connections in total, streams and others. Default none: what the descriptors of the process
    /// allow, less some for itself.
    pub connections: Option<usize>,
    /// Bytes of the body of a request. Default 1 MiB.
    pub body_bytes: usize,
    /// The time a client has to send a body. Default 30 s.
    pub body_timeout: Duration,
    /// How long streams may take to end when the server is stopped. Default 10 s.
    pub drain: Duration,
    /// Speak TLS. Default none: plain HTTP.
    pub tls: Option<TlsOptions>,
    /// Networks whose proxies are believed when they say for whom they ask. Default none.
    pub trusted_proxies: Vec<IpNet>,
    /// The log of the process. A server does not start it; `tidings serve` does.
    pub logs: LogOptions,
    /// Limits of one HTTP connection.
    pub http: HttpOptions,
    /// Limits of one connection of HTTP/2.
    pub http2: Http2Options,
    /// Limits of one WebSocket.
    #[cfg(feature = "websocket")]
    pub websocket: WebSocketOptions,
    /// What one user or one address may do.
    pub limits: LimitOptions,
    /// The hub and its driver.
    pub driver: DriverOptions,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            hosts: Vec::new(),
            allow_anonymous: false,
            allow_anonymous_publish: false,
            auth: None,
            cors: CorsOptions::default(),
            sessions: SessionOptions::default(),
            connections: None,
            body_bytes: 1 << 20,
            body_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(10),
            tls: None,
            trusted_proxies: Vec::new(),
            logs: LogOptions::default(),
            http: HttpOptions::default(),
            http2: Http2Options::default(),
            #[cfg(feature = "websocket")]
            websocket: WebSocketOptions::default(),
            limits: LimitOptions::default(),
            driver: DriverOptions::default(),
        }
    }
}

/// Less room for the head of a request is none that hyper takes.
const LEAST_HEAD_BYTES: usize = 8_192;

impl ServerOptions {
    /// Whether a server can be made with these, as far as that can be told without one.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn validate(&self) -> Result<(), ServerError> {
        self.parts().map(drop)
    }

    /// What is made of these before there is a server: files are read, and everything is checked.
    pub(super) fn parts(&self) -> Result<Parts, ServerError> {
        let is_for_nobody = !self.allow_anonymous && self.auth.is_none();
        if !self.listen.ip().is_loopback() && is_for_nobody {
            return Err(ServerError::NotLoopback(self.listen.ip()));
        }
        if self.http.head_bytes < LEAST_HEAD_BYTES {
            return Err(ServerError::HeadBytes);
        }
        self.logs.validate().map_err(ServerError::Log)?;
        let tls = self.tls.as_ref().map(Tls::load).transpose();
        let tls = tls.map_err(ServerError::Tls)?;
        let cors = Cors::new(&self.cors).map_err(ServerError::Cors)?;
        self.driver.validate().map_err(ServerError::Start)?;
        let rules = Rules::new(&self.driver.hub);
        let rules = rules.map_err(|error| ServerError::Start(StartError::Options(error)))?;
        let auth = self.auth_options().map(|auth| Auth::new(auth, rules));
        let auth = auth.transpose().map_err(ServerError::Auth)?;
        Ok(Parts { tls, auth, cors })
    }

    /// Who may ask for what, with what anyone may do beside what is said in particular.
    pub(super) fn auth_options(&self) -> Option<AuthOptions> {
        let mut auth = self.auth.clone()?;
        let everything = || "**".to_owned();
        if self.allow_anonymous {
            auth.anonymous.subscribe.push(everything());
        }
        if self.allow_anonymous_publish {
            auth.anonymous.publish.push(everything());
            auth.anonymous.publish_direct = true;
        }
        Some(auth)
    }

    /// Connections in total: what is said, or what the system has room for, and never more than a hub
    /// has names for.
    pub(super) fn most_connections(&self) -> usize {
        let connections = self.connections.unwrap_or_else(listen::connection_limit);
        connections.min(self.driver.hub.limits.connections)
    }
}

/// What a server is made of beside its hub.
pub(super) struct Parts {
    pub(super) tls: Option<Tls>,
    /// Finds out who asks, where that is to be found out.
    pub(super) auth: Option<Auth>,
    pub(super) cors: Cors,
}

/// Why the server cannot be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerError {
    /// It was to listen beyond this machine, with nobody allowed to read.
    NotLoopback(IpAddr),
    /// The head of a request has less room than hyper needs for one.
    HeadBytes,
    /// The address cannot be listened on.
    Listen(SocketAddr, io::Error),
    /// The log cannot be started.
    Log(LogError),
    /// The certificate or the key cannot be used.
    Tls(TlsError),
    /// A page that may use the server is not named as browsers name it.
    Cors(CorsError),
    /// The hub cannot be started.
    Start(StartError),
    /// What is said about those who ask cannot be used.
    Auth(AuthError),
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoopback(address) => write!(
                f,
                "{address} can be reached from other machines, and there is no authentication: \
                 configure it, or say --allow-anonymous to let anyone read, and --allow-anonymous-publish to let \
                 anyone publish"
            ),
            Self::HeadBytes => write!(
                f,
                "the head of a request has at least {LEAST_HEAD_BYTES} bytes"
            ),
            Self::Listen(address, error) => write!(f, "cannot listen on {address}: {error}"),
            Self::Log(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::Cors(error) => error.fmt(f),
            Self::Start(error) => error.fmt(f),
            Self::Auth(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ServerError {}
