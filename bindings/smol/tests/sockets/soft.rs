//! Refusals that an `EventSource` can see, and clients that stay away when they are told to.

use crate::support::guarded::{reading, sign};
use crate::support::{
    Client, Managed, Received, Response, Site, Stream, Transport, Wire, assert_spread, block_on,
    eventually, reader, token_of,
};
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use std::time::Duration;
use tidings_smol::WhenFull;

/// The one event of a soft refusal.
fn refusal(server: &Managed, query: &str, token: &str, id: &str) -> Received {
    let mut client = server.ask_for_stream(query, token, id);
    let head = client.peek_head();
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    assert!(
        head.contains("\r\ncontent-type: text/event-stream\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\ncache-control: no-cache"), "{head}");
    let response = client.response();
    let body = response.text();
    let mut decoder = tidings_core::Decoder::new(Default::default());
    let mut input = body.as_bytes();
    let mut events = Vec::new();
    while let Some(item) = decoder.decode(&mut input).expect("a valid stream") {
        if let tidings_core::Item::Event(event) = item {
            events.push(Received {
                event: event.event().into_owned(),
                data: event.data().into_owned(),
                id: event.id().into_owned(),
                retry: event.retry(),
            });
        }
    }
    assert_eq!(events.len(), 1, "{body}");
    let bye = events.remove(0);
    assert_eq!(bye.event, "bye");
    let message = bye.json()["message"].clone();
    assert!(
        message.as_str().is_some_and(|text| !text.is_empty()),
        "{bye:?}"
    );
    bye
}

fn plain(server: &Managed, query: &str, token: &str, id: &str) -> Response {
    server.ask_for_stream(query, token, id).response()
}

#[test]
fn what_will_be_refused_again_is_said_once_and_then_204() {
    let server = Managed::start();
    let token = reader("ada", &["news"]);
    for (query, token, status, code) in [
        ("topic=news", "", 401, "unauthenticated"),
        ("topic=news", "nonsense", 401, "invalid_token"),
        ("topic=secret", &*token, 403, "forbidden"),
        ("topics=news", &token, 400, "unknown_parameter"),
        ("topic=a*", &token, 403, "forbidden"),
        ("user=bob", &token, 400, "unexpected_user"),
        ("tab=1&tab=2", &token, 400, "repeated_parameter"),
    ] {
        let refused = plain(&server, query, token, "");
        assert_eq!(refused.status, status, "{query}");
        assert_eq!(refused.json()["error"]["code"], code);
        let soft = format!("{query}&soft=1");
        for id in ["", "7~1"] {
            let bye = refusal(&server, &soft, token, id);
            assert_eq!(bye.json()["reason"], code, "{query}");
            assert_eq!(bye.json()["message"], refused.json()["error"]["message"]);
            assert_eq!(bye.json()["retry_ms"], serde_json::Value::Null);
            assert_eq!(bye.id, format!("{id}!"), "the client can tell where it was");
            let back = plain(&server, &soft, token, &bye.id);
            assert_eq!(back.status, 204, "{query}");
            assert!(back.body.is_empty());
            assert_eq!(plain(&server, query, token, &bye.id).status, 204);
        }
    }
}

#[test]
fn whoever_is_revoked_hears_it_softly_too() {
    let server = Managed::start();
    let token = reader("ada", &["news"]);
    let target = serde_json::json!({ "token_id": "token of ada" });
    server.post("/revocations", &crate::support::admin(), &target);
    let bye = refusal(&server, "topic=news&soft=1", &token, "");
    assert_eq!(bye.json()["reason"], "token_revoked");
    assert!(bye.id.ends_with('!'));
}

#[test]
fn what_may_be_otherwise_later_says_when_to_come_back_and_not_all_at_once() {
    let server = Managed::start_with(|options| {
        options.driver.hub.limits.user_connections = 1;
    });
    let token = reader("ada", &["news"]);
    let mut first = server.stream("topic=news", &token);
    first.connected();
    let (mut delays, mut seconds) = (Vec::new(), Vec::new());
    for _ in 0..20 {
        let refused = plain(&server, "topic=news", &token, "");
        assert_eq!(refused.status, 429);
        let after = refused.header("retry-after").expect("it says when");
        seconds.push(after.parse::<u64>().expect("a number"));
        let bye = refusal(&server, "topic=news&soft=1", &token, "7~1");
        assert_eq!(bye.json()["reason"], "too_many_user_connections");
        assert_eq!(bye.id, "", "it comes back to where it was");
        assert_eq!(bye.json()["retry_ms"].as_u64(), bye.retry);
        delays.extend(bye.retry);
    }
    assert!(
        delays.iter().all(|ms| (5_000..=10_000).contains(ms)),
        "{delays:?}"
    );
    assert!(
        seconds.iter().all(|seconds| (5..=10).contains(seconds)),
        "{seconds:?}"
    );
    for list in [&mut delays, &mut seconds] {
        list.sort_unstable();
        list.dedup();
        assert!(list.len() > 1, "they are spread: {list:?}");
    }
    drop(first);
    eventually("there is room again", || {
        let mut client = server.ask_for_stream("topic=news&soft=1", &token, "");
        let head = client.peek_head();
        // A stream has no length.
        (!head.contains("content-length")).then_some(()).ok_or(head)
    });
}

