//! The C ABI of Tidings: plain functions over the state machines of `tidings-core`.
//!
//! `include/tidings.h` is generated from this crate, and its opening comment is the manual. In brief:
//!
//! - A handle comes from a `…_new` and goes with its `…_free`, which takes null too. One handle is for
//!   one thread at a time, but for an engine; different handles are independent.
//! - Every function that can fail returns a [`tidings_status`]: 0, or a negative number. It then has
//!   changed nothing and written nothing; `tidings_<handle>_error` says more.
//! - There are no callbacks. As in the core, **nouns** read, **verbs** are what the application wants,
//!   **`handle_…`** says what the world did, **`poll_…`** says what the driver must do or know.
//! - Options begin with their size. What is zero has its default.
//! - What a function hands out is borrowed; each says until when.
//! - A panic is a bug here. It does not cross: the call answers `TIDINGS_ERR_PANIC`, and the handle
//!   `TIDINGS_ERR_POISONED` from then on.
//!
//! | file | owns |
//! |---|---|
//! | `raw`, `sized` | what comes in as pointers; structs that may grow: all that is unsafe |
//! | `handle` | the body of every export: checks, a caught panic, the last failure |
//! | `status`, `failure` | the numbers, and what of the core each stands for |
//! | `text`, `event`, `frame`, `cursor`, `version` | values |
//! | `decoder`, `hub`, `client` | the machines |
//! | `engine` | a hub with a driver on threads of its own, where the feature `engine` is on |
//!
//! Every export is `unsafe`: its pointers have to be what the header says they are.

#![expect(unsafe_code, reason = "what C hands in are pointers")]
#![expect(
    non_camel_case_types,
    reason = "types and constants are called what they are called in C"
)]
#![expect(
    clippy::missing_safety_doc,
    reason = "one contract holds for all exports: the manual at the top of the header"
)]

#[cfg(not(panic = "unwind"))]
compile_error!("panics must unwind: the C ABI turns them into a status");

mod client;
mod cursor;
mod decoder;
mod engine;
mod event;
mod failure;
mod frame;
mod handle;
#[cfg(feature = "test-hooks")]
mod hooks;
mod hub;
mod raw;
mod sized;
mod status;
mod text;
mod version;

pub use client::*;
pub use cursor::*;
pub use decoder::*;
pub use engine::*;
pub use event::*;
pub use frame::*;
#[cfg(feature = "test-hooks")]
pub use hooks::*;
pub use hub::*;
pub use status::*;
pub use text::*;
pub use version::*;

/// In an option: none of it, or off. Zero stands for the default.
pub const TIDINGS_OFF: u64 = u64::MAX;

/// From `…_poll_timeout`: not before something else happens.
pub const TIDINGS_NEVER: u64 = u64::MAX;
