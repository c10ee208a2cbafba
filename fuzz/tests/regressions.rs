//! Cases that a hub once got wrong, each as small as it shows.

use tidings_core::ClassOptions;
use tidings_fuzz::ops::{Letter, Operation};
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

#[test]
fn of_two_values_of_one_topic_in_a_batch_the_last_stays() {
    let letters = vec![Letter::topic("latest/x"), Letter::topic("latest/x")];
    holds(
        Setup::of_classes(vec![latest()]),
        vec![Operation::PublishAll(letters)],
    );
}
