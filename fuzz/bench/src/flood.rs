//! A flood of connects that are refused: what the readers who are there notice of it, and what a
//! refusal costs, beside a loop that does nothing but accept, answer and close.
//!
//! It does not know how the server refuses.

use crate::load::live::{Live, Traffic};
use crate::load::{Ask, End, Load, Watch};
use crate::process::{Server, raise_file_limit};
use crate::report::{self, Mark, Report};
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tidings_core::Event;

/// Connects that are unanswered at a time.
const PARALLEL: usize = 64;

/// Connects in a second, where readers are watched: the same flood, whoever it is for.
const RATE: f64 = 3_000.0;

/// How long connects may take in all.
const PATIENCE: Duration = Duration::from_secs(60);

/// What goes on all the time.
const TOPIC: &str = "news";
const EVERY: Duration = Duration::from_millis(50);

pub(crate) fn run(arguments: &report::Arguments) -> io::Result<()> {
    raise_file_limit()?;
    let mut report = Report::new(arguments)?;
    let quick = arguments.quick;
    let (readers, rounds) = if quick { (100, 2) } else { (1_000, 15) };
    let about = format!(
        "connects to a server that is full, and to a bare loop; {readers} readers, 20 events a \
         second, {RATE} connects a second; {rounds} rounds of either"
    );
    report.begin("flood", &about);
    refusals(&mut report, if quick { 500 } else { 5_000 }, rounds)?;
    readers_beside(&mut report, readers, rounds, quick)?;
    report.verdict(quick)
}

/// What a refusal costs.
fn refusals(report: &mut Report, connects: usize, rounds: usize) -> io::Result<()> {
    let server = Server::tidings(&["--connections", "1"])?;
    let floor = Server::floor("close")?;
    let mut load = Load::new(server.address)?;
    load.ask(&Ask::topic(TOPIC))?;
    load.until(&mut Comers::default(), |load, _| load.open() == 1)?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let mut unanswered = 0;
    for _ in 0..rounds {
        let (cost, comers) = cost(&server, connects)?;
        if comers.opened > 0 {
            return Err(io::Error::other("a full server took one more"));
        }
        unanswered += comers.unanswered;
        ours.push(cost);
        bare.push(self::cost(&floor, connects)?.0);
    }
    report.figure("a refusal", "us of CPU", &ours, Mark::None)?;
    report.figure("bare accept, answer, close", "us of CPU", &bare, Mark::None)?;
    report.figure(
        "a refusal over the bare loop's",
        "times",
        &ratios(&ours, &bare),
        Mark::AtMost(2.0),
    )?;
    report.once(
        "refused without an answer",
        "",
        unanswered as f64,
        Mark::Exactly(0.0),
    )
}

/// The microseconds of CPU that one of so many connects costs a server, which are answered as fast
/// as it can.
fn cost(server: &Server, connects: usize) -> io::Result<(f64, Comers)> {
    let mut load = Load::new(server.address)?;
    let mut comers = Comers::default();
    let (mut asked, start) = (0, Instant::now());
    let before_ns = server.cpu_ns()?;
    while comers.done() < connects {
        while asked < connects && asked - comers.done() < PARALLEL {
            load.ask(&Ask::topic(TOPIC))?;
            asked += 1;
        }
        load.turn(Duration::from_secs(1), &mut comers)?;
        if start.elapsed() > PATIENCE {
            let problem = format!("of {connects} connects {} were answered", comers.done());
            return Err(io::Error::other(problem));
        }
    }
    // What the last ones cost is counted too.
    sleep(Duration::from_millis(200));
    let cost = (server.cpu_ns()? - before_ns) as f64 / connects as f64 / 1_000.0;
    Ok((cost, comers))
}

