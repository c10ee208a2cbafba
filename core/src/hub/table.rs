//! Names and the records behind them: a slab with an index by key.
//!
//! It does not know when a record may go; `topics`, `users` and `patterns` say so.

use super::slab::Slab;
use alloc::collections::BTreeMap;
use core::borrow::Borrow;
use core::ops::{Bound, Index, IndexMut};

pub(crate) struct Table<K, V> {
    entries: Slab<(K, V)>,
    by_key: BTreeMap<K, u32>,
}

impl<K: Ord + Clone, V> Table<K, V> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Slab::new(),
            by_key: BTreeMap::new(),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(crate) fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Option<u32>
    where
        K: Borrow<Q>,
    {
        self.by_key.get(key).copied()
    }

    /// The numbers of the keys in this range, in their order.
    pub(crate) fn range<Q: Ord + ?Sized>(
        &self,
        keys: (Bound<&Q>, Bound<&Q>),
    ) -> impl Iterator<Item = (&K, u32)>
    where
        K: Borrow<Q>,
    {
        let found = self.by_key.range(keys);
        found.map(|(key, index)| (key, *index))
    }

    pub(crate) fn insert(&mut self, key: K, value: V) -> u32 {
        let index = self.entries.insert((key.clone(), value));
        let previous = self.by_key.insert(key, index);
        debug_assert!(previous.is_none(), "a key is inserted once");
        index
    }

    pub(crate) fn remove(&mut self, index: u32) -> Option<(K, V)> {
        let (key, value) = self.entries.remove(index)?;
        self.by_key.remove(&key);
        Some((key, value))
    }

    pub(crate) fn key(&self, index: u32) -> &K {
        &self.entry(index).0
    }

    fn entry(&self, index: u32) -> &(K, V) {
        self.entries
            .get(index)
            .expect("an index held elsewhere keeps its record alive")
    }
}

impl<K: Ord + Clone, V> Index<u32> for Table<K, V> {
    type Output = V;

    fn index(&self, index: u32) -> &V {
        &self.entry(index).1
    }
}

impl<K: Ord + Clone, V> IndexMut<u32> for Table<K, V> {
    fn index_mut(&mut self, index: u32) -> &mut V {
        let entry = self.entries.get_mut(index);
        &mut entry
            .expect("an index held elsewhere keeps its record alive")
            .1
    }
}
