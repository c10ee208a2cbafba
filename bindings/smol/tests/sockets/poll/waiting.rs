//! Polls that wait: what ends them, and that they are in nobody's way.

use crate::support::{
    Metrics, Poller, Received, Server, Site, Transport, Wire, block_on, eventually, patiently,
    received,
};
use http_body_util::BodyExt as _;
use hyper::Response;
use hyper::body::Incoming;
use rustix::process::Signal;
use tidings_smol::tidings_core::Decoder;

/// The data of the messages in an answer.
async fn messages(response: Response<Incoming>) -> Vec<String> {
    assert_eq!(response.status(), 200, "{response:?}");
    assert!(response.headers().contains_key("content-length"));
    let body = response.into_body().collect().await.expect("it is whole");
    let said = received(&mut Decoder::default(), &body.to_bytes());
    let messages = said.into_iter().filter(Received::is_message);
    messages.map(|one| one.data).collect()
}

#[test]
fn whatever_carries_it_a_poll_is_answered_and_one_that_is_left_is_gone() {
    for transport in Transport::ALL {
        println!("{transport:?}");
        let site = Site::start(transport.is_secure(), |_| {});
        let target = format!(
            "/poll?topic=news&wait=55&last_event_id={}",
            site.hub.cursor()
        );
        block_on(async {
            let mut wire = patiently(Wire::connect(transport, &site)).await;
            let asked = wire.ask(&target);
            let answered = async {
                site.wait_for_connections(1);
                site.say("news", "hello").await;
            };
            let (response, ()) = futures::future::join(asked, answered).await;
            assert_eq!(messages(response.expect("an answer")).await, ["hello"]);
            let mut again = wire.get(&target).await;
            assert_eq!(messages(again).await, ["hello"], "on the same connection");
            again = wire.get("/poll?topic=news").await;
            assert_eq!(messages(again).await, [""; 0]);
        });
        site.wait_for_connections(0);
        let mut wire = block_on(Wire::connect(transport, &site));
        let cursor = site.hub.cursor();
        let waiting = wire.ask(&format!("/poll?topic=news&wait=55&last_event_id={cursor}"));
        let waiting = smol::spawn(waiting);
        site.wait_for_connections(1);
        drop((waiting, wire));
        site.wait_for_connections(0);
    }
}

#[test]
fn polls_that_wait_on_a_connection_of_http2_leave_room_for_others() {
    const POLLS: usize = 100;
    let site = Site::start(false, |_| {});
    block_on(async {
        let mut wire = Wire::connect(Transport::Http2, &site).await;
        let cursor = site.hub.cursor();
        let target = format!("/poll?topic=news&wait=55&last_event_id={cursor}");
        let polls: Vec<_> = (0..POLLS).map(|_| smol::spawn(wire.ask(&target))).collect();
        site.wait_for_connections(POLLS);
        assert_eq!(wire.get("/health").await.status(), 200);
        site.say("news", "for all").await;
        for poll in polls {
            assert_eq!(messages(poll.await.expect("an answer")).await, ["for all"]);
        }
    });
}

#[test]
fn more_polls_can_wait_than_requests_are_answered_at_a_time() {
    const POLLS: usize = 300;
    let server = Server::start(&[]);
    let mut pollers: Vec<_> = (0..POLLS)
        .map(|_| Poller::start(server.address, "topic=news&wait=55"))
        .collect();
    for poller in &mut pollers {
        // As the first of its connection, which has a place among those that are answered.
        poller.leave(false);
        poller.ask("");
    }
    server.wait_for_stat("connections", POLLS as u64);
    assert_eq!(server.get("/health").status, 200);
    server.stream("topic=news").connected();
    server.say("news", "for all");
    for poller in &mut pollers {
        let said = poller.answered();
        assert_eq!(said.last().map(|one| &*one.data), Some("for all"));
    }
}

#[test]
fn a_server_that_stops_answers_the_polls_that_wait() {
    let mut server = Server::start(&["--drain", "60s"]);
    let mut pollers: Vec<_> = (0..20)
        .map(|_| Poller::start(server.address, "topic=news&wait=55"))
        .collect();
    for poller in &mut pollers {
        poller.ask("");
    }
    server.wait_for_stat("connections", 20);
    server.say("news", "the last");
    for poller in &mut pollers {
        let said = poller.answered();
        assert_eq!(said.last().map(|one| &*one.data), Some("the last"));
        poller.ask("");
    }
    server.wait_for_stat("connections", 20);
    server.program.signal(Signal::TERM);
    for poller in &mut pollers {
        let said = poller.answered();
        let bye = said.last().expect("it is told why");
        assert_eq!(bye.event, "bye", "{said:?}");
        assert_eq!(bye.json()["reason"], "drain");
        assert!(
            bye.retry.is_some() && !poller.cursor.ends_with('!'),
            "{bye:?}"
        );
    }
    assert!(server.program.wait().success());
}

#[test]
fn polls_that_wait_are_counted_by_themselves() {
    let server = Server::start(&[]);
    let metrics = |name: &str| {
        let metrics = Metrics::parse(&server.get("/metrics").text());
        metrics.samples[name]
    };
    let waiting = r#"tidings_connections{transport="poll"}"#;
    assert_eq!(metrics(waiting), 0.0);
    let mut poller = Poller::start(server.address, "topic=news&wait=55");
    poller.ask("");
    eventually("it waits", || {
        let seen = metrics(waiting);
        (seen == 1.0).then_some(()).ok_or(seen)
    });
    poller.leave(false);
    eventually("it is gone", || {
        let seen = metrics(waiting);
        (seen == 0.0).then_some(()).ok_or(seen)
    });
    assert_eq!(metrics("tidings_connection_duration_seconds_count"), 0.0);
}
