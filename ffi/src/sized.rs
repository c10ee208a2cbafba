//! Structs that may grow: their first field is the size that the caller knows.
//!
//! It does not know what is in them. A struct of an older header is read as if the fields it lacks
//! were zero; one of a newer header may be longer, but what this library does not know has to be zero.

use crate::failure::{Checked, Outcome};
use crate::status::tidings_status::*;
use std::mem::MaybeUninit;
use std::ptr;

/// A struct whose first field is its size.
///
/// # Safety
/// It is `repr(C)`, begins with a `u32`, and is valid whatever bytes its numbers and pointers hold,
/// zeros included.
pub(crate) unsafe trait SizeFirst: Copy {
    /// The size it had when it was first published, up to the last field of then: less is no such
    /// struct.
    const FIRST_SIZE: usize;
}

/// Reads options; null stands for all defaults.
pub(crate) fn options<T: SizeFirst>(from: *const T) -> Checked<T> {
    if from.is_null() {
        // SAFETY: zeros are valid for such a struct.
        return Ok(unsafe { MaybeUninit::zeroed().assume_init() });
    }
    read(from)
}

/// Reads a struct that has to be there.
#[inline]
pub(crate) fn read<T: SizeFirst>(from: *const T) -> Checked<T> {
    let size = size_at(from)?;
    if size == size_of::<T>() {
        // SAFETY: not null, and as many bytes as it says.
        return Ok(unsafe { from.read() });
    }
    read_other(from, size, &mut MaybeUninit::uninit()).copied()
}

/// Lends a struct that has to be there: in place, if its header is as old as the library.
#[inline]
pub(crate) fn with<T: SizeFirst, R>(
    from: *const T,
    body: impl FnOnce(&T) -> Outcome<R>,
) -> Outcome<R> {
    let size = size_at(from)?;
    let mut other = MaybeUninit::uninit();
    let value = if size == size_of::<T>() {
        // SAFETY: not null, and as many bytes as it says, which nobody changes during the call.
        unsafe { &*from }
    } else {
        read_other(from, size, &mut other)?
    };
    body(value)
}

/// Reads a struct of an older or newer header into a place.
// Inlined, it would have the fields of every other taken apart, and put together again.
#[cold]
#[inline(never)]
fn read_other<T: SizeFirst>(
    from: *const T,
    size: usize,
    place: &mut MaybeUninit<T>,
) -> Checked<&T> {
    let known = size.min(size_of::<T>());
    let from = from.cast::<u8>();
    for offset in known..size {
        // SAFETY: inside the struct, which has as many bytes as it says.
        if unsafe { from.add(offset).read() } != 0 {
            return Err(TIDINGS_ERR_STRUCT_SIZE);
        }
    }
    *place = MaybeUninit::zeroed();
    // SAFETY: as many bytes as both have, and the copy is the library's own. Whatever they are, and
    // zeros where the caller has none, they are valid for such a struct.
    unsafe {
        ptr::copy_nonoverlapping(from, place.as_mut_ptr().cast(), known);
        Ok(place.assume_init_ref())
    }
}

/// Reads an array of structs, each as long as the first says it is.
pub(crate) fn read_all<T: SizeFirst>(
    first: *const T,
    count: usize,
) -> Checked<impl ExactSizeIterator<Item = Checked<T>>> {
    let size = if count == 0 { 0 } else { size_at(first)? };
    if count
        .checked_mul(size)
        .is_none_or(|bytes| bytes > isize::MAX as usize)
    {
        return Err(TIDINGS_ERR_LENGTH);
    }
    Ok((0..count).map(move |index| {
        // SAFETY: inside the array, which the caller promises to be as long.
        let one = unsafe { first.byte_add(index * size) };
        if size_at(one)? != size {
            return Err(TIDINGS_ERR_STRUCT_SIZE);
        }
        read(one)
    }))
}

/// Where a struct of results goes.
pub(crate) struct Out<T> {
    place: *mut T,
    size: usize,
}

/// A place for a struct of results: its size has been set by the caller.
pub(crate) fn out<T: SizeFirst>(place: *mut T) -> Checked<Out<T>> {
    let size = size_at(place)?;
    Ok(Out { place, size })
}

impl<T: SizeFirst> Out<T> {
    /// Writes what the caller knows of it, and zeros where the caller knows more. The size stays.
    pub(crate) fn set(self, value: &T) {
        const SIZE: usize = size_of::<u32>();
        let known = self.size.min(size_of::<T>());
        let (from, to) = (ptr::from_ref(value).cast::<u8>(), self.place.cast::<u8>());
        // SAFETY: the caller promises as many bytes as the struct says, and `known` are no more than
        // the value has, which is the library's own.
        unsafe {
            ptr::copy_nonoverlapping(from.add(SIZE), to.add(SIZE), known - SIZE);
            to.add(known).write_bytes(0, self.size - known);
        }
    }
}

