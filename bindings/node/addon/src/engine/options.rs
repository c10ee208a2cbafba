//! What an engine is made with: a row of numbers and a row of texts.
//!
//! It does not know the names: `src/hub-options.js` is the other end.
//!
//! The numbers: shards, publishes under way, lag, 1 to replace the oldest; the limits and intervals of the hub, in the
//! order of the C ABI; for each control event 1 if it is off; of the default class its limits; then for
//! each class how many topics it has, 1 if it keeps latest values, and its limits. Of the limits 0 is the
//! default and infinity none. The texts: for each control event its name and its JSON, empty for the
//! usual; then the topics of the classes.

use super::strs;
use crate::failure::{Failure, Outcome};
use std::ptr;
use tidings::tidings_status::*;
use tidings::*;

/// Events that a hub itself sends.
const CONTROLS: usize = 5;

/// Makes an engine. It is not started.
pub(super) fn make(numbers: &[u64], lines: &[String]) -> Outcome<*mut tidings_engine> {
    let mut numbers = Row(numbers);
    let [shards, queue, lag, replaces] = numbers.take()?;
    let limits = numbers.take::<19>()?;
    let off = numbers.take::<CONTROLS>()?;
    let default = numbers.take::<4>()?;
    let lines = strs(lines);
    let (names, mut topics) = lines
        .split_at_checked(CONTROLS * 2)
        .ok_or_else(missing_text)?;
    let mut classes = Vec::new();
    while !numbers.0.is_empty() {
        let [count, latest] = numbers.take()?;
        let (mine, rest) = usize::try_from(count)
            .ok()
            .and_then(|count| topics.split_at_checked(count))
            .ok_or_else(missing_text)?;
        topics = rest;
        classes.push(class(mine, latest != 0, numbers.take()?));
    }
    let default = class(&[], false, default);
    let control = |index: usize| tidings_control_event {
        name: present(names[index * 2]),
        json: present(names[index * 2 + 1]),
        flags: if off[index] == 0 {
            0
        } else {
            TIDINGS_CONTROL_OFF
        },
        reserved: 0,
    };
    let [
        connections,
        user,
        topics,
        grants,
        publish,
        name,
        id,
        event,
        rest @ ..,
    ] = limits;
    let [
        events,
        bytes,
        rescue,
        tick,
        heartbeat,
        idle,
        age,
        stall,
        reauth,
        linger,
        retry,
    ] = rest;
    let hub = tidings_hub_options {
        size: size_of::<tidings_hub_options>() as u32,
        flags: if replaces == 0 {
            0
        } else {
            TIDINGS_HUB_REPLACE_OLDEST
        },
        epoch: 0,
        seed: 0,
        unix_ms_at_zero: 0,
        shard: 0,
        lag: small(lag),
        classes: classes.as_ptr(),
        class_count: classes.len(),
        default_class: ptr::from_ref(&default),
        connections,
        user_connections: user,
        topics_per_connection: topics,
        grants_per_connection: grants,
        topics_per_publish: publish,
        name_bytes: name,
        id_bytes: id,
        event_bytes: event,
        replay_events: events,
        replay_bytes: bytes,
        rescue_bytes: rescue,
        tick_ms: tick,
        heartbeat_ms: heartbeat,
        idle_ms: idle,
        age_ms: age,
        stall_ms: stall,
        reauth_ms: reauth,
        linger_ms: linger,
        retry_ms: retry,
        connected: control(0),
        heartbeat: control(1),
        gap: control(2),
        reauth: control(3),
        bye: control(4),
    };
    let options = tidings_engine_options {
        size: size_of::<tidings_engine_options>() as u32,
        shards: small(shards),
        hub: ptr::from_ref(&hub),
        publish_queue: small(queue),
        publish_waiters: 0,
        publish_wait_ms: 0,
        answers: 0,
        send_buffer_bytes: 0,
        unsent_bytes: 0,
        user_timeout_ms: 0,
    };
    let mut engine = ptr::null_mut();
    // SAFETY: all of it lives through the call.
    match unsafe { tidings_engine_new(&raw const options, &raw mut engine) } {
        TIDINGS_OK => Ok(engine),
        status => Err(Failure::new(status, &[])),
    }
}

fn class(topics: &[tidings_str], is_latest: bool, limits: [u64; 4]) -> tidings_class_options {
    let [events, bytes, age_ms, records] = limits;
    tidings_class_options {
        size: size_of::<tidings_class_options>() as u32,
        flags: if is_latest { TIDINGS_CLASS_LATEST } else { 0 },
        topics: topics.as_ptr(),
        topic_count: topics.len(),
        events,
        bytes,
        age_ms,
        records,
    }
}

/// Numbers that are taken from the front.
struct Row<'n>(&'n [u64]);

impl Row<'_> {
    fn take<const N: usize>(&mut self) -> Outcome<[u64; N]> {
        let (taken, rest) = self
            .0
            .split_first_chunk()
            .ok_or_else(|| Failure::argument(0, "an array with all numbers"))?;
        self.0 = rest;
        Ok(*taken)
    }
}

fn missing_text() -> Failure {
    Failure::argument(1, "all texts")
}

/// An empty text stands for none.
fn present(text: tidings_str) -> tidings_str {
    if text.len == 0 {
        tidings_str::ABSENT
    } else {
        text
    }
}

/// What is too large is refused by the C ABI.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
