//! The hub as an application holds it: a handle that can be cloned and sent between threads.
//!
//! It does not touch the hub: it checks and encodes events, and asks the driver.

use super::driver::HubDriver;
use super::error::{NotOpened, NotPublished, Stopped};
use super::mailbox::{Address, Ask, Batch, Command, mailbox};
use super::options::{DriverOptions, StreamOptions};
use super::stream::ByteStream;
use super::streams::Streams;
use super::timer::Timer;
use crate::{
    ConnectionId, Cursor, Hub, HubOptions, Message, OptionsError, Publish, Published, Rules, Stats,
    SubscribeError,
};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicUsize, Ordering};
use futures::channel::oneshot;
use std::hash::{BuildHasher as _, RandomState};

/// A hub that is moved on by a [`HubDriver`], on any executor. Cheap to clone.
///
/// All methods may be called from any thread. A future of one can be dropped: it is then open
/// whether the hub has done what was asked, and nothing else is harmed.
///
/// ```
/// use futures::{StreamExt as _, executor::block_on, future::join};
/// use tidings_core::adapters::{DriverOptions, HubHandle, StreamOptions};
/// use tidings_core::{Audience, Event, Publish};
///
/// # let clock = std::time::Instant::now();
/// # let now_ms = move || clock.elapsed().as_millis() as u64;
/// # let sleep_until = |_| std::future::pending::<()>();
/// let (hub, driver) = HubHandle::new(DriverOptions::default(), (now_ms, sleep_until))?;
/// let application = async {
///     let mut body = hub.open(StreamOptions::topic("news")).await?;
///     let greeting = Publish::to(Audience::Topic("news"), Event::message("hello"));
///     assert_eq!(hub.publish(&greeting).await?.recipients, 1);
///     let mut sent = Vec::new();
///     while !sent.ends_with(b"data: hello\n\n") {
///         sent.extend(body.next().await.expect("the stream is open")?);
///     }
///     hub.close(body.connection()).await;
///     while body.next().await.is_some() {}
///     hub.drain(1_000).await;
///     Ok::<_, Box<dyn std::error::Error>>(())
/// };
/// let (_, done) = block_on(join(driver, application));
/// done?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct HubHandle {
    rules: Rules,
    address: Address,
    connections: Arc<AtomicUsize>,
}

impl HubHandle {
    /// A hub, and the driver that moves it on: to be spawned, or polled beside something else.
    ///
    /// # Errors
    /// An option that cannot be.
    pub fn new<T: Timer>(
        options: DriverOptions,
        timer: T,
    ) -> Result<(Self, HubDriver<T>), OptionsError> {
        let (address, mailbox) = mailbox(&options);
        let streams = Streams::new(options.chunk_bytes);
        let linger_ms = options.hub.deadlines.linger_ms;
        let hub = Hub::new(with_random_bits(options.hub))?;
        let connections = Arc::new(AtomicUsize::new(0));
        let handle = Self {
            rules: hub.rules().clone(),
            address,
            connections: connections.clone(),
        };
        let driver = HubDriver::new(hub, linger_ms, streams, mailbox, connections, timer);
        Ok((handle, driver))
    }

    /// The rules that publishes must keep: to check and encode events beforehand.
    #[must_use]
    pub const fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Publishes one event. It is answered when the event is in the log, not when it is sent; while
    /// readers that keep up have still to be offered what it would push out, it waits.
    ///
    /// # Errors
    /// See [`NotPublished`].
    pub async fn publish(&self, publish: &Publish<'_>) -> Result<Published, NotPublished> {
        let message = self.rules.message(publish).map_err(NotPublished::Refused)?;
        let published = self.publish_all(vec![message]).await?;
        published.first().copied().ok_or(NotPublished::Stopped)
    }

    /// Publishes several events in order, all or none, with no other event between. Make them with
    /// [`Rules::message`].
    ///
    /// # Errors
    /// See [`NotPublished`].
    pub async fn publish_all(
        &self,
        messages: Vec<Message>,
    ) -> Result<Vec<Published>, NotPublished> {
        let (done, published) = oneshot::channel();
        let batch = Batch { messages, done };
        let sent = self.address.batches.send(batch).await;
        sent.map_err(|_| NotPublished::Stopped)?;
        published.await.unwrap_or(Err(NotPublished::Stopped))
    }

