//! The hub as an application holds it: a handle that can be cloned and sent between threads.
//!
//! It does not touch sockets or logs: it numbers events, and asks the drivers.

mod error;
mod list;
mod live;
mod posted;

pub use error::{NotOpened, NotPublished, StartError, Stopped};
pub use list::Topic;
pub(crate) use live::texts;
pub use posted::Posted;

use crate::driver::{
    Address, Ask, Batch, Clock, Command, Driver, Latency, Opening, Replies, Shown, mailbox,
    milliseconds, unix_ms,
};
use crate::options::DriverOptions;
use crate::stream::{Stream, StreamOptions};
use futures::FutureExt;
use futures::channel::oneshot;
use smol::Timer;
use smol::lock::{Semaphore, SemaphoreGuardArc};
use socket2::Socket;
use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{BuildHasher as _, Hash as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tidings_core::{
    ClassStats, ConnectionId, Cursor, Hub as Core, HubOptions, Limits, Message, OpenError, Publish,
    Published, Rules, Sequencer, Stats,
};

/// A hub, or several that act as one, driven on smol. Cheap to clone.
///
/// ```
/// use tidings_smol::{Audience, DriverOptions, Event, Hub, Publish};
///
/// let hub = Hub::start(DriverOptions::default())?;
/// smol::block_on(async {
///     let news = Publish::to(Audience::Topic("news"), Event::message("hello"));
///     let published = hub.publish(&news).await?;
///     assert_eq!(published.recipients, 0);
///     Ok::<_, Box<dyn std::error::Error>>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

struct Shared {
    rules: Rules,
    /// Numbers and the queues that carry them are under one lock, which does no I/O, so that every
    /// hub sees every number in order.
    sequencer: Mutex<Sequencer>,
    /// The last number given out, for hubs that have not seen it yet.
    assigned: AtomicU64,
    /// Events that were known by their id, and so never reached a hub.
    duplicates: AtomicU64,
    queue: Arc<Semaphore>,
    waiters: AtomicUsize,
    most_waiters: usize,
    publish_wait: Duration,
    shards: Vec<Shard>,
    next_shard: AtomicUsize,
    draining: AtomicBool,
    /// Connections in total, which can change.
    most_connections: AtomicUsize,
}

/// What is known of one hub from outside.
struct Shard {
    address: Address,
    shown: Arc<Shown>,
}

impl Hub {
    /// Starts a hub on threads of its own.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn start(options: DriverOptions) -> Result<Self, StartError> {
        let (hub, drivers) = Self::new(options)?;
        for (number, driver) in drivers.into_iter().enumerate() {
            let thread = std::thread::Builder::new().name(format!("tidings-{number}"));
            thread
                .spawn(move || smol::block_on(driver))
                .map_err(StartError::Io)?;
        }
        Ok(hub)
    }

    /// A hub, and the drivers that move it on: one for each shard, to be polled on any executor,
    /// best each on a thread of its own.
    ///
    /// # Errors
    /// See [`StartError`].
    pub fn new(options: DriverOptions) -> Result<(Self, Vec<Driver>), StartError> {
        options.validate()?;
        let clock = Clock::start();
        let hub_options = hub_options(&options);
        let rules = Rules::new(&hub_options).map_err(StartError::Options)?;
        let (mut shards, mut drivers) = (Vec::new(), Vec::new());
        for shard in 0..options.shards {
            let (address, mailbox) = mailbox(options.publish_queue);
            let shown = Arc::new(Shown::default());
            let core = HubOptions {
                shard: shard as u8,
                seed: random(),
                ..hub_options.clone()
            };
            let core = Core::new(core).map_err(StartError::Options)?;
            let socket = options.socket.clone();
            let driver = Driver::new(core, mailbox, clock, socket, shown.clone());
            drivers.push(driver.map_err(StartError::Io)?);
            shards.push(Shard { address, shown });
        }
        let most_connections = hub_options.limits.connections;
        let shared = Shared {
            rules,
            sequencer: Mutex::new(Sequencer::new(&hub_options)),
            assigned: AtomicU64::new(0),
            duplicates: AtomicU64::new(0),
            queue: Arc::new(Semaphore::new(options.publish_queue)),
            waiters: AtomicUsize::new(0),
            most_waiters: options.publish_waiters,
            publish_wait: options.publish_wait,
            shards,
            next_shard: AtomicUsize::new(0),
            draining: AtomicBool::new(false),
            most_connections: AtomicUsize::new(most_connections),
        };
        Ok((Self(Arc::new(shared)), drivers))
    }

    /// The rules that publishes must keep: to check and encode events beforehand.
    #[must_use]
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// Publishes one event. It is answered when the event is in the log, not when it is written.
    ///
    /// # Errors
    /// See [`NotPublished`].
    pub async fn publish(&self, publish: &Publish<'_>) -> Result<Published, NotPublished> {
        let posted = self.post(publish).await?;
        let published = posted.await.map_err(|Stopped| NotPublished::Stopped)?;
        published.first().copied().ok_or(NotPublished::Stopped)
    }

    /// As [`publish`](Self::publish), but only until the event has its number. What is done before
    /// anything else is waited for is done if, and only if, the event is published, also where whoever
    /// waits may be dropped: a request whose client has left.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use tidings_smol::{Audience, DriverOptions, Event, Hub, Publish};
    ///
    /// let hub = Hub::start(DriverOptions::default())?;
    /// let count = Cell::new(1);
    /// smol::block_on(async {
    ///     let more = count.get() + 1;
    ///     let event = more.to_string();
    ///     let event = Publish::to(Audience::Topic("count"), Event::message(&event));
    ///     let posted = hub.post(&event).await?;
    ///     count.set(more);
    ///     println!("{:?}", posted.await?);
    ///     Ok::<_, Box<dyn std::error::Error>>(())
    /// })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// See [`NotPublished`].
    pub async fn post(&self, publish: &Publish<'_>) -> Result<Posted, NotPublished> {
        let message = self.0.rules.message(publish);
        self.post_all(vec![message.map_err(NotPublished::Refused)?])
            .await
    }

    /// Publishes several events in order, all or none, with no other event between.
    ///
    /// # Errors
    /// See [`NotPublished`].
    pub async fn publish_all(
        &self,
        messages: Vec<Message>,
    ) -> Result<Vec<Published>, NotPublished> {
        let posted = self.post_all(messages).await?;
        posted.await.map_err(|Stopped| NotPublished::Stopped)
    }

    async fn post_all(&self, messages: Vec<Message>) -> Result<Posted, NotPublished> {
        let checked = self.0.rules.check_batch(&messages);
        checked.map_err(NotPublished::Refused)?;
        let place = self.wait_for_place().await?;
        self.number(messages, place)
    }

    /// As [`publish`](Self::publish), for those who cannot wait: the event has its number when this
    /// returns, and how many it is for comes later, to those who ask.
    ///
    /// ```
    /// use tidings_smol::{Audience, DriverOptions, Event, Hub, Publish};
    ///
    /// let hub = Hub::start(DriverOptions::default())?;
    /// let greeting = Publish::to(Audience::Topic("news"), Event::message("hello"));
    /// let posted = hub.try_publish(&greeting)?;
    /// println!("its id is {}", posted.published()[0].cursor);
    /// let published = smol::block_on(posted)?;
    /// println!("it went to {} streams", published[0].recipients);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// See [`NotPublished`]; `Busy` at once where the queue has no place.
    pub fn try_publish(&self, publish: &Publish<'_>) -> Result<Posted, NotPublished> {
        let message = self.0.rules.message(publish);
        self.try_publish_all(vec![message.map_err(NotPublished::Refused)?])
    }

    /// As [`publish_all`](Self::publish_all) and [`try_publish`](Self::try_publish).
    ///
    /// # Errors
    /// See [`NotPublished`]; `Busy` at once where the queue has no place.
    pub fn try_publish_all(&self, messages: Vec<Message>) -> Result<Posted, NotPublished> {
        let checked = self.0.rules.check_batch(&messages);
        checked.map_err(NotPublished::Refused)?;
        let place = self.0.queue.try_acquire_arc().ok_or(NotPublished::Busy)?;
        self.number(messages, place)
    }

    /// Numbers events and hands them to every hub.
    fn number(
        &self,
        messages: Vec<Message>,
        place: SemaphoreGuardArc,
    ) -> Result<Posted, NotPublished> {
        let mut sequencer = self.sequencer();
        let mut shards = self.0.shards.iter();
        if self.is_draining() || shards.any(|shard| shard.address.batches.is_closed()) {
            return Err(NotPublished::Stopped);
        }
        let assigned = sequencer.assign(messages);
        let known = assigned.published.len() - assigned.fresh.len();
        self.0.duplicates.fetch_add(known as u64, Ordering::Relaxed);
        if assigned.fresh.is_empty() {
            return Ok(Posted::known(assigned.published));
        }
        let first = assigned.first;
        let last = first + assigned.fresh.len() as u64 - 1;
        self.0.assigned.store(last, Ordering::Relaxed);
        let (replies, recipients) = Replies::new(self.0.shards.len(), assigned.fresh.len(), place);
        let batch = Batch {
            first,
            messages: assigned.fresh.into(),
            replies,
        };
        for shard in &self.0.shards {
            // There is room: every batch in a queue holds a place, and there are no more places
            // than room. A driver that has ended takes its queue with it.
            let _ = shard.address.batches.try_send(batch.clone());
        }
        Ok(Posted::fresh(assigned.published, first, recipients))
    }

    async fn wait_for_place(&self) -> Result<SemaphoreGuardArc, NotPublished> {
        if let Some(place) = self.0.queue.try_acquire_arc() {
            return Ok(place);
        }
        let waiting = Waiting::new(&self.0.waiters);
        if waiting.before >= self.0.most_waiters {
            return Err(NotPublished::Busy);
        }
        futures::select_biased! {
            place = self.0.queue.acquire_arc().fuse() => Ok(place),
            _ = FutureExt::fuse(Timer::after(self.0.publish_wait)) => Err(NotPublished::Busy),
        }
    }

    /// Opens a stream, which is then to be given its socket.
    ///
    /// # Errors
    /// See [`NotOpened`].
    pub async fn open(&self, options: StreamOptions) -> Result<Stream, NotOpened> {
        self.open_on(options, None).await
    }

    /// Opens a stream on its socket, which has been read a request from, in one step. The driver
    /// owns the socket from now on; one that is refused is closed, so keep a clone to answer on.
    ///
    /// # Errors
    /// See [`NotOpened`].
    pub async fn adopt(
        &self,
        options: StreamOptions,
        socket: impl Into<Socket>,
    ) -> Result<ConnectionId, NotOpened> {
        let opened = self.open_on(options, Some(socket.into())).await;
        opened.map(Stream::keep)
    }

    async fn open_on(
        &self,
        mut options: StreamOptions,
        socket: Option<Socket>,
    ) -> Result<Stream, NotOpened> {
        let limit = self.0.most_connections.load(Ordering::Relaxed);
        if self.connections() >= limit {
            return Err(NotOpened::Refused(OpenError::TooManyConnections { limit }));
        }
        let shard = self.shard_for(&options);
        // The shard that served the client before may be ahead of this one, which then knows
        // neither the number nor an id of the publisher's own.
        if let Some(id) = &mut options.last_event_id
            && let Some(cursor) = self.sequencer().find(id)
        {
            *id = cursor.to_string();
        }
        let headers = std::mem::take(&mut options.headers);
        let commands = &self.0.shards[shard].address.commands;
        let (done, opened) = oneshot::channel();
        let opening = Opening {
            options,
            socket,
            assigned: self.0.assigned.load(Ordering::Relaxed),
            commands: commands.clone(),
            done,
        };
        let sent = commands.send(Command::Open(Box::new(opening))).await;
        sent.map_err(|_| NotOpened::Stopped)?;
        let opened = opened.await.unwrap_or(Err(NotOpened::Stopped));
        opened.map(|stream| stream.with_headers(headers))
    }

    /// Takes other limits for what comes from now on, as
    /// [`Hub::set_limits`](tidings_core::Hub::set_limits) does.
    ///
    /// # Errors
    /// When a driver has ended.
    pub async fn set_limits(&self, limits: Limits) -> Result<(), Stopped> {
        let most = &self.0.most_connections;
        most.store(limits.connections, Ordering::Relaxed);
        for shard in 0..self.0.shards.len() {
            let limits = limits.clone();
            self.ask(shard, move |hub, _| hub.set_limits(&limits))
                .await?;
        }
        Ok(())
    }

    /// The end of the log: the position to store with a snapshot of the application's state, so
    /// that a reader that starts there gets every later event.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.sequencer().cursor()
    }

    /// How many streams are open, as of the drivers' last turns.
    #[must_use]
    pub fn connections(&self) -> usize {
        let shards = self.0.shards.iter();
        shards
            .map(|shard| shard.shown.connections.load(Ordering::Relaxed))
            .sum()
    }

    /// Counts of what has been done and is held, of all shards together. What every shard counts
    /// for the same event is counted once; of topics and of events in the log, which shards share
    /// all but some, those of the shard that has most.
    ///
    /// # Errors
    /// When a driver has ended.
    pub async fn stats(&self) -> Result<Stats, Stopped> {
        let mut sum = Stats::default();
        let mut most = (0, 0);
        for shard in 0..self.0.shards.len() {
            let stats = self.ask(shard, |hub, _| hub.stats()).await?;
            most = (most.0.max(stats.topics), most.1.max(stats.log_events));
            sum += stats;
        }
        sum.published /= self.0.shards.len() as u64;
        (sum.topics, sum.log_events) = most;
        sum.duplicates += self.0.duplicates.load(Ordering::Relaxed);
        Ok(sum)
    }

    /// What each class holds, in the order of the options, the default class last. As in
    /// [`stats`](Self::stats), bytes are those of all shards, and events those of the shard that has
    /// most.
    ///
    /// # Errors
    /// When a driver has ended.
    pub async fn classes(&self) -> Result<Vec<ClassStats>, Stopped> {
        let mut classes: Vec<ClassStats> = Vec::new();
        for shard in 0..self.0.shards.len() {
            let more: Vec<_> = self.ask(shard, |hub, _| hub.classes().collect()).await?;
            classes.resize(more.len(), ClassStats::default());
            for (class, more) in classes.iter_mut().zip(more) {
                class.events = class.events.max(more.events);
                class.records = class.records.max(more.records);
                class.bytes += more.bytes;
                class.first = [class.first, more.first].into_iter().flatten().min();
            }
        }
        Ok(classes)
    }

    /// How long events have waited from the append to the write that took them, of all shards.
    #[must_use]
    pub fn latency(&self) -> Latency {
        let shards = self.0.shards.iter();
        shards.fold(Latency::default(), |sum, shard| {
            sum + shard.shown.delays.read()
        })
    }

    /// Whether a drain has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// Stops publishes, sends what was accepted, closes every stream with a `bye` whose `retry` is
    /// spread over the time, and resets after it those that are blocked. Returns when all are
    /// closed; the drivers then end.
    pub async fn drain(&self, over: Duration) {
        let over_ms = milliseconds(over);
        {
            // Whoever holds the lock has put its events into the queues before the drain.
            let _sequencer = self.sequencer();
            self.0.draining.store(true, Ordering::SeqCst);
        }
        let mut waiting = Vec::new();
        for shard in &self.0.shards {
            let (done, drained) = oneshot::channel();
            let drain = Command::Drain { over_ms, done };
            if shard.address.commands.send(drain).await.is_ok() {
                waiting.push(drained);
            }
        }
        for drained in waiting {
            // It is dropped, not sent, when nothing is open any more.
            let _ = drained.await;
        }
    }

    fn sequencer(&self) -> MutexGuard<'_, Sequencer> {
        let sequencer = self.0.sequencer.lock();
        sequencer.unwrap_or_else(PoisonError::into_inner)
    }

    /// A user's streams share a shard, and so do those of a tab; others take turns.
    fn shard_for(&self, options: &StreamOptions) -> usize {
        let mut hasher = DefaultHasher::new();
        match (&options.user, &options.tab) {
            (Some(user), _) => user.hash(&mut hasher),
            (None, Some(tab)) => tab.hash(&mut hasher),
            (None, None) => {
                let turn = self.0.next_shard.fetch_add(1, Ordering::Relaxed);
                return turn % self.0.shards.len();
            }
        }
        (hasher.finish() % self.0.shards.len() as u64) as usize
    }

    /// Does something with the hub that has this connection, in one turn of its driver.
    pub(crate) async fn ask_for<T: Send + 'static>(
        &self,
        connection: ConnectionId,
        ask: impl FnOnce(&mut Core, u64) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let shard = usize::from(connection.shard());
        if shard >= self.0.shards.len() {
            return Err(Stopped);
        }
        self.ask(shard, ask).await
    }

    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        shard: usize,
        ask: impl FnOnce(&mut Core, u64) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let (sender, answer) = oneshot::channel();
        let ask: Ask = Box::new(move |hub, now| {
            // Whoever asked may have gone.
            let _ = sender.send(ask(hub, now));
        });
        let sent = self.0.shards[shard]
            .address
            .commands
            .send(Command::Ask(ask))
            .await;
        sent.map_err(|_| Stopped)?;
        answer.await.map_err(|_| Stopped)
    }
}

