//! Readers that stop reading: what the others notice, what they cost, and what they are told.
//!
//! It does not look into the server: what it holds is seen from outside.

use super::kernel::send_queues;
use super::{Scale, lines, publish_all, settle};
use crate::load::live::{Live, Traffic};
use crate::load::tally::Tally;
use crate::load::{Ask, End, Load};
use crate::process::Server;
use crate::report::{Mark, Report};
use std::io;
use std::thread::sleep;
use std::time::Duration;

/// Bytes of the data of an event.
const EVENT_BYTES: usize = 32 << 10;

/// What the log may hold: a hundred of these events.
const LOG_MIB: usize = 4;

pub(super) fn run(report: &mut Report, scale: Scale) -> io::Result<()> {
    let (healthy, stuck) = (scale.of(900, 90), scale.of(100, 10));
    let rounds = scale.of(5, 1);
    let about = format!(
        "{healthy} readers alone, and beside {stuck} that stop reading; 32 KiB events, 20 a \
         second; {rounds} rounds"
    );
    report.begin("stuck", &about);
    beside_stuck(report, scale, healthy, stuck, rounds)?;
    closed_for_lag(report, scale)?;
    lines::run(report, scale)
}

fn beside_stuck(
    report: &mut Report,
    scale: Scale,
    healthy: usize,
    stuck: usize,
    rounds: usize,
) -> io::Result<()> {
    let server = Server::tidings(&["--log-bytes", &format!("{LOG_MIB}MiB")])?;
    // The log is full before anything is measured.
    let past = 150;
    publish_all(&server, "news", past, EVENT_BYTES)?;
    let traffic = Traffic {
        ask: Ask::topic("news"),
        topic: "news",
        readers: healthy,
        event_bytes: EVENT_BYTES,
        every: Duration::from_millis(50),
        first: past,
    };
    let live = Live::start(server.address, traffic);
    server.wait_for_connections(healthy as u64)?;
    let mut rows = Rows::default();
    for _ in 0..rounds {
        live.latency()?;
        sleep(Duration::from_secs(scale.of(5, 2)));
        rows.alone.push(live.latency()?.quantile_ms(0.99));
        rows.round(&server, &live, scale, healthy, stuck)?;
    }
    live.stop()?;
    rows.report(report)
}

/// What was seen in each round.
#[derive(Default)]
struct Rows {
    alone: Vec<f64>,
    beside: Vec<f64>,
    growth_kb: Vec<f64>,
    kernel_kb: Vec<f64>,
    source: &'static str,
    missed: Vec<f64>,
}

impl Rows {
    fn round(
        &mut self,
        server: &Server,
        live: &Live,
        scale: Scale,
        healthy: usize,
        stuck: usize,
    ) -> io::Result<()> {
        let before_kb = server.resident_kb()?;
        let (mut load, mut tally) = (Load::new(server.address)?, Tally::new());
        let readers = load.ask_many(&Ask::topic("news"), stuck, stuck, &mut tally)?;
        for reader in &readers {
            load.set_reading(*reader, false)?;
        }
        // Until their buffers are full they are not stuck.
        sleep(Duration::from_secs(1));
        live.latency()?;
        // Long enough for the log to move past them.
        sleep(Duration::from_secs(scale.of(8, 8)));
        self.beside.push(live.latency()?.quantile_ms(0.99));
        self.growth_kb
            .push(server.resident_kb()? as f64 - before_kb as f64);
        let (source, queues) = send_queues(server.address.port())?;
        let ports: Vec<_> = readers
            .iter()
            .filter_map(|reader| load.port(*reader))
            .collect();
        let held = queues.iter().filter(|(port, _)| ports.contains(port));
        let held: Vec<_> = held.map(|(_, bytes)| *bytes).collect();
        if held.len() != stuck {
            return Err(io::Error::other(
                "the kernel does not show every stuck socket",
            ));
        }
        let most = held.into_iter().max().unwrap_or(0);
        self.kernel_kb.push(most as f64 / 1_024.0);
        self.source = source.name();

        for reader in &readers {
            load.set_reading(*reader, true)?;
        }
        let head = server.stats()?.head();
        load.until(&mut tally, |_, tally| {
            readers
                .iter()
                .all(|reader| tally.of(*reader).sequence >= head)
        })?;
        tally.check()?;
        for reader in readers {
            let seen = tally.of(reader);
            if seen.received + seen.missed != seen.sequence - seen.start {
                return Err(io::Error::other("received and missed are not all"));
            }
            if seen.gaps == 0 {
                return Err(io::Error::other("a stuck reader was told of no gap"));
            }
            self.missed.push(seen.missed as f64);
            load.close(reader);
        }
        server.wait_for_connections(healthy as u64)
    }

    fn report(&self, report: &mut Report) -> io::Result<()> {
        let pairs = self.beside.iter().zip(&self.alone);
        let ratios: Vec<_> = pairs.map(|(beside, alone)| beside / alone).collect();
        report.figure("p99 alone", "ms", &self.alone, Mark::None)?;
        report.figure("p99 beside stuck ones", "ms", &self.beside, Mark::None)?;
        report.figure(
            "p99, one over the other",
            "times",
            &ratios,
            Mark::AtMost(1.25),
        )?;
        let log_kb = (LOG_MIB << 10) as f64;
        report.figure(
            "memory of the server, growth",
            "KiB",
            &self.growth_kb,
            Mark::AtMost(log_kb),
        )?;
        let unit = format!("KiB ({})", self.source);
        report.figure(
            "kernel, for the worst stuck socket",
            &unit,
            &self.kernel_kb,
            Mark::AtMost(128.0),
        )?;
        report.figure(
            "told as missed to each; the count was right",
            "events",
            &self.missed,
            Mark::None,
        )
    }
}

/// Where lag closes, stuck readers are told so or cut, and the others do not notice.
fn closed_for_lag(report: &mut Report, scale: Scale) -> io::Result<()> {
    let (healthy, stuck) = (scale.of(80, 8), scale.of(20, 2));
    let log = format!("{LOG_MIB}MiB");
    let server = Server::tidings(&["--log-bytes", &log, "--lag", "close"])?;
    let (mut load, mut tally) = (Load::new(server.address)?, Tally::new());
    let readers = load.ask_many(&Ask::topic("news"), stuck, stuck, &mut tally)?;
    for reader in &readers {
        load.set_reading(*reader, false)?;
    }
    let live = Live::start(
        server.address,
        Traffic {
            ask: Ask::topic("news"),
            topic: "news",
            readers: healthy,
            event_bytes: EVENT_BYTES,
            every: Duration::from_millis(5),
            first: 0,
        },
    );
    while server.stats()?.head() < 400 {
        sleep(Duration::from_millis(100));
    }
    live.stop()?;
    for reader in &readers {
        load.set_reading(*reader, true)?;
    }
    let mut ended = Vec::new();
    load.until(&mut tally, |load, _| load.open() == 0)?;
    ended.extend(tally.take_ended());
    tally.check()?;
    let told = readers
        .iter()
        .filter(|reader| tally.of(**reader).bye)
        .count();
    let closed = ended
        .iter()
        .filter(|(_, end)| matches!(end, End::Closed | End::Reset));
    report.once(
        "--lag close: stuck readers that were closed",
        "",
        closed.count() as f64,
        Mark::Exactly(stuck as f64),
    )?;
    report.once(
        "--lag close: of these with a bye",
        "",
        told as f64,
        Mark::None,
    )?;
    settle();
    Ok(())
}
