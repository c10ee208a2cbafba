//! The tables of a configuration file, and the options that each becomes.
//!
//! It does not know where they come from. Times are written as `30s` or `5m`, 0 for none where that
//! is possible; sizes as `16MiB`.

use super::bytes;
use crate::driver::milliseconds;
use crate::http::HttpOptions;
use crate::server::auth::AuthOptions;
use crate::server::cors::CorsOptions;
use crate::server::http2::Http2Options;
use crate::server::limits::{LimitOptions, Rate};
use crate::server::logs::LogOptions;
use crate::server::options::ServerOptions;
use crate::server::sessions::SessionOptions;
use crate::server::tls::TlsOptions;
#[cfg(feature = "websocket")]
use crate::server::websocket::WebSocketOptions;
use bytesize::ByteSize;
use ipnet::IpNet;
use serde::{Deserialize, Serialize, Serializer};
use std::net::SocketAddr;
use std::time::Duration;
use tidings_core::{ClassOptions, Deadlines, LagPolicy, Limits, WhenFull};

/// A whole configuration. Everything has a default.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to listen. Default `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// See [`ServerOptions::hosts`](crate::server::ServerOptions::hosts).
    pub hosts: Vec<String>,
    /// See [`ServerOptions::allow_anonymous`](crate::server::ServerOptions::allow_anonymous).
    pub allow_anonymous: bool,
    /// See [`ServerOptions::allow_anonymous_publish`](crate::server::ServerOptions::allow_anonymous_publish).
    pub allow_anonymous_publish: bool,
    /// Networks of proxies to be believed when they say for whom they ask. Default none.
    pub trusted_proxies: Vec<IpNet>,
    /// How long streams may take to end when the server is stopped. Default 10 s.
    #[serde(with = "humantime_serde")]
    pub drain: Duration,
    /// Threads that drive streams. Default 1.
    pub shards: usize,
    /// Speak TLS. Default: plain HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsOptions>,
    /// Who may ask for what. Default: there is no authentication.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthOptions>,
    /// The log of the process, on standard error.
    pub logs: LogOptions,
    /// What pages of other origins may do.
    pub cors: CorsOptions,
    /// What is kept for those who come back.
    pub log: LogTable,
    /// Topics that are kept otherwise; the first that matches counts.
    pub classes: Vec<ClassTable>,
    /// The times of streams.
    pub streams: StreamTable,
    /// What is too much.
    pub limits: LimitTable,
    /// What is remembered of tabs and of those who are shut out.
    pub sessions: SessionOptions,
}

impl Default for Config {
    fn default() -> Self {
        let server = ServerOptions::default();
        Self {
            listen: server.listen,
            hosts: server.hosts,
            allow_anonymous: server.allow_anonymous,
            allow_anonymous_publish: server.allow_anonymous_publish,
            trusted_proxies: server.trusted_proxies,
            drain: server.drain,
            shards: server.driver.shards,
            tls: server.tls,
            auth: server.auth,
            logs: server.logs,
            cors: server.cors,
            log: LogTable::default(),
            classes: Vec::new(),
            streams: StreamTable::default(),
            limits: LimitTable::default(),
            sessions: server.sessions,
        }
    }
}

/// `[log]`: how much is kept.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogTable {
    /// Events. Default 50,000.
    pub events: usize,
    /// Bytes, frames and index. Default 16 MiB.
    #[serde(serialize_with = "exact")]
    pub bytes: ByteSize,
    /// How long. Default 0: until another limit.
    #[serde(with = "humantime_serde")]
    pub age: Duration,
    /// What happens to a reader whose next event has left the log. Default `gap`.
    pub lag: LagPolicy,
}

impl Default for LogTable {
    fn default() -> Self {
        let class = ClassOptions::new(["**"]);
        Self {
            events: class.events,
            bytes: ByteSize::b(class.bytes as u64),
            age: Duration::ZERO,
            lag: LagPolicy::default(),
        }
    }
}

impl LogTable {
    pub(super) fn class(&self) -> ClassOptions {
        ClassOptions {
            events: self.events,
            bytes: bytes(self.bytes),
            age_ms: some_ms(self.age),
            ..ClassOptions::new(["**"])
        }
    }
}

