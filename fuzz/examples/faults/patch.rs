//! Deliberate faults as text: what is in a file, and what is put in its place.
//!
//! It does not know what a fault breaks. The files stand in `faults/`, one for each part of the
//! core. A fault begins with `==` and its title; `in` names the file; then come lines that begin
//! with a blank (they stay), a minus (they go) or a plus (they come). The lines that are there must
//! be found exactly once.

use std::fs;
use std::path::Path;

pub(crate) struct Patch {
    /// The part of the core: the name of the file of faults.
    pub(crate) part: String,
    pub(crate) title: String,
    pub(crate) file: String,
    before: String,
    after: String,
}

/// All faults, in the order of their files.
pub(crate) fn read_all() -> Result<Vec<Patch>, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("faults");
    let entries = fs::read_dir(folder).map_err(|error| error.to_string())?;
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .collect();
    paths.sort();
    let mut patches = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).map_err(|error| format!("{path:?}: {error}"))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        let part = name.trim_start_matches(|char: char| char.is_ascii_digit() || char == '-');
        for fault in text.split("\n== ").skip(1) {
            patches.push(Patch::read(part, fault)?);
        }
    }
    Ok(patches)
}

impl Patch {
    fn read(part: &str, text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        let title = lines.next().unwrap_or_default().trim().to_owned();
        let file = lines.next().and_then(|line| line.strip_prefix("in "));
        let file = file.ok_or_else(|| format!("{title}: no file"))?.to_owned();
        let (mut before, mut after) = (String::new(), String::new());
        for line in lines.filter(|line| !line.is_empty()) {
            let (kind, rest) = line.split_at(1);
            let (goes, comes) = match kind {
                " " => (true, true),
                "-" => (true, false),
                "+" => (false, true),
                _ => return Err(format!("{title}: {line}")),
            };
            for (text, wanted) in [(&mut before, goes), (&mut after, comes)] {
                if wanted {
                    text.push_str(rest);
                    text.push('\n');
                }
            }
        }
        Ok(Self {
            part: part.to_owned(),
            title,
            file,
            before,
            after,
        })
    }

    /// All of the fault.
    pub(crate) fn text(&self) -> String {
        let Self {
            title,
            file,
            before,
            after,
            ..
        } = self;
        format!("{title}\n{file}\n{before}{after}")
    }

    /// The text of the file with the fault in it.
    pub(crate) fn applied_to(&self, text: &str) -> Result<String, String> {
        match text.matches(&self.before).count() {
            1 if self.before != self.after => Ok(text.replacen(&self.before, &self.after, 1)),
            found => Err(format!(
                "the fault no longer applies: {} (found {found} times in {})",
                self.title, self.file
            )),
        }
    }
}
