//! `tidings serve`: a server, and its orderly end.
//!
//! It does not know how the server works, nor what flags there are.

use super::flags::Flags;
use super::{fail, print, tell};
use async_signal::{Signal, Signals};
use clap::Args;
use futures::StreamExt as _;
use std::process::ExitCode;
use tidings_smol::server::Server;

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
  tidings serve --config tidings.toml

`tidings config` prints all settings, `tidings check` says what is wrong with them.";

pub(super) fn run(arguments: &Arguments) -> ExitCode {
    let (config, file) = match arguments.flags.config() {
        Ok(config) => config,
        Err(error) => return fail(error),
    };
    let options = match config.options(file.as_ref()) {
        Ok(options) => options,
        Err(error) => return fail(error),
    };
    let server = match Server::bind(options) {
        Ok(server) => server,
        Err(error) => return fail(config.explain(&error, file.as_ref())),
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
