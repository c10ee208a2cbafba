//! Where in a configuration a setting is.
//!
//! It does not know whether it is right.

use super::Config;
use crate::hub::StartError;
use crate::server::ServerError;
use tidings_core::OptionsError;
use toml::de::{DeTable, DeValue};

/// A step on the way to a setting: into a table, or to an item of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    Key(&'static str),
    Item(usize),
}

use Place::{Item, Key};

/// The setting that an error is about; none where it is about no single one.
pub(super) fn place_of(error: &ServerError, config: &Config) -> Vec<Place> {
    match error {
        ServerError::NotLoopback(_) | ServerError::Listen(..) => vec![Key("listen")],
        ServerError::Log(_) => vec![Key("logs"), Key("level")],
        ServerError::Tls(_) => vec![Key("tls")],
        ServerError::Cors(_) => vec![Key("cors"), Key("origins")],
        ServerError::Auth(_) => vec![Key("auth")],
        ServerError::HeadBytes => vec![Key("limits"), Key("head_bytes")],
        ServerError::Start(StartError::Shards) => vec![Key("shards")],
        ServerError::Start(StartError::Options(error)) => place_of_option(error, config),
        ServerError::Start(StartError::Io(_)) => Vec::new(),
    }
}

fn place_of_option(error: &OptionsError, config: &Config) -> Vec<Place> {
    match error {
        OptionsError::TooManyClasses => vec![Key("classes")],
        OptionsError::ClassPattern { class, .. } => {
            vec![Key("classes"), Item(*class), Key("topics")]
        }
        OptionsError::ClassTooSmall { class } if *class < config.classes.len() => {
            vec![Key("classes"), Item(*class)]
        }
        OptionsError::ClassTooSmall { .. } => vec![Key("log")],
        OptionsError::TooManyConnections => vec![Key("limits"), Key("connections")],
        OptionsError::EventTooLarge => vec![Key("limits"), Key("event_bytes")],
        _ => Vec::new(),
    }
}

/// How a setting is written: `classes[0].topics`.
pub(super) fn name(place: &[Place]) -> String {
    let mut name = String::new();
    for step in place {
        match step {
            Key(key) if name.is_empty() => name.push_str(key),
            Key(key) => name.extend([".", key]),
            Item(number) => name.push_str(&format!("[{number}]")),
        }
    }
    name
}

/// The line of a setting in this text, counted from 1; of the table that it would be in where the
/// text does not have it, and none where it has not even that.
pub(super) fn find(text: &str, place: &[Place]) -> Option<usize> {
    let (first, rest) = match place {
        [Key(first), rest @ ..] => (*first, rest),
        _ => return None,
    };
    let table = DeTable::parse(text).ok()?;
    let mut found = table.get_ref().get(first)?;
    for step in rest {
        let inner = match step {
            Key(key) => DeValue::get(found.get_ref(), *key),
            Item(number) => DeValue::get(found.get_ref(), *number),
        };
        match inner {
            Some(inner) => found = inner,
            None => break,
        }
    }
    Some(line(text, found.span().start))
}

/// The line of a byte of this text, counted from 1.
pub(super) fn line(text: &str, byte: usize) -> usize {
    let before = text.as_bytes().get(..byte).unwrap_or_default();
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}