    /// Opens a stream: the body of a response whose content type is `text/event-stream`.
    ///
    /// # Errors
    /// See [`NotOpened`].
    pub async fn open(&self, options: StreamOptions) -> Result<ByteStream, NotOpened> {
        let (done, opened) = oneshot::channel();
        let options = Box::new(options);
        let sent = self.address.commands.send(Command::Open { options, done });
        sent.await.map_err(|_| NotOpened::Stopped)?;
        opened.await.unwrap_or(Err(NotOpened::Stopped))
    }

    /// Adds a topic or pattern to a live stream, from the end of the log on. False where it had it.
    ///
    /// # Errors
    /// See [`SubscribeError`]; a driver that has ended has no streams.
    pub async fn subscribe(
        &self,
        connection: ConnectionId,
        topic: impl Into<String>,
    ) -> Result<bool, SubscribeError> {
        let topic = topic.into();
        let asked = self.ask(move |hub, _| hub.subscribe(connection, &topic));
        asked.await.unwrap_or(Err(SubscribeError::NotFound))
    }

    /// Takes a topic or pattern from a live stream. False where it did not have it.
    pub async fn unsubscribe(&self, connection: ConnectionId, topic: impl Into<String>) -> bool {
        let topic = topic.into();
        let asked = self.ask(move |hub, _| hub.unsubscribe(connection, &topic));
        asked.await.unwrap_or(false)
    }

    /// Gives a live stream the end and the grants of a new token, so that it goes on without a
    /// reconnect. `None` for no end.
    ///
    /// # Errors
    /// See [`SubscribeError`]; a driver that has ended has no streams.
    pub async fn renew(
        &self,
        connection: ConnectionId,
        expires_ms: Option<u64>,
        grants: Vec<String>,
    ) -> Result<(), SubscribeError> {
        let asked = self.ask(move |hub, now| {
            let grants: Vec<_> = grants.iter().map(String::as_str).collect();
            hub.renew(now, connection, expires_ms, &grants)
        });
        asked.await.unwrap_or(Err(SubscribeError::NotFound))
    }

    /// Closes a stream with a `bye`. False where it is closed already.
    pub async fn close(&self, connection: ConnectionId) -> bool {
        let asked = self.ask(move |hub, now| hub.close(now, connection));
        asked.await.unwrap_or(false)
    }

    /// The end of the log: the position to store with a snapshot of the application's state, so
    /// that a reader that starts there gets every later event.
    ///
    /// # Errors
    /// When the driver has ended.
    pub async fn cursor(&self) -> Result<Cursor, Stopped> {
        self.ask(|hub, _| hub.cursor()).await
    }

    /// How many streams are open, as of the driver's last turn.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Counts of what the hub has done and holds.
    ///
    /// # Errors
    /// When the driver has ended.
    pub async fn stats(&self) -> Result<Stats, Stopped> {
        self.ask(|hub, _| hub.stats()).await
    }

    /// Whether a drain has begun, or the driver has ended: nothing more can be published.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.address.batches.is_closed()
    }

    /// Stops publishes, sends what was accepted, closes every stream with a `bye` whose `retry` is
    /// spread over the time, and cuts after it those that are blocked. Returns when all are closed;
    /// the driver then ends. Where a drain has begun already, its time counts.
    pub async fn drain(&self, over_ms: u64) {
        let (done, drained) = oneshot::channel();
        let sent = self.address.commands.send(Command::Drain { over_ms, done });
        if sent.await.is_ok() {
            // It is dropped, not sent, when nothing is open any more.
            let _ = drained.await;
        }
    }

    async fn ask<A: Send + 'static>(
        &self,
        ask: impl FnOnce(&mut Hub, u64) -> A + Send + 'static,
    ) -> Result<A, Stopped> {
        let (sender, answer) = oneshot::channel();
        let ask: Ask = Box::new(move |hub, now| {
            // Whoever asked may have gone.
            let _ = sender.send(ask(hub, now));
        });
        let sent = self.address.commands.send(Command::Ask(ask)).await;
        sent.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }
}

/// Sets what nobody has chosen to bits from the system's entropy, by way of the seeds of the standard hash map.
fn with_random_bits(mut options: HubOptions) -> HubOptions {
    let random = || RandomState::new().hash_one(0);
    if !options.is_epoch_chosen() {
        // 40 bits: short in every id, and different after every start.
        options.epoch = random() >> 24 | 1;
    }
    if options.seed == 0 {
        options.seed = random();
    }
    options
}

impl fmt::Debug for HubHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubHandle")
            .field("connections", &self.connections())
            .field("is_draining", &self.is_draining())
            .finish_non_exhaustive()
    }
}
