//! Exports that panic, so that tests see what becomes of a panic. Only with the feature `test-hooks`.
//!
//! They are in no header: tests declare them.

#![expect(clippy::missing_panics_doc, reason = "their panics are caught")]

use crate::client::tidings_client;
use crate::decoder::tidings_decoder;
use crate::handle::{call, guard};
use crate::hub::tidings_hub;
use crate::status::tidings_status;

const WHY: &str = "a test asked for it";

/// Panics without a handle.
#[unsafe(no_mangle)]
pub extern "C" fn tidings_test_panic() -> tidings_status {
    guard(|| panic!("{WHY}"))
}

/// Panics inside a decoder.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_test_panic_decoder(
    decoder: *mut tidings_decoder,
) -> tidings_status {
    call(decoder, |_| panic!("{WHY}"))
}

/// Panics inside a hub.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_test_panic_hub(hub: *mut tidings_hub) -> tidings_status {
    call(hub, |_| panic!("{WHY}"))
}

/// Panics inside a client.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_test_panic_client(client: *mut tidings_client) -> tidings_status {
    call(client, |_| panic!("{WHY}"))
}
