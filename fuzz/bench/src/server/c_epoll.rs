//! The example server in C: what a delivery costs through the C ABI, beside the server in Rust.
//!
//! As in `fanout`, both are there at the same time and take short turns, and only ratios of one round
//! count.

use super::Scale;
use super::fanout::{Rounds, Subject, ratios};
use crate::load::crowd::{EVENT_BYTES, Form, IN_FLIGHT};
use crate::process::Server;
use crate::report::{Mark, Report};
use std::io;
use std::time::Duration;

const MARK: Mark = Mark::AtMost(1.15);

/// Rounds of events one at a time, which are short, for each of many in flight.
const STEP_ROUNDS: usize = 3;

pub(super) fn run(report: &mut Report, scale: Scale) -> io::Result<()> {
    let subscribers = scale.of(10_000, 1_000);
    let rounds = scale.of(9, 1);
    let about = format!("{subscribers} subscribers, {EVENT_BYTES}-byte events, {rounds} rounds");
    report.begin("c_epoll", &about);
    let mut c = Subject::new(Server::c_epoll()?, subscribers, Form::Plain)?;
    let mut rust = Subject::new(Server::tidings(&[])?, subscribers, Form::Json)?;
    let (mut c_step, mut c_burst) = (Rounds::default(), Rounds::default());
    let (mut rust_step, mut rust_burst) = (Rounds::default(), Rounds::default());
    let steps = 4;
    let burst = Duration::from_millis(scale.of(1_000, 300));
    for _ in 0..rounds * STEP_ROUNDS {
        c.measure(|crowd| crowd.steps(steps), &mut c_step)?;
        rust.measure(|crowd| crowd.steps(steps), &mut rust_step)?;
    }
    for _ in 0..rounds {
        c.measure(|crowd| crowd.burst(burst), &mut c_burst)?;
        rust.measure(|crowd| crowd.burst(burst), &mut rust_burst)?;
    }
    for (name, c, rust) in [
        ("one at a time".to_owned(), &c_step, &rust_step),
        (format!("{IN_FLIGHT} in flight"), &c_burst, &rust_burst),
    ] {
        for (who, rounds) in [("C", c), ("Rust", rust)] {
            let cost = &rounds.us_per_delivery;
            let name = format!("{name}: {who}");
            report.figure(&name, "us of CPU per delivery", cost, Mark::None)?;
            let rate = &rounds.events_per_second;
            report.figure(&format!("{name}, rate"), "events/s", rate, Mark::None)?;
        }
        let ratios = ratios(&c.us_per_delivery, &rust.us_per_delivery);
        report.figure(
            &format!("{name}: CPU of C over Rust's"),
            "times",
            &ratios,
            MARK,
        )?;
    }
    Ok(())
}
