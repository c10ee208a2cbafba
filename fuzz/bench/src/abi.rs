//! The benchmarks of the C ABI: what a call costs more than the same in Rust, and how fast a stream is
//! decoded through it.
//!
//! C is the shared library that people install, loaded as their programs load it; Rust is the core,
//! built into this program.

#![expect(unsafe_code, reason = "the exports are unsafe to call")]

mod calls;
mod decode;
mod exports;

use crate::codec::inputs;
use crate::race::race;
use crate::report::{Arguments, Mark, Report};
use calls::Pair;
use exports::Exports;
use std::hint::black_box;
use std::io;
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};
use tidings::tidings_status;

/// What a call through the ABI may cost more, in nanoseconds.
const CALL_MARK: Mark = Mark::AtMost(15.0);
/// How much of the Rust decoder's speed has to be left.
const DECODE_MARK: Mark = Mark::AtLeast(0.9);

/// What one look at the clock is for.
const CALLS: u32 = 1_000;

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let c = Exports::load()?;
    let mut report = Report::new(arguments)?;
    // Differences of a few nanoseconds take many rounds, and short turns: less happens in between.
    let rounds = if arguments.quick { 3 } else { 2_001 };
    report.begin("abi calls", &format!("{rounds} rounds"));
    for (name, steps, pair) in calls::all(c) {
        call(&mut report, name, steps, rounds, pair)?;
    }
    let rounds = if arguments.quick { 3 } else { 101 };
    report.begin("abi decode", &format!("{rounds} rounds"));
    for input in inputs::streams()
        .iter()
        .filter(|input| input.chunk_bytes >= 1_000)
    {
        let ratios = decode::race_of(c, input, rounds);
        report.figure(input.name, "times as fast as Rust", &ratios, DECODE_MARK)?;
    }
    report.verdict(arguments.quick)
}

/// `steps` are how many calls there are in one of `CALLS`.
fn call(
    report: &mut Report,
    name: &str,
    steps: u32,
    rounds: usize,
    mut pair: Pair,
) -> io::Result<()> {
    race(&mut pair, rounds);
    let per_call = f64::from(CALLS * steps);
    for racer in &pair {
        let each: Vec<f64> = racer.times_ns.iter().map(|ns| ns / per_call).collect();
        report.figure(&format!("{name}: {}", racer.name), "ns", &each, Mark::None)?;
    }
    let [rust, c] = &pair;
    let rounds = rust.times_ns.iter().zip(&c.times_ns);
    let more: Vec<f64> = rounds.map(|(rust, c)| (c - rust) / per_call).collect();
    report.figure(&format!("{name}: more in C"), "ns", &more, CALL_MARK)
}

fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(run());
    start.elapsed()
}

/// A struct with its size set and all else zero, as `TIDINGS_INIT` makes it.
fn init<T: Copy>() -> T {
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: the structs of the ABI begin with their size, and are valid when all else is zero.
    unsafe {
        value
            .as_mut_ptr()
            .cast::<u32>()
            .write(size_of::<T>() as u32);
        value.assume_init()
    }
}

fn ok(status: tidings_status) {
    assert_eq!(status, tidings_status::TIDINGS_OK);
}
