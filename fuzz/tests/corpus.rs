//! What fuzzers have found worth keeping holds, on every machine and without a fuzzer.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use tidings_fuzz::targets::TARGETS;

/// A corpus is for reading through in a moment; more adds little.
const MOST_INPUTS: usize = 150;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// What is in a folder, in order.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    let mut entries: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    entries
}

/// The names of what is in a folder, without their endings.
fn names(folder: &Path) -> BTreeSet<String> {
    let name = |path: PathBuf| Some(path.file_stem()?.to_string_lossy().into_owned());
    entries(folder).into_iter().filter_map(name).collect()
}

#[test]
fn every_input_of_the_corpora_holds() {
    for (name, check) in TARGETS {
        let inputs = entries(&folder("corpus").join(name));
        assert!(
            (1..=MOST_INPUTS).contains(&inputs.len()),
            "{name} has {} inputs: grow or minimise them with `make fuzz`",
            inputs.len()
        );
        for path in &inputs {
            let bytes = fs::read(path).expect("a file that can be read");
            if let Err(fault) = check(&bytes) {
                panic!("{}: {fault}", path.display());
            }
        }
        println!("{name}: {} inputs", inputs.len());
    }
}

#[test]
fn each_target_has_a_program_and_a_corpus() {
    let targets: BTreeSet<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&folder("fuzz_targets")), targets);
    assert_eq!(names(&folder("corpus")), targets);
}
