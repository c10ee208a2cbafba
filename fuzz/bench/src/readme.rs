//! Writes the tables of the README from what the benchmarks wrote down, so that nobody types a
//! figure.
//!
//! It does not measure. A figure that is not there is an error: tables do not rot in silence.

use crate::report::short;
use clap::Args;
use serde_json::Value;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::{env, fs, thread};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The files that `server`, `flood`, `auth`, `codec`, `hub`, `abi` and the npm package's benchmarks wrote with --out
    #[arg(required = true)]
    figures: Vec<PathBuf>,
    /// The file to write into, between the marks
    #[arg(long, value_name = "FILE", default_value = "README.md")]
    readme: PathBuf,
}

const BEGIN: &str = "<!-- numbers: written by `make bench` -->\n";
const END: &str = "<!-- numbers: end -->\n";

/// A row of a table: what it says, and which figures stand in it.
struct Row {
    case: &'static str,
    ours: &'static str,
    what: &'static str,
    beside: Option<&'static str>,
    judged: Option<&'static str>,
}

const fn row(case: &'static str, ours: &'static str, what: &'static str) -> Row {
    Row {
        case,
        ours,
        what,
        beside: None,
        judged: None,
    }
}

impl Row {
    /// What ours is to be seen beside.
    const fn beside(mut self, name: &'static str) -> Self {
        self.beside = Some(name);
        self
    }

    /// The figure that has the mark, where it is not ours itself.
    const fn judged_by(mut self, name: &'static str) -> Self {
        self.judged = Some(name);
        self
    }

    const fn marked(self) -> Self {
        let name = self.ours;
        self.judged_by(name)
    }
}

const SERVER: [Row; 14] = [
    row("idle", "memory", "an idle stream").marked(),
    row("idle", "heartbeat", "a heartbeat"),
    row(
        "idle",
        "connect and leave",
        "connect and leave (beside: a server that does nothing else)",
    )
    .beside("bare accept, answer, close"),
    row(
        "fanout",
        "one at a time: tidings",
        "an event to 10,000 streams, one at a time (beside: one `send` for each)",
    )
    .beside("one at a time: floor")
    .judged_by("one at a time: CPU over the floor's"),
    row(
        "fanout",
        "32 in flight: tidings",
        "32 events in flight to 10,000 streams (beside: one `send` for each)",
    )
    .beside("32 in flight: floor")
    .judged_by("32 in flight: CPU over the floor's"),
    row(
        "fanout",
        "32 in flight: tidings, p99",
        "the same, p99 (beside: one `send` for as many as wait)",
    )
    .beside("32 in flight: joined floor, p99")
    .judged_by("32 in flight: p99 over the joined floor's"),
    row(
        "c_epoll",
        "one at a time: C",
        "the example server in C, one event at a time (beside: this server, in the same rounds)",
    )
    .beside("one at a time: Rust")
    .judged_by("one at a time: CPU of C over Rust's"),
    row(
        "c_epoll",
        "32 in flight: C",
        "the same with 32 events in flight (beside: this server, in the same rounds)",
    )
    .beside("32 in flight: Rust")
    .judged_by("32 in flight: CPU of C over Rust's"),
    row(
        "stuck",
        "p99 beside stuck ones",
        "p99 of 900 readers when 100 others stop reading (beside: without these)",
    )
    .beside("p99 alone")
    .judged_by("one over the other"),
    row(
        "stuck",
        "kernel, for the worst of them",
        "what the kernel holds for a reader that stops",
    )
    .marked(),
    row(
        "lines",
        "3 readers: speed",
        "200,000 lines, one event each, to 3 readers: speed, and gaps",
    )
    .judged_by("3 readers: gaps"),
    row(
        "storm",
        "until all have all",
        "10,000 clients come back at once, for 3,000 events each, until all have all",
    ),
    row(
        "storm",
        "growth from the first storm to the last, beside the log",
        "the same, growth from the first time to the last",
    )
    .marked(),
    row(
        "files",
        "cut without an answer",
        "1,000 connects where 256 files may be open, cut without an answer",
    )
    .marked(),
];

const FLOOD: [Row; 2] = [
    row(
        "flood",
        "p99 beside one that is refused",
        "p99 of 1,000 readers beside 3,000 refused connects a second (beside: when these go to a bare loop)",
    )
    .beside("p99 beside a bare loop's")
    .judged_by("p99 over that beside a bare loop's"),
    row(
        "flood",
        "a refusal",
        "a refused connect (beside: accept, answer, close in a bare loop)",
    )
    .beside("bare accept, answer, close")
    .judged_by("a refusal over the bare loop's"),
];

