//! Two ways through the logs in order of their numbers: record by record, or by the lanes of one
//! connection, which lead past what is not for it.
//!
//! It does not test whether a record is for the connection; `pull` does.

use super::class::{Class, Classes, Found};
use super::connections::Connection;
use super::lane::Lane;
use super::record::{TopicId, UserId};
use super::topics::Topics;
use super::users::Users;
use alloc::collections::BinaryHeap;
use alloc::collections::binary_heap::PeekMut;
use alloc::vec::Vec;
use core::cmp::Reverse;

/// Every record of some classes, from a sequence on.
pub(crate) struct Records<'a> {
    classes: &'a Classes,
    /// The class that comes next.
    first: Option<Head<'a>>,
    /// The others that have something; mostly there are none, and nothing is allocated.
    others: Vec<Head<'a>>,
}

/// The next record of one class.
struct Head<'a> {
    found: Found<'a>,
    /// Its place in a log; in a `latest` class the sequence leads on.
    place: usize,
}

/// The records that a connection's topics by name, its user, everyone and itself were addressed in.
pub(crate) struct Lanes<'a> {
    classes: &'a Classes,
    /// The next number of each lane, and where it stands there.
    heap: BinaryHeap<Reverse<(u64, LaneId, usize)>>,
    last: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LaneId {
    Topic(TopicId),
    User(UserId),
    Everyone,
    Direct,
}

/// The lanes of a hub, wherever they stand.
#[derive(Clone, Copy)]
pub(crate) struct LaneTable<'a> {
    pub(crate) topics: &'a Topics,
    pub(crate) users: &'a Users,
    pub(crate) everyone: &'a Lane,
    pub(crate) direct: &'a Lane,
}

impl<'a> Records<'a> {
    /// Those of every class that is `wanted`.
    pub(crate) fn new(classes: &'a Classes, from: u64, wanted: impl Fn(&Class) -> bool) -> Self {
        let mut records = Self {
            classes,
            first: None,
            others: Vec::new(),
        };
        for (class, log) in classes.iter().filter(|(_, log)| wanted(log)) {
            let place = log.place_from(from);
            if let Some(found) = log.found(class, place, from) {
                records.add(Head { found, place });
            }
        }
        records
    }

    fn add(&mut self, mut head: Head<'a>) {
        if let Some(first) = &mut self.first {
            if head.sequence() < first.sequence() {
                core::mem::swap(first, &mut head);
            }
            self.others.push(head);
        } else {
            self.first = Some(head);
        }
    }

    /// Takes out the one of the others that comes first.
    fn pop_other(&mut self) -> Option<Head<'a>> {
        let others = self.others.iter().enumerate();
        let (place, _) = others.min_by_key(|(_, head)| head.sequence())?;
        Some(self.others.swap_remove(place))
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Found<'a>;

    #[inline]
    fn next(&mut self) -> Option<Found<'a>> {
        let Head { found, place } = self.first.take()?;
        let (class, sequence) = (found.class, found.record.sequence);
        self.first = self.pop_other();
        let log = self.classes.get(class);
        if let Some(found) = log.found(class, place + 1, sequence + 1) {
            self.add(Head {
                found,
                place: place + 1,
            });
        }
        Some(found)
    }
}

impl Head<'_> {
    fn sequence(&self) -> u64 {
        self.found.record.sequence
    }
}

impl<'a> Lanes<'a> {
    pub(crate) fn new(
        classes: &'a Classes,
        from: u64,
        connection: &Connection,
        lanes: LaneTable<'_>,
    ) -> Self {
        let topics = connection
            .subscriptions
            .iter()
            .filter_map(|one| one.target.as_topic());
        let ids = topics
            .map(LaneId::Topic)
            .chain(connection.user.map(LaneId::User))
            .chain([LaneId::Everyone])
            .chain((connection.direct > 0).then_some(LaneId::Direct));
        let firsts = ids.filter_map(|id| {
            let place = lanes.get(id).place_from(from);
            Some(Reverse((lanes.get(id).at(place)?, id, place)))
        });
        Self {
            classes,
            heap: firsts.collect(),
            last: 0,
        }
    }

    pub(crate) fn next(&mut self, lanes: LaneTable<'_>) -> Option<Found<'a>> {
        loop {
            let mut first = self.heap.peek_mut()?;
            let Reverse((sequence, id, place)) = *first;
            match lanes.get(id).at(place + 1) {
                Some(following) => {
                    *first = Reverse((following, id, place + 1));
                    drop(first);
                }
                None => {
                    PeekMut::pop(first);
                }
            }
            // A publish to several topics stands in the lane of each.
            if sequence != core::mem::replace(&mut self.last, sequence) {
                return self.classes.find(sequence);
            }
        }
    }
}

impl<'a> LaneTable<'a> {
    pub(crate) fn get(self, id: LaneId) -> &'a Lane {
        match id {
            LaneId::Topic(topic) => &self.topics.get(topic).lane,
            LaneId::User(user) => self.users.get(user).lane(),
            LaneId::Everyone => self.everyone,
            LaneId::Direct => self.direct,
        }
    }
}
