//! The functions of the shared library that people install, as their programs come to them.
//!
//! It does not know what they do.

use crate::process::installed;
use libloading::Library;
use std::ffi::c_char;
use std::io;
use tidings::*;

macro_rules! exports {
    ($($name:ident($($argument:ty),*) -> $result:ty;)*) => {
        #[derive(Clone, Copy)]
        pub(super) struct Exports {
            $(pub(super) $name: unsafe extern "C" fn($($argument),*) -> $result,)*
        }

        impl Exports {
            fn of(library: &Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    $($name: {
                        let like: unsafe extern "C" fn($($argument),*) -> $result = tidings::$name;
                        find(library, stringify!($name), like)?
                    },)*
                })
            }
        }
    };
}

exports! {
    tidings_abi_version() -> u32;
    tidings_decoder_decode(
        *mut tidings_decoder, *const c_char, usize, *mut usize, *mut tidings_item
    ) -> tidings_status;
    tidings_decoder_free(*mut tidings_decoder) -> ();
    tidings_decoder_new(
        *const tidings_decoder_options, *mut *mut tidings_decoder
    ) -> tidings_status;
    tidings_event_encode(
        *const tidings_event, *mut c_char, usize, *mut usize
    ) -> tidings_status;
    tidings_hub_consume(*mut tidings_hub, u64, u64, usize) -> tidings_status;
    tidings_hub_new(*const tidings_hub_options, *mut *mut tidings_hub) -> tidings_status;
    tidings_hub_open(*mut tidings_hub, u64, *const tidings_open, *mut u64) -> tidings_status;
    tidings_hub_poll_output(*mut tidings_hub, *mut tidings_output) -> tidings_status;
    tidings_hub_poll_timeout(*const tidings_hub, *mut u64) -> tidings_status;
    tidings_hub_publish(
        *mut tidings_hub, u64, *const tidings_publish, *mut tidings_published
    ) -> tidings_status;
    tidings_hub_transmit(
        *mut tidings_hub, u64, u64, *mut tidings_str, usize, *mut usize
    ) -> tidings_status;
}

impl Exports {
    /// Loads the library, for the rest of the process.
    pub(super) fn load() -> io::Result<Self> {
        let path = installed("lib/libtidings.so")?;
        // SAFETY: what it does when it is loaded is up to Rust's own runtime, as in this program.
        let library = unsafe { Library::new(path) }.map_err(io::Error::other)?;
        let exports = Self::of(Box::leak(Box::new(library))).map_err(io::Error::other)?;
        // SAFETY: it takes nothing.
        let version = unsafe { (exports.tidings_abi_version)() };
        if version != TIDINGS_ABI_VERSION {
            let problem =
                format!("the library has version {version} of the ABI: make bench-library");
            return Err(io::Error::other(problem));
        }
        Ok(exports)
    }
}

/// The function of the library that is called like this one, which is its source.
fn find<F: Copy>(library: &Library, name: &str, _like: F) -> Result<F, libloading::Error> {
    // SAFETY: a function of the same name and sources, whose type is that of the one here.
    unsafe { library.get::<F>(name) }.map(|function| *function)
}
