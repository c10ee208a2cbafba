//! Streams decoded through C, and in Rust.
//!
//! It does not know what is in them.

use super::exports::Exports;
use super::{ok, timed};
use crate::codec::inputs::Input;
use crate::race::{Racer, race, ratios};
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ptr;
use tidings::{tidings_decoder, tidings_item, tidings_item_kind};
use tidings_core::{Decoder, Item};

/// Lets both decode the stream by turns: how many times as fast as Rust C is, round by round.
pub(super) fn race_of(c: Exports, input: &Input, rounds: usize) -> Vec<f64> {
    let through_c = |input: &Input| in_c(c, input);
    assert_eq!(in_rust(input), through_c(input), "both find the same");
    let mut racers = [
        Racer::new("in Rust", || timed(|| in_rust(input))),
        Racer::new("in C", || timed(|| through_c(input))),
    ];
    race(&mut racers, rounds);
    let [rust, c] = &racers;
    ratios(rust, c)
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

fn in_c(c: Exports, input: &Input) -> Sum {
    let (decoder, mut sum) = (decoder(c), (0, 0));
    let mut place = MaybeUninit::<tidings_item>::uninit();
    for mut rest in input.chunks() {
        loop {
            let mut taken = 0;
            let (data, len) = (rest.as_ptr().cast(), rest.len());
            // SAFETY: a decoder, bytes, and places for a number and an item, which is then there.
            let item = unsafe {
                let (taken, place) = (&mut taken, place.as_mut_ptr());
                ok((c.tidings_decoder_decode)(decoder, data, len, taken, place));
                black_box(&*place)
            };
            rest = &rest[taken..];
            if item.kind == tidings_item_kind::TIDINGS_ITEM_NONE as u32 {
                break;
            }
            if item.kind == tidings_item_kind::TIDINGS_ITEM_EVENT as u32 {
                sum.0 += 1;
                sum.1 += item.event.data.len + item.last_event_id.len;
            }
        }
    }
    // SAFETY: it was made here, and is freed once.
    unsafe { (c.tidings_decoder_free)(decoder) };
    sum
}

pub(super) fn decoder(c: Exports) -> *mut tidings_decoder {
    let mut decoder = ptr::null_mut();
    // SAFETY: a place for the handle.
    ok(unsafe { (c.tidings_decoder_new)(ptr::null(), &mut decoder) });
    decoder
}
