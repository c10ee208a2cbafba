//! The benchmarks of the C ABI: what a call costs more than the same in Rust, and how fast a stream is
//! decoded through it.
//!
//! The exports are called as C calls them: through pointers that the compiler knows nothing about.

#![expect(unsafe_code, reason = "the exports are unsafe to call")]

use crate::codec::inputs::{self, Input};
use crate::race::{Racer, race, ratios};
use crate::report::{Arguments, Mark, Report};
use std::cell::RefCell;
use std::hint::black_box;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;
use std::time::{Duration, Instant};
use tidings::*;
use tidings_core::{Audience, Decoder, Event, Hub, HubOptions, Item, Open, Output, Publish};

/// What a call through the ABI may cost more, in nanoseconds.
const CALL_MARK: Mark = Mark::AtMost(15.0);
/// How much of the Rust decoder's speed has to be left.
const DECODE_MARK: Mark = Mark::AtLeast(0.9);

/// What one look at the clock is for.
const CALLS: u32 = 1_000;

const TOPIC: &str = "rooms/7";
const DATA: &str = r#"{"kind":"order","number":58123,"state":"shipped","by":"truck"}"#;

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let mut report = Report::new(arguments)?;
    let rounds = if arguments.quick { 3 } else { 101 };
    report.begin("calls", &format!("{rounds} rounds"));
    calls(
        &mut report,
        "when the next deadline is",
        1,
        rounds,
        deadline(),
    )?;
    calls(&mut report, "publish, nobody reads", 1, rounds, publish())?;
    calls(
        &mut report,
        "publish, poll, transmit, consume",
        4,
        rounds,
        deliver(),
    )?;
    calls(&mut report, "encode", 1, rounds, encode())?;
    calls(&mut report, "decode a small event", 1, rounds, decode_one())?;
    report.begin("decode", &format!("{rounds} rounds"));
    for input in inputs::streams()
        .iter()
        .filter(|input| input.chunk_bytes >= 1_000)
    {
        decode(&mut report, input, rounds)?;
    }
    report.verdict(arguments.quick)
}

/// The same in Rust and in C, `CALLS` times.
type Pair = [Racer<'static>; 2];

fn pair(rust: impl FnMut() + 'static, c: impl FnMut() + 'static) -> Pair {
    [racer("in Rust", rust), racer("in C", c)]
}

fn racer(name: &'static str, call: impl FnMut() + 'static) -> Racer<'static> {
    let call = RefCell::new(call);
    Racer::new(name, move || {
        let mut call = call.borrow_mut();
        timed(|| (0..CALLS).for_each(|_| call()))
    })
}

fn timed(run: impl FnOnce()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

/// `steps` are how many calls there are in one of `CALLS`.
fn calls(
    report: &mut Report,
    name: &str,
    steps: u32,
    rounds: usize,
    mut pair: Pair,
) -> io::Result<()> {
    race(&mut pair, rounds);
    let per_call = f64::from(CALLS * steps);
    for racer in &pair {
        let each: Vec<f64> = racer.times_ns.iter().map(|ns| ns / per_call).collect();
        report.figure(&format!("{name}: {}", racer.name), "ns", &each, Mark::None)?;
    }
    let [rust, c] = &pair;
    let rounds = rust.times_ns.iter().zip(&c.times_ns);
    let more: Vec<f64> = rounds.map(|(rust, c)| (c - rust) / per_call).collect();
    report.figure(&format!("{name}: more in C"), "ns", &more, CALL_MARK)
}

/// A struct with its size set and all else zero, as `TIDINGS_INIT` makes it.
fn init<T: Copy>() -> T {
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: the structs of the ABI begin with their size, and are valid when all else is zero.
    unsafe {
        value
            .as_mut_ptr()
            .cast::<u32>()
            .write(size_of::<T>() as u32);
        value.assume_init()
    }
}

fn ok(status: tidings_status) {
    assert_eq!(status, tidings_status::TIDINGS_OK);
}

/// A hub for the rest of the process, with one reader of the topic.
fn hub() -> *mut tidings_hub {
    let mut hub = ptr::null_mut();
    // SAFETY: a place for the handle.
    ok(unsafe { tidings_hub_new(ptr::null(), &mut hub) });
    hub
}

fn rust_hub() -> Hub {
    Hub::new(HubOptions::default()).expect("the defaults can be")
}

fn event() -> tidings_event {
    tidings_event {
        event: tidings_str::of(b"order"),
        data: tidings_str::of(DATA.as_bytes()),
        id: tidings_str::ABSENT,
        retry_ms: 0,
        flags: 0,
        reserved: 0,
    }
}

fn rust_event() -> Event<'static> {
    Event::message(DATA).with_event("order").expect("a type")
}

fn to_topic() -> tidings_publish {
    static TOPICS: &str = TOPIC;
    let topic = Box::leak(Box::new(tidings_str::of(TOPICS.as_bytes())));
    tidings_publish {
        topics: topic,
        topic_count: 1,
        event: event(),
        ..init()
    }
}

