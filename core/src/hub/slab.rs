//! Numbered slots that are used again: dense, stable in place, and given back a page at a time.
//!
//! It does not know what it holds. Pages keep values from moving when it grows, which a hub with
//! many connections would feel, and let the memory of a past peak go.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::iter::repeat_with;

const PAGE: usize = 64;

type Slots<T> = Box<[Option<T>; PAGE]>;

pub(crate) struct Slab<T> {
    pages: Vec<Page<T>>,
    /// Pages that exist and have a free slot; the lowest is used first, so that high pages empty.
    roomy: BTreeSet<usize>,
    /// Pages whose memory was given back.
    absent: BTreeSet<usize>,
    len: usize,
}

struct Page<T> {
    slots: Option<Slots<T>>,
    /// One bit a slot in use.
    occupied: u64,
    /// One bit a slot that is not used again.
    retired: u64,
}

impl<T> Page<T> {
    const fn taken(&self) -> u64 {
        self.occupied | self.retired
    }
}

/// Written where it is to stay: an array would be made on the stack, and copied from there.
fn empty_page<T>() -> Slots<T> {
    let slots: Vec<_> = repeat_with(|| None).take(PAGE).collect();
    slots
        .try_into()
        .unwrap_or_else(|_| unreachable!("it has as many slots as a page"))
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Self {
            pages: Vec::new(),
            roomy: BTreeSet::new(),
            absent: BTreeSet::new(),
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The slot that the next `insert` will take.
    pub(crate) fn next_index(&self) -> u32 {
        let (page, slot) = match (self.roomy.first(), self.absent.first()) {
            (Some(&page), _) => (page, self.pages[page].taken().trailing_ones() as usize),
            (None, Some(&page)) => (page, 0),
            (None, None) => (self.pages.len(), 0),
        };
        (page * PAGE + slot) as u32
    }

    pub(crate) fn insert(&mut self, value: T) -> u32 {
        let index = self.next_index();
        let (number, slot) = (index as usize / PAGE, index as usize % PAGE);
        if number == self.pages.len() {
            self.pages.push(Page {
                slots: None,
                occupied: 0,
                retired: 0,
            });
        }
        let page = &mut self.pages[number];
        let slots = page.slots.get_or_insert_with(|| {
            self.absent.remove(&number);
            self.roomy.insert(number);
            empty_page()
        });
        slots[slot] = Some(value);
        page.occupied |= 1 << slot;
        if page.taken() == u64::MAX {
            self.roomy.remove(&number);
        }
        self.len += 1;
        index
    }

    pub(crate) fn remove(&mut self, index: u32) -> Option<T> {
        let value = self.take(index)?;
        let number = index as usize / PAGE;
        let page = &mut self.pages[number];
        self.roomy.insert(number);
        // One empty page is kept, so that a lone value that comes and goes allocates nothing.
        if page.taken() == 0 && self.roomy.len() > 1 {
            page.slots = None;
            self.roomy.remove(&number);
            self.absent.insert(number);
        }
        Some(value)
    }

    /// Removes a value whose slot is not used again. Its page stays.
    pub(crate) fn retire(&mut self, index: u32) -> Option<T> {
        let value = self.take(index)?;
        self.pages[index as usize / PAGE].retired |= 1 << (index as usize % PAGE);
        Some(value)
    }

    fn take(&mut self, index: u32) -> Option<T> {
        let slot = index as usize % PAGE;
        let page = self.pages.get_mut(index as usize / PAGE)?;
        let value = page.slots.as_mut()?[slot].take()?;
        page.occupied &= !(1 << slot);
        self.len -= 1;
        Some(value)
    }

    pub(crate) fn get(&self, index: u32) -> Option<&T> {
        let page = self.pages.get(index as usize / PAGE)?;
        page.slots.as_ref()?[index as usize % PAGE].as_ref()
    }

    pub(crate) fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        let page = self.pages.get_mut(index as usize / PAGE)?;
        page.slots.as_mut()?[index as usize % PAGE].as_mut()
    }

    /// The first slot in use from `index` on.
    pub(crate) fn next_from(&self, index: u32) -> Option<u32> {
        let (first, slot) = (index as usize / PAGE, index as usize % PAGE);
        let pages = self.pages.iter().enumerate().skip(first);
        pages
            .map(|(number, page)| {
                let passed = if number == first {
                    (1_u64 << slot) - 1
                } else {
                    0
                };
                (number, page.occupied & !passed)
            })
            .find(|(_, occupied)| *occupied != 0)
            .map(|(number, occupied)| (number * PAGE) as u32 + occupied.trailing_zeros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lowest_slot_first_and_pages_given_back() {
        let mut slab = Slab::new();
        for value in 0..200 {
            assert_eq!(slab.insert(value), value);
        }
        for index in 64..200 {
            assert_eq!(slab.remove(index), Some(index));
        }
        // The last page to empty is kept for the next value.
        assert_eq!((slab.len(), slab.next_index()), (64, 192));
        assert_eq!(
            slab.pages
                .iter()
                .filter(|page| page.slots.is_some())
                .count(),
            2
        );
        assert_eq!(
            (slab.remove(70), slab.get(70), slab.get(9_999)),
            (None, None, None)
        );
        slab.remove(3);
        assert_eq!(slab.insert(7), 3);
        slab.remove(5);
        let in_use = core::iter::successors(slab.next_from(0), |at| slab.next_from(at + 1));
        assert_eq!(in_use.sum::<u32>(), (0..64).sum::<u32>() - 5);
    }

    #[test]
    fn a_retired_slot_is_not_used_again() {
        let mut slab = Slab::new();
        for value in 0..130 {
            slab.insert(value);
        }
        for index in 0..64 {
            assert_eq!(slab.retire(index), Some(index));
        }
        assert_eq!((slab.retire(0), slab.get(0)), (None, None));
        assert_eq!((slab.len(), slab.next_from(0)), (66, Some(64)));
        assert_eq!((slab.insert(1), slab.insert(2)), (130, 131));
        // Of pages that go and come back too.
        slab.retire(70);
        for index in (64..132).filter(|index| *index != 70) {
            slab.remove(index);
        }
        assert_eq!((slab.len(), slab.next_from(0)), (0, None));
        let again: [u32; 7] = core::array::from_fn(|value| slab.insert(value as u32));
        assert_eq!(again, [64, 65, 66, 67, 68, 69, 71]);
    }
}
