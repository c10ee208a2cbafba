//! How long a client waits before it tries again, and when it stops trying.

use crate::{OK, client_in, data, drain};
use proptest::prelude::*;
use tidings_core::{Client, ClientOptions, ClientState};

/// Fails the attempt that is under way. Gives the delay before the next, and waits it out.
fn fail(client: &mut Client, now: &mut u64) -> u64 {
    client.handle_error(*now);
    let before = *now;
    *now = client.poll_timeout().expect("a delay");
    client.handle_timeout(*now);
    drain(client);
    assert_eq!(client.state(), ClientState::Connecting);
    *now - before
}

/// Opens the connection, reads the stream, and loses it at once. Gives the delay.
fn read(client: &mut Client, now: &mut u64, stream: &str) -> u64 {
    client.handle_response(*now, OK);
    drain(client);
    data(client, *now, stream.as_bytes());
    fail(client, now)
}

proptest! {
    #[test]
    fn delays_double_within_a_fifth(seed: u64, retry_ms in 100..100_000_u64) {
        let options = ClientOptions { retry_ms, ..ClientOptions::new(seed) };
        let mut client = client_in(ClientState::Connecting, options);
        let mut now = 0;
        for doublings in 0..70 {
            let limit = retry_ms.max(30_000);
            let middle = (u128::from(retry_ms) << doublings).min(limit.into());
            let delay = u128::from(fail(&mut client, &mut now));
            prop_assert!(delay >= 100);
            prop_assert!(delay * 10 >= middle * 8 && delay * 10 <= middle * 12, "{delay} of {middle}");
        }
    }

    #[test]
    fn no_retry_makes_the_client_spin_or_overflow(seed: u64, retry_ms: u64, now: u64) {
        for retry_ms in [retry_ms, 0, 1, 99, u64::MAX] {
            let mut client = client_in(ClientState::Connecting, ClientOptions::new(seed));
            let retry = format!("retry: {retry_ms}\n");
            client.handle_response(now, OK);
            data(&mut client, now, retry.as_bytes());
            client.handle_end(now);
            let at = client.poll_timeout().expect("a delay");
            prop_assert!(at >= now.saturating_add(100));
            prop_assert!(at - now >= (retry_ms - retry_ms / 5).min(u64::MAX - now));
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_delays(seed: u64) {
        let delays = |seed| {
            let mut client = client_in(ClientState::Connecting, ClientOptions::new(seed));
            let mut now = 0;
            [(); 8].map(|()| fail(&mut client, &mut now))
        };
        prop_assert_eq!(delays(seed), delays(seed));
        prop_assert_ne!(delays(seed), delays(seed ^ 1));
    }
}

#[test]
fn delays_reach_the_whole_of_their_range() {
    let delays: Vec<u64> = (0..2_000)
        .map(|seed| {
            let mut client = client_in(ClientState::Connecting, ClientOptions::new(seed));
            fail(&mut client, &mut 0)
        })
        .collect();
    assert_eq!(delays.iter().min(), Some(&800));
    assert_eq!(delays.iter().max(), Some(&1_200));
    for part in 0..10 {
        let range = 800 + 40 * part..=840 + 40 * part;
        let count = delays.iter().filter(|delay| range.contains(*delay)).count();
        assert!((120..=280).contains(&count), "{count} in {range:?}");
    }
}

#[test]
fn a_retry_of_zero_doubles_from_the_floor() {
    let mut client = client_in(ClientState::Connecting, ClientOptions::new(1));
    let mut now = 0;
    assert!((100..=120).contains(&read(&mut client, &mut now, "retry: 0\n")));
    assert!((160..=240).contains(&fail(&mut client, &mut now)));
    assert!((320..=480).contains(&fail(&mut client, &mut now)));
}

#[test]
fn an_event_starts_the_delays_again() {
    let mut client = client_in(ClientState::Connecting, ClientOptions::new(1));
    let mut now = 0;
    for _ in 0..4 {
        fail(&mut client, &mut now);
    }
    assert!(read(&mut client, &mut now, ": no event\n\nid: 1\n\n") >= 12_800);
    assert!(read(&mut client, &mut now, "data: a\n\n") <= 1_200);
    assert!((1_600..=2_400).contains(&fail(&mut client, &mut now)));
}

#[test]
fn ten_seconds_start_the_delays_again() {
    for (open_ms, expected) in [(9_999, 3_200..=4_800), (10_000, 800..=1_200)] {
        let mut client = client_in(ClientState::Connecting, ClientOptions::new(1));
        let mut now = 0;
        fail(&mut client, &mut now);
        fail(&mut client, &mut now);
        client.handle_response(now, OK);
        drain(&mut client);
        now += open_ms;
        let delay = fail(&mut client, &mut now);
        assert!(expected.contains(&delay), "{delay} after {open_ms}");
    }
}

#[test]
fn a_retry_is_kept_for_later_connections() {
    let mut client = client_in(ClientState::Connecting, ClientOptions::new(1));
    let mut now = 0;
    assert!((4_000..=6_000).contains(&read(&mut client, &mut now, "retry: 5000\n")));
    assert!((8_000..=12_000).contains(&fail(&mut client, &mut now)));
    assert!((4_000..=6_000).contains(&read(&mut client, &mut now, "data: a\n\n")));
    assert!((48_000..=72_000).contains(&read(&mut client, &mut now, "retry: 60000\ndata: a\n\n")));
    assert!(
        (48_000..=72_000).contains(&fail(&mut client, &mut now)),
        "more than the limit"
    );
}

#[test]
fn the_delay_of_a_bye_is_kept_exactly() {
    let mut client = client_in(ClientState::Connecting, ClientOptions::new(1));
    let mut now = 0;
    let bye = "event: bye\nretry: 4321\ndata: {}\n\n";
    assert_eq!(read(&mut client, &mut now, bye), 4_321);
    assert_eq!(read(&mut client, &mut now, bye), 4_321, "and never doubled");
    assert!(
        (3_456..=5_186).contains(&fail(&mut client, &mut now)),
        "for once"
    );
    assert!((6_912..=10_371).contains(&read(&mut client, &mut now, "event: bye\ndata: {}\n\n")));
    let zero = "event: bye\nretry: 0\ndata: {}\n\n";
    assert_eq!(read(&mut client, &mut now, zero), 100, "but for the floor");
    client.close();
    client.connect(now);
    drain(&mut client);
    assert_ne!(fail(&mut client, &mut now), 4_321);
}

#[test]
fn the_name_of_a_bye_can_be_set() {
    for (name, is_bye) in [("adieu", true), ("bye", false), ("", false)] {
        let options = ClientOptions {
            bye_event: "adieu".to_owned(),
            ..ClientOptions::new(1)
        };
        let mut client = client_in(ClientState::Connecting, options);
        let stream = format!("event: {name}\nretry: 54321\ndata: {{}}\n\n");
        assert_eq!(
            read(&mut client, &mut 0, &stream) == 54_321,
            is_bye,
            "{name}"
        );
    }
}

#[test]
fn attempts_are_limited_in_a_row() {
    let options = ClientOptions {
        max_attempts: Some(3),
        ..ClientOptions::new(1)
    };
    let mut client = client_in(ClientState::Connecting, options);
    let mut now = 0;
    fail(&mut client, &mut now);
    fail(&mut client, &mut now);
    read(&mut client, &mut now, "data: a\n\n");
    for _ in 0..2 {
        fail(&mut client, &mut now);
    }
    client.handle_error(now);
    assert_eq!(drain(&mut client), ["failed: Attempts { limit: 3 }"]);
    assert_eq!(
        (client.state(), client.poll_timeout()),
        (ClientState::Failed, None)
    );
    client.connect(now);
    assert_eq!(
        drain(&mut client),
        ["connect"],
        "the application may begin anew"
    );
    assert!((800..=1_200).contains(&fail(&mut client, &mut now)));
}

#[test]
fn a_timeout_that_is_the_last_attempt_still_drops_the_connection() {
    let options = ClientOptions {
        max_attempts: Some(1),
        ..ClientOptions::new(1)
    };
    let mut client = client_in(ClientState::Connecting, options);
    client.handle_timeout(30_000);
    assert_eq!(
        drain(&mut client),
        [
            "disconnect: ConnectTimeout",
            "failed: Attempts { limit: 1 }"
        ]
    );
}

#[test]
fn connect_does_not_wait_for_the_delay() {
    let mut client = client_in(ClientState::Reconnecting, ClientOptions::new(1));
    client.connect(1);
    assert_eq!(drain(&mut client), ["connect"]);
    assert!(
        (1_600..=2_400).contains(&fail(&mut client, &mut 1)),
        "it is one more attempt"
    );
}
