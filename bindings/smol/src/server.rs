//! The reference server: a hub that people publish to and read over HTTP.
//!
//! It does not know the command line; `tidings serve` fills in its options.

mod admin;
mod auth;
mod body;
mod client;
mod config;
mod connection;
mod cors;
mod error;
mod events;
mod fetch;
mod health;
mod hosts;
mod http2;
mod identity;
mod limits;
mod listen;
mod live;
mod logs;
mod metrics;
mod notes;
mod object;
mod publish;
mod pump;
mod refusal;
mod reload;
mod routes;
mod secret;
mod sessions;
mod stats;
mod tls;

pub use auth::{
    Algorithm, AuthError, AuthOptions, ForwardOptions, JwtOptions, KeyOptions, KeyProblem, Keys,
    NewToken, SigningKey, StaticKeyOptions, TokenError, UnknownAlgorithm, Verifier,
};
pub use client::Client;
pub use config::{ClassTable, Config, ConfigError, ConfigFile, LimitTable, LogTable, StreamTable};
pub use cors::{CorsError, CorsOptions};
pub use error::ApiError;
pub use events::parse_query;
pub use http2::Http2Options;
pub use identity::{Access, Credential, Identity};
pub use limits::{LimitOptions, Rate};
pub use logs::{Log, LogError, LogFormat, LogOptions};
pub use publish::parse_body;
pub use reload::Reloader;
pub use secret::Secret;
pub use sessions::SessionOptions;
pub use tls::{Tls, TlsError, TlsOptions};

use crate::http::HttpOptions;
use crate::hub::{Hub, StartError};
use crate::options::DriverOptions;
use async_channel::Receiver;
use auth::Auth;
use cors::Cors;
use futures::future::{Either, select};
use hyper::Request;
use ipnet::IpNet;
use smol::lock::Semaphore;
use smol::{Async, LocalExecutor, Timer};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidings_core::Rules;

/// How long a server that stops waits for readers to take the last bytes.
const LAST_BYTES: Duration = Duration::from_secs(2);

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
        let is_for_anyone = !self.allow_anonymous && self.auth.is_none();
        if !self.listen.ip().is_loopback() && is_for_anyone {
            return Err(ServerError::NotLoopback(self.listen.ip()));
        }
        if self.http.head_bytes < LEAST_HEAD_BYTES {
            return Err(ServerError::HeadBytes);
        }
        self.logs.validate().map_err(ServerError::Log)?;
        let tls = self.tls.as_ref().map(Tls::load).transpose();
        tls.map_err(ServerError::Tls)?;
        Cors::new(&self.cors).map_err(ServerError::Cors)?;
        self.driver.validate().map_err(ServerError::Start)?;
        let rules = Rules::new(&self.driver.hub);
        let rules = rules.map_err(|error| ServerError::Start(StartError::Options(error)))?;
        self.auth(&rules).map(drop)
    }

    /// What finds out who asks, where that is to be found out.
    fn auth(&self, rules: &Rules) -> Result<Option<Auth>, ServerError> {
        let auth = self.auth_options();
        let auth = auth.map(|auth| Auth::new(auth, rules.clone()));
        auth.transpose().map_err(ServerError::Auth)
    }

    /// Who may ask for what, with what anyone may do beside what is said in particular.
    fn auth_options(&self) -> Option<AuthOptions> {
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
}

impl ServerOptions {
    /// Connections in total: what is said, or what the system has room for, and never more than a hub
    /// has names for.
    fn most_connections(&self) -> usize {
        let connections = self.connections.unwrap_or_else(listen::connection_limit);
        connections.min(self.driver.hub.limits.connections)
    }
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

/// A server that listens.
pub struct Server {
    hub: Hub,
    drivers: Vec<crate::Driver>,
    listener: Async<TcpListener>,
    address: SocketAddr,
    tls: Option<Tls>,
    reloads: (Reloader, reload::Reloads),
    auth: Option<Auth>,
    cors: Cors,
    options: ServerOptions,
}

/// What every request may look at.
struct Context {
    hub: Hub,
    options: ServerOptions,
    hosts: hosts::Hosts,
    cors: Cors,
    routes: routes::Routes,
    tls: Option<Tls>,
    limits: RefCell<Rc<limits::Limits>>,
    /// HTTP connections and streams that there may be.
    most_connections: Cell<usize>,
    /// Finds out who asks, where that is to be found out.
    auth: Option<Auth>,
    metrics: Arc<metrics::Metrics>,
    /// Lines about refusals, which clients can cause as they like.
    refusal_lines: logs::Flood,
    sessions: sessions::Sessions,
    /// HTTP connections that are no streams.
    requests: Cell<usize>,
    /// Connections of HTTP/2, and streams over TLS: what is written to them is not sent yet.
    carried: Cell<usize>,
    /// Closed when the server stops.
    stopping: Receiver<Infallible>,
    /// Publishes that are not answered yet.
    publishes: Cell<usize>,
    /// Places for requests for streams while they are answered.
    opening: Arc<Semaphore>,
}

impl Context {
    /// What one user or one address may do, as of now.
    fn limits(&self) -> Rc<limits::Limits> {
        self.limits.borrow().clone()
    }

