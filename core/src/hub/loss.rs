//! How far back records are gone that can be counted no more, and when the last of them went.
//!
//! It does not know whose they were: the hub, each lane and those of forgotten names keep one.

/// What a hub or a lane has lost.
///
/// Classes keep their records for different times, so numbers are not lost in their order: a reader
/// that was told of a loss up to some number may meet a later loss before it.
#[derive(Clone, Copy)]
pub(crate) struct Loss {
    /// The greatest number that was lost; 0 for none.
    through: u64,
    /// How many losses the hub had had when the last of these came, itself included.
    count: u64,
}

impl Loss {
    pub(crate) const NONE: Self = Self {
        through: 0,
        count: 0,
    };

    /// One more record of the hub is lost. That alone, for the lanes it stood in.
    pub(crate) fn add(&mut self, sequence: u64) -> Self {
        self.count += 1;
        self.through = self.through.max(sequence);
        Self {
            through: sequence,
            count: self.count,
        }
    }

    /// What was lost there was lost here too.
    pub(crate) fn merge(&mut self, other: Self) {
        self.through = self.through.max(other.through);
        self.count = self.count.max(other.count);
    }

    pub(crate) const fn is_none(self) -> bool {
        self.count == 0
    }

    pub(crate) const fn count(self) -> u64 {
        self.count
    }

    /// Whether a number from `from` on may have been lost, other than by the first `told` losses.
    pub(crate) const fn concerns(self, from: u64, told: u64) -> bool {
        self.through >= from && self.count > told
    }
}

impl Default for Loss {
    fn default() -> Self {
        Self::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_before_another_that_was_told_is_news() {
        let (mut hub, mut lane) = (Loss::NONE, Loss::NONE);
        hub.add(7);
        let told = hub.count();
        assert!(!hub.concerns(1, told));
        lane.merge(hub.add(3));
        assert!(hub.concerns(1, told) && lane.concerns(3, told));
        assert!(!lane.concerns(4, told) && !lane.concerns(1, hub.count()));
    }
}
