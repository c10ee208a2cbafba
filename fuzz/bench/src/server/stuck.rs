//! Readers that stop reading: what the others notice, what they cost, and what they are told.
//!
//! It does not look into the server: what it holds is seen from outside.

use super::Scale;
use super::kernel::send_queues;
use crate::load::live::{Live, Traffic};
use crate::load::tally::Tally;
use crate::load::{Ask, End, Load};
use crate::process::Server;
use crate::report::{Mark, Report};
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Bytes of the data of an event.
const EVENT_BYTES: usize = 32 << 10;

/// What the log may hold: a hundred of these events.
const LOG_MIB: usize = 4;

/// Events of one round, and the time between them.
const ROUND_EVENTS: u32 = 10;
const EVERY: Duration = Duration::from_millis(50);

pub(super) fn run(report: &mut Report, scale: Scale) -> io::Result<()> {
    let (healthy, stuck) = (scale.of(900, 90), scale.of(100, 10));
    // In all of them together the log moves past those that are stuck.
    let rounds = 20;
    let about = format!(
        "{healthy} readers alone, and {healthy} beside {stuck} that stop reading; 32 KiB events, \
         20 a second; {rounds} rounds of either"
    );
    report.begin("stuck", &about);
    let mut alone = Readers::start(healthy)?;
    let mut beside = Readers::start(healthy)?;
    let before_kb = beside.server.resident_kb()?;
    let stopped = Stopped::start(&beside.server, stuck)?;
    // Until their buffers are full they are not stuck.
    beside.round(ROUND_EVENTS)?;
    let (mut p99_alone, mut p99_beside) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        p99_alone.push(alone.round(ROUND_EVENTS)?);
        p99_beside.push(beside.round(ROUND_EVENTS)?);
    }
    let ratios: Vec<_> = p99_beside
        .iter()
        .zip(&p99_alone)
        .map(|(b, a)| b / a)
        .collect();
    report.figure("p99 alone", "ms", &p99_alone, Mark::None)?;
    report.figure("p99 beside stuck ones", "ms", &p99_beside, Mark::None)?;
    report.figure("one over the other", "times", &ratios, Mark::AtMost(1.25))?;
    let growth_kb = beside.server.resident_kb()? as f64 - before_kb as f64;
    let log_kb = (LOG_MIB << 10) as f64;
    report.once(
        "growth of the server",
        "KiB",
        growth_kb,
        Mark::AtMost(log_kb),
    )?;
    stopped.report(report, &beside.server)?;
    closed_for_lag(report, scale)
}

/// A server with readers that read.
struct Readers {
    server: Server,
    load: Load,
    tally: Tally,
    count: usize,
    published: u32,
}

impl Readers {
    fn start(count: usize) -> io::Result<Self> {
        let server = Server::tidings(&["--log-bytes", &format!("{LOG_MIB}MiB")])?;
        let (mut load, mut tally) = (Load::new(server.address)?, Tally::new());
        load.ask_many(&Ask::topic("news"), count, 64, &mut tally)?;
        load.set_publishers(1)?;
        let mut readers = Self {
            server,
            load,
            tally,
            count,
            published: 0,
        };
        // The log is full before anything is measured.
        readers.round((LOG_MIB << 20) as u32 / EVENT_BYTES as u32)?;
        Ok(readers)
    }

    /// Publishes so many events at a steady rate; returns the 99th percentile of how late they
    /// were, in milliseconds.
    fn round(&mut self, events: u32) -> io::Result<f64> {
        self.tally.forget_latency();
        let start = Instant::now();
        for event in 0..events {
            let due = start + EVERY * event;
            self.load.run_for(
                due.saturating_duration_since(Instant::now()),
                &mut self.tally,
            )?;
            let data = Tally::data(self.published, self.load.now_ns(), EVENT_BYTES);
            let body = format!(r#"{{"topics":["news"],"data":"{data}"}}"#);
            while !self.load.publish(body.as_bytes())? {
                self.load.turn(EVERY, &mut self.tally)?;
            }
            self.published += 1;
        }
        let wanted = u64::from(self.published) * self.count as u64;
        let start = Instant::now();
        while self.tally.delivered() < wanted {
            self.load.turn(EVERY, &mut self.tally)?;
            self.tally.check()?;
            if start.elapsed() > Duration::from_secs(30) {
                return Err(io::Error::other("a healthy reader waits"));
            }
        }
        Ok(self.tally.latency().quantile_ms(0.99))
    }
}

/// Readers that have stopped reading.
struct Stopped {
    load: Load,
    tally: Tally,
    streams: Vec<usize>,
}

impl Stopped {
    fn start(server: &Server, count: usize) -> io::Result<Self> {
        let (mut load, mut tally) = (Load::new(server.address)?, Tally::new());
        let streams = load.ask_many(&Ask::topic("news"), count, count, &mut tally)?;
        for stream in &streams {
            load.set_reading(*stream, false)?;
        }
        Ok(Self {
            load,
            tally,
            streams,
        })
    }

    /// What they cost, and what they are told when they read again.
    fn report(mut self, report: &mut Report, server: &Server) -> io::Result<()> {
        let (source, queues) = send_queues(server.address.port())?;
        let ports = self
            .streams
            .iter()
            .filter_map(|stream| self.load.port(*stream));
        let ports: Vec<_> = ports.collect();
        let held = queues.iter().filter(|(port, _)| ports.contains(port));
        let held: Vec<_> = held.map(|(_, bytes)| *bytes as f64 / 1_024.0).collect();
        if held.len() != self.streams.len() {
            return Err(io::Error::other("the kernel does not show every socket"));
        }
        let most = held.iter().copied().fold(0.0, f64::max);
        let unit = format!("KiB ({})", source.name());
        report.once(
            "kernel, for the worst of them",
            &unit,
            most,
            Mark::AtMost(128.0),
        )?;

        for stream in &self.streams {
            self.load.set_reading(*stream, true)?;
        }
        let head = server.stats()?.head();
        let streams = &self.streams;
        self.load.until(&mut self.tally, |_, tally| {
            streams
                .iter()
                .all(|stream| tally.of(*stream).sequence >= head)
        })?;
        self.tally.check()?;
        let seen: Vec<_> = streams
            .iter()
            .map(|stream| self.tally.of(*stream))
            .collect();
        let right = seen
            .iter()
            .filter(|seen| seen.gaps > 0 && seen.received + seen.missed == head - seen.start);
        report.once(
            "told of a gap of the right length",
            "of them",
            right.count() as f64,
            Mark::Exactly(streams.len() as f64),
        )?;
        let missed: Vec<_> = seen.iter().map(|seen| seen.missed as f64).collect();
        report.figure("missed by each", "events", &missed, Mark::None)
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
    Ok(())
}