/// The size that a struct says it has.
#[inline]
fn size_at<T: SizeFirst>(from: *const T) -> Checked<usize> {
    if from.is_null() {
        return Err(TIDINGS_ERR_NULL);
    }
    // SAFETY: not null, and such a struct begins with its size.
    let size = unsafe { from.cast::<u32>().read() } as usize;
    // A real struct grows by a few fields, so that more is a number that is no size.
    let is_size = size >= T::FIRST_SIZE && size <= size_of::<T>() + MAX_GROWTH;
    if is_size {
        Ok(size)
    } else {
        Err(TIDINGS_ERR_STRUCT_SIZE)
    }
}

const MAX_GROWTH: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::tidings_status;
    use std::mem::offset_of;

    /// A struct that has grown by one field since it was first published.
    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Grown {
        size: u32,
        old: u32,
        new: u64,
    }

    // SAFETY: `repr(C)`, begins with its size, has only numbers.
    unsafe impl SizeFirst for Grown {
        const FIRST_SIZE: usize = offset_of!(Self, old) + size_of::<u32>();
    }

    /// What a newer header makes of it.
    #[repr(C)]
    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Newer {
        known: Grown,
        more: [u64; 2],
    }

    fn newer(more: [u64; 2]) -> Newer {
        let known = Grown {
            size: size_of::<Newer>() as u32,
            old: 1,
            new: 2,
        };
        Newer { known, more }
    }

    fn status<T>(outcome: Checked<T>) -> tidings_status {
        outcome.err().unwrap_or(TIDINGS_OK)
    }

    #[test]
    fn what_an_older_program_lacks_is_zero() {
        let old = [8_u32, 1];
        let read = options(old.as_ptr().cast::<Grown>()).expect("the size of then");
        assert_eq!((read.old, read.new), (1, 0));
        assert_eq!(options::<Grown>(ptr::null()).expect("defaults").old, 0);
    }

    #[test]
    fn what_a_newer_program_has_more_must_be_zero() {
        let read = |newer: &Newer| options(ptr::from_ref(newer).cast::<Grown>());
        let known = read(&newer([0, 0])).expect("nothing unknown is set");
        assert_eq!((known.old, known.new), (1, 2));
        assert_eq!(status(read(&newer([0, 1 << 63]))), TIDINGS_ERR_STRUCT_SIZE);
    }

    #[test]
    fn a_number_that_is_no_size_is_refused() {
        for size in [0, 7, 4_096 + 17, u32::MAX] {
            let mut grown = newer([0, 0]).known;
            grown.size = size;
            assert_eq!(status(options(&grown)), TIDINGS_ERR_STRUCT_SIZE);
            assert_eq!(status(out(&mut grown)), TIDINGS_ERR_STRUCT_SIZE);
            assert_eq!(status(read_all(&grown, 1)), TIDINGS_ERR_STRUCT_SIZE);
        }
        assert_eq!(status(read::<Grown>(ptr::null())), TIDINGS_ERR_NULL);
    }

    #[test]
    fn an_array_has_the_step_of_its_first() {
        let mut array = [newer([0, 0]); 3];
        array[2].known.old = 9;
        let all = |array: &[Newer; 3]| {
            let all = read_all(array.as_ptr().cast::<Grown>(), 3)?;
            all.collect::<Checked<Vec<_>>>()
        };
        assert_eq!(all(&array).expect("sizes agree")[2].old, 9);
        array[1].known.size -= 8;
        assert_eq!(status(all(&array)), TIDINGS_ERR_STRUCT_SIZE);
        assert_eq!(status(read_all::<Grown>(ptr::null(), 1)), TIDINGS_ERR_NULL);
        assert_eq!(
            status(read_all(&array[0].known, usize::MAX)),
            TIDINGS_ERR_LENGTH
        );
    }

    #[test]
    fn results_fill_what_the_caller_has() {
        let value = newer([0, 0]).known;
        let mut old = [8_u32, 0, 77];
        let place = out(old.as_mut_ptr().cast::<Grown>()).expect("the size of then");
        place.set(&value);
        assert_eq!(old, [8, 1, 77]);

        let mut new = newer([77, 77]);
        new.known.old = 0;
        let place = out(ptr::from_mut(&mut new).cast::<Grown>()).expect("more than is known");
        place.set(&value);
        assert_eq!(new, newer([0, 0]));
    }
}
