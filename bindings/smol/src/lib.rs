//! Tidings on smol: a driver for the state machines of [`tidings_core`].

mod driver;
mod http;
mod hub;
mod options;
pub mod server;
mod stream;

pub use driver::Driver;
pub use http::{Answer, HttpOptions, serve_connection, stream_head};
pub use hub::{Hub, NotOpened, NotPublished, StartError, Stopped};
pub use options::{DriverOptions, SocketOptions};
pub use stream::{Stream, StreamOptions};
pub use tidings_core;
pub use tidings_core::{
    Audience, ClassOptions, CloseReason, ConnectionId, Cursor, Deadlines, Event, EventError,
    HubOptions, LagPolicy, Limits, Message, OpenError, Publish, PublishError, Published, Rules,
    Stats, SubscribeError, WhenFull,
};
