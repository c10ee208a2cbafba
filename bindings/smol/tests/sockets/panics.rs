//! A driver that panics takes its streams with it; whoever asks it anything is told.

use crate::support::{block_on, eventually};
use smol::future::poll_once;
use std::pin::pin;
use std::time::Duration;
use tidings_smol::{
    Audience, DriverOptions, Event, Hub, NotOpened, NotPublished, OnClose, Publish, StreamOptions,
    SubscribeError,
};

const EVENT: Publish<'static> = Publish::to(Audience::Everyone, Event::message("x"));

/// A hub one of whose drivers panics.
async fn panicked(shards: usize) -> Hub {
    let options = DriverOptions {
        shards,
        ..DriverOptions::default()
    };
    let hub = Hub::start(options).expect("it starts");
    let options = StreamOptions {
        on_close: Some(OnClose::new(|_, _| panic!("this panic is part of a test"))),
        ..StreamOptions::default()
    };
    let stream = hub.open(options).await.expect("it opens");
    let connection = stream.connection();
    drop(stream);
    // The driver answers this, or is gone: in the end it is.
    while hub.subscribe(connection, "a").await.is_ok() {}
    hub
}

#[test]
fn every_call_is_answered() {
    block_on(async {
        let hub = panicked(1).await;
        while hub.stats().await.is_ok() {}
        let opened = hub.open(StreamOptions::default()).await.map(drop);
        assert_eq!(opened, Err(NotOpened::Stopped));
        assert_eq!(hub.publish(&EVENT).await, Err(NotPublished::Stopped));
        let posted = hub.try_publish(&EVENT).map(drop);
        assert_eq!(posted, Err(NotPublished::Stopped));
        let nobody = tidings_smol::ConnectionId::from_u64(0);
        let subscribed = hub.subscribe(nobody, "a").await;
        assert_eq!(subscribed, Err(SubscribeError::NotFound));
        assert!(!hub.unsubscribe(nobody, "a").await);
        assert!(!hub.close(nobody).await);
        hub.drain(Duration::from_secs(60)).await;
        assert_eq!(hub.connections(), 0);
    });
}

#[test]
fn one_of_several_drivers_is_enough_to_refuse_events_that_not_all_would_have() {
    block_on(async {
        let hub = panicked(2).await;
        while hub.stats().await.is_ok() {}
        assert_eq!(hub.publish(&EVENT).await, Err(NotPublished::Stopped));
        assert_eq!(hub.cursor().sequence, 0, "it has no number");
        hub.drain(Duration::from_secs(60)).await;
    });
}

#[test]
fn who_waits_is_told() {
    let (hub, drivers) = Hub::new(DriverOptions::default()).expect("it starts");
    let options = StreamOptions {
        on_close: Some(OnClose::new(|_, _| panic!("this panic is part of a test"))),
        ..StreamOptions::default()
    };
    block_on(async {
        let mut open = pin!(hub.open(options));
        assert!(poll_once(&mut open).await.is_none());
        let threads = drivers
            .into_iter()
            .map(|driver| std::thread::spawn(|| smol::block_on(driver)));
        let threads: Vec<_> = threads.collect();
        let stream = open.await.expect("it opens");
        let (publisher, asker) = (hub.clone(), hub.clone());
        let publishing =
            std::thread::spawn(move || while block_on(publisher.publish(&EVENT)).is_ok() {});
        let asking = std::thread::spawn(move || while block_on(asker.stats()).is_ok() {});
        drop(stream);
        for thread in threads {
            eventually("the driver ends", || {
                thread.is_finished().then_some(()).ok_or("it runs")
            });
            assert!(thread.join().is_err(), "it panicked");
        }
        publishing.join().expect("it was told");
        asking.join().expect("it was told");
    });
}
