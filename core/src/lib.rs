//! Server-Sent Events as pure state machines.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod decode;
mod encode;
mod event;

pub use decode::{DecodeError, DecodeOptions, Decoder, Item};
pub use encode::encode_comment;
pub use event::{Event, EventError, OwnedEvent};
