//! The machines on any executor, with the feature `async`: a stream of events out of any
//! `AsyncRead`, and a hub behind a handle.
//!
//! Nothing here knows an executor, a reactor or a socket, and nothing is spawned: what is polled
//! does its work, and the timer is passed in.
//!
//! - [`EventStream`] reads: over the body of a response, a pipe, a file.
//! - [`HubHandle::new`] gives a handle, to publish and to open streams, and a [`HubDriver`], a
//!   future to be polled. A [`ByteStream`] is the body of one response.
//!
//! A subscriber is a position here too, not a queue: a stream is handed one chunk of the log at a
//! time, when it is polled and has none. Whoever polls its body only as fast as its socket takes
//! bytes, as web servers do, holds no more than that for a slow reader.
//!
//! For many thousands of plain HTTP/1.1 streams on one machine, `tidings-smol` is the leaner way: it
//! writes from the log to the sockets, with no chunk, body or task between.
//!
//! # On tokio
//!
//! ```
//! use std::time::Duration;
//! use futures::StreamExt as _;
//! use tidings_core::adapters::{DriverOptions, HubHandle, StreamOptions};
//! use tokio::time::Instant;
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
//! # runtime.block_on(async {
//! let zero = Instant::now();
//! let now_ms = move || zero.elapsed().as_millis() as u64;
//! let sleep_until = move |at_ms| tokio::time::sleep_until(zero + Duration::from_millis(at_ms));
//! let (hub, driver) = HubHandle::new(DriverOptions::default(), (now_ms, sleep_until))?;
//! tokio::spawn(driver);
//!
//! // In the handler of a request; with axum the answer's body is `Body::from_stream(body)`.
//! let mut body = hub.open(StreamOptions::topic("news")).await?;
//! let first = body.next().await.expect("the stream is open")?;
//! assert!(String::from_utf8(first)?.contains("event: connected"));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod driver;
mod error;
mod events;
mod handle;
mod mailbox;
mod options;
mod signals;
mod stream;
mod streams;
mod timer;

pub use driver::HubDriver;
pub use error::{NotOpened, NotPublished, Stopped, StreamCut};
pub use events::{EventStream, ItemStream, OwnedItem, ReadError, ReadOptions};
pub use handle::HubHandle;
pub use options::{DriverOptions, StreamOptions};
pub use stream::ByteStream;
pub use timer::Timer;
