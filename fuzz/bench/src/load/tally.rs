//! Who got what: the check that every stream got every event, in order and once, and how late.
//!
//! It goes by the numbers in the ids and in the data of events. It does not know sockets.

use super::{End, Watch};
use crate::histogram::Histogram;
use tidings_core::Event;

/// What stands at the begin of the data of an event: its number, and when it was sent.
const NUMBER_DIGITS: usize = 10;
const TIME_DIGITS: usize = 20;
const STAMP_BYTES: usize = NUMBER_DIGITS + TIME_DIGITS;

/// A stream that has been told nothing yet.
const UNKNOWN: u64 = u64::MAX;

pub(crate) struct Tally {
    /// By the number of the stream.
    streams: Vec<Seen>,
    /// Which event has which sequence: the first stream that gets one says so for all.
    numbers: Vec<u32>,
    /// How many streams have the event of a number; one that some have has a sequence already.
    arrivals: Vec<usize>,
    /// All numbers below had arrived everywhere when that was asked last.
    complete: usize,
    delivered: u64,
    latency: Histogram,
    ended: Vec<(usize, End)>,
    fault: Option<String>,
}

/// What one stream has got.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    /// The last sequence, or `UNKNOWN`.
    pub(crate) sequence: u64,
    /// The one before its first event.
    pub(crate) start: u64,
    /// Events.
    pub(crate) received: u64,
    /// Events that it was told it missed.
    pub(crate) missed: u64,
    pub(crate) gaps: u32,
    pub(crate) heartbeats: u32,
    pub(crate) bye: bool,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self {
            streams: Vec::new(),
            numbers: Vec::new(),
            arrivals: Vec::new(),
            complete: 0,
            delivered: 0,
            latency: Histogram::new(),
            ended: Vec::new(),
            fault: None,
        }
    }

    /// The data of an event, of so many bytes.
    pub(crate) fn data(number: u32, now_ns: u64, bytes: usize) -> String {
        let stamp = format!("{number:0NUMBER_DIGITS$}{now_ns:0TIME_DIGITS$}");
        let rest = bytes.saturating_sub(STAMP_BYTES);
        format!("{stamp}{:.<rest$}", "")
    }

    /// Events that were delivered to all streams together.
    pub(crate) fn delivered(&self) -> u64 {
        self.delivered
    }

    /// Events, from the first number on, that so many streams have.
    pub(crate) fn arrived_at(&mut self, streams: usize) -> u64 {
        let following = self.arrivals.iter().skip(self.complete);
        self.complete += following.take_while(|count| **count >= streams).count();
        self.complete as u64
    }

    pub(crate) fn latency(&self) -> &Histogram {
        &self.latency
    }

    /// Forgets how late events were.
    pub(crate) fn forget_latency(&mut self) {
        self.latency = Histogram::new();
    }

    pub(crate) fn of(&self, stream: usize) -> Seen {
        self.streams.get(stream).copied().unwrap_or(Seen::new())
    }

    /// Heartbeats that came on all streams together.
    pub(crate) fn heartbeats(&self) -> u64 {
        self.streams
            .iter()
            .map(|seen| u64::from(seen.heartbeats))
            .sum()
    }

    /// Streams that ended since the last call.
    pub(crate) fn take_ended(&mut self) -> Vec<(usize, End)> {
        std::mem::take(&mut self.ended)
    }

    /// What was wrong first with what came, if anything.
    ///
    /// # Errors
    /// That.
    pub(crate) fn check(&self) -> std::io::Result<()> {
        self.fault
            .as_ref()
            .map_or(Ok(()), |fault| Err(std::io::Error::other(fault.clone())))
    }

    fn seen(&mut self, stream: usize) -> &mut Seen {
        if self.streams.len() <= stream {
            self.streams.resize(stream + 1, Seen::new());
        }
        &mut self.streams[stream]
    }

    fn event_of_topic(&mut self, stream: usize, event: &Event<'_>, now_ns: u64) -> Option<()> {
        let sequence = sequence(event.id_bytes())?;
        let data = event.data_bytes();
        let number = decimal(data.get(..NUMBER_DIGITS)?)?;
        let sent_ns = decimal(data.get(NUMBER_DIGITS..STAMP_BYTES)?)?;
        let seen = self.seen(stream);
        // Sequences are without holes here: all there is goes to one topic.
        let follows = sequence == seen.sequence.wrapping_add(1);
        seen.sequence = sequence;
        seen.received += 1;
        self.latency.record(now_ns.saturating_sub(sent_ns));
        self.delivered += 1;
        (follows && self.is_of(sequence, number)?).then_some(())
    }

    /// Whether all streams agree that this sequence is the event of this number.
    fn is_of(&mut self, sequence: u64, number: u64) -> Option<bool> {
        let (place, number) = (usize::try_from(sequence).ok()?, u32::try_from(number).ok()?);
        if self.numbers.len() <= place {
            self.numbers.resize(place + 1, u32::MAX);
        }
        let needed = self.arrivals.len().max(number as usize + 1);
        self.arrivals.resize(needed, 0);
        let arrivals = &mut self.arrivals[number as usize];
        *arrivals += 1;
        if self.numbers[place] == u32::MAX {
            self.numbers[place] = number;
            if *arrivals > 1 {
                return Some(false);
            }
        }
        Some(self.numbers[place] == number)
    }

    fn control_event(&mut self, stream: usize, event: &Event<'_>) -> Option<()> {
        let seen = self.seen(stream);
        match event.event_bytes() {
            // Where a gap follows, it says the position.
            b"connected" => {
                if event.has_id() {
                    seen.sequence = sequence(event.id_bytes())?;
                    seen.start = seen.sequence;
                }
            }
            b"heartbeat" => seen.heartbeats += 1,
            b"bye" => seen.bye = true,
            b"gap" => {
                let through = sequence(event.id_bytes())?;
                let says: serde_json::Value = serde_json::from_slice(event.data_bytes()).ok()?;
                let missed = says["missed"].as_u64()?;
                // Told is exactly what lies between, as all of it was for this stream.
                if seen.sequence != UNKNOWN && through - seen.sequence != missed {
                    return None;
                }
                seen.sequence = through;
                seen.missed += missed;
                seen.gaps += 1;
            }
            _ => return None,
        }
        Some(())
    }
}

