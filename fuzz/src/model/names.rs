//! What is wrong with a name, by looking at it.
//!
//! It does not know the limit on length: no name of the universe is long.

use tidings_core::NameError;

/// What is wrong with something to publish to.
pub(super) fn topic_flaw(name: &str) -> Option<NameError> {
    text_flaw(name).or(name.contains('*').then_some(NameError::StarInName))
}

/// What is wrong with something to subscribe to.
pub(super) fn pattern_flaw(name: &str) -> Option<NameError> {
    let segments: Vec<_> = name.split('/').collect();
    let misplaced = segments.iter().enumerate().any(|(place, segment)| {
        let last = place + 1 == segments.len();
        segment.contains('*') && *segment != "*" && !(*segment == "**" && last)
    });
    text_flaw(name).or(misplaced.then_some(NameError::MisplacedStar))
}

fn text_flaw(name: &str) -> Option<NameError> {
    if name.is_empty() {
        return Some(NameError::Empty);
    }
    name.contains(char::is_control)
        .then_some(NameError::ControlCharacter)
}
