//! Making room in the logs: what goes when, and who has to be told inside the hub.
//!
//! It does not know what comes in, only what that costs.

use super::Hub;
use super::class::{Class, ClassId, Held};
use super::connections::Partial;
use super::latest::Gone;
use super::loss::Loss;
use super::message::{Message, Recipients};
use super::output::CloseReason;
use super::record::{Reach, Record, TopicId};
use super::retention::{Cost, Trim};
use super::rules::PublishError;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// What one class has to take in, and lets go for it.
pub(crate) struct Demand {
    class: ClassId,
    /// In a `latest` class: topics whose values are replaced.
    replaced: Vec<TopicId>,
    trim: Trim,
}

impl Hub {
    /// What has to go before these can come in, without doing it yet.
    ///
    /// # Errors
    /// `Full` where a reader that is not blocked has still to be offered something that would have
    /// to go; `BatchTooLarge` where they never fit.
    pub(crate) fn demands(
        &self,
        first: u64,
        messages: &[&Message],
    ) -> Result<Vec<Demand>, PublishError> {
        let mut demands = Vec::new();
        for class in 0..self.classes.len() {
            let (replaced, costs) = self.incoming(class, first, messages);
            if costs.is_empty() {
                continue;
            }
            let log = self.classes.get(class);
            let trim = log
                .trim_for(&replaced, &costs)
                .ok_or(PublishError::BatchTooLarge)?;
            let last = log.last_of_oldest(trim.frames, &replaced);
            if self
                .waiting
                .first()
                .is_some_and(|first| last.is_some_and(|last| last >= first))
            {
                return Err(PublishError::Full);
            }
            demands.push(Demand {
                class,
                replaced,
                trim,
            });
        }
        Ok(demands)
    }

    /// What the messages cost one class, and which values they replace there.
    fn incoming(
        &self,
        class: ClassId,
        first: u64,
        messages: &[&Message],
    ) -> (Vec<TopicId>, Vec<Cost>) {
        let (mut replaced, mut costs) = (Vec::new(), Vec::new());
        let mut last_values = BTreeSet::new();
        let latest = self.classes.get(class).is_latest();
        for (place, message) in messages.iter().enumerate().rev() {
            if message.class != class || !self.is_stored(message) {
                continue;
            }
            if let Some(topic) = message.only_topic().filter(|_| latest) {
                // Only the last of several values of one topic stays.
                if !last_values.insert(topic) {
                    continue;
                }
                replaced.extend(self.topics.find(topic));
            }
            let cursor = self.cursor_at(first + place as u64);
            costs.push(message.cost(message.id_line_len(cursor)));
        }
        (replaced, costs)
    }

    /// An event for a connection that is gone is not kept: nobody can ever get it.
    pub(crate) fn is_stored(&self, message: &Message) -> bool {
        match message.recipients {
            Recipients::Connection(id) => self.recipient(id).is_some(),
            _ => true,
        }
    }

    /// Lets go what `demands` found.
    pub(crate) fn make_room(&mut self, demands: &[Demand]) {
        for demand in demands {
            for topic in &demand.replaced {
                self.take_replaced(demand.class, *topic);
            }
            self.trim(demand.class, demand.trim, &demand.replaced);
        }
    }

    /// Takes out the value of a topic, for which a newer one comes.
    pub(crate) fn take_replaced(&mut self, class: ClassId, topic: TopicId) {
        let Class::Latest(latest) = self.classes.get_mut(class) else {
            return;
        };
        let Some((record, gone)) = latest.take_replaced(topic) else {
            return;
        };
        if let Some(gone) = gone {
            self.stats.replaced += 1;
            self.rescue_gone(class, &gone);
        }
        self.forget_record(&record, false);
    }

    fn trim(&mut self, class: ClassId, trim: Trim, replaced: &[TopicId]) {
        for _ in 0..trim.frames {
            match self.classes.get_mut(class) {
                Class::Log(log) => {
                    if let Some((sequence, text)) = log.trim_frame() {
                        self.rescue_from(class, Held::Text(sequence), &text);
                    }
                }
                Class::Latest(latest) => {
                    if let Some(gone) = latest.trim_frame(replaced) {
                        self.rescue_gone(class, &gone);
                    }
                }
            }
        }
        for _ in 0..trim.records {
            if let Some(record) = self.classes.get_mut(class).drop_record() {
                self.forget_record(&record, true);
            }
        }
        self.drop_spent_segments(class);
    }

    /// Keeps the messages that were made for the plan, as far as the logs have room for them: others
    /// need not make them again. To make room the oldest frames go, as for a publish, but none that
    /// a reader has still to be offered, and none while this plan begins within one.
    pub(crate) fn keep_texts(&mut self, index: u32) {
        let mut made = core::mem::take(&mut self.plan.made);
        for text in made.drain(..) {
            let log = self.classes.get(text.class);
            let Some(trim) = log.trim_for_text(text.len) else {
                continue;
            };
            if trim != Trim::default() {
                let last = log.last_of_oldest(trim.frames, &[]);
                let amid = self.connections.at(index).partial().is_some();
                let first = self.waiting.first().unwrap_or(text.sequence);
                if amid || last.is_some_and(|last| last >= first) {
                    continue;
                }
                self.trim(text.class, trim, &[]);
            }
            let bytes = self.plan.written(text.start, text.len).into();
            self.classes
                .get_mut(text.class)
                .keep_text(text.sequence, bytes);
        }
        self.plan.made = made;
    }