const HUB: [Row; 9] = [
    row(
        "hub fan-out",
        "publish alone, 10000 subscribers",
        "publish to 10,000 subscribers of one topic",
    )
    .marked(),
    row(
        "hub fan-out",
        "publish, outputs, pull, consume, 10000 subscribers",
        "publish, outputs, pull and consume, to the same",
    )
    .marked(),
    row(
        "hub fan-out",
        "the same, 32 events at a time, 10000 subscribers",
        "the same, 32 events at a time",
    ),
    row(
        "hub resume",
        "one topic by name",
        "resume in a log of 1,000,000 events, to the first bytes",
    )
    .marked(),
    row(
        "hub idle",
        "a heartbeat, from timer to consume",
        "a heartbeat, from the timer to consume",
    ),
    row(
        "hub idle",
        "a pass with nothing due, 100000 connections",
        "a wake with nothing due, 100,000 connections (beside: 1,000)",
    )
    .beside("a pass with nothing due, 1000 connections")
    .judged_by("one over the other"),
    row(
        "hub heap",
        "a connection with a user and a topic",
        "heap of a connection with a user and a topic",
    )
    .marked(),
    row(
        "hub heap",
        "a connection without a user",
        "heap of a connection without a user",
    ),
    row(
        "hub heap",
        "each further topic",
        "heap of each further topic",
    )
    .marked(),
];

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let figures = Figures::read(&arguments.figures)?;
    let mut text = format!("\nMeasured on {}.\n", machine());
    text += "\nThe server (`make bench-server`):\n\n";
    figures.rows(&SERVER, &mut text)?;
    text += "\nA flood of connects to a server that is full (`make bench-flood`):\n\n";
    figures.rows(&FLOOD, &mut text)?;
    text += "\nFinding out who has a token (`make bench-auth`):\n\n";
    figures.all("auth", &mut text)?;
    text += "\nThe hub alone, without sockets (`make bench-hub`):\n\n";
    figures.rows(&HUB, &mut text)?;
    text += "\nThe decoder, in MiB/s, every event handed out (`make bench-codec`):\n\n";
    figures.peers("decode", f64::max, &mut text)?;
    text += "\nThe encoder, in ns for each event:\n\n";
    figures.peers("encode", f64::min, &mut text)?;
    text += "\nThe C ABI, in ns for each call (`make bench-abi`):\n\n";
    figures.calls("abi calls", &mut text)?;
    text += "\nA stream decoded through the C ABI, event by event:\n\n";
    figures.all("abi decode", &mut text)?;
    text += "\nThe npm package (`make bench-node`). A hub that broadcasts 256 bytes:\n\n";
    figures.peers("node hub", f64::min, &mut text)?;
    text += "\nIts decoder, in MiB/s, events handed out as objects with strings:\n\n";
    figures.peers("node reader", f64::max, &mut text)?;
    text.push('\n');
    replace(&arguments.readme, &text)
}

/// Puts the text between the marks.
fn replace(readme: &Path, text: &str) -> io::Result<()> {
    let old = fs::read_to_string(readme)?;
    let parts = old.split_once(BEGIN).and_then(|(before, rest)| {
        let (_, after) = rest.split_once(END)?;
        Some((before, after))
    });
    let Some((before, after)) = parts else {
        let problem = format!("{} lacks the marks for the numbers", readme.display());
        return Err(io::Error::other(problem));
    };
    fs::write(readme, format!("{before}{BEGIN}{text}{END}{after}"))
}

fn machine() -> String {
    let cpus = thread::available_parallelism().map_or(0, usize::from);
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or(env::consts::ARCH, |model| {
        model.trim_matches([' ', '\t', ':'])
    });
    format!("{cpus} vCPU that others share, {model}")
}

/// In the order in which they were written down. Of several with one name, the first counts: it is
/// from the case in which the marks hold.
struct Figures(Vec<Figure>);

struct Figure {
    case: String,
    name: String,
    unit: String,
    median: f64,
    mark: Option<String>,
    met: bool,
}

impl Figures {
    fn read(files: &[PathBuf]) -> io::Result<Self> {
        let mut figures = Vec::new();
        for file in files {
            for line in fs::read_to_string(file)?.lines() {
                figures.push(Figure::parse(line)?);
            }
        }
        Ok(Self(figures))
    }

    fn get(&self, case: &str, name: &str) -> io::Result<&Figure> {
        let mut of_case = self.0.iter().filter(|figure| figure.case == case);
        let figure = of_case.find(|figure| figure.name == name);
        figure.ok_or_else(|| io::Error::other(format!("no figure {name:?} of {case:?}")))
    }

