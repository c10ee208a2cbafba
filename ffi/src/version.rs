//! Which library this is.
//!
//! It does not know the header that a program was compiled with; the program compares.

use crate::text::with_nul;
use std::ffi::{CStr, c_char};

/// The version of the ABI that this header describes. Programs that were compiled for one version run
/// with every library of the same: structs and functions are added, never changed.
pub const TIDINGS_ABI_VERSION: u32 = 1;

const VERSION: &CStr = with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0"));

/// The version of the library, as in `TIDINGS_VERSION`. It is static.
#[unsafe(no_mangle)]
pub extern "C" fn tidings_version() -> *const c_char {
    VERSION.as_ptr()
}

/// The version of the library's ABI: compare it with `TIDINGS_ABI_VERSION`.
#[unsafe(no_mangle)]
pub extern "C" fn tidings_abi_version() -> u32 {
    TIDINGS_ABI_VERSION
}
