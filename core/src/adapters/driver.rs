//! The future that moves a hub on.
//!
//! It does not know the executor that polls it, nor what becomes of the bytes. It works in turns of
//! bounded length, so that other tasks of its thread have theirs.

use super::error::{NotOpened, NotPublished, StreamCut};
use super::mailbox::{Batch, Command, Mailbox};
use super::options::StreamOptions;
use super::stream::ByteStream;
use super::streams::{Signal, Streams};
use super::timer::Timer;
use crate::{ConnectionId, Hub, OpenError, Output, PublishError};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::pin::Pin;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Context, Poll};
use futures::channel::oneshot;
use futures::future::FusedFuture;
use futures::stream::Stream as _;
use pin_project::pin_project;

/// Chunks handed out in one turn: about a millisecond, after which new publishes are taken in, so
/// that the streams still to come get them in the same chunk.
const CHUNKS_PER_TURN: usize = 256;

/// Commands, batches and signals taken in at the begin of a turn, of each kind.
const MESSAGES_PER_TURN: usize = 256;

/// The wall clock is looked at this often, for token expiry.
const UNIX_TIME_EVERY_MS: u64 = 10_000;

/// Moves one hub on, made by [`HubHandle::new`](super::HubHandle::new). It is a future that any
/// executor can poll: it spawns nothing, and waits by nothing but its [`Timer`].
///
/// It ends when the hub has been drained; it drains the hub by itself, over the linger time, when
/// no handle is left. Dropped before, it takes its streams with it, and whoever waits for it is
/// told.
#[must_use = "a hub stands still unless its driver is polled"]
#[pin_project]
pub struct HubDriver<T: Timer> {
    work: Work,
    timer: T,
    #[pin]
    sleep: Option<T::Sleep>,
    /// What the sleep is for.
    sleeps_until_ms: Option<u64>,
    ended: bool,
}

struct Work {
    hub: Hub,
    streams: Streams,
    mailbox: Mailbox,
    /// A batch that readers which are not blocked have to be offered room for first.
    held: Option<Batch>,
    unix_time_at_ms: u64,
    /// How many connections the hub has, for all to see.
    connections: Arc<AtomicUsize>,
    /// A drain that was asked for and has not begun.
    drain_over_ms: Option<u64>,
    /// How long a drain takes that nobody asked for.
    linger_ms: u64,
    /// Those who wait until the hub is drained.
    drains: Vec<oneshot::Sender<()>>,
}

impl<T: Timer> HubDriver<T> {
    pub(super) fn new(
        hub: Hub,
        linger_ms: u64,
        streams: Streams,
        mailbox: Mailbox,
        connections: Arc<AtomicUsize>,
        timer: T,
    ) -> Self {
        Self {
            work: Work {
                hub,
                streams,
                mailbox,
                held: None,
                unix_time_at_ms: 0,
                connections,
                drain_over_ms: None,
                linger_ms,
                drains: Vec::new(),
            },
            timer,
            sleep: None,
            sleeps_until_ms: None,
            ended: false,
        }
    }

    /// Waits for the hub's next deadline; one timer for all streams. Ready when it has come.
    fn poll_timer(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let at_ms = this.work.hub.poll_timeout();
        if at_ms != *this.sleeps_until_ms {
            *this.sleeps_until_ms = at_ms;
            let sleep = at_ms.map(|at_ms| this.timer.sleep_until(at_ms));
            this.sleep.set(sleep);
        }
        let Some(sleep) = this.sleep.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        sleep.poll(cx).map(|_| {
            this.sleep.set(None);
            *this.sleeps_until_ms = None;
        })
    }
}

impl Work {
    /// Does what there is to do, within bounds. Whether there is more.
    fn turn(&mut self, cx: &mut Context<'_>, timer: &impl Timer) -> bool {
        let now = timer.now_ms();
        self.streams.register(cx.waker());
        self.keep_time(now, timer);
        let mut more = self.take_signals();
        more |= self.take_commands(cx, now);
        more |= self.take_batches(cx, now);
        self.begin_drain(now);
        more |= self.hand_out(now);
        // What was handed out has made room for it.
        more |= self.held.is_some();
        self.count();
        more
    }

    /// Says how many connections there are. Whoever has opened one finds it counted.
    fn count(&self) {
        let connections = self.hub.connections();
        self.connections.store(connections, Ordering::Relaxed);
    }

    /// Lets the hub know that its time has come.
    fn keep_time(&mut self, now: u64, timer: &impl Timer) {
        if now >= self.unix_time_at_ms {
            self.unix_time_at_ms = now.saturating_add(UNIX_TIME_EVERY_MS);
            if let Some(unix_ms) = timer.unix_ms() {
                self.hub.set_unix_ms(now, unix_ms);
            }
        }
        if self.hub.poll_timeout().is_some_and(|at| at <= now) {
            self.hub.handle_timeout(now);
        }
    }

