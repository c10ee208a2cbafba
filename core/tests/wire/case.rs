//! From a Markdown file to cases. Whatever is not as `README.md` says is an error, with its line.
//!
//! It does not know whether a case holds.

use crate::items::{Reading, Written, refusal};
use crate::notation::{Pairs, bytes};
use std::collections::HashSet;
use tidings_core::{DecodeOptions, Decoder, EventError};

/// One case.
pub(crate) struct Case {
    pub(crate) name: String,
    /// Where it stands in its file.
    pub(crate) line: usize,
    pub(crate) kind: Kind,
}

pub(crate) enum Kind {
    Read {
        decoder: Box<Decoder>,
        streams: Vec<Vec<u8>>,
        reading: Reading,
    },
    Write {
        items: Vec<Written>,
        outcome: Result<Vec<u8>, EventError>,
        reading: Option<Reading>,
    },
}

/// A fenced block: its label and its lines.
struct Block<'t> {
    label: &'t str,
    lines: Vec<&'t str>,
}

/// The cases of a file.
pub(crate) fn parse(text: &str) -> Result<Vec<Case>, String> {
    let lines: Vec<&str> = text.lines().collect();
    if !lines.first().is_some_and(|line| line.starts_with("# ")) {
        return Err("1: a file begins with its title".to_owned());
    }
    let bad = lines
        .iter()
        .position(|line| line.ends_with(' ') || line.contains(char::is_control));
    if let Some(at) = bad {
        return Err(format!(
            "{}: a blank at the end, or a control character",
            at + 1
        ));
    }
    let starts: Vec<_> = (0..lines.len())
        .filter(|at| lines[*at].starts_with("## "))
        .collect();
    let ends = starts.iter().skip(1).copied().chain([lines.len()]);
    let mut names = HashSet::new();
    let mut cases = Vec::new();
    for (&start, end) in starts.iter().zip(ends) {
        let name = lines[start]["## ".len()..].to_owned();
        let case = read_case(&lines[start + 1..end]);
        let kind = case.map_err(|error| format!("{}: {error}", start + 1))?;
        if !names.insert(name.clone()) {
            return Err(format!("{}: there are two {name:?}", start + 1));
        }
        let line = start + 1;
        cases.push(Case { name, line, kind });
    }
    match cases.is_empty() {
        true => Err("1: there is no case".to_owned()),
        false => Ok(cases),
    }
}

fn read_case(lines: &[&str]) -> Result<Kind, String> {
    let fence = lines.iter().position(|line| line.starts_with("```"));
    let (rule, blocks) = lines.split_at(fence.unwrap_or(lines.len()));
    check_rule(rule)?;
    let mut blocks = read_blocks(blocks)?.into_iter().peekable();
    let mut next = |label: &str| {
        let block = blocks.next_if(|block| block.label == label)?;
        Some(block.lines)
    };
    let kind = if let Some(items) = next("write") {
        write_case(&items, &mut next)?
    } else {
        let options = next("options").unwrap_or_default();
        let mut streams = Vec::new();
        while let Some(stream) = next("stream") {
            streams.push(joined(&stream)?);
        }
        let events = next("events").ok_or("there is no block `events` where it belongs")?;
        if streams.is_empty() {
            return Err("there is no block `stream`".to_owned());
        }
        Kind::Read {
            decoder: Box::new(decoder(&options)?),
            streams,
            reading: Reading::parse(&events)?,
        }
    };
    match blocks.next() {
        Some(block) => Err(format!("the block `{}` does not belong there", block.label)),
        None => Ok(kind),
    }
}

fn write_case<'t>(
    items: &[&str],
    next: &mut impl FnMut(&str) -> Option<Vec<&'t str>>,
) -> Result<Kind, String> {
    let items: Result<Vec<_>, _> = items.iter().map(|line| Written::parse(line)).collect();
    let items = items?;
    if items.is_empty() {
        return Err("there is nothing to write".to_owned());
    }
    let outcome = match next("refused") {
        Some(refused) => Err(refusal(&refused.concat())?),
        None => Ok(joined(&next("bytes").ok_or("there is no block `bytes`")?)?),
    };
    let events = next("events");
    if outcome.is_err() && events.is_some() {
        return Err("of what is refused there is nothing to read".to_owned());
    }
    let reading = events.map(|events| Reading::parse(&events)).transpose()?;
    Ok(Kind::Write {
        items,
        outcome,
        reading,
    })
}

/// The bytes of all lines, with nothing between them.
fn joined(lines: &[&str]) -> Result<Vec<u8>, String> {
    let parts: Result<Vec<_>, _> = lines.iter().map(|line| bytes(line)).collect();
    Ok(parts?.concat())
}

/// One paragraph, and in parentheses at its end what it rests on.
fn check_rule(lines: &[&str]) -> Result<(), String> {
    let text = lines.join("\n");
    let text = text.trim();
    if text.contains("\n\n") {
        return Err("the rule is more than one paragraph".to_owned());
    }
    let grounds = text
        .strip_suffix(')')
        .and_then(|text| text.rsplit_once('('))
        .ok_or("the rule does not say what it rests on")?;
    if grounds.0.trim().is_empty() {
        return Err("there is no rule".to_owned());
    }
    for ground in grounds.1.split(',').map(str::trim) {
        let is_section = matches!(
            ground,
            "9.2.1" | "9.2.2" | "9.2.3" | "9.2.4" | "9.2.5" | "9.2.6" | "9.2.7"
        );
        let is_test = ground.starts_with('`') && ground.ends_with('`') && ground.len() > 2;
        if !is_section && !is_test && ground != "ours" {
            return Err(format!("a rule does not rest on {ground:?}"));
        }
    }
    Ok(())
}

fn read_blocks<'t>(lines: &[&'t str]) -> Result<Vec<Block<'t>>, String> {
    let mut blocks = Vec::new();
    let mut lines = lines.iter();
    while let Some(line) = lines.next() {
        let label = match line.strip_prefix("```") {
            Some(label) if !label.is_empty() => label,
            None if line.is_empty() => continue,
            _ => return Err(format!("{line:?} stands outside of blocks")),
        };
        let mut inner = Vec::new();
        loop {
            match lines.next() {
                Some(&"```") => break,
                Some(line) if line.starts_with("```") => {
                    return Err(format!("the block `{label}` does not end before another"));
                }
                Some(line) => inner.push(*line),
                None => return Err(format!("the block `{label}` does not end")),
            }
        }
        let lines = inner;
        blocks.push(Block { label, lines });
    }
    Ok(blocks)
}

fn decoder(lines: &[&str]) -> Result<Decoder, String> {
    let mut options = DecodeOptions::default();
    let mut resume = String::new();
    let mut words = HashSet::new();
    for line in lines {
        let word = line.split(' ').next().unwrap_or_default();
        if !words.insert(word) {
            return Err(format!("{word} is said twice"));
        }
        if *line == "comments" {
            options.comments = true;
            continue;
        }
        let mut pairs = Pairs::parse(line)?;
        if let Some(limit) = pairs.number("limit")? {
            options.event_bytes = usize::try_from(limit).map_err(|error| error.to_string())?;
        } else if let Some(id) = pairs.text("resume")? {
            resume = id;
        }
        pairs.end()?;
    }
    let mut decoder = Decoder::new(options);
    decoder
        .resume(resume.as_bytes())
        .map_err(|error| error.to_string())?;
    Ok(decoder)
}
