//! Everybody comes back at once, each with a past to be told.
//!
//! It does not wait between coming and reading: that is the point.

use super::{Scale, publish_all, settle};
use crate::load::live::{Live, Traffic};
use crate::load::tally::Tally;
use crate::load::{Ask, Load};
use crate::process::Server;
use crate::report::{Mark, Report};
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Bytes of the data of an event.
const EVENT_BYTES: usize = 100;

/// Readers that were there before.
const LIVE: usize = 100;

pub(super) fn run(report: &mut Report, scale: Scale) -> io::Result<()> {
    let (clients, history) = (scale.of(10_000, 500), scale.of(3_000, 500));
    let rounds = scale.of(5, 2);
    report.begin(
        "storm",
        &format!(
            "{clients} clients come back for {history} events each, beside {LIVE} live readers; \
             {rounds} times"
        ),
    );
    let server = Server::tidings(&[])?;
    let past = server.stats()?.text("cursor");
    publish_all(&server, "news", history, EVENT_BYTES)?;
    let live = Live::start(
        server.address,
        Traffic {
            ask: Ask::topic("news"),
            topic: "news",
            readers: LIVE,
            event_bytes: EVENT_BYTES,
            every: Duration::from_millis(50),
            first: history,
        },
    );
    server.wait_for_connections(LIVE as u64)?;
    live.latency()?;
    sleep(Duration::from_secs(scale.of(5, 1)));
    let calm = live.latency()?.quantile_ms(0.99);

    let before_kb = server.resident_kb()? as f64;
    let (mut most_kb, mut log_kb) = (before_kb, Vec::new());
    let (mut stormy, mut seconds, mut left_kb) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        live.latency()?;
        seconds.push(storm(&server, &past, clients, u64::from(history))?);
        stormy.push(live.latency()?.quantile_ms(0.99));
        server.wait_for_connections(LIVE as u64)?;
        settle();
        left_kb.push(server.resident_kb()? as f64);
        log_kb.push(server.stats()?.count("log_bytes") as f64 / 1_024.0);
        most_kb = server.peak_resident_kb()? as f64;
    }
    live.stop()?;
    // What is published beside the storms fills the log a little more.
    let since_first = |kb: &[f64]| kb[rounds - 1] - kb[0];
    let growth = since_first(&left_kb) - since_first(&log_kb);
    report.once("resident before the storms", "KiB", before_kb, Mark::None)?;
    report.figure("resident after a storm", "KiB", &left_kb, Mark::None)?;
    report.once("most resident in a storm", "KiB", most_kb, Mark::None)?;
    let name = "growth from the first storm to the last, beside the log";
    // Where the allocator puts things is chance; 1,024 KiB are a tenth of one for each client.
    report.once(name, "KiB", growth, Mark::AtMost(1_024.0))?;
    report.figure("until all have all", "s", &seconds, Mark::None)?;
    report.once("live p99 without a storm", "ms", calm, Mark::None)?;
    report.figure("live p99 in a storm", "ms", &stormy, Mark::None)
}

/// All come back at once; returns the seconds until each has all that it missed.
fn storm(server: &Server, past: &str, clients: usize, history: u64) -> io::Result<f64> {
    let (mut load, mut tally) = (Load::new(server.address)?, Tally::new());
    let ask = Ask {
        last_event_id: Some(past.to_owned()),
        ..Ask::topic("news")
    };
    let start = Instant::now();
    let streams = load.ask_many(&ask, clients, clients, &mut tally)?;
    if load.open() != clients {
        return Err(io::Error::other("not every client came back"));
    }
    load.until(&mut tally, |_, tally| {
        tally.delivered() >= clients as u64 * history
            && streams
                .iter()
                .all(|stream| tally.of(*stream).received >= history)
    })?;
    let seconds = start.elapsed().as_secs_f64();
    tally.check()?;
    Ok(seconds)
}
