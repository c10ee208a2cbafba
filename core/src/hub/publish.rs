//! Publishing: an event gets its number, goes into its log once, and marks the connections it is
//! for. Nothing is copied for a reader.
//!
//! It does not check what an application may publish (`rules`) nor what has to go (`room`).

use super::Hub;
use super::audience::{is_excluded, is_granted, subscribes};
use super::connections::{CAUGHT_UP, Connection, Connections};
use super::cursor::Cursor;
use super::id::ConnectionId;
use super::links::List;
use super::message::{Message, Publish, Recipients};
use super::patterns::PatternId;
use super::queues::Queues;
use super::record::{Exclusion, Extra, Reach, Record, Span, TopicId};
use super::rules::PublishError;
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::slice;

/// What became of a publish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Published {
    /// The position of the event. Unless the publisher gave an id of its own, its text is the id.
    pub cursor: Cursor,
    /// How many live connections it is for at this moment, each counted once.
    pub recipients: usize,
    /// An event with this id was published before and is remembered; nothing was published now,
    /// and `cursor` is that of the first.
    pub duplicate: bool,
}

impl Published {
    pub(crate) const fn at(cursor: Cursor, duplicate: bool) -> Self {
        Self {
            cursor,
            recipients: 0,
            duplicate,
        }
    }
}

impl Hub {
    /// Publishes one event. Nobody listening is no error: it is kept for those who resume.
    ///
    /// # Errors
    /// Anything wrong with the event, or [`PublishError::Full`]: then let the driver write what
    /// [`poll_output`](Self::poll_output) says, and publish again. The hub is as it was.
    pub fn publish(&mut self, now: u64, publish: &Publish<'_>) -> Result<Published, PublishError> {
        let message = self.rules.message(publish)?;
        let published = self.publish_all(now, slice::from_ref(&message))?;
        Ok(published[0])
    }

    /// Publishes several events in order, all or none.
    ///
    /// # Errors
    /// As [`publish`](Self::publish), and [`PublishError::BatchTooLarge`].
    pub fn publish_all(
        &mut self,
        now: u64,
        messages: &[Message],
    ) -> Result<Vec<Published>, PublishError> {
        if self.draining {
            return Err(PublishError::Draining);
        }
        self.rules.check_batch(messages)?;
        let first = self.assigned + 1;
        let numbered = self.ids.number(first, messages);
        let fresh = numbered
            .iter()
            .zip(messages)
            .filter(|(number, _)| !number.duplicate);
        self.prepare(
            first,
            &fresh.map(|(_, message)| message).collect::<Vec<_>>(),
        )?;
        let published = numbered.iter().zip(messages).map(|(number, message)| {
            let mut published = Published::at(self.cursor_at(number.sequence), number.duplicate);
            if number.duplicate {
                self.stats.duplicates += 1;
            } else {
                published.recipients = self.append_one(now, number.sequence, message);
            }
            published
        });
        Ok(published.collect())
    }

    /// Appends events that were numbered outside: the first is `first`, the others follow it.
    /// Returns the recipients of each.
    ///
    /// # Errors
    /// [`PublishError::Full`], as [`publish`](Self::publish); and [`PublishError::BatchTooLarge`]
    /// where [`Rules::check_batch`](crate::Rules::check_batch) would have said so.
    ///
    /// # Panics
    /// Where `first` is not beyond the end of the log: order is what the log is for.
    pub fn append(
        &mut self,
        now: u64,
        first: u64,
        messages: &[Message],
    ) -> Result<Vec<usize>, PublishError> {
        assert!(
            first > self.head,
            "numbers rise: {first} comes after {}",
            self.head
        );
        self.prepare(first, &messages.iter().collect::<Vec<_>>())?;
        let numbered = (first..).zip(messages);
        Ok(numbered
            .map(|(sequence, message)| self.append_one(now, sequence, message))
            .collect())
    }

