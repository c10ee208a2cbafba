//! The settings of the server on the command line and in the environment, over those of a file.
//!
//! It does not know what they do. A file has more of them.

use super::auth::AuthFlags;
use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;
use tidings_smol::server::{ClassTable, Config, ConfigError, ConfigFile, LogFormat, TlsOptions};
use tidings_smol::{LagPolicy, WhenFull};

#[derive(Args)]
pub(super) struct Flags {
    /// A file of settings; what is said here counts more
    #[arg(long, value_name = "FILE", env = "TIDINGS_CONFIG")]
    config: Option<PathBuf>,
    /// Where to listen [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", env = "TIDINGS_LISTEN")]
    listen: Option<SocketAddr>,
    /// A name by which clients may call the server, beside loopback names (repeatable)
    #[arg(
        long = "host",
        value_name = "NAME",
        env = "TIDINGS_HOSTS",
        value_delimiter = ','
    )]
    hosts: Vec<String>,
    /// Let pages of this origin read streams and publish, with cookies too, such as
    /// https://app.example.com (repeatable)
    #[arg(
        long = "cors-origin",
        value_name = "ORIGIN",
        env = "TIDINGS_CORS_ORIGINS",
        value_delimiter = ','
    )]
    cors_origins: Vec<String>,
    /// Let anyone read, from other machines too
    #[arg(long, env = "TIDINGS_ALLOW_ANONYMOUS", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    allow_anonymous: Option<bool>,
    /// Let anyone publish, from other machines too
    #[arg(long, env = "TIDINGS_ALLOW_ANONYMOUS_PUBLISH", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    allow_anonymous_publish: Option<bool>,
    /// Speak TLS, with this certificate and those that lead from it, as a file of PEM
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_key",
        env = "TIDINGS_TLS_CERT"
    )]
    tls_cert: Option<PathBuf>,
    /// The private key of the certificate, as a file of PEM
    #[arg(
        long,
        value_name = "FILE",
        requires = "tls_cert",
        env = "TIDINGS_TLS_KEY"
    )]
    tls_key: Option<PathBuf>,
    /// Proxies to be believed when they say for whom they ask, as 10.0.0.0/8 (repeatable)
    #[arg(long = "trusted-proxy", value_name = "NETWORK", env = "TIDINGS_TRUSTED_PROXIES", value_delimiter = ',', value_parser = network)]
    trusted_proxies: Vec<IpNet>,
    /// How long streams may take to end when the server is stopped [default: 10s]
    #[arg(long, value_name = "TIME", env = "TIDINGS_DRAIN", value_parser = humantime::parse_duration)]
    drain: Option<Duration>,
    /// How lines of the log on standard error look [default: text]
    #[arg(long, value_enum, env = "TIDINGS_LOG_FORMAT")]
    log_format: Option<Format>,
    /// What is logged: off, error, warn, info, debug, trace, or a list such as info,hyper=debug
    /// [default: info]
    #[arg(long, value_name = "LEVEL", env = "TIDINGS_LOG")]
    log_level: Option<String>,

    #[command(flatten)]
    auth: AuthFlags,

    /// Events that are kept for those who come back [default: 50000]
    #[arg(
        long,
        value_name = "COUNT",
        env = "TIDINGS_LOG_EVENTS",
        help_heading = "Log"
    )]
    log_events: Option<usize>,
    /// Bytes that are kept, frames and index [default: 16MiB]
    #[arg(
        long,
        value_name = "BYTES",
        env = "TIDINGS_LOG_BYTES",
        help_heading = "Log"
    )]
    log_bytes: Option<ByteSize>,
    /// How long events are kept [default: until another limit]
    #[arg(long, value_name = "TIME", env = "TIDINGS_LOG_AGE", value_parser = humantime::parse_duration, help_heading = "Log")]
    log_age: Option<Duration>,
    /// Topics of which only the latest value is kept, as a pattern (repeatable)
    #[arg(
        long,
        value_name = "PATTERN",
        env = "TIDINGS_LATEST",
        value_delimiter = ',',
        help_heading = "Log"
    )]
    latest: Vec<String>,
    /// What happens to a reader whose next event has left the log [default: gap]
    #[arg(long, value_enum, env = "TIDINGS_LAG", help_heading = "Log")]
    lag: Option<Lag>,

    /// A quiet stream gets a heartbeat after this; 0 for none [default: 30s]
    #[arg(long, value_name = "TIME", env = "TIDINGS_HEARTBEAT", value_parser = humantime::parse_duration, help_heading = "Streams")]
    heartbeat: Option<Duration>,
    /// A stream without an event for so long is closed [default: never]
    #[arg(long, value_name = "TIME", env = "TIDINGS_IDLE", value_parser = humantime::parse_duration, help_heading = "Streams")]
    idle: Option<Duration>,
    /// A stream as old as this is closed [default: never]
    #[arg(long, value_name = "TIME", env = "TIDINGS_MAX_AGE", value_parser = humantime::parse_duration, help_heading = "Streams")]
    max_age: Option<Duration>,
    /// A reader that takes no byte for so long is cut [default: 60s]
    #[arg(long, value_name = "TIME", env = "TIDINGS_STALL", value_parser = humantime::parse_duration, help_heading = "Streams")]
    stall: Option<Duration>,
    /// Streams of one user [default: 100]
    #[arg(
        long,
        value_name = "COUNT",
        env = "TIDINGS_USER_CONNECTIONS",
        help_heading = "Streams"
    )]
    user_connections: Option<usize>,
    /// Close the oldest stream of a user that has too many, instead of refusing the newest
    #[arg(long, env = "TIDINGS_REPLACE_OLDEST", num_args = 0..=1, require_equals = true, default_missing_value = "true", help_heading = "Streams")]
    replace_oldest: Option<bool>,
    /// Connections in total [default: as the descriptors of the process allow]
    #[arg(
        long,
        value_name = "COUNT",
        env = "TIDINGS_CONNECTIONS",
        help_heading = "Streams"
    )]
    connections: Option<usize>,
    /// Threads that drive streams [default: 1]
    #[arg(
        long,
        value_name = "COUNT",
        env = "TIDINGS_SHARDS",
        help_heading = "Streams"
    )]
    shards: Option<usize>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// An object a line
    Json,
}

