//! Worlds and hubs beside their model, for as long as one likes: `make soak`, with `SEED=` to begin
//! at and `STEPS=` to be done in all.
//!
//! One seed is one world and one case of a hub, always the same. What fails is made smaller and
//! printed with its seed.

use std::process::ExitCode;
use std::time::{Duration, Instant};
use tidings_fuzz::play::{self, Case};
use tidings_fuzz::world;

/// Doings of one world, and the most operations of one case.
const DOINGS: u64 = 500;
const OPERATIONS: usize = 120;

/// What is done unless one says otherwise: some minutes.
const STEPS: u64 = 3_000_000;

fn number(name: &str, usual: u64) -> Result<u64, String> {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .map_err(|_| format!("{name}={text} is no number")),
        Err(_) => Ok(usual),
    }
}

fn soak() -> Result<(), String> {
    let (first, most) = (number("SEED", 1)?, number("STEPS", STEPS)?);
    println!("SEED={first} STEPS={most}");
    let (mut done, mut seed) = (0, first);
    let (mut heard, mut gaps) = (0, 0);
    let mut told = Instant::now();
    while done < most {
        let failed = |error: String| format!("{error}\nagain with: make soak SEED={seed} STEPS=1");
        let report = world::run(seed, DOINGS).map_err(failed)?;
        let case = Case::of_seed(seed, OPERATIONS);
        done += DOINGS + case.operations.len() as u64;
        play::judge(case).map_err(failed)?;
        heard += report.heard;
        gaps += report.gaps;
        seed += 1;
        if told.elapsed() > Duration::from_secs(10) {
            println!("{done} steps, seeds up to {}", seed - 1);
            told = Instant::now();
        }
    }
    println!(
        "{done} steps, seeds {first} to {}: {heard} events heard, {gaps} gaps told, nothing wrong",
        seed - 1
    );
    Ok(())
}

fn main() -> ExitCode {
    match soak() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
