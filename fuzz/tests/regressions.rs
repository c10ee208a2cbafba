//! Cases that a hub once got wrong, each as small as it shows.

use tidings_core::{ClassOptions, Limits};
use tidings_fuzz::ops::{Letter, Opening, Operation, Peer, Socket, Start, To};
use tidings_fuzz::play::{Case, play};
use tidings_fuzz::setup::Setup;

fn holds(setup: Setup, operations: Vec<Operation>) {
    if let Err(fault) = play(&Case { setup, operations }) {
        panic!("{fault}");
    }
}

fn latest() -> ClassOptions {
    ClassOptions {
        latest: true,
        ..ClassOptions::new(["latest/*"])
    }
}

fn plain() -> Setup {
    Setup::of_classes(Vec::new())
}

fn limited(limits: Limits) -> Setup {
    let mut setup = plain();
    setup.options.limits = limits;
    setup
}

const LAST: Peer = Peer::Open(0);

fn open(topics: &[&'static str], start: Start) -> Operation {
    Operation::Open(Opening::new(topics, start))
}

fn publish(topic: &'static str) -> Operation {
    Operation::Publish(Letter::topic(topic))
}

/// The next that is ready is written to, and takes so many bytes.
fn write(room: usize) -> Operation {
    Operation::Write {
        socket: Socket::Ready(0),
        room,
        between: None,
    }
}

#[test]
fn of_two_values_of_one_topic_in_a_batch_the_last_stays() {
    let letters = vec![Letter::topic("latest/x"), Letter::topic("latest/x")];
    holds(
        Setup::of_classes(vec![latest()]),
        vec![Operation::PublishAll(letters)],
    );
}

#[test]
fn what_comes_after_a_resume_at_the_end_is_no_replay() {
    let none = Limits {
        replay_events: 0,
        ..Limits::default()
    };
    holds(
        limited(none),
        vec![open(&["a"], Start::Back(0)), publish("a")],
    );
}

#[test]
fn a_bye_before_the_gap_of_an_unknown_id_keeps_that_id() {
    let operations = vec![
        publish("a"),
        open(&["a"], Start::Nonsense),
        Operation::Close(LAST),
        Operation::Settle,
    ];
    holds(plain(), operations);
}

#[test]
fn a_bye_before_the_opening_values_does_not_skip_them() {
    let operations = vec![
        publish("latest/x"),
        open(&["latest/*"], Start::Head),
        Operation::Close(LAST),
        Operation::Settle,
    ];
    holds(Setup::of_classes(vec![latest()]), operations);
}

#[test]
fn a_bye_after_events_stands_after_them() {
    let operations = vec![
        open(&["a"], Start::Head),
        Operation::Settle,
        publish("a"),
        Operation::Drain { over_ms: 10 },
        Operation::Settle,
    ];
    holds(plain(), operations);
}

#[test]
fn a_bye_before_a_gap_that_is_still_counted_stands_before_it() {
    let short = ClassOptions {
        events: 1,
        records: Some(5_000),
        ..ClassOptions::new(["a"])
    };
    let operations = vec![
        Operation::Flood {
            topics: ["a", "a"],
            events: 1_100,
        },
        open(&["a"], Start::Back(1_100)),
        write(usize::MAX),
        Operation::Close(LAST),
        Operation::Settle,
    ];
    holds(Setup::of_classes(vec![short]), operations);
}

#[test]
fn what_was_offered_to_a_stream_that_ends_meanwhile_is_not_consumed() {
    for end in [Operation::Close(LAST), Operation::Drain { over_ms: 10 }] {
        let direct = To::Peer(LAST);
        let operations = vec![
            open(&["a"], Start::Head),
            Operation::Publish(Letter::new(direct)),
            Operation::Write {
                socket: Socket::Ready(0),
                room: usize::MAX,
                between: Some(Box::new(end)),
            },
        ];
        holds(plain(), operations);
    }
}

#[test]
fn what_a_blocked_reader_took_counts_as_replayed() {
    let one = Limits {
        replay_events: 1,
        ..Limits::default()
    };
    // Wherever the first of the two is cut.
    for room in 1..200 {
        let operations = vec![
            publish("a"),
            publish("a"),
            open(&["a"], Start::Back(2)),
            write(room),
            Operation::Writable(LAST),
            Operation::Settle,
        ];
        holds(limited(one.clone()), operations);
    }
}

#[test]
fn records_of_aged_events_take_no_more_than_their_share() {
    let mut setup = plain();
    setup.options.limits.event_bytes = 1_500;
    setup.options.default_class = ClassOptions {
        bytes: 12_000,
        age_ms: Some(100),
        ..ClassOptions::new(["**"])
    };
    let flood = Operation::Flood {
        topics: ["a", "b"],
        events: 60,
    };
    holds(setup, vec![flood, Operation::Sleep]);
}

#[test]
fn what_is_appended_to_a_drained_hub_comes_before_the_bye() {
    let operations = vec![
        open(&["a"], Start::Head),
        Operation::Settle,
        Operation::Drain { over_ms: 10 },
        Operation::Append {
            hole: 0,
            letters: vec![Letter::topic("a")],
        },
        Operation::Settle,
    ];
    holds(plain(), operations);
}

#[test]
fn a_stream_that_ends_sends_no_rest_of_a_frame_once_its_token_has_ended() {
    for room in 1..200 {
        let mut opening = Opening::new(&["a"], Start::Head);
        opening.expires_in = Some(50);
        let operations = vec![
            Operation::Open(opening),
            publish("a"),
            write(room),
            Operation::Close(LAST),
            Operation::Advance { ms: 50 },
            Operation::Writable(LAST),
            Operation::Settle,
        ];
        holds(plain(), operations);
    }
}

#[test]
fn a_bye_after_a_first_event_does_not_go_back_to_the_opening_values() {
    for room in 1..200 {
        let operations = vec![
            publish("latest/x"),
            open(&["a"], Start::Head),
            publish("a"),
            write(room),
            Operation::Close(LAST),
            Operation::Settle,
        ];
        holds(Setup::of_classes(vec![latest()]), operations);
    }
}

#[test]
fn connected_has_an_id_where_the_gap_comes_after_events() {
    let one = Limits {
        replay_events: 1,
        ..Limits::default()
    };
    let flood = Operation::Flood {
        topics: ["a", "a"],
        events: 1_100,
    };
    let operations = vec![flood, open(&["a"], Start::Back(1_100)), Operation::Settle];
    holds(limited(one), operations);
}

#[test]
fn a_loss_behind_another_that_was_excused_is_told() {
    let one = |topic: &str| ClassOptions {
        events: 1,
        records: Some(0),
        ..ClassOptions::new([topic])
    };
    let operations = vec![
        publish("b"),
        publish("a/b"),
        publish("a/b"),
        open(&["b"], Start::Earliest),
        write(9),
        publish("b"),
    ];
    holds(Setup::of_classes(vec![one("a/**"), one("b")]), operations);
}

#[test]
fn a_value_that_arrives_after_a_resume_amid_opening_values_is_sent() {
    let amid = Start::AmidAhead {
        ahead: 2,
        latest: 2,
    };
    let operations = vec![
        publish("latest/x"),
        Operation::Assigned { ahead: 2 },
        open(&["latest/*"], amid),
        Operation::Settle,
        Operation::Append {
            hole: 0,
            letters: vec![Letter::topic("latest/y")],
        },
        Operation::Settle,
    ];
    holds(Setup::of_classes(vec![latest()]), operations);
}

#[test]
fn a_heartbeat_ahead_of_the_log_does_not_go_back() {
    let mut setup = plain();
    setup.options.deadlines.heartbeat_ms = Some(10);
    let operations = vec![
        publish("a"),
        Operation::Assigned { ahead: 2 },
        open(&["a"], Start::Ahead(2)),
        Operation::Settle,
        Operation::Sleep,
        Operation::Settle,
    ];
    holds(setup, operations);
}
