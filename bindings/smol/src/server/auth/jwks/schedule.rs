//! When keys are fetched: every so often, sooner after a failure, and when a key is asked for that is
//! not there.
//!
//! It reads no clock, and does not know how keys are fetched. Times are milliseconds that never go
//! back.

use super::Freshness;

/// How often keys are fetched because one is unknown: anyone can make a token with any name of a key.
const LOOK_MS: u64 = 30_000;

/// How soon a fetch that failed is tried again, at first and at last.
const RETRY_MS: u64 = 1_000;
const LONGEST_RETRY_MS: u64 = 30_000;

pub(super) struct Schedule {
    refresh_ms: u64,
    due_ms: u64,
    looked_ms: Option<u64>,
    /// Since the last success.
    failures: u32,
    has_succeeded: bool,
}

impl Schedule {
    pub(super) const fn new(refresh_ms: u64) -> Self {
        Self {
            refresh_ms,
            due_ms: 0,
            looked_ms: None,
            failures: 0,
            has_succeeded: false,
        }
    }

    /// When keys are to be fetched next.
    pub(super) const fn due_ms(&self) -> u64 {
        self.due_ms
    }

    /// Whether keys may be fetched because one is unknown; if so, it counts as done. Before there are
    /// any they are fetched anyway.
    pub(super) fn may_look(&mut self, now: u64) -> bool {
        let is_soon = |looked| now < looked + LOOK_MS;
        let may = self.has_succeeded && !self.looked_ms.is_some_and(is_soon);
        if may {
            self.looked_ms = Some(now);
        }
        may
    }

    /// Keys were fetched, or not; hands out whether that is news.
    pub(super) fn handle_fetched(&mut self, now: u64, is_fine: bool) -> bool {
        let was_fine = self.has_succeeded && self.failures == 0;
        let was_failing = self.failures > 0;
        let wait = if is_fine {
            self.has_succeeded = true;
            self.failures = 0;
            self.refresh_ms
        } else {
            let longer = RETRY_MS << self.failures.min(5);
            self.failures += 1;
            longer.min(LONGEST_RETRY_MS).min(self.refresh_ms)
        };
        self.due_ms = now.saturating_add(wait);
        if is_fine { !was_fine } else { !was_failing }
    }

    /// What can be said of a key that is not there.
    pub(super) const fn freshness(&self) -> Freshness {
        if self.has_succeeded && self.failures == 0 {
            Freshness::Asked
        } else {
            Freshness::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_fetched_at_once_and_then_every_so_often() {
        let mut schedule = Schedule::new(600_000);
        assert_eq!(schedule.due_ms(), 0);
        assert!(schedule.handle_fetched(10, true));
        assert_eq!(schedule.due_ms(), 600_010);
        assert!(!schedule.handle_fetched(600_020, true));
        assert_eq!(schedule.due_ms(), 1_200_020);
    }

    #[test]
    fn what_failed_is_tried_sooner_and_ever_less_often() {
        let mut schedule = Schedule::new(600_000);
        let mut waits = Vec::new();
        for failure in 0..8 {
            // Only the first is news.
            assert_eq!(schedule.handle_fetched(100, false), failure == 0);
            waits.push(schedule.due_ms() - 100);
        }
        let doubling = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000];
        assert_eq!(waits, doubling);
        assert_eq!(schedule.freshness(), Freshness::Unknown);
        assert!(schedule.handle_fetched(100, true));
        assert_eq!(schedule.freshness(), Freshness::Asked);
        assert!(schedule.handle_fetched(100, false));
        assert_eq!(schedule.freshness(), Freshness::Unknown);
        assert_eq!(schedule.due_ms(), 1_100);
    }

    #[test]
    fn for_unknown_keys_they_are_fetched_now_and_then() {
        let mut schedule = Schedule::new(600_000);
        assert!(!schedule.may_look(0), "they are fetched anyway");
        schedule.handle_fetched(0, true);
        let looked: Vec<_> = (5..95_000)
            .step_by(5)
            .filter(|&now| schedule.may_look(now))
            .collect();
        assert_eq!(looked, [5, 30_005, 60_005, 90_005]);
    }

    proptest! {
        /// However often it fails and whatever tokens come, there is an end to the waiting, and
        /// nobody is asked more often than is said.
        #[test]
        fn it_is_never_long_and_never_often(
            refresh_ms in 1_000_u64..1_000_000,
            steps in prop::collection::vec((any::<bool>(), 0_u64..50_000, any::<bool>()), 0..60),
        ) {
            let (mut schedule, mut now, mut looks) = (Schedule::new(refresh_ms), 0, Vec::new());
            for (fine, wait, look) in steps {
                now += wait;
                if look && schedule.may_look(now) {
                    looks.push(now);
                }
                schedule.handle_fetched(now, fine);
                let wait = schedule.due_ms() - now;
                prop_assert!(wait >= RETRY_MS.min(refresh_ms) && wait <= refresh_ms);
                prop_assert!(fine || wait <= LONGEST_RETRY_MS);
            }
            prop_assert!(looks.is_sorted_by(|one, next| one + LOOK_MS <= *next));
        }
    }
}
