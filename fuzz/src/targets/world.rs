//! Whatever happens in a world, each reader has heard everything, or of the gap.
//!
//! It does not know what happens: the bytes are the seed, and the number of steps.

use crate::verdict::Verdict;
use crate::world::run;
use arbitrary::{Arbitrary, Unstructured};

#[derive(Arbitrary, Debug)]
struct Input {
    steps: u8,
    seed: u64,
}

/// Runs the world of these bytes.
///
/// # Errors
/// The first thing that should not be, and when.
pub fn check(bytes: &[u8]) -> Verdict {
    let Ok(input) = Input::arbitrary(&mut Unstructured::new(bytes)) else {
        return Ok(());
    };
    run(input.seed, u64::from(input.steps) * 2).map(|_| ())
}
