//! Server-Sent Events as pure state machines: a hub, the event framing, a client.
//!
//! Nothing here does I/O, reads a clock, starts a thread or asks for entropy. Time and seeds come in
//! as arguments, bytes go in and come out. A *driver* connects the machines to a world: the package
//! `tidings-smol` is one, and a C program with `epoll` can be another. What is pure can be tested
//! whole: the same seed gives the same bytes, years pass in a moment, and every cut, delay and slow
//! reader can be played through.
//!
//! | machine | what it does |
//! |---|---|
//! | [`Event`], [`Decoder`] | the wire: `text/event-stream` both ways, to the letter of the WHATWG HTML standard, section 9.2 |
//! | [`Hub`] | the server: publishes go in, the bytes of many streams come out, as event streams or as WebSocket messages |
//! | [`Client`] | an `EventSource`: when to connect, what to make of a response, when to try again |
//! | [`Sequencer`] | numbers for events that several hubs share |
//!
//! # The one idea: a subscriber is a cursor, not a queue
//!
//! A hub that gives every connection a queue of its own grows with every slow reader, drops events
//! where nobody sees it, and has a second code path for replay. Here the hub keeps one bounded
//! **log** of encoded frames in one total order, and a connection is a **cursor** into it:
//!
//! - a publish encodes once, appends once, and marks the connections it is for;
//! - a connection whose socket takes bytes pulls what lies after its cursor, many frames at a time;
//! - a slow reader costs nothing but its cursor. When the log has moved past it, it is told exactly
//!   that (a **gap**), or it is closed: its policy says which;
//! - a reconnect is the same walk from an older cursor. Live events and replay are one path.
//!
//! # The one promise: no silent loss
//!
//! Every subscriber gets every event addressed to it, in order, once; or it is told in the stream
//! that there is a gap, and how large; or it is closed with a reason. Much follows from it:
//!
//! - Each event's SSE `id` is its [`Cursor`], and every id that a client ever sees is a safe place to
//!   come back to: a cut at any byte loses nothing.
//! - The **audience** of an event is part of its record and is tested at every delivery, live or
//!   replayed, against the connection's present user, subscriptions and grants.
//! - Index records outlive their frames, so that what left the log can still be counted.
//! - A publish that would push out what a reader, which is *not* blocked, has still to be offered is
//!   answered [`PublishError::Full`]. Publishers feel the speed of the fan-out; only readers that do
//!   not read ever meet a gap.
//! - A stream that is closed because a newer one took its place is given an id that ends in `!`. A
//!   client that comes back with it is to be answered 204, or the two would close each other for
//!   ever.
//!
//! # Two encodings of one log
//!
//! A connection is opened for one [`Encoding`]: an event stream, or WebSocket messages. Cursor,
//! audience, gaps, limits and deadlines are the same; only the bytes differ.
//!
//! - A publish writes the event stream alone. The message of an event is made from its frame when the
//!   first WebSocket connection is to be sent it, is kept with the event, and goes when that goes.
//!   Where nobody asks for messages, they cost nothing.
//! - A message that is kept counts in the bytes of its class, and makes room for itself as a publish
//!   does: the oldest events go, but none that a reader has still to be offered. Where no room can be
//!   made, or the message alone is more than the class holds, it is made anew for each connection
//!   and forgotten: the limits hold, nothing is lost, it only takes more work.
//! - Messages are copied together, so that a burst is one slice; one of more than 4 KiB is sent from
//!   where it is kept. Connections that stand at the same place share what was put together for the
//!   first. The values that open a stream have an id of their own and are made for each.
//! - Whoever serves WebSocket does the handshake (its answer may be the preamble), reads the client,
//!   and writes its own frames ([`encode_frame`]) between those of the hub. A [`Transmit`] ends
//!   with a whole frame, so that there is room for others whenever all of it was taken.
//!
//! # How a driver uses a hub
//!
//! The hub never calls out. After any call, the driver drains [`Hub::poll_output`]; for
//! [`Output::Ready`] it asks [`Hub::transmit`] for the bytes, writes them, and says with
//! [`Hub::consume`] how many the socket took; fewer than all means that the connection is blocked
//! until [`Hub::handle_writable`]. One timer serves all connections: [`Hub::poll_timeout`] says when
//! [`Hub::handle_timeout`] is due. The example at [`Hub`] is a whole driver.
//!
//! The methods of all machines come in four kinds: **nouns** read, **verbs** are what the application
//! wants, **`handle_…`** says what the world did, **`poll_…`** says what the driver must do or know.
//! Times are milliseconds from any start; they never go back. Nothing to do is `None`, never an
//! error. Errors are small and typed, say what was wrong and what to do, and leave the state as it
//! was.
//!
//! # Where things are
//!
//! | file | owns |
//! |---|---|
//! | `event`, `encode`, `decode` | the event, and its way to the wire and back |
//! | `websocket`, `hub/encoding` | frames of RFC 6455; an event as a message |
//! | `hub` | the hub's face; its parts below |
//! | `hub/options`, `rules`, `message` | what can be set; what may be published; an event checked and encoded |
//! | `hub/log`, `latest`, `texts`, `class`, `retention`, `room` | the logs: frames in byte segments, values replaced in place, messages kept beside them, what is kept, what has to go |
//! | `hub/record`, `lane`, `search` | the index: whom an event is for, the numbers of each destination, two ways through them |
//! | `hub/connections`, `subscriptions`, `topics`, `patterns`, `users` | who is there, and who wants what |
//! | `hub/open`, `subscribe`, `change`, `publish`, `close`, `poll`, `list` | the verbs, one file each |
//! | `hub/pull`, `plan`, `transmit`, `audience`, `control` | what a connection is sent next: the walk, the pieces, what it means that they were taken |
//! | `hub/timers`, `links`, `queues`, `waiting` | deadlines in touch order, whose turn it is, what may not be let go yet |
//! | `client`, `backoff` | the reader's end |
//! | `adapters` | both on any executor, with the feature `async` |
//! | `serialize` | events and names in other formats, with the feature `serde` |
//!
//! # Limits
//!
//! Everything that can grow has a limit with a default and a reason: see [`HubOptions`] and what it
//! is made of, [`DecodeOptions`], [`ClientOptions`]. One pull looks at no more than 1,024 records and
//! 64 KiB; closing a connection costs its topics, never the subscribers of these; an idle hub does
//! nothing that grows with its connections.
//!
//! # Features
//!
//! - `std` lets `memchr` pick the widest vector instructions at run time. Nothing else changes:
//!   without it the crate needs only `alloc`.
//! - `async` brings the module `adapters`, which puts the machines on any executor: a `Stream` of
//!   events over any `AsyncRead`, and a hub behind a handle, with a driver future and a `Stream` of
//!   bytes for each connection. Clock and timer are passed in still. It needs `std`.
//! - `serde` writes and reads events, as objects with `id` (its own), `event`, `data` and `retry`;
//!   cursors and connection ids, as text; and options, of which what is not named is the default.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "async"))]
extern crate std;