    /// Lets go what is older than its class keeps it, unless a reader has still to be offered it.
    pub(crate) fn trim_aged(&mut self, now: u64) {
        let protected = self.waiting.first().unwrap_or(u64::MAX);
        self.plan.shared = None;
        for class in 0..self.classes.len() {
            let trim = self.classes.get(class).aged(now, protected);
            self.trim(class, trim, &[]);
        }
    }

    /// Takes a record out of the lanes. Where it was `dropped`, nothing replaces it, and the lanes
    /// remember that they lost something.
    fn forget_record(&mut self, record: &Record, dropped: bool) {
        let sequence = record.sequence;
        let loss = if dropped {
            self.dropped.add(sequence)
        } else {
            Loss::NONE
        };
        for topic in record.reach.topics() {
            self.topics.get_mut(*topic).lane.remove(sequence, loss);
            self.topics.release(*topic);
            self.topics_dropped.merge(loss);
        }
        match record.reach {
            Reach::Everyone => self.everyone.remove(sequence, loss),
            Reach::Connection(_) => self.direct.remove(sequence, loss),
            Reach::User(user) => self.users.get_mut(user).lane_mut().remove(sequence, loss),
            Reach::Topic(_) | Reach::Topics(_) | Reach::UserInTopics(_) => {}
        }
        if let Some(user) = record.reach.user() {
            self.users.release(user);
        }
        if let Some(tab) = record.except().and_then(|except| except.tab) {
            self.tabs.release(tab, &mut self.users);
        }
        if let Some(id) = record.id() {
            self.ids.remove(id, sequence);
        }
    }

    fn drop_spent_segments(&mut self, class: ClassId) {
        loop {
            let Class::Log(log) = self.classes.get(class) else {
                return;
            };
            let Some(segment) = log.spent_segment() else {
                return;
            };
            for index in self.readers_amid(class, Held::Segment(segment)) {
                let Some(Partial { place, sent }) = self.connections.at(index).partial() else {
                    continue;
                };
                let left = self.classes.frame_len(place) - sent;
                let rest = self.classes.bytes_from(place, sent, left).to_vec();
                self.rescue(index, rest);
            }
            if let Class::Log(log) = self.classes.get_mut(class) {
                log.drop_segment();
            }
        }
    }

    fn rescue_gone(&mut self, class: ClassId, gone: &Gone) {
        self.rescue_from(class, Held::Value(gone.sequence), &gone.frame);
        if let Some(text) = &gone.text {
            self.rescue_from(class, Held::Text(gone.sequence), text);
        }
    }

    /// Rescues those in the middle of a value or a message that has gone.
    fn rescue_from(&mut self, class: ClassId, held: Held, bytes: &[u8]) {
        for index in self.readers_amid(class, held) {
            if let Some(Partial { sent, .. }) = self.connections.at(index).partial() {
                self.rescue(index, bytes[sent..].to_vec());
            }
        }
    }

    /// The connections in the middle of a frame of this segment, of this value or message.
    fn readers_amid(&self, class: ClassId, held: Held) -> Vec<u32> {
        let (number, _, within) = key(class, held, 0);
        let all = (number, 0, 0)..=(number, u32::MAX, u8::MAX);
        let all = self.partials.range(all);
        let amid = all.filter(|(_, _, other)| *other == within);
        amid.map(|(_, index, _)| *index).collect()
    }

    /// Keeps the rest of a frame for a reader in the middle of it, or cuts the reader.
    fn rescue(&mut self, index: u32, rest: Vec<u8>) {
        self.clear_partial(index);
        self.set_tail(index, rest, true);
    }

    /// Keeps bytes that the connection is owed before all else; where there is no room for them it
    /// is cut.
    pub(crate) fn set_tail(&mut self, index: u32, tail: Vec<u8>, is_event: bool) {
        if self.tail_bytes + tail.len() > self.options.limits.rescue_bytes {
            return self.finish(index, CloseReason::Overflow, true);
        }
        self.tail_bytes += tail.len();
        let rare = self.connections.at_mut(index).rare();
        debug_assert!(rare.tail.is_empty(), "one tail is owed at a time");
        (rare.tail, rare.tail_is_event) = (tail, is_event);
    }

    pub(crate) fn clear_tail(&mut self, index: u32) {
        if let Some(rare) = &mut self.connections.at_mut(index).rare {
            self.tail_bytes -= core::mem::take(&mut rare.tail).len();
        }
    }

    pub(crate) fn set_partial(&mut self, index: u32, partial: Partial) {
        let place = partial.place;
        self.partials
            .insert(key(place.class(), place.held(), index));
        self.connections.at_mut(index).rare().partial = Some(partial);
    }

    pub(crate) fn clear_partial(&mut self, index: u32) {
        if let Some(rare) = &mut self.connections.at_mut(index).rare
            && let Some(partial) = rare.partial.take()
        {
            let place = partial.place;
            self.partials
                .remove(&key(place.class(), place.held(), index));
        }
    }
}

/// Where a connection is among those in the middle of something.
const fn key(class: ClassId, held: Held, index: u32) -> (u64, u32, u8) {
    let (number, kind) = match held {
        Held::Segment(segment) => (segment as u64, 0),
        Held::Value(sequence) => (sequence, 1),
        Held::Text(sequence) => (sequence, 2),
    };
    // There are few classes.
    (number, index, class << 2 | kind)
}
