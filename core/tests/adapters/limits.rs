//! What is bounded: readers that are slow, publishers that are fast, and drivers that are gone.

use crate::runtimes::Runtime;
use crate::support::{
    Clock, Reader, batch, idle, keeping, members, news, numbers, open, options, poll_once, publish,
    started,
};
use futures::future::{Either, JoinAll, join_all, select};
use futures::stream::StreamExt as _;
use std::task::Poll;
use tidings_core::adapters::{
    DriverOptions, HubDriver, HubHandle, NotOpened, NotPublished, Stopped, StreamCut, StreamOptions,
};
use tidings_core::{CloseReason, Published, SubscribeError};

pub(crate) async fn a_slow_reader_is_told_its_gap(runtime: &impl Runtime) {
    let (hub, _) = started(runtime, keeping(10));
    let mut slow = Reader::new(open(&hub, StreamOptions::topic("news")).await);
    for number in 0..30 {
        publish(&hub, &number.to_string()).await;
    }
    assert_eq!(slow.next().await.event, "connected");
    let gap = slow.next().await;
    assert_eq!(gap.event, "gap");
    let said = members(&gap.data);
    assert_eq!((&*said["missed"], &*said["reason"]), ("20", "lagged"));
    assert_eq!(
        slow.data(10).await,
        numbers(20..30),
        "then what is still there"
    );
    let stats = hub.stats().await.expect("it goes on");
    assert_eq!((stats.gaps, stats.missed), (1, 20));
}

pub(crate) async fn a_reader_has_one_chunk_at_a_time(runtime: &impl Runtime) {
    let options = DriverOptions {
        chunk_bytes: 1_000,
        ..options()
    };
    let (hub, _) = started(runtime, options);
    let mut body = open(&hub, StreamOptions::topic("news")).await;
    for part in ["a", "b", "c"] {
        publish(&hub, &part.repeat(5_000)).await;
    }
    let sent = async || hub.stats().await.expect("it goes on").delivered_bytes;
    assert_eq!(sent().await, 0, "nothing was asked for");
    let mut received = Vec::new();
    while !received.ends_with(b"c\n\n") {
        let chunk = body.next().await.expect("it is open").expect("nor cut");
        assert!((1..=1_000).contains(&chunk.len()));
        received.extend(chunk);
        assert_eq!(sent().await, received.len() as u64, "none is waiting");
    }
    let text = String::from_utf8(received).expect("UTF-8");
    for part in ["a", "b", "c"] {
        assert!(text.contains(&format!("\ndata: {}\n\n", part.repeat(5_000))));
    }
}

pub(crate) async fn a_reader_that_never_reads_is_cut(runtime: &impl Runtime) {
    let (hub, clock) = started(runtime, options());
    let mut stuck = open(&hub, StreamOptions::topic("news")).await;
    let mut reader = Reader::of_news(&hub).await;
    publish(&hub, "a").await;
    assert_eq!(reader.data(1).await, ["a"]);
    clock.advance(60_250);
    assert_eq!(reader.next().await.event, "heartbeat");
    let cut = stuck.next().await.expect("an error");
    assert_eq!(cut, Err(StreamCut::Closed(CloseReason::Stalled)));
    assert_eq!(stuck.next().await, None, "it comes once");
    let stats = hub.stats().await.expect("it goes on");
    assert_eq!(
        (stats.connections, stats.closed(CloseReason::Stalled)),
        (1, 1)
    );
}

pub(crate) async fn a_publisher_waits_for_the_queue(runtime: &impl Runtime) {
    let options = DriverOptions {
        publish_queue: 2,
        ..options()
    };
    let (hub, driver, _) = idle(options);
    let mut publishers: Vec<_> = (0..5)
        .map(|number| Box::pin(hub.publish_all(batch(&hub, [number]))))
        .collect();
    for publisher in &mut publishers {
        assert!(poll_once(publisher).await.is_pending());
    }
    // Three are not in the queue yet, and one of them changes its mind.
    drop(publishers.remove(3));
    let reader = Reader::of_news(&hub);
    runtime.spawn(driver);
    let published = join_all(publishers).await;
    let last = published.into_iter().map(|one| one.expect("published")[0]);
    let last = last.map(|one| one.cursor.sequence).max();
    assert_eq!(last, Some(4), "four were published");
    drop(reader);
}

pub(crate) async fn a_publisher_waits_for_readers_that_keep_up(runtime: &impl Runtime) {
    let (hub, mut driver, mut reader) = with_a_waiting_reader(keeping(4)).await;
    let mut publishers = two_batches(&hub);
    assert!(poll_once(&mut publishers).await.is_pending());
    assert!(poll_once(&mut driver).await.is_pending());
    // The second pushes out the first, which the reader has only been offered by now.
    assert!(poll_once(&mut publishers).await.is_pending());
    runtime.spawn(driver);
    let published = publishers.await;
    assert!(published.iter().all(Result::is_ok));
    assert_eq!(reader.data(8).await, numbers(0..8), "no gap");
    assert_eq!(hub.stats().await.expect("it goes on").gaps, 0);
}

