//! Shows that the checks find bugs: makes one deliberate fault after another in a copy of the last
//! commit, sees which checks catch it, and writes the table of the README. `make faults`.
//!
//! It does not know the checks; `trial` is one program with all of them. With `FAULT=` only the
//! faults whose part and title hold these words are made, and no table is written. With `COMMIT=` it
//! copies another commit than the last.

mod copy;
mod kept;
mod patch;
mod table;

use copy::Copy;
use kept::Kept;
use patch::Patch;
use std::process::ExitCode;
use table::Row;

fn run() -> Result<bool, String> {
    let wanted = std::env::var("FAULT").unwrap_or_default();
    let mut patches = patch::read_all()?;
    patches.retain(|patch| format!("{}: {}", patch.part, patch.title).contains(&wanted));
    let commit = std::env::var("COMMIT").unwrap_or_else(|_| "HEAD".into());
    let copy = Copy::of(&commit)?;
    let mut kept = Kept::read(copy.results());
    for patch in &patches {
        patch.applied_to(&copy.read(&patch.file)?)?;
    }
    println!("{} faults", patches.len());
    if let Some(catch) = copy.try_out()?.first() {
        return Err(format!("caught without a fault: {}", catch.sentence));
    }
    let mut rows = Vec::new();
    for patch in &patches {
        let row = match kept.row(patch) {
            Some(row) => row,
            None => judge(&copy, patch)?,
        };
        kept.keep(patch, &row)?;
        println!("{}: {row}", patch.title);
        rows.push(row);
    }
    if wanted.is_empty() {
        table::write(&patches, &rows)?;
    }
    let survived = rows.iter().filter(|row| !row.is_caught()).count();
    println!("{} faults, {survived} survived", rows.len());
    Ok(survived == 0)
}

fn judge(copy: &Copy, patch: &Patch) -> Result<Row, String> {
    let before = copy.read(&patch.file)?;
    copy.write(&patch.file, &patch.applied_to(&before)?)?;
    let outcome = copy.judge();
    copy.write(&patch.file, &before)?;
    outcome.map_err(|error| format!("{}: {error}", patch.title))
}

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
