//! Whatever happens in a world, each reader has heard everything, or of the gap.

use arbitrary::{Arbitrary, Unstructured};
use tidings_fuzz::world::story::Story;
use tidings_fuzz::world::{judge, run, tell};

/// A number from the environment.
fn number(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn readers_hear_everything_or_of_the_gap() {
    let steps = number("STEPS", 250);
    let (first, last) = match std::env::var("SEED") {
        Ok(_) => (number("SEED", 1), number("SEED", 1)),
        Err(_) => (1, number("WORLDS", 200)),
    };
    println!("seeds {first} to {last}, {steps} doings each");
    for seed in first..=last {
        match run(seed, steps) {
            Ok(report) => println!("seed {seed}: {report:?}"),
            Err(error) => panic!("{error} (SEED={seed} STEPS={steps})"),
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let seed = number("SEED", 5);
    let told = |seed| tell(&Story::of_seed(seed, 150));
    assert_eq!(told(seed).ok(), told(seed).ok());
    assert_ne!(told(seed).ok(), told(seed + 1).ok());
}

#[test]
fn stories_out_of_bytes_are_as_good_as_others() {
    let mut bytes = Vec::new();
    let mut number: u64 = 7;
    for _ in 0..40 {
        bytes.clear();
        for _ in 0..600 {
            number = number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            bytes.push((number >> 56) as u8);
        }
        let story = Story::arbitrary(&mut Unstructured::new(&bytes)).expect("bytes enough");
        if let Err(fault) = judge(story) {
            panic!("{fault}");
        }
    }
}