#[cfg(feature = "async")]
pub mod adapters;
mod backoff;
mod client;
mod decode;
mod encode;
mod event;
mod hub;
mod random;
mod sequencer;
#[cfg(feature = "serde")]
mod serialize;
mod websocket;

pub use backoff::Backoff;
pub use client::{Client, ClientError, ClientOptions, ClientOutput, ClientState, Response};
pub use decode::{DecodeError, DecodeOptions, Decoder, Item};
pub use encode::encode_comment;
pub use event::{Event, EventError, OwnedEvent};
pub use hub::{
    Audience, ClassOptions, ClassStats, CloseReason, ConnectionId, ConnectionIdError, Consumed,
    ControlEvent, ControlOptions, Cursor, CursorError, Deadlines, Encoding, Gap, GapReason, Hub,
    HubOptions, LagPolicy, Limits, MAX_SLICES, Message, NameError, NotTransmitted, Open, OpenError,
    OptionsError, Output, Publish, PublishError, Published, Rules, STAY_AWAY, Stats,
    SubscribeError, TopicStats, Transmit, WhenFull, pattern_matches,
};
pub use sequencer::{Assigned, Sequencer};
pub use websocket::{FrameError, MAX_CONTROL_PAYLOAD, Opcode, decode_frame, encode_frame};
