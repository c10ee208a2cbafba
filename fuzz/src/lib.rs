//! What proves `tidings-core`: one set of operations, a naive model of the hub, and a small
//! simulated world.
//!
//! It knows the public face of the core and nothing behind it.
//!
//! - [`ops`] says what can happen to a hub, [`setup`] how the hub is made, [`mail`] what is
//!   published.
//! - [`model`] keeps every event ever published and judges by walking through all of them.
//! - [`play`] does the operations to a hub and to the model, and compares after each;
//!   [`minimize`] makes what fails smaller.
//! - [`frames`] reads and writes the messages of WebSocket connections.
//! - [`standard`] reads a stream as the standard says, step by step.
//! - [`world`] runs hubs among clients, publishers and bad networks in virtual time.
//! - [`targets`] are what a fuzzer feeds: all of this, from bytes.

pub mod frames;
pub mod mail;
pub mod minimize;
pub mod model;
pub mod ops;
pub mod play;
pub mod setup;
pub mod standard;
pub mod targets;
pub mod verdict;
pub mod world;
