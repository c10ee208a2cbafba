//! Connections on which nothing happens: coming, heartbeats, the passing of time, going.
//!
//! It does not publish.

use super::{drain, open};
use crate::report::{Mark, Report};
use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};
use tidings_core::{ConnectionId, Hub, HubOptions, Open};

const MANY: usize = 100_000;
const FEW: usize = 1_000;

/// A pass that finds nothing due costs the same for many as for few; twice is noise.
const IDLE_MARK: Mark = Mark::AtMost(2.0);

/// When the first heartbeats are due, by default.
const HEARTBEAT_MS: u64 = 30_000;

const ROUNDS: usize = 25;

pub(super) fn run(report: &mut Report, quick: bool) -> io::Result<()> {
    let many = if quick { MANY / 10 } else { MANY };
    report.begin("hub idle", &format!("{many} connections of one topic"));
    let (mut crowd, opening) = Crowd::new(many)?;
    let (mut few, _) = Crowd::new(FEW)?;
    report.once("open, with its first event", "ns", opening, Mark::None)?;

    let beats: Vec<f64> = (0..if quick { 1 } else { 7 })
        .map(|_| crowd.heartbeats())
        .collect::<io::Result<_>>()?;
    report.figure(
        "a heartbeat, from timer to consume",
        "ns",
        &beats,
        Mark::None,
    )?;

    let passes: Vec<(f64, f64)> = (0..ROUNDS).map(|_| (crowd.pass(), few.pass())).collect();
    let name = |crowd: &Crowd| format!("a pass with nothing due, {} connections", crowd.len());
    let (with_many, with_few): (Vec<f64>, Vec<f64>) = passes.iter().copied().unzip();
    report.figure(&name(&crowd), "ns", &with_many, Mark::None)?;
    report.figure(&name(&few), "ns", &with_few, Mark::None)?;
    let ratios: Vec<f64> = passes.iter().map(|(many, few)| many / few).collect();
    report.figure("one over the other", "times", &ratios, IDLE_MARK)?;

    report.once("close", "ns", crowd.close()?, Mark::None)
}

struct Crowd {
    hub: Hub,
    connections: Vec<ConnectionId>,
    now: u64,
}

impl Crowd {
    /// So many connections, and the nanoseconds that each took until it was quiet.
    fn new(connections: usize) -> io::Result<(Self, f64)> {
        let mut hub = Hub::new(HubOptions::default()).map_err(io::Error::other)?;
        let start = Instant::now();
        let one = |_| {
            let topics = &["news"];
            let connection = open(
                &mut hub,
                0,
                Open {
                    topics,
                    ..Open::default()
                },
            )?;
            drain(&mut hub, 0)?;
            Ok(connection)
        };
        let connections: Vec<_> = (0..connections).map(one).collect::<io::Result<_>>()?;
        let each = per(start.elapsed(), connections.len());
        let crowd = Self {
            hub,
            connections,
            now: 0,
        };
        Ok((crowd, each))
    }

    fn len(&self) -> usize {
        self.connections.len()
    }

    /// All heartbeats at once; the nanoseconds of each.
    fn heartbeats(&mut self) -> io::Result<f64> {
        self.now += HEARTBEAT_MS;
        let start = Instant::now();
        self.hub.handle_timeout(self.now);
        let (writes, bytes) = drain(&mut self.hub, self.now)?;
        let time = start.elapsed();
        if writes != self.len() || bytes == 0 {
            return Err(io::Error::other("a heartbeat for each was due"));
        }
        Ok(per(time, writes))
    }

    /// The nanoseconds of a wake for which nothing is due.
    fn pass(&mut self) -> f64 {
        const PASSES: usize = 10_000;
        let start = Instant::now();
        for _ in 0..PASSES {
            self.hub.handle_timeout(black_box(self.now));
            black_box(self.hub.poll_output());
            black_box(self.hub.poll_timeout());
        }
        per(start.elapsed(), PASSES)
    }

    /// Closes all, in an order that is not that of their coming; the nanoseconds of each.
    fn close(mut self) -> io::Result<f64> {
        let len = self.len();
        let start = Instant::now();
        for step in 0..len {
            self.hub.handle_closed(self.connections[step * 7_919 % len]);
        }
        let time = start.elapsed();
        drain(&mut self.hub, self.now)?;
        if self.hub.connections() != 0 || !self.hub.is_idle() {
            return Err(io::Error::other("something is left of closed connections"));
        }
        Ok(per(time, len))
    }
}

fn per(time: Duration, times: usize) -> f64 {
    time.as_nanos() as f64 / times as f64
}
