//! What was caught by what, and the table of it in the README.
//!
//! It does not know how anything is caught.

use crate::patch::Patch;
use std::fmt::{self, Write as _};
use std::fs;
use std::path::Path;

/// A check that caught a fault.
pub(crate) struct Catch {
    check: String,
    /// In which case, and at which step of it.
    place: String,
    pub(crate) sentence: String,
}

pub(crate) struct Row {
    pub(crate) catches: Vec<Catch>,
}

/// The checks that have columns of their own.
const COLUMNS: [&str; 2] = ["model", "world"];

const BEGIN: &str = "<!-- faults: begin -->\n";
const END: &str = "<!-- faults: end -->\n";

impl Catch {
    pub(crate) fn by(check: &str) -> Self {
        Self {
            check: check.to_owned(),
            place: String::new(),
            sentence: String::new(),
        }
    }

    /// The line of the trial that says so.
    pub(crate) fn line(&self) -> String {
        format!("caught {} | {} | {}", self.check, self.place, self.sentence)
    }

    /// A line of the trial, if it says that something was caught.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let mut parts = line.strip_prefix("caught ")?.splitn(3, " | ");
        let mut next = || parts.next().map(str::to_owned);
        Some(Self {
            check: next()?,
            place: next()?,
            sentence: next()?,
        })
    }
}

impl Row {
    pub(crate) fn is_caught(&self) -> bool {
        !self.catches.is_empty()
    }

    fn of(&self, check: &str) -> &str {
        let catch = self.catches.iter().find(|catch| catch.check == check);
        catch.map_or("", |catch| &catch.place)
    }

    fn others(&self) -> String {
        let others = self.catches.iter();
        let others = others.filter(|catch| !COLUMNS.contains(&catch.check.as_str()));
        let others: Vec<_> = others
            .map(|catch| format!("{} {}", catch.check, catch.place).trim().to_owned())
            .collect();
        others.join("; ")
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_caught() {
            return f.write_str("SURVIVED");
        }
        for catch in &self.catches {
            write!(f, "[{} {}] ", catch.check, catch.place)?;
        }
        let sentence: String = self.catches[0].sentence.chars().take(160).collect();
        f.write_str(&sentence)
    }
}

pub(crate) fn write(patches: &[Patch], rows: &[Row]) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let (head, rest) = readme.split_once(BEGIN).ok_or("no place for the table")?;
    let (_, tail) = rest.split_once(END).ok_or("no end of the table")?;
    let caught = rows.iter().filter(|row| row.is_caught()).count();
    let mut table = format!("{} faults, {caught} caught.\n\n", rows.len());
    table.push_str("| part | fault | model | world | others |\n|---|---|---|---|---|\n");
    for (patch, row) in patches.iter().zip(rows) {
        let others = if row.is_caught() {
            row.others()
        } else {
            "**survived**".into()
        };
        let (model, world) = (row.of(COLUMNS[0]), row.of(COLUMNS[1]));
        writeln!(
            table,
            "| {} | {} | {model} | {world} | {others} |",
            patch.part, patch.title
        )
        .map_err(|error| error.to_string())?;
    }
    fs::write(&path, format!("{head}{BEGIN}{table}{END}{tail}")).map_err(|error| error.to_string())
}
