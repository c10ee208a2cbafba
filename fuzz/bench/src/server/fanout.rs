//! One topic and many subscribers: what a delivery costs beside a bare server's.
//!
//! The floor runs in the same minute on the same machine, and only the ratios count. A machine
//! that is shared changes its speed, so runs alternate and the median is taken.

use super::{Scale, settle};
use crate::load::tally::Tally;
use crate::load::{Ask, Load};
use crate::process::Server;
use crate::report::{Mark, Report};
use std::io;
use std::time::{Duration, Instant};

/// Bytes of the data of an event.
const EVENT_BYTES: usize = 100;

/// Publishers that each wait for their answer.
const PUBLISHERS: usize = 32;

/// Requests for streams that are unanswered at a time.
const PARALLEL: usize = 256;

/// The marks, for the number of subscribers that they hold for.
const MARKED: usize = 10_000;
const STEP_MARK: Mark = Mark::AtMost(1.2);
const BURST_MARK: Mark = Mark::AtMost(0.1);
const LATENCY_MARK: Mark = Mark::AtMost(1.0);

/// What a server did in one run.
#[derive(Default)]
struct Runs {
    us_per_delivery: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    events_per_second: Vec<f64>,
}

/// The servers of one number of subscribers.
#[derive(Default)]
struct Table {
    step_floor: Runs,
    step_ours: Runs,
    burst_each: Runs,
    burst_joined: Runs,
    burst_ours: Runs,
}

pub(super) fn run(report: &mut Report, scale: Scale) -> io::Result<()> {
    let sizes = scale.of([MARKED, 1_000], [1_000, 100]);
    for subscribers in sizes {
        let marked = subscribers == MARKED;
        let runs = scale.of(if marked { 5 } else { 3 }, 1);
        let about = format!("{subscribers} subscribers, {EVENT_BYTES}-byte events, {runs} runs");
        report.begin("fanout", &about);
        let mut table = Table::default();
        for run in 0..runs {
            table.run(subscribers, scale, run % 2 == 1)?;
        }
        table.report(report, marked)?;
    }
    Ok(())
}

impl Table {
    /// Measures every server once, in one order or the other.
    fn run(&mut self, subscribers: usize, scale: Scale, reverse: bool) -> io::Result<()> {
        let steps = scale.of(40 * MARKED / subscribers, 10).min(100);
        let burst = Duration::from_millis(scale.of(2_000, 500));
        let mut parts: [&mut dyn FnMut() -> io::Result<()>; 3] = [
            &mut || {
                let mut bench = Bench::start(Server::floor("each")?, subscribers)?;
                bench.steps(steps, &mut self.step_floor)?;
                bench.burst(burst, &mut self.burst_each)
            },
            &mut || {
                let mut bench = Bench::start(Server::tidings(&[])?, subscribers)?;
                bench.steps(steps, &mut self.step_ours)?;
                bench.burst(burst, &mut self.burst_ours)
            },
            &mut || {
                let mut bench = Bench::start(Server::floor("joined")?, subscribers)?;
                bench.burst(burst, &mut self.burst_joined)
            },
        ];
        if reverse {
            parts.reverse();
        }
        parts.iter_mut().try_for_each(|part| part())
    }

    fn report(&self, report: &mut Report, marked: bool) -> io::Result<()> {
        let only = |mark| if marked { mark } else { Mark::None };
        let us = "us of CPU per delivery";
        let ratios = |ours: &[f64], floor: &[f64]| -> Vec<f64> {
            ours.iter()
                .zip(floor)
                .map(|(ours, floor)| ours / floor)
                .collect()
        };
        for (name, runs) in [
            ("one at a time: floor", &self.step_floor),
            ("one at a time: tidings", &self.step_ours),
            ("32 in flight: floor", &self.burst_each),
            ("32 in flight: joined floor", &self.burst_joined),
            ("32 in flight: tidings", &self.burst_ours),
        ] {
            report.figure(name, us, &runs.us_per_delivery, Mark::None)?;
            report.figure(&format!("{name}, p50"), "ms", &runs.p50_ms, Mark::None)?;
            report.figure(&format!("{name}, p99"), "ms", &runs.p99_ms, Mark::None)?;
            let rate = &runs.events_per_second;
            report.figure(&format!("{name}, rate"), "events/s", rate, Mark::None)?;
        }
        report.figure(
            "one at a time: CPU over the floor's",
            "times",
            &ratios(
                &self.step_ours.us_per_delivery,
                &self.step_floor.us_per_delivery,
            ),
            only(STEP_MARK),
        )?;
        report.figure(
            "32 in flight: CPU over the floor's",
            "times",
            &ratios(
                &self.burst_ours.us_per_delivery,
                &self.burst_each.us_per_delivery,
            ),
            only(BURST_MARK),
        )?;
        report.figure(
            "32 in flight: p99 over the joined floor's",
            "times",
            &ratios(&self.burst_ours.p99_ms, &self.burst_joined.p99_ms),
            only(LATENCY_MARK),
        )
    }
}

