//! Why a hub cannot do what it is asked.
//!
//! It does not know the status that a web server makes of it; `http` does.

use std::fmt;
use std::io;
use tidings_core::{OpenError, OptionsError, PublishError};

/// Why a hub cannot be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// An option cannot be.
    Options(OptionsError),
    /// No shard, or more than 256.
    Shards,
    /// The system refused a poller or a thread.
    Io(io::Error),
}

/// Why events were not published. None of them was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NotPublished {
    /// Something is wrong with one of them.
    Refused(PublishError),
    /// The queue is full and did not move in time: readers cannot keep up. Try again.
    Busy,
    /// The hub is being drained, or has ended.
    Stopped,
}

/// Why a stream was not opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NotOpened {
    /// The hub refuses it.
    Refused(OpenError),
    /// The system does not take the socket for a stream, for this reason.
    Socket(io::ErrorKind),
    /// The hub has ended.
    Stopped,
}

/// The hub's driver has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stopped;

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(error) => error.fmt(f),
            Self::Shards => f.write_str("1 to 256 shards"),
            Self::Io(error) => write!(f, "the system refused a poller or a thread: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

impl fmt::Display for NotPublished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Busy => f.write_str("readers cannot keep up with what is published; try again"),
            Self::Stopped => f.write_str("the hub is being drained, or has ended"),
        }
    }
}

impl std::error::Error for NotPublished {}

impl fmt::Display for NotOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Socket(kind) => write!(f, "the system does not take the socket: {kind}"),
            Self::Stopped => f.write_str("the hub has ended"),
        }
    }
}

impl std::error::Error for NotOpened {}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the hub's driver has ended")
    }
}

impl std::error::Error for Stopped {}
