//! The log of one class: frames back to back in byte segments, and an index record for each.
//!
//! It does not know readers. What it drops it hands back, so that the hub can tell lanes and
//! readers. Frames are trimmed exactly, one at a time from the front; their memory goes a segment
//! at a time. Records stay longer, so that what a reader missed can be counted.

use super::options::ClassOptions;
use super::record::{Record, Span};
use super::retention::{Cost, Retention, Trim, Usage};
use super::texts::{Texts, text_bytes};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// The usual size of a segment: large enough that a burst is one slice, small enough to be given
/// back soon. A larger frame has a segment of its own size.
const SEGMENT_BYTES: usize = 64 << 10;

pub(crate) struct Log {
    retention: Retention,
    usage: Usage,
    /// In order of their sequences; the first `usage.trimmed` have no frame any more.
    records: VecDeque<Record>,
    segments: VecDeque<Vec<u8>>,
    /// The number of the first segment; numbers wrap around.
    first_segment: u32,
    texts: Texts,
}

impl Log {
    pub(crate) fn new(options: &ClassOptions) -> Self {
        Self {
            retention: Retention::new(options),
            usage: Usage::default(),
            records: VecDeque::new(),
            segments: VecDeque::new(),
            first_segment: 0,
            texts: Texts::default(),
        }
    }

