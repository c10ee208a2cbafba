//! Which responses open a stream, section 9.2.3 of the standard.

use crate::{client_in, drain};
use tidings_core::{ClientOptions, ClientState, Response};

#[track_caller]
fn check(response: Response<'_>, expected: &str) {
    let mut client = client_in(ClientState::Connecting, ClientOptions::new(1));
    client.handle_response(0, response);
    assert_eq!(drain(&mut client).pop().expect("an output"), expected);
}

#[test]
fn content_types() {
    for opens in [
        "text/event-stream",
        "TEXT/Event-Stream",
        "text/event-stream;charset=utf-8",
        "text/event-stream; charset=latin1; x=\"a,b\"",
        " \ttext/event-stream \t; x",
        "text/event-stream;",
        "text/html, text/event-stream",
        "text/event-stream, text/event-stream",
        "text/event-stream, nonsense",
        "text/event-stream, */*",
        "text/event-stream, text/",
        "text/event-stream, /html",
        "text/event-stream;x=\"a\\\",\", ",
    ] {
        check(
            Response::new(200).with_content_type(opens.as_bytes()),
            "open",
        );
    }
    for fails in [
        "",
        "text/plain",
        "text/event-stream-x",
        "text/event stream",
        "text /event-stream",
        "event-stream",
        "text/",
        "/event-stream",
        "text/event-stream, text/html",
        "text/html; x=\", text/event-stream\"",
        "text/event-stream/x",
        "text/html; x=\"\\\", text/event-stream;\"",
        "text/html; x=\\\", text/event-stream;\"",
        "application/json",
    ] {
        let response = Response::new(200).with_content_type(fails.as_bytes());
        check(response, "failed: ContentType");
    }
    check(Response::new(200), "failed: ContentType");
}

#[test]
fn statuses() {
    for status in [
        0, 100, 199, 201, 206, 301, 307, 400, 401, 403, 404, 429, 500, 503,
    ] {
        let response = Response::new(status).with_content_type(b"text/event-stream");
        check(response, &format!("failed: Status({status})"));
    }
    check(Response::new(204), "failed: NoContent");
}

#[test]
fn a_resilient_client_tries_again_but_for_a_204() {
    let options = ClientOptions {
        resilient: true,
        ..ClientOptions::new(1)
    };
    for (response, state, outputs) in [
        (
            Response::new(429),
            ClientState::Reconnecting,
            "disconnect: Status(429)",
        ),
        (
            Response::new(401),
            ClientState::Reconnecting,
            "disconnect: Status(401)",
        ),
        (
            Response::new(200),
            ClientState::Reconnecting,
            "disconnect: ContentType",
        ),
        (
            Response::new(204),
            ClientState::Failed,
            "disconnect: NoContent, failed: NoContent",
        ),
    ] {
        let mut client = client_in(ClientState::Connecting, options.clone());
        client.handle_response(0, response);
        assert_eq!(client.state(), state);
        assert_eq!(drain(&mut client).join(", "), outputs);
    }
}

#[test]
fn retry_after_is_waited_for() {
    let options = ClientOptions {
        resilient: true,
        ..ClientOptions::new(1)
    };
    let wait = |response| {
        let mut client = client_in(ClientState::Connecting, options.clone());
        client.handle_response(7, response);
        client.poll_timeout().expect("a delay") - 7
    };
    assert_eq!(wait(Response::new(503).with_retry_after(20_000)), 20_000);
    let delay = wait(Response::new(503));
    assert!((800..=1_200).contains(&delay));
    assert_eq!(
        wait(Response::new(503).with_retry_after(3)),
        delay,
        "no less than without"
    );
}
