//! HTTP/2: many requests and streams on one connection.
//!
//! It does not know what carries the bytes. All that happens on a connection happens in one future:
//! that of the connection, and one for each request, which it polls itself.

use crate::body::StreamWatch;
use crate::http::{Answer, HttpOptions};
use futures::stream::{FuturesUnordered, StreamExt as _};
use http_body_util::Either;
use hyper::Request;
use hyper::body::{Body, Bytes, Incoming};
use hyper::rt::Executor;
use hyper::server::conn::http2::Builder;
use serde::{Deserialize, Serialize};
use smol::Timer;
use smol::io::{AsyncRead, AsyncWrite};
use smol_hyper::rt::{FuturesIo, SmolTimer};
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Limits of one connection of HTTP/2, beside those of every connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http2Options {
    /// Requests and streams at a time. Default 128: more tabs than anyone looks at, and each is a
    /// connection to the hub. One that is stuck holds 16 KiB, so the worst of clients holds 2 MiB.
    pub streams: u32,
    /// A client that was silent for so long is asked whether it is there, and has as long to answer.
    /// Default 30 s, as the hub's heartbeat: it finds those whose system takes every byte, and who
    /// read none.
    #[serde(with = "humantime_serde")]
    pub ping: Duration,
}

impl Default for Http2Options {
    fn default() -> Self {
        Self {
            streams: 128,
            ping: Duration::from_secs(30),
        }
    }
}

/// The largest bodies take a few round trips; readers of streams send nothing.
const STREAM_WINDOW: u32 = 64 << 10;

/// All bodies of a connection together, before anybody has read them.
const CONNECTION_WINDOW: u32 = 256 << 10;

/// What is kept of a stream until the client takes it, beside the piece that its body gave last.
const SEND_BUFFER: usize = 8 << 10;

/// Requests that were taken back before they were looked at, and ones that we had to refuse: a client
/// that goes on like that ends its connection (CVE-2023-44487).
const RESETS: usize = 32;

/// Serves requests until the client leaves, or has asked for nothing for the time of a head. After
/// `stop` no new ones are taken, and it returns when those under way are answered and sent.
pub(super) async fn serve_http2<I, S, F, B>(
    io: I,
    (options, http2): (HttpOptions, Http2Options),
    stop: impl Future<Output = ()>,
    service: S,
) -> hyper::Result<()>
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
    S: Fn(Request<Incoming>) -> F + 'static,
    F: Future<Output = Answer<B>> + 'static,
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let tasks = Tasks::default();
    let cutting = tasks.0.clone();
    let service = hyper::service::service_fn(move |request| {
        let (cutting, answer) = (cutting.clone(), service(request));
        let answer: Pin<Box<dyn Future<Output = _>>> = Box::pin(async move {
            Ok::<_, Infallible>(match answer.await {
                Answer::Response(response) => response.map(Either::Left),
                Answer::Stream(stream) => {
                    let response = stream.into_response().await;
                    cutting.cut_with(response.body().watch());
                    response.map(Either::Right)
                }
            })
        });
        answer
    });
    let mut http = Builder::new(tasks.clone());
    http.timer(SmolTimer::new())
        .max_concurrent_streams(http2.streams)
        .max_header_list_size(u32::try_from(options.head_bytes).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(RESETS)
        .keep_alive_interval(http2.ping)
        .keep_alive_timeout(http2.ping);
    let mut connection = Box::pin(http.serve_connection(FuturesIo::new(io), service));
    let mut running = FuturesUnordered::new();
    let mut quiet = Quiet::new(options.head_timeout);
    let mut stop = pin!(stop);
    let mut stopped = false;
    poll_fn(|cx| {
        if !stopped && stop.as_mut().poll(cx).is_ready() {
            stopped = true;
            connection.as_mut().graceful_shutdown();
        }
        loop {
            // Those that have ended are gone with that.
            while let Poll::Ready(Some(())) = running.poll_next_unpin(cx) {}
            if let Poll::Ready(served) = connection.as_mut().poll(cx) {
                return Poll::Ready(served);
            }
            let new = tasks.0.new.take();
            if new.is_empty() {
                break;
            }
            running.extend(new);
        }
        while quiet.poll(cx, running.is_empty()).is_ready() {
            if stopped {
                return Poll::Ready(Ok(()));
            }
            stopped = true;
            connection.as_mut().graceful_shutdown();
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await
}

/// How long nothing was asked for.
struct Quiet {
    limit: Duration,
    timer: Option<Timer>,
}

impl Quiet {
    const fn new(limit: Duration) -> Self {
        Self { limit, timer: None }
    }

    /// Ready each time that it was quiet for so long.
    fn poll(&mut self, cx: &mut Context<'_>, is_quiet: bool) -> Poll<()> {
        if !is_quiet {
            self.timer = None;
            return Poll::Pending;
        }
        let timer = self.timer.get_or_insert_with(|| Timer::after(self.limit));
        ready!(Pin::new(timer).poll(cx));
        self.timer = None;
        Poll::Ready(())
    }
}

/// Takes in the tasks of a connection, one for each request.
#[derive(Clone, Default)]
struct Tasks(Rc<Shared>);

#[derive(Default)]
struct Shared {
    new: RefCell<Vec<Task>>,
    /// What the task that is being polled is to be cut with.
    watch: Cell<Option<StreamWatch>>,
}

impl Shared {
    /// Ends the task that asks for it when its stream is cut. hyper itself would see that only when
    /// the client takes bytes again, and hold what it has until then.
    fn cut_with(&self, watch: StreamWatch) {
        self.watch.set(Some(watch));
    }
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Tasks {
    fn execute(&self, future: F) {
        self.0.new.borrow_mut().push(Task {
            future: Box::pin(future),
            shared: self.0.clone(),
            watch: None,
        });
    }
}

/// One request, and the stream that it is answered with.
struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    shared: Rc<Shared>,
    watch: Option<StreamWatch>,
}

impl Future for Task {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let polled = self.future.as_mut().poll(cx);
        if let Some(watch) = self.shared.watch.take() {
            self.watch = Some(watch);
        }
        match (polled, &mut self.watch) {
            (Poll::Pending, Some(watch)) => Pin::new(watch).poll(cx),
            (polled, _) => polled,
        }
    }
}
