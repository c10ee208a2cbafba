//! Tidings on smol: a driver for the state machines of [`tidings_core`], and a server made of it.
//!
//! [`Hub`] is what an application holds: a handle to publish, open streams and ask. Behind it,
//! [`Driver`]s move the hubs on, one thread each; one is the default, and enough until a measurement
//! says otherwise.
//!
//! ```
//! use tidings_smol::{Audience, DriverOptions, Event, Hub, Publish};
//!
//! let hub = Hub::start(DriverOptions::default())?;
//! let greeting = Publish::to(Audience::Topic("news"), Event::message("hello"));
//! let published = smol::block_on(hub.publish(&greeting))?;
//! println!("{} went to {} streams", published.cursor, published.recipients);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Streams
//!
//! A stream begins as an HTTP request that your own service has read. [`Hub::open`] says whether it
//! may be, [`serve_connection`] takes its socket out of hyper, and from then on the stream is a
//! descriptor and a slot in the hub: no task, no timer, no HTTP buffer. The example `own_service` is
//! a whole program. [`Hub::adopt`] is for those who have a socket at hand whose request they have read
//! in their own way, and [`Stream::into_response`] for those who have none: under HTTP/2, TLS, or a
//! library that keeps its sockets, a task takes the bytes, and a stream has a small buffer beside.
//!
//! # A server of your own
//!
//! [`server`] is the reference server, which the program `tidings` runs. An application that is written
//! in Rust can have it in its own process, with routes of its own beside: [`server::App`]. Their streams
//! are the server's: authenticated, limited, listed, revoked and drained with all others. The examples
//! beside `own_service` are made so.
//!
//! # Several hubs that act as one
//!
//! With more than one shard, events are numbered and handed to every hub under one lock that does no
//! I/O. Every hub sees every number in order, so a position is valid on all of them, and a user's
//! streams, or a tab's, are always on the same one. Every hub has a log of its own; the limits of
//! the log are for the process and divided among them.
//!
//! A publish is answered when it is in the log, not when it is written. What waits is bounded: a
//! publisher beyond it waits, and is refused after [`DriverOptions::publish_wait`].

mod body;
mod driver;
mod http;
mod hub;
mod options;
#[cfg(feature = "server")]
pub mod server;
mod stream;

pub use body::{StreamBody, StreamCut, StreamWatch};
pub use driver::{Driver, Latency, unix_ms};
pub use http::{Answer, HttpOptions, serve_connection, stream_head};
pub use hub::{Hub, NotOpened, NotPublished, Posted, StartError, Stopped, Topic};
pub use options::{DriverOptions, SocketOptions};
pub use stream::{Closed, OnClose, OnGap, OnOpen, Stream, StreamOptions, Watcher};
pub use tidings_core;
pub use tidings_core::{
    Audience, ClassOptions, ClassStats, CloseReason, ConnectionId, ControlEvent, ControlOptions,
    Cursor, Deadlines, Encoding, Event, EventError, Gap, GapReason, HubOptions, LagPolicy, Limits,
    Message, OpenError, Publish, PublishError, Published, Rules, Stats, SubscribeError, WhenFull,
};
