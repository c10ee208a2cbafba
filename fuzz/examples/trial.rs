//! Puts the core on trial: says which checks catch it, and how soon. `make faults` does so to cores
//! with deliberate faults.
//!
//! It does not know the faults. With `first` it tries more, and stops at the first check that
//! catches it.

use std::fs;
use std::panic;
use std::path::Path;
use std::process::ExitCode;
use tidings_fuzz::play::{Case, play};
use tidings_fuzz::targets::{client, decode, roundtrip};
use tidings_fuzz::verdict::caught;
use tidings_fuzz::world::story::Story;
use tidings_fuzz::world::tell;

/// One way to catch a core.
struct Check {
    name: &'static str,
    /// How many cases are tried at first, and how many when nothing was caught.
    cases: [u64; 2],
    /// What is wrong in the case of this number: the step, where it has steps, and a sentence.
    run: fn(u64) -> Option<(Option<usize>, String)>,
}

const CHECKS: [Check; 5] = [
    Check {
        name: "model",
        cases: [400, 6_000],
        run: |number| {
            let fault = play(&Case::of_seed(number, 80)).err()?;
            Some((Some(fault.step + 1), fault.to_string()))
        },
    },
    Check {
        name: "world",
        cases: [60, 1_000],
        run: |number| {
            let fault = tell(&Story::of_seed(number, 250)).err()?;
            Some((Some(fault.step + 1), fault.to_string()))
        },
    },
    Check {
        name: "client",
        cases: [1_500, 60_000],
        run: |number| law(client::check(&input("client", number))),
    },
    Check {
        name: "decoder",
        cases: [800, 40_000],
        run: |number| law(caught(|| decode::check(&input("decode", number)))),
    },
    Check {
        name: "round trip",
        cases: [800, 40_000],
        run: |number| law(caught(|| roundtrip::check(&input("roundtrip", number)))),
    },
];

fn law(outcome: Result<(), String>) -> Option<(Option<usize>, String)> {
    outcome.err().map(|sentence| (None, sentence))
}

/// Numbers out of a number: SplitMix64 (Steele, Lea, Flood, 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, len: usize) -> usize {
        (self.roll() % len.max(1) as u64) as usize
    }
}

/// What streams are made of.
const WORDS: [&[u8]; 24] = [
    b"data: x",
    b"data",
    b"data:",
    b"data:  y",
    b"id: 1",
    b"id",
    b"id: a\0b",
    b"event: note",
    b"event:",
    b"retry: 30",
    b"retry: 3x",
    b"retry: ",
    b": a comment",
    b":",
    b"\n",
    b"\r\n",
    b"\r",
    b"\n\n",
    b"\r\n\r\n",
    b"\r\r",
    b"\xef\xbb\xbf",
    b" ",
    b"field: z",
    b"\xff",
];

/// The input of a number: one of the committed corpus with a few bytes changed, or words.
fn input(target: &str, number: u64) -> Vec<u8> {
    let mut dice = Dice(number);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    let mut paths: Vec<_> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    if let Some(path) = paths.get(number as usize) {
        return fs::read(path).unwrap_or_default();
    }
    if paths.is_empty() || target == "decode" && dice.below(2) == 0 {
        let mut bytes: Vec<u8> = (0..7).map(|_| dice.roll() as u8).collect();
        // Mostly the usual limits: all of the stream is read.
        bytes[1] *= u8::from(dice.below(4) == 0);
        for _ in 0..dice.below(8).saturating_sub(5) {
            bytes.extend_from_slice(b"\xef\xbb\xbf");
        }
        for _ in 0..dice.below(24) {
            bytes.extend_from_slice(WORDS[dice.below(WORDS.len())]);
        }
        return bytes;
    }
    let mut bytes = fs::read(&paths[dice.below(paths.len())]).unwrap_or_default();
    for _ in 0..=dice.below(4) {
        let place = dice.below(bytes.len() + 1);
        match dice.below(3) {
            0 => bytes.insert(place, dice.roll() as u8),
            1 if place < bytes.len() => bytes[place] = dice.roll() as u8,
            _ => drop(bytes.splice(place..place, WORDS[dice.below(WORDS.len())].to_vec())),
        }
    }
    bytes
}

fn main() -> ExitCode {
    panic::set_hook(Box::new(|_| {}));
    let first = std::env::args().any(|arg| arg == "first");
    let mut any = false;
    let mut checks = CHECKS;
    if first {
        // Those that are soon done begin.
        checks.reverse();
    }
    for check in checks {
        let cases = check.cases[usize::from(first)];
        let found = (1..=cases).find_map(|number| Some((number, (check.run)(number)?)));
        let Some((number, (step, sentence))) = found else {
            println!("held {} {cases}", check.name);
            continue;
        };
        any = true;
        let step = step.map_or(String::new(), |step| format!(", step {step}"));
        println!(
            "caught {} | {number}{step} | {}",
            check.name,
            sentence.replace('\n', " ")
        );
        if first {
            break;
        }
    }
    ExitCode::from(u8::from(any))
}
