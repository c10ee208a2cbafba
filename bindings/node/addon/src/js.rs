//! Node-API, as far as it is used: what comes in, what goes out, and what is thrown.
//!
//! It does not know Tidings but for the error class. Everything unsafe that is Node's is here. It rests
//! on this: Node calls a function with an environment and values that are valid until the function
//! returns, on the thread of that environment, and no JavaScript runs meanwhile but the constructor of
//! an error, after all that was borrowed is let go.

use crate::failure::{Failure, Outcome};
use crate::records::Records;
use crate::state::State;
use crate::text::Units;
use napi_sys::{
    Status, ThreadsafeFunctionCallMode, ThreadsafeFunctionReleaseMode, TypedarrayType, ValueType,
    napi_callback_info, napi_env, napi_ref, napi_threadsafe_function, napi_value,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most arguments that a function takes.
const MAX_ARGUMENTS: usize = 10;

/// A call from JavaScript.
pub(crate) struct Call {
    env: napi_env,
    arguments: [napi_value; MAX_ARGUMENTS],
}

/// A function that JavaScript can call.
pub(crate) type Function = fn(&mut Call, &mut State) -> Outcome<napi_value>;

/// A function and its name.
pub(crate) type Export = (&'static str, Function);

/// The body of every function: what fails, and be it by a panic, is thrown as an error.
unsafe extern "C" fn run(env: napi_env, info: napi_callback_info) -> napi_value {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let (mut call, export) = Call::new(env, info)?;
        // SAFETY: `set_state` put a `State` there before any function could be called, and it is freed
        // with the environment. No call is within another, so nothing else borrows it.
        let state = unsafe { state(env).as_mut() }.ok_or_else(Failure::broken)?;
        (export.1)(&mut call, state)
    }));
    let failure = match outcome {
        Ok(Ok(value)) => return value,
        Ok(Err(failure)) => failure,
        Err(_) => Failure::panic(),
    };
    throw(env, &failure);
    ptr::null_mut()
}

fn state(env: napi_env) -> *mut State {
    let mut state = ptr::null_mut();
    // SAFETY: see the module.
    let status = unsafe { napi_sys::napi_get_instance_data(env, &raw mut state) };
    if status == Status::napi_ok {
        state.cast()
    } else {
        ptr::null_mut()
    }
}

/// Has the environment keep a state, and free it when it ends.
pub(crate) fn set_state(env: napi_env, state: Box<State>) -> bool {
    unsafe extern "C" fn free(
        env: napi_env,
        state: *mut std::ffi::c_void,
        _: *mut std::ffi::c_void,
    ) {
        // SAFETY: the box of below, which Node hands back once.
        let state = unsafe { Box::from_raw(state.cast::<State>()) };
        if let Some(class) = state.error_class {
            // SAFETY: a reference of this environment, which nobody uses any more.
            unsafe { napi_sys::napi_delete_reference(env, class) };
        }
        // A panic has nobody to be told to.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(state)));
    }
    let state = Box::into_raw(state).cast();
    // SAFETY: see the module.
    let status =
        unsafe { napi_sys::napi_set_instance_data(env, state, Some(free), ptr::null_mut()) };
    status == Status::napi_ok
}

/// Adds a function to the exports of the addon.
pub(crate) fn export(env: napi_env, exports: napi_value, export: &'static Export) {
    let (name, len) = (export.0.as_ptr().cast(), export.0.len() as isize);
    let data = ptr::from_ref(export).cast_mut().cast();
    let (mut key, mut value) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: see the module; the name is as long as it says. What fails leaves an exception, or a
    // function that is not there.
    unsafe {
        napi_sys::napi_create_string_utf8(env, name, len, &raw mut key);
        napi_sys::napi_create_function(env, name, len, Some(run), data, &raw mut value);
        napi_sys::napi_set_property(env, exports, key, value);
    }
}

