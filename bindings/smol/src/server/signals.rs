//! The signals that end a server, or have it read its settings again.
//!
//! It does not know what is done then.

use async_signal::{Signal, Signals};
use futures::StreamExt as _;
use std::io;

/// Waits for SIGINT or SIGTERM, as `stop` of [`Server::run`](super::Server::run). A second one ends the
/// process at once.
///
/// # Errors
/// When the system has no signals to listen to.
pub fn shutdown() -> io::Result<impl Future<Output = ()>> {
    let signals = Signals::new([Signal::Term, Signal::Int])?;
    Ok(stopped(signals, async || {}))
}

/// As [`shutdown`], and does something at each SIGHUP before.
///
/// # Errors
/// When the system has no signals to listen to.
pub fn shutdown_or(hang_up: impl AsyncFn()) -> io::Result<impl Future<Output = ()>> {
    let signals = Signals::new([Signal::Term, Signal::Int, Signal::Hup])?;
    Ok(stopped(signals, hang_up))
}

async fn stopped(mut signals: Signals, hang_up: impl AsyncFn()) {
    while let Some(Ok(Signal::Hup)) = signals.next().await {
        hang_up().await;
    }
    tracing::info!("closing streams; a second signal ends at once");
    std::thread::spawn(move || {
        smol::block_on(async { while let Some(Ok(Signal::Hup)) = signals.next().await {} });
        std::process::exit(1);
    });
}
