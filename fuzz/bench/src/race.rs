//! Doing the same thing in several ways, by turns, so that what a shared machine does in between
//! falls on all of them alike. Only ratios of one round count.
//!
//! It does not know what is done.

use crate::report::median;
use std::time::Duration;

/// What a turn takes at least, so that the clock does not matter.
const TURN: Duration = Duration::from_micros(1_500);

/// One of the ways.
pub(crate) struct Racer<'a> {
    pub(crate) name: &'static str,
    /// Does it once, and says how long that took.
    run: Box<dyn Fn() -> Duration + 'a>,
    /// What a turn takes at least.
    turn: Duration,
    /// The nanoseconds of one run, for each round.
    pub(crate) times_ns: Vec<f64>,
}

impl<'a> Racer<'a> {
    pub(crate) fn new(name: &'static str, run: impl Fn() -> Duration + 'a) -> Self {
        Self {
            name,
            run: Box::new(run),
            turn: TURN,
            times_ns: Vec::new(),
        }
    }

    /// Takes turns of one run each, which is long enough by itself.
    pub(crate) fn of_one_run(mut self) -> Self {
        self.turn = Duration::ZERO;
        self
    }

    fn turn(&self) -> f64 {
        let (mut runs, mut time) = (0, Duration::ZERO);
        while runs == 0 || time < self.turn {
            time += (self.run)();
            runs += 1;
        }
        time.as_nanos() as f64 / f64::from(runs)
    }
}

/// Lets all take turns for so many rounds.
pub(crate) fn race(racers: &mut [Racer<'_>], rounds: usize) {
    for racer in &mut *racers {
        racer.turn();
    }
    for _ in 0..rounds {
        for racer in &mut *racers {
            racer.times_ns.push(racer.turn());
        }
    }
}

/// The one that is the fastest of all, as a rule.
///
/// # Panics
/// Where there is none.
pub(crate) fn fastest<'a, 'b>(racers: &'a [Racer<'b>]) -> &'a Racer<'b> {
    let key = |racer: &&Racer<'_>| median(&racer.times_ns);
    racers
        .iter()
        .min_by(|a, b| key(a).total_cmp(&key(b)))
        .expect("somebody runs")
}

/// Round by round, what one takes over what another takes.
pub(crate) fn ratios(one: &Racer<'_>, other: &Racer<'_>) -> Vec<f64> {
    let pairs = one.times_ns.iter().zip(&other.times_ns);
    pairs.map(|(one, other)| one / other).collect()
}
