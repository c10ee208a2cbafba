//! A hub behind its handle: what its readers hear, and when its streams end.

use crate::runtimes::Runtime;
use crate::support::{
    Reader, UNIX_MS, batch, idle, members, numbers, open, options, poll_once, publish, started,
    yield_now,
};
use futures::channel::oneshot;
use futures::future::join_all;
use futures::io::{self, AsyncWrite};
use futures::stream::StreamExt as _;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use tidings_core::adapters::{HubHandle, NotOpened, NotPublished, StreamCut, StreamOptions};
use tidings_core::{
    Audience, CloseReason, Event, OpenError, Publish, PublishError, Stats, SubscribeError,
};

/// Between the deadline of a heartbeat and the moment it may fall due by rounding.
const HEARTBEAT_MS: u64 = 30_250;

pub(crate) async fn every_reader_gets_every_event(runtime: &impl Runtime) {
    let (hub, _) = started(runtime, options());
    let mut readers = join_all((0..5).map(|_| Reader::of_news(&hub))).await;
    assert_eq!(hub.connections(), 5);
    let publisher = async {
        for number in 0..200 {
            assert_eq!(publish(&hub, &number.to_string()).await.recipients, 5);
        }
        let together = hub.publish_all(batch(&hub, 200..300)).await;
        let together = together.expect("they are published");
        assert_eq!(together.len(), 100);
        assert_eq!(together[99].cursor, hub.cursor().await.expect("it goes on"));
    };
    let reading = join_all(readers.iter_mut().map(|reader| reader.data(300)));
    let ((), heard) = futures::join!(publisher, reading);
    for data in heard {
        assert_eq!(data, numbers(0..300), "in order, each once");
    }
    let stats = hub.stats().await.expect("it goes on");
    assert_eq!(
        (stats.published, stats.delivered, stats.gaps),
        (300, 1_500, 0)
    );
    let nowhere = Publish::to(Audience::Topic(""), Event::message("a"));
    let refused = hub.publish(&nowhere).await.expect_err("no topic");
    assert!(matches!(
        refused,
        NotPublished::Refused(PublishError::Topic { index: 0, .. })
    ));
}

pub(crate) async fn many_readers_on_tasks_of_their_own(runtime: &impl Runtime) {
    let (hub, _) = started(runtime, options());
    let mut heard = Vec::new();
    for _ in 0..200 {
        let mut reader = Reader::of_news(&hub).await;
        let (done, data) = oneshot::channel();
        heard.push(data);
        runtime.spawn(async move {
            // Who is not there any more has failed.
            let _ = done.send(reader.data(400).await);
        });
    }
    let publishers = (0..4).map(|publisher| {
        let hub = hub.clone();
        async move {
            for number in 0..100 {
                publish(&hub, &format!("{publisher}/{number}")).await;
            }
        }
    });
    let publishing = join_all(publishers);
    let (_, heard) = futures::join!(publishing, join_all(heard));
    let heard: Vec<_> = heard
        .into_iter()
        .map(|data| data.expect("a reader"))
        .collect();
    assert!(
        heard.iter().all(|data| *data == heard[0]),
        "one order for all"
    );
    for publisher in 0..4 {
        let own = heard[0].iter().filter_map(|data| data.split_once('/'));
        let own = own.filter(|(from, _)| *from == publisher.to_string());
        let own: Vec<_> = own.map(|(_, number)| number.to_owned()).collect();
        assert_eq!(own, numbers(0..100), "each publisher's in its order");
    }
}

pub(crate) async fn a_stream_goes_on_in_another_task(runtime: &impl Runtime) {
    let (hub, _) = started(runtime, options());
    let mut body = open(&hub, StreamOptions::topic("news")).await;
    body.next().await.expect("it is open").expect("nor cut");
    // Somebody who waited for it has gone, and cannot be woken any more.
    let mut nobody = Context::from_waker(Waker::noop());
    assert!(body.poll_next_unpin(&mut nobody).is_pending());
    let (done, chunk) = oneshot::channel();
    runtime.spawn(async move {
        // Who is not there any more has failed.
        let _ = done.send(body.next().await);
    });
    yield_now().await;
    publish(&hub, "a").await;
    let chunk = chunk.await.expect("it was read").expect("it is open");
    assert!(chunk.expect("nor cut").ends_with(b"data: a\n\n"));
}

