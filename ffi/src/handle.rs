//! The body of every export: checks, a caught panic, the last failure.
//!
//! It does not know what the call does.

use crate::failure::{Failure, Outcome};
use crate::raw;
use crate::status::tidings_status::{self, *};
use crate::text::tidings_str;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What stands behind a handle.
pub(crate) struct Handle<S> {
    state: S,
    poisoned: bool,
    failure: Option<Failure>,
    /// The failure as a text, as it was asked for last.
    text: String,
}

impl<S> Handle<S> {
    pub(crate) const fn new(state: S) -> Self {
        Self {
            state,
            poisoned: false,
            failure: None,
            text: String::new(),
        }
    }
}

/// A type whose boxes are handed out as handles.
pub(crate) trait Owner {
    type State;

    fn handle(&self) -> &Handle<Self::State>;
    fn handle_mut(&mut self) -> &mut Handle<Self::State>;
}

/// The body of an export without a handle: a panic becomes a status.
#[inline]
pub(crate) fn guard(body: impl FnOnce() -> Outcome) -> tidings_status {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => TIDINGS_OK,
        Ok(Err(failure)) => failure.status(),
        Err(_) => TIDINGS_ERR_PANIC,
    }
}

/// The body of an export that may change what stands behind its handle. A panic poisons it.
#[inline]
pub(crate) fn call<H: Owner>(
    handle: *mut H,
    body: impl FnOnce(&mut H::State) -> Outcome,
) -> tidings_status {
    // SAFETY: null, or a handle that its owner has not freed and that no other thread uses.
    let Some(owner) = (unsafe { handle.as_mut() }) else {
        return TIDINGS_ERR_NULL;
    };
    let handle = owner.handle_mut();
    if handle.poisoned {
        return TIDINGS_ERR_POISONED;
    }
    // What a panic leaves half done is never looked at again.
    match catch_unwind(AssertUnwindSafe(|| body(&mut handle.state))) {
        Ok(Ok(())) => TIDINGS_OK,
        Ok(Err(failure)) => handle.fail(failure),
        Err(_) => handle.poison(),
    }
}

/// The body of an export that only reads what stands behind its handle.
#[inline]
pub(crate) fn look<H: Owner>(
    handle: *const H,
    body: impl FnOnce(&H::State) -> Outcome,
) -> tidings_status {
    // SAFETY: null, or a handle that its owner has not freed and that no other thread changes.
    match unsafe { handle.as_ref() }.map(Owner::handle) {
        None => TIDINGS_ERR_NULL,
        Some(handle) if handle.poisoned => TIDINGS_ERR_POISONED,
        Some(handle) => guard(|| body(&handle.state)),
    }
}

/// The body of an export that makes a handle.
pub(crate) fn give<H>(place: *mut *mut H, make: impl FnOnce() -> Outcome<H>) -> tidings_status {
    guard(|| {
        let place = raw::out(place)?;
        place.set(Box::into_raw(Box::new(make()?)));
        Ok(())
    })
}

/// The body of an export that frees a handle, poisoned or not.
pub(crate) fn free<H>(handle: *mut H) {
    if handle.is_null() {
        return;
    }
    // A handle that panics while it is freed is gone all the same: nobody is left to tell.
    let _ = guard(|| {
        // SAFETY: `give` made it of a box, and its owner frees it once.
        drop(unsafe { Box::from_raw(handle) });
        Ok(())
    });
}

/// The body of an export that says what the last failure was: empty if there was none.
pub(crate) fn error<H: Owner>(handle: *mut H, place: *mut tidings_str) -> tidings_status {
    // SAFETY: as in `call`.
    let Some(owner) = (unsafe { handle.as_mut() }) else {
        return TIDINGS_ERR_NULL;
    };
    guard(|| {
        let place = raw::out(place)?;
        let handle = owner.handle_mut();
        if let Some(failure) = &handle.failure {
            handle.text = failure.to_string();
        }
        place.set(tidings_str::of(handle.text.as_bytes()));
        Ok(())
    })
}

/// The body of an export that says after how long what failed last may be tried again.
pub(crate) fn retry_ms<H: Owner>(handle: *const H, place: *mut u64) -> tidings_status {
    // SAFETY: as in `look`.
    let Some(owner) = (unsafe { handle.as_ref() }) else {
        return TIDINGS_ERR_NULL;
    };
    guard(|| {
        let failure = owner.handle().failure.as_ref();
        raw::out(place)?.set(failure.map_or(0, Failure::retry_ms));
        Ok(())
    })
}

impl<S> Handle<S> {
    #[cold]
    fn fail(&mut self, failure: Failure) -> tidings_status {
        let status = failure.status();
        self.failure = Some(failure);
        status
    }

    #[cold]
    fn poison(&mut self) -> tidings_status {
        self.poisoned = true;
        self.fail(TIDINGS_ERR_PANIC.into())
    }
}
