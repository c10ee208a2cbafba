//! A hub does what the model says, whatever happens to it.

use arbitrary::{Arbitrary, Unstructured};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use tidings_fuzz::minimize::minimize;
use tidings_fuzz::ops::strategies::operations;
use tidings_fuzz::play::{Case, judge, play};
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
    let seed = number("SEED", 1);
    println!(
        "SEED={seed} CASES={} STEPS={}",
        number("CASES", cases),
        number("STEPS", steps)
    );
    let reached = RefCell::new(BTreeMap::new());
    let tried = Cell::new(0);
    let outcome = runner(cases).run(&case(steps), |case| {
        tried.set(tried.get() + 1);
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
            panic!("case {}, {fault} (SEED={seed})\n{case:?}", tried.get());
        }
        Err(error) => panic!("{error}"),
    }
}

/// What cases must reach, so that nothing is held true only because it never comes about.
const EVERYTHING: [&str; 62] = [
    "a message",
    "a publish that was known",
    "a replay that is over its limit",
    "a value after its eviction",
    "a value as a message",
    "a value evicted",
    "a value replaced",
    "an event behind many for others",
    "an event for a connection that is gone",
    "an event too old",
    "an event trimmed",
    "an event trimmed for a message",
    "an event trimmed while a reader is in the middle of it",
    "an offer that stops before the end",
    "batch_too_large",
    "bye",
    "closed by the application",
    "closed for idleness",
    "closed for its age",
    "closed for its lag",
    "connected",
    "cut by a drain",
    "cut for its rest",
    "drained",
    "draining",
    "event",
    "expired",
    "expired in the middle of a frame",
    "full",
    "gap",
    "gap of unknown size",
    "gone",
    "heartbeat",
    "invalid_grant",
    "invalid_tab",
    "invalid_topic",
    "last events before a bye",
    "part of a bye",
    "part of a gap",
    "part of a message",
    "part of a preamble",
    "part of a rest",
    "part of a value",
    "part of an event",
    "part of connected",
    "preamble",
    "preamble_too_long",
    "reauth",
    "records dropped",
    "replaced",
    "rest",
    "stalled",
    "stay_away",
    "superseded",
    "too_many_connections",
    "too_many_grants",
    "too_many_topics",
    "too_many_user_connections",
    "value",
    "part of a heartbeat",
    "part of reauth",
    "superseded_too_soon",
];

#[test]
fn a_hub_does_what_the_model_says() {
    let reached = check(1_500, 80);
    if std::env::var("SEED").is_err() && std::env::var("CASES").is_err() {
        let missing = EVERYTHING
            .iter()
            .filter(|what| !reached.contains_key(*what));
        let missing: Vec<_> = missing.collect();
        assert!(missing.is_empty(), "no case reaches {missing:?}");
    }
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

#[test]
fn cases_out_of_bytes_are_as_good_as_others() {
    let mut random = TestRng::from_seed(RngAlgorithm::XorShift, &[9; 16]);
    let mut reached = BTreeMap::new();
    for _ in 0..250 {
        let mut bytes = [0; 1_200];
        random.fill_bytes(&mut bytes);
        let case = Case::arbitrary(&mut Unstructured::new(&bytes)).expect("bytes enough");
        match judge(case) {
            Ok(played) => reached.extend(played.reached),
            Err(fault) => panic!("{fault}"),
        }
    }
    let missing = EVERYTHING
        .iter()
        .filter(|what| !reached.contains_key(*what));
    assert!(
        missing.clone().count() < 20,
        "no case reaches {:?}",
        missing.collect::<Vec<_>>()
    );
}