    /// What is counted against the limits. The allocations exceed it by at most one segment at
    /// either end.
    pub(crate) fn usage(&self) -> &Usage {
        &self.usage
    }

    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.iter()
    }

    pub(crate) fn record(&self, place: usize) -> Option<&Record> {
        self.records.get(place)
    }

    pub(crate) fn has_frame(&self, place: usize) -> bool {
        place >= self.usage.trimmed
    }

    /// The sequence of the oldest frame.
    pub(crate) fn first_retained(&self) -> Option<u64> {
        Some(self.records.get(self.usage.trimmed)?.sequence)
    }

    /// The last number whose frame is gone while its record stands.
    pub(crate) fn trimmed_through(&self) -> Option<u64> {
        Some(
            self.records
                .get(self.usage.trimmed.checked_sub(1)?)?
                .sequence,
        )
    }

    /// The place of the first record from `sequence` on.
    pub(crate) fn place_from(&self, sequence: u64) -> usize {
        let Some(last) = self.records.back() else {
            return 0;
        };
        let len = self.records.len();
        let Some(behind) = last.sequence.checked_sub(sequence) else {
            return len;
        };
        // Numbers rise by one or more, so at most `behind` records come between: where no number
        // went to another log, the bound is the answer.
        let least = (len - 1).saturating_sub(usize::try_from(behind).unwrap_or(usize::MAX));
        if self.records[least].sequence >= sequence {
            return least;
        }
        let (mut low, mut high) = (least + 1, len - 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.records[middle].sequence < sequence {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// So many bytes from `skip` bytes into a frame on, within its segment.
    pub(crate) fn bytes_from(&self, span: Span, skip: usize, len: usize) -> &[u8] {
        let segment = span.segment.wrapping_sub(self.first_segment) as usize;
        &self.segments[segment][span.start as usize + skip..][..len]
    }

    /// What has to go before `incoming` events can come in; `None` where they never fit.
    pub(crate) fn trim_for(&self, incoming: &[Cost]) -> Option<Trim> {
        let mut usage = self.usage;
        incoming.iter().for_each(|cost| usage.add(*cost));
        self.trim_to(0, usage)
    }

    /// What has to go because it is older than the class keeps it, up to but without `protected`.
    pub(crate) fn aged(&self, now: u64, protected: u64) -> Trim {
        let kept = self.records.iter().skip(self.usage.trimmed);
        let aged = kept.take_while(|record| {
            record.sequence < protected && self.retention.is_aged(record.time_ms, now)
        });
        match aged.count() {
            0 => Trim::default(),
            aged => self.trim_to(aged, self.usage).unwrap_or_default(),
        }
    }

    fn trim_to(&self, aged: usize, usage: Usage) -> Option<Trim> {
        let trimmed = self.records.iter().take(self.usage.trimmed);
        let kept = self.records.iter().skip(self.usage.trimmed);
        self.retention.trim_for(
            aged,
            usage,
            trimmed.map(Record::cost_bytes),
            kept.map(|record| self.cost(record)),
        )
    }

    pub(crate) fn texts(&self) -> &Texts {
        &self.texts
    }

    /// What has to go before a message of so many bytes can be kept with its event; `None` where it
    /// never fits.
    pub(crate) fn trim_for_text(&self, len: usize) -> Option<Trim> {
        let mut usage = self.usage;
        usage.frame_bytes += text_bytes(len);
        self.trim_to(0, usage)
    }

    /// Keeps the message of an event whose frame stands.
    pub(crate) fn keep_text(&mut self, sequence: u64, text: Box<[u8]>) {
        self.usage.frame_bytes += text_bytes(text.len());
        self.texts.insert(sequence, text);
    }

    /// When the oldest frame becomes too old.
    pub(crate) fn ages_at(&self) -> Option<u64> {
        self.retention
            .ages_at(self.records.get(self.usage.trimmed)?.time_ms)
    }

    /// The sequence of the last of the oldest `frames` frames.
    pub(crate) fn last_of_oldest(&self, frames: usize) -> Option<u64> {
        Some(
            self.records
                .get(self.usage.trimmed + frames.checked_sub(1)?)?
                .sequence,
        )
    }

    /// Lets the oldest frame go; its record stays. Hands back its number, and its message if it had
    /// one.
    pub(crate) fn trim_frame(&mut self) -> Option<(u64, Box<[u8]>)> {
        let record = &self.records[self.usage.trimmed];
        let (sequence, cost) = (record.sequence, self.cost(record));
        self.usage.trim(cost);
        Some((sequence, self.texts.remove(sequence)?))
    }

    /// Forgets the oldest record, whose frame is gone.
    pub(crate) fn drop_record(&mut self) -> Option<Record> {
        debug_assert!(
            self.usage.trimmed > 0,
            "only records without a frame are dropped"
        );
        let record = self.records.pop_front()?;
        self.usage.drop_record(record.cost_bytes());
        Some(record)
    }

    /// The first segment, if no frame in it is left; the open one stays.
    pub(crate) fn spent_segment(&self) -> Option<u32> {
        let first = self.first_segment;
        let oldest = self
            .records
            .get(self.usage.trimmed)
            .map(|record| record.span.segment);
        (self.segments.len() > 1 && oldest != Some(first)).then_some(first)
    }

    pub(crate) fn drop_segment(&mut self) {
        if self.segments.pop_front().is_some() {
            self.first_segment = self.first_segment.wrapping_add(1);
        }
    }

    /// Appends a record, and the frame in two parts.
    pub(crate) fn push(&mut self, mut record: Record, id_line: &[u8], body: &[u8]) {
        let len = id_line.len() + body.len();
        let segment = self.open_segment(len);
        record.span = Span {
            segment,
            start: self.segments.back().map_or(0, Vec::len) as u32,
            len: len as u32,
        };
        let bytes = self.segments.back_mut().expect("a segment was just opened");
        bytes.extend_from_slice(id_line);
        bytes.extend_from_slice(body);
        self.usage.add(self.cost(&record));
        self.records.push_back(record);
    }

    fn cost(&self, record: &Record) -> Cost {
        let frame_bytes = record.span.len as usize + self.texts.cost(record.sequence);
        Cost {
            frame_bytes,
            record_bytes: record.cost_bytes(),
        }
    }

    /// The number of a last segment with room for `len` bytes.
    fn open_segment(&mut self, len: usize) -> u32 {
        let fits = self
            .segments
            .back()
            .is_some_and(|last| last.capacity() - last.len() >= len);
        if !fits {
            if let Some(last) = self.segments.back_mut() {
                // Large frames leave large ends unused.
                if last.capacity() - last.len() > SEGMENT_BYTES / 16 {
                    last.shrink_to_fit();
                }
            }
            self.segments
                .push_back(Vec::with_capacity(len.max(SEGMENT_BYTES)));
        }
        self.first_segment
            .wrapping_add(self.segments.len() as u32 - 1)
    }
}
