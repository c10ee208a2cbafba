//! What holds whatever the application, the driver and the world do.

use crate::{OK, data, line};
use proptest::collection::vec;
use proptest::prelude::*;
use tidings_core::{Client, ClientOptions, ClientOutput, ClientState, Response};

#[derive(Clone, Copy, Debug)]
enum Op {
    Connect,
    Close,
    Response(Response<'static>),
    Data(&'static str),
    End,
    Error,
    Timeout,
    Poll,
    Sleep(u64),
    SleepToTimeout,
}

fn op() -> impl Strategy<Value = Op> {
    let response = proptest::sample::select(vec![
        OK,
        OK,
        Response::new(200),
        Response::new(204),
        Response::new(503).with_retry_after(5_000),
    ]);
    let text = proptest::sample::select(vec![
        "",
        ":\n",
        "id: 1\ndata: a\n\n",
        "retry: 10\n",
        "event: bye\nretry: 7\ndata: b\n\n",
        "data: more than fits\n",
        "\n",
        "id: 2",
    ]);
    prop_oneof![
        2 => Just(Op::Connect),
        1 => Just(Op::Close),
        5 => response.prop_map(Op::Response),
        5 => text.prop_map(Op::Data),
        1 => Just(Op::End),
        1 => Just(Op::Error),
        2 => Just(Op::Timeout),
        9 => Just(Op::Poll),
        1 => (0..100_000_u64).prop_map(Op::Sleep),
        4 => Just(Op::SleepToTimeout),
    ]
}

fn options() -> impl Strategy<Value = ClientOptions> {
    (any::<u64>(), any::<bool>(), proptest::option::of(0..4_u32)).prop_map(
        |(seed, resilient, max_attempts)| {
            let mut options = ClientOptions {
                resilient,
                max_attempts,
                ..ClientOptions::new(seed)
            };
            options.decode.event_bytes = 10;
            options
        },
    )
}

fn is_alive(client: &Client) -> bool {
    matches!(
        client.state(),
        ClientState::Connecting | ClientState::Connected
    )
}

fn apply(client: &mut Client, now: &mut u64, op: Op, seen: &mut Vec<String>) {
    match op {
        Op::Connect => client.connect(*now),
        Op::Close => client.close(),
        Op::Response(response) => client.handle_response(*now, response),
        Op::Data(text) => seen.extend(data(client, *now, text.as_bytes())),
        Op::End => client.handle_end(*now),
        Op::Error => client.handle_error(*now),
        Op::Timeout => client.handle_timeout(*now),
        Op::Poll => seen.extend(client.poll_output().as_ref().map(line)),
        Op::Sleep(ms) => *now += ms,
        Op::SleepToTimeout => *now = client.poll_timeout().unwrap_or(*now).max(*now),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Also for one that now and then does not look whether there is something to do.
    #[test]
    fn a_driver_has_one_connection_at_most(options in options(), ops in vec(op(), 0..60)) {
        let mut client = Client::new(options);
        let mut now = 0;
        let mut connected = false;
        for op in ops {
            if !matches!(op, Op::Poll) {
                let was_alive = is_alive(&client);
                apply(&mut client, &mut now, op, &mut Vec::new());
                if matches!(op, Op::End | Op::Error) && was_alive && !is_alive(&client) {
                    connected = false;
                }
                continue;
            }
            for _ in 0..4 {
                match client.poll_output() {
                    Some(ClientOutput::Connect { .. }) => {
                        prop_assert!(!connected, "the old one was not dropped");
                        connected = true;
                    }
                    Some(ClientOutput::Disconnect(_)) => {
                        prop_assert!(connected, "there is none to drop");
                        connected = false;
                    }
                    Some(ClientOutput::Failed(_)) => {
                        prop_assert_eq!(client.state(), ClientState::Failed);
                        prop_assert!(!connected, "dropped before");
                    }
                    Some(_) | None => {}
                }
            }
            prop_assert_eq!(client.poll_output(), None, "no more than four can wait");
            prop_assert_eq!(connected, is_alive(&client));
        }
    }

    #[test]
    fn the_client_waits_exactly_when_it_has_something_to_wait_for(
        options in options(),
        ops in vec(op(), 0..60),
    ) {
        let mut client = Client::new(options);
        let mut now = 0;
        for op in ops {
            apply(&mut client, &mut now, op, &mut Vec::new());
            let waits = is_alive(&client) || client.state() == ClientState::Reconnecting;
            prop_assert_eq!(client.poll_timeout().is_some(), waits);
            let Some(deadline) = client.poll_timeout() else { continue };
            let mut early = client.clone();
            early.handle_timeout(deadline - 1);
            prop_assert_eq!(format!("{early:?}"), format!("{client:?}"), "too early");
            let mut exact = client.clone();
            exact.handle_timeout(deadline);
            prop_assert_ne!(exact.state(), client.state(), "in time");
            let mut late = client.clone();
            late.handle_timeout(deadline + 1_000_000);
            prop_assert_eq!(late.state(), exact.state(), "late is no harm");
        }
    }

    #[test]
    fn the_same_calls_have_the_same_outcome(options in options(), ops in vec(op(), 0..60)) {
        let run = || {
            let mut client = Client::new(options.clone());
            let (mut now, mut seen) = (0, Vec::new());
            for op in &ops {
                apply(&mut client, &mut now, *op, &mut seen);
            }
            (seen, format!("{client:?}"))
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn nothing_of_a_connection_that_is_gone_counts(options in options(), ops in vec(op(), 0..30)) {
        let mut client = Client::new(options);
        let mut now = 0;
        for op in ops {
            apply(&mut client, &mut now, op, &mut Vec::new());
            let mut gone = client.clone();
            if matches!(client.state(), ClientState::Connecting | ClientState::Connected) {
                continue;
            }
            let before = format!("{gone:?}");
            gone.handle_response(now, OK);
            gone.handle_response(now, Response::new(500));
            prop_assert!(data(&mut gone, now, b"id: 9\ndata: x\n\n").is_empty());
            gone.handle_end(now);
            gone.handle_error(now);
            prop_assert_eq!(format!("{gone:?}"), before);
        }
    }
}