/// One of those who wait for a place in the queue.
struct Waiting<'a> {
    all: &'a AtomicUsize,
    before: usize,
}

impl<'a> Waiting<'a> {
    fn new(all: &'a AtomicUsize) -> Self {
        Self {
            before: all.fetch_add(1, Ordering::Relaxed),
            all,
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

impl DriverOptions {
    /// Whether hubs can be made with these.
    ///
    /// # Errors
    /// See [`StartError`]; it is never `Io`.
    pub fn validate(&self) -> Result<(), StartError> {
        if self.shards == 0 || self.shards > 256 {
            return Err(StartError::Shards);
        }
        let hub = hub_options(self);
        hub.validate().map_err(StartError::Options)
    }
}

/// The options of every hub: those given, with what only the driver knows.
fn hub_options(options: &DriverOptions) -> HubOptions {
    let mut hub = options.hub.clone();
    if !hub.is_epoch_chosen() {
        // 40 bits: short in every id, and different after every start.
        hub.epoch = random() >> 24 | 1;
    }
    if hub.unix_ms_at_zero == 0 {
        hub.unix_ms_at_zero = unix_ms();
    }
    // The limits of the log are for the process; each hub has a copy.
    for class in hub.classes.iter_mut().chain([&mut hub.default_class]) {
        class.bytes /= options.shards;
    }
    hub
}

/// Bits from the system's entropy, by way of the seeds of the standard hash map.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(0)
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub")
            .field("cursor", &self.cursor())
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}
