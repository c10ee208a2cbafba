//! Whose turn it is: the order in which the driver is told of connections.
//!
//! It does not know what they have to send.

use super::connections::{Connections, Queue};
use super::links::{List, ListKind};

/// A connection that catches up has a turn after so many others, so that neither waits for ever.
const LIVE_TURNS: u32 = 16;

pub(crate) struct Queues {
    live: List,
    catch_up: List,
    closed: List,
    /// Turns since a connection that catches up had one.
    turns: u32,
}

impl Queues {
    pub(crate) const fn new() -> Self {
        let list = List::new(ListKind::Queue);
        Self {
            live: list,
            catch_up: list,
            closed: list,
            turns: 0,
        }
    }

    /// Puts the connection at the back of the queue it belongs to; nothing where it stands in one.
    pub(crate) fn push(&mut self, slots: &mut Connections, index: u32) {
        let connection = slots.at_mut(index);
        if connection.queue != Queue::None {
            return;
        }
        connection.queue = if connection.is_closed() {
            Queue::Closed
        } else if connection.catching_up {
            Queue::CatchUp
        } else {
            Queue::Live
        };
        let queue = connection.queue;
        self.list(queue).push_back(slots, index);
    }

    pub(crate) fn remove(&mut self, slots: &mut Connections, index: u32) {
        let queue = core::mem::replace(&mut slots.at_mut(index).queue, Queue::None);
        if queue != Queue::None {
            self.list(queue).remove(slots, index);
        }
    }

    /// Takes out the connection whose turn it is.
    pub(crate) fn pop(&mut self, slots: &mut Connections) -> Option<u32> {
        let index = self.next()?;
        let queue = slots.at(index).queue;
        self.turns = if queue == Queue::CatchUp {
            0
        } else {
            self.turns.saturating_add(1)
        };
        self.remove(slots, index);
        Some(index)
    }

    fn next(&self) -> Option<u32> {
        let catch_up = self.catch_up.first();
        let waited = catch_up.filter(|_| self.turns >= LIVE_TURNS);
        self.closed
            .first()
            .or(waited)
            .or(self.live.first())
            .or(catch_up)
    }

    fn list(&mut self, queue: Queue) -> &mut List {
        match queue {
            Queue::Live | Queue::None => &mut self.live,
            Queue::CatchUp => &mut self.catch_up,
            Queue::Closed => &mut self.closed,
        }
    }
}
