//! The exports, called as C calls them, so that Miri can look on.
//!
//! What C itself makes of the header is tried in `tests/c`.

#![expect(unsafe_code, reason = "every export is unsafe to call")]
#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "each calls an export with pointers to what stands beside it"
)]

mod client;
mod decoder;
mod event;
mod hub;
#[cfg(feature = "test-hooks")]
mod panics;
mod status;

use std::mem::MaybeUninit;
use std::ptr;
use std::slice;
use tidings::*;

/// A struct with its size set and all else zero, as `TIDINGS_INIT` makes it.
fn init<T: Copy>() -> T {
    let mut value = MaybeUninit::<T>::zeroed();
    unsafe {
        value
            .as_mut_ptr()
            .cast::<u32>()
            .write(size_of::<T>() as u32);
        value.assume_init()
    }
}

/// A struct that has no size.
fn zero<T: Copy>() -> T {
    unsafe { MaybeUninit::zeroed().assume_init() }
}

fn of(text: &str) -> tidings_str {
    tidings_str::of(text.as_bytes())
}

/// The bytes that an export handed out.
fn bytes<'a>(text: tidings_str) -> &'a [u8] {
    match text.len {
        0 => &[],
        len => unsafe { slice::from_raw_parts(text.data.cast(), len) },
    }
}

fn text<'a>(text: tidings_str) -> &'a str {
    str::from_utf8(bytes(text)).expect("UTF-8")
}

/// A message for everybody who hears `message`.
fn message(data: &str) -> tidings_event {
    tidings_event {
        data: of(data),
        ..zero()
    }
}

/// What an export gives through its last parameter.
#[track_caller]
fn get<T: Copy>(call: impl FnOnce(*mut T) -> tidings_status) -> T {
    let mut place = MaybeUninit::uninit();
    assert_eq!(call(place.as_mut_ptr()), tidings_status::TIDINGS_OK);
    unsafe { place.assume_init() }
}

/// A handle that an export makes.
#[track_caller]
fn new<T>(call: impl FnOnce(*mut *mut T) -> tidings_status) -> *mut T {
    let mut handle = ptr::null_mut();
    assert_eq!(call(&mut handle), tidings_status::TIDINGS_OK);
    handle
}