pub(crate) async fn a_drain_waits_for_what_has_no_room_yet(runtime: &impl Runtime) {
    let (hub, driver, mut reader) = with_a_waiting_reader(keeping(4)).await;
    let mut publishers = two_batches(&hub);
    let mut drain = Box::pin(hub.drain(10_000));
    assert!(poll_once(&mut publishers).await.is_pending());
    assert!(poll_once(&mut drain).await.is_pending());
    runtime.spawn(driver);
    // Nobody but the driver itself sees to it that there is room.
    let published = publishers.await;
    assert!(published.iter().all(Result::is_ok), "{published:?}");
    assert_eq!(reader.data(8).await, numbers(0..8), "no gap");
    assert_eq!(members(&reader.bye().await.data)["reason"], "drain");
    drain.await;
}

/// A hub, and a reader that waits for events, so that it is not blocked.
async fn with_a_waiting_reader(options: DriverOptions) -> (HubHandle, HubDriver<Clock>, Reader) {
    let (hub, mut driver, _) = idle(options);
    let connecting = Box::pin(Reader::of_news(&hub));
    let Either::Right((mut reader, _)) = select(&mut driver, connecting).await else {
        panic!("the driver goes on");
    };
    assert!(poll_once(&mut Box::pin(reader.next())).await.is_pending());
    (hub, driver, reader)
}

/// As many events as `keeping(4)` keeps, and as many again, sent when they are first polled.
fn two_batches(hub: &HubHandle) -> JoinAll<impl Future<Output = PublishedAll>> {
    join_all([0..4, 4..8].map(|numbers| hub.publish_all(batch(hub, numbers))))
}

type PublishedAll = Result<Vec<Published>, NotPublished>;

pub(crate) async fn whoever_waits_for_a_driver_that_is_gone_is_told(_: &impl Runtime) {
    let (hub, mut driver, _) = idle(options());
    let mut opening = Box::pin(hub.open(StreamOptions::topic("news")));
    assert!(poll_once(&mut opening).await.is_pending());
    assert!(poll_once(&mut driver).await.is_pending());
    let mut body = opening.await.expect("it is opened");
    let connection = body.connection();
    assert_eq!(hub.connections(), 1);
    assert!(poll_once(&mut body.next()).await.is_pending());
    assert!(poll_once(&mut driver).await.is_pending());
    let chunk = body.next().await.expect("it is open").expect("nor cut");
    assert!(chunk.starts_with(b"id: 7~0\nevent: connected"));

    let publish = async {
        let published = hub.publish(&news("a")).await;
        assert_eq!(published, Err(NotPublished::Stopped));
    };
    let open = async {
        let opened = hub.open(StreamOptions::topic("news")).await;
        assert_eq!(opened.expect_err("no driver"), NotOpened::Stopped);
    };
    let ask = async {
        assert_eq!(hub.stats().await, Err(Stopped));
        let subscribed = hub.subscribe(connection, "more").await;
        assert_eq!(subscribed, Err(SubscribeError::NotFound));
    };
    let read = async {
        assert_eq!(body.next().await, Some(Err(StreamCut::Stopped)));
        assert_eq!(body.next().await, None);
    };
    let mut waiting = Box::pin(async { futures::join!(publish, open, ask, read, hub.drain(1)) });
    assert!(poll_once(&mut waiting).await.is_pending());
    let mut late = Box::pin(hub.close(connection));
    assert!(poll_once(&mut late).await.is_pending());
    drop(driver);
    waiting.await;
    assert!(!late.await);
    assert_eq!(hub.connections(), 0);
}

pub(crate) async fn whoever_asks_a_driver_that_is_drained_is_told(_: &impl Runtime) {
    let (hub, mut driver, _) = idle(options());
    let mut drain = Box::pin(hub.drain(1_000));
    assert!(poll_once(&mut drain).await.is_pending());
    // Sent before anybody knew.
    let mut late = Box::pin(hub.stats());
    let mut publish = Box::pin(hub.publish_all(batch(&hub, 0..1)));
    assert!(poll_once(&mut publish).await.is_pending());
    assert!(poll_once(&mut driver).await.is_ready());
    assert!(
        poll_once(&mut driver).await.is_ready(),
        "it may be asked again"
    );
    drain.await;
    assert_eq!(publish.await.expect("it was accepted").len(), 1);
    assert_eq!(poll_once(&mut late).await, Poll::Ready(Err(Stopped)));
    let opened = hub.open(StreamOptions::default()).await;
    assert_eq!(opened.expect_err("it is drained"), NotOpened::Stopped);
    assert_eq!(hub.publish(&news("a")).await, Err(NotPublished::Stopped));
    hub.drain(1).await;
    assert!(hub.is_draining());
    // The driver has ended, be it there or not.
    drop(driver);
}

/// Handles and streams go between threads, whatever the timer is.
#[test]
fn handles_and_streams_can_be_sent() {
    fn is_shared<T: Clone + Send + Sync + 'static>() {}
    fn is_sent<T: Send + 'static>() {}
    is_shared::<HubHandle>();
    is_sent::<tidings_core::adapters::ByteStream>();
}