impl Call {
    #[inline]
    fn new(env: napi_env, info: napi_callback_info) -> Outcome<(Self, &'static Export)> {
        let mut arguments = [ptr::null_mut(); MAX_ARGUMENTS];
        let mut count = MAX_ARGUMENTS;
        let mut data = ptr::null_mut();
        // SAFETY: see the module; the array has `count` places, and what is not given is `undefined`.
        // The data is what `export` put there.
        let export = unsafe {
            check(napi_sys::napi_get_cb_info(
                env,
                info,
                &raw mut count,
                arguments.as_mut_ptr(),
                ptr::null_mut(),
                &raw mut data,
            ))?;
            data.cast::<Export>().as_ref().ok_or_else(Failure::broken)?
        };
        Ok((Self { env, arguments }, export))
    }

    /// A number.
    #[inline]
    pub(crate) fn number(&self, index: usize) -> Outcome<f64> {
        let mut number = 0.0;
        // SAFETY: see the module.
        let status = unsafe {
            napi_sys::napi_get_value_double(self.env, self.arguments[index], &raw mut number)
        };
        match status {
            Status::napi_ok => Ok(number),
            _ => Err(Failure::argument(index, "a number")),
        }
    }

    /// A whole number that is not negative; infinity is the greatest.
    #[inline]
    pub(crate) fn whole(&self, index: usize) -> Outcome<u64> {
        let number = self.number(index)?;
        if number >= 0.0 && (number.fract() == 0.0 || number == f64::INFINITY) {
            return Ok(number as u64);
        }
        Err(Failure::argument(index, "a whole number"))
    }

    /// Bytes, which stay where they are until JavaScript runs again.
    #[inline]
    pub(crate) fn bytes(&self, index: usize) -> Outcome<&[u8]> {
        let view = self.view(index, TypedarrayType::uint8_array, "a Uint8Array")?;
        if view.len == 0 {
            return Ok(&[]);
        }
        // SAFETY: the memory of an array that is neither detached nor shared with other threads, and
        // no JavaScript runs that could change it as long as the call borrows it. Nothing here writes
        // to it: `write_numbers` borrows the call for itself.
        Ok(unsafe { std::slice::from_raw_parts(view.data.cast(), view.len) })
    }

    /// Whole numbers, as in `whole`.
    pub(crate) fn wholes<const N: usize>(&self, index: usize) -> Outcome<[u64; N]> {
        let view = self.view(index, TypedarrayType::float64_array, "a Float64Array")?;
        if view.len != N {
            return Err(Failure::argument(index, "an array with all numbers"));
        }
        // SAFETY: the memory of an array with `N` numbers, which is copied.
        let numbers = unsafe { view.data.cast::<[f64; N]>().read_unaligned() };
        Ok(numbers.map(|number| number as u64))
    }

    /// Whole numbers, as many as there are.
    pub(crate) fn many(&self, index: usize) -> Outcome<Vec<u64>> {
        let view = self.view(index, TypedarrayType::float64_array, "a Float64Array")?;
        let first = view.data.cast::<f64>();
        // SAFETY: the memory of an array with so many numbers, which are copied.
        let number = |at| unsafe { first.add(at).read_unaligned() };
        Ok((0..view.len).map(|at| number(at) as u64).collect())
    }

    /// Texts, a line each; none if it is `undefined`.
    pub(crate) fn lines(&self, index: usize) -> Outcome<Vec<String>> {
        let text = self.maybe_text(index)?;
        let lines = text.iter().flat_map(|text| text.split('\n'));
        Ok(lines.map(str::to_owned).collect())
    }

    /// A place for numbers.
    #[inline]
    pub(crate) fn numbers(&self, index: usize, least: usize) -> Outcome<Numbers> {
        let view = self.view(index, TypedarrayType::uint32_array, "a Uint32Array")?;
        match view.len < least {
            true => Err(Failure::argument(index, "an array with more room")),
            false => Ok(Numbers(view)),
        }
    }

