//! A hub does what the model says.
//!
//! It does not know what can happen to one; [`play`](crate::play) does.

use crate::play::{Case, judge};
use crate::verdict::Verdict;
use arbitrary::{Arbitrary, Unstructured};

/// Plays the case that these bytes are.
///
/// # Errors
/// The first check that failed, and the smallest case found in which one does.
pub fn check(bytes: &[u8]) -> Verdict {
    match Case::arbitrary_take_rest(Unstructured::new(bytes)) {
        Ok(case) => judge(case).map(drop),
        Err(_) => Ok(()),
    }
}
