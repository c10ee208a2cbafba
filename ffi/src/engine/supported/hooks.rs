//! Exports that panic in an engine, so that tests see what becomes of it.
//!
//! They are in no header: tests declare them.

#![expect(clippy::missing_panics_doc, reason = "their panics are caught")]

use super::call;
use super::running::Engine;
use crate::engine::tidings_engine;
use crate::status::tidings_status;

/// Panics inside a call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_test_panic_engine(
    engine: *const tidings_engine,
) -> tidings_status {
    call(engine, |_| panic!("a test asked for it"))
}

/// Panics on a thread of the engine.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_test_panic_engine_thread(
    engine: *const tidings_engine,
) -> tidings_status {
    call(engine, Engine::panic_on_thread)
}
