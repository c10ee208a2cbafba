//! A hub does what the model says, whatever happens to it.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use std::cell::RefCell;
use std::collections::BTreeMap;
use tidings_fuzz::minimize::minimize;
use tidings_fuzz::ops::strategies::operations;
use tidings_fuzz::play::{Case, play};
use tidings_fuzz::setup::setup;

/// A number from the environment.
fn number(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A runner with a seed of its own: the same cases each time, others with `SEED=`, more with
/// `CASES=`.
fn runner(cases: u64) -> TestRunner {
    let mut seed = [7; 16];
    seed[..8].copy_from_slice(&number("SEED", 1).to_le_bytes());
    let config = Config {
        cases: u32::try_from(number("CASES", cases)).unwrap_or(u32::MAX),
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::XorShift, &seed))
}

/// Cases of up to so many operations, or `STEPS=`.
fn case(steps: u64) -> impl Strategy<Value = Case> {
    let steps = number("STEPS", steps) as usize;
    (setup(), operations(1..=steps)).prop_map(|(setup, operations)| Case { setup, operations })
}

/// Plays cases until one fails, which is made smaller here: there is no end to what a strategy
/// tries. What they reached.
fn check(cases: u64, steps: u64) -> BTreeMap<&'static str, usize> {
    let reached = RefCell::new(BTreeMap::new());
    let outcome = runner(cases).run(&case(steps), |case| {
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
    let reached = check(2_000, 80);
    println!("{reached:#?}");
}

#[test]
fn the_same_case_gives_the_same_bytes() {
    let outcome = runner(100).run(&case(60), |case| {
        let (first, second) = (play(&case), play(&case));
        prop_assert_eq!(first.ok(), second.ok());
        Ok(())
    });
    outcome.expect("a hub does the same each time");
}
