//! Positions in the log, and their text, which is the SSE `id` that clients send back.
//!
//! It does not know the log: whether a position still exists is for `resume` to say.

use super::id::parse_hex;
use core::fmt;
use core::str::FromStr;

/// A position in a hub's log: everything addressed to a reader up to and including `sequence` has
/// been served.
///
/// Its text is `epoch~sequence`, the epoch in hexadecimal. It travels as the `id` of each event and
/// comes back as `Last-Event-ID`. One position has one text: leading zeros, signs and upper case do
/// not parse, so that an application's own event ids are unlikely to look like one.
///
/// A stream opened without a position first gets the current values of `latest` classes; a cursor
/// taken in the middle of these has a third part, the sequence of the last value that was served.
///
/// ```
/// use tidings_core::Cursor;
///
/// let cursor: Cursor = "5f3a9c1b~1042".parse()?;
/// assert_eq!((cursor.epoch, cursor.sequence), (0x5f3a_9c1b, 1042));
/// assert_eq!(cursor.to_string(), "5f3a9c1b~1042");
/// # Ok::<(), tidings_core::CursorError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cursor {
    /// The life of the log: another one after a restart that lost it.
    pub epoch: u64,
    /// The last number served; 0 is before the first event.
    pub sequence: u64,
    /// In the middle of the values that open a stream: the last one served, 0 for none yet.
    pub latest: Option<u64>,
}

impl Cursor {
    /// The position after `sequence`.
    #[must_use]
    pub const fn new(epoch: u64, sequence: u64) -> Self {
        Self {
            epoch,
            sequence,
            latest: None,
        }
    }

    /// How many bytes its text has.
    pub(crate) fn text_len(self) -> usize {
        let decimal_len = |number: u64| number.checked_ilog10().unwrap_or(0) as usize + 1;
        let hex_len = self.epoch.checked_ilog2().unwrap_or(0) as usize / 4 + 1;
        let latest_len = self.latest.map_or(0, |latest| 1 + decimal_len(latest));
        hex_len + 1 + decimal_len(self.sequence) + latest_len
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}~{}", self.epoch, self.sequence)?;
        self.latest.map_or(Ok(()), |latest| write!(f, "~{latest}"))
    }
}

/// A text that is no cursor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CursorError;

impl fmt::Display for CursorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a cursor: use the id of an event, unchanged")
    }
}

impl core::error::Error for CursorError {}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '~');
        let epoch = parts.next().and_then(parse_hex).ok_or(CursorError)?;
        let sequence = parts.next().and_then(parse_decimal).ok_or(CursorError)?;
        let latest = match parts.next() {
            Some(part) => Some(parse_decimal(part).ok_or(CursorError)?),
            None => None,
        };
        Ok(Self {
            epoch,
            sequence,
            latest,
        })
    }
}

fn parse_decimal(text: &str) -> Option<u64> {
    let canonical =
        text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if canonical { text.parse().ok() } else { None }
}
