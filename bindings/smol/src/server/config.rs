//! The configuration of the server as people write it: a TOML file, and what flags say over it.
//!
//! It does not know the command line, and what a setting does.

mod place;
mod tables;

pub(super) use tables::exact;
pub use tables::{ClassTable, Config, LimitTable, LogTable, StreamTable};

use super::{ServerError, ServerOptions};
use crate::options::DriverOptions;
use bytesize::ByteSize;
use place::{Place, place_of};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tidings_core::HubOptions;
use toml::Value;

/// What is wrong with a configuration, and where.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    Read(PathBuf, io::Error),
    /// Something in the file is wrong.
    File {
        /// Which file.
        file: PathBuf,
        /// Where in it.
        line: usize,
        /// What is wrong.
        message: String,
    },
    /// A setting is wrong that the file does not have: it comes from elsewhere.
    Setting {
        /// Its name in the file, where it can be told.
        setting: String,
        /// What is wrong.
        message: String,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(file, error) => write!(f, "cannot read {}: {error}", file.display()),
            Self::File {
                file,
                line,
                message,
            } => write!(f, "{}:{line}: {message}", file.display()),
            Self::Setting { setting, message } if setting.is_empty() => f.write_str(message),
            Self::Setting { setting, message } => write!(f, "{setting}: {message}"),
        }
    }
}

impl std::error::Error for ConfigError {}

/// A file of settings, kept to say where in it something is wrong.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    path: PathBuf,
    text: String,
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, or is no UTF-8.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path);
        Ok(Self {
            path: path.to_owned(),
            text: text.map_err(|error| ConfigError::Read(path.to_owned(), error))?,
        })
    }

    /// The settings in it, with the defaults of those it does not have.
    ///
    /// # Errors
    /// It is no TOML, or has a setting that there is not, or one of another type.
    pub fn config(&self) -> Result<Config, ConfigError> {
        toml::from_str(&self.text).map_err(|error| ConfigError::File {
            file: self.path.clone(),
            line: error
                .span()
                .map_or(1, |span| place::line(&self.text, span.start)),
            message: error.message().to_owned(),
        })
    }

    /// Says where in the file it is, if it is there.
    fn locate(&self, place: &[Place], message: String) -> ConfigError {
        match place::find(&self.text, place) {
            Some(line) => ConfigError::File {
                file: self.path.clone(),
                line,
                message: format!("{}: {message}", place::name(place)),
            },
            None => ConfigError::Setting {
                setting: place::name(place),
                message,
            },
        }
    }
}

impl Config {
    /// The options of a server with this configuration, which have been checked as far as they can
    /// be without one.
    ///
    /// # Errors
    /// A setting that cannot be, with its line where it is from the file.
    pub fn options(&self, file: Option<&ConfigFile>) -> Result<ServerOptions, ConfigError> {
        let options = ServerOptions::from(self);
        match options.validate() {
            Ok(()) => Ok(options),
            Err(error) => Err(self.explain(&error, file)),
        }
    }

    /// Says of an error which setting it is about.
    #[must_use]
    pub fn explain(&self, error: &ServerError, file: Option<&ConfigFile>) -> ConfigError {
        let (place, message) = (place_of(error, self), error.to_string());
        match file {
            Some(file) => file.locate(&place, message),
            None => ConfigError::Setting {
                setting: place::name(&place),
                message,
            },
        }
    }
}

/// What a server that runs takes of a new configuration. Of the limits, those on requests and events
/// are not among it.
const RELOADED: [&str; 13] = [
    "auth.",
    "tls.",
    "limits.connections",
    "limits.connections_per_user",
    "limits.when_user_full",
    "limits.connections_per_address",
    "limits.opens_per_address.",
    "limits.opens_per_user.",
    "limits.publishes.",
    "limits.messages.",
    "limits.topics_per_connection",
    "limits.grants_per_connection",
    "limits.replay_",
];

impl Config {
    /// The settings that differ in a newer configuration, and that a server takes only when it is
    /// started again.
    #[must_use]
    pub fn needs_restart(&self, newer: &Self) -> Vec<String> {
        let (Ok(before), Ok(after)) = (Value::try_from(self), Value::try_from(newer)) else {
            return Vec::new();
        };
        let (mut older, mut names) = (BTreeMap::new(), Vec::new());
        flatten(String::new(), before, &mut older);
        let mut newer = BTreeMap::new();
        flatten(String::new(), after, &mut newer);
        for name in older.keys().chain(newer.keys()) {
            let is_reloaded = RELOADED.iter().any(|prefix| {
                name == prefix || prefix.ends_with(['.', '_']) && name.starts_with(prefix)
            });
            if !is_reloaded && older.get(name) != newer.get(name) && !names.contains(name) {
                names.push(name.clone());
            }
        }
        names
    }
}

/// All settings by their whole names.
fn flatten(name: String, value: Value, settings: &mut BTreeMap<String, Value>) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                let dot = if name.is_empty() { "" } else { "." };
                flatten(format!("{name}{dot}{key}"), value, settings);
            }
        }
        other => {
            settings.insert(name, other);
        }
    }
}

impl From<&Config> for ServerOptions {
    fn from(config: &Config) -> Self {
        Self {
            listen: config.listen,
            hosts: config.hosts.clone(),
            allow_anonymous: config.allow_anonymous,
            allow_anonymous_publish: config.allow_anonymous_publish,
            auth: config.auth.clone(),
            cors: config.cors.clone(),
            connections: config.limits.connections,
            body_bytes: bytes(config.limits.body_bytes),
            body_timeout: config.limits.body_timeout,
            drain: config.drain,
            tls: config.tls.clone(),
            trusted_proxies: config.trusted_proxies.clone(),
            logs: config.logs.clone(),
            http: config.limits.http(),
            http2: config.limits.http2,
            #[cfg(feature = "websocket")]
            websocket: config.limits.websocket,
            limits: config.limits.of_clients(),
            sessions: config.sessions.clone(),
            driver: driver(config),
        }
    }
}

fn driver(config: &Config) -> DriverOptions {
    let mut driver = DriverOptions {
        shards: config.shards,
        ..DriverOptions::default()
    };
    // The hub's own deadline comes first, and can tell a reader why. 0 leaves it to the system.
    driver.socket.user_timeout = match config.streams.stall {
        Duration::ZERO => Duration::ZERO,
        stall => stall + Duration::from_secs(15),
    };
    driver.hub = HubOptions {
        classes: config
            .classes
            .iter()
            .map(|class| class.options(&config.log))
            .collect(),
        default_class: config.log.class(),
        lag: config.log.lag,
        limits: config.limits.of_hub(),
        deadlines: config.streams.deadlines(),
        ..driver.hub
    };
    driver
}

/// As many bytes as memory could have.
pub(super) fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manual_has_settings_that_there_are() {
        let manual = include_str!("../../README.md");
        let examples = manual.split("```toml\n").skip(1);
        let examples: Vec<_> = examples.filter_map(|rest| rest.split_once("```")).collect();
        assert_eq!(examples.len(), 2);
        for (example, _) in examples {
            toml::from_str::<Config>(example).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}
