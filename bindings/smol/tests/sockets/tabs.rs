//! Tabs: a newer stream of a tab closes the older, and the older stays away.

use crate::support::{Server, assert_spread, error_code, header};

const TAB: &str = "tab=0123456789abcdef";

#[test]
fn a_newer_stream_of_a_tab_closes_the_older_for_good() {
    let server = Server::start(&[]);
    let mut older = server.stream(&format!("topic=news&{TAB}"));
    older.connected();
    let mut newer = server.stream(&format!("topic=news&{TAB}"));
    newer.connected();
    let bye = older.expect("bye");
    assert_eq!(bye.json()["reason"], "superseded");
    assert!(bye.id.ends_with('!'), "{bye:?}");
    older.expect_end();
    server.say("news", "for the newer");
    assert_eq!(newer.messages(1), ["for the newer"]);
    server.wait_for_stat("closed.superseded", 1);
}

#[test]
fn whoever_comes_back_with_the_last_word_of_a_closed_tab_gets_204() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    let headers = ["host: localhost", "last-event-id: 5f3a9c1b~7!"];
    let response = client.request_with("GET /events?topic=news HTTP/1.1", &headers, b"");
    assert_eq!(response.status, 204);
    assert!(response.body.is_empty());
    assert_eq!(server.stats()["opened"], 0);
}

#[test]
fn a_tab_closes_an_older_stream_at_most_once_a_second() {
    let server = Server::start(&[]);
    let mut streams = Vec::new();
    for _ in 0..2 {
        let mut stream = server.stream(&format!("topic=news&{TAB}"));
        stream.connected();
        streams.push(stream);
    }
    // On a machine that is busy for a second this one may be let in: then the next comes too soon.
    let refused = (0..10).find_map(|_| {
        let response = server.connect();
        let mut client = response;
        let request = client.bytes_of("GET", &format!("/events?topic=news&{TAB}"), "");
        client.send(request);
        let head = client.head();
        head.starts_with("HTTP/1.1 503 ").then_some((head, client))
    });
    let (head, _) = refused.expect("one of them comes too soon");
    assert_spread(header(&head, "retry-after"), 1);
}

#[test]
fn a_tab_is_the_users_own() {
    let server = Server::start(&[]);
    let mut ada = server.stream("topic=news&user=ada&tab=1");
    let mut bob = server.stream("topic=news&user=bob&tab=1");
    ada.connected();
    bob.connected();
    server.say("news", "both are open");
    assert_eq!(ada.messages(1), ["both are open"]);
    assert_eq!(bob.messages(1), ["both are open"]);
}

#[test]
fn a_tab_without_a_user_must_be_hard_to_guess() {
    let server = Server::start(&[]);
    let response = server.get("/events?topic=news&tab=1");
    assert_eq!(response.status, 400);
    assert_eq!(error_code(&response), "invalid_tab");
}
