//! The engine: a hub on threads of its own, which is handed sockets and events.
//!
//! It does not know HTTP, nor what becomes of what it tells: `src/hub.js` does. `options` reads what an
//! engine is made with, `streams` and `publish` are the calls of a running one, and `watch` is how
//! JavaScript hears that there is something to be told.

mod options;
mod publish;
mod streams;
mod watch;

use crate::failure::{Failure, Outcome};
use crate::js::Call;
use crate::state::{Handle, State};
use napi_sys::napi_value;
use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tidings::tidings_status::*;
use tidings::*;
use watch::Watch;

pub(crate) use publish::post;
pub(crate) use streams::{adopt, close, renew, subscribe, unsubscribe};

/// Owns an engine, which goes when its threads here have ended too.
pub(crate) struct Engine {
    shared: Arc<Shared>,
    watch: Watch,
}

/// What the threads share.
struct Shared {
    engine: *mut tidings_engine,
    is_drained: AtomicBool,
}

// SAFETY: an engine of the C ABI may be used by several threads at a time, and the last of them frees it.
unsafe impl Send for Shared {}
// SAFETY: likewise.
unsafe impl Sync for Shared {}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: it is ours, and nobody has it any more.
        unsafe { tidings_engine_free(self.engine) }
    }
}

impl Shared {
    /// What a call answered; when it failed, with the sentence that says why.
    fn check(&self, status: tidings_status) -> Outcome {
        if status == TIDINGS_OK {
            return Ok(());
        }
        let mut text = [0; TIDINGS_ENGINE_ERROR_BYTES];
        let mut len = 0;
        let place = text.as_mut_ptr().cast::<c_char>();
        // SAFETY: the engine lives, and the buffer is as long as it says.
        let told = unsafe { tidings_engine_error(self.engine, place, text.len(), &raw mut len) };
        let text = match told {
            TIDINGS_OK => &text[..len],
            _ => &[],
        };
        Err(Failure::new(status, text))
    }
}

impl Engine {
    fn check(&self, status: tidings_status) -> Outcome {
        self.shared.check(status)
    }

    fn as_ptr(&self) -> *const tidings_engine {
        self.shared.engine
    }
}

/// `(numbers, texts, onNews)`: the number of an engine, started. See `options` for both; `onNews` is
/// called when there is something to poll.
pub(crate) fn new(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let (numbers, lines) = (call.many(0)?, call.lines(1)?);
    let engine = options::make(&numbers, &lines)?;
    let shared = Arc::new(Shared {
        engine,
        is_drained: AtomicBool::new(false),
    });
    // SAFETY: the engine lives.
    shared.check(unsafe { tidings_engine_start(engine) })?;
    let mut fd = -1;
    // SAFETY: likewise, and there is a place for the result.
    shared.check(unsafe { tidings_engine_fd(engine, &raw mut fd) })?;
    let watch = Watch::start(call, 2, fd, Arc::clone(&shared))?;
    call.give_number(
        state
            .handles
            .insert(Handle::Engine(Engine { shared, watch }))?,
    )
}

/// `(engine, keeps)`: whether what the engine has to tell keeps the process alive.
pub(crate) fn hold(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let holds = call.number(1)? != 0.0;
    state.engine(call.number(0)?)?.watch.hold(call, holds)?;
    Ok(call.undefined())
}

/// What one output takes.
const OUTPUT: usize = 6;

/// `(engine, numbers)`: what there is to tell, as far as there is room; how many numbers that is. For each
/// output: its kind, its tag (lower and upper half), whether it failed or why it closed or missed
/// something, its recipients or how many it missed (likewise). The first number of all says whether the
/// drain is done. Having none left is what wakes the watch again.
pub(crate) fn poll(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let place = call.numbers(1, 1 + OUTPUT)?;
    let engine = state.engine(call.number(0)?)?;
    let mut numbers = vec![u32::from(engine.shared.is_drained.load(Ordering::Acquire))];
    while numbers.len() + OUTPUT <= place.room() {
        let mut output = tidings_engine_output {
            size: size_of::<tidings_engine_output>() as u32,
            kind: 0,
            tag: 0,
            connection: 0,
            reason: 0,
            status: 0,
            index: 0,
            recipients: 0,
            missed: 0,
        };
        // SAFETY: the engine lives, and the output is as large as it says.
        let status = unsafe { tidings_engine_poll_output(engine.as_ptr(), &raw mut output) };
        engine.check(status)?;
        if output.kind == tidings_engine_output_kind::TIDINGS_ENGINE_NONE as u32 {
            engine.watch.go_on();
            break;
        }
        let told = match output.status {
            0 => output.reason,
            _ => 1,
        };
        // One of them is 0.
        let count = halves(output.recipients | output.missed);
        let tag = halves(output.tag);
        numbers.extend([output.kind, tag[0], tag[1], told, count[0], count[1]]);
    }
    call.write_numbers(&place, &numbers);
    call.give_number(numbers.len() as f64)
}

