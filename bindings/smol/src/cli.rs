//! The command line: what can be typed, and which part does it.
//!
//! It does not know how any of it is done; each command has a file of its own.

mod auth;
mod config;
mod decode;
mod flags;
mod http;
mod publish;
mod serve;
mod subscribe;
mod token;

use clap::{Parser, Subcommand};
use std::fmt::Display;
use std::io::{self, Write as _};
use std::process::ExitCode;

/// Server-Sent Events: a hub to publish to over HTTP and to read from anywhere, and tools for
/// event streams.
#[derive(Parser)]
#[command(name = "tidings", version, after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
struct Tidings {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::Arguments,
}

const EXAMPLES: &str = "\
Without a command it serves. Examples:
  tidings                                          serve on http://127.0.0.1:8080
  curl -N 'http://127.0.0.1:8080/events?topic=news'
  tidings publish --topic news 'hello'
  tail -F app.log | tidings publish --topic logs --lines
  tidings subscribe --topic logs
  curl -sN https://example.com/stream | tidings decode";

#[derive(Subcommand)]
enum Command {
    /// Serve: streams at /events, publishing at /publish, the console at /
    Serve(serve::Arguments),
    /// Print the settings that the server would have, as a file
    Config(config::Arguments),
    /// Say what is wrong with the settings, and in which line
    Check(config::Arguments),
    /// Publish an event, or each line of standard input as it comes
    Publish(publish::Arguments),
    /// Read a stream, through outages, and print what comes
    Subscribe(subscribe::Arguments),
    /// Turn an event stream on standard input into one JSON object a line
    Decode(decode::Arguments),
    /// Make a token for development, and print it
    Token(token::Arguments),
}

/// Does what the arguments say.
pub(crate) fn run() -> ExitCode {
    let arguments = Tidings::parse();
    match arguments.command {
        None => serve::run(&arguments.serve),
        Some(Command::Serve(arguments)) => serve::run(&arguments),
        Some(Command::Config(arguments)) => config::show(&arguments),
        Some(Command::Check(arguments)) => config::check(&arguments),
        Some(Command::Publish(arguments)) => publish::run(arguments),
        Some(Command::Subscribe(arguments)) => subscribe::run(arguments),
        Some(Command::Decode(arguments)) => decode::run(&arguments),
        Some(Command::Token(arguments)) => token::run(arguments),
    }
}

/// Says on standard error what went wrong.
fn fail(error: impl Display) -> ExitCode {
    tell(error);
    ExitCode::FAILURE
}

/// Says something to people, on standard error. Where nobody reads it there is nobody to tell.
fn tell(message: impl Display) {
    let _ = writeln!(io::stderr(), "tidings: {message}");
}

/// Prints a line on standard output. Where nobody reads it, what it tells has happened all the same.
fn print(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}
