//! Waiting for conditions, with an end to it.
//!
//! It does not know what is waited for.

use smol::Timer;
use smol::future::or;
use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long anything may take on a machine with much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Looks again and again until there is something, and hands it out.
///
/// # Panics
/// After [`PATIENCE`], with what was seen last.
pub(crate) fn eventually<T, E: Display>(what: &str, look: impl FnMut() -> Result<T, E>) -> T {
    within(PATIENCE, what, look)
}

/// Waits for a future, but not for ever.
pub(crate) async fn patiently<T>(future: impl Future<Output = T>) -> T {
    let late = async {
        Timer::after(PATIENCE).await;
        panic!("it does not come to an end")
    };
    or(future, late).await
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    smol::block_on(patiently(future))
}

/// As [`eventually`], where a longer wait would not be what is promised.
pub(crate) fn within<T, E: Display>(
    limit: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<T, E>,
) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if start.elapsed() > limit => {
                panic!("not within {limit:?}: {what}; seen last: {seen}")
            }
            Err(_) => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}