/// `(engine, ms)`: begins to drain, on a thread of its own since that waits. `onNews` hears of its end.
pub(crate) fn drain(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let over_ms = call.whole(1)?;
    let engine = state.engine(call.number(0)?)?;
    let (shared, bell) = (Arc::clone(&engine.shared), engine.watch.bell());
    let drain = move || {
        // SAFETY: the engine lives as long as it is shared.
        unsafe { tidings_engine_drain(shared.engine, over_ms) };
        shared.is_drained.store(true, Ordering::Release);
        bell.call();
    };
    let thread = thread::Builder::new().name("tidings-drain".to_owned());
    match thread.spawn(drain) {
        Ok(_) => Ok(call.undefined()),
        Err(_) => Err(Failure::new(TIDINGS_ERR_SYSTEM, &[])),
    }
}

/// `(engine)`: the text of the cursor at the end of the log.
pub(crate) fn cursor(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    let engine = state.engine(call.number(0)?)?;
    let mut cursor = tidings_cursor {
        epoch: 0,
        sequence: 0,
        latest: 0,
        has_latest: 0,
        reserved: 0,
    };
    // SAFETY: the engine lives, and there is a place for the result.
    engine.check(unsafe { tidings_engine_cursor(engine.as_ptr(), &raw mut cursor) })?;
    call.give_text(&cursor_text(&cursor)?)
}

/// `(engine, numbers)`: counts, each as its lower and upper half, in the order of the C ABI.
pub(crate) fn stats(call: &mut Call, state: &mut State) -> Outcome<napi_value> {
    // All that comes before the counts is one number wide.
    const COUNTS: usize = size_of::<tidings_stats>() / size_of::<u64>() - 1;
    let place = call.numbers(1, COUNTS * 2)?;
    let engine = state.engine(call.number(0)?)?;
    // SAFETY: only numbers, of which zero is one.
    let mut stats: tidings_stats = unsafe { std::mem::zeroed() };
    stats.size = size_of::<tidings_stats>() as u32;
    // SAFETY: the engine lives, and the counts are as large as they say.
    engine.check(unsafe { tidings_engine_stats(engine.as_ptr(), &raw mut stats) })?;
    // SAFETY: the struct has two halves of a number, then numbers, without a hole.
    let counts = unsafe {
        let first = ptr::from_ref(&stats).cast::<u64>().add(1);
        std::slice::from_raw_parts(first, COUNTS)
    };
    let numbers: Vec<_> = counts.iter().copied().flat_map(halves).collect();
    call.write_numbers(&place, &numbers);
    Ok(call.undefined())
}

/// A number as JavaScript reads it here: its lower and upper half.
const fn halves(number: u64) -> [u32; 2] {
    [number as u32, (number >> 32) as u32]
}

/// The text of a cursor.
fn cursor_text(cursor: &tidings_cursor) -> Outcome<Vec<u8>> {
    text::<TIDINGS_CURSOR_BYTES>(|place, room, len| {
        // SAFETY: the buffer is as long as it says, and there is a place for the length.
        unsafe { tidings_cursor_format(ptr::from_ref(cursor), place, room, len) }
    })
}

/// What a function of the C ABI writes into a buffer that is long enough.
fn text<const N: usize>(
    write: impl FnOnce(*mut c_char, usize, *mut usize) -> tidings_status,
) -> Outcome<Vec<u8>> {
    let mut bytes = vec![0; N];
    let mut len = 0;
    match write(bytes.as_mut_ptr().cast(), N, &raw mut len) {
        TIDINGS_OK => {
            bytes.truncate(len);
            Ok(bytes)
        }
        status => Err(Failure::new(status, &[])),
    }
}

/// A text for the C ABI, absent if there is none.
fn maybe(text: Option<&String>) -> tidings_str {
    text.map_or(tidings_str::ABSENT, |text| tidings_str::of(text.as_bytes()))
}

/// Texts for the C ABI, borrowed from these.
fn strs(texts: &[String]) -> Vec<tidings_str> {
    texts
        .iter()
        .map(|text| tidings_str::of(text.as_bytes()))
        .collect()
}
