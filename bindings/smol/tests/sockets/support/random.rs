//! Chance that can be repeated: the seed is printed, and `TIDINGS_TEST_SEED` sets it.
//!
//! It does not know what is chosen.

use std::hash::{BuildHasher as _, RandomState};

pub(crate) struct Random(u64);

impl Random {
    /// Prints the seed, which is seen when the test fails.
    pub(crate) fn new() -> Self {
        let given = std::env::var("TIDINGS_TEST_SEED").ok();
        let seed = given.map_or_else(
            || RandomState::new().hash_one(0),
            |seed| seed.parse().expect("TIDINGS_TEST_SEED is a number"),
        );
        println!("TIDINGS_TEST_SEED={seed}");
        Self(seed)
    }

    /// Another sequence, which depends on the same seed.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// One of these.
    pub(crate) fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    pub(crate) fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