fn rust_to_topic() -> Publish<'static> {
    Publish::to(Audience::Topic(TOPIC), rust_event())
}

fn deadline() -> Pair {
    let (in_rust, in_c) = (rust_hub(), hub());
    let call: unsafe extern "C" fn(_, _) -> _ = tidings_hub_poll_timeout;
    let call = black_box(call);
    pair(
        move || {
            black_box(black_box(&in_rust).poll_timeout());
        },
        move || {
            let mut at_ms = 0;
            // SAFETY: a hub, and a place for a number.
            ok(unsafe { call(in_c, &mut at_ms) });
            black_box(at_ms);
        },
    )
}

fn publish() -> Pair {
    let (mut in_rust, in_c, event) = (rust_hub(), hub(), to_topic());
    let call: unsafe extern "C" fn(_, _, _, _) -> _ = tidings_hub_publish;
    let call = black_box(call);
    pair(
        move || {
            let published = in_rust.publish(0, black_box(&rust_to_topic()));
            black_box(published.expect("room"));
        },
        move || {
            let mut published = MaybeUninit::uninit();
            // SAFETY: a hub, a struct with its size, and a place for what became of it.
            ok(unsafe { call(in_c, 0, black_box(&event), published.as_mut_ptr()) });
            black_box(published);
        },
    )
}

fn deliver() -> Pair {
    let mut in_rust = rust_hub();
    let open = Open {
        topics: &[TOPIC],
        ..Open::default()
    };
    in_rust.open(0, open).expect("a reader");
    let (in_c, event) = (hub(), to_topic());
    let open = tidings_open {
        topics: event.topics,
        topic_count: 1,
        ..init()
    };
    let mut reader = 0;
    // SAFETY: a hub, a struct with its size, and a place for a number.
    ok(unsafe { tidings_hub_open(in_c, 0, &open, &mut reader) });
    pair(
        move || deliver_in_rust(&mut in_rust),
        move || {
            deliver_in_c(in_c, &event);
        },
    )
}

fn deliver_in_rust(hub: &mut Hub) {
    black_box(hub.publish(0, black_box(&rust_to_topic()))).expect("room");
    let Some(Output::Ready(connection)) = hub.poll_output() else {
        panic!("the reader is ready");
    };
    let transmit = hub.transmit(0, connection).expect("there is something");
    let mut len = 0;
    for slice in transmit.slices() {
        len += black_box(slice).len();
    }
    hub.consume(0, connection, len).expect("all of it");
}

fn deliver_in_c(hub: *mut tidings_hub, event: &tidings_publish) {
    let publish: unsafe extern "C" fn(_, _, _, _) -> _ = tidings_hub_publish;
    let publish = black_box(publish);
    let poll: unsafe extern "C" fn(_, _) -> _ = tidings_hub_poll_output;
    let poll = black_box(poll);
    let transmit: unsafe extern "C" fn(_, _, _, _, _, _) -> _ = tidings_hub_transmit;
    let transmit = black_box(transmit);
    let consume: unsafe extern "C" fn(_, _, _, _) -> _ = tidings_hub_consume;
    let consume = black_box(consume);
    let mut published = MaybeUninit::uninit();
    let mut output = MaybeUninit::<tidings_output>::uninit();
    let mut slices = [MaybeUninit::<tidings_str>::uninit(); TIDINGS_MAX_SLICES];
    let mut count = 0;
    // SAFETY: a hub, structs with their sizes, and places for all that comes out; what is read was
    // written by a call that says so.
    unsafe {
        ok(publish(hub, 0, black_box(event), published.as_mut_ptr()));
        ok(poll(hub, output.as_mut_ptr()));
        let reader = output.assume_init().connection;
        let place = slices.as_mut_ptr().cast();
        ok(transmit(
            hub,
            0,
            reader,
            place,
            TIDINGS_MAX_SLICES,
            &mut count,
        ));
        let offered = slices[..count].iter().map(|slice| slice.assume_init().len);
        ok(consume(hub, 0, reader, offered.sum()));
    }
    black_box(published);
}

fn encode() -> Pair {
    let mut wire = Vec::with_capacity(256);
    let (mut buffer, event) = ([0_u8; 256], event());
    let call: unsafe extern "C" fn(_, _, _, _) -> _ = tidings_event_encode;
    let call = black_box(call);
    pair(
        move || {
            wire.clear();
            black_box(rust_event()).encode(&mut wire);
            black_box(&wire);
        },
        move || {
            let mut len = 0;
            let place = buffer.as_mut_ptr().cast();
            // SAFETY: an event, a buffer of that length, and a place for a number.
            ok(unsafe { call(black_box(&event), place, buffer.len(), &mut len) });
            black_box((&buffer, len));
        },
    )
}

