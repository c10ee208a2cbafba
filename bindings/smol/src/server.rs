//! The reference server: a hub that people publish to and read over HTTP.
//!
//! It does not know the command line; `tidings serve` fills in its options.

mod admin;
mod app;
mod ask;
mod assets;
mod auth;
mod body;
mod client;
mod config;
mod connection;
mod context;
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
mod open;
mod options;
mod paths;
mod poll;
mod publish;
mod pump;
mod refusal;
mod reload;
mod reply;
mod routes;
mod secret;
mod sessions;
mod signals;
mod stats;
mod tls;
mod upgrade;
#[cfg(feature = "websocket")]
mod websocket;

pub use app::{App, with};
pub use ask::Ask;
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
pub use live::Renewed;
pub use logs::{Log, LogError, LogFormat, LogOptions};
pub use options::{ServerError, ServerOptions};
pub use publish::parse_body;
pub use reload::Reloader;
pub use reply::Reply;
pub use secret::Secret;
pub use sessions::SessionOptions;
pub use signals::{shutdown, shutdown_or};
pub use tls::{Tls, TlsError, TlsOptions};
#[cfg(feature = "websocket")]
pub use websocket::{
    Asks, ClientMessage, PublishAsked, Socket, SocketHandler, WebSocketOptions, parse_message,
};

use crate::hub::Hub;
use context::{Context, Counted};
use futures::future::{Either, select};
use options::Parts;
use smol::{Async, LocalExecutor};
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::rc::Rc;

/// A server that listens.
pub struct Server {
    hub: Hub,
    drivers: Vec<crate::Driver>,
    listener: Async<TcpListener>,
    address: SocketAddr,
    parts: Parts,
    reloads: (Reloader, reload::Reloads),
    options: ServerOptions,
}

impl Server {
    /// Starts to listen.
    ///
    /// # Errors
    /// See [`ServerError`].
    pub fn bind(mut options: ServerOptions) -> Result<Self, ServerError> {
        let parts = options.parts()?;
        let address = options.listen;
        options.driver.hub.limits.connections = options.most_connections();
        let (hub, drivers) = Hub::new(options.driver.clone()).map_err(ServerError::Start)?;
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
            parts,
            reloads: Reloader::new(),
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
        self.parts.tls.as_ref()
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
        self.run_with(App::new(), stop)
    }

    /// As [`run`](Self::run), with routes of an application's own beside those of the server.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn run_with(self, app: App, stop: impl Future<Output = ()>) -> io::Result<()> {
        let Self {
            hub,
            drivers,
            listener,
            address,
            parts,
            reloads: (_, reloads),
            options,
        } = self;
        let mut drivers = drivers.into_iter();
        let first = drivers.next();
        for driver in drivers {
            std::thread::Builder::new().spawn(move || smol::block_on(driver))?;
        }
        let drain = options.drain;
        let (running, stopping) = async_channel::bounded(1);
        let context = Context::new(hub.clone(), options, parts, app, stopping);
        let context = Rc::new(context);
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
                // What was accepted is in the log by now; whoever published it is told so, and polls
                // have what ends them.
                while context.owed.get() > 0 {
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
