//! One topic and many subscribers: what a delivery costs beside a bare server's.
//!
//! All servers are there at the same time, each with subscribers of its own, and take short turns:
//! a machine that is shared changes its speed, and only ratios of one round count.

use super::Scale;
use crate::load::crowd::{Crowd, Done, EVENT_BYTES, Form, IN_FLIGHT};
use crate::process::Server;
use crate::report::{Mark, Report};
use std::io;
use std::thread::sleep;
use std::time::Duration;

/// The number of subscribers for which the marks hold.
const MARKED: usize = 10_000;
const STEP_MARK: Mark = Mark::AtMost(1.2);
const BURST_MARK: Mark = Mark::AtMost(0.1);
const LATENCY_MARK: Mark = Mark::AtMost(1.0);

/// Rounds of events one at a time, which are short, for each of many in flight.
const STEP_ROUNDS: usize = 3;

/// What a server did in each round.
#[derive(Default)]
pub(super) struct Rounds {
    pub(super) us_per_delivery: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
    pub(super) events_per_second: Vec<f64>,
}

#[derive(Default)]
struct Table {
    step_floor: Rounds,
    step_ours: Rounds,
    burst_each: Rounds,
    burst_joined: Rounds,
    burst_ours: Rounds,
}

/// A server with its subscribers and publishers.
pub(super) struct Subject {
    server: Server,
    crowd: Crowd,
    subscribers: usize,
}

pub(super) fn run(report: &mut Report, scale: Scale) -> io::Result<()> {
    for subscribers in scale.of([MARKED, 1_000], [1_000, 100]) {
        let rounds = scale.of(9, 1);
        let about =
            format!("{subscribers} subscribers, {EVENT_BYTES}-byte events, {rounds} rounds");
        report.begin("fanout", &about);
        let table = Table::measure(subscribers, rounds, scale)?;
        table.report(report, subscribers == MARKED)?;
    }
    Ok(())
}

impl Table {
    fn measure(subscribers: usize, rounds: usize, scale: Scale) -> io::Result<Self> {
        let mut each = Subject::new(Server::floor("each")?, subscribers, Form::Json)?;
        let mut joined = Subject::new(Server::floor("joined")?, subscribers, Form::Json)?;
        let mut ours = Subject::new(Server::tidings(&[])?, subscribers, Form::Json)?;
        let steps = scale.of((40_000 / subscribers).min(40), 4);
        let burst = Duration::from_millis(scale.of(1_000, 300));
        let mut table = Self::default();
        for _ in 0..rounds * STEP_ROUNDS {
            each.measure(|crowd| crowd.steps(steps), &mut table.step_floor)?;
            ours.measure(|crowd| crowd.steps(steps), &mut table.step_ours)?;
        }
        for _ in 0..rounds {
            joined.measure(|crowd| crowd.burst(burst), &mut table.burst_joined)?;
            ours.measure(|crowd| crowd.burst(burst), &mut table.burst_ours)?;
            each.measure(|crowd| crowd.burst(burst), &mut table.burst_each)?;
        }
        Ok(table)
    }

    fn report(&self, report: &mut Report, marked: bool) -> io::Result<()> {
        let only = |mark| if marked { mark } else { Mark::None };
        let burst = format!("{IN_FLIGHT} in flight");
        for (name, rounds) in [
            ("one at a time: floor".to_owned(), &self.step_floor),
            ("one at a time: tidings".to_owned(), &self.step_ours),
            (format!("{burst}: floor"), &self.burst_each),
            (format!("{burst}: joined floor"), &self.burst_joined),
            (format!("{burst}: tidings"), &self.burst_ours),
        ] {
            let cost = &rounds.us_per_delivery;
            report.figure(&name, "us of CPU per delivery", cost, Mark::None)?;
            report.figure(&format!("{name}, p50"), "ms", &rounds.p50_ms, Mark::None)?;
            report.figure(&format!("{name}, p99"), "ms", &rounds.p99_ms, Mark::None)?;
            let rate = &rounds.events_per_second;
            report.figure(&format!("{name}, rate"), "events/s", rate, Mark::None)?;
        }
        let ours = &self.step_ours.us_per_delivery;
        report.figure(
            "one at a time: CPU over the floor's",
            "times",
            &ratios(ours, &self.step_floor.us_per_delivery),
            only(STEP_MARK),
        )?;
        let ours = &self.burst_ours.us_per_delivery;
        report.figure(
            &format!("{burst}: CPU over the floor's"),
            "times",
            &ratios(ours, &self.burst_each.us_per_delivery),
            only(BURST_MARK),
        )?;
        report.figure(
            &format!("{burst}: p99 over the joined floor's"),
            "times",
            &ratios(&self.burst_ours.p99_ms, &self.burst_joined.p99_ms),
            only(LATENCY_MARK),
        )
    }
}

impl Subject {
    pub(super) fn new(server: Server, subscribers: usize, form: Form) -> io::Result<Self> {
        Ok(Self {
            crowd: Crowd::start(server.address, subscribers, form)?,
            server,
            subscribers,
        })
    }

    pub(super) fn measure(
        &mut self,
        part: impl FnOnce(&mut Crowd) -> io::Result<Done>,
        rounds: &mut Rounds,
    ) -> io::Result<()> {
        let before_ns = self.server.cpu_ns()?;
        let done = part(&mut self.crowd)?;
        // The scheduler counts what a thread used once it sleeps.
        sleep(Duration::from_millis(20));
        let used_ns = (self.server.cpu_ns()? - before_ns) as f64;
        if done.delivered != done.events * self.subscribers as u64 || done.events == 0 {
            return Err(io::Error::other("not every event arrived everywhere"));
        }
        rounds
            .us_per_delivery
            .push(used_ns / done.delivered as f64 / 1e3);
        rounds.p50_ms.push(done.p50_ms);
        rounds.p99_ms.push(done.p99_ms);
        rounds
            .events_per_second
            .push(done.events as f64 / done.seconds);
        Ok(())
    }
}

/// What each round of ours cost beside the same round of another.
pub(super) fn ratios(ours: &[f64], floor: &[f64]) -> Vec<f64> {
    ours.iter()
        .zip(floor)
        .map(|(ours, floor)| ours / floor)
        .collect()
}
