//! The driver: one hub, its sockets and its timer, moved on by one future.
//!
//! It does not know HTTP. Streams come to it as sockets whose request has been answered, or as pipes
//! from which a task takes the bytes; events come numbered. It does everything for its hub in turns of bounded length, so that other tasks of
//! its thread have theirs.

mod clock;
mod delays;
mod delivered;
mod mailbox;
mod pipe;
mod sockets;

pub use clock::unix_ms;
pub(crate) use clock::{Clock, milliseconds};
pub use delays::Latency;
pub(crate) use mailbox::{Address, Ask, Batch, Command, End, Mailbox, Opening, Replies, mailbox};
pub(crate) use pipe::{Cut, PIPE_BYTES, Reader, Watch, pipe};

use crate::hub::NotOpened;
use crate::options::SocketOptions;
use crate::stream::{Closed, OnClose, OnGap, Stream};
use delays::Delays;
use delivered::Delivered;
use futures::Stream as _;
use futures::future::FusedFuture;
use pipe::{Heard, Pipes};
use smol::Timer;
use sockets::{Happened, Sockets};
use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use tidings_core::{
    CloseReason, ConnectionId, Consumed, Gap, Hub, MAX_SLICES, Output, PublishError,
};

/// Writes of one turn: about a millisecond, after which new publishes are taken in, so that the
/// connections still to come get them in the same write.
const WRITES_PER_TURN: usize = 256;

/// Writes of which the time is looked at once: some tens of microseconds.
const WRITES_PER_TIME: usize = 16;

/// Commands and batches taken in at the begin of a turn.
const MESSAGES_PER_TURN: usize = 256;

/// The wall clock is looked at this often, for token expiry.
const UNIX_TIME_EVERY_MS: u64 = 10_000;

/// Moves one hub on. It is a future that any executor can poll; it ends when the hub has been
/// drained, or when nobody can reach it any more.
#[must_use = "a hub stands still unless its driver is polled"]
pub struct Driver {
    hub: Hub,
    sockets: Sockets,
    pipes: Pipes,
    mailbox: Mailbox,
    /// A batch that readers which are not blocked have to be offered room for first.
    held: Option<Batch>,
    clock: Clock,
    unix_time_at_ms: u64,
    timer: Timer,
    timer_at_ms: Option<u64>,
    happened: Vec<Happened>,
    heard: Vec<Heard>,
    /// Who is to be told of a connection; most are nobody's concern.
    watched: HashMap<ConnectionId, Watchers>,
    delivered: Delivered,
    delays: Delays,
    shown: Arc<Shown>,
    /// A drain that was asked for and has not begun.
    drain_over_ms: Option<u64>,
    drained: bool,
}

/// What a driver shows to all, without being asked.
#[derive(Default)]
pub(crate) struct Shown {
    /// How many connections the hub has.
    pub(crate) connections: AtomicUsize,
    pub(crate) delays: delays::Counts,
}

/// Who is to be told that a connection has closed, and what it missed.
struct Watchers {
    on_close: Option<OnClose>,
    on_gap: Option<OnGap>,
}

impl Driver {
    pub(crate) fn new(
        hub: Hub,
        mailbox: Mailbox,
        clock: Clock,
        options: SocketOptions,
        shown: Arc<Shown>,
    ) -> io::Result<Self> {
        Ok(Self {
            hub,
            pipes: Pipes::new(options.user_timeout),
            sockets: Sockets::new(options)?,
            mailbox,
            held: None,
            clock,
            unix_time_at_ms: 0,
            timer: Timer::never(),
            timer_at_ms: None,
            happened: Vec::new(),
            heard: Vec::new(),
            watched: HashMap::new(),
            delivered: Delivered::default(),
            delays: Delays::default(),
            shown,
            drain_over_ms: None,
            drained: false,
        })
    }