    /// Writes numbers to the front of their place.
    #[inline]
    pub(crate) fn write_numbers(&mut self, place: &Numbers, numbers: &[u32]) {
        assert!(numbers.len() <= place.room(), "numbers fit their place");
        // SAFETY: the memory of an array of this call, at least as long as the numbers, which are ours.
        // What `bytes` handed out may be the same memory, but nobody has it any more: the call is
        // borrowed for this alone.
        unsafe { ptr::copy_nonoverlapping(numbers.as_ptr(), place.0.data.cast(), numbers.len()) };
    }

    /// Hands out what was packed: the numbers at their place, the texts as a string.
    #[inline]
    pub(crate) fn give_records(
        &mut self,
        place: &Numbers,
        records: &Records,
    ) -> Outcome<napi_value> {
        self.write_numbers(place, records.numbers());
        if records.is_empty() {
            return Ok(self.undefined());
        }
        self.give_units(records.units())
    }

    /// A text as UTF-8, with U+FFFD for halves of surrogate pairs.
    pub(crate) fn text(&self, index: usize) -> Outcome<String> {
        let value = self.arguments[index];
        let mut len = 0;
        // SAFETY: see the module; without a buffer the length alone is asked for.
        let status = unsafe {
            napi_sys::napi_get_value_string_utf8(self.env, value, ptr::null_mut(), 0, &raw mut len)
        };
        if status != Status::napi_ok {
            return Err(Failure::argument(index, "a string"));
        }
        let mut bytes = vec![0; len + 1];
        // SAFETY: likewise; the buffer has room for the text and a NUL.
        check(unsafe {
            napi_sys::napi_get_value_string_utf8(
                self.env,
                value,
                bytes.as_mut_ptr().cast(),
                bytes.len(),
                &raw mut len,
            )
        })?;
        bytes.truncate(len);
        String::from_utf8(bytes).map_err(|_| Failure::argument(index, "a string"))
    }

    /// A text, or none if it is `undefined`.
    pub(crate) fn maybe_text(&self, index: usize) -> Outcome<Option<String>> {
        if self.kind(index)? == ValueType::napi_undefined {
            return Ok(None);
        }
        self.text(index).map(Some)
    }

    fn kind(&self, index: usize) -> Outcome<napi_sys::napi_valuetype> {
        let mut kind = 0;
        // SAFETY: see the module.
        check(unsafe { napi_sys::napi_typeof(self.env, self.arguments[index], &raw mut kind) })?;
        Ok(kind)
    }

    /// Checks that it is a function, which is called `what` where it is none.
    fn check_function(&self, index: usize, what: &'static str) -> Outcome<()> {
        if self.kind(index)? == ValueType::napi_function {
            Ok(())
        } else {
            Err(Failure::argument(index, what))
        }
    }

    /// Keeps the class of the errors that are thrown.
    pub(crate) fn class(&self, index: usize) -> Outcome<napi_ref> {
        self.check_function(index, "a class")?;
        let mut class = ptr::null_mut();
        // SAFETY: see the module.
        unsafe {
            check(napi_sys::napi_create_reference(
                self.env,
                self.arguments[index],
                1,
                &raw mut class,
            ))?;
        }
        Ok(class)
    }

    /// Lets go of what `class` kept.
    pub(crate) fn forget(&self, class: napi_ref) {
        // SAFETY: a reference of this environment, which is given up here.
        unsafe { napi_sys::napi_delete_reference(self.env, class) };
    }

