//! How long events wait, from the append to the write that takes them.
//!
//! It does not know what is written. It has to cost next to nothing, since it is asked at every
//! write: counters that only one thread writes to, and a memo of the last answer.

use std::collections::VecDeque;
use std::ops::Add;
use std::sync::atomic::{AtomicU64, Ordering};

/// Appends that are remembered, each 16 bytes. When there are more, those are forgotten of which an
/// older one tells almost the same.
const APPENDS: usize = 1_024;

/// How exactly a time is remembered: to this part of how long ago it was. It leaves less than half of
/// the places taken, be it for a day.
const EXACTNESS: u64 = 8;

/// How long events have waited, from the append to the first write in which they were taken: one
/// observation for each write, of its oldest event. What is replayed to those who come back is not
/// among them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Latency {
    /// How many waited so long: up to the bound of the same place, and above that of the place
    /// before. The last has no bound.
    pub counts: [u64; Self::BOUNDS_US.len() + 1],
    /// The sum of all times, in microseconds.
    pub sum_us: u64,
}

impl Latency {
    /// Bounds in microseconds. A fan-out to a few readers takes as long as the first, and one to very
    /// many, or a slow reader, as long as the last.
    pub const BOUNDS_US: [u64; 16] = [
        100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
        1_000_000, 2_500_000, 5_000_000, 10_000_000,
    ];
}

impl Add for Latency {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        for (sum, more) in self.counts.iter_mut().zip(other.counts) {
            *sum += more;
        }
        self.sum_us += other.sum_us;
        self
    }
}

/// The counters behind [`Latency`], which one thread writes to and all may read.
#[derive(Default)]
pub(crate) struct Counts {
    counts: [AtomicU64; Latency::BOUNDS_US.len() + 1],
    sum_us: AtomicU64,
}

impl Counts {
    fn observe(&self, us: u64) {
        let place = Latency::BOUNDS_US.partition_point(|bound| *bound < us);
        add(&self.counts[place], 1);
        add(&self.sum_us, us);
    }

    pub(crate) fn read(&self) -> Latency {
        let mut latency = Latency::default();
        for (read, count) in latency.counts.iter_mut().zip(&self.counts) {
            *read = count.load(Ordering::Relaxed);
        }
        latency.sum_us = self.sum_us.load(Ordering::Relaxed);
        latency
    }
}

/// Cheaper than an atomic addition, which is for several writers.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed) + more, Ordering::Relaxed);
}

/// When events were appended, and what time it is.
#[derive(Default)]
pub(crate) struct Delays {
    /// The first number of a batch and its time in microseconds, in order.
    appends: VecDeque<(u64, u64)>,
    now_us: u64,
    /// The number that was asked for last, and its time: most readers stand where the one before
    /// them stood.
    last: (u64, u64),
}

impl Delays {
    /// Events from this number on were appended.
    pub(crate) fn appended(&mut self, first: u64, now_us: u64) {
        if self.appends.len() >= APPENDS {
            self.thin_out(now_us);
        }
        self.appends.push_back((first, now_us));
    }

    /// Forgets what is not needed to know the time of every append to a part of its age: an append that
    /// is forgotten counts as made with the one before it.
    fn thin_out(&mut self, now_us: u64) {
        let Some(&(_, mut kept_us)) = self.appends.front() else {
            return;
        };
        let mut place = 0;
        for next in 1..self.appends.len() {
            let (_, at_us) = self.appends[next];
            let following_us = self.appends.get(next + 1).map_or(now_us, |(_, us)| *us);
            if following_us - kept_us > (now_us - at_us) / EXACTNESS {
                kept_us = at_us;
                place += 1;
                self.appends.swap(place, next);
            }
        }
        self.appends.truncate(place + 1);
    }

    pub(crate) fn set_now(&mut self, now_us: u64) {
        self.now_us = now_us;
    }

    /// A write has taken events, this the oldest of them.
    pub(crate) fn written(&mut self, sequence: u64, counts: &Counts) {
        if self.last.0 != sequence {
            let after = self
                .appends
                .partition_point(|(first, _)| *first <= sequence);
            let Some((_, at_us)) = after.checked_sub(1).map(|place| self.appends[place]) else {
                return;
            };
            self.last = (sequence, at_us);
        }
        counts.observe(self.now_us.saturating_sub(self.last.1));
    }
}

#[cfg(test)]
mod tests {
    use super::{APPENDS, Counts, Delays, Latency};

    #[test]
    fn a_write_counts_the_time_since_its_oldest_event() {
        let (mut delays, counts) = (Delays::default(), Counts::default());
        delays.appended(1, 1_000);
        delays.appended(5, 2_000);
        delays.set_now(2_100);
        // The fourth event came with the first.
        for sequence in [4, 5, 5] {
            delays.written(sequence, &counts);
        }
        let latency = counts.read();
        assert_eq!(latency.counts[..4], [2, 0, 0, 0]);
        assert_eq!(latency.counts[4], 1);
        assert_eq!(latency.sum_us, 1_300);
        let twice = latency + latency;
        assert_eq!((twice.counts[0], twice.sum_us), (4, 2_600));
    }

    #[test]
    fn what_was_appended_long_ago_is_remembered_less_exactly_and_never_as_newer() {
        let (mut delays, counts) = (Delays::default(), Counts::default());
        let (last, every_us) = (300 * APPENDS as u64, 40);
        for number in 1..=last {
            delays.appended(number, every_us * number);
            assert!(delays.appends.len() <= APPENDS);
        }
        delays.set_now(every_us * last);
        for sequence in (1..=last).rev().step_by(97) {
            let before = counts.read();
            delays.written(sequence, &counts);
            let told_us = counts.read().sum_us - before.sum_us;
            let waited_us = every_us * (last - sequence);
            let most_us = waited_us + waited_us / 4 + every_us;
            assert!(told_us >= waited_us, "{sequence} is not newer");
            assert!(told_us <= most_us, "{sequence}: {told_us} of {waited_us}");
        }
    }

    #[test]
    fn there_is_a_place_for_every_time() {
        let counts = Counts::default();
        for us in Latency::BOUNDS_US {
            counts.observe(us);
        }
        counts.observe(u64::from(u32::MAX));
        assert_eq!(counts.read().counts, [1; Latency::BOUNDS_US.len() + 1]);
    }
}