fn decoder() -> *mut tidings_decoder {
    let mut decoder = ptr::null_mut();
    // SAFETY: a place for the handle.
    ok(unsafe { tidings_decoder_new(ptr::null(), &mut decoder) });
    decoder
}

fn decode_one() -> Pair {
    const STREAM: &[u8] = b"data: 21.5\n\n";
    let (mut in_rust, in_c) = (Decoder::default(), decoder());
    let call: unsafe extern "C" fn(_, _, _, _, _) -> _ = tidings_decoder_decode;
    let call = black_box(call);
    pair(
        move || {
            let mut input = black_box(STREAM);
            let item = in_rust.decode(&mut input).expect("a stream");
            black_box(item);
        },
        move || {
            let (mut taken, mut item) = (0, MaybeUninit::uninit());
            let input = black_box(STREAM);
            let (data, len) = (input.as_ptr().cast(), input.len());
            // SAFETY: a decoder, bytes, and places for a number and an item.
            ok(unsafe { call(in_c, data, len, &mut taken, item.as_mut_ptr()) });
            black_box((taken, item));
        },
    )
}

/// How many items one batch has room for.
const ITEMS: usize = 64;

fn decode(report: &mut Report, input: &Input, rounds: usize) -> io::Result<()> {
    let expected = in_rust(input);
    let [one, many] = [one_by_one(input), in_batches(input)];
    assert_eq!((one, many), (expected, expected), "all find the same");
    let racer = |name, sum: fn(&Input) -> Sum| {
        Racer::new(name, move || {
            timed(|| {
                black_box(sum(input));
            })
        })
    };
    let mut racers = [
        racer("in Rust", in_rust),
        racer("in C, in batches", in_batches),
        racer("in C, one by one", one_by_one),
    ];
    race(&mut racers, rounds);
    let [rust, batches, single] = &racers;
    for (racer, mark) in [(batches, DECODE_MARK), (single, Mark::None)] {
        let name = format!("{}: {}, over Rust", input.name, racer.name);
        report.figure(&name, "times", &ratios(rust, racer), mark)?;
    }
    Ok(())
}

/// How many events there are, and how many bytes of data and ids.
type Sum = (usize, usize);

fn in_rust(input: &Input) -> Sum {
    let (mut decoder, mut sum) = (Decoder::default(), (0, 0));
    for mut chunk in input.chunks() {
        while let Some(item) = decoder.decode(&mut chunk).expect("a valid stream") {
            if let Item::Event(event) = black_box(item) {
                sum.0 += 1;
                sum.1 += event.data_bytes().len() + event.id_bytes().len();
            }
        }
    }
    sum
}

fn add(sum: &mut Sum, item: &tidings_item) {
    if item.kind == tidings_item_kind::TIDINGS_ITEM_EVENT as u32 {
        sum.0 += 1;
        sum.1 += item.event.data.len + item.last_event_id.len;
    }
}

fn one_by_one(input: &Input) -> Sum {
    let call: unsafe extern "C" fn(_, _, _, _, _) -> _ = tidings_decoder_decode;
    let call = black_box(call);
    let (decoder, mut sum) = (decoder(), (0, 0));
    let mut item = MaybeUninit::<tidings_item>::uninit();
    for chunk in input.chunks() {
        let mut rest = chunk;
        loop {
            let mut taken = 0;
            let (data, len) = (rest.as_ptr().cast(), rest.len());
            // SAFETY: a decoder, bytes, and places for a number and an item, which is then there.
            let item = unsafe {
                ok(call(decoder, data, len, &mut taken, item.as_mut_ptr()));
                black_box(&item).assume_init_ref()
            };
            rest = &rest[taken..];
            if item.kind == tidings_item_kind::TIDINGS_ITEM_NONE as u32 {
                break;
            }
            add(&mut sum, item);
        }
    }
    // SAFETY: it was made here, and is freed once.
    unsafe { tidings_decoder_free(decoder) };
    sum
}

fn in_batches(input: &Input) -> Sum {
    let call: unsafe extern "C" fn(_, _, _, _, _, _, _) -> _ = tidings_decoder_decode_batch;
    let (call, decoder, mut sum) = (black_box(call), decoder(), (0, 0));
    let mut items = [MaybeUninit::<tidings_item>::uninit(); ITEMS];
    for chunk in input.chunks() {
        let mut rest = chunk;
        while !rest.is_empty() {
            let (mut taken, mut count) = (0, 0);
            let (data, len) = (rest.as_ptr().cast(), rest.len());
            let place = items.as_mut_ptr().cast();
            // SAFETY: a decoder, bytes, and places for numbers and so many items.
            ok(unsafe { call(decoder, data, len, &mut taken, place, ITEMS, &mut count) });
            rest = &rest[taken..];
            for item in &black_box(&items)[..count] {
                // SAFETY: the call wrote so many.
                add(&mut sum, unsafe { item.assume_init_ref() });
            }
        }
    }
    // SAFETY: it was made here, and is freed once.
    unsafe { tidings_decoder_free(decoder) };
    sum
}
