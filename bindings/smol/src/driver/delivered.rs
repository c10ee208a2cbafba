//! How many events each open stream has got, four bytes a stream.
//!
//! It does not know whether by a socket or otherwise.

/// By the slot of the connection.
#[derive(Default)]
pub(crate) struct Delivered(Vec<u32>);

impl Delivered {
    /// A connection has taken the slot.
    pub(crate) fn begin(&mut self, index: u32) {
        let slot = index as usize;
        if self.0.len() <= slot {
            self.0.resize(slot + 1, 0);
        }
        self.0[slot] = 0;
    }

    /// It stays at the largest number, where it would be more.
    pub(crate) fn add(&mut self, index: u32, events: u64) {
        if events > 0
            && let Some(count) = self.0.get_mut(index as usize)
        {
            *count = count.saturating_add(u32::try_from(events).unwrap_or(u32::MAX));
        }
    }

    pub(crate) fn get(&self, index: u32) -> u64 {
        self.0.get(index as usize).copied().unwrap_or(0).into()
    }
}
