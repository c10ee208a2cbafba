//! What connections and subscriptions take of the heap.
//!
//! A program of its own counts it: an allocator that counts would slow down whatever is timed.

use crate::report::{Mark, Report};
use std::env::current_exe;
use std::io;
use std::process::Command;

const CONNECTION_MARK: Mark = Mark::AtMost(300.0);
const SUBSCRIPTION_MARK: Mark = Mark::AtMost(32.0);

pub(super) fn run(report: &mut Report) -> io::Result<()> {
    report.begin("hub heap", "10000 connections");
    let program = current_exe()?.with_file_name("tidings-bench-heap");
    let output = Command::new(&program).output().map_err(|error| {
        let program = program.display();
        io::Error::other(format!(
            "{program}: {error}; cargo build --release -p tidings-bench"
        ))
    })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let mut figures = text.lines().map(|line| line.parse::<f64>().ok());
    for (name, mark) in [
        ("a connection with a user and a topic", CONNECTION_MARK),
        ("a connection without a user", Mark::None),
        ("each further topic", SUBSCRIPTION_MARK),
    ] {
        let figure = figures.next().flatten();
        let figure = figure.ok_or_else(|| io::Error::other(format!("no figures in {text:?}")))?;
        report.once(name, "bytes, without names", figure, mark)?;
    }
    Ok(())
}
