//! Owns how often a client has tried in vain, and how long it waits before it tries again.
//!
//! It does not know why a connection was lost, nor what time it is.

use super::options::ClientOptions;
use crate::random::Random;

#[derive(Clone, Debug)]
pub(super) struct Ladder {
    random: Random,
    doublings: u32,
    attempts: u32,
}

impl Ladder {
    pub(super) const fn new(seed: u64) -> Self {
        Ladder {
            random: Random::new(seed),
            doublings: 0,
            attempts: 0,
        }
    }

    /// An attempt has come to something: the next delay is the first again.
    pub(super) const fn settle(&mut self) {
        self.doublings = 0;
        self.attempts = 0;
    }

    /// An attempt is made.
    pub(super) const fn attempt(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
    }

    /// How many attempts in a row have come to nothing.
    pub(super) const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The next delay, where the first is to be `retry_ms`.
    pub(super) fn delay_ms(&mut self, retry_ms: u64, options: &ClientOptions) -> u64 {
        // Zero would stay zero however often it is doubled.
        let first = retry_ms.max(options.min_delay_ms);
        let factor = 1_u64.checked_shl(self.doublings).unwrap_or(u64::MAX);
        let most = first.max(options.max_delay_ms);
        let middle = first.saturating_mul(factor).min(most);
        self.doublings = self.doublings.saturating_add(1);
        let fifth = middle / 5;
        let jitter = self.random.below(2 * fifth + 1);
        (middle - fifth)
            .saturating_add(jitter)
            .max(options.min_delay_ms)
    }
}
