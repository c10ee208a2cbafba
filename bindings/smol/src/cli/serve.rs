//! `tidings serve`: from flags to a server, and its orderly end.
//!
//! It does not know how the server works.

use super::{fail, print, tell};
use async_signal::{Signal, Signals};
use bytesize::ByteSize;
use clap::{Args, ValueEnum};
use futures::StreamExt as _;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tidings_smol::server::{Server, ServerOptions, TlsOptions};
use tidings_smol::{ClassOptions, Deadlines, LagPolicy, WhenFull};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Where to listen
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080",
        env = "TIDINGS_LISTEN"
    )]
    listen: SocketAddr,
    /// A name by which clients may call the server, beside loopback names (repeatable)
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// Let anyone read, from other machines too
    #[arg(long)]
    allow_anonymous: bool,
    /// Let anyone publish, from other machines too
    #[arg(long)]
    allow_anonymous_publish: bool,
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
    #[arg(long = "trusted-proxy", value_name = "NETWORK", value_parser = network)]
    trusted_proxies: Vec<IpNet>,
    /// How long streams may take to end when the server is stopped
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    drain: Duration,

    /// Events that are kept for those who come back
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 50_000,
        help_heading = "Log"
    )]
    log_events: usize,
    /// Bytes that are kept, frames and index
    #[arg(
        long,
        value_name = "BYTES",
        default_value = "16MiB",
        help_heading = "Log"
    )]
    log_bytes: ByteSize,
    /// How long events are kept [default: until another limit]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Log")]
    log_age: Option<Duration>,
    /// Topics of which only the latest value is kept, as a pattern (repeatable)
    #[arg(long, value_name = "PATTERN", help_heading = "Log")]
    latest: Vec<String>,
    /// What happens to a reader whose next event has left the log
    #[arg(long, value_enum, default_value_t = Lag::Gap, help_heading = "Log")]
    lag: Lag,

    /// A quiet stream gets a heartbeat after this; 0 for none
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration, help_heading = "Streams")]
    heartbeat: Duration,
    /// A stream without an event for so long is closed [default: never]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Streams")]
    idle: Option<Duration>,
    /// A stream as old as this is closed [default: never]
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration, help_heading = "Streams")]
    max_age: Option<Duration>,
    /// A reader that takes no byte for so long is cut
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration, help_heading = "Streams")]
    stall: Duration,
    /// Streams of one user
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 100,
        help_heading = "Streams"
    )]
    user_connections: usize,
    /// Close the oldest stream of a user that has too many, instead of refusing the newest
    #[arg(long, help_heading = "Streams")]
    replace_oldest: bool,
    /// Connections in total [default: as the descriptors of the process allow]
    #[arg(long, value_name = "COUNT", help_heading = "Streams")]
    connections: Option<usize>,
    /// Threads that drive streams
    #[arg(
        long,
        value_name = "COUNT",
        default_value_t = 1,
        help_heading = "Streams"
    )]
    shards: usize,
}

const EXAMPLES: &str = "\
Examples:
  tidings serve --listen 127.0.0.1:9000
  tidings serve --log-events 100000 --log-bytes 256MiB --log-age 1h
  tidings serve --latest 'prices/**' --idle 5m
  tidings serve --tls-cert fullchain.pem --tls-key privkey.pem
  tidings serve --listen 0.0.0.0:8080 --allow-anonymous --host events.example.com";

#[derive(Clone, Copy, ValueEnum)]
enum Lag {
    /// It is told how many it missed, and goes on
    Gap,
    /// It is closed, and told when it comes back
    Close,
}

pub(super) fn run(arguments: Arguments) -> ExitCode {
    let server = match Server::bind(arguments.options()) {
        Ok(server) => server,
        Err(error) => return fail(error),
    };
    let signals = match Signals::new([Signal::Term, Signal::Int]) {
        Ok(signals) => signals,
        Err(error) => return fail(format_args!("cannot listen to signals: {error}")),
    };
    greet(&server);
    match server.run(stopped(signals)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

/// Says where to look and what to type.
fn greet(server: &Server) {
    let scheme = server.tls().map_or("http", |_| "https");
    let url = format!("{scheme}://{}", server.address());
    print(format_args!(
        "Tidings is listening on {url}\n\n  \
           look at   {url}/\n  \
           read      curl -N '{url}/events?topic=news'\n  \
           publish   curl {url}/publish -H 'content-type: application/json' \\\n            \
                       -d '{{\"topics\":[\"news\"],\"data\":\"hello\"}}'\n\n\
         Control-C stops it."
    ));
}

/// Ready at the first signal; the second ends the process at once.
async fn stopped(mut signals: Signals) {
    signals.next().await;
    tell("closing streams; a second signal ends at once");
    std::thread::spawn(move || {
        smol::block_on(signals.next());
        std::process::exit(1);
    });
}

impl Arguments {
    fn options(self) -> ServerOptions {
        let mut options = ServerOptions {
            listen: self.listen,
            hosts: self.hosts,
            allow_anonymous: self.allow_anonymous,
            allow_anonymous_publish: self.allow_anonymous_publish,
            connections: self.connections,
            drain: self.drain,
            tls: self
                .tls_cert
                .zip(self.tls_key)
                .map(|(cert, key)| TlsOptions { cert, key }),
            trusted_proxies: self.trusted_proxies,
            ..ServerOptions::default()
        };
        options.driver.shards = self.shards;
        options.driver.socket.user_timeout = self.stall + Duration::from_secs(15);
        let hub = &mut options.driver.hub;
        let log = ClassOptions {
            events: self.log_events,
            bytes: usize::try_from(self.log_bytes.as_u64()).unwrap_or(usize::MAX),
            age_ms: self.log_age.and_then(some_ms),
            ..ClassOptions::new(["**"])
        };
        if !self.latest.is_empty() {
            hub.classes = vec![ClassOptions {
                topics: self.latest,
                latest: true,
                ..log.clone()
            }];
        }
        hub.default_class = log;
        hub.lag = match self.lag {
            Lag::Gap => LagPolicy::Gap,
            Lag::Close => LagPolicy::Close,
        };
        hub.limits.user_connections = self.user_connections;
        if self.replace_oldest {
            hub.limits.when_user_full = WhenFull::ReplaceOldest;
        }
        hub.deadlines = Deadlines {
            heartbeat_ms: some_ms(self.heartbeat),
            idle_ms: self.idle.and_then(some_ms),
            age_ms: self.max_age.and_then(some_ms),
            stall_ms: some_ms(self.stall),
            ..Deadlines::default()
        };
        options
    }
}

/// A network, or an address that is one by itself.
fn network(text: &str) -> Result<IpNet, String> {
    let address = text.parse::<IpAddr>().map(IpNet::from);
    address
        .or_else(|_| text.parse())
        .map_err(|_| "neither an address nor a network such as 10.0.0.0/8 or 2001:db8::/32".into())
}

/// Milliseconds; none for 0, which switches a deadline off.
fn some_ms(duration: Duration) -> Option<u64> {
    u64::try_from(duration.as_millis())
        .ok()
        .filter(|ms| *ms > 0)
}