pub(crate) async fn a_reader_resumes_at_its_cursor(runtime: &impl Runtime) {
    let (hub, _) = started(runtime, options());
    let mut reader = Reader::of_news(&hub).await;
    hub.publish_all(batch(&hub, 0..3)).await.expect("published");
    let mut last = None;
    for expected in ["0", "1"] {
        let heard = reader.next().await;
        assert_eq!(heard.data, expected);
        last = Some(heard.id);
    }
    drop(reader);
    hub.publish_all(batch(&hub, 3..6)).await.expect("published");
    let again = StreamOptions {
        last_event_id: last,
        ..StreamOptions::topic("news")
    };
    let mut reader = Reader::new(open(&hub, again).await);
    assert_eq!(reader.next().await.event, "connected");
    publish(&hub, "6").await;
    assert_eq!(
        reader.data(5).await,
        numbers(2..7),
        "from where it was, each once"
    );
}

pub(crate) async fn a_quiet_stream_gets_a_heartbeat(runtime: &impl Runtime) {
    let (hub, clock) = started(runtime, options());
    let mut reader = Reader::of_news(&hub).await;
    for round in 1..4 {
        clock.advance(HEARTBEAT_MS);
        let heard = reader.next().await;
        assert_eq!(heard.event, "heartbeat");
        let time_ms = UNIX_MS + round * HEARTBEAT_MS;
        assert_eq!(members(&heard.data)["time_ms"], time_ms.to_string());
    }
    clock.advance(HEARTBEAT_MS / 2);
    publish(&hub, "a").await;
    assert_eq!(reader.data(1).await, ["a"], "no heartbeat before its time");
    assert_eq!(hub.stats().await.expect("it goes on").delivered, 1);
}

pub(crate) async fn the_executor_has_the_timer(runtime: &impl Runtime) {
    let mut options = options();
    options.hub.deadlines.heartbeat_ms = Some(40);
    options.hub.deadlines.tick_ms = 10;
    let (hub, driver) = HubHandle::new(options, runtime.timer()).expect("valid options");
    runtime.spawn(driver);
    let mut reader = Reader::of_news(&hub).await;
    let since = Instant::now();
    for _ in 0..2 {
        assert_eq!(reader.next().await.event, "heartbeat");
    }
    // The second is due after the first, and that not before the reader connected.
    assert!(since.elapsed() >= Duration::from_millis(40));
}

pub(crate) async fn the_wall_clock_ends_tokens(runtime: &impl Runtime) {
    let (hub, clock) = started(runtime, options());
    let until = |ms| StreamOptions {
        expires_ms: Some(UNIX_MS + ms),
        ..StreamOptions::topic("news")
    };
    let refused = hub.open(until(0)).await.expect_err("its token has ended");
    assert_eq!(refused, NotOpened::Refused(OpenError::Expired));

    let (ended, renewed) = (
        open(&hub, until(100_000)).await,
        open(&hub, until(100_000)).await,
    );
    let connection = renewed.connection();
    let (mut ended, mut renewed) = (Reader::new(ended), Reader::new(renewed));
    assert_eq!(ended.next().await.event, "connected");
    assert_eq!(renewed.next().await.event, "connected");
    clock.advance(40_250);
    for reader in [&mut ended, &mut renewed] {
        let heard = reader.next().await;
        // The heartbeat is due as well, and comes where nothing else does.
        assert_eq!(heard.event, "reauth", "{heard:?}");
    }
    let renewal = hub.renew(connection, Some(UNIX_MS + 1_000_000), Vec::new());
    renewal.await.expect("it is open");
    clock.advance(60_000);
    assert_eq!(members(&ended.bye().await.data)["reason"], "expired");
    publish(&hub, "a").await;
    loop {
        let heard = renewed.next().await;
        if heard.event == "message" {
            break;
        }
        assert_eq!(heard.event, "heartbeat", "its new token goes on");
    }
}

