//! The decoder reads every stream as the standard says, however it is cut.
//!
//! It does not know how: the standard is written down in [`standard`](crate::standard).

use super::reading::{expected, feed};
use crate::ensure_eq;
use crate::verdict::Verdict;
use arbitrary::{Arbitrary, Unstructured};
use tidings_core::{DecodeOptions, Decoder};

/// A stream and how it is read.
#[derive(Arbitrary, Debug)]
struct Input<'a> {
    comments: bool,
    /// The limit, in bytes; 0 for the usual.
    limit: u8,
    /// Whether the stream is resumed.
    resumes: bool,
    /// How long the chunks are, over and over. One of 0 ends after the next CR.
    lengths: [u8; 4],
    stream: &'a [u8],
}

/// Checks the decoder with this input: seven bytes that say how, and the stream.
///
/// # Errors
/// Where it does not read what the standard says.
pub fn check(bytes: &[u8]) -> Verdict {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(bytes)) else {
        return Ok(());
    };
    let mut options = DecodeOptions {
        comments: input.comments,
        ..DecodeOptions::default()
    };
    if input.limit > 0 {
        options.event_bytes = usize::from(input.limit);
        options.kept_bytes = usize::from(input.limit) / 2;
    }
    let id = if input.resumes { "7é" } else { "" };
    let picked = cut(input.stream, &input.lengths);
    let right = expected(input.stream, id, options);
    for chunks in [
        vec![input.stream],
        input.stream.chunks(1).collect(),
        picked.clone(),
    ] {
        let mut decoder = Decoder::new(options);
        let resumed = decoder.resume(id.as_bytes());
        ensure_eq!(resumed, Ok(()), "an id that is good");
        let outcome = feed(&mut decoder, chunks.iter().copied())?;
        ensure_eq!(outcome, right, "in {} chunks", chunks.len());

        decoder.reset();
        let again = feed(&mut decoder, picked.iter().copied())?;
        let right = expected(input.stream, &right.last_event_id, options);
        ensure_eq!(again, right, "once more, after a reset");
    }
    Ok(())
}

fn cut<'s>(stream: &'s [u8], lengths: &[u8]) -> Vec<&'s [u8]> {
    let mut chunks = Vec::new();
    let mut rest = stream;
    for len in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let len = match len {
            0 => rest
                .iter()
                .position(|byte| *byte == b'\r')
                .map_or(rest.len(), |at| at + 1),
            len => usize::from(*len).min(rest.len()),
        };
        let (chunk, following) = rest.split_at(len);
        chunks.push(chunk);
        rest = following;
    }
    chunks
}
