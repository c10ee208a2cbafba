//! Three executors, each with a timer of its own kind.

use futures::executor::{LocalPool, LocalSpawner};
use futures::task::LocalSpawnExt as _;
use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};
use tidings_core::adapters::Timer;

/// What a case needs of an executor.
pub(crate) trait Runtime {
    fn new() -> Self;

    fn block_on<F: Future>(&self, future: F) -> F::Output;

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static);

    /// Real time, as this executor has it.
    fn timer(&self) -> impl Timer<Sleep: Send> + Send + 'static;
}

/// One thread, the reactor of `async-io`.
pub(crate) struct OnSmol(smol::Executor<'static>);

impl Runtime for OnSmol {
    fn new() -> Self {
        Self(smol::Executor::new())
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        smol::block_on(self.0.run(future))
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(future).detach();
    }

    fn timer(&self) -> impl Timer<Sleep: Send> + Send + 'static {
        let zero = Instant::now();
        let sleep_until = move |at_ms| smol::Timer::at(zero + Duration::from_millis(at_ms));
        (move || milliseconds(zero.elapsed()), sleep_until)
    }
}

/// Two threads beside that of the test, so that tasks move between them.
pub(crate) struct OnTokio(tokio::runtime::Runtime);

impl Runtime for OnTokio {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_time()
            .build();
        Self(runtime.expect("threads can be started"))
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(future);
    }

    fn timer(&self) -> impl Timer<Sleep: Send> + Send + 'static {
        let zero = tokio::time::Instant::now();
        let sleep_until =
            move |at_ms| tokio::time::sleep_until(zero + Duration::from_millis(at_ms));
        (move || milliseconds(zero.elapsed()), sleep_until)
    }
}

/// One thread, and no timer at all but one made of a thread.
pub(crate) struct OnFutures {
    pool: RefCell<LocalPool>,
    spawner: LocalSpawner,
}

impl Runtime for OnFutures {
    fn new() -> Self {
        let pool = LocalPool::new();
        Self {
            spawner: pool.spawner(),
            pool: RefCell::new(pool),
        }
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.pool.borrow_mut().run_until(future)
    }

    fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        self.spawner
            .spawn_local(future)
            .expect("the executor is there");
    }

    fn timer(&self) -> impl Timer<Sleep: Send> + Send + 'static {
        let zero = Instant::now();
        let sleep_until = move |at_ms| ThreadSleep(zero + Duration::from_millis(at_ms));
        (move || milliseconds(zero.elapsed()), sleep_until)
    }
}

/// Sleeps on a thread that is started for it.
struct ThreadSleep(Instant);

impl Future for ThreadSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let left = self.0.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Poll::Ready(());
        }
        let waker = cx.waker().clone();
        thread::spawn(move || {
            thread::sleep(left);
            waker.wake();
        });
        Poll::Pending
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a test is over soon")
}