pub(crate) async fn an_earlier_deadline_is_kept(runtime: &impl Runtime) {
    let (hub, clock) = started(runtime, options());
    let mut quiet = Reader::of_news(&hub).await;
    let short = StreamOptions {
        expires_ms: Some(UNIX_MS + 5_000),
        ..StreamOptions::topic("news")
    };
    // The driver sleeps until the heartbeat of the one, and now has to be up before.
    let mut short = Reader::new(open(&hub, short).await);
    assert_eq!(short.next().await.event, "connected");
    assert_eq!(short.next().await.event, "reauth");
    clock.advance(5_250);
    assert_eq!(members(&short.bye().await.data)["reason"], "expired");
    clock.advance(HEARTBEAT_MS);
    assert_eq!(quiet.next().await.event, "heartbeat");
}

pub(crate) async fn subscriptions_change_while_a_stream_is_open(runtime: &impl Runtime) {
    let (hub, _) = started(runtime, options());
    let body = open(&hub, StreamOptions::default()).await;
    let connection = body.connection();
    let mut reader = Reader::new(body);
    assert_eq!(reader.next().await.event, "connected");
    assert_eq!(publish(&hub, "before").await.recipients, 0);
    assert_eq!(hub.subscribe(connection, "news").await, Ok(true));
    assert_eq!(hub.subscribe(connection, "news").await, Ok(false));
    assert_eq!(publish(&hub, "a").await.recipients, 1);
    assert_eq!(reader.data(1).await, ["a"]);
    assert!(hub.unsubscribe(connection, "news").await);
    assert!(!hub.unsubscribe(connection, "news").await);
    assert_eq!(publish(&hub, "b").await.recipients, 0);
    let direct = Publish::to(Audience::Connection(connection), Event::message("c"));
    hub.publish(&direct).await.expect("published");
    assert_eq!(reader.data(1).await, ["c"]);
    let invalid = hub.subscribe(connection, "").await;
    assert!(matches!(invalid, Err(SubscribeError::Name(_))));
}

pub(crate) async fn a_stream_is_closed_with_a_bye(runtime: &impl Runtime) {
    let (hub, _) = started(runtime, options());
    let body = open(&hub, StreamOptions::topic("news")).await;
    let connection = body.connection();
    let mut reader = Reader::new(body);
    assert_eq!(reader.next().await.event, "connected");
    assert!(hub.close(connection).await);
    assert!(!hub.close(connection).await, "it is about to close");
    let bye = reader.bye().await;
    assert_eq!(members(&bye.data)["reason"], "closed");
    assert_eq!(
        hub.subscribe(connection, "news").await,
        Err(SubscribeError::NotFound)
    );
    let stats = hub.stats().await.expect("it goes on");
    assert_eq!(
        (stats.connections, stats.closed(CloseReason::Closed)),
        (0, 1)
    );
}

pub(crate) async fn a_dropped_stream_is_closed(runtime: &impl Runtime) {
    let (hub, _) = started(runtime, options());
    let unread = open(&hub, StreamOptions::topic("news")).await;
    let waiting = Reader::of_news(&hub).await;
    let asked_for = hub.open(StreamOptions::topic("news"));
    let stays = Reader::of_news(&hub).await;
    drop((unread, waiting));
    // A future that nobody polled has asked for nothing.
    drop(asked_for);
    let stats = with_connections(&hub, 1).await;
    assert_eq!(stats.closed(CloseReason::Gone), 2);
    assert_eq!(publish(&hub, "a").await.recipients, 1);
    drop(stays);
    with_connections(&hub, 0).await;
    assert_eq!(publish(&hub, "b").await.recipients, 0);
}

pub(crate) async fn a_drain_ends_everything_in_order(runtime: &impl Runtime) {
    let (hub, driver, _) = idle(options());
    let (ended, has_ended) = oneshot::channel();
    runtime.spawn(async move {
        driver.await;
        // Who is not there any more has failed.
        let _ = ended.send(());
    });
    let mut readers = join_all((0..3).map(|_| Reader::of_news(&hub))).await;
    assert!(!hub.is_draining());
    publish(&hub, "last").await;
    let reading = join_all(readers.iter_mut().map(|reader| async {
        assert_eq!(reader.data(1).await, ["last"]);
        reader.bye().await
    }));
    let (_, (), byes) = futures::join!(hub.drain(60_000), hub.drain(1), reading);
    for bye in byes {
        assert_eq!(members(&bye.data)["reason"], "drain");
        assert!((1..=60_000).contains(&bye.retry_ms.expect("a bye says when")));
    }
    has_ended.await.expect("the driver ends");
    assert!(hub.is_draining());
}

