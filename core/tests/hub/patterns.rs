//! Which topics a pattern matches, and which patterns lie within another.

use proptest::prelude::*;
use tidings_core::pattern_matches;

/// Segments of names and patterns, few enough that they often meet.
fn segments() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "*"]), 1..4)
}

proptest! {
    /// Whoever may read a pattern gets nothing by another pattern that the first does not match too.
    #[test]
    fn a_pattern_within_another_matches_nothing_more(
        outer in (segments(), any::<bool>()),
        inner in (segments(), any::<bool>()),
        name in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..6),
    ) {
        let pattern = |(segments, rest): (Vec<&str>, bool)| {
            segments.join("/") + if rest { "/**" } else { "" }
        };
        let (outer, inner, name) = (pattern(outer), pattern(inner), name.join("/"));
        if pattern_matches(&outer, &inner) && pattern_matches(&inner, &name) {
            prop_assert!(pattern_matches(&outer, &name), "{name} is in {inner}, not in {outer}");
        }
        prop_assert!(pattern_matches(&outer, &outer) && pattern_matches("**", &outer));
    }
}
