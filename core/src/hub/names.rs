//! What may be a topic name or a pattern, and when the one matches the other.
//!
//! It knows only text. `patterns` finds the patterns of a topic among many.

use core::fmt;

/// Why a text is not a topic name, or not a pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NameError {
    /// The text is empty.
    Empty,
    /// The text is longer than the limit, in bytes.
    TooLong {
        /// `HubOptions::name_bytes`.
        limit: usize,
    },
    /// The text has a control character, such as a line break.
    ControlCharacter,
    /// A name has a `*`, which only patterns may have.
    StarInName,
    /// A pattern has `*` beside other text in a segment, or `**` before the last segment.
    MisplacedStar,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the name is empty"),
            Self::TooLong { limit } => write!(f, "the name is longer than {limit} bytes"),
            Self::ControlCharacter => f.write_str("the name has a control character"),
            Self::StarInName => {
                f.write_str("`*` is for patterns; a name to publish to must not have it")
            }
            Self::MisplacedStar => f.write_str(
                "in a pattern `*` stands alone for one segment and `**` for all that follow, last",
            ),
        }
    }
}

impl core::error::Error for NameError {}

/// Whether a text to subscribe to is a pattern rather than one name.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains('*')
}

pub(crate) fn check_text(text: &str, limit: usize) -> Result<(), NameError> {
    if text.is_empty() {
        Err(NameError::Empty)
    } else if text.len() > limit {
        Err(NameError::TooLong { limit })
    } else if text.chars().any(char::is_control) {
        Err(NameError::ControlCharacter)
    } else {
        Ok(())
    }
}

/// Checks a name that can be published to.
pub(crate) fn check_name(name: &str, limit: usize) -> Result<(), NameError> {
    check_text(name, limit)?;
    if is_pattern(name) {
        Err(NameError::StarInName)
    } else {
        Ok(())
    }
}

/// Checks what can be subscribed to or granted: a name or a pattern.
pub(crate) fn check_pattern(pattern: &str, limit: usize) -> Result<(), NameError> {
    check_text(pattern, limit)?;
    let mut segments = pattern.split('/').peekable();
    while let Some(segment) = segments.next() {
        let fits = match segment {
            "*" => true,
            "**" => segments.peek().is_none(),
            other => !is_pattern(other),
        };
        if !fits {
            return Err(NameError::MisplacedStar);
        }
    }
    Ok(())
}

/// Whether `pattern` matches the topic `name`, or all that the pattern `name` does.
///
/// Both are split at `/`. `*` matches one segment, `**` (last) one or more; everything else matches
/// itself. `**` alone matches every name, and a pattern without stars only its own.
///
/// ```
/// use tidings_core::pattern_matches;
///
/// assert!(pattern_matches("rooms/*/messages", "rooms/7/messages"));
/// assert!(pattern_matches("rooms/**", "rooms/7/messages"));
/// assert!(!pattern_matches("rooms/**", "rooms"));
/// assert!(!pattern_matches("rooms/*", "rooms/7/messages"));
/// ```
///
/// Asked about another pattern, it says whether it matches every topic that the other one does:
/// what may be subscribed to by those who may read this much.
///
/// ```
/// use tidings_core::pattern_matches;
///
/// assert!(pattern_matches("rooms/**", "rooms/*/messages"));
/// assert!(!pattern_matches("rooms/*", "rooms/**"));
/// ```
#[must_use]
pub fn pattern_matches(pattern: &str, name: &str) -> bool {
    let mut name = name.split('/');
    for segment in pattern.split('/') {
        match (segment, name.next()) {
            ("**", Some(_)) => return true,
            ("*", Some("**")) => return false,
            ("*", Some(_)) => {}
            (literal, Some(part)) if literal == part => {}
            _ => return false,
        }
    }
    name.next().is_none()
}
