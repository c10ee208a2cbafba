//! The clock and the timer that whoever polls a driver passes in.
//!
//! It does not know what they are for, nor any executor.

/// The time of a hub, and a way to wait for a moment of it, as some executor can.
///
/// A pair of closures is a timer: one that says what time it is, and one that waits.
///
/// ```
/// use std::time::{Duration, Instant};
/// use tidings_core::adapters::Timer;
///
/// fn on_smol() -> impl Timer {
///     let zero = Instant::now();
///     let now_ms = move || zero.elapsed().as_millis() as u64;
///     let sleep_until = move |at_ms| smol::Timer::at(zero + Duration::from_millis(at_ms));
///     (now_ms, sleep_until)
/// }
///
/// fn on_tokio() -> impl Timer {
///     let zero = tokio::time::Instant::now();
///     let now_ms = move || zero.elapsed().as_millis() as u64;
///     let sleep_until = move |at_ms| tokio::time::sleep_until(zero + Duration::from_millis(at_ms));
///     (now_ms, sleep_until)
/// }
/// # assert!(on_smol().now_ms() < 1_000 && on_tokio().now_ms() < 1_000);
/// ```
pub trait Timer {
    /// Ready when a moment has come. What it yields does not matter.
    type Sleep: Future;

    /// Milliseconds from any start; they never go back.
    fn now_ms(&self) -> u64;

    /// Waits until it is `at_ms`. A driver has one of these at a time, and drops it when another
    /// moment comes first. One that is ready too early does no harm: the driver asks again.
    fn sleep_until(&self, at_ms: u64) -> Self::Sleep;

    /// The wall clock: Unix time in milliseconds, which token expiry goes by. `None`, the default,
    /// leaves it at [`HubOptions::unix_ms_at_zero`](crate::HubOptions::unix_ms_at_zero).
    fn unix_ms(&self) -> Option<u64> {
        None
    }
}

impl<N, S, F> Timer for (N, S)
where
    N: Fn() -> u64,
    S: Fn(u64) -> F,
    F: Future,
{
    type Sleep = F;

    fn now_ms(&self) -> u64 {
        (self.0)()
    }

    fn sleep_until(&self, at_ms: u64) -> F {
        (self.1)(at_ms)
    }
}