#[derive(Clone, Copy, ValueEnum)]
enum Lag {
    /// It is told how many it missed, and goes on
    Gap,
    /// It is closed, and told when it comes back
    Close,
}

impl Flags {
    /// All settings: those of the file, if there is one, and over them what was said here.
    pub(super) fn config(&self) -> Result<(Config, Option<ConfigFile>), ConfigError> {
        let file = self.config.as_deref().map(ConfigFile::read).transpose()?;
        let mut config = match &file {
            Some(file) => file.config()?,
            None => Config::default(),
        };
        self.apply(&mut config);
        Ok((config, file))
    }

    fn apply(&self, config: &mut Config) {
        set(&mut config.listen, self.listen);
        set(&mut config.drain, self.drain);
        set(&mut config.shards, self.shards);
        set(&mut config.allow_anonymous, self.allow_anonymous);
        set(
            &mut config.allow_anonymous_publish,
            self.allow_anonymous_publish,
        );
        if !self.hosts.is_empty() {
            config.hosts.clone_from(&self.hosts);
        }
        if !self.cors_origins.is_empty() {
            config.cors.origins.clone_from(&self.cors_origins);
        }
        if let Some((cert, key)) = self.tls_cert.clone().zip(self.tls_key.clone()) {
            config.tls = Some(TlsOptions { cert, key });
        }
        if !self.trusted_proxies.is_empty() {
            config.trusted_proxies.clone_from(&self.trusted_proxies);
        }
        self.auth.apply(&mut config.auth);
        set(&mut config.logs.format, self.log_format.map(Format::of_log));
        set(&mut config.logs.level, self.log_level.clone());
        set(&mut config.log.events, self.log_events);
        set(&mut config.log.bytes, self.log_bytes);
        set(&mut config.log.age, self.log_age);
        set(&mut config.log.lag, self.lag.map(Lag::policy));
        if !self.latest.is_empty() {
            let latest = ClassTable {
                topics: self.latest.clone(),
                latest: true,
                ..ClassTable::default()
            };
            config.classes.insert(0, latest);
        }
        set(&mut config.streams.heartbeat, self.heartbeat);
        set(&mut config.streams.idle, self.idle);
        set(&mut config.streams.max_age, self.max_age);
        set(&mut config.streams.stall, self.stall);
        let limits = &mut config.limits;
        limits.connections = self.connections.or(limits.connections);
        set(&mut limits.connections_per_user, self.user_connections);
        set(
            &mut limits.when_user_full,
            self.replace_oldest.map(when_full),
        );
    }
}

const fn when_full(replace_oldest: bool) -> WhenFull {
    if replace_oldest {
        WhenFull::ReplaceOldest
    } else {
        WhenFull::Refuse
    }
}

/// A network, or an address that is one by itself.
fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address
        .or_else(|_| text.parse())
        .map_err(|_| "neither an address nor a network such as 10.0.0.0/8 or 2001:db8::/32".into())
}

fn set<T>(setting: &mut T, said: Option<T>) {
    if let Some(said) = said {
        *setting = said;
    }
}

impl Format {
    const fn of_log(self) -> LogFormat {
        match self {
            Self::Text => LogFormat::Text,
            Self::Json => LogFormat::Json,
        }
    }
}

impl Lag {
    const fn policy(self) -> LagPolicy {
        match self {
            Self::Gap => LagPolicy::Gap,
            Self::Close => LagPolicy::Close,
        }
    }
}