#[test]
fn a_server_that_is_full_says_so_softly_too() {
    let server = Managed::start_with(|options| options.connections = Some(1));
    let token = reader("ada", &["news"]);
    server.stream("topic=news", &token).connected();
    let mut kept = eventually("the first has left", || {
        let mut client = server.ask_for_stream("topic=news", &token, "");
        let head = client.peek_head();
        let is_stream = head.starts_with("HTTP/1.1 200 ");
        is_stream.then(|| Stream::of(client)).ok_or(head)
    });
    kept.connected();
    // A request that comes later than its connection is refused before it says how.
    let bye = eventually("a request comes with its connection", || {
        let response = plain(&server, "topic=news&soft=1", &token, "");
        match response.status {
            200 => Ok(response.text()),
            status => Err(status),
        }
    });
    assert!(bye.contains("\"reason\":\"too_many_connections\""), "{bye}");
    let refused = plain(&server, "topic=news", &token, "");
    assert_eq!(refused.status, 503);
    assert_spread(refused.header("retry-after"), 2);
}

#[test]
fn softness_is_asked_for_in_one_way() {
    let server = Managed::start();
    let token = reader("ada", &["news"]);
    for soft in [
        "soft=0",
        "soft=true",
        "soft=",
        "soft=1&soft=1&soft=0",
        "soft=01",
    ] {
        let response = plain(&server, &format!("topic=news&{soft}"), &token, "");
        assert_eq!(response.status, 400, "{soft}");
    }
    let twice = refusal(&server, "topic=news&soft=1&soft=1", &token, "");
    assert_eq!(twice.json()["reason"], "repeated_parameter");
    server.stream("topic=news&soft=1", &token).connected();
    let other = server.get("/stats?soft=1", "");
    assert_eq!(other.status, 401, "only streams are refused softly");
}

#[test]
fn over_every_transport_refusals_are_the_same() {
    for transport in Transport::ALL {
        let site = Site::start(transport.is_secure(), |options| {
            options.driver.hub.limits.user_connections = 1;
        });
        block_on(async {
            let mut wire = Wire::connect(transport, &site).await;
            for (target, id, status, word) in [
                ("/events?topics=a&soft=1", "", 200, "event: bye\n"),
                ("/events?topics=a&soft=1", "!", 204, ""),
                ("/events?topics=a", "", 400, "unknown_parameter"),
            ] {
                let request = Request::get(target).header("last-event-id", id);
                let request = request.body(Full::default()).expect("a request");
                let response = wire.try_send(request).await.expect("an answer");
                assert_eq!(response.status(), status, "{target} over {transport:?}");
                let body = response.into_body().collect().await.expect("a body");
                let body = String::from_utf8(body.to_bytes().to_vec()).expect("text");
                assert!(body.contains(word), "{body} over {transport:?}");
            }
        });
    }
}

/// What an `EventSource` does: it comes back after the delay, with the last id, until it is told
/// that there is nothing for it.
struct EventSource<'a> {
    server: &'a Managed,
    query: &'a str,
    token: &'a str,
    last_event_id: String,
    delay: Duration,
    attempts: usize,
}

impl<'a> EventSource<'a> {
    fn new(server: &'a Managed, query: &'a str, token: &'a str) -> Self {
        Self {
            server,
            query,
            token,
            last_event_id: String::new(),
            delay: Duration::from_millis(50),
            attempts: 0,
        }
    }

    /// One attempt: a stream, or none where it is to stop.
    fn connect(&mut self) -> Option<Stream> {
        self.attempts += 1;
        let asked = self
            .server
            .ask_for_stream(self.query, self.token, &self.last_event_id);
        let mut client: Client = asked;
        let head = client.peek_head();
        if head.starts_with("HTTP/1.1 204 ") {
            return None;
        }
        Some(Stream::of(client))
    }

    /// Reads a stream to its end, as the event loop of a page does.
    fn read(&mut self, mut stream: Stream) -> Vec<Received> {
        let events = stream.rest();
        for event in &events {
            self.last_event_id.clone_from(&event.id);
            self.delay = event.retry.map_or(self.delay, Duration::from_millis);
        }
        std::thread::sleep(self.delay);
        events
    }
}

#[test]
fn two_pages_of_a_user_who_may_have_one_stream_do_not_fight() {
    let server = Managed::start_with(|options| {
        let hub = &mut options.driver.hub;
        hub.limits.user_connections = 1;
        hub.limits.when_user_full = WhenFull::ReplaceOldest;
        hub.deadlines.retry_ms = 50;
    });
    let token = sign(&token_of("ada", reading(&["news"])));
    for query in ["topic=news", "topic=news&soft=1"] {
        let mut older = EventSource::new(&server, query, &token);
        let mut newer = EventSource::new(&server, query, &token);
        let stream = older.connect().expect("it is the first");
        let mut newest = newer.connect().expect("it takes the place of the first");
        newest.connected();
        let events = older.read(stream);
        assert_eq!(
            events.last().map(|bye| bye.json()["reason"].clone()),
            Some("replaced".into())
        );
        assert!(older.connect().is_none(), "it is told to stay away");
        server.say("news", "for the newer");
        assert_eq!(newest.messages(1), ["for the newer"]);
        assert_eq!((older.attempts, newer.attempts), (2, 1));
        drop(newest);
        eventually("it is closed", || {
            let listed = server.seen_by_admin("/connections");
            let open = listed["connections"].as_array().map_or(0, Vec::len);
            (open == 0).then_some(()).ok_or(listed)
        });
    }
}

#[test]
fn a_page_that_is_refused_for_good_stops_by_itself() {
    let server = Managed::start();
    let token = reader("ada", &["news"]);
    let mut page = EventSource::new(&server, "topic=secret&soft=1", &token);
    page.delay = Duration::ZERO;
    let mut client = server.ask_for_stream(page.query, page.token, "");
    let response = client.response();
    assert!(response.text().contains("id: !\n"), "{response:?}");
    page.last_event_id = "!".into();
    assert!(page.connect().is_none());
}
