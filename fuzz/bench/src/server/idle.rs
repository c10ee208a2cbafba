//! Streams on which nothing happens: what they cost, and what coming and going leaves behind.
//!
//! It does not publish.

use super::{Scale, settle};
use crate::load::tally::Tally;
use crate::load::{Ask, End, Load, Watch};
use crate::process::Server;
use crate::report::{Mark, Report};
use std::io;
use std::time::{Duration, Instant};
use tidings_core::Event;

/// How long connects and leaves may take in all.
const PATIENCE: Duration = Duration::from_secs(60);

/// Requests that are unanswered at a time.
const PARALLEL: usize = 64;

pub(super) fn run(report: &mut Report, scale: Scale) -> io::Result<()> {
    let streams = scale.of(10_000, 1_000);
    report.begin("idle", &format!("{streams} streams of one topic"));
    memory_and_churn(report, scale, streams)?;
    heartbeats(report, scale, streams)
}

fn memory_and_churn(report: &mut Report, scale: Scale, streams: usize) -> io::Result<()> {
    let server = Server::tidings(&["--heartbeat", "0"])?;
    // What a server allocates once belongs to no stream.
    churn(&server, 2 * PARALLEL)?;
    server.wait_for_connections(0)?;
    settle();
    let empty_kb = server.resident_kb()?;

    let (mut load, mut tally) = (Load::new(server.address)?, Tally::new());
    load.ask_many(&Ask::topic("news"), streams, PARALLEL, &mut tally)?;
    tally.check()?;
    server.wait_for_connections(streams as u64)?;
    settle();
    let full_kb = server.resident_kb()?;
    let per_stream = full_kb.saturating_sub(empty_kb) as f64 / streams as f64;
    report.once("memory", "KiB per stream", per_stream, Mark::AtMost(0.6))?;

    let time = Duration::from_secs(scale.of(5, 1));
    let before_ns = server.cpu_ns()?;
    load.run_for(time, &mut tally)?;
    let share = (server.cpu_ns()? - before_ns) as f64 / time.as_nanos() as f64;
    report.once(
        "CPU, without heartbeats",
        "% of one",
        share * 100.0,
        Mark::None,
    )?;
    drop(load);
    server.wait_for_connections(0)?;
    let left = server.stats()?.count("connections");
    report.once(
        "streams counted after they closed",
        "",
        left as f64,
        Mark::Exactly(0.0),
    )?;
    state_growth(report, scale, &server)
}

/// Many connects and leaves, which leave nothing behind.
fn state_growth(report: &mut Report, scale: Scale, server: &Server) -> io::Result<()> {
    let connects = scale.of(20_000, 1_000);
    let floor = Server::floor("close")?;
    settle();
    let before_kb = server.resident_kb()?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let rounds = scale.of(5, 1);
    for _ in 0..rounds {
        ours.push(churn(server, connects / rounds)?);
        bare.push(churn(&floor, connects / rounds)?);
    }
    server.wait_for_connections(0)?;
    settle();
    let growth = server.resident_kb()? as f64 - before_kb as f64;
    let name = format!("growth after {connects} connects and leaves");
    // A page here or there is no growth.
    report.once(&name, "KiB", growth, Mark::AtMost(64.0))?;
    report.figure("connect and leave", "us of CPU", &ours, Mark::None)?;
    report.figure("bare accept, answer, close", "us of CPU", &bare, Mark::None)
}

/// Connects and leaves so many times; returns the microseconds that one costs the server.
fn churn(server: &Server, connects: usize) -> io::Result<f64> {
    let mut load = Load::new(server.address)?;
    let mut comers = Comers::default();
    let ask = Ask::topic("news");
    let before_ns = server.cpu_ns()?;
    let (mut asked, start) = (0, Instant::now());
    while comers.done < connects {
        while asked < connects && asked - comers.done < PARALLEL {
            load.ask(&ask)?;
            asked += 1;
        }
        load.turn(Duration::from_secs(1), &mut comers)?;
        for stream in comers.opened.drain(..) {
            load.close(stream);
        }
        if start.elapsed() > PATIENCE {
            let problem = format!("of {connects} connects {} were served", comers.done);
            return Err(io::Error::other(problem));
        }
    }
    // What the last ones cost is counted too.
    settle();
    Ok((server.cpu_ns()? - before_ns) as f64 / connects as f64 / 1_000.0)
}

/// Leaves a stream at its first event; a bare server closes it itself.
#[derive(Default)]
struct Comers {
    opened: Vec<usize>,
    done: usize,
}

impl Watch for Comers {
    fn event(&mut self, stream: usize, _: &Event<'_>, _: u64) {
        self.opened.push(stream);
        self.done += 1;
    }

    fn ended(&mut self, _: usize, end: End) {
        self.done += usize::from(end == End::Closed);
    }
}

fn heartbeats(report: &mut Report, scale: Scale, streams: usize) -> io::Result<()> {
    let server = Server::tidings(&["--heartbeat", "2s"])?;
    let (mut load, mut tally) = (Load::new(server.address)?, Tally::new());
    load.ask_many(&Ask::topic("news"), streams, PARALLEL, &mut tally)?;
    let (before_ns, before) = (server.cpu_ns()?, tally.heartbeats());
    load.run_for(Duration::from_secs(scale.of(6, 3)), &mut tally)?;
    tally.check()?;
    let beats = tally.heartbeats() - before;
    if beats < streams as u64 {
        return Err(io::Error::other(format!("only {beats} heartbeats came")));
    }
    let each_us = (server.cpu_ns()? - before_ns) as f64 / beats as f64 / 1_000.0;
    report.once("heartbeat", "us of CPU", each_us, Mark::None)?;
    let share = each_us * streams as f64 / 15e6 * 100.0;
    report.once(
        "CPU, with a heartbeat each 15 s",
        "% of one",
        share,
        Mark::None,
    )
}
