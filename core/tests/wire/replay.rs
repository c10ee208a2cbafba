//! Reads and writes what a case says, in every way.
//!
//! It does not know how a case is written down.

use crate::case::{Case, Kind};
use crate::items::{Reading, Seen, Written};
use std::fmt::Write as _;
use tidings_core::{Decoder, EventError};

/// Streams of up to so many bytes are cut in three, too.
const SHORT: usize = 48;

/// Does what the case says. An error says what came instead.
pub(crate) fn check(case: &Case) -> Result<(), String> {
    match &case.kind {
        Kind::Read {
            decoder,
            streams,
            reading,
        } => check_streams(decoder, streams, reading),
        Kind::Write {
            items,
            outcome,
            reading,
        } => {
            let written = write(items);
            if written != *outcome {
                return Err(format!("  wrote    {written:?}\n  expected {outcome:?}"));
            }
            match (written, reading) {
                (Ok(bytes), Some(reading)) => check_streams(&Decoder::default(), &[bytes], reading),
                _ => Ok(()),
            }
        }
    }
}

fn write(items: &[Written]) -> Result<Vec<u8>, EventError> {
    let mut bytes = Vec::new();
    for item in items {
        item.write(&mut bytes)?;
    }
    Ok(bytes)
}

/// Reads the streams with each of them cut in every way, and with all cut into bytes.
fn check_streams(decoder: &Decoder, streams: &[Vec<u8>], expected: &Reading) -> Result<(), String> {
    let whole: Vec<Vec<&[u8]>> = streams.iter().map(|stream| vec![&stream[..]]).collect();
    for (number, stream) in streams.iter().enumerate() {
        for way in ways(stream) {
            let mut cut = whole.clone();
            cut[number] = way;
            compare(decoder, &cut, expected)?;
        }
    }
    let bytes: Vec<Vec<&[u8]>> = streams.iter().map(|one| one.chunks(1).collect()).collect();
    compare(decoder, &bytes, expected)
}

/// A stream whole, byte by byte with nothing between, in two, and in three if it is short.
fn ways(stream: &[u8]) -> Vec<Vec<&[u8]>> {
    let nothing = &stream[..0];
    let mut ways = vec![
        vec![stream],
        stream.chunks(1).flat_map(|byte| [byte, nothing]).collect(),
    ];
    for first in 1..stream.len() {
        let (start, rest) = stream.split_at(first);
        ways.push(vec![start, rest]);
        if stream.len() <= SHORT {
            let seconds = 1..rest.len();
            ways.extend(seconds.map(|second| vec![start, &rest[..second], &rest[second..]]));
        }
    }
    ways
}

fn compare(decoder: &Decoder, streams: &[Vec<&[u8]>], expected: &Reading) -> Result<(), String> {
    let reading = read(decoder.clone(), streams);
    if reading == *expected {
        return Ok(());
    }
    let mut failure = String::new();
    for chunks in streams {
        let chunks: Vec<_> = chunks.iter().map(|chunk| chunk.escape_ascii()).collect();
        let _ = writeln!(failure, "  in {} chunks", chunks.len());
        for chunk in chunks.iter().take(8) {
            let _ = writeln!(failure, "    {chunk}");
        }
    }
    Err(format!(
        "{failure}  read     {reading:?}\n  expected {expected:?}"
    ))
}

fn read(mut decoder: Decoder, streams: &[Vec<&[u8]>]) -> Reading {
    let mut seen = Vec::new();
    for (number, chunks) in streams.iter().enumerate() {
        if number > 0 {
            decoder.reset();
        }
        for chunk in chunks {
            let mut input = *chunk;
            if let Err(error) = read_chunk(&mut decoder, &mut input, &mut seen) {
                seen.push(error);
                break;
            }
            assert!(input.is_empty(), "`None` means that the input is used up");
        }
    }
    let last_event_id = decoder.last_event_id().into_owned();
    Reading {
        seen,
        last_event_id,
    }
}

fn read_chunk(decoder: &mut Decoder, input: &mut &[u8], seen: &mut Vec<Seen>) -> Result<(), Seen> {
    while let Some(item) = decoder.decode(input)? {
        seen.push(item.into());
    }
    Ok(())
}
