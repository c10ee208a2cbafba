//! What each call does in each state.

use crate::{OK, client_in, data, drain};
use ClientState::{Closed, Connected, Connecting, Failed, Idle, Reconnecting};
use tidings_core::{Client, ClientOptions, ClientState, Response};

/// State, call, next state, outputs. A call that is not here changes nothing at all.
const TABLE: &str = "
    Idle          connect    Connecting    connect
    Idle          close      Closed
    Connecting    close      Closed        disconnect: Closed
    Connecting    accepted   Connected     open
    Connecting    refused    Failed        disconnect: Status(500), failed: Status(500)
    Connecting    no_content Failed        disconnect: NoContent, failed: NoContent
    Connecting    end        Reconnecting
    Connecting    error      Reconnecting
    Connecting    timeout    Reconnecting  disconnect: ConnectTimeout
    Connected     close      Closed        disconnect: Closed
    Connected     data       Connected
    Connected     excess     Failed        disconnect: Decode(TOO_LARGE), failed: Decode(TOO_LARGE)
    Connected     end        Reconnecting
    Connected     error      Reconnecting
    Connected     timeout    Reconnecting  disconnect: IdleTimeout
    Reconnecting  connect    Connecting    connect
    Reconnecting  close      Closed
    Reconnecting  timeout    Connecting    connect
    Failed        connect    Connecting    connect
    Failed        close      Closed
    Closed        connect    Connecting    connect
";

/// The same for a client that is to be resilient, where it differs.
const RESILIENT: &str = "
    Connecting    refused    Reconnecting  disconnect: Status(500)
    Connected     excess     Reconnecting  disconnect: Decode(TOO_LARGE)
";

const STATES: [ClientState; 6] = [Idle, Connecting, Connected, Reconnecting, Failed, Closed];