    /// Waits until the last bytes of streams that are no sockets of a driver are sent, if their readers
    /// take them.
    async fn flushed(&self) {
        let end = Instant::now() + LAST_BYTES;
        while self.carried.get() > 0 && Instant::now() < end {
            Timer::after(Duration::from_millis(5)).await;
        }
    }

    /// Who asks.
    ///
    /// # Errors
    /// Where it is said in a way that cannot be true.
    async fn identify<B>(&self, request: &mut Request<B>) -> Result<Identity, ApiError> {
        match &self.auth {
            Some(auth) => auth.identify(request).await,
            None => Ok(self.anyone()),
        }
    }

    /// Who asks where there is no authentication: nobody in particular. Those on this machine may
    /// do everything, and others what the options allow.
    fn anyone(&self) -> Identity {
        let may_publish =
            self.options.listen.ip().is_loopback() || self.options.allow_anonymous_publish;
        let access = if may_publish {
            Access {
                // What is private is for those whom the application lets in, and that is nobody.
                grants: Vec::new(),
                ..Access::everything()
            }
        } else {
            Access::reading()
        };
        Identity {
            access,
            ..Identity::default()
        }
    }
}

/// One of those that are counted, while it lives.
struct Counted<'a>(&'a Cell<usize>);

impl<'a> Counted<'a> {
    fn new(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Server {
    /// Starts to listen.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn bind(mut options: ServerOptions) -> Result<Self, ServerError> {
        options.validate()?;
        let address = options.listen;
        let cors = Cors::new(&options.cors).map_err(ServerError::Cors)?;
        options.driver.hub.limits.connections = options.most_connections();
        let tls = options.tls.as_ref().map(Tls::load).transpose();
        let tls = tls.map_err(ServerError::Tls)?;
        let (hub, drivers) = Hub::new(options.driver.clone()).map_err(ServerError::Start)?;
        let auth = options.auth(hub.rules())?;
        let listener =
            listen::listen(address).map_err(|error| ServerError::Listen(address, error))?;
        let address = listener
            .get_ref()
            .local_addr()
            .map_err(|error| ServerError::Listen(address, error))?;
        Ok(Self {
            hub,
            drivers,
            listener,
            address,
            tls,
            reloads: Reloader::new(),
            auth,
            cors,
            options,
        })
    }

    /// Gives it other options while it runs.
    #[must_use]
    pub fn reloader(&self) -> Reloader {
        self.reloads.0.clone()
    }

    /// Where it listens, with the port that the system chose where 0 was asked for.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it shows to those who connect, where it speaks TLS.
    #[must_use]
    pub const fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// The hub behind it.
    #[must_use]
    pub const fn hub(&self) -> &Hub {
        &self.hub
    }

    /// Serves until `stop` is ready, then drains and returns.
    ///
    /// The first driver shares this thread with the requests, so that on one machine a publish
    /// crosses no thread; others have threads of their own.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let Self {
            hub,
            drivers,
            listener,
            address,
            tls,
            reloads: (_, reloads),
            auth,
            cors,
            options,
        } = self;
        let mut drivers = drivers.into_iter();
        let first = drivers.next();
        for driver in drivers {
            std::thread::Builder::new().spawn(move || smol::block_on(driver))?;
        }
        let drain = options.drain;
        let hosts = hosts::Hosts::new(&options.hosts);
        let (running, stopping) = async_channel::bounded(1);
        let sessions = sessions::Sessions::new(&options.sessions);
        let context = Rc::new(Context {
            hub: hub.clone(),
            tls,
            limits: RefCell::new(Rc::new(limits::Limits::new(options.limits))),
            most_connections: Cell::new(options.most_connections()),
            options,
            hosts,
            cors,
            routes: routes::Routes::new(),
            auth,
            metrics: Arc::new(metrics::Metrics::new()),
            refusal_lines: logs::Flood::new(logs::REFUSAL_LINES),
            sessions,
            requests: Cell::new(0),
            carried: Cell::new(0),
            stopping,
            publishes: Cell::new(0),
            opening: Arc::new(Semaphore::new(listen::OPENING)),
        });
        let version = env!("CARGO_PKG_VERSION");
        tracing::info!(%address, version, "listening");
        let executor = Rc::new(LocalExecutor::new());
        let keys = context.clone();
        let fetch_keys = async move {
            if let Some(auth) = &keys.auth {
                match auth.run().await {}
            }
        };
        executor.spawn(fetch_keys).detach();
        executor
            .spawn(listen::accept(listener, executor.clone(), context.clone()))
            .detach();
        executor
            .spawn(reload::attend(reloads, context.clone()))
            .detach();
        let tasks = executor.run(async {
            let drive = async {
                if let Some(driver) = first {
                    driver.await;
                }
            };
            let drained = async {
                stop.await;
                drop(running);
                let connections = hub.connections();
                tracing::info!(connections, "draining");
                hub.drain(drain).await;
                context.note_left_out();
                // What was accepted is in the log by now; whoever published it is told so.
                while context.publishes.get() > 0 {
                    smol::future::yield_now().await;
                }
                context.flushed().await;
            };
            match select(pin!(drained), pin!(drive)).await {
                Either::Left(_) => {}
                // The driver ends once its hub is drained; other hubs may still be.
                Either::Right(((), drained)) => drained.await,
            }
        });
        smol::block_on(tasks);
        tracing::info!("stopped");
        Ok(())
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
