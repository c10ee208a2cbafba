//! The library in a program of one's own, without the reference server.

use crate::support::{Client, Stream, block_on, eventually, patiently};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use smol::Async;
use smol::future::poll_once;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::thread::JoinHandle;
use std::time::Duration;
use tidings_smol::{
    Answer, Audience, CloseReason, ConnectionId, DriverOptions, Event, HttpOptions, Hub,
    HubOptions, NotOpened, NotPublished, OnClose, OnOpen, Publish, StartError, StreamOptions,
    serve_connection,
};

/// As [`block_on`], on an executor that has nothing to do with smol.
fn block_on_elsewhere<T>(future: impl Future<Output = T>) -> T {
    futures::executor::block_on(patiently(future))
}

fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        eventually("the driver ends", || {
            thread.is_finished().then_some(()).ok_or("it runs")
        });
        thread.join().expect("the driver ends well");
    }
}

async fn say(hub: &Hub, data: &str) {
    let event = Publish::to(Audience::Topic("a"), Event::message(data));
    hub.publish(&event).await.expect("it is published");
}

/// A service with a stream at `/stream`, whose user comes from a header, and an ordinary route.
async fn answer(hub: Hub, request: Request<Incoming>) -> Answer<Full<Bytes>> {
    if request.uri().path() != "/stream" {
        let text = format!("you asked for {}", request.uri().path());
        return Answer::Response(Response::new(Full::from(text)));
    }
    let user = request.headers().get("x-user");
    let user = user.and_then(|user| user.to_str().ok()).map(str::to_owned);
    let options = StreamOptions {
        user,
        topics: vec!["a".to_owned()],
        ..StreamOptions::for_request(&request)
    };
    match hub.open(options).await {
        Ok(stream) => Answer::Stream(stream),
        Err(refused) => {
            let mut response = Response::new(Full::from(refused.to_string()));
            *response.status_mut() = refused.status();
            Answer::Response(response)
        }
    }
}

/// Serves for ever on a thread.
fn serve(hub: &Hub) -> SocketAddr {
    let listener = Async::<TcpListener>::bind(([127, 0, 0, 1], 0)).expect("a port is free");
    let address = listener.get_ref().local_addr().expect("it has an address");
    let hub = hub.clone();
    std::thread::spawn(move || {
        smol::block_on(async {
            loop {
                let (socket, _) = listener.accept().await.expect("a connection");
                let hub = hub.clone();
                let service = move |request| answer(hub.clone(), request);
                smol::spawn(serve_connection(socket, HttpOptions::default(), service)).detach();
            }
        })
    });
    address
}

fn open(address: SocketAddr, headers: &str) -> Stream {
    let mut client = Client::connect(address);
    client.send(format!("GET /stream HTTP/1.1\r\nhost: x\r\n{headers}\r\n"));
    Stream::of(client)
}

#[test]
fn streams_and_ordinary_routes_live_side_by_side() {
    let hub = Hub::start(DriverOptions::default()).expect("it starts");
    let address = serve(&hub);
    let mut client = Client::connect(address);
    assert_eq!(
        client.request("GET", "/one", "").text(),
        "you asked for /one"
    );
    assert_eq!(
        client.request("GET", "/two", "").text(),
        "you asked for /two"
    );
    client.send("GET /stream HTTP/1.1\r\nhost: x\r\nx-user: ada\r\n\r\n");
    let mut stream = Stream::of(client);
    assert_eq!(stream.connected()["user"], "ada");
    block_on(say(&hub, "1"));
    assert_eq!(stream.messages(1), ["1"]);
    assert_eq!(
        Client::connect(address).request("GET", "/three", "").status,
        200
    );
}

#[test]
fn a_position_stored_with_a_snapshot_leads_to_every_later_event() {
    let hub = Hub::start(DriverOptions::default()).expect("it starts");
    let address = serve(&hub);
    block_on(say(&hub, "in the snapshot"));
    let cursor = hub.cursor();
    block_on(async {
        say(&hub, "1").await;
        say(&hub, "2").await;
    });
    let mut stream = open(address, &format!("last-event-id: {cursor}\r\n"));
    stream.connected();
    assert_eq!(stream.messages(2), ["1", "2"]);
}

