//! Figures: their medians over runs, the marks they have to meet, and how they are written down.
//!
//! It does not know how anything is measured.

use clap::Args;
use serde_json::json;
use std::fmt;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;

/// What every benchmark can be told.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Run small: to see that everything works, not how fast
    #[arg(long)]
    pub(crate) quick: bool,
    /// Write the figures into this file, a JSON object a line
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Where figures go: a table on standard output, and one line of JSON each in a file.
pub(crate) struct Report {
    out: Option<File>,
    case: &'static str,
    missed: Vec<String>,
}

/// What a figure has to meet.
#[derive(Clone, Copy)]
pub(crate) enum Mark {
    /// It is for information.
    None,
    AtLeast(f64),
    AtMost(f64),
    Exactly(f64),
}

impl Report {
    pub(crate) fn new(arguments: &Arguments) -> io::Result<Self> {
        Ok(Self {
            out: arguments.out.as_ref().map(File::create).transpose()?,
            case: "",
            missed: Vec::new(),
        })
    }

    /// Begins the table of a case.
    pub(crate) fn begin(&mut self, case: &'static str, about: &str) {
        self.case = case;
        println!("\n{case}: {about}");
        println!(
            "  {:<56} {:>10} {:>10} {:>10}",
            "", "median", "least", "most"
        );
    }

    /// Writes a figure that was taken once.
    pub(crate) fn once(
        &mut self,
        name: &str,
        unit: &str,
        value: f64,
        mark: Mark,
    ) -> io::Result<()> {
        self.figure(name, unit, &[value], mark)
    }

    /// Writes a figure that was taken in several runs. The mark is for the median.
    pub(crate) fn figure(
        &mut self,
        name: &str,
        unit: &str,
        runs: &[f64],
        mark: Mark,
    ) -> io::Result<()> {
        let value = median(runs);
        let least = runs.iter().copied().fold(f64::INFINITY, f64::min);
        let most = runs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let met = mark.is_met(value);
        let spread = if runs.len() > 1 {
            format!("{:>10} {:>10}", short(least), short(most))
        } else {
            format!("{:>10} {:>10}", "", "")
        };
        let verdict = match (mark, met) {
            (Mark::None, _) => String::new(),
            (mark, true) => format!(", {mark}: met"),
            (mark, false) => format!(", {mark}: MISSED"),
        };
        println!(
            "  {name:<56} {:>10} {spread}  {unit}{verdict}",
            short(value)
        );
        if !met {
            self.missed.push(format!("{}: {name}", self.case));
        }
        let line = json!({
            "case": self.case, "name": name, "unit": unit, "median": value, "runs": runs,
            "mark": mark.limit().map(|_| mark.to_string()), "met": mark.limit().map(|_| met),
        });
        match &mut self.out {
            Some(out) => writeln!(out, "{line}"),
            None => Ok(()),
        }
    }

    /// The marks that were missed so far.
    pub(crate) fn missed(&self) -> &[String] {
        &self.missed
    }

    /// Fails where a mark was missed, unless it was a small run: that is for seeing that everything
    /// works.
    pub(crate) fn verdict(&self, quick: bool) -> io::Result<()> {
        if self.missed.is_empty() || quick {
            return Ok(());
        }
        let missed = self.missed.join("; ");
        Err(io::Error::other(format!("marks missed: {missed}")))
    }
}

impl Mark {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::None => true,
            Self::AtLeast(limit) => value >= limit,
            Self::AtMost(limit) => value <= limit,
            Self::Exactly(limit) => (value - limit).abs() < f64::EPSILON,
        }
    }

    fn limit(self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::AtLeast(limit) | Self::AtMost(limit) | Self::Exactly(limit) => Some(limit),
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::None => Ok(()),
            Self::AtLeast(limit) => write!(f, "at least {}", short(limit)),
            Self::AtMost(limit) => write!(f, "at most {}", short(limit)),
            Self::Exactly(limit) => write!(f, "exactly {}", short(limit)),
        }
    }
}

pub(crate) fn median(runs: &[f64]) -> f64 {
    let mut sorted = runs.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => sorted[len / 2],
        len => f64::midpoint(sorted[len / 2 - 1], sorted[len / 2]),
    }
}

/// A number with as many digits as mean something.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 100.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_in_the_middle() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }
}
