//! Whatever carries HTTP, streams are the same: plain, over TLS, one of many on a connection.

use crate::support::{BodyReader, Site, Transport, WINDOW, Wire, block_on, patiently};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::time::Duration;
use tidings_smol::CloseReason;
use tidings_smol::server::ServerOptions;

/// More than windows and buffers hold, which are megabytes where nothing sets them.
const EVENTS: usize = 30_000;

fn each(change: fn(&mut ServerOptions), play: impl Fn(&mut Site, Transport)) {
    for transport in Transport::ALL {
        println!("{transport:?}");
        let mut site = Site::start(transport.is_secure(), |options| {
            // Nothing comes that was not published.
            options.driver.hub.deadlines.heartbeat_ms = None;
            change(options);
        });
        play(&mut site, transport);
    }
}

async fn wire(site: &Site, transport: Transport) -> Wire {
    patiently(Wire::connect(transport, site)).await
}

#[test]
fn a_stream_goes_on_after_a_reconnect() {
    each(
        |_| {},
        |site, transport| {
            block_on(async {
                let mut first = wire(site, transport).await;
                let mut stream = first.stream("topic=a", "").await;
                assert_eq!(stream.connected().await["topics"][0], "a");
                site.say("a", "1").await;
                site.say("b", "not for it").await;
                let event = stream.expect("message").await;
                assert_eq!(event.data, "1");
                drop((stream, first));
                site.say("a", "2").await;
                let mut second = wire(site, transport).await;
                let mut stream = second.stream("topic=a", &event.id).await;
                stream.connected().await;
                assert_eq!(stream.message().await, "2");
                site.say("a", "3").await;
                assert_eq!(stream.message().await, "3");
            });
        },
    );
}

#[test]
fn a_connection_serves_other_requests_and_then_a_stream() {
    each(
        |_| {},
        |site, transport| {
            block_on(async {
                let mut wire = wire(site, transport).await;
                for number in 1..=3 {
                    let event = r#"{"topics":["a"],"data":"x"}"#;
                    let published = wire.publish(event).await;
                    assert!(
                        published["id"]
                            .as_str()
                            .is_some_and(|id| id.ends_with(&format!("~{number}")))
                    );
                    let response = wire.get("/nothing").await;
                    assert_eq!(response.status(), 404);
                    response.into_body().collect().await.expect("a body");
                }
                let mut stream = wire.stream("topic=a&last_event_id=earliest", "").await;
                stream.connected().await;
                for _ in 0..3 {
                    assert_eq!(stream.message().await, "x");
                }
            });
        },
    );
}

#[test]
fn an_event_of_a_megabyte_comes_whole() {
    each(
        |options| options.driver.hub.limits.event_bytes = 2 << 20,
        |site, transport| {
            let long: String = (0..1 << 20)
                .map(|at| char::from(b'a' + (at % 26) as u8))
                .collect();
            block_on(async {
                let mut wire = wire(site, transport).await;
                let mut stream = wire.stream("topic=a", "").await;
                stream.connected().await;
                site.say("a", &long).await;
                site.say("a", "short").await;
                assert!(stream.message().await == long, "it is whole");
                assert_eq!(stream.message().await, "short");
            });
        },
    );
}

async fn publish_many(site: &Site) {
    let data = "x".repeat(300);
    for number in 0..EVENTS {
        site.say("a", &format!("{number}:{data}")).await;
    }
}

/// Reads up to the last event, and checks that every number came, or was counted in a gap.
async fn read_all(stream: &mut BodyReader<Incoming>) -> usize {
    let (mut next, mut gaps) = (0, 0);
    while next < EVENTS {
        let received = stream.next().await.expect("it is not cut");
        let received = received.expect("it has not ended");
        if received.event == "gap" {
            let missed = received.json()["missed"].as_u64();
            next += missed.expect("it is counted") as usize;
            gaps += 1;
        } else {
            let number = received.data.split(':').next();
            assert_eq!(number, Some(&*next.to_string()));
            next += 1;
        }
    }
    gaps
}

