//! What stands behind an engine's handle: a hub, the threads that drive it, and what the host has
//! still to be told.
//!
//! It does not know the structs of the ABI. Everything here may be called from any thread.

use super::answer::Answer;
use super::lock;
use super::outputs::{Kind, Output, Outputs, Told};
use super::refusal::{Answered, Refusal, Refused};
use super::signals::Blocked;
use super::socket::Offered;
use crate::failure::Failure;
use crate::status::tidings_status::{self, *};
use smol::future::block_on;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::task::{Context, Poll};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;
use tidings_smol::{
    ConnectionId, Cursor, Driver, DriverOptions, Hub, Message, OnClose, OnGap, Published, Rules,
    Stats, StreamOptions,
};

pub(crate) struct Engine {
    options: DriverOptions,
    /// There once it was started.
    hub: OnceLock<Hub>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    outputs: Arc<Outputs>,
    poison: Arc<Poison>,
    /// What the last call that failed said, whichever thread it was on.
    error: Mutex<String>,
    /// After how many milliseconds the socket that was refused last may come back.
    retry_ms: AtomicU64,
}

/// Whether something has panicked.
#[derive(Default)]
pub(crate) struct Poison {
    poisoned: AtomicBool,
    /// Makes the next driver that is polled panic.
    #[cfg(feature = "test-hooks")]
    pub(crate) wanted: AtomicBool,
}

/// A driver whose panic is told before anything else is seen of it.
struct Watched {
    driver: Driver,
    poison: Arc<Poison>,
    outputs: Arc<Outputs>,
}

impl Engine {
    /// An engine that is not started. Nothing but memory and two descriptors belongs to it yet.
    pub(crate) fn new(options: DriverOptions, answers: usize) -> Answered<Self> {
        options.validate().map_err(Refused::refusal)?;
        let outputs = Outputs::new(options.hub.limits.connections, answers);
        Ok(Self {
            outputs: Arc::new(outputs.map_err(Refused::refusal)?),
            options,
            hub: OnceLock::new(),
            threads: Mutex::default(),
            poison: Arc::default(),
            error: Mutex::default(),
            retry_ms: AtomicU64::default(),
        })
    }

    pub(crate) fn start(&self) -> Answered {
        let mut threads = lock(&self.threads);
        if self.hub.get().is_some() {
            return Err(TIDINGS_ERR_STARTED.into());
        }
        let _blocked = Blocked::all();
        let (hub, drivers) = Hub::new(self.options.clone()).map_err(Refused::refusal)?;
        let mut started = Vec::new();
        for (number, driver) in drivers.into_iter().enumerate() {
            let watched = Watched {
                driver,
                poison: self.poison.clone(),
                outputs: self.outputs.clone(),
            };
            let thread = Builder::new().name(format!("tidings-{number}"));
            match thread.spawn(move || smol::block_on(watched)) {
                Ok(thread) => started.push(thread),
                Err(error) => {
                    // Drivers that nobody can reach any more end.
                    drop(hub);
                    join(started);
                    return Err(error.refusal());
                }
            }
        }
        *threads = started;
        // Whoever starts holds the lock.
        let _ = self.hub.set(hub);
        Ok(())
    }

    fn hub(&self) -> Answered<&Hub> {
        Ok(self.hub.get().ok_or(TIDINGS_ERR_NOT_STARTED)?)
    }

    /// Takes a socket of the host's for a stream. With a tag, the host is told of the stream's end; with
    /// `gaps`, also of what it missed.
    pub(crate) fn adopt(
        &self,
        descriptor: RawFd,
        mut options: StreamOptions,
        tag: u64,
        gaps: bool,
    ) -> Answered<ConnectionId> {
        let hub = self.hub()?;
        let (offered, socket) = Offered::check(descriptor)?;
        self.reserve(Kind::Closing, tag, 1)?;
        options.on_close = (tag != 0).then(|| {
            let outputs = self.outputs.clone();
            OnClose::new(move |connection, closed| {
                let reason = closed.reason;
                let told = Told::Closed { connection, reason };
                outputs.push(Output { tag, told });
            })
        });
        options.on_gap = gaps.then(|| {
            let outputs = self.outputs.clone();
            OnGap::new(move |connection, gap| outputs.push_gap(tag, connection, gap))
        });
        let adopted = block_on(hub.adopt(options, socket));
        let connection = adopted.map_err(|refused| {
            self.release(Kind::Closing, tag, 1);
            refused.refusal()
        })?;
        offered.take();
        Ok(connection)
    }

    /// What events have to keep.
    pub(crate) fn rules(&self) -> Answered<&Rules> {
        Ok(self.hub()?.rules())
    }

    /// Publishes events, all or none, and waits until they are in the log.
    pub(crate) fn publish(&self, messages: Vec<Message>) -> Answered<Vec<Published>> {
        let published = block_on(self.hub()?.publish_all(messages));
        published.map_err(Refused::refusal)
    }

