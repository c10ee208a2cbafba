//! A stream whose bytes a task takes, where there is no socket to hand over: a small buffer
//! between the driver and the reader.
//!
//! It does not know what the reader makes of the bytes. An idle one has no buffer, no timer and no
//! task of its own; a full one makes the hub wait, as a blocked socket does.

use futures::task::AtomicWaker;
use hyper::body::Bytes;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tidings_core::ConnectionId;

/// Bytes of one stream that were copied out of the log and are not sent yet, as far as can be
/// seen from here, where nobody asks for more. HTTP/2 may hold as much again, which makes 16 KiB for a
/// reader that is stuck.
pub(crate) const PIPE_BYTES: usize = 8 << 10;

/// Closed pipes that are not worth a look.
const FEW: usize = 64;

/// Both ends, with room for so many bytes: the writer is for the driver.
pub(crate) fn pipe(connection: ConnectionId, bytes: usize) -> (Writer, Reader) {
    let pipe = Arc::new(Pipe {
        connection,
        bytes,
        state: Mutex::default(),
    });
    (Writer(pipe.clone()), Reader(pipe))
}

struct Pipe {
    connection: ConnectionId,
    /// How many bytes there is room for.
    bytes: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// How many bytes the reader took last: until it comes back it may hold them.
    held: usize,
    reader: Option<Waker>,
    /// Who waits for a cut.
    watcher: Option<Waker>,
    /// Where the driver hears of the reader; none while the driver does not have the pipe.
    news: Option<Arc<News>>,
    /// The driver knows that there is news.
    told: bool,
    /// The driver had more bytes than room.
    blocked: bool,
    end: Option<End>,
    /// The reader is gone.
    left: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// After the bytes that are left.
    Orderly,
    /// At once, and what was not taken is lost.
    Cut,
}

/// Pipes whose reader made room or left, since the driver last looked.
#[derive(Default)]
struct News {
    driver: AtomicWaker,
    connections: Mutex<Vec<ConnectionId>>,
}

impl Pipe {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets the driver know that there is room, or that nobody reads.
    fn tell(&self, mut state: MutexGuard<'_, State>) {
        if state.told {
            return;
        }
        if let Some(news) = state.news.clone() {
            state.told = true;
            drop(state);
            news.connections().push(self.connection);
            news.driver.wake();
        }
    }

    /// Ends it at once, unless all was taken and nothing more would come.
    fn cut(&self) {
        let mut state = self.state();
        if state.end == Some(End::Orderly) && !state.is_waited_for() {
            return;
        }
        state.bytes = Vec::new();
        state.end = Some(End::Cut);
        let watcher = state.watcher.take();
        wake(state);
        if let Some(watcher) = watcher {
            watcher.wake();
        }
    }
}

impl State {
    fn room(&self, bytes: usize) -> usize {
        bytes.saturating_sub(self.bytes.len() + self.held)
    }

    /// Whether somebody still has to take, or to send on, what is in it.
    fn is_waited_for(&self) -> bool {
        !self.left && self.bytes.len() + self.held > 0
    }
}

/// Puts in who is to be woken.
fn wait(waker: &mut Option<Waker>, cx: &Context<'_>) {
    match waker {
        Some(waker) => waker.clone_from(cx.waker()),
        none => *none = Some(cx.waker().clone()),
    }
}

/// Wakes the reader, without the lock.
fn wake(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}

impl News {
    fn connections(&self) -> MutexGuard<'_, Vec<ConnectionId>> {
        let connections = self.connections.lock();
        connections.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reader's end. Dropped, the stream is closed.
pub(crate) struct Reader(Arc<Pipe>);

/// What a reader is told of a stream that did not end in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Cut;

impl Reader {
    pub(crate) fn connection(&self) -> ConnectionId {
        self.0.connection
    }