pub(crate) async fn a_drain_lets_nothing_more_in(runtime: &impl Runtime) {
    let (hub, clock) = started(runtime, options());
    let stuck = open(&hub, StreamOptions::topic("news")).await;
    publish(&hub, "before").await;
    let mut drain = Box::pin(hub.drain(10_000));
    assert!(poll_once(&mut drain).await.is_pending());
    with_connections(&hub, 1).await;
    assert!(hub.is_draining());
    let after = hub.publish_all(batch(&hub, 0..1)).await;
    assert_eq!(after, Err(NotPublished::Stopped));
    let late = hub.open(StreamOptions::topic("news")).await;
    let refused = NotOpened::Refused(OpenError::Draining);
    assert_eq!(late.expect_err("it is drained"), refused);
    assert!(poll_once(&mut drain).await.is_pending(), "one is stuck");
    clock.advance(10_250);
    drain.await;
    let end: Vec<_> = stuck.collect().await;
    assert_eq!(end, [Err(StreamCut::Closed(CloseReason::Drain))]);
}

pub(crate) async fn a_hub_without_handles_is_drained(runtime: &impl Runtime) {
    let (hub, driver, clock) = idle(options());
    let (ended, has_ended) = oneshot::channel();
    runtime.spawn(async move {
        driver.await;
        // Who is not there any more has failed.
        let _ = ended.send(());
    });
    let mut reader = Reader::of_news(&hub).await;
    let stuck = open(&hub, StreamOptions::topic("news")).await;
    let mut sent = Box::pin(hub.publish_all(batch(&hub, 0..1)));
    // It is sent; whether it is answered by now does not matter.
    let _ = poll_once(&mut sent).await;
    drop(sent);
    drop(hub);
    assert_eq!(
        reader.data(1).await,
        ["0"],
        "what was sent before is published"
    );
    assert_eq!(members(&reader.bye().await.data)["reason"], "drain");
    clock.advance(10_000);
    has_ended.await.expect("a stuck reader has the linger time");
    let end: Vec<_> = stuck.collect().await;
    assert!(end[0].is_err(), "it is cut: {end:?}");
    assert_eq!(end.len(), 1);
}

pub(crate) async fn a_stream_is_written_to_a_writer(runtime: &impl Runtime) {
    let (hub, _) = started(runtime, options());
    let (socket, failing) = (Socket::default(), Socket::default());
    let body = StreamOptions {
        preamble: b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
        ..StreamOptions::topic("news")
    };
    let body = open(&hub, body).await;
    let connection = body.connection();
    let publishing = async {
        hub.publish_all(batch(&hub, 0..1_000))
            .await
            .expect("published");
        hub.close(connection).await;
    };
    let (written, ()) = futures::join!(body.write_to(socket.clone()), publishing);
    written.expect("it comes to its end");
    let written = socket.0.lock().expect("no test has failed").written.clone();
    let text = String::from_utf8(written).expect("UTF-8");
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    assert_eq!(head, "HTTP/1.1 200 OK");
    assert!(body.starts_with("id: 7~0\nevent: connected\n"), "{body}");
    assert!(body.contains("data: {\"reason\":\"closed\""));

    failing.0.lock().expect("no test has failed").fails = true;
    let body = open(&hub, StreamOptions::topic("news")).await;
    let failed = body.write_to(failing).await.expect_err("the writer fails");
    assert_eq!(failed.kind(), io::ErrorKind::BrokenPipe);
    with_connections(&hub, 0).await;
}

/// Waits until the driver has noticed that streams were dropped.
async fn with_connections(hub: &HubHandle, connections: usize) -> Stats {
    loop {
        let stats = hub.stats().await.expect("it goes on");
        if stats.connections == connections {
            return stats;
        }
    }
}

/// A writer that takes seven bytes at a time, each after a while.
#[derive(Clone, Default)]
struct Socket(Arc<Mutex<Written>>);

#[derive(Default)]
struct Written {
    written: Vec<u8>,
    ready: bool,
    fails: bool,
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut this = self.0.lock().expect("no test has failed");
        if this.fails {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        this.ready = !this.ready;
        if this.ready {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let taken = bytes.len().min(7);
        this.written.extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
