//! Measures Tidings against its peers, and against what the machine can do at best.
//!
//! This is the command line; it does not know what is measured.

mod abi;
mod auth;
mod codec;
mod flood;
mod floor;
mod histogram;
mod hub;
mod load;
mod process;
mod race;
mod readme;
mod report;
mod server;

use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::process::ExitCode;

#[derive(Parser)]
struct Bench {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The server: its memory, its speed beside a bare server's, and what it does under stress
    Server(server::Arguments),
    /// The decoder and the encoder, side by side with those of others
    Codec(report::Arguments),
    /// The hub: what a publish, a delivery, a resume and an idle connection cost
    Hub(report::Arguments),
    /// Authentication: what it costs to check a token
    Auth(report::Arguments),
    /// A flood of connects that are refused: what others notice, and what a refusal costs
    Flood(report::Arguments),
    /// The C ABI: what a call costs more than in Rust, and decoding through it
    Abi(report::Arguments),
    /// Write the README's tables from the files of the others
    Readme(readme::Arguments),
    /// Be a bare server
    #[command(hide = true)]
    Floor { kind: floor::Kind },
    /// Be the subscribers and publishers of one topic
    #[command(hide = true)]
    Crowd {
        address: SocketAddr,
        subscribers: usize,
        form: load::crowd::Form,
    },
    /// Become another program, which ends with this one
    #[command(hide = true)]
    Exec {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        program: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done = match Bench::parse().command {
        Command::Server(arguments) => server::run(&arguments),
        Command::Codec(arguments) => codec::run(&arguments),
        Command::Hub(arguments) => hub::run(&arguments),
        Command::Auth(arguments) => auth::run(&arguments),
        Command::Flood(arguments) => flood::run(&arguments),
        Command::Abi(arguments) => abi::run(&arguments),
        Command::Readme(arguments) => readme::run(&arguments),
        Command::Floor { kind } => floor::run(kind),
        Command::Crowd {
            address,
            subscribers,
            form,
        } => load::crowd::run(address, subscribers, form),
        Command::Exec { program } => Err(process::exec(&program)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tidings-bench: {error}");
            ExitCode::FAILURE
        }
    }
}
