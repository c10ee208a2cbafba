//! The classes of a hub: the logs of topics that share a retention, of either kind.
//!
//! It does not know which topic belongs where (`rules` does), nor who reads.

use super::lane::Lane;
use super::latest::{Latest, Value};
use super::log::Log;
use super::options::{ClassOptions, HubOptions};
use super::record::{Record, Span, TopicId};
use super::retention::{Cost, Trim, Usage};
use super::texts::Texts;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Position of a class in the order of matching.
pub(crate) type ClassId = u8;

pub(crate) enum Class {
    Log(Log),
    Latest(Latest),
}

/// Where a frame stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Log(ClassId, Span),
    Value(ClassId, u64),
    /// The message of the event of this number.
    Text(ClassId, u64),
}

/// What has to stand as long as a reader is in the middle of something in it.
#[derive(Clone, Copy)]
pub(crate) enum Held {
    Segment(u32),
    Value(u64),
    Text(u64),
}

/// What is found in a log: a record, and where its frame stands if it does.
pub(crate) struct Found<'a> {
    pub(crate) class: ClassId,
    pub(crate) record: &'a Record,
    pub(crate) place: Option<Place>,
}

impl Class {
    pub(crate) fn new(options: &ClassOptions) -> Self {
        if options.latest {
            Self::Latest(Latest::new(options))
        } else {
            Self::Log(Log::new(options))
        }
    }

    pub(crate) fn is_latest(&self) -> bool {
        matches!(self, Self::Latest(_))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.usage().events == 0
    }

    pub(crate) fn usage(&self) -> &Usage {
        match self {
            Self::Log(log) => log.usage(),
            Self::Latest(latest) => latest.usage(),
        }
    }

    /// The sequence of the oldest frame.
    pub(crate) fn first_retained(&self) -> Option<u64> {
        match self {
            Self::Log(log) => log.first_retained(),
            Self::Latest(latest) => latest.first_retained(),
        }
    }

    /// How many of the numbers of a topic of this class still have a frame.
    pub(crate) fn count_retained(&self, lane: &Lane) -> usize {
        match self {
            Self::Log(log) => log
                .first_retained()
                .map_or(0, |first| lane.count_from(first)),
            // There is one at most.
            Self::Latest(latest) => {
                let value = lane.at(0).and_then(|sequence| latest.value(sequence));
                usize::from(value.is_some())
            }
        }
    }

    /// The last number whose frame is gone while its record stands.
    pub(crate) fn trimmed_through(&self) -> Option<u64> {
        match self {
            Self::Log(log) => log.trimmed_through(),
            Self::Latest(latest) => latest.trimmed_through(),
        }
    }

    /// Where in a log the record from `sequence` on is to be found; of no meaning for values.
    pub(crate) fn place_from(&self, sequence: u64) -> usize {
        match self {
            Self::Log(log) => log.place_from(sequence),
            Self::Latest(_) => 0,
        }
    }

    /// The record at this place of a log, or the first of a value from `sequence` on.
    pub(crate) fn found(&self, class: ClassId, place: usize, sequence: u64) -> Option<Found<'_>> {
        match self {
            Self::Log(log) => {
                let record = log.record(place)?;
                let frame = log
                    .has_frame(place)
                    .then_some(Place::Log(class, record.span));
                Some(Found {
                    class,
                    record,
                    place: frame,
                })
            }
            Self::Latest(latest) => {
                let (record, has_frame) = latest.record_from(sequence)?;
                let frame = has_frame.then_some(Place::Value(class, record.sequence));
                Some(Found {
                    class,
                    record,
                    place: frame,
                })
            }
        }
    }

    /// What has to go before these can come in; `None` where they never fit. In a `latest` class
    /// the values of the topics in `replaced` go anyway.
    pub(crate) fn trim_for(&self, replaced: &[TopicId], incoming: &[Cost]) -> Option<Trim> {
        match self {
            Self::Log(log) => log.trim_for(incoming),
            Self::Latest(latest) => latest.trim_for(replaced, incoming),
        }
    }

    /// The sequence of the last of the oldest `frames`, not counting those of `replaced`.
    pub(crate) fn last_of_oldest(&self, frames: usize, replaced: &[TopicId]) -> Option<u64> {
        match self {
            Self::Log(log) => log.last_of_oldest(frames),
            Self::Latest(latest) => latest.last_of_oldest(frames, replaced),
        }
    }

    /// What has to go because it is older than the class keeps it, up to but without `protected`.
    pub(crate) fn aged(&self, now: u64, protected: u64) -> Trim {
        match self {
            Self::Log(log) => log.aged(now, protected),
            Self::Latest(latest) => latest.aged(now, protected),
        }
    }

    /// When the oldest frame becomes too old.
    pub(crate) fn ages_at(&self) -> Option<u64> {
        match self {
            Self::Log(log) => log.ages_at(),
            Self::Latest(latest) => latest.ages_at(),
        }
    }

    /// All index records, in no order.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        let (log, latest) = match self {
            Self::Log(log) => (Some(log.records()), None),
            Self::Latest(latest) => (None, Some(latest.records())),
        };
        log.into_iter()
            .flatten()
            .chain(latest.into_iter().flatten())
    }

    /// Forgets the oldest record, whose frame is gone.
    pub(crate) fn drop_record(&mut self) -> Option<Record> {
        match self {
            Self::Log(log) => log.drop_record(),
            Self::Latest(latest) => latest.drop_record(),
        }
    }

    pub(crate) fn push(&mut self, record: Record, id_line: &[u8], body: &[u8]) {
        match self {
            Self::Log(log) => log.push(record, id_line, body),
            Self::Latest(latest) => latest.push(record, id_line, body),
        }
    }

    fn texts(&self) -> &Texts {
        match self {
            Self::Log(log) => log.texts(),
            Self::Latest(latest) => latest.texts(),
        }
    }

    /// The message of an event, if one was made and kept.
    pub(crate) fn text(&self, sequence: u64) -> Option<&[u8]> {
        self.texts().get(sequence)
    }

    /// What has to go before a message of so many bytes can be kept; `None` where it never fits.
    pub(crate) fn trim_for_text(&self, len: usize) -> Option<Trim> {
        match self {
            Self::Log(log) => log.trim_for_text(len),
            Self::Latest(latest) => latest.trim_for_text(len),
        }
    }

    /// Whether a message is kept of an event that can be sent no more.
    pub(crate) fn has_stray_text(&self) -> bool {
        self.texts().sequences().any(|sequence| {
            let found = self.found(0, self.place_from(sequence), sequence);
            !found.is_some_and(|found| found.record.sequence == sequence && found.place.is_some())
        })
    }

    /// Keeps the message of an event that can be sent.
    pub(crate) fn keep_text(&mut self, sequence: u64, text: Box<[u8]>) {
        match self {
            Self::Log(log) => log.keep_text(sequence, text),
            Self::Latest(latest) => latest.keep_text(sequence, text),
        }
    }
}

