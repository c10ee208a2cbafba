//! What one connection subscribes to, in order of the targets: topics by name, then patterns. Most
//! have a single topic, which takes no memory of its own.
//!
//! It does not know the lists of subscribers that lead back here; `subscribe` keeps both in step.

use super::connections::{Subscription, Target};
use alloc::vec::Vec;
use core::ops::{Deref, DerefMut};

pub(crate) enum Subscriptions {
    One(Subscription),
    Many(Vec<Subscription>),
}

impl Subscriptions {
    /// None yet, and room for so many.
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        let mut list = Vec::new();
        if capacity > 1 {
            list.reserve_exact(capacity);
        }
        Self::Many(list)
    }

    pub(crate) fn has_patterns(&self) -> bool {
        self.last().is_some_and(|last| last.target.is_pattern())
    }

    pub(crate) fn get(&self, target: Target) -> Option<&Subscription> {
        Some(&self[self.find(target).ok()?])
    }

    pub(crate) fn get_mut(&mut self, target: Target) -> Option<&mut Subscription> {
        let place = self.find(target).ok()?;
        Some(&mut self[place])
    }

    /// Puts in one whose target is not there.
    pub(crate) fn insert(&mut self, subscription: Subscription) {
        let (Ok(place) | Err(place)) = self.find(subscription.target);
        match self {
            Self::Many(list) if list.capacity() == 0 => *self = Self::One(subscription),
            Self::Many(list) => list.insert(place, subscription),
            Self::One(_) => {
                let one = core::mem::replace(self, Self::with_capacity(2));
                if let (Self::One(one), Self::Many(list)) = (one, self) {
                    list.push(one);
                    list.insert(place, subscription);
                }
            }
        }
    }

    pub(crate) fn remove(&mut self, target: Target) -> Option<Subscription> {
        let place = self.find(target).ok()?;
        if let Self::Many(list) = self {
            return Some(list.remove(place));
        }
        match core::mem::replace(self, Self::with_capacity(0)) {
            Self::One(one) => Some(one),
            Self::Many(_) => None,
        }
    }

    fn find(&self, target: Target) -> Result<usize, usize> {
        self.binary_search_by_key(&target, |one| one.target)
    }
}

impl Deref for Subscriptions {
    type Target = [Subscription];

    fn deref(&self) -> &[Subscription] {
        match self {
            Self::One(one) => core::slice::from_ref(one),
            Self::Many(list) => list,
        }
    }
}

impl DerefMut for Subscriptions {
    fn deref_mut(&mut self) -> &mut [Subscription] {
        match self {
            Self::One(one) => core::slice::from_mut(one),
            Self::Many(list) => list,
        }
    }
}