impl Watch for Tally {
    fn event(&mut self, stream: usize, event: &Event<'_>, now_ns: u64) {
        let right = match event.event_bytes() {
            b"message" => self.event_of_topic(stream, event, now_ns),
            _ => self.control_event(stream, event),
        };
        if right.is_none() && self.fault.is_none() {
            let (seen, sequence) = (*event, self.of(stream).sequence);
            self.fault = Some(format!("stream {stream}, at {sequence}, got {seen:?}"));
        }
    }

    fn ended(&mut self, stream: usize, end: End) {
        self.ended.push((stream, end));
    }
}

impl Seen {
    const fn new() -> Self {
        Self {
            sequence: UNKNOWN,
            start: UNKNOWN,
            received: 0,
            missed: 0,
            gaps: 0,
            heartbeats: 0,
            bye: false,
        }
    }
}

/// The sequence in an id that is a position.
fn sequence(id: &[u8]) -> Option<u64> {
    // The text of a cursor is checked when there is one; here only speed matters.
    let mark = id.iter().position(|byte| *byte == b'~')?;
    decimal(&id[mark + 1..])
}

fn decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit < 10)?;
        Some(value * 10 + u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn got(tally: &mut Tally, stream: usize, kind: &str, id: &str, data: &str) -> bool {
        let event = Event::message(data).with_event(kind).unwrap();
        tally.event(stream, &event.with_id(id).unwrap(), 7_000);
        tally.check().is_ok()
    }

    fn opened() -> Tally {
        let mut tally = Tally::new();
        for stream in 0..2 {
            assert!(got(&mut tally, stream, "connected", "1~4", "{}"));
        }
        assert!(got(
            &mut tally,
            0,
            "message",
            "1~5",
            &Tally::data(3, 2_000, 40)
        ));
        tally
    }

    #[test]
    fn what_is_right_is_counted() {
        let mut tally = opened();
        assert!(got(
            &mut tally,
            1,
            "message",
            "1~5",
            &Tally::data(3, 2_000, 40)
        ));
        assert!(got(&mut tally, 1, "gap", "1~9", r#"{"missed":4}"#));
        assert!(got(
            &mut tally,
            1,
            "message",
            "1~10",
            &Tally::data(0, 2_000, 40)
        ));
        let seen = tally.of(1);
        assert_eq!((seen.received, seen.missed, seen.gaps), (2, 4, 1));
        assert_eq!(tally.delivered(), 3);
        assert_eq!(
            [3, 2, 1].map(|streams| tally.arrived_at(streams)),
            [0, 0, 1]
        );
        assert!((tally.latency().quantile_ms(1.0) - 0.005).abs() < 0.000_1);
    }

    #[test]
    fn what_is_wrong_is_seen() {
        let event = |number| Tally::data(number, 0, 30);
        for (stream, kind, id, data) in [
            (1, "message", "1~6", event(4)),
            (1, "message", "1~4", event(4)),
            (1, "message", "1~5", event(4)),
            (0, "message", "1~6", event(3)),
            (0, "message", "1~6", "short".into()),
            (0, "gap", "1~9", r#"{"missed":3}"#.into()),
            (2, "message", "1~5", event(3)),
            (0, "news", "1~6", event(4)),
        ] {
            assert!(!got(&mut opened(), stream, kind, id, &data), "{kind} {id}");
        }
    }
}
