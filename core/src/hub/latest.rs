//! The log of a `latest` class: one frame per topic, replaced in place.
//!
//! It does not know readers. A replaced value is nobody's loss, since a newer one follows; a value
//! that has to make room for another topic is, and leaves a record behind, as in a log.

use super::cursor::Cursor;
use super::options::ClassOptions;
use super::order::Numbers;
use super::record::{Record, TopicId};
use super::retention::{Cost, Retention, Trim, Usage};
use super::texts::{Texts, text_bytes};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

pub(crate) struct Latest {
    retention: Retention,
    usage: Usage,
    /// By sequence.
    values: BTreeMap<u64, Value>,
    /// Numbers of events, by their topic.
    by_topic: Numbers,
    /// Records of values that had to go, until the topic has a new one.
    evicted: BTreeMap<u64, Record>,
    texts: Texts,
}

pub(crate) struct Value {
    pub(crate) record: Record,
    pub(crate) frame: Box<[u8]>,
    /// Where in the frame the id line ends: the values that open a stream have another one.
    pub(crate) body: usize,
}

/// Bytes that a value of `frame_bytes` takes beside its record.
pub(crate) fn value_bytes(frame_bytes: usize) -> usize {
    frame_bytes + size_of::<Value>()
}

impl Value {
    /// Writes the frame with another id than its own.
    pub(crate) fn write_with_id(&self, id: Cursor, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("id: {id}\n").as_bytes());
        out.extend_from_slice(&self.frame[self.body..]);
    }
}

/// What is left of a value that has gone, for those in the middle of it.
pub(crate) struct Gone {
    pub(crate) sequence: u64,
    pub(crate) frame: Box<[u8]>,
    /// Its message, if it had one.
    pub(crate) text: Option<Box<[u8]>>,
}

impl Latest {
    pub(crate) fn new(options: &ClassOptions) -> Self {
        Self {
            retention: Retention::new(options),
            usage: Usage::default(),
            values: BTreeMap::new(),
            by_topic: Numbers::new(),
            evicted: BTreeMap::new(),
            texts: Texts::default(),
        }
    }

    pub(crate) fn usage(&self) -> &Usage {
        &self.usage
    }

    pub(crate) fn first_retained(&self) -> Option<u64> {
        self.values.keys().next().copied()
    }

    pub(crate) fn trimmed_through(&self) -> Option<u64> {
        self.evicted.keys().next_back().copied()
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        let values = self.values.values().map(|value| &value.record);
        values.chain(self.evicted.values())
    }

    pub(crate) fn value(&self, sequence: u64) -> Option<&Value> {
        self.values.get(&sequence)
    }

    /// The first record from `sequence` on, and whether its frame is there.
    pub(crate) fn record_from(&self, sequence: u64) -> Option<(&Record, bool)> {
        let value = self.values.range(sequence..).next();
        let evicted = self.evicted.range(sequence..).next();
        match (value, evicted) {
            (Some((at, _)), Some((gone, record))) if gone < at => Some((record, false)),
            (Some((_, value)), _) => Some((&value.record, true)),
            (None, Some((_, record))) => Some((record, false)),
            (None, None) => None,
        }
    }

    /// What has to go before values of other topics than those in `replaced`, whose values and
    /// records go anyway, and new values of these can come in; `None` where they never fit.
    pub(crate) fn trim_for(&self, replaced: &[TopicId], incoming: &[Cost]) -> Option<Trim> {
        let mut usage = self.usage;
        incoming.iter().for_each(|cost| usage.add(*cost));
        for sequence in replaced
            .iter()
            .filter_map(|topic| self.by_topic.get(&u64::from(*topic)))
        {
            match self.record(*sequence) {
                Some((_, Some(value))) => usage.remove(self.cost(value)),
                Some((record, None)) => usage.drop_record(record.cost_bytes()),
                None => {}
            }
        }
        self.trim_to(0, usage, replaced)
    }

    fn trim_to(&self, aged: usize, usage: Usage, replaced: &[TopicId]) -> Option<Trim> {
        let evicted = self
            .evicted
            .values()
            .filter(|record| !is_of(record, replaced));
        let kept = self.kept(replaced);
        self.retention.trim_for(
            aged,
            usage,
            evicted.map(Record::cost_bytes),
            kept.map(|value| self.cost(value)),
        )
    }

    /// The values in order, but for those of `replaced`.
    fn kept(&self, replaced: &[TopicId]) -> impl Iterator<Item = &Value> + Clone {
        self.values
            .values()
            .filter(move |value| !is_of(&value.record, replaced))
    }