    /// Moves the end of the log on: the numbers up to `through` are for other hubs.
    pub fn skip(&mut self, through: u64) {
        self.head = self.head.max(through);
        self.assigned = self.assigned.max(through);
    }

    /// Numbers up to here have been given out, and may come back in a cursor before their events
    /// are appended here.
    pub fn handle_assigned(&mut self, through: u64) {
        self.assigned = self.assigned.max(through);
    }

    pub(super) fn cursor_at(&self, sequence: u64) -> Cursor {
        Cursor::new(self.options.epoch, sequence)
    }

    fn prepare(&mut self, first: u64, messages: &[&Message]) -> Result<(), PublishError> {
        let demands = self.demands(first, messages)?;
        self.transmitted = None;
        self.plan.shared = None;
        self.make_room(&demands);
        Ok(())
    }

    /// Appends an event for which there is room.
    fn append_one(&mut self, now: u64, sequence: u64, message: &Message) -> usize {
        self.skip(sequence);
        self.stats.published += 1;
        if !self.is_stored(message) {
            // Of several hubs, the one that had the connection counts it.
            self.stats.undelivered += u64::from(self.had_recipient(message));
            return 0;
        }
        let reach = self.resolve(&message.recipients);
        let except = message.except.map(|id| self.exclusion(id));
        let recipients = self.mark(sequence, &reach, message.private, except.as_ref());
        self.enter_lanes(sequence, &reach);
        if let Some(id) = &message.id {
            self.ids.insert(id.clone(), sequence);
        }
        let (id, has_extra) = (message.id.clone(), message.id.is_some() || except.is_some());
        let record = Record {
            sequence,
            time_ms: now,
            reach,
            extra: has_extra.then(|| Box::new(Extra { except, id })),
            span: Span::default(),
            private: message.private,
        };
        if let Reach::Topic(topic) = record.reach {
            // What was there before has gone; a value that stood before this one in the same batch
            // has come since.
            self.take_replaced(message.class, topic);
        }
        message.write_id_line(self.cursor_at(sequence), &mut self.id_line);
        let class = self.classes.get_mut(message.class);
        class.push(record, self.id_line.as_bytes(), &message.body);
        recipients
    }

    /// Whether a message is for one connection of this hub, be it gone.
    fn had_recipient(&self, message: &Message) -> bool {
        let shard = self.options.shard;
        matches!(message.recipients, Recipients::Connection(id) if id.shard() == shard)
    }

    /// The hub's own numbers for whom a message is for.
    fn resolve(&mut self, recipients: &Recipients) -> Reach {
        match recipients {
            Recipients::Everyone => Reach::Everyone,
            Recipients::Connection(id) => Reach::Connection(*id),
            Recipients::User(user) => Reach::User(self.users.intern(user)),
            Recipients::Topics { topics, user } => {
                let mut topics: Vec<TopicId> = topics
                    .iter()
                    .map(|topic| self.topics.intern(topic))
                    .collect();
                topics.sort_unstable();
                match (user, &*topics) {
                    (Some(user), _) => {
                        let user = self.users.intern(user);
                        Reach::UserInTopics(Box::new((user, topics.into())))
                    }
                    (None, [topic]) => Reach::Topic(*topic),
                    (None, _) => Reach::Topics(topics.into()),
                }
            }
        }
    }

    /// The sender of an event, so that it is known again after a reconnect.
    fn exclusion(&mut self, id: ConnectionId) -> Exclusion {
        let tab = self
            .connections
            .find(id)
            .and_then(|index| self.connections.at(index).tab);
        if let Some(tab) = tab {
            self.tabs.retain(tab);
        }
        Exclusion {
            connection: id,
            tab,
        }
    }

