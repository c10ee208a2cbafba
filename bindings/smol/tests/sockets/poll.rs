//! `GET /poll`: what a stream would send, in answers that have an end.

mod random;
mod waiting;

use crate::support::guarded::{now_s, reading, sign};
use crate::support::{
    Client, Managed, Poller, Received, Server, Site, error_code, reader, token_of,
};
use tidings_smol::server::{NewToken, Rate};

#[test]
fn a_poll_without_a_cursor_says_where_the_log_ends() {
    let server = Server::start(&[]);
    server.say("news", "before");
    let mut poller = Poller::new(server.address, "topic=news");
    poller.ask("wait=55");
    let response = poller.answer();
    assert_eq!(response.status, 200);
    assert_eq!(response.header("cache-control"), Some("no-store"));
    let said = poller.take(&response);
    assert_eq!(said.len(), 1, "{said:?}");
    let connected = said[0].json();
    assert_eq!(connected["topics"][0], "news");
    assert_eq!(connected["cursor"], *poller.cursor);
    server.say("news", "after");
    assert_eq!(poller.messages(1), ["after"]);
}

#[test]
fn what_is_there_comes_at_once_and_in_order() {
    let server = Server::start(&[]);
    let mut poller = Poller::start(server.address, "topic=news&wait=55");
    for number in 0..3 {
        server.say("news", &number.to_string());
        server.say("other", "not for it");
    }
    let said = poller.poll("");
    let data: Vec<_> = said.iter().skip(1).map(|one| &*one.data).collect();
    assert_eq!((&*said[0].event, data), ("connected", vec!["0", "1", "2"]));
    assert_eq!(said[3].id, poller.cursor);
}

#[test]
fn the_query_says_where_to_go_on_and_the_header_wins() {
    let server = Server::start(&[]);
    for number in 0..3 {
        server.say("news", &number.to_string());
    }
    let mut poller = Poller::new(server.address, "topic=news&last_event_id=earliest");
    let said = poller.poll("");
    assert_eq!(said.len(), 4, "{said:?}");
    poller.cursor.clone_from(&said[1].id);
    assert_eq!(poller.messages(2), ["1", "2"]);
}

#[test]
fn a_poll_waits_for_the_first_event() {
    let server = Server::start(&[]);
    let mut poller = Poller::start(server.address, "topic=news&wait=55");
    for number in 0..3 {
        poller.ask("");
        server.wait_for_stat("connections", 1);
        server.say("other", "not for it");
        server.say("news", &number.to_string());
        let said = poller.answered();
        assert_eq!(said[1].data, number.to_string(), "{said:?}");
        server.wait_for_stat("connections", 0);
    }
}

#[test]
fn a_poll_that_waited_in_vain_has_moved_on() {
    let server = Server::start(&[]);
    let mut poller = Poller::start(server.address, "topic=news");
    let before = poller.cursor.clone();
    for wait in ["wait=0", "wait=1"] {
        let published = server.say("other", "not for it");
        let said = poller.poll(wait);
        assert_eq!(said.len(), 1, "{said:?}");
        assert_ne!(poller.cursor, before);
        assert_eq!(published["id"], *poller.cursor, "it stands at the end");
    }
}

#[test]
fn answers_are_bounded_and_their_events_whole() {
    let server = Server::start(&[]);
    let mut poller = Poller::start(server.address, "topic=news");
    let small = |number: usize| format!("{number}:{}", "x".repeat(1_000));
    let large = "y".repeat(900_000);
    for number in 0..200 {
        server.say("news", &small(number));
    }
    server.say("news", &large);
    server.say("news", "last");
    let mut data = Vec::new();
    while data.last().is_none_or(|last| last != "last") {
        poller.ask("");
        let response = poller.answer();
        let said = poller.take(&response);
        let messages: Vec<_> = said.into_iter().filter(Received::is_message).collect();
        let longest = messages.iter().map(|one| one.data.len()).max();
        let bound = (64 << 10) + longest.unwrap_or_default();
        assert!(!messages.is_empty() && response.body.len() <= bound);
        data.extend(messages.into_iter().map(|one| one.data));
    }
    let expected = (0..200).map(small).chain([large, "last".to_owned()]);
    assert!(data.into_iter().eq(expected));
}

#[test]
fn the_values_of_a_class_that_keeps_the_latest_come_in_as_many_polls_as_they_need() {
    let site = Site::start(false, |options| {
        let mut class = tidings_smol::ClassOptions::new(["prices/*"]);
        class.latest = true;
        options.driver.hub.classes = vec![class];
    });
    let value = |number: usize| format!("{number}:{}", "x".repeat(2_000));
    smol::block_on(async {
        for number in 0..100 {
            site.say(&format!("prices/{number}"), "old").await;
            site.say(&format!("prices/{number}"), &value(number)).await;
        }
    });
    let mut poller = Poller::new(site.address, "topic=prices/*");
    assert_eq!(
        poller.messages(100),
        (0..100).map(value).collect::<Vec<_>>()
    );
    assert_eq!(poller.poll("wait=0").len(), 1, "there are no others");
}

