//! Owns how often a client has tried in vain, and how long it waits before it tries again.
//!
//! It does not know why a connection was lost, nor what time it is.

use super::options::ClientOptions;
use crate::backoff::Backoff;

#[derive(Clone, Debug)]
pub(super) struct Ladder {
    backoff: Backoff,
    attempts: u32,
}

impl Ladder {
    pub(super) const fn new(options: &ClientOptions) -> Self {
        let mut backoff = Backoff::new(options.seed);
        backoff.most_ms = options.max_delay_ms;
        backoff.least_ms = options.min_delay_ms;
        Ladder {
            backoff,
            attempts: 0,
        }
    }

    /// An attempt has come to something: the next delay is the first again.
    pub(super) const fn settle(&mut self) {
        self.backoff.settle();
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
    pub(super) fn delay_ms(&mut self, retry_ms: u64) -> u64 {
        self.backoff.first_ms = retry_ms;
        self.backoff.next_ms()
    }
}
