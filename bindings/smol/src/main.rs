//! The program `tidings`: the reference server, and tools for its streams.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