    /// The next bytes. Whoever asks has done with those before.
    pub(crate) fn poll_next(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, Cut>>> {
        let mut state = self.0.state();
        state.held = 0;
        if state.end == Some(End::Cut) {
            return Poll::Ready(Some(Err(Cut)));
        }
        let bytes = std::mem::take(&mut state.bytes);
        state.held = bytes.len();
        let next = match (bytes.is_empty(), state.end) {
            (false, _) => Poll::Ready(Some(Ok(bytes.into()))),
            (true, Some(_)) => return Poll::Ready(None),
            (true, None) => {
                wait(&mut state.reader, cx);
                Poll::Pending
            }
        };
        if state.blocked && state.room(self.0.bytes) > 0 {
            state.blocked = false;
            self.0.tell(state);
        }
        next
    }

    /// Whether nothing more comes.
    pub(crate) fn is_at_end(&self) -> bool {
        let state = self.0.state();
        state.end == Some(End::Orderly) && state.bytes.is_empty()
    }

    /// To hear of a cut without asking for bytes.
    pub(crate) fn watch(&self) -> Watch {
        Watch(self.0.clone())
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.left = true;
        state.held = 0;
        state.bytes = Vec::new();
        state.reader = None;
        self.0.tell(state);
    }
}

/// Sees when a stream is cut.
pub(crate) struct Watch(Arc<Pipe>);

impl Watch {
    /// Ready when the stream is cut.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.state();
        if state.end == Some(End::Cut) {
            return Poll::Ready(());
        }
        wait(&mut state.watcher, cx);
        Poll::Pending
    }
}

/// The driver's end. Dropped without an end, the stream is cut.
pub(crate) struct Writer(Arc<Pipe>);

impl Writer {
    /// Copies what there is room for.
    fn send(&self, slices: &[IoSlice<'_>]) -> usize {
        let mut state = self.0.state();
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        let taken = offered.min(state.room(self.0.bytes));
        state.blocked = taken < offered;
        if taken == 0 {
            return 0;
        }
        state.bytes.reserve_exact(taken);
        let mut left = taken;
        for slice in slices {
            let part = &slice[..left.min(slice.len())];
            state.bytes.extend_from_slice(part);
            left -= part.len();
        }
        wake(state);
        taken
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let open = self.0.state().end.is_none();
        if open {
            self.0.cut();
        }
    }
}

/// The pipes of a hub's streams.
pub(crate) struct Pipes {
    /// By the slot of the connection.
    pipes: Vec<Option<Writer>>,
    news: Arc<News>,
    /// Closed pipes with bytes that are still to be taken, and until when they may be.
    closing: VecDeque<(u64, Arc<Pipe>)>,
    closing_ms: u64,
    /// As many of them as make it worth looking who has taken all.
    closing_many: usize,
}

/// What is new of a reader.
pub(crate) enum Heard {
    Room(ConnectionId),
    Left(ConnectionId),
}

impl Pipes {
    /// A closed stream's last bytes are kept for so long.
    pub(crate) fn new(closing: Duration) -> Self {
        Self {
            pipes: Vec::new(),
            news: Arc::default(),
            closing: VecDeque::new(),
            closing_ms: super::milliseconds(closing),
            closing_many: FEW,
        }
    }

    /// Puts in the pipe of a connection; false where its reader is gone already.
    pub(crate) fn insert(&mut self, connection: ConnectionId, writer: Writer) -> bool {
        let slot = connection.index() as usize;
        if self.pipes.len() <= slot {
            self.pipes.resize_with(slot + 1, || None);
        }
        let left = {
            let mut state = writer.0.state();
            state.news = Some(self.news.clone());
            state.left
        };
        self.pipes[slot] = Some(writer);
        !left
    }

    /// Puts into the pipe of a slot what there is room for; none where the slot has no pipe.
    pub(crate) fn send(&self, index: u32, slices: &[IoSlice<'_>]) -> Option<usize> {
        let writer = self.pipes.get(index as usize)?.as_ref()?;
        Some(writer.send(slices))
    }

    /// Closes the pipe of a slot, if there is one; with `cut`, what was not taken is lost.
    pub(crate) fn close(&mut self, now: u64, index: u32, cut: bool) {
        let pipe = self.pipes.get_mut(index as usize).and_then(Option::take);
        let Some(Writer(pipe)) = pipe.as_ref().filter(|_| !cut) else {
            return;
        };
        let mut state = pipe.state();
        state.end = Some(End::Orderly);
        if state.is_waited_for() {
            let until = now.saturating_add(self.closing_ms);
            self.closing.push_back((until, pipe.clone()));
        }
        wake(state);
        if self.closing.len() > self.closing_many {
            let closing = &mut self.closing;
            closing.retain(|(_, pipe)| pipe.state().is_waited_for());
            self.closing_many = FEW.max(2 * closing.len());
        }
    }

    /// What was heard of readers since the last call.
    pub(crate) fn poll_news(&mut self, cx: &Context<'_>, heard: &mut Vec<Heard>) {
        self.news.driver.register(cx.waker());
        let told = std::mem::take(&mut *self.news.connections());
        for connection in told {
            let slot = self.pipes.get(connection.index() as usize);
            let Some(Writer(pipe)) = slot.and_then(Option::as_ref) else {
                continue;
            };
            if pipe.connection != connection {
                continue;
            }
            let mut state = pipe.state();
            state.told = false;
            heard.push(if state.left {
                Heard::Left(connection)
            } else {
                Heard::Room(connection)
            });
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub(crate) fn poll_timeout(&self) -> Option<u64> {
        self.closing.front().map(|(until, _)| *until)
    }

    /// Cuts readers that do not take the last bytes of their closed streams.
    pub(crate) fn handle_timeout(&mut self, now: u64) {
        while let Some((until, pipe)) = self.closing.front()
            && *until <= now
        {
            pipe.cut();
            self.closing.pop_front();
        }
    }
}
