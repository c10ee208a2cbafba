//! `tidings serve`: a server, and its orderly end.
//!
//! It does not know how the server works, nor what flags there are.

use super::flags::Flags;
use super::{fail, print};
use async_signal::{Signal, Signals};
use clap::Args;
use futures::StreamExt as _;
use std::process::ExitCode;
use tidings_smol::server::{Config, ConfigError, Reloader, Server, ServerOptions};
use tracing::{info, warn};

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    flags: Flags,
}

const EXAMPLES: &str = "\
Examples:
  tidings serve --listen 127.0.0.1:9000
  tidings serve --log-events 100000 --log-bytes 256MiB --log-age 1h
  tidings serve --latest 'prices/**' --idle 5m
  tidings serve --tls-cert fullchain.pem --tls-key privkey.pem
  tidings serve --listen 0.0.0.0:8080 --allow-anonymous --host events.example.com
  tidings serve --jwt-secret-file secret.txt --token-cookie session --publish-key-file key.txt
  tidings serve --config tidings.toml

`tidings config` prints all settings, `tidings check` says what is wrong with them. On SIGHUP the
server reads keys, certificates and limits again, and cuts no stream.";

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let (config, file) = match arguments.flags.config() {
        Ok(config) => config,
        Err(error) => return fail(error),
    };
    let options = ServerOptions::from(&config);
    let log = options.logs.clone();
    let server = match Server::bind(options) {
        Ok(server) => server,
        Err(error) => return fail(config.explain(&error, file.as_ref())),
    };
    // What is left of it is written when this is dropped.
    let _log = match log.start() {
        Ok(log) => log,
        Err(error) => return fail(error),
    };
    let signals = match Signals::new([Signal::Term, Signal::Int, Signal::Hup]) {
        Ok(signals) => signals,
        Err(error) => return fail(format_args!("cannot listen to signals: {error}")),
    };
    greet(&server);
    let running = Running {
        flags: &arguments.flags,
        config,
        reloader: server.reloader(),
    };
    match server.run(running.stopped(signals)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(error),
    }
}

/// A server that runs, with the settings that it was started with.
struct Running<'a> {
    flags: &'a Flags,
    config: Config,
    reloader: Reloader,
}

impl Running<'_> {
    /// Ready at the first signal to stop; the second ends the process at once. A hang-up has the
    /// settings read again.
    async fn stopped(self, mut signals: Signals) {
        while let Some(Ok(Signal::Hup)) = signals.next().await {
            match self.reload().await {
                Ok(()) => info!("the settings are read again"),
                Err(error) => {
                    let error = error.to_string();
                    warn!(error, "the settings stay as they were");
                }
            }
        }
        info!("closing streams; a second signal ends at once");
        std::thread::spawn(move || {
            smol::block_on(async { while let Some(Ok(Signal::Hup)) = signals.next().await {} });
            std::process::exit(1);
        });
    }

    async fn reload(&self) -> Result<(), ConfigError> {
        let (config, file) = self.flags.config()?;
        let reloaded = self.reloader.reload(ServerOptions::from(&config)).await;
        reloaded.map_err(|error| config.explain(&error, file.as_ref()))?;
        let later = self.config.needs_restart(&config);
        if !later.is_empty() {
            let names = later.join(", ");
            warn!("only a restart changes {names}");
        }
        Ok(())
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
