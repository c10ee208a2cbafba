//! What is encoded is read back as what it was, whatever is in it; and what was read can be encoded
//! again.
//!
//! It does not know how an event looks on the wire.

use super::reading::{Outcome, feed, told_event};
use crate::standard::{self, Seen};
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use arbitrary::{Arbitrary, Unstructured};
use tidings_core::{DecodeOptions, Decoder, Event, Item, OwnedEvent, encode_comment};

/// An event as an application would have it, which may not be possible.
#[derive(Arbitrary, Debug)]
struct Letter<'a> {
    id: Option<&'a str>,
    event: Option<&'a str>,
    data: Option<&'a str>,
    retry: Option<u64>,
    /// A comment that follows it.
    comment: Option<&'a str>,
}

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    /// How long the chunks are.
    len: u8,
    letters: Vec<Letter<'a>>,
    /// What is read, and the events in it encoded again.
    stream: &'a [u8],
}

/// Checks the encoder with this input.
///
/// # Errors
/// Where something is refused that need not be, or the other way round; where a reader gets another
/// event than was written, or one more; where a length was not as said.
pub fn check(bytes: &[u8]) -> Verdict {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(bytes)) else {
        return Ok(());
    };
    let len = usize::from(input.len).max(1);
    let mut wire = Vec::new();
    let mut right = Outcome {
        seen: Vec::new(),
        last_event_id: String::new(),
        error: None,
    };
    for letter in &input.letters {
        if let Some(event) = build(letter)? {
            write(event, &mut wire)?;
            expect(event, &mut right);
        }
        if let Some(comment) = letter.comment {
            encode_comment(comment, &mut wire);
            let lines = lines(comment).into_iter().map(Seen::Comment);
            right.seen.extend(lines);
        }
    }
    compare(&wire, len, &right)?;
    again(input.stream, len)
}

/// The event, unless it must be refused.
fn build<'a>(letter: &Letter<'a>) -> Verdict<Option<Event<'a>>> {
    let breaks = |text: &str| text.contains(['\r', '\n']);
    let mut event = Event::new();
    if let Some(id) = letter.id {
        let good = !breaks(id) && !id.contains('\0');
        let with_id = event.with_id(id);
        ensure_eq!(with_id.is_ok(), good, "whether {id:?} may be an id");
        let Ok(with_id) = with_id else {
            return Ok(None);
        };
        event = with_id;
    }
    if let Some(name) = letter.event {
        let with_event = event.with_event(name);
        ensure_eq!(
            with_event.is_ok(),
            !breaks(name),
            "whether {name:?} may be a type"
        );
        let Ok(with_event) = with_event else {
            return Ok(None);
        };
        event = with_event;
    }
    if let Some(data) = letter.data {
        event = event.with_data(data);
    }
    if let Some(ms) = letter.retry {
        event = event.with_retry(ms);
    }
    Ok(Some(event))
}

/// Encodes an event, whole and in its parts.
fn write(event: Event<'_>, wire: &mut Vec<u8>) -> Verdict {
    let before = wire.len();
    event.encode(wire);
    let whole = &wire[before..];
    ensure_eq!(whole.len(), event.encoded_len(), "the length of {event:?}");
    let mut parts = Vec::new();
    event.encode_id(&mut parts);
    ensure_eq!(parts.len(), event.encoded_id_len(), "that of its id line");
    event.encode_body(&mut parts);
    let body_len = parts.len() - event.encoded_id_len();
    ensure_eq!(body_len, event.encoded_body_len(), "that of the rest");
    ensure!(parts == whole, "{event:?} is not the sum of its parts");
    Ok(())
}

/// Adds what a page must hear of an event.
fn expect(event: Event<'_>, right: &mut Outcome) {
    if event.has_id() {
        right.last_event_id = event.id().into_owned();
    }
    right.seen.extend(event.retry().map(Seen::Retry));
    if event.has_data() {
        right.seen.push(Seen::Event {
            event: event.event().into_owned(),
            data: lines(&event.data()).join("\n"),
            last_event_id: right.last_event_id.clone(),
            has_id: event.has_id(),
            retry: event.retry(),
        });
    }
}

/// The lines of a text, each of CRLF, LF and CR between two.
fn lines(text: &str) -> Vec<String> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.split('\n').map(str::to_owned).collect()
}

/// Reads the bytes by the standard and by the decoder.
fn compare(wire: &[u8], len: usize, right: &Outcome) -> Verdict {
    let reading = standard::read(wire, "");
    ensure_eq!(reading.seen, right.seen, "what the standard reads");
    ensure_eq!(
        reading.last_event_id,
        right.last_event_id,
        "what the standard reads last"
    );
    let options = DecodeOptions {
        comments: true,
        ..DecodeOptions::default()
    };
    let outcome = feed(&mut Decoder::new(options), wire.chunks(len))?;
    ensure_eq!(outcome, *right, "what the decoder reads");
    Ok(())
}

/// Encodes the events of a stream again, with bytes that are not UTF-8 as they came.
fn again(stream: &[u8], len: usize) -> Verdict {
    let events = events(stream, len)?;
    let mut wire = Vec::new();
    for event in &events {
        write(event.as_event(), &mut wire)?;
    }
    let same = self::events(&wire, len)?;
    ensure_eq!(same.len(), events.len(), "how many events come back");
    for (same, event) in same.iter().zip(&events) {
        let (same, event) = (same.as_event(), event.as_event());
        let id = |event: Event<'_>| event.has_id().then(|| event.id_bytes().to_vec());
        ensure_eq!(id(same), id(event), "the id");
        ensure_eq!(same.event_bytes(), event.event_bytes(), "the type");
        ensure_eq!(same.data_bytes(), event.data_bytes(), "the data");
        ensure_eq!(same.retry(), event.retry(), "the retry");
    }
    // A page cannot tell the difference, but for ids that came before.
    let told: Vec<_> = events
        .iter()
        .map(|one| told_event(one.as_event()))
        .collect();
    let reading = standard::read(stream, "").seen.into_iter();
    let right: Vec<_> = reading
        .filter(|seen| matches!(seen, Seen::Event { .. }))
        .collect();
    ensure_eq!(told, right, "the events of the stream");
    Ok(())
}

fn events(stream: &[u8], len: usize) -> Verdict<Vec<OwnedEvent>> {
    let mut decoder = Decoder::default();
    let mut events = Vec::new();
    for chunk in stream.chunks(len) {
        let mut input = chunk;
        while let Some(item) = decoder
            .decode(&mut input)
            .map_err(|error| error.to_string())?
        {
            if let Item::Event(event) = item {
                events.push(event.into_owned());
            }
        }
    }
    Ok(events)
}
