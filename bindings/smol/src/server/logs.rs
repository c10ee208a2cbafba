//! The structured log: how its lines look, and how they get out without holding anything up.
//!
//! It does not know what is logged: the parts of the server say that as `tracing` events, and so does
//! the driver for whoever embeds it. Only [`LogOptions::start`] decides what becomes of them.
//!
//! A line goes into a bounded queue, from which a thread writes it. Where nobody reads standard error,
//! the thread waits, the queue fills and lines are dropped and counted; no stream ever waits.

use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::fmt;
use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};
use tracing::Subscriber;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// Lines that may wait to be written, a few hundred bytes each: about a megabyte.
const WAITING_LINES: usize = 4_096;

/// Lines about refusals in a second. More say nothing new, and would fill a disk.
pub(super) const REFUSAL_LINES: u32 = 10;

/// How the log looks, and what is in it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogOptions {
    /// How a line looks. Default text.
    pub format: LogFormat,
    /// What is logged: `off`, `error`, `warn`, `info`, `debug` or `trace`, also for a part alone, as
    /// in `info,hyper=debug`. Default `info`: a line for each stream that opens or ends, and for
    /// refusals.
    pub level: String,
}

/// How a line of the log looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// An object a line, for programs.
    Json,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self {
            format: LogFormat::default(),
            level: "info".to_owned(),
        }
    }
}

/// Why the log cannot be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum LogError {
    /// The level is none.
    Level(String, ParseError),
    /// The process logs in another way already.
    Started,
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Level(level, error) => write!(
                f,
                "the log level {level:?} is none ({error}): say off, error, warn, info, debug or \
                 trace, or a list such as info,hyper=debug"
            ),
            Self::Started => f.write_str("this process logs in another way already"),
        }
    }
}

impl std::error::Error for LogError {}

/// A log that is being written. Dropped, it waits a second for what is left.
#[must_use = "lines are written as long as this lives"]
#[derive(Debug)]
pub struct Log {
    _writer: WorkerGuard,
}

static DROPPED: OnceLock<ErrorCounter> = OnceLock::new();

/// Lines that were dropped since nobody read them in time.
pub(super) fn dropped() -> u64 {
    let dropped = DROPPED.get().map_or(0, ErrorCounter::dropped_lines);
    dropped as u64
}

impl LogOptions {
    /// Writes what this process logs to standard error, from now on.
    ///
    /// # Errors
    /// See [`LogError`].
    pub fn start(&self) -> Result<Log, LogError> {
        let filter = self.filter()?;
        let (lines, writer) = NonBlockingBuilder::default()
            .buffered_lines_limit(WAITING_LINES)
            .thread_name("tidings-log")
            .finish(io::stderr());
        // It is set once, as the log is.
        let _ = DROPPED.set(lines.error_counter());
        let subscriber = subscriber(self.format, filter, lines);
        tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Started)?;
        Ok(Log { _writer: writer })
    }

    /// Whether a log can be started with these.
    ///
    /// # Errors
    /// That the level is none.
    pub fn validate(&self) -> Result<(), LogError> {
        self.filter().map(drop)
    }

    fn filter(&self) -> Result<EnvFilter, LogError> {
        let filter = EnvFilter::try_new(&self.level);
        filter.map_err(|error| LogError::Level(self.level.clone(), error))
    }
}

fn subscriber(
    format: LogFormat,
    filter: EnvFilter,
    lines: NonBlocking,
) -> Box<dyn Subscriber + Send + Sync> {
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(lines);
    match format {
        LogFormat::Text => Box::new(log.with_target(false).finish()),
        LogFormat::Json => {
            let log = log.json().flatten_event(true).with_current_span(false);
            Box::new(log.with_span_list(false).finish())
        }
    }
}

/// Lets so many lines a second through, and counts the others, so that a flood of what clients cause
/// does not become a flood of lines.
pub(super) struct Flood {
    lines: u32,
    since: Cell<Instant>,
    written: Cell<u32>,
    left_out: Cell<u64>,
}

impl Flood {
    pub(super) fn new(lines: u32) -> Self {
        Self {
            lines,
            since: Cell::new(Instant::now()),
            written: Cell::new(0),
            left_out: Cell::new(0),
        }
    }

    /// Whether a line may be written now; if so, how many were left out before it, where any were.
    pub(super) fn admit(&self, now: Instant) -> Option<Option<u64>> {
        if now.duration_since(self.since.get()) >= Duration::from_secs(1) {
            self.since.set(now);
            self.written.set(0);
        }
        if self.written.get() >= self.lines {
            self.left_out.set(self.left_out.get() + 1);
            return None;
        }
        self.written.set(self.written.get() + 1);
        Some(self.take_left_out())
    }

    /// How many lines were left out since it was last said, where any were.
    pub(super) fn take_left_out(&self) -> Option<u64> {
        Some(self.left_out.take()).filter(|left_out| *left_out > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Flood, Instant};

    #[test]
    fn a_flood_is_let_through_in_part_and_the_rest_counted() {
        let (flood, start) = (Flood::new(2), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(flood.admit(at(0)), Some(None));
        assert_eq!(flood.admit(at(10)), Some(None));
        for ms in 20..120 {
            assert_eq!(flood.admit(at(ms)), None);
        }
        assert_eq!(flood.admit(at(2_000)), Some(Some(100)));
        assert_eq!(flood.admit(at(2_000)), Some(None));
        assert_eq!(flood.admit(at(2_001)), None);
        assert_eq!(flood.take_left_out(), Some(1));
        assert_eq!(flood.take_left_out(), None);
    }
}