#[test]
fn a_position_taken_while_others_publish_leads_to_every_later_event() {
    let hub = Hub::start(DriverOptions::default()).expect("it starts");
    let address = serve(&hub);
    let publisher = hub.clone();
    let publishing = std::thread::spawn(move || {
        for number in 0..2_000 {
            block_on(say(&publisher, &number.to_string()));
        }
    });
    let mut cursor = hub.cursor();
    for _ in 0..20 {
        let before = cursor.sequence as usize;
        let mut stream = open(address, &format!("last-event-id: {cursor}\r\n"));
        stream.connected();
        // The first event has the number 1.
        let next = stream.messages(2);
        assert_eq!(next, [before.to_string(), (before + 1).to_string()]);
        cursor = hub.cursor();
        if cursor.sequence >= 1_990 {
            break;
        }
    }
    publishing.join().expect("everything is published");
}

#[test]
fn a_stream_that_never_gets_its_socket_is_closed() {
    let hub = Hub::start(DriverOptions::default()).expect("it starts");
    block_on(async {
        let stream = hub.open(StreamOptions::default()).await.expect("it opens");
        assert_eq!(hub.stats().await.map(|stats| stats.connections), Ok(1));
        drop(stream);
    });
    eventually("it is closed", || {
        let stats = block_on(hub.stats()).expect("the driver runs");
        let gone = (stats.connections, stats.closed(CloseReason::Gone)) == (0, 1);
        gone.then_some(()).ok_or(format!("{stats:?}"))
    });
}

#[test]
fn a_stream_that_nobody_waits_for_any_more_is_closed() {
    let (hub, drivers) = Hub::new(DriverOptions::default()).expect("it starts");
    let abandoned = block_on(async {
        let mut open = pin!(hub.open(StreamOptions::default()));
        poll_once(&mut open).await.is_none()
    });
    assert!(abandoned, "no driver runs that could have answered");
    for driver in drivers {
        std::thread::spawn(move || smol::block_on(driver));
    }
    eventually("it is closed", || {
        let stats = block_on(hub.stats()).expect("the driver runs");
        let gone = (stats.opened, stats.connections) == (1, 0);
        gone.then_some(()).ok_or(format!("{stats:?}"))
    });
}

#[test]
fn a_stream_can_be_subscribed_and_closed_by_the_application() {
    let hub = Hub::start(DriverOptions::default()).expect("it starts");
    let mut stream = open(serve(&hub), "");
    let id = stream.connected()["connection"].clone();
    let id = id.as_str().and_then(|id| id.parse().ok()).expect("an id");
    block_on(async {
        assert_eq!(hub.subscribe(id, "b").await, Ok(true));
        assert_eq!(hub.subscribe(id, "b").await, Ok(false), "it has it");
        assert!(hub.subscribe(id, "b*c").await.is_err());
        let to_b = Publish::to(Audience::Topic("b"), Event::message("to b"));
        assert_eq!(hub.publish(&to_b).await.map(|done| done.recipients), Ok(1));
        assert!(hub.unsubscribe(id, "b").await);
        assert_eq!(hub.publish(&to_b).await.map(|done| done.recipients), Ok(0));
        assert!(hub.is_open(id).await);
        assert!(hub.close(id).await);
        assert!(!hub.close(id).await, "it is closed");
    });
    assert_eq!(stream.messages(1), ["to b"]);
    assert_eq!(stream.expect("bye").json()["reason"], "closed");
    stream.expect_end();
    eventually("its id is stale", || {
        (!block_on(hub.is_open(id))).then_some(()).ok_or("open")
    });
}