    /// A way to call this function, without arguments, from other threads. It does not keep the process
    /// alive.
    pub(crate) fn wake(&self, index: usize, name: &str) -> Outcome<Arc<Wake>> {
        self.check_function(index, "a function")?;
        let (mut text, mut function) = (ptr::null_mut(), ptr::null_mut());
        let wake = Arc::new(Wake(Mutex::new(None)));
        // SAFETY: see the module; the name is as long as it says.
        unsafe {
            check(napi_sys::napi_create_string_utf8(
                self.env,
                name.as_ptr().cast(),
                name.len() as isize,
                &raw mut text,
            ))?;
            check(napi_sys::napi_create_threadsafe_function(
                self.env,
                self.arguments[index],
                ptr::null_mut(),
                text,
                0,
                1,
                Arc::as_ptr(&wake).cast_mut().cast(),
                Some(Wake::forget),
                ptr::null_mut(),
                None,
                &raw mut function,
            ))?;
        }
        // It is Node's as well, until `forget`.
        let _ = Arc::into_raw(Arc::clone(&wake));
        *wake.lock() = Some(function);
        self.hold(&wake, false)?;
        Ok(wake)
    }

    /// Whether it keeps the process alive that there is a way to call a function.
    pub(crate) fn hold(&self, wake: &Wake, holds: bool) -> Outcome {
        let place = wake.lock();
        let function = place.ok_or_else(Failure::broken)?;
        // SAFETY: see the module, and `Wake`.
        check(unsafe {
            match holds {
                true => napi_sys::napi_ref_threadsafe_function(self.env, function),
                false => napi_sys::napi_unref_threadsafe_function(self.env, function),
            }
        })
    }

    /// What a function returns that has nothing to say.
    pub(crate) const fn undefined(&self) -> napi_value {
        ptr::null_mut()
    }

    pub(crate) fn give_number(&self, number: f64) -> Outcome<napi_value> {
        let mut value = ptr::null_mut();
        // SAFETY: see the module.
        check(unsafe { napi_sys::napi_create_double(self.env, number, &raw mut value) })?;
        Ok(value)
    }

    pub(crate) fn give_text(&self, text: &[u8]) -> Outcome<napi_value> {
        give_text(self.env, text)
    }

    #[inline]
    fn give_units(&self, units: Units<'_>) -> Outcome<napi_value> {
        let mut value = ptr::null_mut();
        // SAFETY: see the module; the text is as long as it says, and copied.
        check(unsafe {
            match units {
                Units::Latin1(text) => napi_sys::napi_create_string_latin1(
                    self.env,
                    text.as_ptr().cast(),
                    text.len() as isize,
                    &raw mut value,
                ),
                Units::Utf16(text) => napi_sys::napi_create_string_utf16(
                    self.env,
                    text.as_ptr(),
                    text.len() as isize,
                    &raw mut value,
                ),
            }
        })?;
        Ok(value)
    }

    #[inline]
    fn view(&self, index: usize, wanted: i32, what: &'static str) -> Outcome<View> {
        let (mut kind, mut len, mut data) = (-1, 0, ptr::null_mut());
        let (mut buffer, mut offset) = (ptr::null_mut(), 0);
        // SAFETY: see the module.
        let status = unsafe {
            napi_sys::napi_get_typedarray_info(
                self.env,
                self.arguments[index],
                &raw mut kind,
                &raw mut len,
                &raw mut data,
                &raw mut buffer,
                &raw mut offset,
            )
        };
        if status != Status::napi_ok || kind != wanted {
            return Err(Failure::argument(index, what));
        }
        let mut is_own = false;
        // SAFETY: likewise. Memory that is shared between threads is no array buffer.
        check(unsafe { napi_sys::napi_is_arraybuffer(self.env, buffer, &raw mut is_own) })?;
        if !is_own {
            return Err(Failure::argument(index, "memory of its own, not shared"));
        }
        if len == 0 && self.is_detached(buffer)? {
            return Err(Failure::detached(index));
        }
        Ok(View { len, data })
    }

    #[cold]
    fn is_detached(&self, buffer: napi_value) -> Outcome<bool> {
        let mut is_detached = false;
        // SAFETY: see the module.
        check(unsafe {
            napi_sys::napi_is_detached_arraybuffer(self.env, buffer, &raw mut is_detached)
        })?;
        Ok(is_detached)
    }
}