/// All classes of a hub.
pub(crate) struct Classes(Vec<Class>);

impl Classes {
    pub(crate) fn new(options: &HubOptions) -> Self {
        Self(options.all_classes().map(Class::new).collect())
    }

    /// How many there are; their ids count up from 0.
    pub(crate) fn len(&self) -> ClassId {
        self.0.len() as ClassId
    }

    pub(crate) fn get(&self, class: ClassId) -> &Class {
        &self.0[usize::from(class)]
    }

    pub(crate) fn get_mut(&mut self, class: ClassId) -> &mut Class {
        &mut self.0[usize::from(class)]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (ClassId, &Class)> {
        self.0
            .iter()
            .enumerate()
            .map(|(class, log)| (class as ClassId, log))
    }

    /// The record with exactly this number.
    pub(crate) fn find(&self, sequence: u64) -> Option<Found<'_>> {
        self.iter().find_map(|(class, log)| {
            let found = log.found(class, log.place_from(sequence), sequence)?;
            (found.record.sequence == sequence).then_some(found)
        })
    }

    /// The value that was found, if it is one and its frame stands.
    pub(crate) fn value(&self, found: &Found<'_>) -> Option<&Value> {
        match (found.place?, self.get(found.class)) {
            (Place::Value(_, sequence), Class::Latest(latest)) => latest.value(sequence),
            _ => None,
        }
    }

    /// Where the message of an event stands, if it was made and kept.
    pub(crate) fn find_text(&self, sequence: u64) -> Option<Place> {
        let found = self.iter().find(|(_, log)| log.text(sequence).is_some());
        found.map(|(class, _)| Place::Text(class, sequence))
    }

    pub(crate) fn frame_len(&self, place: Place) -> usize {
        match place {
            Place::Log(_, span) => span.len as usize,
            Place::Value(..) | Place::Text(..) => self.kept(place).map_or(0, <[u8]>::len),
        }
    }

    /// So many bytes from `skip` bytes into a frame on. They may reach into the frames that follow
    /// it in its segment.
    pub(crate) fn bytes_from(&self, place: Place, skip: usize, len: usize) -> &[u8] {
        let bytes = match (place, self.get(place.class())) {
            (Place::Log(_, span), Class::Log(log)) => Some(log.bytes_from(span, skip, len)),
            _ => self.kept(place).map(|bytes| &bytes[skip..][..len]),
        };
        debug_assert!(
            bytes.is_some(),
            "a place is used only while its frame stands"
        );
        bytes.unwrap_or_default()
    }

    /// A value or a message, which stands alone.
    #[inline(never)]
    fn kept(&self, place: Place) -> Option<&[u8]> {
        match (place, self.get(place.class())) {
            (Place::Value(_, sequence), Class::Latest(latest)) => {
                latest.value(sequence).map(|value| &*value.frame)
            }
            (Place::Text(_, sequence), log) => log.text(sequence),
            _ => None,
        }
    }
}

impl Place {
    pub(crate) fn class(self) -> ClassId {
        match self {
            Self::Log(class, _) | Self::Value(class, _) | Self::Text(class, _) => class,
        }
    }

    pub(crate) fn held(self) -> Held {
        match self {
            Self::Log(_, span) => Held::Segment(span.segment),
            Self::Value(_, sequence) => Held::Value(sequence),
            Self::Text(_, sequence) => Held::Text(sequence),
        }
    }
}
