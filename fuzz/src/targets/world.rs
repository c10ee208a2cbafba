//! Whatever happens in a world, each reader has heard everything, or of the gap.
//!
//! It does not know what can happen; [`world`](crate::world) does.

use crate::verdict::Verdict;
use crate::world::judge;
use crate::world::story::Story;
use arbitrary::{Arbitrary, Unstructured};

/// Tells the story that these bytes are.
///
/// # Errors
/// The first thing that should not be, and the smallest story found in which there is one.
pub fn check(bytes: &[u8]) -> Verdict {
    match Story::arbitrary_take_rest(Unstructured::new(bytes)) {
        Ok(story) => judge(story).map(drop),
        Err(_) => Ok(()),
    }
}
