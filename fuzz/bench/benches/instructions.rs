//! How many instructions the most important paths take, each with the most it may.
//!
//! Counts are the same on a busy machine as on a quiet one, so a slow-down of a few percent shows
//! here long before a clock tells it from noise. Each limit is what was counted when it was set, and
//! some percent for other compilers and C libraries; whoever makes a path faster lowers it.

#![expect(
    missing_docs,
    unused_qualifications,
    reason = "what the macros write out has none of the one and much of the other"
)]

#[path = "../src/codec/inputs.rs"]
#[expect(dead_code, reason = "names are for those who report")]
mod inputs;

use gungraun::{
    Callgrind, EventKind, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main,
};
use inputs::Input;
use std::hint::black_box;
use tidings_core::{
    Audience, ConnectionId, Cursor, Decoder, Event, Hub, HubOptions, Item, Open, Output, Publish,
};

const SUBSCRIBERS: usize = 1_000;
const HEARTBEAT_MS: u64 = 30_000;

/// What a count may exceed the committed one by.
const TOLERANCE_PERCENT: u64 = 5;

fn counted(instructions: u64) -> LibraryBenchmarkConfig {
    let limit = instructions + instructions * TOLERANCE_PERCENT / 100;
    let mut callgrind = Callgrind::default();
    callgrind.hard_limits([(EventKind::Ir, limit)]);
    let mut config = LibraryBenchmarkConfig::default();
    config.tool(callgrind);
    config
}

fn stream(number: usize) -> Input {
    let mut streams = inputs::streams().into_iter();
    streams.nth(number).expect("there are seven")
}

#[library_benchmark]
#[bench::llm_deltas(args = (0), setup = stream, config = counted(247_726))]
#[bench::llm_deltas_in_16_byte_chunks(args = (1), setup = stream, config = counted(1_091_001))]
#[bench::events_of_16_bytes(args = (2), setup = stream, config = counted(1_711_959))]
#[bench::events_of_4_lines(args = (3), setup = stream, config = counted(1_676_481))]
#[bench::events_with_crlf(args = (6), setup = stream, config = counted(1_707_984))]
fn decode(input: Input) -> Input {
    let mut decoder = Decoder::default();
    for mut chunk in input.chunks() {
        while let Ok(Some(item)) = decoder.decode(&mut chunk) {
            if let Item::Event(event) = item {
                black_box(event);
            }
        }
    }
    input
}

fn sample() -> (inputs::Sample, Vec<u8>) {
    let mut samples = inputs::samples().into_iter();
    let sample = samples.next().expect("there are three");
    (sample, Vec::with_capacity(1 << 20))
}

#[library_benchmark]
#[bench::events_of_107_bytes(setup = sample, config = counted(322_668))]
fn encode((sample, mut out): (inputs::Sample, Vec<u8>)) -> (inputs::Sample, Vec<u8>) {
    let event = sample.as_event();
    for _ in 0..1_000 {
        event.encode(&mut out);
    }
    black_box(&out);
    (sample, out)
}

fn hub() -> Hub {
    Hub::new(HubOptions::default()).expect("the default options are valid")
}

fn publish(hub: &mut Hub, topic: &str) {
    let event = Event::message("some words that somebody said in a room, and some more of them");
    let publish = Publish::to(Audience::Topic(topic), event);
    black_box(hub.publish(0, &publish)).expect("there is room");
}

fn drain(hub: &mut Hub, now: u64) {
    while let Some(output) = hub.poll_output() {
        if let Output::Ready(connection) = output {
            take(hub, now, connection);
        }
    }
}

fn take(hub: &mut Hub, now: u64, connection: ConnectionId) {
    if let Some(transmit) = hub.transmit(now, connection) {
        let len = transmit.len();
        transmit.slices().for_each(|slice| {
            black_box(slice);
        });
        hub.consume(now, connection, len)
            .expect("it follows transmit");
    }
}

/// Subscribers of one topic that have all there was.
fn quiet() -> Hub {
    let mut hub = hub();
    for _ in 0..SUBSCRIBERS {
        let topics = &["news"];
        let open = Open {
            topics,
            ..Open::default()
        };
        hub.open(0, open).expect("there is room");
    }
    drain(&mut hub, 0);
    // A few rounds, so that every buffer has its size.
    for _ in 0..10 {
        publish(&mut hub, "news");
        drain(&mut hub, 0);
    }
    hub
}

fn ready() -> Hub {
    let mut hub = quiet();
    publish(&mut hub, "news");
    hub
}

#[library_benchmark]
#[bench::to_1000_subscribers(setup = quiet, config = counted(115_451))]
fn publish_alone(mut hub: Hub) -> Hub {
    publish(&mut hub, "news");
    hub
}

#[library_benchmark]
#[bench::to_1000_subscribers(setup = ready, config = counted(859_315))]
fn deliver(mut hub: Hub) -> Hub {
    drain(&mut hub, 0);
    hub
}

#[library_benchmark]
#[bench::of_1000_connections(setup = quiet, config = counted(1_330_289))]
fn heartbeats(mut hub: Hub) -> Hub {
    hub.handle_timeout(HEARTBEAT_MS);
    drain(&mut hub, HEARTBEAT_MS);
    hub
}

/// A log of 10,000 events in 100 topics.
fn log() -> Hub {
    let mut hub = hub();
    for number in 0..10_000 {
        publish(&mut hub, &format!("rooms/{}", number % 100));
    }
    hub
}

#[library_benchmark]
#[bench::far_back(setup = log, config = counted(54_112))]
fn resume(mut hub: Hub) -> Hub {
    let cursor = Cursor::new(hub.cursor().epoch, 5_000).to_string();
    let open = Open {
        topics: &["rooms/7"],
        last_event_id: Some(&cursor),
        ..Open::default()
    };
    let connection = hub.open(0, open).expect("there is room");
    take(&mut hub, 0, connection);
    hub
}

library_benchmark_group!(
    name = paths,
    benchmarks = [decode, encode, publish_alone, deliver, heartbeats, resume]
);
main!(library_benchmark_groups = paths);