#[test]
fn what_cannot_be_asked_for_is_refused_with_a_status() {
    let server = Server::start(&[]);
    for (target, code) in [
        ("/poll?wait=56", "invalid_wait"),
        ("/poll?wait=soon&soft=1", "invalid_wait"),
        ("/poll?wait=1&wait=1", "repeated_parameter"),
        ("/poll?topics=a", "unknown_parameter"),
        ("/poll?topic=&soft=1", "invalid_topic"),
        ("/poll?tab=1", "invalid_tab"),
    ] {
        let response = server.get(target);
        assert_eq!(response.status, 400, "{target}");
        assert_eq!(error_code(&response), code, "{target}");
    }
    for method in ["HEAD", "POST", "DELETE"] {
        let response = server.request(method, "/poll", "");
        assert_eq!(response.status, 405, "{method}");
        assert_eq!(response.header("allow"), Some("GET"));
    }
    let mut client = Client::connect(server.address);
    let headers = ["host: elsewhere.example"];
    let response = client.request_with("GET /poll HTTP/1.1", &headers, b"");
    assert_eq!(response.status, 421);
}

#[test]
fn a_tab_polls_as_fast_as_it_is_answered_and_gives_way_to_another() {
    let server = Server::start(&["--shards", "2"]);
    let tab = "topic=news&tab=0123456789abcdef";
    let mut poller = Poller::start(server.address, tab);
    for number in 0..50 {
        server.say("news", &number.to_string());
        assert_eq!(poller.messages(1), [number.to_string()]);
    }
    poller.ask("wait=55");
    server.wait_for_stat("connections", 1);
    let mut other = Poller::start(server.address, tab);
    let said = poller.answered();
    let bye = said.last().expect("it is told why");
    assert_eq!(
        (&*bye.event, &bye.json()["reason"]),
        ("bye", &"superseded".into())
    );
    assert!(poller.cursor.ends_with('!'), "{bye:?}");
    poller.ask("");
    assert_eq!(poller.answer().status, 204);
    server.say("news", "for the other");
    assert_eq!(other.messages(1), ["for the other"]);
}

#[test]
fn polls_that_come_too_fast_wait_for_their_turn_and_streams_do_not_mind() {
    let site = Site::start(false, |options| {
        options.limits.opens_per_user = Rate::new(4, 1);
    });
    let mut poller = Poller::start(site.address, "topic=news&user=ada");
    let numbers: Vec<_> = (0..5).map(|number| number.to_string()).collect();
    for number in &numbers {
        smol::block_on(site.say("news", number));
        assert_eq!(poller.messages(1), [number.as_str()]);
    }
    crate::support::Stream::open(site.address, "user=ada", "").connected();
}

#[test]
fn more_polls_than_ever_get_their_turn_are_refused() {
    let site = Site::start(false, |options| {
        options.limits.opens_per_user = Rate::new(1, 1);
    });
    let cursor = site.hub.cursor().to_string();
    let mut pollers: Vec<_> = (0..20)
        .map(|_| {
            let mut poller = Poller::new(site.address, "topic=news&user=ada");
            poller.cursor.clone_from(&cursor);
            poller.ask("wait=0");
            poller
        })
        .collect();
    let answers: Vec<_> = pollers.iter_mut().map(Poller::answer).collect();
    let (answered, refused): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.status == 200);
    assert!(!answered.is_empty() && !refused.is_empty());
    for response in refused {
        assert_eq!(response.status, 429, "{response:?}");
        assert_eq!(error_code(&response), "opening_too_fast");
    }
}

#[test]
fn whoever_may_not_read_is_refused_and_reads_what_their_token_says() {
    let server = Managed::start();
    let query = "/poll?topic=news";
    assert_eq!(server.get(query, "").status, 401);
    assert_eq!(server.get(query, "x.y.z").status, 401);
    let ada = reader("ada", &["news"]);
    assert_eq!(server.get("/poll?topic=other", &ada).status, 403);
    assert_eq!(
        error_code(&server.get("/poll?user=bob", &ada)),
        "unexpected_user"
    );
    let mut poller = Poller::new(server.site.address, "topic=news&wait=55");
    poller.headers = vec![format!("authorization: Bearer {ada}")];
    assert_eq!(poller.poll("")[0].json()["user"], "ada");
    poller.ask("");
    server.site.wait_for_connections(1);
    let revoked = serde_json::json!({ "user": "ada" });
    let response = server.post("/revocations", &crate::support::admin(), &revoked);
    assert_eq!(response.status, 200, "{response:?}");
    let said = poller.answered();
    assert_eq!(said.last().expect("a word").event, "bye", "{said:?}");
    poller.ask("");
    assert_eq!(poller.answer().status, 401);
}

#[test]
fn a_token_that_ends_soon_lets_a_poll_wait_and_then_ends_it() {
    let server = Managed::start();
    let token = sign(&NewToken {
        expires_s: Some(now_s() + 3),
        ..token_of("ada", reading(&["news"]))
    });
    let mut poller = Poller::new(server.site.address, "topic=news&wait=55");
    poller.headers = vec![format!("authorization: Bearer {token}")];
    poller.poll("");
    let said = poller.poll("");
    let types: Vec<_> = said.iter().map(|one| &*one.event).collect();
    assert_eq!(types, ["connected", "reauth", "bye"]);
    assert_eq!(said[2].json()["reason"], "expired");
    poller.ask("");
    assert_eq!(poller.answer().status, 401);
}

#[test]
fn the_log_does_not_name_each_poll() {
    let server = Server::start(&["--log-level", "info"]);
    let mut poller = Poller::start(server.address, "topic=news");
    server.say("news", "hello");
    assert_eq!(poller.messages(1), ["hello"]);
    server.stream("topic=news").connected();
    server.program.wait_for_stderr("disconnected");
    let lines = server.program.stderr();
    let named = lines.iter().filter(|line| line.contains("connected"));
    assert_eq!(named.count(), 2, "only the stream is: {lines:?}");
}
