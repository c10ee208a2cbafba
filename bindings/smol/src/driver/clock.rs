//! The time of a hub: milliseconds since it was made.
//!
//! It does not know what they are for.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    zero: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self {
            zero: Instant::now(),
        }
    }

    pub(crate) fn now_ms(self) -> u64 {
        milliseconds(self.zero.elapsed())
    }

    /// The same, in microseconds.
    pub(crate) fn now_us(self) -> u64 {
        u64::try_from(self.zero.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// When it will be `ms`.
    pub(crate) fn instant(self, ms: u64) -> Instant {
        // A time that cannot be expressed is as good as never; a day later it is looked at again.
        let in_a_day = || Instant::now() + Duration::from_secs(86_400);
        self.zero
            .checked_add(Duration::from_millis(ms))
            .unwrap_or_else(in_a_day)
    }
}

/// The wall clock: Unix time in milliseconds, as [`StreamOptions::expires_ms`] and tokens take it.
///
/// [`StreamOptions::expires_ms`]: crate::StreamOptions::expires_ms
#[must_use]
pub fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, milliseconds)
}

pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