/// A way to call a function of JavaScript from other threads, until it is released or its environment
/// ends, whichever comes first.
pub(crate) struct Wake(Mutex<Option<napi_threadsafe_function>>);

// SAFETY: to be used by several threads is what it is for. Nobody uses it once it is gone, since the
// lock is held by who does, and by who lets it go.
unsafe impl Send for Wake {}
// SAFETY: likewise.
unsafe impl Sync for Wake {}

impl Wake {
    fn lock(&self) -> MutexGuard<'_, Option<napi_threadsafe_function>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the function be called soon. Whether anybody is there to hear it.
    pub(crate) fn call(&self) -> bool {
        let mut place = self.lock();
        let Some(function) = *place else { return false };
        let mode = ThreadsafeFunctionCallMode::nonblocking;
        // SAFETY: it is there, as the lock says.
        let status =
            unsafe { napi_sys::napi_call_threadsafe_function(function, ptr::null_mut(), mode) };
        if status == Status::napi_closing {
            // The answer has released it.
            *place = None;
        }
        place.is_some()
    }

    pub(crate) fn release(&self) {
        if let Some(function) = self.lock().take() {
            let mode = ThreadsafeFunctionReleaseMode::release;
            // SAFETY: it was there, as the lock said, and nobody uses it any more.
            unsafe { napi_sys::napi_release_threadsafe_function(function, mode) };
        }
    }

    /// Node calls this before it is gone.
    unsafe extern "C" fn forget(
        _: napi_env,
        wake: *mut std::ffi::c_void,
        _: *mut std::ffi::c_void,
    ) {
        // SAFETY: what `Call::wake` has left with it, which is handed back once.
        let wake = unsafe { Arc::from_raw(wake.cast::<Self>()) };
        wake.lock().take();
    }
}

/// Where numbers of one call go.
pub(crate) struct Numbers(View);

impl Numbers {
    /// How many there is room for.
    pub(crate) const fn room(&self) -> usize {
        self.0.len
    }
}

/// The memory behind a typed array.
struct View {
    len: usize,
    data: *mut std::ffi::c_void,
}

#[inline]
fn check(status: napi_sys::napi_status) -> Outcome {
    if status == Status::napi_ok {
        Ok(())
    } else {
        Err(Failure::broken())
    }
}

fn give_text(env: napi_env, text: &[u8]) -> Outcome<napi_value> {
    let text = String::from_utf8_lossy(text);
    let mut value = ptr::null_mut();
    // SAFETY: see the module; the text is as long as it says, and copied.
    check(unsafe {
        napi_sys::napi_create_string_utf8(
            env,
            text.as_ptr().cast(),
            text.len() as isize,
            &raw mut value,
        )
    })?;
    Ok(value)
}

/// Throws a `TidingsError`. If that cannot be made, something else is thrown already.
fn throw(env: napi_env, failure: &Failure) {
    // SAFETY: as in `run`; the class is read before JavaScript runs.
    let class = unsafe { state(env).as_ref() }.and_then(|state| state.error_class);
    let (Some(class), Ok(code), Ok(message)) = (
        class,
        give_text(env, failure.code().as_bytes()),
        give_text(env, failure.message().as_bytes()),
    ) else {
        let text = c"the addon of tidings is not set up";
        // SAFETY: see the module; the text ends in a NUL.
        unsafe { napi_sys::napi_throw_error(env, ptr::null(), text.as_ptr()) };
        return;
    };
    let (mut constructor, mut error) = (ptr::null_mut(), ptr::null_mut());
    let arguments = [code, message];
    // SAFETY: see the module; a call that fails has thrown.
    unsafe {
        napi_sys::napi_get_reference_value(env, class, &raw mut constructor);
        let status = napi_sys::napi_new_instance(
            env,
            constructor,
            arguments.len(),
            arguments.as_ptr(),
            &raw mut error,
        );
        if status == Status::napi_ok {
            napi_sys::napi_throw(env, error);
        }
    }
}
