//! The wire format, case by case: what stands in the Markdown files here, each read and written in
//! every way. `README.md` says how a case is written down.

mod case;
mod items;
mod notation;
mod replay;

use std::fs;
use std::path::{Path, PathBuf};

/// Fewer than this, and some were lost.
const LEAST_CASES: usize = 250;

/// All files of cases, in order.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let entries = fs::read_dir(folder).expect("the folder of this file");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .filter(|path| !path.ends_with("README.md"))
        .collect();
    files.sort();
    files
}

#[test]
fn every_case_holds() {
    let mut count = 0;
    let mut failures = Vec::new();
    for path in files() {
        let name = path.file_name().expect("a file").to_string_lossy();
        let text = fs::read_to_string(&path).expect("a file that can be read");
        let cases = case::parse(&text).unwrap_or_else(|error| panic!("{name}:{error}"));
        count += cases.len();
        for case in cases {
            if let Err(failure) = replay::check(&case) {
                failures.push(format!("{name}:{}: {}\n{failure}", case.line, case.name));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(count >= LEAST_CASES, "there are only {count} cases");
    println!("{count} cases");
}

/// A case that holds, with this in place of its blocks.
fn with_blocks(blocks: &str) -> String {
    format!("# Title\n\nWhat the file is about.\n\n## Name\n\nThe rule. (9.2.6)\n\n{blocks}")
}

const STREAM: &str = "```stream\ndata: a\\n\n\\n\n```\n\n";
const EVENTS: &str = "```events\nevent \"message\" data \"a\"\n```\n";

#[test]
fn a_case_that_does_not_hold_fails() {
    let check = |events: &str| {
        let text = with_blocks(&format!("{STREAM}```events\n{events}\n```\n"));
        replay::check(&case::parse(&text).expect("a well-formed file")[0])
    };
    assert_eq!(check("event \"message\" data \"a\""), Ok(()));
    for wrong in [
        "nothing",
        "event \"message\" data \"b\"",
        "event \"other\" data \"a\"",
        "event \"message\" data \"a\" id \"\"",
        "event \"message\" data \"a\" retry 5",
        "event \"message\" data \"a\"\nlast \"1\"",
        "event \"message\" data \"a\"\nevent \"message\" data \"a\"",
        "retry 5\nevent \"message\" data \"a\"",
    ] {
        assert!(check(wrong).is_err(), "{wrong}");
    }
    for wrong in [
        "```write\ndata \"a\"\n```\n\n```bytes\ndata: b\\n\n\\n\n```\n",
        "```write\ndata \"a\"\n```\n\n```refused\nNUL in id\n```\n",
        "```write\nid \"\\0\"\n```\n\n```bytes\n```\n",
        "```write\nid \"\\0\"\n```\n\n```refused\nline break in id\n```\n",
    ] {
        let cases = case::parse(&with_blocks(wrong)).expect("a well-formed file");
        assert!(replay::check(&cases[0]).is_err(), "{wrong}");
    }
}

/// What makes a good case a bad one: in place of the first text, the second.
const SPOILT: &[(&str, &str)] = &[
    ("# Title\n", ""),
    ("## Name", "### Name"),
    ("The rule. (9.2.6)\n", ""),
    (" (9.2.6)", ""),
    ("(9.2.6)", "(9.3)"),
    ("(9.2.6)", "(somewhere)"),
    ("```stream", "```Stream"),
    ("```stream", "```"),
    ("```\n\n```events", "```events"),
    ("data: a\\n\n", "data: a\\n \n"),
    ("data: a\\n\n", "data:\ta\\n\n"),
    ("data: a\\n\n", "data: a\\q\n"),
    ("data: a\\n\n", "data: \\x1\n"),
    ("data: a\\n\n", "data: \\u{110000}\n"),
    ("data: a\\n\n", "data: \\{2*\\{2*a}}\n"),
    ("data: a\\n\n", "data: \\{a}\n"),
    ("data: a\\n\n", "data: \\{+2*a}\n"),
    ("data: a\\n\n", "data: a\\\n"),
    ("data \"a\"", "data a"),
    ("data \"a\"", "data \"a"),
    ("data \"a\"", "data 5"),
    ("data \"a\"", "data"),
    ("data \"a\"", "data \"\\xff\""),
    ("data \"a\"", "data \"a\" data \"b\""),
    ("data \"a\"", "data \"a\" retry \"5\""),
    ("data \"a\"", "data \"a\" id \"1\" last \"1\""),
    ("data \"a\"", "data \"a\" last \"\""),
    ("data \"a\"", "data \"a\" colour \"red\""),
    ("event \"message\"", "colour \"red\""),
    ("event \"message\" data \"a\"", ""),
    ("event \"message\" data \"a\"", "last \"1\"\nretry 5"),
    ("event \"message\" data \"a\"", "nothing\nretry 5"),
    (
        "event \"message\" data \"a\"",
        "error \"too large\" offset 5",
    ),
    (EVENTS, ""),
    (STREAM, ""),
    (EVENTS, "```events\nnothing\n"),
    (EVENTS, "```bytes\n```\n"),
    (EVENTS, "```events\nnothing\n```\nMore text.\n"),
    (
        EVENTS,
        "```events\nnothing\n```\n\n```events\nnothing\n```\n",
    ),
    (STREAM, "```options\ncolour\n```\n\n```stream\n```\n\n"),
    (STREAM, "```options\nlimit \"5\"\n```\n\n```stream\n```\n\n"),
    (
        STREAM,
        "```options\nlimit 5\nlimit 6\n```\n\n```stream\n```\n\n",
    ),
    (
        STREAM,
        "```options\nresume \"a\\n\"\n```\n\n```stream\n```\n\n",
    ),
    (STREAM, "```write\ndata \"a\"\n```\n\n"),
    (
        EVENTS,
        "```events\nnothing\n```\n\n## Name\n\nAgain. (9.2.6)\n\n",
    ),
];

/// Blocks that make no case.
const BAD_BLOCKS: &[&str] = &[
    "```write\n```\n\n```bytes\n```\n",
    "```write\ncolour \"a\"\n```\n\n```bytes\n```\n",
    "```write\ndata \"a\" data \"b\"\n```\n\n```bytes\n```\n",
    "```write\ncomment \"a\" data \"b\"\n```\n\n```bytes\n```\n",
    "```write\ndata \"a\"\n```\n",
    "```write\ndata \"a\"\n```\n\n```bytes\n```\n\n```refused\nNUL in id\n```\n",
    "```write\ndata \"a\"\n```\n\n```refused\nbad\n```\n",
    "```write\nid \"\\0\"\n```\n\n```refused\nNUL in id\n```\n\n```events\nnothing\n```\n",
    "```options\ncomments\n```\n\n```write\ndata \"a\"\n```\n\n```bytes\n```\n",
];

#[test]
fn a_file_that_is_malformed_is_refused() {
    let good = with_blocks(&format!("{STREAM}{EVENTS}"));
    assert!(case::parse(&good).is_ok());
    for (place, wrong) in SPOILT {
        assert!(good.contains(place), "{place:?}");
        let text = good.replacen(place, wrong, 1);
        assert!(case::parse(&text).is_err(), "{wrong:?} for {place:?}");
    }
    for blocks in BAD_BLOCKS {
        assert!(case::parse(&with_blocks(blocks)).is_err(), "{blocks:?}");
    }
}
