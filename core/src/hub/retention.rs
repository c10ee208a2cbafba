//! How much a class keeps, and what has to go before more can come in.
//!
//! It knows counts and bytes; the logs know what they stand for.

use super::options::ClassOptions;

pub(crate) struct Retention {
    events: usize,
    bytes: usize,
    records: usize,
    age_ms: Option<u64>,
}

/// What a log holds.
#[derive(Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Events that have a frame.
    pub(crate) events: usize,
    pub(crate) frame_bytes: usize,
    /// Index records of these.
    pub(crate) record_bytes: usize,
    /// Index records whose frame is gone.
    pub(crate) trimmed: usize,
    pub(crate) trimmed_bytes: usize,
}

/// What one event costs.
#[derive(Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) frame_bytes: usize,
    pub(crate) record_bytes: usize,
}

/// What has to go: so many frames, then so many records without a frame, each the oldest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Trim {
    pub(crate) frames: usize,
    pub(crate) records: usize,
}

impl Usage {
    pub(crate) fn bytes(&self) -> usize {
        self.frame_bytes + self.record_bytes + self.trimmed_bytes
    }

    pub(crate) fn records(&self) -> usize {
        self.events + self.trimmed
    }

    pub(crate) fn add(&mut self, cost: Cost) {
        self.events += 1;
        self.frame_bytes += cost.frame_bytes;
        self.record_bytes += cost.record_bytes;
    }

    pub(crate) fn remove(&mut self, cost: Cost) {
        self.events -= 1;
        self.frame_bytes -= cost.frame_bytes;
        self.record_bytes -= cost.record_bytes;
    }

    /// A frame goes, its record stays.
    pub(crate) fn trim(&mut self, cost: Cost) {
        self.remove(cost);
        self.trimmed += 1;
        self.trimmed_bytes += cost.record_bytes;
    }

    pub(crate) fn drop_record(&mut self, record_bytes: usize) {
        self.trimmed -= 1;
        self.trimmed_bytes -= record_bytes;
    }
}

impl Retention {
    pub(crate) fn new(options: &ClassOptions) -> Self {
        Self {
            events: options.events,
            bytes: options.bytes,
            records: options.record_limit(),
            age_ms: options.age_ms,
        }
    }

    /// What has to go so that `usage`, which already counts what comes in, is within the limits,
    /// and the oldest `aged` frames are gone; `None` where even without all that is there it is
    /// not. Costs are given from the oldest: those of `trimmed` records, and those of `kept` events.
    pub(crate) fn trim_for(
        &self,
        aged: usize,
        mut usage: Usage,
        trimmed: impl Iterator<Item = usize>,
        kept: impl Iterator<Item = Cost> + Clone,
    ) -> Option<Trim> {
        let mut trim = Trim::default();
        let mut records = trimmed.chain(kept.clone().map(|cost| cost.record_bytes));
        let mut frames = kept;
        loop {
            // Records only count what was missed: they never take more than a quarter.
            while usage.trimmed > 0
                && (usage.records() > self.records || usage.trimmed_bytes > self.bytes / 4)
            {
                usage.drop_record(records.next()?);
                trim.records += 1;
            }
            let fits = usage.events <= self.events && usage.bytes() <= self.bytes;
            if fits && trim.frames >= aged {
                return Some(trim);
            }
            usage.trim(frames.next()?);
            trim.frames += 1;
        }
    }

    /// Whether what came in at `time_ms` is older than the class keeps it.
    pub(crate) fn is_aged(&self, time_ms: u64, now: u64) -> bool {
        self.ages_at(time_ms).is_some_and(|ages_at| ages_at <= now)
    }

    /// When what came in at `time_ms` becomes too old.
    pub(crate) fn ages_at(&self, time_ms: u64) -> Option<u64> {
        Some(time_ms.saturating_add(self.age_ms?))
    }
}