    fn take_signals(&mut self) -> bool {
        for _ in 0..MESSAGES_PER_TURN {
            match self.streams.next_signal() {
                Some(Signal::Ready(connection)) => self.hub.handle_writable(connection),
                Some(Signal::Gone(connection)) => {
                    self.hub.handle_closed(connection);
                    self.streams.end(connection, None);
                }
                None => return false,
            }
        }
        true
    }

    fn take_commands(&mut self, cx: &mut Context<'_>, now: u64) -> bool {
        for _ in 0..MESSAGES_PER_TURN {
            match self.mailbox.commands.as_mut().poll_next(cx) {
                Poll::Ready(Some(command)) => self.handle(command, now),
                Poll::Ready(None) => {
                    self.ask_drain(self.linger_ms);
                    return false;
                }
                Poll::Pending => return false,
            }
        }
        true
    }

    fn handle(&mut self, command: Command, now: u64) {
        match command {
            Command::Ask(ask) => ask(&mut self.hub, now),
            Command::Open { options, done } => {
                let opened = self.open(&options, now);
                // Whoever asked may have gone: then the stream is dropped here, and closed.
                let _ = done.send(opened);
            }
            Command::Drain { over_ms, done } => {
                self.ask_drain(over_ms);
                self.drains.push(done);
            }
        }
    }

    fn open(&mut self, options: &StreamOptions, now: u64) -> Result<ByteStream, NotOpened> {
        if self.drain_over_ms.is_some() {
            return Err(NotOpened::Refused(OpenError::Draining));
        }
        let opened = options.open(&mut self.hub, now);
        let connection = opened.map_err(NotOpened::Refused)?;
        self.count();
        Ok(self.streams.insert(connection))
    }

    /// Appends what was sent, first of all what there was no room for.
    fn take_batches(&mut self, cx: &mut Context<'_>, now: u64) -> bool {
        if let Some(batch) = self.held.take() {
            self.publish(batch, now);
        }
        for _ in 0..MESSAGES_PER_TURN {
            if self.held.is_some() {
                return false;
            }
            match self.mailbox.batches.as_mut().poll_next(cx) {
                Poll::Ready(Some(batch)) => self.publish(batch, now),
                Poll::Ready(None) | Poll::Pending => return false,
            }
        }
        true
    }

    fn publish(&mut self, batch: Batch, now: u64) {
        let published = match self.hub.publish_all(now, &batch.messages) {
            Err(PublishError::Full) => {
                self.held = Some(batch);
                return;
            }
            published => published.map_err(NotPublished::Refused),
        };
        // A publisher that does not wait for the answer has published all the same.
        let _ = batch.done.send(published);
    }

    fn hand_out(&mut self, now: u64) -> bool {
        for _ in 0..CHUNKS_PER_TURN {
            match self.hub.poll_output() {
                Some(Output::Ready(connection)) => self.hand_to(connection, now),
                Some(Output::Closed {
                    connection,
                    reason,
                    cut,
                }) => {
                    let cut = cut.then_some(StreamCut::Closed(reason));
                    self.streams.end(connection, cut);
                }
                None => return false,
            }
        }
        true
    }

    fn hand_to(&mut self, connection: ConnectionId, now: u64) {
        if let Some(transmit) = self.hub.transmit(now, connection) {
            let taken = self.streams.fill(connection, &transmit);
            let consumed = self.hub.consume(now, connection, taken);
            debug_assert!(consumed.is_ok(), "consume follows transmit");
        }
    }

    /// From now on nothing more can be published or opened; what was sent before still is published.
    fn ask_drain(&mut self, over_ms: u64) {
        self.mailbox.batches.close();
        if !self.hub.is_draining() {
            self.drain_over_ms.get_or_insert(over_ms);
        }
    }

    /// Starts to drain once everything that was sent before is appended.
    fn begin_drain(&mut self, now: u64) {
        if self.held.is_none()
            && self.mailbox.batches.is_empty()
            && let Some(over_ms) = self.drain_over_ms.take()
        {
            self.hub.drain(now, over_ms);
        }
    }

    /// Whether the hub is drained. Then nobody is left waiting for it.
    fn has_ended(&mut self) -> bool {
        let ended = self.hub.is_draining() && self.hub.connections() == 0;
        if ended {
            self.mailbox.close();
            self.drains.clear();
        }
        ended
    }
}

impl Drop for Work {
    /// Its streams end with it, also where it ends by a panic.
    fn drop(&mut self) {
        self.connections.store(0, Ordering::Relaxed);
    }
}

impl<T: Timer> Future for HubDriver<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.as_mut().project();
        if *this.ended {
            return Poll::Ready(());
        }
        let more = this.work.turn(cx, this.timer);
        if this.work.has_ended() {
            *this.ended = true;
            return Poll::Ready(());
        }
        if more || self.poll_timer(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl<T: Timer> FusedFuture for HubDriver<T> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<T: Timer> fmt::Debug for HubDriver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubDriver")
            .field("cursor", &self.work.hub.cursor())
            .field("connections", &self.work.hub.connections())
            .finish_non_exhaustive()
    }
}
