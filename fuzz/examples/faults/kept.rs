//! What was caught in earlier runs: a run that was stopped goes on where it was, as long as the
//! commit is the same.
//!
//! It does not know how anything is caught.

use crate::patch::Patch;
use crate::table::{Catch, Row};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

pub(crate) struct Kept {
    path: PathBuf,
    /// The lines of each row, by the fault's whole text.
    rows: BTreeMap<String, String>,
}

/// Between a fault and what caught it, and between two of these pairs.
const THEN: &str = "\n---\n";
const NEXT: &str = "\n======\n";

impl Kept {
    pub(crate) fn read(path: PathBuf) -> Self {
        let text = fs::read_to_string(&path).unwrap_or_default();
        let rows = text.split(NEXT).filter_map(|pair| pair.split_once(THEN));
        let rows = rows.map(|(fault, lines)| (fault.to_owned(), lines.to_owned()));
        Self {
            rows: rows.collect(),
            path,
        }
    }

    pub(crate) fn row(&self, patch: &Patch) -> Option<Row> {
        let lines = self.rows.get(&patch.text())?;
        Some(Row {
            catches: lines.lines().filter_map(Catch::read).collect(),
        })
    }

    pub(crate) fn keep(&mut self, patch: &Patch, row: &Row) -> Result<(), String> {
        let lines: Vec<String> = row.catches.iter().map(Catch::line).collect();
        self.rows.insert(patch.text(), lines.join("\n"));
        let pairs = self.rows.iter();
        let pairs: Vec<String> = pairs
            .map(|(fault, lines)| format!("{fault}{THEN}{lines}"))
            .collect();
        fs::write(&self.path, pairs.join(NEXT)).map_err(|error| error.to_string())
    }
}
