//! A large file that is published line by line, as fast as it goes.
//!
//! It knows nothing of the way: a program of its own publishes. A few readers keep up with it.
//! Many share a processor with it and with the server: how many of them meet a gap is told for
//! information, and that each line came or was told as missed is checked all the same.

use super::Scale;
use crate::load::{Ask, End, Load, Watch};
use crate::process::{Server, dependent, tidings};
use crate::report::{Mark, Report};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tidings_core::Event;

/// Readers that keep up, and more than that.
const FEW: usize = 3;
const MANY: usize = 50;

/// How long it may take in all.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn run(report: &mut Report, scale: Scale) -> io::Result<()> {
    let lines = scale.of(200_000, 5_000);
    report.begin("lines", &format!("{lines} lines of about 90 bytes"));
    let file = Temporary::with_lines(lines)?;
    for readers in [FEW, MANY] {
        let only = |mark| if readers == FEW { mark } else { Mark::None };
        let (got, seconds) = publish(&file, lines, readers)?;
        let name = |name: &str| format!("{readers} readers: {name}");
        let gaps = got.gaps as f64;
        report.once(&name("gaps"), "", gaps, only(Mark::Exactly(0.0)))?;
        let each = got.received as f64 / readers as f64;
        let all = only(Mark::Exactly(lines as f64));
        report.once(&name("lines to each, once, in order"), "", each, all)?;
        let speed = lines as f64 / seconds;
        report.once(&name("speed"), "lines/s", speed, Mark::None)?;
    }
    Ok(())
}

/// Publishes the file; returns what the readers got, and the seconds that it took.
fn publish(file: &Temporary, lines: u64, readers: usize) -> io::Result<(Lines, f64)> {
    let server = Server::tidings(&[])?;
    let mut load = Load::new(server.address)?;
    let mut got = Lines::default();
    load.ask_many(&Ask::topic("lines"), readers, readers, &mut got)?;
    let start = Instant::now();
    let mut publisher = dependent(&tidings()?)?
        .args(["publish", "--topic", "lines", "--lines"])
        .args(["--give-up", "30s", "--server"])
        .arg(format!("http://{}", server.address))
        .stdin(Stdio::from(File::open(&file.0)?))
        .spawn()?;
    while got.next.iter().filter(|next| **next == lines).count() < readers
        && got.fault.is_none()
        && start.elapsed() < PATIENCE
    {
        load.turn(Duration::from_millis(100), &mut got)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    if let Some(fault) = got.fault {
        // It may have ended by itself.
        let _ = publisher.kill();
        let _ = publisher.wait();
        return Err(io::Error::other(fault));
    }
    if seconds > PATIENCE.as_secs_f64() || !publisher.wait()?.success() {
        return Err(io::Error::other("not every line was published and read"));
    }
    Ok((got, seconds))
}

/// What the readers have got.
#[derive(Default)]
struct Lines {
    /// The next line of each, by the number of the stream.
    next: Vec<u64>,
    received: u64,
    gaps: u64,
    fault: Option<String>,
}

impl Lines {
    /// The line that a reader waits for after this event; none where the event is wrong.
    fn after(&mut self, next: u64, event: &Event<'_>) -> Option<u64> {
        match event.event_bytes() {
            b"connected" | b"heartbeat" => Some(next),
            b"gap" => {
                let says: serde_json::Value = serde_json::from_slice(event.data_bytes()).ok()?;
                self.gaps += 1;
                Some(next + says["missed"].as_u64()?)
            }
            b"message" => {
                let data = event.data();
                let number: u64 = data.split(' ').next()?.parse().ok()?;
                self.received += 1;
                (number == next).then_some(next + 1)
            }
            _ => None,
        }
    }
}

impl Watch for Lines {
    fn event(&mut self, stream: usize, event: &Event<'_>, _: u64) {
        if self.next.len() <= stream {
            self.next.resize(stream + 1, 0);
        }
        let next = self.next[stream];
        match self.after(next, event) {
            Some(next) => self.next[stream] = next,
            None => {
                let fault = format!("stream {stream} got {event:?} for line {next}");
                self.fault.get_or_insert(fault);
            }
        }
    }

    fn ended(&mut self, stream: usize, end: End) {
        self.fault
            .get_or_insert(format!("stream {stream} ended: {end:?}"));
    }
}

/// A file that is gone when this is.
struct Temporary(PathBuf);

impl Temporary {
    fn with_lines(lines: u64) -> io::Result<Self> {
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