    /// What has to go because it is older than the class keeps it, up to but without `protected`.
    pub(crate) fn aged(&self, now: u64, protected: u64) -> Trim {
        let aged = self
            .values
            .range(..protected)
            .take_while(|(_, value)| self.retention.is_aged(value.record.time_ms, now));
        match aged.count() {
            0 => Trim::default(),
            aged => self.trim_to(aged, self.usage, &[]).unwrap_or_default(),
        }
    }

    /// When the oldest value becomes too old.
    pub(crate) fn ages_at(&self) -> Option<u64> {
        self.retention
            .ages_at(self.values.values().next()?.record.time_ms)
    }

    /// The sequence of the last of the oldest `frames` values, not counting those of `replaced`.
    pub(crate) fn last_of_oldest(&self, frames: usize, replaced: &[TopicId]) -> Option<u64> {
        Some(
            self.kept(replaced)
                .nth(frames.checked_sub(1)?)?
                .record
                .sequence,
        )
    }

    /// Takes out what a new value of `topic` replaces: its record, and the frame if it was there.
    pub(crate) fn take_replaced(&mut self, topic: TopicId) -> Option<(Record, Option<Gone>)> {
        let sequence = self.by_topic.remove(&u64::from(topic))?;
        if let Some(value) = self.values.remove(&sequence) {
            self.usage.remove(self.cost(&value));
            let (record, gone) = self.let_go(value);
            return Some((record, Some(gone)));
        }
        let record = self.evicted.remove(&sequence)?;
        self.usage.drop_record(record.cost_bytes());
        Some((record, None))
    }

    /// Lets the oldest value go that is not of `replaced`; its record stays.
    pub(crate) fn trim_frame(&mut self, replaced: &[TopicId]) -> Option<Gone> {
        let sequence = self.last_of_oldest(1, replaced)?;
        let value = self.values.remove(&sequence)?;
        self.usage.trim(self.cost(&value));
        let (record, gone) = self.let_go(value);
        self.evicted.insert(sequence, record);
        Some(gone)
    }

    fn let_go(&mut self, value: Value) -> (Record, Gone) {
        let Value { record, frame, .. } = value;
        let (sequence, text) = (record.sequence, self.texts.remove(record.sequence));
        (
            record,
            Gone {
                sequence,
                frame,
                text,
            },
        )
    }

    /// Forgets the oldest record of a value that had to go.
    pub(crate) fn drop_record(&mut self) -> Option<Record> {
        let (_, record) = self.evicted.pop_first()?;
        self.usage.drop_record(record.cost_bytes());
        for topic in record.reach.topics() {
            self.by_topic.remove(&u64::from(*topic));
        }
        Some(record)
    }

    /// Puts in a value; the one it replaces was taken out before.
    pub(crate) fn push(&mut self, record: Record, id_line: &[u8], body: &[u8]) {
        let sequence = record.sequence;
        for topic in record.reach.topics() {
            self.by_topic.insert(u64::from(*topic), sequence);
        }
        let value = Value {
            record,
            frame: [id_line, body].concat().into(),
            body: id_line.len(),
        };
        self.usage.add(self.cost(&value));
        self.values.insert(sequence, value);
    }

    pub(crate) fn texts(&self) -> &Texts {
        &self.texts
    }

    /// What has to go before a message of so many bytes can be kept with its value; `None` where it
    /// never fits.
    pub(crate) fn trim_for_text(&self, len: usize) -> Option<Trim> {
        let mut usage = self.usage;
        usage.frame_bytes += text_bytes(len);
        self.trim_to(0, usage, &[])
    }

    /// Keeps the message of a value that is there.
    pub(crate) fn keep_text(&mut self, sequence: u64, text: Box<[u8]>) {
        self.usage.frame_bytes += text_bytes(text.len());
        self.texts.insert(sequence, text);
    }

    fn cost(&self, value: &Value) -> Cost {
        let frame_bytes = value_bytes(value.frame.len()) + self.texts.cost(value.record.sequence);
        Cost {
            frame_bytes,
            record_bytes: value.record.cost_bytes(),
        }
    }

    /// The record with exactly this number, and its value if that is there.
    pub(crate) fn record(&self, sequence: u64) -> Option<(&Record, Option<&Value>)> {
        match self.values.get(&sequence) {
            Some(value) => Some((&value.record, Some(value))),
            None => Some((self.evicted.get(&sequence)?, None)),
        }
    }
}

fn is_of(record: &Record, topics: &[TopicId]) -> bool {
    record
        .reach
        .topics()
        .iter()
        .any(|topic| topics.contains(topic))
}
