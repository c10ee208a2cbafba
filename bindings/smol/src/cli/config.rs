//! `tidings config` and `tidings check`: the settings that a server would have, and whether it could
//! have them.
//!
//! It does not know where they come from.

use super::flags::Flags;
use super::{fail, print};
use clap::Args;
use std::process::ExitCode;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    flags: Flags,
}

const EXAMPLES: &str = "\
Examples:
  tidings config > tidings.toml                   begin a file with all defaults
  tidings config --config tidings.toml            see what is in force, file, environment and flags
  tidings check --config tidings.toml";

/// Prints all settings as a file would have them; secrets are not shown.
pub(super) fn show(arguments: &Arguments) -> ExitCode {
    let (config, _) = match arguments.flags.config() {
        Ok(config) => config,
        Err(error) => return fail(error),
    };
    match toml::to_string(&config) {
        Ok(text) => {
            print(text.trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => fail(error),
    }
}

/// Says what is wrong with the settings, and in which line of the file.
pub(super) fn check(arguments: &Arguments) -> ExitCode {
    let checked = arguments
        .flags
        .config()
        .and_then(|(config, file)| config.options(file.as_ref()));
    match checked {
        Ok(_) => {
            print("the settings are right");
            ExitCode::SUCCESS
        }
        Err(error) => fail(error),
    }
}