type Call = (&'static str, fn(&mut Client));

const CALLS: [Call; 11] = [
    ("connect", |client| client.connect(5)),
    ("close", Client::close),
    ("accepted", |client| client.handle_response(5, OK)),
    ("refused", |client| answer(client, 500)),
    ("no_content", |client| answer(client, 204)),
    ("data", |client| _ = data(client, 5, b"data: a\n\n")),
    ("excess", |client| _ = data(client, 5, b"data: 12345678901")),
    ("end", |client| client.handle_end(5)),
    ("error", |client| client.handle_error(5)),
    ("timeout", |client| timeout(client, 0)),
    ("too_early", |client| timeout(client, 1)),
];

fn answer(client: &mut Client, status: u16) {
    client.handle_response(5, Response::new(status));
}

fn timeout(client: &mut Client, early_ms: u64) {
    let deadline = client.poll_timeout().unwrap_or(1_000_000);
    client.handle_timeout(deadline - early_ms);
}

fn rows(table: &str) -> impl Iterator<Item = (&str, &str, &str, String)> {
    table.lines().filter_map(|row| {
        let mut words = row.split_whitespace();
        let (state, call, next) = (words.next()?, words.next()?, words.next()?);
        let outputs = words.collect::<Vec<_>>().join(" ");
        let too_large = "EventTooLarge { limit_bytes: 10, offset: 16 }";
        Some((state, call, next, outputs.replace("TOO_LARGE", too_large)))
    })
}

#[test]
fn the_table_holds() {
    for resilient in [false, true] {
        let mut options = ClientOptions {
            resilient,
            ..ClientOptions::new(1)
        };
        options.decode.event_bytes = 10;
        let table: Vec<_> = if resilient {
            rows(RESILIENT).chain(rows(TABLE)).collect()
        } else {
            rows(TABLE).collect()
        };
        for state in STATES {
            for (name, call) in CALLS {
                if resilient && state == Failed {
                    continue; // Only a 204 or the limit on attempts leads there.
                }
                let mut client = client_in(state, options.clone());
                let before = format!("{client:?}");
                call(&mut client);
                let row = table
                    .iter()
                    .find(|row| row.0 == format!("{state:?}") && row.1 == name);
                let case = format!("{name} when {state:?}, resilient: {resilient}");
                match row {
                    Some((_, _, next, outputs)) => {
                        assert_eq!(format!("{:?}", client.state()), **next, "{case}");
                        assert_eq!(drain(&mut client).join(", "), **outputs, "{case}");
                    }
                    None => assert_eq!(format!("{client:?}"), before, "{case}"),
                }
            }
        }
    }
}

#[test]
fn there_is_a_deadline_wherever_the_client_waits() {
    for state in STATES {
        let client = client_in(state, ClientOptions::new(1));
        let expected = match state {
            Idle | Failed | Closed => None,
            Connecting => Some(30_000),
            Connected => Some(90_000),
            Reconnecting => {
                let deadline = client.poll_timeout().expect("a delay");
                assert!((800..=1_200).contains(&deadline), "{deadline}");
                continue;
            }
        };
        assert_eq!(client.poll_timeout(), expected, "{state:?}");
    }
    let endless = ClientOptions {
        connect_timeout_ms: None,
        idle_timeout_ms: None,
        ..ClientOptions::new(1)
    };
    assert_eq!(client_in(Connecting, endless.clone()).poll_timeout(), None);
    assert_eq!(client_in(Connected, endless).poll_timeout(), None);
}

#[test]
fn every_byte_is_a_sign_of_life() {
    let mut client = client_in(Connected, ClientOptions::new(1));
    for (now, bytes) in [
        (10, &b":"[..]),
        (20, b"\n"),
        (30, b"data: a\n"),
        (40, b"\n"),
    ] {
        data(&mut client, now, bytes);
        assert_eq!(client.poll_timeout(), Some(now + 90_000));
    }
    data(&mut client, 50, b"");
    assert_eq!(client.poll_timeout(), Some(90_040), "nothing is no sign");
}

#[test]
fn events_come_with_ids_that_survive_a_reconnect() {
    let mut client = client_in(Connected, ClientOptions::new(1));
    let stream = b"id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: c\n";
    assert_eq!(data(&mut client, 0, stream), ["a", "b"]);
    client.handle_end(10);
    assert_eq!(
        data(&mut client, 10, b"\n"),
        [""; 0],
        "the stream has ended"
    );
    client.connect(20);
    assert_eq!(drain(&mut client), ["connect after 2"]);
    client.handle_response(30, OK);
    assert_eq!(
        data(&mut client, 40, b"\ndata: c\n\n"),
        ["c"],
        "the rest of the old is gone"
    );
    assert_eq!(client.last_event_id(), "2");
    client.close();
    assert_eq!(client.last_event_id(), "2");
}

#[test]
fn a_new_stream_may_begin_with_a_byte_order_mark() {
    let mut client = client_in(Connected, ClientOptions::new(1));
    assert_eq!(data(&mut client, 0, b"data: a"), [""; 0]);
    client.handle_error(10);
    client.connect(20);
    drain(&mut client);
    client.handle_response(30, OK);
    assert_eq!(
        data(&mut client, 40, "\u{feff}data: b\n\n".as_bytes()),
        ["b"]
    );
}

#[test]
fn an_event_is_borrowed_from_the_input() {
    let mut client = client_in(Connected, ClientOptions::new(1));
    let chunk = b"retry: 5\n: comment\nid: 1\ndata: hello\n\n";
    let mut input = &chunk[..];
    let event = client.handle_data(0, &mut input).expect("an event");
    assert!(chunk.as_ptr_range().contains(&event.data_bytes().as_ptr()));
    assert_eq!((event.id().as_ref(), event.has_id()), ("1", true));
    assert_eq!(client.retry_ms(), 5);
}

#[test]
fn comments_have_no_limit_even_if_asked_for() {
    let mut options = ClientOptions::new(1);
    options.decode.event_bytes = 10;
    options.decode.comments = true;
    let mut client = client_in(Connected, options);
    let stream = b": longer than any event\n\ndata: a\n\n";
    assert_eq!(data(&mut client, 0, stream), ["a"]);
}

#[test]
fn the_header_is_sent_only_if_it_can_be() {
    let header = |id: &[u8]| {
        let mut client = Client::resume(ClientOptions::new(1), id).expect("no line break");
        client.connect(0);
        drain(&mut client).concat()
    };
    assert_eq!(header(b""), "connect");
    assert_eq!(header(b"7"), "connect after 7");
    assert_eq!(header("é\t!".as_bytes()), "connect after é\t!");
    assert_eq!(
        header(b"a\xffb"),
        "connect after a\u{fffd}b",
        "as the standard decodes it"
    );
    assert_eq!(header(b"a\x1bb"), "connect");
    assert_eq!(header(b"a\x7f"), "connect");
    assert!(Client::resume(ClientOptions::new(1), b"a\nb").is_err());
}

#[test]
fn a_connection_the_driver_does_not_know_of_is_not_dropped() {
    let mut client = Client::new(ClientOptions::new(1));
    client.connect(0);
    client.close();
    assert_eq!(drain(&mut client), [""; 0]);
    client.connect(0);
    client.handle_response(1, OK);
    client.handle_end(1);
    assert_eq!(client.state(), Connecting, "news of an older connection");
    client.handle_timeout(30_000);
    assert_eq!((client.state(), drain(&mut client)), (Reconnecting, vec![]));
}

#[test]
fn a_driver_that_is_late_finds_all_outputs_in_order() {
    let mut client = client_in(Connecting, ClientOptions::new(1));
    client.handle_response(0, OK);
    client.handle_timeout(90_000);
    client.connect(90_001);
    assert_eq!(
        drain(&mut client),
        ["open", "disconnect: IdleTimeout", "connect"]
    );

    let mut client = client_in(Connecting, ClientOptions::new(1));
    client.handle_response(0, OK);
    client.close();
    assert_eq!(
        drain(&mut client),
        ["disconnect: Closed"],
        "who closed it does not care"
    );

    let mut client = client_in(Connecting, ClientOptions::new(1));
    client.handle_response(0, Response::new(404));
    client.connect(1);
    assert_eq!(drain(&mut client), ["disconnect: Status(404)", "connect"]);
}
