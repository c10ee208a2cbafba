//! Ordered sets and maps of numbers: of slots, by when something is due, and the like.
//!
//! It does not know what the numbers mean. Many orders have one type, since the code of an ordered set or
//! map is large, and stands in a library once for each type.

use alloc::collections::{BTreeMap, BTreeSet};

/// By number, then slot, then what tells several of one slot apart.
pub(crate) type Order = BTreeSet<(u64, u32, u8)>;

/// A number for each of some numbers.
pub(crate) type Numbers = BTreeMap<u64, u64>;
