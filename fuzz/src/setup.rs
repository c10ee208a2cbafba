//! How a hub of a case is made: options that make small logs trim all the time, and short
//! deadlines meet.
//!
//! It does not know what will happen to the hub. What is simplest stands first, so that a failing
//! case shrinks towards the defaults.

mod choices;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use tidings_core::{
    ClassOptions, ControlEvent, ControlOptions, Deadlines, HubOptions, LagPolicy, Limits, WhenFull,
};

/// How a case begins.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What the hub is made with.
    pub options: HubOptions,
    /// Whether the driver asks for outputs after each operation, or only when one says so.
    pub eager: bool,
}

impl Setup {
    /// A hub of defaults with these classes, and a driver that asks for outputs at once.
    #[must_use]
    pub fn of_classes(classes: Vec<ClassOptions>) -> Self {
        let options = HubOptions {
            epoch: 0xe,
            shard: 3,
            unix_ms_at_zero: 10_000,
            classes,
            ..HubOptions::default()
        };
        Self {
            options,
            eager: true,
        }
    }
}

/// Any hub of the universe.
pub fn setup() -> BoxedStrategy<Setup> {
    limits()
        .prop_flat_map(|limits| {
            let classes = vec(class(limits.event_bytes), 0..4);
            let parts = (
                classes,
                retention(limits.event_bytes),
                deadlines(),
                control(),
            );
            let rest = (any::<bool>(), any::<bool>(), 1..1_000_u64, 0..1_000_u64);
            (parts, rest).prop_map(
                move |(
                    (classes, default_class, deadlines, control),
                    (lazy, closes, seed, unix),
                )| {
                    let lag = if closes {
                        LagPolicy::Close
                    } else {
                        LagPolicy::Gap
                    };
                    let options = HubOptions {
                        epoch: 0xe,
                        shard: 3,
                        seed,
                        unix_ms_at_zero: 10_000 + unix,
                        classes,
                        default_class,
                        lag,
                        limits: limits.clone(),
                        deadlines,
                        control,
                    };
                    Setup {
                        options,
                        eager: !lazy,
                    }
                },
            )
        })
        .boxed()
}

fn class(event_bytes: usize) -> BoxedStrategy<ClassOptions> {
    let patterns = prop_oneof![
        4 => Just((vec!["latest/*"], true)),
        2 => Just((vec!["a/**"], false)),
        2 => Just((vec!["a", "b"], false)),
        1 => Just((vec!["latest/x"], false)),
        1 => Just((vec!["*", "latest/z"], true)),
        1 => Just((vec!["**"], false)),
    ];
    (patterns, retention(event_bytes))
        .prop_map(|((topics, latest), retention)| ClassOptions {
            topics: topics.into_iter().map(String::from).collect(),
            latest,
            ..retention
        })
        .boxed()
}

/// A class without topics: how much it keeps, and how long.
fn retention(event_bytes: usize) -> BoxedStrategy<ClassOptions> {
    let least = event_bytes * 2 + 8_192;
    let events = prop_oneof![2 => Just(5_000_usize), 8 => 1..8_usize];
    let bytes = prop_oneof![
        4 => Just(16_usize << 20),
        3 => Just(0..=least * 3).prop_flat_map(|more| more),
    ];
    let age_ms = prop_oneof![5 => Just(None), 2 => (1..200_u64).prop_map(Some)];
    let records = prop_oneof![3 => Just(None), 2 => (0..10_usize).prop_map(Some)];
    // Now and then bytes are all that is short.
    let room = prop_oneof![
        2 => (events, bytes),
        1 => (Just(5_000_usize), Just(least)),
    ];
    (room, age_ms, records)
        .prop_map(move |((events, bytes), age_ms, records)| ClassOptions {
            events,
            bytes: least.max(bytes),
            age_ms,
            records,
            ..ClassOptions::new(["**"])
        })
        .boxed()
}

fn limits() -> BoxedStrategy<Limits> {
    let connections = prop_oneof![12 => Just(1_000_usize), 1 => 2..6_usize];
    let user_connections = prop_oneof![6 => Just(100_usize), 2 => 1..4_usize];
    let when_user_full = select(&[WhenFull::Refuse, WhenFull::ReplaceOldest][..]);
    let topics = prop_oneof![20 => Just(1_000_usize), 1 => 1..3_usize];
    let grants = prop_oneof![20 => Just(100_usize), 1 => 0..2_usize];
    let published = prop_oneof![20 => Just(100_usize), 1 => 1..3_usize];
    let event_bytes =
        prop_oneof![3 => Just(1_usize << 20), 5 => Just(1_500_usize), 2 => Just(30_000_usize)];
    let replay_events = prop_oneof![4 => Just(10_000_usize), 2 => 0..5_usize];
    let replay_bytes = prop_oneof![5 => Just(1_usize << 20), 1 => 0..400_usize];
    let rescue_bytes = prop_oneof![5 => Just(4_usize << 20), 1 => 0..600_usize];
    (
        (connections, user_connections, when_user_full),
        (topics, grants, published),
        event_bytes,
        (replay_events, replay_bytes, rescue_bytes),
    )
        .prop_map(|(connections, names, event_bytes, bytes)| Limits {
            connections: connections.0,
            user_connections: connections.1,
            when_user_full: connections.2,
            topics_per_connection: names.0,
            grants_per_connection: names.1,
            topics_per_publish: names.2,
            event_bytes,
            replay_events: bytes.0,
            replay_bytes: bytes.1,
            rescue_bytes: bytes.2,
            ..Limits::default()
        })
        .boxed()
}

fn deadlines() -> BoxedStrategy<Deadlines> {
    let interval = |least: u64| option::weighted(0.4, least..300_u64);
    // Short ones, so that they come before whatever else is due.
    let heartbeat = option::weighted(0.6, prop_oneof![1..30_u64, 1..300_u64]);
    let tick_ms = prop_oneof![3 => Just(1_u64), 2 => 2..60_u64, 1 => Just(250_u64)];
    (
        tick_ms,
        (heartbeat, interval(1), interval(20), interval(1)),
        (0..60_u64, 0..80_u64),
        prop_oneof![Just(2_000_u64), 0..10_u64],
    )
        .prop_map(
            |(
                tick_ms,
                (heartbeat_ms, idle_ms, age_ms, stall_ms),
                (reauth_ms, linger_ms),
                retry_ms,
            )| {
                Deadlines {
                    tick_ms,
                    heartbeat_ms,
                    idle_ms,
                    age_ms,
                    stall_ms,
                    reauth_ms,
                    linger_ms,
                    retry_ms,
                }
            },
        )
        .boxed()
}

fn control() -> BoxedStrategy<ControlOptions> {
    let event = |name: &'static str, other: &'static str| {
        prop_oneof![
            6 => Just(ControlEvent::named(name)),
            1 => Just(ControlEvent::named(other)),
            1 => Just(ControlEvent { enabled: false, ..ControlEvent::named(name) }),
            1 => Just(ControlEvent { json: Some(r#"{"own":1}"#.into()), ..ControlEvent::named(name) }),
        ]
    };
    (
        event("connected", "tidings:open"),
        event("heartbeat", "tidings:beat"),
        event("gap", "tidings:gap"),
        event("reauth", "tidings:auth"),
        event("bye", "tidings:bye"),
    )
        .prop_map(|(connected, heartbeat, mut gap, reauth, bye)| {
            // Off, both leave nothing but an id line, and could not be told from each other.
            gap.enabled |= !connected.enabled;
            ControlOptions {
                connected,
                heartbeat,
                gap,
                reauth,
                bye,
            }
        })
        .boxed()
}
