//! The name of one open stream: a generational number that is never mistaken for another.
//!
//! It knows nothing of what a connection is; the slab in `connections` gives the numbers out.

use core::fmt;
use core::str::FromStr;

const INDEX_BITS: u32 = 24;
const GENERATION_BITS: u32 = 32;

/// The most connections one hub can hold at a time: 2^24.
pub(crate) const MAX_CONNECTIONS: usize = 1 << INDEX_BITS;

/// Names one open stream of one hub.
///
/// The number holds the shard (8 bits, on top), a generation (32 bits) and a slot (24 bits). A slot is
/// used again until it has no generation left; the number never is, and it is never 0. Knowing one
/// gives no right.
///
/// In text (JSON, JavaScript, logs) it is written in hexadecimal, always as a string: a JavaScript
/// number cannot hold it.
///
/// ```
/// use tidings_core::ConnectionId;
///
/// let id = ConnectionId::from_u64(0x0200_0000_0700_0001);
/// assert_eq!(id.shard(), 2);
/// assert_eq!(id.to_string(), "200000007000001");
/// assert_eq!("200000007000001".parse(), Ok(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

impl ConnectionId {
    pub(crate) fn new(shard: u8, generation: u32, index: u32) -> Self {
        debug_assert!((index as usize) < MAX_CONNECTIONS);
        Self(
            u64::from(shard) << (INDEX_BITS + GENERATION_BITS)
                | u64::from(generation) << INDEX_BITS
                | u64::from(index),
        )
    }

    /// The id with this number, for hosts that carry ids as numbers.
    #[must_use]
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The number of this id.
    #[must_use]
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// The hub, among several in one process, that holds the connection.
    #[must_use]
    pub const fn shard(self) -> u8 {
        (self.0 >> (INDEX_BITS + GENERATION_BITS)) as u8
    }

    /// The slot of the connection: small, dense, and used again once the connection is closed. A
    /// driver may use it to index a table of sockets, beside the whole id for a check.
    #[must_use]
    pub const fn index(self) -> u32 {
        (self.0 & ((1 << INDEX_BITS) - 1)) as u32
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}", self.0)
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionId({self})")
    }
}

/// A text that is no connection id: not 1 to 16 lower-case hexadecimal digits without leading zeros.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionIdError;

impl fmt::Display for ConnectionIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a connection id: use the text that `connected` or the publish API gave")
    }
}

impl core::error::Error for ConnectionIdError {}

impl FromStr for ConnectionId {
    type Err = ConnectionIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_hex(text).map(Self).ok_or(ConnectionIdError)
    }
}

/// Reads what `{:x}` writes and nothing else, so that one number has one text.
pub(crate) fn parse_hex(text: &str) -> Option<u64> {
    let canonical = text
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && (text == "0" || !text.starts_with('0'));
    if canonical {
        u64::from_str_radix(text, 16).ok()
    } else {
        None
    }
}
