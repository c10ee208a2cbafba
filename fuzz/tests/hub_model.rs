//! A hub does what the model says, whatever happens to it.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use tidings_fuzz::minimize::minimize;
use tidings_fuzz::ops::strategies::operations;
use tidings_fuzz::play::{Case, play};
use tidings_fuzz::setup::setup;

/// A runner with a seed of its own: the same cases each time, others with `SEED=`, more with
/// `CASES=`.
fn runner(cases: u32) -> TestRunner {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let mut seed = [7; 16];
    seed[..8].copy_from_slice(&number("SEED").unwrap_or(1).to_le_bytes());
    let cases = number("CASES").map_or(cases, |cases| cases as u32);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::XorShift, &seed))
}

fn case(len: Range<usize>) -> impl Strategy<Value = Case> {
    (setup(), operations(len)).prop_map(|(setup, operations)| Case { setup, operations })
}

/// Plays cases until one fails, which is made smaller here: there is no end to what a strategy
/// tries. What they reached.
fn check(cases: u32, len: Range<usize>) -> BTreeMap<&'static str, usize> {
    let reached = RefCell::new(BTreeMap::new());
    let outcome = runner(cases).run(&case(len), |case| {
        let played = play(&case).map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        for (what, times) in played.reached {
            *reached.borrow_mut().entry(what).or_default() += times;
        }
        Ok(())
    });
    match outcome {
        Ok(()) => reached.into_inner(),
        Err(TestError::Fail(_, case)) => {
            let (case, fault) = minimize(case);
            let fault = fault.expect("a case fails each time or never");
            panic!("{fault}\n{case:?}");
        }
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn short_cases() {
    let reached = check(2000, 1..80);
    println!("{reached:#?}");
}
