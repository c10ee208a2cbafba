//! The client: from its first attempt to the last.

use super::*;
use tidings_status::*;

const JSON: &[u8] = b"application/json";

struct Client(*mut tidings_client);

impl Client {
    fn new(options: &tidings_client_options) -> Self {
        Self(new(|place| unsafe { tidings_client_new(options, place) }))
    }

    fn output(&self) -> tidings_client_output {
        let mut output = init();
        assert_eq!(
            unsafe { tidings_client_poll_output(self.0, &mut output) },
            TIDINGS_OK
        );
        output
    }

    fn state(&self) -> u32 {
        get(|place| unsafe { tidings_client_state(self.0, place) })
    }

    fn connect(&self) {
        assert_eq!(unsafe { tidings_client_connect(self.0, 0) }, TIDINGS_OK);
    }

    fn respond(&self, status: u32, content_type: &[u8]) {
        let response = tidings_response {
            status,
            content_type: tidings_str::of(content_type),
            ..init()
        };
        let handled = unsafe { tidings_client_handle_response(self.0, 0, &response) };
        assert_eq!(handled, TIDINGS_OK);
    }

    fn data(&self, input: &[u8]) -> (usize, tidings_item) {
        let mut taken = 0;
        let (data, len) = (input.as_ptr().cast(), input.len());
        let item = get(|place| unsafe {
            tidings_client_handle_data(self.0, 0, data, len, &mut taken, place)
        });
        (taken, item)
    }

    fn last_event_id(&self) -> &str {
        text(get(|place| unsafe {
            tidings_client_last_event_id(self.0, place)
        }))
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        unsafe { tidings_client_free(self.0) };
    }
}

#[test]
fn a_stream_is_read_through_a_reconnect() {
    let client = Client::new(&tidings_client_options { seed: 7, ..init() });
    assert_eq!((client.state(), client.output().kind), (0, 0));
    client.connect();
    let connect = client.output();
    assert_eq!(
        (connect.kind, connect.last_event_id.data.is_null()),
        (1, true)
    );
    client.respond(200, b"text/event-stream; charset=utf-8");
    assert_eq!((client.output().kind, client.state()), (2, 2));

    let input = b"retry: 500\nid: 1\nevent: x\ndata: hello\n\nid: 2\ndata: wor";
    let (taken, item) = client.data(input);
    assert_eq!(
        (item.kind, text(item.event.data), text(item.event.event)),
        (1, "hello", "x")
    );
    assert_eq!((text(item.event.id), text(item.last_event_id)), ("1", "1"));
    let (rest, item) = client.data(&input[taken..]);
    assert_eq!((taken + rest, item.kind), (input.len(), 0));
    assert_eq!(
        get(|place| unsafe { tidings_client_retry_ms(client.0, place) }),
        500
    );

    assert_eq!(
        unsafe { tidings_client_handle_end(client.0, 40) },
        TIDINGS_OK
    );
    assert_eq!(client.state(), 3);
    let again = get(|place| unsafe { tidings_client_poll_timeout(client.0, place) });
    assert!((440..=640).contains(&again), "{again}");
    assert_eq!(
        unsafe { tidings_client_handle_timeout(client.0, again) },
        TIDINGS_OK
    );
    let connect = client.output();
    assert_eq!((connect.kind, text(connect.last_event_id)), (1, "1"));
    assert_eq!(
        unsafe { tidings_client_handle_error(client.0, again) },
        TIDINGS_OK
    );
    assert_eq!(unsafe { tidings_client_close(client.0) }, TIDINGS_OK);
    assert_eq!((client.state(), client.last_event_id()), (5, "1"));
    let never = get(|place| unsafe { tidings_client_poll_timeout(client.0, place) });
    assert_eq!(never, TIDINGS_NEVER);
}

