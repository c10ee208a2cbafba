//! What a reader of the core makes of a stream, and what it has to: the standard's reading, up to
//! the byte that is over the limit.
//!
//! It does not know how the stream was made.

use crate::ensure;
use crate::standard::{self, Seen};
use crate::verdict::Verdict;
use tidings_core::{DecodeError, DecodeOptions, Decoder, Event, Item};

/// What has come, or has to come, of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) seen: Vec<Seen>,
    pub(super) last_event_id: String,
    pub(super) error: Option<DecodeError>,
}

/// What has to come of a stream that begins with this last event id.
pub(super) fn expected(stream: &[u8], last_event_id: &str, options: DecodeOptions) -> Outcome {
    let error = first_excess(stream, options);
    let read = match error {
        Some(
            DecodeError::EventTooLarge { offset, .. } | DecodeError::CommentTooLarge { offset, .. },
        ) => &stream[..offset as usize],
        _ => stream,
    };
    let mut reading = standard::read(read, last_event_id);
    if !options.comments {
        let is_comment = |seen: &Seen| matches!(seen, Seen::Comment(_));
        reading.seen.retain(|seen| !is_comment(seen));
    }
    Outcome {
        seen: reading.seen,
        last_event_id: reading.last_event_id,
        error,
    }
}

/// Feeds chunks until they end, or the decoder does.
pub(super) fn feed<'c>(
    decoder: &mut Decoder,
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> Verdict<Outcome> {
    let (mut seen, mut error) = (Vec::new(), None);
    'chunks: for chunk in chunks {
        let mut input = chunk;
        loop {
            let before = input;
            match decoder.decode(&mut input) {
                Ok(Some(item)) => seen.push(told(item)),
                Ok(None) => break,
                Err(failure) => {
                    ensure!(input == before, "an error has taken bytes");
                    let again = decoder.decode(&mut &b"\n\n"[..]).err();
                    ensure!(again == Some(failure), "an error did not stay: {again:?}");
                    error = Some(failure);
                    break 'chunks;
                }
            }
        }
        ensure!(input.is_empty(), "`None`, and {} bytes left", input.len());
    }
    Ok(Outcome {
        seen,
        last_event_id: decoder.last_event_id().into_owned(),
        error,
    })
}

fn told(item: Item<'_>) -> Seen {
    match item {
        Item::Event(event) => told_event(event),
        Item::Retry(ms) => Seen::Retry(ms),
        Item::Comment(text) => Seen::Comment(standard::utf_8_decode_without_bom(text)),
        other => unreachable!("no other items exist: {other:?}"),
    }
}

/// An event as an application gets it.
pub(super) fn told_event(event: Event<'_>) -> Seen {
    Seen::Event {
        event: event.event().into_owned(),
        data: event.data().into_owned(),
        last_event_id: event.id().into_owned(),
        has_id: event.has_id(),
        retry: event.retry(),
    }
}

/// The first byte that is too much, of all that have to be kept until their event ends.
fn first_excess(stream: &[u8], options: DecodeOptions) -> Option<DecodeError> {
    let limit_bytes = options.event_bytes;
    let (mut used, mut has_data) = (0, false);
    let mut at = if stream.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    while at < stream.len() {
        let rest = &stream[at..];
        let end = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        let line = &rest[..end.unwrap_or(rest.len())];
        if line.is_empty() {
            (used, has_data) = (0, false);
        }
        if let Some((name, start)) = split(line, end.is_some()) {
            let value = &line[start..];
            let kept = match name {
                b"data" => value.len() + usize::from(has_data),
                b"event" => value.len(),
                b"id" => value
                    .iter()
                    .position(|byte| *byte == 0)
                    .unwrap_or(value.len()),
                b"" if options.comments && value.len() > limit_bytes => {
                    let offset = (at + start + limit_bytes) as u64;
                    return Some(DecodeError::CommentTooLarge {
                        limit_bytes,
                        offset,
                    });
                }
                _ => 0,
            };
            if used + kept > limit_bytes {
                // The line break before further data is counted where its value begins.
                let room = limit_bytes - used;
                let room = match (name, has_data) {
                    (b"data", true) => room.saturating_sub(1),
                    _ => room,
                };
                let offset = (at + start + room) as u64;
                return Some(DecodeError::EventTooLarge {
                    limit_bytes,
                    offset,
                });
            }
            used += kept;
            has_data |= name == b"data";
        }
        at += line.len();
        at += if stream[at..].starts_with(b"\r\n") {
            2
        } else {
            1
        };
    }
    None
}

/// The name of a line, and where its value begins; none as long as that may still change.
fn split(line: &[u8], has_ended: bool) -> Option<(&[u8], usize)> {
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return has_ended.then_some((line, line.len()));
    };
    let name = &line[..colon];
    match line.get(colon + 1) {
        Some(b' ') => Some((name, colon + 2)),
        None if !has_ended => None,
        _ => Some((name, colon + 1)),
    }
}
