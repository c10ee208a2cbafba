//! The calls, each the same in Rust and in C.
//!
//! It does not know how they are compared.

use super::exports::Exports;
use super::{CALLS, decode, init, ok, timed};
use crate::race::Racer;
use std::cell::RefCell;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ptr;
use tidings::*;
use tidings_core::{Audience, Decoder, Event, Hub, HubOptions, Open, Output, Publish};

const TOPIC: &str = "rooms/7";
const DATA: &str = r#"{"kind":"order","number":58123,"state":"shipped","by":"truck"}"#;

/// The same in Rust and in C, `CALLS` times.
pub(super) type Pair = [Racer<'static>; 2];

/// What is called, how many calls that are, and both ways.
pub(super) fn all(c: Exports) -> [(&'static str, u32, Pair); 5] {
    [
        ("when the next deadline is", 1, deadline(c)),
        ("publish, nobody reads", 1, publish(c)),
        ("publish, poll, transmit, consume", 4, deliver(c)),
        ("encode", 1, encode(c)),
        ("decode a small event", 1, decode_one(c)),
    ]
}

fn pair(rust: impl FnMut() + 'static, c: impl FnMut() + 'static) -> Pair {
    [racer("in Rust", rust), racer("in C", c)]
}

fn racer(name: &'static str, call: impl FnMut() + 'static) -> Racer<'static> {
    let call = RefCell::new(call);
    Racer::new(name, move || {
        let mut call = call.borrow_mut();
        timed(|| (0..CALLS).for_each(|_| call()))
    })
    .of_one_run()
}

/// A hub for the rest of the process.
fn hub(c: Exports) -> *mut tidings_hub {
    let mut hub = ptr::null_mut();
    // SAFETY: a place for the handle.
    ok(unsafe { (c.tidings_hub_new)(ptr::null(), &mut hub) });
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

/// Of texts that the compiler does not know, as in C.
fn rust_event() -> Event<'static> {
    let event = Event::message(black_box(DATA)).with_event(black_box("order"));
    event.expect("a type")
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
    Publish::to(Audience::Topic(black_box(TOPIC)), rust_event())
}

fn deadline(c: Exports) -> Pair {
    let (in_rust, in_c) = (rust_hub(), hub(c));
    pair(
        move || {
            black_box(black_box(&in_rust).poll_timeout());
        },
        move || {
            let mut at_ms = 0;
            // SAFETY: a hub, and a place for a number.
            ok(unsafe { (c.tidings_hub_poll_timeout)(in_c, &mut at_ms) });
            black_box(at_ms);
        },
    )
}

fn publish(c: Exports) -> Pair {
    let (mut in_rust, in_c, event) = (rust_hub(), hub(c), to_topic());
    pair(
        move || {
            let published = in_rust.publish(0, black_box(&rust_to_topic()));
            black_box(published.expect("room"));
        },
        move || {
            let mut published = MaybeUninit::uninit();
            // SAFETY: a hub, a struct with its size, and a place for what became of it.
            ok(unsafe {
                (c.tidings_hub_publish)(in_c, 0, black_box(&event), published.as_mut_ptr())
            });
            black_box(published);
        },
    )
}

fn deliver(c: Exports) -> Pair {
    let mut in_rust = rust_hub();
    let open = Open {
        topics: &[TOPIC],
        ..Open::default()
    };
    in_rust.open(0, open).expect("a reader");
    let (in_c, event) = (hub(c), to_topic());
    let open = tidings_open {
        topics: event.topics,
        topic_count: 1,
        ..init()
    };
    let mut reader = 0;
    // SAFETY: a hub, a struct with its size, and a place for a number.
    ok(unsafe { (c.tidings_hub_open)(in_c, 0, &open, &mut reader) });
    pair(
        move || deliver_in_rust(&mut in_rust),
        move || {
            deliver_in_c(c, in_c, &event);
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

fn deliver_in_c(c: Exports, hub: *mut tidings_hub, event: &tidings_publish) {
    let mut published = MaybeUninit::uninit();
    let mut output = MaybeUninit::<tidings_output>::uninit();
    let mut slices = [MaybeUninit::<tidings_str>::uninit(); TIDINGS_MAX_SLICES];
    let mut count = 0;
    // SAFETY: a hub, structs with their sizes, and places for all that comes out; what is read was
    // written by a call that says so.
    unsafe {
        ok((c.tidings_hub_publish)(
            hub,
            0,
            black_box(event),
            published.as_mut_ptr(),
        ));
        ok((c.tidings_hub_poll_output)(hub, output.as_mut_ptr()));
        let reader = output.assume_init().connection;
        let place = slices.as_mut_ptr().cast();
        ok((c.tidings_hub_transmit)(
            hub,
            0,
            reader,
            place,
            TIDINGS_MAX_SLICES,
            &mut count,
        ));
        let offered = slices[..count].iter().map(|slice| slice.assume_init().len);
        ok((c.tidings_hub_consume)(hub, 0, reader, offered.sum()));
    }
    black_box(published);
}

fn encode(c: Exports) -> Pair {
    let mut wire = Vec::with_capacity(256);
    let (mut buffer, event) = ([0_u8; 256], event());
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
            ok(unsafe {
                (c.tidings_event_encode)(black_box(&event), place, buffer.len(), &mut len)
            });
            black_box((&buffer, len));
        },
    )
}

fn decode_one(c: Exports) -> Pair {
    const STREAM: &[u8] = b"data: 21.5\n\n";
    let (mut in_rust, in_c) = (Decoder::default(), decode::decoder(c));
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
            ok(unsafe {
                (c.tidings_decoder_decode)(in_c, data, len, &mut taken, item.as_mut_ptr())
            });
            black_box((taken, item));
        },
    )
}