#[test]
fn grants_let_private_events_through() {
    let hub = Hub::start(DriverOptions::default()).expect("it starts");
    let recipients = block_on(async {
        let options = StreamOptions {
            topics: vec!["rooms/*".into()],
            grants: vec!["rooms/1".into()],
            ..StreamOptions::default()
        };
        let _stream = hub.open(options).await.expect("it opens");
        let mut recipients = Vec::new();
        for topic in ["rooms/1", "rooms/2"] {
            let event = Publish {
                private: true,
                ..Publish::to(Audience::Topic(topic), Event::message("secret"))
            };
            let published = hub.publish(&event).await.expect("it is published");
            recipients.push(published.recipients);
        }
        recipients
    });
    assert_eq!(recipients, [1, 0]);
}

#[test]
fn publishers_on_other_threads_go_on_as_soon_as_a_full_log_has_room() {
    let mut options = DriverOptions::default();
    options.hub.default_class.events = 1;
    options.hub.deadlines.heartbeat_ms = None;
    let hub = Hub::start(options).expect("it starts");
    let mut stream = open(serve(&hub), "");
    stream.connected();
    let publishers: Vec<_> = (0..4)
        .map(|_| {
            let hub = hub.clone();
            std::thread::spawn(move || {
                for _ in 0..500 {
                    block_on(say(&hub, "x"));
                }
            })
        })
        .collect();
    assert_eq!(stream.messages(2_000).len(), 2_000, "none is a gap");
    for publisher in publishers {
        publisher.join().expect("everything is published");
    }
}

/// Polls the drivers with an executor that has nothing to do with smol.
fn drive_elsewhere(shards: usize) -> (Hub, Vec<JoinHandle<()>>) {
    let options = DriverOptions {
        shards,
        ..DriverOptions::default()
    };
    let (hub, drivers) = Hub::new(options).expect("it starts");
    let spawn = |driver| std::thread::spawn(move || futures::executor::block_on(driver));
    (hub, drivers.into_iter().map(spawn).collect())
}

#[test]
fn drivers_run_on_any_executor_and_end_with_a_drain() {
    let (hub, threads) = drive_elsewhere(2);
    let address = serve(&hub);
    let mut streams: Vec<_> = (0..4).map(|_| open(address, "")).collect();
    for stream in &mut streams {
        stream.connected();
    }
    block_on_elsewhere(say(&hub, "1"));
    for stream in &mut streams {
        assert_eq!(stream.messages(1), ["1"]);
    }
    block_on_elsewhere(hub.drain(Duration::from_secs(10)));
    for stream in &mut streams {
        assert_eq!(stream.expect("bye").json()["reason"], "drain");
        stream.expect_end();
    }
    join(threads);
}

#[test]
fn a_hub_that_has_ended_says_so() {
    let (hub, threads) = drive_elsewhere(1);
    block_on_elsewhere(async {
        hub.drain(Duration::ZERO).await;
        let event = Publish::to(Audience::Everyone, Event::message("x"));
        assert_eq!(hub.publish(&event).await, Err(NotPublished::Stopped));
        let refused = hub.open(StreamOptions::default()).await.map(drop);
        let refused = refused.expect_err("it does not open");
        assert_eq!(refused.status(), 503, "{refused:?}");
        assert_eq!(refused.retry_after(), Some(1));
        assert!(matches!(
            refused,
            NotOpened::Stopped | NotOpened::Refused(_)
        ));
    });
    join(threads);
    assert!(block_on_elsewhere(hub.stats()).is_err());
}

#[test]
fn whoever_waits_for_a_driver_that_is_dropped_is_told() {
    let (hub, drivers) = Hub::new(DriverOptions::default()).expect("it starts");
    let event = Publish::to(Audience::Everyone, Event::message("x"));
    block_on(async {
        let mut open = pin!(hub.open(StreamOptions::default()));
        let mut publish = pin!(hub.publish(&event));
        let mut stats = pin!(hub.stats());
        let mut drain = pin!(hub.drain(Duration::ZERO));
        assert!(poll_once(&mut open).await.is_none());
        assert!(poll_once(&mut publish).await.is_none());
        assert!(poll_once(&mut stats).await.is_none());
        assert!(poll_once(&mut drain).await.is_none());
        drop(drivers);
        assert_eq!(open.await.map(drop), Err(NotOpened::Stopped));
        assert_eq!(publish.await, Err(NotPublished::Stopped));
        assert!(stats.await.is_err());
        drain.await;
    });
}

