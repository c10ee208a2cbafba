//! The benchmarks of the codec: decoders and encoders side by side, and the machine's own limit.
//!
//! Before any time is taken, all have to agree on what the bytes mean; none is compared with one
//! that does less.

mod decoders;
mod encoders;
pub(crate) mod inputs;

use crate::race::{Racer, fastest, race, ratios};
use crate::report::{Arguments, Mark, Report};
use decoders::{Decode, EventsourceStream, Russe, Seen, SseCore, SseStream, Tidings};
use encoders::{BATCH, Encode};
use inputs::{Input, Sample};
use std::hash::{DefaultHasher, Hasher as _};
use std::hint::black_box;
use std::io;
use std::time::{Duration, Instant};
use tidings_core::{Decoder, Item, OwnedEvent};

/// How much faster than the fastest peer decoding has to be.
const DECODE_MARK: Mark = Mark::AtLeast(1.05);
/// How much of the fastest peer's time encoding may take.
const ENCODE_MARK: Mark = Mark::AtMost(1.0);

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let mut report = Report::new(arguments)?;
    let rounds = if arguments.quick { 3 } else { 101 };
    report.begin("decode", &format!("{rounds} rounds"));
    for input in inputs::streams() {
        decode(&mut report, &input, rounds)?;
    }
    report.begin("encode", &format!("{rounds} rounds"));
    for sample in inputs::samples() {
        encode(&mut report, &sample, rounds)?;
    }
    report.verdict(arguments.quick)
}

fn decode(report: &mut Report, input: &Input, rounds: usize) -> io::Result<()> {
    let ours = checksum::<Tidings>(input);
    let mut racers = vec![
        decoder::<Tidings>(input, ours)?,
        decoder::<SseCore>(input, ours)?,
        decoder::<SseStream>(input, ours)?,
        decoder::<EventsourceStream>(input, ours)?,
        decoder::<Russe>(input, ours)?,
    ];
    let decoders = racers.len();
    racers.push(Racer::new("memchr to each line end", || {
        timed(|| {
            for chunk in input.chunks() {
                black_box(memchr::memchr_iter(b'\n', chunk).count());
            }
        })
    }));
    racers.push(Racer::new("memcpy", || {
        let mut copy = vec![0; input.chunk_bytes];
        timed(|| {
            for chunk in input.chunks() {
                copy[..chunk.len()].copy_from_slice(chunk);
                black_box(&mut copy);
            }
        })
    }));
    race(&mut racers, rounds);
    let ns_to_mib = input.stream.len() as f64 / f64::from(1 << 20) * 1e9;
    for racer in &racers {
        let speeds: Vec<f64> = racer.times_ns.iter().map(|ns| ns_to_mib / ns).collect();
        let name = format!("{}: {}", input.name, racer.name);
        report.figure(&name, "MiB/s", &speeds, Mark::None)?;
    }
    let ratios = ratios(fastest(&racers[1..decoders]), &racers[0]);
    let name = format!("{}: over the fastest peer", input.name);
    report.figure(&name, "times", &ratios, DECODE_MARK)
}

/// A decoder, once it has found what ours finds.
fn decoder<D: Decode>(input: &Input, ours: (usize, u64)) -> io::Result<Racer<'_>> {
    let found = checksum::<D>(input);
    if found != ours {
        let problem = format!(
            "{}: {} finds {found:x?}, not {ours:x?}",
            input.name,
            D::NAME
        );
        return Err(io::Error::other(problem));
    }
    Ok(Racer::new(D::NAME, move || {
        let (mut events, mut bytes) = (0, 0);
        let time = timed(|| {
            D::decode(input, |seen| {
                events += 1;
                bytes += black_box(seen).data.len();
            });
        });
        assert_eq!(events, found.0, "each run finds the same");
        black_box(bytes);
        time
    }))
}

/// How many events there are, and a hash of all they say.
fn checksum<D: Decode>(input: &Input) -> (usize, u64) {
    let (mut events, mut hasher) = (0, DefaultHasher::new());
    D::decode(input, |Seen { id, event, data }| {
        events += 1;
        for part in [id, event.unwrap_or(b"message"), data] {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
    });
    (events, hasher.finish())
}

fn encode(report: &mut Report, sample: &Sample, rounds: usize) -> io::Result<()> {
    let mut racers = [
        encoder::<encoders::Tidings>(sample)?,
        encoder::<encoders::TidingsAlone>(sample)?,
        encoder::<encoders::SseStream>(sample)?,
        encoder::<encoders::Russe>(sample)?,
        encoder::<encoders::Axum>(sample)?,
    ];
    race(&mut racers, rounds);
    for racer in &racers {
        let each: Vec<f64> = racer.times_ns.iter().map(|ns| ns / BATCH as f64).collect();
        let name = format!("{}: {}", sample.name, racer.name);
        report.figure(&name, "ns", &each, Mark::None)?;
    }
    let ratios = ratios(&racers[0], fastest(&racers[2..]));
    let name = format!("{}: over the fastest peer", sample.name);
    report.figure(&name, "times", &ratios, ENCODE_MARK)
}

/// An encoder, once what it writes was read as the event that it was given.
fn encoder<E: Encode>(sample: &Sample) -> io::Result<Racer<'_>> {
    let (mut decoder, mut read) = (Decoder::default(), Vec::new());
    E::encode(vec![E::prepare(sample)], |mut bytes| {
        while let Ok(Some(Item::Event(event))) = decoder.decode(&mut bytes) {
            read.push(event.into_owned());
        }
    });
    if read != [OwnedEvent::from(sample.as_event())] {
        let problem = format!("{}: {} writes {read:?}", sample.name, E::NAME);
        return Err(io::Error::other(problem));
    }
    Ok(Racer::new(E::NAME, move || {
        let events = (0..BATCH).map(|_| E::prepare(sample)).collect();
        timed(|| {
            E::encode(events, |bytes| {
                black_box(bytes);
            });
        })
    }))
}

fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}