    fn of_case(&self, case: &str) -> io::Result<impl Iterator<Item = &Figure> + Clone> {
        let of_case = self.0.iter().filter(move |figure| figure.case == case);
        match of_case.clone().next() {
            Some(_) => Ok(of_case),
            None => Err(io::Error::other(format!("no figures of {case:?}"))),
        }
    }

    fn rows(&self, rows: &[Row], out: &mut String) -> io::Result<()> {
        *out += "| what | Tidings | beside | mark |\n|---|---:|---:|---|\n";
        for row in rows {
            let get = |name| self.get(row.case, name);
            let ours = get(row.ours)?;
            let beside = row.beside.map(get).transpose()?;
            let judged = match row.judged.map(get).transpose()? {
                Some(judged) if judged.name == row.ours => judged.verdict(),
                Some(judged) => [judged.text(), judged.verdict()].join(", "),
                None => String::new(),
            };
            let beside = beside.map(Figure::text).unwrap_or_default();
            line(out, &[row.what, &ours.text(), &beside, &judged]);
        }
        Ok(())
    }

    /// A table of a case in which each thing was called in Rust and in C.
    fn calls(&self, case: &str, out: &mut String) -> io::Result<()> {
        *out += "| call | Rust | C | difference | mark |\n|---|---:|---:|---:|---|\n";
        for more in self.of_case(case)? {
            let Some(what) = more.name.strip_suffix(": more in C") else {
                continue;
            };
            let get = |how: &str| self.get(case, &format!("{what}: {how}"));
            let figures = [get("in Rust")?, get("in C")?, more];
            let [rust, c, difference] = figures.map(|figure| short(figure.median));
            line(out, &[what, &rust, &c, &difference, &more.verdict()]);
        }
        Ok(())
    }

    /// A table of all figures of a case.
    fn all(&self, case: &str, out: &mut String) -> io::Result<()> {
        *out += "| what | | mark |\n|---|---:|---|\n";
        for figure in self.of_case(case)? {
            line(out, &[&figure.name, &figure.text(), &figure.verdict()]);
        }
        Ok(())
    }

    /// A table of a case in which each thing was done by all, and the best of the peers counts.
    fn peers(&self, case: &str, better: fn(f64, f64) -> f64, out: &mut String) -> io::Result<()> {
        *out += "| what | Tidings | fastest peer | ratio | mark |\n|---|---:|---:|---:|---|\n";
        let of_case = self.of_case(case)?;
        for ratio in of_case.clone() {
            let Some(what) = ratio.name.strip_suffix(": over the fastest peer") else {
                continue;
            };
            let ours = self.get(case, &format!("{what}: tidings"))?;
            let peers = of_case.clone().filter_map(|figure| {
                let name = figure.name.strip_prefix(what)?.strip_prefix(": ")?;
                let is_peer = figure.unit == ours.unit && !is_no_peer(name);
                is_peer.then_some((name, figure.median))
            });
            let best = peers.reduce(|one, other| match better(one.1, other.1) {
                median if median == one.1 => one,
                _ => other,
            });
            let (peer, median) = best.ok_or_else(|| io::Error::other("no peer took part"))?;
            let (ours, peer) = (short(ours.median), format!("{} ({peer})", short(median)));
            line(
                out,
                &[what, &ours, &peer, &short(ratio.median), &ratio.verdict()],
            );
        }
        Ok(())
    }
}

/// Ourselves, and the limits of the machine.
fn is_no_peer(name: &str) -> bool {
    ["tidings", "memchr", "memcpy"]
        .iter()
        .any(|own| name.starts_with(own))
}

impl Figure {
    fn parse(line: &str) -> io::Result<Self> {
        let value: Value = serde_json::from_str(line)?;
        let text = |name: &str| value[name].as_str().map(ToOwned::to_owned);
        Ok(Self {
            case: text("case").unwrap_or_default(),
            name: text("name").unwrap_or_default(),
            unit: text("unit").unwrap_or_default(),
            median: value["median"].as_f64().unwrap_or(f64::NAN),
            mark: text("mark"),
            met: value["met"].as_bool().unwrap_or(true),
        })
    }

    fn text(&self) -> String {
        format!("{} {}", short(self.median), self.unit)
            .trim_end()
            .to_owned()
    }

    fn verdict(&self) -> String {
        match (&self.mark, self.met) {
            (None, _) => "no mark".to_owned(),
            (Some(mark), true) => mark.clone(),
            (Some(mark), false) => format!("{mark}, **missed**"),
        }
    }
}

fn line(out: &mut String, cells: &[&str]) {
    let written = writeln!(out, "| {} |", cells.join(" | "));
    debug_assert!(written.is_ok(), "writing to a string cannot fail");
}
