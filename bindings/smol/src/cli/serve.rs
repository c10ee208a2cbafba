//! `tidings serve`: a server, and its orderly end.
//!
//! It does not know how the server works, nor what flags there are.

use super::flags::Flags;
use super::{fail, print};
use clap::Args;
use std::process::ExitCode;
use tidings_smol::server::{Config, ConfigError, Reloader, Server, ServerOptions, shutdown_or};
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
    let running = Running {
        flags: &arguments.flags,
        config,
        reloader: server.reloader(),
    };
    let stop = match shutdown_or(async || running.take_again().await) {
        Ok(stop) => stop,
        Err(error) => return fail(format_args!("cannot listen to signals: {error}")),
    };
    greet(&server);
    match server.run(stop) {
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
    /// Has the settings read again; where they cannot be taken, it is said.
    async fn take_again(&self) {
        match self.reload().await {
            Ok(()) => info!("the settings are read again"),
            Err(error) => {
                let error = error.to_string();
                warn!(error, "the settings stay as they were");
            }
        }
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