    /// Does what there is to do, within bounds. Ready when there is more.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.clock.now_ms();
        self.keep_time(now);
        let mut more = self.take_commands(cx, now);
        more |= self.take_batches(cx, now);
        more |= self.take_events(cx, now);
        self.take_news(cx, now);
        self.begin_drain(now);
        more |= self.write(now);
        // What was written has made room for it.
        more |= self.held.is_some();
        let connections = self.hub.connections();
        self.shown.connections.store(connections, Ordering::Relaxed);
        if more {
            Poll::Ready(())
        } else {
            self.poll_timer(cx)
        }
    }

    /// Lets the hub know that its time has come.
    fn keep_time(&mut self, now: u64) {
        if now >= self.unix_time_at_ms {
            self.unix_time_at_ms = now + UNIX_TIME_EVERY_MS;
            self.hub.set_unix_ms(now, unix_ms());
        }
        if self.hub.poll_timeout().is_some_and(|at| at <= now) {
            self.hub.handle_timeout(now);
        }
        self.pipes.handle_timeout(now);
    }

    fn take_commands(&mut self, cx: &mut Context<'_>, now: u64) -> bool {
        for _ in 0..MESSAGES_PER_TURN {
            match self.mailbox.commands.as_mut().poll_next(cx) {
                Poll::Ready(Some(command)) => self.handle(command, now),
                Poll::Ready(None) => {
                    self.drained = true;
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
            Command::Open(opening) => self.open(*opening, now),
            Command::Attach { connection, end } => {
                if !self.hub.is_open(connection) {
                    return;
                }
                let attached = match end {
                    End::Socket(socket) => self.sockets.insert(connection, socket).is_ok(),
                    End::Pipe(writer) => self.pipes.insert(connection, writer),
                };
                if attached {
                    self.hub.handle_writable(connection);
                } else {
                    self.end(connection, true, now);
                }
            }
            Command::Gone(connection) => self.end(connection, true, now),
            Command::Drain { over_ms, done } => {
                self.drain_over_ms = Some(over_ms);
                self.mailbox.drains.push(done);
            }
        }
    }

    fn open(&mut self, opening: Opening, now: u64) {
        let Opening {
            options,
            socket,
            assigned,
            commands,
            done,
        } = opening;
        self.hub.handle_assigned(assigned);
        let opened = options.open(&mut self.hub, now);
        let opened = opened.map_err(NotOpened::Refused).and_then(|connection| {
            if let Some(socket) = socket
                && let Err(error) = self.sockets.insert(connection, socket)
            {
                self.hub.handle_closed(connection);
                return Err(NotOpened::Socket(error.kind()));
            }
            Ok(connection)
        });
        let opened = opened.map(|connection| {
            self.delivered.begin(connection.index());
            let topics = options.topics.len();
            tracing::debug!(%connection, user = options.user, topics, "stream opened");
            if let Some(on_open) = options.on_open {
                on_open.call(connection, ());
            }
            let (on_close, on_gap) = (options.on_close, options.on_gap);
            if on_close.is_some() || on_gap.is_some() {
                let watchers = Watchers { on_close, on_gap };
                self.watched.insert(connection, watchers);
            }
            Stream::new(connection, commands)
        });
        // Whoever asked may have gone: then the stream is dropped here, and closed.
        let _ = done.send(opened);
    }

    /// Appends what publishers have numbered, first of all what there was no room for.
    fn take_batches(&mut self, cx: &mut Context<'_>, now: u64) -> bool {
        if let Some(batch) = self.held.take() {
            self.append(batch, now);
        }
        for _ in 0..MESSAGES_PER_TURN {
            if self.held.is_some() {
                return false;
            }
            match self.mailbox.batches.as_mut().poll_next(cx) {
                Poll::Ready(Some(batch)) => self.append(batch, now),
                Poll::Ready(None) | Poll::Pending => return false,
            }
        }
        true
    }

    fn append(&mut self, batch: Batch, now: u64) {
        match self.hub.append(now, batch.first, &batch.messages) {
            Ok(recipients) => {
                self.delays.appended(batch.first, self.clock.now_us());
                batch.answer(&recipients);
            }
            Err(PublishError::Full) => self.held = Some(batch),
            Err(error) => {
                // The rules that numbered the batch have let it through, so it fits.
                debug_assert!(false, "a numbered batch was refused: {error}");
                self.hub.skip(batch.first + batch.messages.len() as u64 - 1);
                batch.answer(&vec![0; batch.messages.len()]);
            }
        }
    }

    /// Hears of readers that take the bytes themselves.
    fn take_news(&mut self, cx: &mut Context<'_>, now: u64) {
        let mut heard = std::mem::take(&mut self.heard);
        self.pipes.poll_news(cx, &mut heard);
        for heard in heard.drain(..) {
            match heard {
                Heard::Room(connection) => self.hub.handle_writable(connection),
                Heard::Left(connection) => self.end(connection, true, now),
            }
        }
        self.heard = heard;
    }

    fn take_events(&mut self, cx: &mut Context<'_>, now: u64) -> bool {
        let mut happened = std::mem::take(&mut self.happened);
        let polled = self.sockets.poll_events(cx, &mut happened);
        for Happened {
            index,
            readable,
            writable,
        } in happened.drain(..)
        {
            let Some(connection) = self.sockets.connection(index) else {
                continue;
            };
            if readable && !self.sockets.discard_input(index) {
                self.end(connection, true, now);
            } else if writable {
                // An error here means that the socket is gone, which reading will show.
                let _ = self.sockets.watch_writable(index, false);
                self.hub.handle_writable(connection);
            }
        }
        self.happened = happened;
        polled.is_ready()
    }

    /// The other side is gone.
    fn end(&mut self, connection: ConnectionId, reset: bool, now: u64) {
        if self.hub.is_open(connection) {
            self.hub.handle_closed(connection);
            self.close(connection, reset, now);
            self.tell_closed(connection, CloseReason::Gone);
        }
    }

    /// Closes the socket or the pipe of a connection.
    fn close(&mut self, connection: ConnectionId, cut: bool, now: u64) {
        self.sockets.close(connection.index(), cut);
        self.pipes.close(now, connection.index(), cut);
    }

    fn tell_closed(&mut self, connection: ConnectionId, reason: CloseReason) {
        let delivered = self.delivered.get(connection.index());
        tracing::debug!(%connection, reason = reason.as_str(), delivered, "stream closed");
        let watchers = self.watched.remove(&connection);
        if let Some(on_close) = watchers.and_then(|watchers| watchers.on_close) {
            on_close.call(connection, Closed { reason, delivered });
        }
    }

    fn tell_gap(&self, connection: ConnectionId, gap: Gap) {
        let watchers = self.watched.get(&connection);
        if let Some(on_gap) = watchers.and_then(|watchers| watchers.on_gap.as_ref()) {
            on_gap.call(connection, gap);
        }
    }

    fn write(&mut self, now: u64) -> bool {
        for number in 0..WRITES_PER_TURN {
            if number % WRITES_PER_TIME == 0 {
                self.delays.set_now(self.clock.now_us());
            }
            match self.hub.poll_output() {
                Some(Output::Ready(connection)) => self.write_to(connection, now),
                Some(Output::Closed {
                    connection,
                    reason,
                    cut,
                }) => {
                    self.close(connection, cut, now);
                    self.tell_closed(connection, reason);
                }
                Some(_) => {}
                None => return false,
            }
        }
        true
    }

    fn write_to(&mut self, connection: ConnectionId, now: u64) {
        let index = connection.index();
        let Some(transmit) = self.hub.transmit(now, connection) else {
            return;
        };
        let offered = transmit.len();
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let mut count = 0;
        for (place, slice) in slices.iter_mut().zip(transmit.slices()) {
            *place = IoSlice::new(slice);
            count += 1;
        }
        let slices = &slices[..count];
        let piped = self.pipes.send(index, slices);
        match piped.map_or_else(|| self.sockets.send(index, slices), Ok) {
            Ok(taken) => {
                if let Some(sequence) = transmit.first_live(taken) {
                    self.delays.written(sequence, &self.shown.delays);
                }
                let consumed = self.hub.consume(now, connection, taken);
                debug_assert!(consumed.is_ok(), "consume follows transmit");
                let Consumed { events, gap } = consumed.unwrap_or_default();
                self.delivered.add(index, events);
                if let Some(gap) = gap {
                    self.tell_gap(connection, gap);
                }
                if taken < offered && self.sockets.watch_writable(index, true).is_err() {
                    self.end(connection, true, now);
                }
            }
            Err(_) => self.end(connection, true, now),
        }
    }

    /// Starts to drain once everything that was numbered before is appended.
    fn begin_drain(&mut self, now: u64) {
        if self.held.is_none()
            && self.mailbox.batches.is_empty()
            && let Some(over_ms) = self.drain_over_ms.take()
        {
            self.hub.drain(now, over_ms);
        }
    }

    /// Waits for the next deadline; one timer for all connections.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let deadlines = [self.hub.poll_timeout(), self.pipes.poll_timeout()];
        let at_ms = deadlines.into_iter().flatten().min();
        if at_ms != self.timer_at_ms {
            self.timer_at_ms = at_ms;
            match at_ms {
                Some(at_ms) => self.timer.set_at(self.clock.instant(at_ms)),
                None => self.timer = Timer::never(),
            }
        }
        ready!(Pin::new(&mut self.timer).poll_next(cx));
        self.timer_at_ms = None;
        Poll::Ready(())
    }

    /// Tells those who wait for it that the hub is drained.
    fn has_ended(&mut self) -> bool {
        if self.hub.is_draining() && self.hub.connections() == 0 {
            self.mailbox.drains.clear();
            self.drained = true;
        }
        self.drained
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let driver = self.get_mut();
        let more = driver.turn(cx).is_ready();
        if driver.has_ended() {
            return Poll::Ready(());
        }
        if more {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Driver {
    /// Its streams end with it, also where it ends by a panic.
    fn drop(&mut self) {
        self.shown.connections.store(0, Ordering::Relaxed);
    }
}

impl FusedFuture for Driver {
    fn is_terminated(&self) -> bool {
        self.drained
    }
}