#[test]
fn a_slow_reader_holds_little_is_told_what_it_missed_and_holds_nobody_up() {
    each(
        |options| {
            options.driver.hub.default_class.events = 1_000;
            options.driver.hub.default_class.records = Some(EVENTS);
        },
        |site, transport| {
            block_on(async {
                let mut wire = wire(site, transport).await;
                let mut slow = wire.stream("topic=a", "").await;
                slow.connected().await;
                publish_many(site).await;
                let stats = site.hub.stats().await.expect("it runs");
                let most = if transport.is_http2() {
                    // A window, and what is in flight.
                    u64::from(WINDOW) + (32 << 10)
                } else {
                    // The buffers of two sockets, of which the server sets its own.
                    4 << 20
                };
                assert!(stats.delivered_bytes <= most, "{transport:?}: {stats:?}");
                // On the same connection where there can be more than one.
                if transport.is_http2() {
                    let mut quick = wire.stream("topic=b", "").await;
                    quick.connected().await;
                    site.say("b", "quick").await;
                    assert_eq!(quick.message().await, "quick");
                }
                // More than one where buffers of systems and TLS took some more in between.
                assert!(read_all(&mut slow).await >= 1);
                site.say("a", "next").await;
                assert_eq!(slow.message().await, "next");
            });
        },
    );
}

#[test]
fn a_reader_that_takes_nothing_for_long_is_cut_and_sees_it() {
    each(
        |options| {
            options.driver.hub.deadlines.stall_ms = Some(500);
            options.driver.hub.default_class.events = 1_000;
        },
        |site, transport| {
            let (mut wire, mut slow, quick) = block_on(async {
                let mut wire = wire(site, transport).await;
                let mut slow = wire.stream("topic=a", "").await;
                slow.connected().await;
                let quick = match transport.is_http2() {
                    true => Some(wire.stream("topic=b", "").await),
                    false => None,
                };
                publish_many(site).await;
                (wire, slow, quick)
            });
            site.wait_for_closed(CloseReason::Stalled, 1);
            block_on(async {
                let cut = loop {
                    let next = slow.next().await;
                    let Ok(Some(received)) = next else {
                        break next.is_err();
                    };
                    assert!(["message", "gap"].contains(&&*received.event));
                };
                assert!(cut, "{transport:?}: this was no end in order");
                if let Some(mut quick) = quick {
                    quick.connected().await;
                    site.say("b", "still here").await;
                    assert_eq!(quick.message().await, "still here");
                    assert_eq!(wire.get("/health").await.status(), 200);
                }
            });
        },
    );
}

#[test]
fn a_stream_ends_with_a_word_when_the_server_stops() {
    each(
        |options| options.drain = Duration::from_millis(200),
        |site, transport| {
            let (mut wire, mut stream) = block_on(async {
                let mut wire = wire(site, transport).await;
                let mut stream = wire.stream("topic=a", "").await;
                stream.connected().await;
                site.say("a", "last").await;
                (wire, stream)
            });
            site.begin_to_stop();
            block_on(async {
                assert_eq!(stream.message().await, "last");
                assert_eq!(stream.expect("bye").await.json()["reason"], "drain");
                stream.expect_end().await;
                site.wait_for_stop();
                let request = hyper::Request::get("/health").body(Default::default());
                assert!(wire.try_send(request.expect("a request")).await.is_err());
            });
        },
    );
}

#[test]
fn a_server_stops_though_readers_take_nothing() {
    each(
        |options| options.drain = Duration::from_millis(200),
        |site, transport| {
            let _idle = block_on(wire(site, transport));
            let _kept = block_on(async {
                let mut wire = wire(site, transport).await;
                let mut stream = wire.stream("topic=a", "").await;
                stream.connected().await;
                publish_many(site).await;
                (wire, stream)
            });
            site.begin_to_stop();
            site.wait_for_stop();
        },
    );
}

#[test]
fn a_client_that_leaves_is_noticed() {
    each(
        |_| {},
        |site, transport| {
            let kept = block_on(async {
                let mut wire = wire(site, transport).await;
                let mut stream = wire.stream("topic=a", "").await;
                stream.connected().await;
                (wire, stream)
            });
            site.wait_for_connections(1);
            drop(kept);
            site.wait_for_closed(CloseReason::Gone, 1);
            site.wait_for_connections(0);
        },
    );
}

#[test]
fn a_stream_that_is_closed_by_the_application_says_so() {
    each(
        |_| {},
        |site, transport| {
            block_on(async {
                let mut wire = wire(site, transport).await;
                let mut stream = wire.stream("topic=a", "").await;
                let id = stream.connected().await["connection"].clone();
                let id = id.as_str().and_then(|id| id.parse().ok()).expect("an id");
                assert!(site.hub.close(id).await);
                assert_eq!(stream.expect("bye").await.json()["reason"], "closed");
                stream.expect_end().await;
            });
        },
    );
}
