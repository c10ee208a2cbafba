//! A hub does what the model says, whatever happens to it.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
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
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&number("SEED").unwrap_or(1).to_le_bytes());
    let cases = number("CASES").map_or(cases, |cases| cases as u32);
    let config = Config {
        cases,
        failure_persistence: None,
        max_shrink_iters: 0,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
}

fn case(len: std::ops::Range<usize>) -> impl Strategy<Value = Case> {
    (setup(), operations(len)).prop_map(|(setup, operations)| Case { setup, operations })
}

/// Plays cases until one fails, which is made smaller here: there is no end to what a strategy
/// tries.
fn check(cases: u32, len: std::ops::Range<usize>) {
    let outcome = runner(cases).run(&case(len), |case| {
        let played = play(&case);
        played.map_err(|fault| TestCaseError::fail(fault.to_string()))?;
        Ok(())
    });
    match outcome {
        Ok(()) => {}
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
    check(3000, 1..30);
}
