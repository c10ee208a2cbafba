//! Doubly linked lists that run through the connections' slots: queues and touch orders in which a
//! connection can be put, found and taken out in constant time, with no memory of their own.
//!
//! They do not know why a connection stands in them.

use super::connections::{Connection, Connections};

/// The lists a connection can stand in, one link each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub(crate) enum ListKind {
    /// The connections of a user, oldest first.
    User,
    /// What the driver is to be told next: ready to send, or closed.
    Queue,
    Heartbeat,
    Idle,
    Age,
    Stall,
}

pub(crate) const LISTS: usize = 6;

const NONE: u32 = u32::MAX;
const UNLINKED: u32 = u32::MAX - 1;

#[derive(Clone, Copy)]
pub(crate) struct Link {
    previous: u32,
    next: u32,
}

impl Link {
    pub(crate) const fn new() -> Self {
        Self {
            previous: UNLINKED,
            next: NONE,
        }
    }

    pub(crate) fn is_linked(self) -> bool {
        self.previous != UNLINKED
    }
}

/// One list: its ends. Every operation is given the slots it runs through.
#[derive(Clone, Copy)]
pub(crate) struct List {
    kind: ListKind,
    first: u32,
    last: u32,
}

impl List {
    pub(crate) const fn new(kind: ListKind) -> Self {
        Self {
            kind,
            first: NONE,
            last: NONE,
        }
    }

    pub(crate) const fn kind(&self) -> ListKind {
        self.kind
    }

    pub(crate) fn first(&self) -> Option<u32> {
        (self.first != NONE).then_some(self.first)
    }

    pub(crate) fn next(&self, slots: &Connections, index: u32) -> Option<u32> {
        let next = slots.at(index).links[self.kind as usize].next;
        (next != NONE).then_some(next)
    }

    pub(crate) fn push_back(&mut self, slots: &mut Connections, index: u32) {
        let previous = self.last;
        let link = self.link(slots, index);
        debug_assert!(!link.is_linked(), "in one list of a kind at a time");
        *link = Link {
            previous,
            next: NONE,
        };
        match previous {
            NONE => self.first = index,
            _ => self.link(slots, previous).next = index,
        }
        self.last = index;
    }

    pub(crate) fn pop_front(&mut self, slots: &mut Connections) -> Option<u32> {
        let index = self.first()?;
        self.remove(slots, index);
        Some(index)
    }

    /// Takes the connection out; nothing where it is in no list of this kind.
    pub(crate) fn remove(&mut self, slots: &mut Connections, index: u32) {
        let Link { previous, next } = core::mem::replace(self.link(slots, index), Link::new());
        if previous == UNLINKED {
            return;
        }
        match previous {
            NONE => self.first = next,
            _ => self.link(slots, previous).next = next,
        }
        match next {
            NONE => self.last = previous,
            _ => self.link(slots, next).previous = previous,
        }
    }

    fn link<'a>(&self, slots: &'a mut Connections, index: u32) -> &'a mut Link {
        let connection: &mut Connection = slots.at_mut(index);
        &mut connection.links[self.kind as usize]
    }
}