#[test]
fn drivers_end_when_nobody_can_reach_them() {
    let (hub, threads) = drive_elsewhere(2);
    let stream = block_on_elsewhere(hub.open(StreamOptions::default()));
    drop(stream);
    drop(hub);
    join(threads);
}

#[test]
fn options_that_cannot_be_are_refused_with_the_reason() {
    for shards in [0, 257] {
        let options = DriverOptions {
            shards,
            ..DriverOptions::default()
        };
        assert!(matches!(options.validate(), Err(StartError::Shards)));
        assert!(matches!(Hub::new(options), Err(StartError::Shards)));
    }
    let mut options = DriverOptions::default();
    assert!(options.validate().is_ok());
    options.hub.default_class.events = 0;
    let error = Hub::start(options).expect_err("there is no room");
    assert!(error.to_string().contains("class 0"), "{error}");
}

#[test]
fn whoever_watches_a_stream_hears_that_it_opens_before_anything_else() {
    let hub = Hub::start(DriverOptions::default()).expect("it starts");
    let heard = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let [opening, closing] = [heard.clone(), heard.clone()];
    let say = |heard: &std::sync::Mutex<Vec<_>>, what| heard.lock().expect("no panic").push(what);
    let options = StreamOptions {
        on_open: Some(OnOpen::new(move |id, ()| say(&opening, (id, "open")))),
        on_close: Some(OnClose::new(move |id, _| say(&closing, (id, "close")))),
        ..StreamOptions::default()
    };
    let stream = block_on(hub.open(options)).expect("it opens");
    let id = stream.connection();
    assert_eq!(*heard.lock().expect("no panic"), [(id, "open")]);
    drop(stream);
    eventually("it is closed", || {
        let heard = heard.lock().expect("no panic").clone();
        (heard.len() == 2).then_some(()).ok_or(format!("{heard:?}"))
    });
    assert_eq!(heard.lock().expect("no panic")[1], (id, "close"));
}

#[test]
fn a_live_stream_is_changed_in_one_step() {
    let hub = Hub::start(DriverOptions::default()).expect("it starts");
    let address = serve(&hub);
    let mut stream = open(address, "");
    let id = stream.connected()["connection"].clone();
    let id: ConnectionId = id.as_str().expect("a text").parse().expect("an id");
    block_on(async {
        let [add, remove] = ["b", "a"].map(|topic| vec![topic.to_owned()]);
        hub.change_topics(id, add, remove)
            .await
            .expect("it takes it");
        say(&hub, "to a").await;
        let dropped = hub.reauthorize(id, None, Vec::new(), |topic| topic == "a");
        assert_eq!(dropped.await, Ok(vec!["b".to_owned()]));
        assert!(hub.expire(id).await);
        assert!(!hub.expire(ConnectionId::from_u64(7)).await);
    });
    assert_eq!(stream.expect("bye").json()["reason"], "expired");
    stream.expect_end();
}

#[test]
fn two_lives_of_a_hub_have_different_epochs_whatever_its_options_leave_out() {
    let options = || DriverOptions {
        hub: HubOptions::default(),
        ..DriverOptions::default()
    };
    let [one, two] = [options(), options()].map(|options| Hub::start(options).expect("it starts"));
    let old = one.cursor();
    assert_ne!(old.epoch, two.cursor().epoch);
    let mut chosen = options();
    chosen.hub.epoch = 7;
    let hub = Hub::start(chosen).expect("it starts");
    assert_eq!(hub.cursor().epoch, 7);
}
