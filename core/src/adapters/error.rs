//! Why a hub behind a handle cannot do what it is asked, and why a stream of it broke off.
//!
//! It does not know the status that a web server makes of it.

use crate::{CloseReason, OpenError, PublishError};
use core::fmt;

/// Why events were not published. None of them was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NotPublished {
    /// Something is wrong with one of them.
    Refused(PublishError),
    /// The hub is being drained, or its driver has ended.
    Stopped,
}

/// Why a stream was not opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NotOpened {
    /// The hub refuses it.
    Refused(OpenError),
    /// The hub's driver has ended.
    Stopped,
}

/// Why a stream ends without a `bye`, maybe in the middle of an event. Let the client see it, by
/// ending its connection as a failed one: it then comes back, and misses nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StreamCut {
    /// The hub has cut it, for this reason.
    Closed(CloseReason),
    /// The hub's driver has ended before it was drained.
    Stopped,
}

/// The hub's driver has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stopped;

const STOPPED: &str = "the hub's driver has ended";

impl fmt::Display for NotPublished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Stopped => f.write_str("the hub is being drained, or its driver has ended"),
        }
    }
}

impl core::error::Error for NotPublished {}

impl fmt::Display for NotOpened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Stopped => f.write_str(STOPPED),
        }
    }
}

impl core::error::Error for NotOpened {}

impl fmt::Display for StreamCut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(reason) => write!(f, "the hub cut the stream: {reason}"),
            Self::Stopped => f.write_str(STOPPED),
        }
    }
}

impl core::error::Error for StreamCut {}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(STOPPED)
    }
}

impl core::error::Error for Stopped {}
