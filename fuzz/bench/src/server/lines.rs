//! A large file that is published line by line, as fast as it goes, to readers that keep up.
//!
//! It knows nothing of the way: a program of its own publishes.

use super::Scale;
use crate::load::{Ask, End, Load, Watch};
use crate::process::{Server, tidings};
use crate::report::{Mark, Report};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;
use tidings_core::Event;

pub(super) fn run(report: &mut Report, scale: Scale) -> io::Result<()> {
    let (lines, readers) = (scale.of(200_000, 5_000), scale.of(50, 10));
    let server = Server::tidings(&[])?;
    let mut load = Load::new(server.address)?;
    let mut got = Lines {
        wanted: lines,
        next: Vec::new(),
        finished: 0,
        fault: None,
    };
    load.ask_many(&Ask::topic("lines"), readers, readers, &mut got)?;
    let file = Temporary::with_lines(lines)?;
    let start = Instant::now();
    let mut publisher = Command::new(tidings()?)
        .args(["publish", "--topic", "lines", "--lines", "--give-up", "30s"])
        .arg("--server")
        .arg(format!("http://{}", server.address))
        .stdin(Stdio::from(File::open(&file.0)?))
        .spawn()?;
    let arrived = load.until(&mut got, |_, got| {
        got.finished == readers || got.fault.is_some()
    });
    let seconds = start.elapsed().as_secs_f64();
    if arrived.is_err() || got.fault.is_some() {
        // It may have ended by itself.
        let _ = publisher.kill();
    }
    let ended = publisher.wait()?;
    arrived?;
    if let Some(fault) = got.fault {
        return Err(io::Error::other(fault));
    }
    if !ended.success() {
        return Err(io::Error::other("tidings publish has failed"));
    }
    let stats = server.stats()?;
    let name = format!("{lines} lines to {readers} readers: gaps");
    report.once(&name, "", stats.count("gaps") as f64, Mark::Exactly(0.0))?;
    let delivered = stats.count("delivered") as f64 / readers as f64;
    report.once(
        "lines that each reader got, once and in order",
        "",
        delivered,
        Mark::Exactly(lines as f64),
    )?;
    report.once("lines a second", "", lines as f64 / seconds, Mark::None)
}

/// What each reader has got.
struct Lines {
    wanted: usize,
    /// The next line, by the number of the stream.
    next: Vec<usize>,
    finished: usize,
    fault: Option<String>,
}

impl Watch for Lines {
    fn event(&mut self, stream: usize, event: &Event<'_>, _: u64) {
        if matches!(event.event_bytes(), b"connected" | b"heartbeat") {
            return;
        }
        if self.next.len() <= stream {
            self.next.resize(stream + 1, 0);
        }
        let next = &mut self.next[stream];
        let number = event
            .data()
            .split(' ')
            .next()
            .and_then(|text| text.parse().ok());
        if number != Some(*next) || event.event_bytes() != b"message" {
            let fault = format!("stream {stream} got {event:?} for line {next}");
            self.fault.get_or_insert(fault);
        }
        *next += 1;
        self.finished += usize::from(*next == self.wanted);
    }

    fn ended(&mut self, stream: usize, end: End) {
        self.fault
            .get_or_insert(format!("stream {stream} ended: {end:?}"));
    }
}

/// A file that is gone when this is.
struct Temporary(PathBuf);

impl Temporary {
    fn with_lines(lines: usize) -> io::Result<Self> {
        let name = format!("tidings-bench-{}.txt", std::process::id());
        let file = Self(std::env::temp_dir().join(name));
        let mut out = BufWriter::new(File::create(&file.0)?);
        for line in 0..lines {
            writeln!(out, "{line} {:.<80}", "")?;
        }
        out.flush()?;
        Ok(file)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // What is left behind is found in the directory for that.
        let _ = fs::remove_file(&self.0);
    }
}
