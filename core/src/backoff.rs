//! How long to wait before trying again: longer each time, and never the same for everyone.
//!
//! It does not know what is tried, nor what time it is.

use crate::random::Random;

/// Delays between attempts: the first, twice that, and so on up to a limit, each by chance up to a
/// fifth shorter or longer, so that those who failed together do not all come back together.
///
/// ```
/// use tidings_core::Backoff;
///
/// let mut backoff = Backoff::new(7);
/// assert!((800..=1_200).contains(&backoff.next_ms()));
/// assert!((1_600..=2_400).contains(&backoff.next_ms()));
/// backoff.settle();
/// assert!((800..=1_200).contains(&backoff.next_ms()));
/// ```
#[derive(Clone, Debug)]
pub struct Backoff {
    random: Random,
    /// The first delay, in milliseconds.
    pub first_ms: u64,
    /// What doubling leads up to, in milliseconds, unless the first is more.
    pub most_ms: u64,
    /// What no delay is shorter than, in milliseconds.
    pub least_ms: u64,
    doublings: u32,
}

impl Backoff {
    /// Delays of 1 s, doubled up to 30 s, none below 100 ms: a server that is back is found soon,
    /// one that is down for long is hardly burdened, and nobody spins.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
            first_ms: 1_000,
            most_ms: 30_000,
            least_ms: 100,
            doublings: 0,
        }
    }

    /// An attempt has come to something: the next delay is the first again.
    pub const fn settle(&mut self) {
        self.doublings = 0;
    }

    /// The delay before the next attempt, in milliseconds.
    #[must_use]
    pub fn next_ms(&mut self) -> u64 {
        // Zero would stay zero however often it is doubled.
        let first = self.first_ms.max(self.least_ms);
        let factor = 1_u64.checked_shl(self.doublings).unwrap_or(u64::MAX);
        let middle = first.saturating_mul(factor).min(first.max(self.most_ms));
        self.doublings = self.doublings.saturating_add(1);
        let fifth = middle / 5;
        let jitter = self.random.below(2 * fifth + 1);
        (middle - fifth).saturating_add(jitter).max(self.least_ms)
    }
}