/// One of `[[classes]]`: topics that are kept otherwise. What it does not say is as in `[log]`.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClassTable {
    /// Names and patterns of its topics.
    pub topics: Vec<String>,
    /// Keep only the latest value of each topic. Default false.
    #[serde(default)]
    pub latest: bool,
    /// Events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub events: Option<usize>,
    /// Bytes, frames and index.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "exact_or_none"
    )]
    pub bytes: Option<ByteSize>,
    /// How long.
    #[serde(
        default,
        with = "humantime_serde",
        skip_serializing_if = "Option::is_none"
    )]
    pub age: Option<Duration>,
}

impl ClassTable {
    pub(super) fn options(&self, log: &LogTable) -> ClassOptions {
        ClassOptions {
            topics: self.topics.clone(),
            latest: self.latest,
            events: self.events.unwrap_or(log.events),
            bytes: bytes(self.bytes.unwrap_or(log.bytes)),
            age_ms: some_ms(self.age.unwrap_or(log.age)),
            records: None,
        }
    }
}

/// `[streams]`: the times of streams.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StreamTable {
    /// A quiet stream gets a heartbeat after this. Default 30 s; 0 for none.
    #[serde(with = "humantime_serde")]
    pub heartbeat: Duration,
    /// A stream without an event for so long is closed. Default 0: never.
    #[serde(with = "humantime_serde")]
    pub idle: Duration,
    /// A stream as old as this is closed. Default 0: never.
    #[serde(with = "humantime_serde")]
    pub max_age: Duration,
    /// A reader that takes no byte for so long is cut. Default 60 s; 0 for never.
    #[serde(with = "humantime_serde")]
    pub stall: Duration,
    /// How long before its token ends a stream is sent `reauth`. Default 60 s.
    #[serde(with = "humantime_serde")]
    pub reauth: Duration,
    /// When the readers of closed streams are to come back, spread by half up and down. Default 2 s.
    #[serde(with = "humantime_serde")]
    pub retry: Duration,
}

impl Default for StreamTable {
    fn default() -> Self {
        let deadlines = Deadlines::default();
        let time = |ms: Option<u64>| Duration::from_millis(ms.unwrap_or(0));
        Self {
            heartbeat: time(deadlines.heartbeat_ms),
            idle: time(deadlines.idle_ms),
            max_age: time(deadlines.age_ms),
            stall: time(deadlines.stall_ms),
            reauth: time(Some(deadlines.reauth_ms)),
            retry: time(Some(deadlines.retry_ms)),
        }
    }
}

impl StreamTable {
    pub(super) fn deadlines(&self) -> Deadlines {
        Deadlines {
            heartbeat_ms: some_ms(self.heartbeat),
            idle_ms: some_ms(self.idle),
            age_ms: some_ms(self.max_age),
            stall_ms: some_ms(self.stall),
            reauth_ms: some_ms(self.reauth).unwrap_or(0),
            retry_ms: some_ms(self.retry).unwrap_or(0),
            ..Deadlines::default()
        }
    }
}

/// `[limits]`: what is too much.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitTable {
    /// Connections in total, streams and others. Default: what the descriptors of the process allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connections: Option<usize>,
    /// Streams of one user. Default 100.
    pub connections_per_user: usize,
    /// What happens beyond these. Default `refuse`; `replace_oldest` closes the oldest.
    pub when_user_full: WhenFull,
    /// See [`LimitOptions::connections_per_address`].
    pub connections_per_address: usize,
    /// See [`LimitOptions::opens_per_address`].
    pub opens_per_address: Rate,
    /// See [`LimitOptions::opens_per_user`].
    pub opens_per_user: Rate,
    /// See [`LimitOptions::publishes`].
    pub publishes: Rate,
    /// See [`LimitOptions::messages`].
    #[cfg(feature = "websocket")]
    pub messages: Rate,
    /// Topics and patterns of one stream. Default 1,000.
    pub topics_per_connection: usize,
    /// Names and patterns of the private topics of one stream. Default 100.
    pub grants_per_connection: usize,
    /// Topics of one event. Default 100.
    pub topics_per_publish: usize,
    /// Bytes of the name of a topic, a user or a tab. Default 256.
    pub name_bytes: usize,
    /// Bytes of one event. Default 1 MiB.
    #[serde(serialize_with = "exact")]
    pub event_bytes: ByteSize,
    /// Events that are replayed to who comes back. Default 10,000.
    pub replay_events: usize,
    /// Bytes that are replayed, likewise. Default 1 MiB.
    #[serde(serialize_with = "exact")]
    pub replay_bytes: ByteSize,
    /// Bytes of the head of a request, at least 8,192. Default 64 KiB.
    #[serde(serialize_with = "exact")]
    pub head_bytes: ByteSize,
    /// How long a client may take to send it. Default 10 s.
    #[serde(with = "humantime_serde")]
    pub head_timeout: Duration,
    /// Bytes of the body of a request. Default 1 MiB.
    #[serde(serialize_with = "exact")]
    pub body_bytes: ByteSize,
    /// How long a client may take to send it. Default 30 s.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// Limits of one connection of HTTP/2.
    pub http2: Http2Options,
    /// Limits of one WebSocket.
    #[cfg(feature = "websocket")]
    pub websocket: WebSocketOptions,
}