/// How late events are beside a flood that goes elsewhere, and beside one that is refused.
fn readers_beside(
    report: &mut Report,
    readers: usize,
    rounds: usize,
    quick: bool,
) -> io::Result<()> {
    let places = readers + 2 * PARALLEL;
    let server = Server::tidings(&["--connections", &places.to_string()])?;
    let floor = Server::floor("close")?;
    let traffic = Traffic {
        ask: Ask::topic(TOPIC),
        topic: TOPIC,
        readers,
        event_bytes: 256,
        every: EVERY,
        first: 0,
    };
    let live = Live::start(server.address, traffic);
    let time = if quick { EVERY * 10 } else { EVERY * 40 };
    let late = |flooded: Option<&Server>| {
        live.latency()?;
        match flooded {
            Some(flooded) => flood(flooded, time)?,
            None => sleep(time),
        }
        Ok::<_, io::Error>(live.latency()?.quantile_ms(0.99))
    };
    live.latency()?;
    let _idle = fill(&server)?;
    late(Some(&server))?;
    let (mut alone, mut elsewhere, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        alone.push(late(None)?);
        elsewhere.push(late(Some(&floor))?);
        refused.push(late(Some(&server))?);
    }
    live.stop()?;
    report.figure("p99 without a flood", "ms", &alone, Mark::None)?;
    report.figure("p99 beside a bare loop's", "ms", &elsewhere, Mark::None)?;
    report.figure("p99 beside one that is refused", "ms", &refused, Mark::None)?;
    report.figure(
        "p99 over that beside a bare loop's",
        "times",
        &ratios(&refused, &elsewhere),
        Mark::AtMost(2.0),
    )
}

/// Takes what places there are left, with streams on which nothing happens.
fn fill(server: &Server) -> io::Result<Load> {
    let mut load = Load::new(server.address)?;
    let mut refused = 0;
    // One that is just becoming a stream may count twice for a moment.
    while refused < 5 {
        let before = load.open();
        load.ask(&Ask::topic("silence"))?;
        load.until(&mut Comers::default(), |load, _| load.opening() == 0)?;
        refused += usize::from(load.open() == before);
    }
    Ok(load)
}

/// Connects at a steady rate for so long.
fn flood(server: &Server, time: Duration) -> io::Result<()> {
    let mut load = Load::new(server.address)?;
    let mut comers = Comers::default();
    let (mut asked, start) = (0, Instant::now());
    while start.elapsed() < time {
        let due = (start.elapsed().as_secs_f64() * RATE) as usize;
        while asked < due && asked - comers.done() < PARALLEL {
            load.ask(&Ask::topic(TOPIC))?;
            asked += 1;
        }
        load.turn(Duration::from_millis(1), &mut comers)?;
    }
    load.until(&mut comers, |_, comers| {
        comers.done() + comers.opened >= asked
    })?;
    if comers.opened > 0 {
        return Err(io::Error::other("a full server took one more"));
    }
    // Half of it would be another flood.
    let wanted = time.as_secs_f64() * RATE / 2.0;
    if (asked as f64) < wanted {
        let problem = format!("only {asked} connects were answered in {time:?}");
        return Err(io::Error::other(problem));
    }
    Ok(())
}

/// Those who come, and how they leave.
#[derive(Default)]
struct Comers {
    /// They were told something.
    answered: usize,
    /// They were told nothing.
    unanswered: usize,
    /// They got a stream.
    opened: usize,
}

impl Comers {
    const fn done(&self) -> usize {
        self.answered + self.unanswered
    }
}

impl Watch for Comers {
    fn event(&mut self, _: usize, _: &Event<'_>, _: u64) {
        self.opened += 1;
    }

    fn ended(&mut self, _: usize, end: End) {
        match end {
            End::Refused(_) | End::Closed => self.answered += 1,
            End::Reset => self.unanswered += 1,
        }
    }
}

/// Round by round, one over the other.
fn ratios(ones: &[f64], others: &[f64]) -> Vec<f64> {
    let pairs = ones.iter().zip(others);
    pairs.map(|(one, other)| one / other).collect()
}
