//! The benchmarks of the server: which there are, how large, and whether all marks are met.
//!
//! Each case has a file of its own. None of them reports speed for events that did not arrive:
//! what comes is checked as it is counted.

mod c_epoll;
mod fanout;
mod files;
mod idle;
mod kernel;
mod lines;
mod storm;
mod stuck;

use crate::load::Load;
use crate::load::tally::Tally;
use crate::process::{Server, raise_file_limit};
use crate::report::{self, Report};
use clap::{Args, ValueEnum};
use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The case to run [default: all]
    case: Option<Case>,
    #[command(flatten)]
    report: report::Arguments,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Case {
    /// Memory and CPU of streams on which nothing happens; connects and leaves
    Idle,
    /// Readers that stop reading, and what the others notice
    Stuck,
    /// A large file published line by line
    Lines,
    /// One topic, many subscribers, beside a bare server
    Fanout,
    /// The same with the example server in C, beside the server in Rust
    CEpoll,
    /// Everybody reconnects at once
    Storm,
    /// More connections than the process may have files
    Files,
}

/// How large the cases are.
#[derive(Clone, Copy)]
struct Scale {
    quick: bool,
}

impl Scale {
    /// One of two sizes.
    fn of<T>(self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }
}

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    raise_file_limit()?;
    let start = Instant::now();
    let mut report = Report::new(&arguments.report)?;
    let scale = Scale {
        quick: arguments.report.quick,
    };
    for case in Case::value_variants() {
        if arguments.case.is_some_and(|only| only != *case) {
            continue;
        }
        match case {
            Case::Idle => idle::run(&mut report, scale)?,
            Case::Stuck => stuck::run(&mut report, scale)?,
            Case::Lines => lines::run(&mut report, scale)?,
            Case::Fanout => fanout::run(&mut report, scale)?,
            Case::CEpoll => c_epoll::run(&mut report, scale)?,
            Case::Storm => storm::run(&mut report, scale)?,
            Case::Files => files::run(&mut report, scale)?,
        }
    }
    println!("\n{} s", start.elapsed().as_secs());
    match report.missed() {
        [] => Ok(()),
        // Small runs are for seeing that everything works.
        _ if scale.quick => Ok(()),
        missed => Err(io::Error::other(format!(
            "marks missed: {}",
            missed.join("; ")
        ))),
    }
}

/// Lets the system and the server come to rest.
fn settle() {
    sleep(Duration::from_millis(500));
}

/// Publishes so many numbered events to a topic.
fn publish_all(server: &Server, topic: &str, events: u32, bytes: usize) -> io::Result<()> {
    let (mut load, mut tally) = (Load::new(server.address)?, Tally::new());
    load.set_publishers(8)?;
    let mut number = 0;
    while number < events {
        let data = Tally::data(number, load.now_ns(), bytes);
        let body = format!(r#"{{"topics":["{topic}"],"data":"{data}"}}"#);
        if load.publish(body.as_bytes())? {
            number += 1;
        } else {
            load.turn(Duration::from_secs(1), &mut tally)?;
        }
    }
    load.until(&mut tally, |load, _| load.publishing() == 0)
}
