//! A hub, with what the host calls its connections.
//!
//! It does not know what a tag means. A host that uses none pays nothing.

use std::ops::{Deref, DerefMut};
use tidings_core::{ConnectionId, Hub};

pub(crate) struct Tagged {
    hub: Hub,
    /// By the slot of the connection, as far as any was tagged.
    tags: Vec<u64>,
}

impl Tagged {
    pub(super) const fn new(hub: Hub) -> Self {
        Self {
            hub,
            tags: Vec::new(),
        }
    }

    /// Tags a connection that has just been opened.
    pub(super) fn set_tag(&mut self, connection: ConnectionId, tag: u64) {
        let slot = connection.index() as usize;
        if slot >= self.tags.len() {
            if tag == 0 {
                return;
            }
            self.tags.resize(slot + 1, 0);
        }
        self.tags[slot] = tag;
    }

    /// The tag of a connection that is open, or was until its slot is used again; 0 if it has none.
    #[inline]
    pub(super) fn tag(&self, connection: ConnectionId) -> u64 {
        let slot = connection.index() as usize;
        self.tags.get(slot).copied().unwrap_or(0)
    }
}

impl Deref for Tagged {
    type Target = Hub;

    fn deref(&self) -> &Hub {
        &self.hub
    }
}

impl DerefMut for Tagged {
    fn deref_mut(&mut self) -> &mut Hub {
        &mut self.hub
    }
}