    /// Numbers events, all or none, and waits for nothing. With a tag, the host is told what became
    /// of each.
    pub(crate) fn post(&self, messages: Vec<Message>, tag: u64) -> Answered<Vec<Published>> {
        let (hub, events) = (self.hub()?, messages.len());
        self.reserve(Kind::Answer, tag, events)?;
        let posted = hub.try_publish_all(messages).map_err(|refused| {
            self.release(Kind::Answer, tag, events);
            refused.refusal()
        })?;
        let published = posted.published().to_vec();
        if tag != 0 {
            Answer::hand_on(posted, tag, self.outputs.clone());
        }
        Ok(published)
    }

    fn reserve(&self, kind: Kind, tag: u64, places: usize) -> Answered {
        if tag == 0 || self.outputs.reserve(kind, places) {
            Ok(())
        } else {
            Err(TIDINGS_ERR_UNPOLLED.into())
        }
    }

    fn release(&self, kind: Kind, tag: u64, places: usize) {
        if tag != 0 {
            self.outputs.release(kind, places);
        }
    }

    pub(crate) fn subscribe(&self, connection: ConnectionId, topic: &str) -> Answered {
        let subscribed = block_on(self.hub()?.subscribe(connection, topic));
        subscribed
            .map(|_| ())
            .map_err(|error| Failure::Subscribe(error).into())
    }

    pub(crate) fn unsubscribe(&self, connection: ConnectionId, topic: &str) -> Answered {
        let done = block_on(self.hub()?.unsubscribe(connection, topic));
        self.fine_if_open(done, connection)
    }

    pub(crate) fn renew(
        &self,
        connection: ConnectionId,
        expires_ms: Option<u64>,
        grants: Vec<String>,
    ) -> Answered {
        let renewed = block_on(self.hub()?.renew(connection, expires_ms, grants));
        renewed.map_err(|error| Failure::Renew(error).into())
    }

    pub(crate) fn close(&self, connection: ConnectionId) -> Answered {
        let done = block_on(self.hub()?.close(connection));
        self.fine_if_open(done, connection)
    }

    /// What was not done is fine, unless there is no such stream.
    fn fine_if_open(&self, done: bool, connection: ConnectionId) -> Answered {
        if done || block_on(self.hub()?.is_open(connection)) {
            Ok(())
        } else {
            Err(TIDINGS_ERR_NOT_FOUND.into())
        }
    }

    pub(crate) fn cursor(&self) -> Answered<Cursor> {
        Ok(self.hub()?.cursor())
    }

    pub(crate) fn stats(&self) -> Answered<Stats> {
        block_on(self.hub()?.stats()).map_err(Refused::refusal)
    }

    pub(crate) fn drain(&self, over: Duration) -> Answered {
        block_on(self.hub()?.drain(over));
        // Drivers that have panicked are not drained.
        match self.is_poisoned() {
            true => Err(TIDINGS_ERR_POISONED.into()),
            false => Ok(()),
        }
    }

    pub(crate) fn poll_output(&self) -> Option<Output> {
        self.outputs.pop()
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.outputs.descriptor()
    }

    /// What was wrong with the last call that failed.
    pub(crate) fn error(&self) -> MutexGuard<'_, String> {
        lock(&self.error)
    }

    /// After how many milliseconds the socket that was refused last may come back.
    pub(crate) fn retry_ms(&self) -> u64 {
        self.retry_ms.load(Ordering::Relaxed)
    }

    pub(crate) fn set_retry_ms(&self, retry_ms: u64) {
        self.retry_ms.store(retry_ms, Ordering::Relaxed);
    }

    /// Remembers what was wrong with a call. What failed because something panicked says so.
    pub(crate) fn refuse(&self, refusal: &Refusal) -> tidings_status {
        if self.is_poisoned() {
            return TIDINGS_ERR_POISONED;
        }
        *self.error() = refusal.to_string();
        refusal.status()
    }

    /// Makes a thread panic, and says what this call is told then.
    #[cfg(feature = "test-hooks")]
    pub(crate) fn panic_on_thread(&self) -> Answered {
        self.poison.wanted.store(true, Ordering::SeqCst);
        // A driver that is asked is polled.
        while self.stats().is_ok() {}
        self.stats().map(drop)
    }

    /// Whether a call can be made at all.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.poison.poisoned.load(Ordering::SeqCst)
    }

    pub(crate) fn poison(&self) {
        self.poison.take(&self.outputs);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        drop(self.hub.take());
        join(std::mem::take(&mut *lock(&self.threads)));
    }
}

impl Poison {
    fn take(&self, outputs: &Outputs) {
        self.poisoned.store(true, Ordering::SeqCst);
        outputs.poison();
    }
}

impl Future for Watched {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Self {
            driver,
            poison,
            outputs,
        } = self.get_mut();
        // What a panic leaves half done is dropped and never looked at again.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            #[cfg(feature = "test-hooks")]
            assert!(
                !poison.wanted.load(Ordering::SeqCst),
                "this panic is part of a test"
            );
            Pin::new(driver).poll(cx)
        }));
        polled.unwrap_or_else(|_| {
            poison.take(outputs);
            Poll::Ready(())
        })
    }
}

/// Waits for threads, none of which panics: `Watched` has caught it.
fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        // One whose drop panicked has ended as well.
        let _ = thread.join();
    }
}
