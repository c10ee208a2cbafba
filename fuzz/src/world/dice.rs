//! All chance of a world: a small generator of numbers from one seed.
//!
//! It does not know what is decided by it.

use std::hash::{DefaultHasher, Hash, Hasher};

/// SplitMix64 (Steele, Lea, Flood, 2014): one addition and a few shifts for each number.
#[derive(Clone, Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Chance for one thing among many, independent of all others.
    pub(super) fn of(seed: u64, what: &str, number: u64) -> Self {
        let mut hasher = DefaultHasher::new();
        (seed, what, number).hash(&mut hasher);
        Self(hasher.finish())
    }

    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` up to but without `end`.
    pub(super) fn between(&mut self, least: u64, end: u64) -> u64 {
        least + self.roll() % (end - least)
    }

    /// The same, of any other kind of number that holds it.
    pub(super) fn small<N: TryFrom<u64>>(&mut self, least: u64, end: u64) -> Option<N> {
        N::try_from(self.between(least, end)).ok()
    }

    /// A place in a list of so many.
    pub(super) fn below(&mut self, len: usize) -> usize {
        self.between(0, len as u64) as usize
    }

    /// Whether something happens that happens so many times in a hundred.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.between(0, 100) < percent
    }

    pub(super) fn pick<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.below(things.len())]
    }
}
