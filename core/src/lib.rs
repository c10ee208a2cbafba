//! Server-Sent Events as pure state machines.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod backoff;
mod client;
mod decode;
mod encode;
mod event;
mod hub;
mod random;
mod sequencer;

pub use backoff::Backoff;
pub use client::{Client, ClientError, ClientOptions, ClientOutput, ClientState, Response};
pub use decode::{DecodeError, DecodeOptions, Decoder, Item};
pub use encode::encode_comment;
pub use event::{Event, EventError, OwnedEvent};
pub use hub::{
    Audience, ClassOptions, ClassStats, CloseReason, ConnectionId, ConnectionIdError, ControlEvent,
    ControlOptions, Cursor, CursorError, Deadlines, GapReason, Hub, HubOptions, LagPolicy, Limits,
    MAX_SLICES, Message, NameError, NotTransmitted, Open, OpenError, OptionsError, Output, Publish,
    PublishError, Published, Rules, Stats, SubscribeError, Transmit, WhenFull, pattern_matches,
};
pub use sequencer::{Assigned, Sequencer};
