//! Whatever happens in a world, each reader has heard everything, or of the gap.

use tidings_fuzz::world::run;

/// A number from the environment.
fn number(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn readers_hear_everything_or_of_the_gap() {
    let steps = number("STEPS", 1_500);
    let (first, last) = match std::env::var("SEED") {
        Ok(_) => (number("SEED", 1), number("SEED", 1)),
        Err(_) => (1, number("WORLDS", 100)),
    };
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
    assert_eq!(run(seed, 800), run(seed, 800));
}
