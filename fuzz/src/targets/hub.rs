//! A hub does what the model says.
//!
//! It does not know what can happen to one: the strategies of [`ops`](crate::ops) make it up from the
//! seed that the bytes are.

use crate::ops::strategies::operations;
use crate::play::{Case, play};
use crate::setup::setup;
use crate::verdict::Verdict;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// The most that happens in one input.
const STEPS: usize = 80;

/// Plays the case that these bytes make up.
///
/// # Errors
/// The first check that failed, and the case.
pub fn check(bytes: &[u8]) -> Verdict {
    let mut seed = [1; 16];
    for (place, byte) in seed.iter_mut().zip(bytes) {
        *place = *byte;
    }
    let random = TestRng::from_seed(RngAlgorithm::XorShift, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), random);
    let cases = (setup(), operations(1..=STEPS));
    let Ok(tree) = cases.new_tree(&mut runner) else {
        return Ok(());
    };
    let (setup, operations) = tree.current();
    let case = Case { setup, operations };
    match play(&case) {
        Ok(_) => Ok(()),
        Err(fault) => Err(format!("{fault}\n{case:?}")),
    }
}
