//! Why the engine did not do something.
//!
//! It does not know the errors of the core: they are failures like those of other handles.

use crate::failure::Failure;
use crate::status::tidings_status::{self, *};
use std::fmt;
use std::io;
use tidings_smol::{NotOpened, NotPublished, StartError, Stopped};

#[derive(Debug)]
pub(crate) enum Refusal {
    Failure(Failure),
    /// The system did not do it.
    System(io::Error),
}

pub(crate) type Answered<T = ()> = Result<T, Refusal>;

impl Refusal {
    /// For those who have no place for the words of the system.
    pub(crate) fn into_failure(self) -> Failure {
        match self {
            Self::Failure(failure) => failure,
            Self::System(_) => TIDINGS_ERR_SYSTEM.into(),
        }
    }

    /// After how many milliseconds it may be tried again; 0 if that is not known.
    pub(crate) const fn retry_ms(&self) -> u64 {
        match self {
            Self::Failure(failure) => failure.retry_ms(),
            Self::System(_) => 0,
        }
    }

    pub(crate) fn status(&self) -> tidings_status {
        match self {
            Self::Failure(failure) => failure.status(),
            Self::System(_) => TIDINGS_ERR_SYSTEM,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failure(failure) => failure.fmt(f),
            Self::System(error) => write!(f, "the system: {error}"),
        }
    }
}

impl<T: Into<Failure>> From<T> for Refusal {
    fn from(failure: T) -> Self {
        Self::Failure(failure.into())
    }
}

/// As [`From`], for errors that are not this crate's, and for what may be one or the other.
pub(crate) trait Refused {
    fn refusal(self) -> Refusal;
}

impl Refused for io::Error {
    fn refusal(self) -> Refusal {
        Refusal::System(self)
    }
}

impl Refused for Stopped {
    fn refusal(self) -> Refusal {
        TIDINGS_ERR_STOPPED.into()
    }
}

impl Refused for NotPublished {
    fn refusal(self) -> Refusal {
        match self {
            Self::Refused(error) => error.into(),
            Self::Busy => TIDINGS_ERR_BUSY.into(),
            _ => TIDINGS_ERR_STOPPED.into(),
        }
    }
}

impl Refused for NotOpened {
    fn refusal(self) -> Refusal {
        match self {
            Self::Refused(error) => error.into(),
            Self::Socket(kind) => Refusal::System(kind.into()),
            _ => TIDINGS_ERR_STOPPED.into(),
        }
    }
}

impl Refused for StartError {
    fn refusal(self) -> Refusal {
        match self {
            Self::Options(error) => error.into(),
            Self::Io(error) => Refusal::System(error),
            _ => TIDINGS_ERR_SHARDS.into(),
        }
    }
}
