//! How a check says what is wrong: in a sentence, handed up to whoever knows the operation.
//!
//! It does not know what is checked. Nothing panics, so that a failing case can be made smaller
//! quietly and the same checks serve any kind of runner.

use std::panic::{self, AssertUnwindSafe};

/// The outcome of a check: what it found, or what is wrong.
pub type Verdict<T = ()> = Result<T, String>;

/// Goes on if the condition holds; else hands up the sentence.
#[macro_export]
macro_rules! ensure {
    ($holds:expr, $($sentence:tt)+) => {
        if !$holds {
            return Err(format!($($sentence)+));
        }
    };
}

/// Goes on if both are equal; else hands up the sentence with both.
#[macro_export]
macro_rules! ensure_eq {
    ($found:expr, $expected:expr, $($sentence:tt)+) => {
        match (&$found, &$expected) {
            (found, expected) => {
                if *found != *expected {
                    let sentence = format!($($sentence)+);
                    return Err(format!("{sentence}: found {found:?}, expected {expected:?}"));
                }
            }
        }
    };
}

/// What comes of it. A panic is wrong, whatever it says.
///
/// # Errors
/// Those of what is done; and a panic.
pub fn caught<T>(does: impl FnOnce() -> Verdict<T>) -> Verdict<T> {
    let outcome = panic::catch_unwind(AssertUnwindSafe(does));
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).into()));
        Err(format!("a panic: {}", text.unwrap_or_default()))
    })
}