#[test]
fn it_says_why_it_gives_up() {
    let client = Client::new(&init());
    for (status, content_type, reason) in [
        (204, &b""[..], TIDINGS_ERR_NO_CONTENT),
        (500, b"text/event-stream", TIDINGS_ERR_HTTP_STATUS),
        (200, JSON, TIDINGS_ERR_CONTENT_TYPE),
    ] {
        client.connect();
        assert_eq!(client.output().kind, 1);
        client.respond(status, content_type);
        let outputs: Vec<_> = [client.output(), client.output()].into();
        let failed = outputs
            .iter()
            .find(|output| output.kind == 4)
            .expect("it failed");
        assert_eq!(failed.reason, reason as i32);
        let status = if reason == TIDINGS_ERR_HTTP_STATUS {
            500
        } else {
            0
        };
        assert_eq!(failed.http_status, status);
        assert_eq!(client.state(), 4);
    }
}

#[test]
fn its_message_lives_until_the_next_call() {
    let client = Client::new(&init());
    client.connect();
    client.output();
    client.respond(200, JSON);
    let mut output = client.output();
    while output.kind != 4 {
        output = client.output();
    }
    assert!(
        text(output.message).contains("text/event-stream"),
        "{}",
        text(output.message)
    );
}

#[test]
fn it_resumes_from_a_kept_id_and_tries_again_where_told() {
    let options = tidings_client_options {
        flags: TIDINGS_CLIENT_RESILIENT,
        last_event_id: of("41"),
        max_attempts: 1,
        connect_timeout_ms: 100,
        idle_timeout_ms: TIDINGS_OFF,
        event_bytes: 16,
        ..init()
    };
    let client = Client::new(&options);
    client.connect();
    assert_eq!(text(client.output().last_event_id), "41");
    client.respond(200, b"text/event-stream");
    assert_eq!(client.output().kind, 2);
    let (_, item) = client.data(b"data: more than sixteen bytes\n\n");
    assert_eq!(item.kind, 0);
    let disconnect = client.output();
    let why = (disconnect.kind, disconnect.reason);
    assert_eq!(why, (3, TIDINGS_ERR_EVENT_TOO_LARGE as i32));
    let failed = client.output();
    assert_eq!(
        (failed.kind, failed.reason),
        (4, TIDINGS_ERR_ATTEMPTS as i32)
    );

    let refused = [
        (
            tidings_client_options {
                last_event_id: of("a\nb"),
                ..init()
            },
            TIDINGS_ERR_ID_LINE_BREAK,
        ),
        (
            tidings_client_options { flags: 2, ..init() },
            TIDINGS_ERR_INVALID,
        ),
        (
            tidings_client_options {
                bye_event: tidings_str::of(b"\xff"),
                ..init()
            },
            TIDINGS_ERR_UTF8,
        ),
    ];
    for (options, status) in refused {
        let mut client = ptr::null_mut();
        assert_eq!(unsafe { tidings_client_new(&options, &mut client) }, status);
        assert!(client.is_null());
    }
}

#[test]
fn a_response_is_checked() {
    let client = Client::new(&init());
    client.connect();
    client.output();
    let handle = |response: &tidings_response| unsafe {
        tidings_client_handle_response(client.0, 0, response)
    };
    let retry = tidings_response {
        status: 503,
        retry_after_ms: 9_000,
        ..init()
    };
    assert_eq!(
        handle(&tidings_response { flags: 2, ..retry }),
        TIDINGS_ERR_INVALID
    );
    assert_eq!(
        handle(&tidings_response {
            status: 65_536,
            ..retry
        }),
        TIDINGS_ERR_INVALID
    );
    assert_eq!(client.state(), 1);
    let why = text(get(|place| unsafe {
        tidings_client_error(client.0, place)
    }));
    assert!(why.contains("unknown"), "{why}");
    let flagged = tidings_response {
        flags: TIDINGS_RESPONSE_RETRY_AFTER,
        ..retry
    };
    assert_eq!(handle(&flagged), TIDINGS_OK);
    assert_eq!(client.state(), 4);
}
