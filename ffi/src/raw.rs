//! Pointers that C hands in, checked as far as they can be: the one place that reads and writes
//! through them, but for structs that may grow (`sized`) and handles (`handle`).
//!
//! It does not know what they point to. The functions are safe to call because only exports hand
//! pointers on to them, and these are unsafe: that a pointer which is not null points to what the
//! header says, for as long as it says, is the promise of whoever calls an export.

use crate::failure::Checked;
use crate::status::tidings_status::*;
use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;

/// Where a result goes; checked before anything is done, written once all is.
pub(crate) struct Out<T>(NonNull<T>);

/// A place for a result.
#[inline]
pub(crate) fn out<T>(place: *mut T) -> Checked<Out<T>> {
    NonNull::new(place).map(Out).ok_or(TIDINGS_ERR_NULL)
}

impl<T> Out<T> {
    #[inline]
    pub(crate) fn set(self, value: T) {
        // SAFETY: not null, and the caller of the export promises a place for a `T`. What is there may
        // be anything, so it is not dropped; no `T` of the ABI needs it.
        unsafe { self.0.write(value) }
    }
}

/// A place for several results.
pub(crate) struct OutSlice<T> {
    first: NonNull<T>,
    capacity: usize,
}

/// An array for results; it may be null if it has no room.
#[inline]
pub(crate) fn out_slice<T>(first: *mut T, capacity: usize) -> Checked<OutSlice<T>> {
    check_len::<T>(first, capacity)?;
    let first = NonNull::new(first).unwrap_or(NonNull::dangling());
    Ok(OutSlice { first, capacity })
}

impl<T: Copy> OutSlice<T> {
    #[inline]
    pub(crate) fn set(&mut self, index: usize, value: T) {
        assert!(index < self.capacity, "results fit the array");
        // SAFETY: inside the array that the caller of the export promises.
        unsafe { self.first.add(index).write(value) }
    }

    /// The whole array, for somebody else to fill.
    #[inline]
    pub(crate) fn place(&mut self) -> &mut [MaybeUninit<T>] {
        // SAFETY: the array that the caller of the export promises, not longer than a slice may be,
        // whatever is in it; nobody else has it during the call.
        unsafe { slice::from_raw_parts_mut(self.first.as_ptr().cast(), self.capacity) }
    }

    pub(crate) fn copy_from(&mut self, values: &[T]) -> Checked {
        if values.len() > self.capacity {
            return Err(TIDINGS_ERR_BUFFER);
        }
        // SAFETY: as long as the values, at most as long as the array that the caller promises, and
        // apart from them: they are the library's own.
        unsafe {
            self.first
                .copy_from_nonoverlapping(NonNull::from(values).cast(), values.len());
        }
        Ok(())
    }
}

/// Something of the caller's that has to be there.
#[inline]
pub(crate) fn one<'a, T>(value: *const T) -> Checked<&'a T> {
    // SAFETY: null, or the caller of the export promises a `T` that nobody changes during the call.
    unsafe { value.as_ref() }.ok_or(TIDINGS_ERR_NULL)
}

/// An array of the caller's.
#[inline]
pub(crate) fn items<'a, T: Copy>(first: *const T, count: usize) -> Checked<&'a [T]> {
    if first.is_null() {
        return if count == 0 {
            Ok(&[])
        } else {
            Err(TIDINGS_ERR_NULL)
        };
    }
    check_len(first, count)?;
    // SAFETY: not null, not longer than a slice may be, and the caller of the export promises so many
    // values that nobody changes during the call.
    Ok(unsafe { slice::from_raw_parts(first, count) })
}

/// Bytes of the caller's.
#[inline]
pub(crate) fn bytes<'a>(first: *const c_char, len: usize) -> Checked<&'a [u8]> {
    items(first.cast(), len)
}

#[inline]
fn check_len<T>(first: *const T, count: usize) -> Checked {
    if count > isize::MAX as usize / size_of::<T>() {
        return Err(TIDINGS_ERR_LENGTH);
    }
    if first.is_null() && count > 0 {
        return Err(TIDINGS_ERR_NULL);
    }
    Ok(())
}
