//! Counts of durations in buckets that are at most 1.6 % wide, so that millions cost nothing.
//!
//! It does not know what took the time.

/// Buckets of each power of two.
const STEPS: u64 = 64;

#[derive(Clone)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self {
            counts: vec![0; bucket(u64::MAX) + 1],
            total: 0,
        }
    }

    pub(crate) fn record(&mut self, nanoseconds: u64) {
        self.counts[bucket(nanoseconds)] += 1;
        self.total += 1;
    }

    /// The time, in milliseconds, that this share of the durations does not exceed.
    pub(crate) fn quantile_ms(&self, share: f64) -> f64 {
        let rank = (share * self.total as f64).ceil().max(1.0) as u64;
        let mut counted = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            counted += count;
            if counted >= rank {
                return upper(bucket) as f64 / 1e6;
            }
        }
        f64::NAN
    }
}

fn bucket(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let shift = value.ilog2() - STEPS.ilog2();
    (u64::from(shift) * STEPS + (value >> shift)) as usize
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < 2 * STEPS {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    let value = u128::from(bucket - shift * STEPS) + 1;
    u64::try_from((value << shift) - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_a_bucket_that_ends_close_above_it() {
        for value in (0..64).flat_map(|shift| [1_u64 << shift, (1 << shift) - 1, 3 << (shift / 2)])
        {
            let end = upper(bucket(value));
            assert!(
                end >= value && end - value <= value / STEPS,
                "{value}: {end}"
            );
        }
        assert_eq!(upper(bucket(u64::MAX)), u64::MAX);
    }

    #[test]
    fn quantiles_count_from_below() {
        let mut histogram = Histogram::new();
        (1..=100).for_each(|value| histogram.record(value * 1_000_000));
        assert!((histogram.quantile_ms(0.5) - 50.0).abs() < 1.0);
        assert!((histogram.quantile_ms(0.99) - 99.0).abs() < 2.0);
    }
}