impl Default for LimitTable {
    fn default() -> Self {
        let server = ServerOptions::default();
        let (hub, http, clients) = (server.driver.hub.limits, server.http, server.limits);
        let size = |bytes: usize| ByteSize::b(bytes as u64);
        Self {
            connections: None,
            connections_per_user: hub.user_connections,
            when_user_full: hub.when_user_full,
            connections_per_address: clients.connections_per_address,
            opens_per_address: clients.opens_per_address,
            opens_per_user: clients.opens_per_user,
            publishes: clients.publishes,
            #[cfg(feature = "websocket")]
            messages: clients.messages,
            topics_per_connection: hub.topics_per_connection,
            grants_per_connection: hub.grants_per_connection,
            topics_per_publish: hub.topics_per_publish,
            name_bytes: hub.name_bytes,
            event_bytes: size(hub.event_bytes),
            replay_events: hub.replay_events,
            replay_bytes: size(hub.replay_bytes),
            head_bytes: size(http.head_bytes),
            head_timeout: http.head_timeout,
            body_bytes: size(server.body_bytes),
            body_timeout: server.body_timeout,
            http2: server.http2,
            #[cfg(feature = "websocket")]
            websocket: server.websocket,
        }
    }
}

impl LimitTable {
    pub(super) fn of_hub(&self) -> Limits {
        Limits {
            user_connections: self.connections_per_user,
            when_user_full: self.when_user_full,
            topics_per_connection: self.topics_per_connection,
            grants_per_connection: self.grants_per_connection,
            topics_per_publish: self.topics_per_publish,
            name_bytes: self.name_bytes,
            event_bytes: bytes(self.event_bytes),
            replay_events: self.replay_events,
            replay_bytes: bytes(self.replay_bytes),
            ..Limits::default()
        }
    }

    pub(super) const fn of_clients(&self) -> LimitOptions {
        LimitOptions {
            connections_per_address: self.connections_per_address,
            opens_per_address: self.opens_per_address,
            opens_per_user: self.opens_per_user,
            publishes: self.publishes,
            #[cfg(feature = "websocket")]
            messages: self.messages,
        }
    }

    pub(super) fn http(&self) -> HttpOptions {
        HttpOptions {
            head_bytes: bytes(self.head_bytes),
            head_timeout: self.head_timeout,
        }
    }
}

/// Writes a size so that nothing of it is lost: in the largest unit of which it is a multiple.
pub(in crate::server) fn exact<S: Serializer>(
    size: &ByteSize,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let bytes = size.as_u64();
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match units
        .iter()
        .find(|(_, bits)| bytes > 0 && bytes.is_multiple_of(1 << bits))
    {
        Some((unit, bits)) => serializer.collect_str(&format_args!("{}{unit}", bytes >> bits)),
        None => serializer.serialize_u64(bytes),
    }
}

fn exact_or_none<S: Serializer>(size: &Option<ByteSize>, serializer: S) -> Result<S::Ok, S::Error> {
    match size {
        Some(size) => exact(size, serializer),
        None => serializer.serialize_none(),
    }
}

/// Milliseconds; none for 0, which switches a deadline off.
fn some_ms(duration: Duration) -> Option<u64> {
    Some(milliseconds(duration)).filter(|ms| *ms > 0)
}
