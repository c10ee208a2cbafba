//! Cases that a hub once got wrong, each as small as it shows.

use tidings_core::{ClassOptions, Limits};
use tidings_fuzz::ops::{Letter, Opening, Operation, Start};
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
        vec![
            Operation::Open(Opening::new(&["a"], Start::Back(0))),
            Operation::Publish(Letter::topic("a")),
        ],
    );
}
