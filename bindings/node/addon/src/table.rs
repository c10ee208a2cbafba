//! The handles of the C ABI that JavaScript has, by number.
//!
//! It does not know what they are for. A number is never used again, so that one that is forgotten,
//! made up or used after it was freed is an error and nothing worse. All are freed with the environment.

use crate::failure::{Failure, Outcome};

/// A slot's index in the lower bits of a number, its generation above: together they stay exact in
/// JavaScript.
const INDEX_BITS: u32 = 24;
const MAX_GENERATION: u32 = 1 << 28;

pub(crate) struct Table<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
}

struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Table<T> {
    /// Takes a value, and returns its number, which is not 0.
    pub(crate) fn insert(&mut self, value: T) -> Outcome<f64> {
        let index = match self.free.pop() {
            Some(index) => index,
            None if self.slots.len() >> INDEX_BITS != 0 => return Err(Failure::broken()),
            None => {
                self.slots.push(Slot {
                    generation: 0,
                    value: None,
                });
                self.slots.len() as u32 - 1
            }
        };
        let slot = &mut self.slots[index as usize];
        slot.generation += 1;
        slot.value = Some(value);
        Ok((u64::from(slot.generation) << INDEX_BITS | u64::from(index)) as f64)
    }

    /// The value of a number.
    #[inline]
    pub(crate) fn get(&mut self, number: f64) -> Outcome<&mut T> {
        let value = self.slot(number).and_then(|slot| slot.value.as_mut());
        value.ok_or_else(Failure::closed)
    }

    /// Lets go of a value; a number that has none is fine.
    pub(crate) fn remove(&mut self, number: f64) -> Option<T> {
        let slot = self.slot(number)?;
        let value = slot.value.take()?;
        // A slot whose generations are used up stays empty.
        if slot.generation < MAX_GENERATION {
            self.free.push(index_of(number as u64) as u32);
        }
        Some(value)
    }

    /// How many values there are.
    pub(crate) fn count(&self) -> usize {
        self.slots
            .iter()
            .filter(|slot| slot.value.is_some())
            .count()
    }

    #[inline]
    fn slot(&mut self, number: f64) -> Option<&mut Slot<T>> {
        let whole = number as u64;
        let slot = self.slots.get_mut(index_of(whole))?;
        let is_it = whole as f64 == number && u64::from(slot.generation) == whole >> INDEX_BITS;
        is_it.then_some(slot)
    }
}

const fn index_of(number: u64) -> usize {
    (number & ((1 << INDEX_BITS) - 1)) as usize
}