/// One server with its subscribers and publishers.
struct Bench {
    server: Server,
    load: Load,
    tally: Tally,
    subscribers: usize,
    published: u32,
}

impl Bench {
    fn start(server: Server, subscribers: usize) -> io::Result<Self> {
        let (mut load, mut tally) = (Load::new(server.address)?, Tally::new());
        load.ask_many(&Ask::topic("news"), subscribers, PARALLEL, &mut tally)?;
        if load.open() != subscribers {
            return Err(io::Error::other("not every stream was opened"));
        }
        load.add_publishers(PUBLISHERS)?;
        let mut bench = Self {
            server,
            load,
            tally,
            subscribers,
            published: 0,
        };
        // Everything has been used once before it is measured.
        bench.steps(2, &mut Runs::default())?;
        settle();
        Ok(bench)
    }

    /// Publishes events, each once all subscribers have the one before.
    fn steps(&mut self, steps: usize, runs: &mut Runs) -> io::Result<()> {
        self.measure(runs, |bench| {
            for _ in 0..steps {
                bench.publish()?;
                bench.wait_for_deliveries()?;
            }
            Ok(())
        })
    }

    /// Publishes as fast as the publishers get their answers.
    fn burst(&mut self, time: Duration, runs: &mut Runs) -> io::Result<()> {
        self.measure(runs, |bench| {
            let end = Instant::now() + time;
            while Instant::now() < end {
                while bench.publish()? {}
                let Self { load, tally, .. } = bench;
                load.turn(Duration::from_secs(1), tally)?;
            }
            bench.wait_for_deliveries()
        })
    }

    fn publish(&mut self) -> io::Result<bool> {
        let data = Tally::data(self.published, self.load.now_ns(), EVENT_BYTES);
        let body = format!(r#"{{"topics":["news"],"data":"{data}"}}"#);
        let sent = self.load.publish(body.as_bytes())?;
        self.published += u32::from(sent);
        Ok(sent)
    }

    fn wait_for_deliveries(&mut self) -> io::Result<()> {
        let wanted = u64::from(self.published) * self.subscribers as u64;
        self.load.until(&mut self.tally, |load, tally| {
            tally.delivered() >= wanted && load.publishing() == 0
        })?;
        self.tally.check()
    }

    fn measure(
        &mut self,
        runs: &mut Runs,
        part: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        self.tally.forget_latency();
        let (before, published) = (self.tally.delivered(), self.published);
        let (start, before_ns) = (Instant::now(), self.server.cpu_ns()?);
        part(self)?;
        let seconds = start.elapsed().as_secs_f64();
        // The server's last words to its sockets may still be on their way into its clock.
        settle();
        let used_ns = (self.server.cpu_ns()? - before_ns) as f64;
        let delivered = self.tally.delivered() - before;
        let events = u64::from(self.published - published);
        if delivered != events * self.subscribers as u64 {
            return Err(io::Error::other("not every event arrived everywhere"));
        }
        runs.us_per_delivery.push(used_ns / delivered as f64 / 1e3);
        runs.p50_ms.push(self.tally.latency().quantile_ms(0.5));
        runs.p99_ms.push(self.tally.latency().quantile_ms(0.99));
        runs.events_per_second.push(events as f64 / seconds);
        Ok(())
    }
}