    fn enter_lanes(&mut self, sequence: u64, reach: &Reach) {
        for topic in reach.topics() {
            self.topics.get_mut(*topic).lane.push(sequence);
        }
        match reach {
            Reach::Everyone => self.everyone.push(sequence),
            Reach::Connection(_) => self.direct.push(sequence),
            Reach::User(user) => self.users.get_mut(*user).lane_mut().push(sequence),
            Reach::Topic(_) | Reach::Topics(_) | Reach::UserInTopics(_) => {}
        }
        if let Some(user) = reach.user() {
            self.users.retain(user);
        }
    }

    /// Tells the live connections that the event is for that it is there, and counts them.
    fn mark(
        &mut self,
        sequence: u64,
        reach: &Reach,
        private: bool,
        except: Option<&Exclusion>,
    ) -> usize {
        let Self {
            connections,
            queues,
            topics,
            patterns,
            users,
            waiting,
            ..
        } = self;
        let mut marking = Marking {
            connections,
            queues,
            except,
            sequence,
            recipients: 0,
            waiting: 0,
        };
        match reach {
            Reach::Connection(id) => {
                if let Some(index) = marking.connections.find(*id)
                    && marking.mark(index)
                {
                    marking.connections.at_mut(index).direct += 1;
                }
            }
            Reach::Everyone => {
                let mut next = marking.connections.next_from(0);
                while let Some(index) = next {
                    marking.mark(index);
                    next = marking.connections.next_from(index + 1);
                }
            }
            Reach::User(user) => marking.mark_user(&users.get(*user).connections, |_| true),
            Reach::UserInTopics(both) => {
                let (user, wanted) = &**both;
                let connections = users.get(*user).connections;
                marking.mark_user(&connections, |connection| {
                    wanted.iter().any(|topic| {
                        subscribes(connection, *topic, sequence, topics, patterns)
                            && (!private
                                || is_granted(connection, topics.patterns(*topic, patterns)))
                    })
                });
            }
            Reach::Topic(_) | Reach::Topics(_) => {
                for topic in reach.topics() {
                    topics.refresh(*topic, patterns);
                    let topic = topics.get(*topic);
                    let grants = private.then_some(topic.patterns());
                    marking.mark_subscribers(&topic.subscribers, grants);
                    for pattern in topic.patterns() {
                        marking.mark_subscribers(&patterns.get(*pattern).subscribers, grants);
                    }
                }
            }
        }
        waiting.add(sequence, marking.waiting);
        marking.recipients
    }
}

/// One event on its way to the connections it is for.
struct Marking<'a> {
    connections: &'a mut Connections,
    queues: &'a mut Queues,
    except: Option<&'a Exclusion>,
    sequence: u64,
    recipients: usize,
    /// Connections that wait for it first, and are not blocked.
    waiting: usize,
}

impl Marking<'_> {
    /// Marks those that are granted one of the patterns, if it takes a grant.
    fn mark_subscribers(&mut self, subscribers: &[u32], grants: Option<&[PatternId]>) {
        for index in subscribers {
            if grants.is_none_or(|grants| is_granted(self.connections.at(*index), grants)) {
                self.mark(*index);
            }
        }
    }

    fn mark_user(&mut self, list: &List, mut wanted: impl FnMut(&Connection) -> bool) {
        let mut next = list.first();
        while let Some(index) = next {
            if wanted(self.connections.at(index)) {
                self.mark(index);
            }
            next = list.next(self.connections, index);
        }
    }

    /// Counts the connection if the event is for it and it was not counted before.
    fn mark(&mut self, index: u32) -> bool {
        if self.except.is_some() {
            let (connection, id) = (self.connections.at(index), self.connections.id(index));
            if is_excluded(self.except, connection, id) {
                return false;
            }
        }
        let connection = self.connections.at_mut(index);
        if connection.matched == self.sequence
            || !connection.is_served()
            || connection.floor >= self.sequence
        {
            return false;
        }
        connection.matched = self.sequence;
        self.recipients += 1;
        if connection.next == CAUGHT_UP {
            connection.next = self.sequence;
            if !connection.blocked {
                self.waiting += 1;
                self.queues.push(self.connections, index);
            }
        }
        true
    }
}
