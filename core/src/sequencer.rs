//! Numbers for events that go to several hubs: one order for all of them, and no event twice.
//!
//! It does not know the hubs. Whoever holds it takes numbers and hands the events to every hub
//! under one lock, so that each hub sees every number in order.

use crate::hub::{Cursor, HubOptions, Ids, Message, Published};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Gives numbers to events that several hubs with the same options will
/// [`append`](crate::Hub::append).
///
/// It remembers the publishers' own ids at least as long as any of the hubs does: for each class,
/// as many as the class has index records.
///
/// ```
/// use tidings_core::{Audience, Event, HubOptions, Publish, Rules, Sequencer};
///
/// let options = HubOptions::default();
/// let rules = Rules::new(&options)?;
/// let mut sequencer = Sequencer::new(&options);
/// let event = Event::message("paid").with_id("order-7")?;
/// let message = rules.message(&Publish::to(Audience::Topic("orders"), event))?;
///
/// let first = sequencer.assign(vec![message.clone()]);
/// assert_eq!((first.first, first.fresh.len()), (1, 1));
/// let again = sequencer.assign(vec![message]);
/// assert!(again.fresh.is_empty() && again.published[0].duplicate);
/// assert_eq!(sequencer.find("order-7"), Some(again.published[0].cursor));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Sequencer {
    epoch: u64,
    last: u64,
    ids: Ids,
    /// By class.
    remembered: Vec<Remembered>,
}

/// The own ids of one class that are remembered, in the order of their numbers.
#[derive(Debug)]
struct Remembered {
    ids: VecDeque<(u64, Arc<str>)>,
    limit: usize,
}

/// What became of events that were to be numbered.
#[derive(Debug)]
pub struct Assigned {
    /// The number of the first of `fresh`; the others follow it.
    pub first: u64,
    /// The events to append, without those that were known already.
    pub fresh: Vec<Message>,
    /// The position of every event, known or fresh. Recipients are for the hubs to count.
    pub published: Vec<Published>,
}

impl Sequencer {
    /// A sequencer for hubs made with these options.
    #[must_use]
    pub fn new(options: &HubOptions) -> Self {
        let classes = options.all_classes();
        let remembered = classes
            .map(|class| Remembered {
                ids: VecDeque::new(),
                limit: class.record_limit(),
            })
            .collect();
        Self {
            epoch: options.epoch,
            last: 0,
            ids: Ids::default(),
            remembered,
        }
    }

    /// The position of the last number given out.
    #[must_use]
    pub const fn cursor(&self) -> Cursor {
        Cursor::new(self.epoch, self.last)
    }

    /// The position of the event with this id of a publisher's own, while it is remembered. A hub
    /// that has still to append the event does not know its id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Cursor> {
        let sequence = self.ids.find(id)?;
        Some(Cursor::new(self.epoch, sequence))
    }

    /// Gives a number to each event that is not known by its own id.
    pub fn assign(&mut self, messages: Vec<Message>) -> Assigned {
        let first = self.last + 1;
        let numbered = self.ids.number(first, &messages);
        let published = numbered.iter().map(|number| {
            Published::at(Cursor::new(self.epoch, number.sequence), number.duplicate)
        });
        let published = published.collect();
        let fresh = messages
            .into_iter()
            .zip(numbered)
            .filter(|(_, number)| !number.duplicate);
        let fresh: Vec<_> = fresh.map(|(message, _)| message).collect();
        for message in &fresh {
            self.last += 1;
            self.remember(message);
        }
        Assigned {
            first,
            fresh,
            published,
        }
    }

    fn remember(&mut self, message: &Message) {
        let Some(id) = message.shared_id() else {
            return;
        };
        let remembered = &mut self.remembered[message.class_index()];
        self.ids.insert(id.clone(), self.last);
        remembered.ids.push_back((self.last, id.clone()));
        if remembered.ids.len() > remembered.limit
            && let Some((sequence, id)) = remembered.ids.pop_front()
        {
            self.ids.remove(&id, sequence);
        }
    }
}
