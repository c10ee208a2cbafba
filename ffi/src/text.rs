//! Text and bytes on their way through the boundary, in both directions.
//!
//! It does not know what they mean, nor how long they live.

use crate::failure::Checked;
use crate::raw;
use crate::status::tidings_status::*;
use std::ffi::{CStr, c_char};
use std::ptr;

/// Text or bytes that somebody else owns, without a NUL at the end.
///
/// `TIDINGS_STR("literal")` and `tidings_str_of(text)` make one. Where something may be absent, that is
/// `data == NULL`; with `len == 0` and another pointer it is there and empty. Nobody writes through
/// `data`. On POSIX systems it has the layout of `struct iovec`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_str {
    /// The first byte; NULL only with `len == 0`.
    pub data: *const c_char,
    /// How many there are.
    pub len: usize,
}

impl tidings_str {
    /// What is not there.
    pub const ABSENT: Self = Self {
        data: ptr::null(),
        len: 0,
    };

    /// These bytes. Rust forgets how long they live: the caller has to know.
    #[must_use]
    pub const fn of(bytes: &[u8]) -> Self {
        Self {
            data: bytes.as_ptr().cast(),
            len: bytes.len(),
        }
    }

    #[inline]
    pub(crate) fn bytes<'a>(self) -> Checked<&'a [u8]> {
        raw::bytes(self.data, self.len)
    }

    /// The text; empty if it is absent.
    #[inline]
    pub(crate) fn text<'a>(self) -> Checked<&'a str> {
        let bytes = self.bytes()?;
        if !is_utf8(bytes) {
            return Err(TIDINGS_ERR_UTF8);
        }
        // SAFETY: it is UTF-8.
        Ok(unsafe { str::from_utf8_unchecked(bytes) })
    }

    /// The text, or none if it is absent.
    #[inline]
    pub(crate) fn maybe_text<'a>(self) -> Checked<Option<&'a str>> {
        if self.data.is_null() && self.len == 0 {
            return Ok(None);
        }
        self.text().map(Some)
    }
}

// Inlined at each text, it would take more room than time.
#[inline(never)]
fn is_utf8(bytes: &[u8]) -> bool {
    // Most text is ASCII, and that is several times as fast to see.
    is_ascii(bytes) || str::from_utf8(bytes).is_ok()
}

/// Whether all of it is ASCII, without a way out before the end: texts are short, and most are.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    let all = match (bytes.last_chunk(), bytes.first_chunk(), bytes.last_chunk()) {
        (Some(last), _, _) => {
            let (words, _) = bytes.as_chunks();
            let words = words.iter().map(|word| u64::from_ne_bytes(*word));
            words.fold(u64::from_ne_bytes(*last), |all, word| all | word)
        }
        // Four to seven bytes are two words that overlap.
        (None, Some(first), Some(last)) => {
            (u32::from_ne_bytes(*first) | u32::from_ne_bytes(*last)).into()
        }
        _ => bytes.iter().fold(0, |all, byte| all | u64::from(*byte)),
    };
    all & HIGH_BITS == 0
}

/// The texts of an array.
pub(crate) fn texts<'a>(first: *const tidings_str, count: usize) -> Checked<Vec<&'a str>> {
    raw::items(first, count)?
        .iter()
        .map(|text| text.text())
        .collect()
}

/// A constant with a NUL at its end, as C wants it.
pub(crate) const fn with_nul(text: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(text.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("one NUL, at the end"),
    }
}
