//! Names and numbers of the universe from bytes: what `arbitrary` operations are made of.
//!
//! It does not know operations, and not how often each comes: a fuzzer finds out.

use super::{BAD_IDS, BAD_PATTERNS, BAD_TOPICS, IDS, Operation, PATTERNS, TABS, TOPICS, USERS};
use arbitrary::{Arbitrary, Result, Unstructured};

/// Those more often that many listen to.
const COMMON: [&str; 3] = ["a", "a/b", "latest/x"];

/// Topics of logs.
const LOGS: [&str; 4] = ["a", "b", "a/b", "a/c"];

/// The most of anything that there are several of.
const SEVERAL: usize = 4;

/// The most steps of anything.
const MANY: usize = 400;

/// As many steps as the bytes make.
pub(crate) fn many<'a, T: Arbitrary<'a>>(u: &mut Unstructured<'a>) -> Result<Vec<T>> {
    let mut steps = Vec::new();
    while !u.is_empty() && steps.len() < MANY {
        steps.push(u.arbitrary()?);
    }
    Ok(steps)
}

/// A list of a few.
pub(crate) fn few<'a, T>(
    u: &mut Unstructured<'a>,
    mut one: impl FnMut(&mut Unstructured<'a>) -> Result<T>,
) -> Result<Vec<T>> {
    (0..u.int_in_range(0..=SEVERAL)?).map(|_| one(u)).collect()
}

fn some<'a, T>(
    u: &mut Unstructured<'a>,
    one: impl FnOnce(&mut Unstructured<'a>) -> Result<T>,
) -> Result<Option<T>> {
    if u.arbitrary()? {
        one(u).map(Some)
    } else {
        Ok(None)
    }
}

/// A good topic.
pub(crate) fn topic(u: &mut Unstructured<'_>) -> Result<&'static str> {
    let all = if u.arbitrary()? { &COMMON[..] } else { &TOPICS };
    u.choose(all).copied()
}

/// Good topics of logs, at least one.
pub(crate) fn several_logs(u: &mut Unstructured<'_>) -> Result<Vec<&'static str>> {
    let mut topics = few(u, |u| u.choose(&LOGS).copied())?;
    topics.push("a");
    Ok(topics)
}

/// Good topics and patterns, at least one.
pub(crate) fn listened(u: &mut Unstructured<'_>) -> Result<Vec<&'static str>> {
    let one = |u: &mut Unstructured<'_>| match u.ratio(1, 4)? {
        true => u.choose(&PATTERNS).copied(),
        false => topic(u),
    };
    let mut topics = few(u, one)?;
    topics.push(one(u)?);
    Ok(topics)
}

/// A topic to publish to, which may be bad.
pub(crate) fn any_topic(u: &mut Unstructured<'_>) -> Result<&'static str> {
    if u.ratio(1, 32)? {
        u.choose(&BAD_TOPICS).copied()
    } else {
        topic(u)
    }
}

/// Several of these.
pub(crate) fn any_topics(u: &mut Unstructured<'_>) -> Result<Vec<&'static str>> {
    few(u, any_topic)
}

/// Two good topics.
pub(crate) fn two_topics(u: &mut Unstructured<'_>) -> Result<[&'static str; 2]> {
    Ok([topic(u)?, topic(u)?])
}

/// A topic or pattern to listen to, which may be bad.
pub(crate) fn any_pattern(u: &mut Unstructured<'_>) -> Result<&'static str> {
    match u.int_in_range(0..=31)? {
        0 => u.choose(&BAD_PATTERNS).copied(),
        1..=12 => u.choose(&PATTERNS).copied(),
        _ => topic(u),
    }
}

/// Several of these.
pub(crate) fn any_patterns(u: &mut Unstructured<'_>) -> Result<Vec<&'static str>> {
    few(u, any_pattern)
}

/// A user.
pub(crate) fn user(u: &mut Unstructured<'_>) -> Result<&'static str> {
    u.choose(&USERS).copied()
}

/// A user or none.
pub(crate) fn some_user(u: &mut Unstructured<'_>) -> Result<Option<&'static str>> {
    some(u, user)
}

/// A good tab or none.
pub(crate) fn some_tab(u: &mut Unstructured<'_>) -> Result<Option<&'static str>> {
    some(u, |u| u.choose(&TABS).copied())
}

/// A tab, which may be bad, or none.
pub(crate) fn any_tab(u: &mut Unstructured<'_>) -> Result<Option<&'static str>> {
    if u.ratio(1, 32)? {
        Ok(Some("short"))
    } else {
        some_tab(u)
    }
}

/// One of the publishers' own ids.
pub(crate) fn id(u: &mut Unstructured<'_>) -> Result<&'static str> {
    u.choose(&IDS).copied()
}

/// An id of a publisher's own, which may be bad, or none.
pub(crate) fn any_id(u: &mut Unstructured<'_>) -> Result<Option<&'static str>> {
    match u.int_in_range(0..=31)? {
        0 => u.choose(&BAD_IDS).copied().map(Some),
        1..=10 => id(u).map(Some),
        _ => Ok(None),
    }
}

/// When a token ends, from now on in milliseconds: never, soon, or already.
pub(crate) fn expiry(u: &mut Unstructured<'_>) -> Result<Option<i64>> {
    some(u, |u| u.int_in_range(-5..=200))
}

/// A small number.
pub(crate) fn small<N: From<u8>>(u: &mut Unstructured<'_>) -> Result<N> {
    u.int_in_range(0..=11_u8).map(N::from)
}

/// A distance in the log.
pub(crate) fn back(u: &mut Unstructured<'_>) -> Result<u64> {
    if u.ratio(1, 4)? {
        u.int_in_range(200..=1_200)
    } else {
        small(u)
    }
}

/// How many events make a flood.
pub(crate) fn flood(u: &mut Unstructured<'_>) -> Result<usize> {
    match u.int_in_range(0..=15)? {
        0 => u.int_in_range(900..=1_300),
        1 | 2 => u.int_in_range(60..=300),
        _ => u.int_in_range(2..=20),
    }
}

/// Milliseconds to pass.
pub(crate) fn pause(u: &mut Unstructured<'_>) -> Result<u64> {
    match u.int_in_range(0..=7)? {
        0 => u.int_in_range(900..=1_500),
        1 | 2 => u.int_in_range(30..=300),
        _ => u.int_in_range(0..=30),
    }
}

/// A short while in milliseconds.
pub(crate) fn short(u: &mut Unstructured<'_>) -> Result<u32> {
    u.arbitrary::<u8>().map(u32::from)
}

/// How many bytes a socket takes.
pub(crate) fn room(u: &mut Unstructured<'_>) -> Result<usize> {
    match u.int_in_range(0..=7)? {
        0 => u.int_in_range(0..=60_000),
        1..=3 => u.int_in_range(0..=300),
        _ => Ok(usize::MAX),
    }
}

/// The correction of a clock.
pub(crate) fn correction(u: &mut Unstructured<'_>) -> Result<i64> {
    u.int_in_range(-60..=60)
}

/// How long a preamble is.
pub(crate) fn preamble(u: &mut Unstructured<'_>) -> Result<usize> {
    match u.int_in_range(0..=31)? {
        0 => u.int_in_range(4_090..=4_100),
        1..=4 => u.int_in_range(1..=60),
        _ => Ok(0),
    }
}

/// What comes between a write and the hub's hearing of it: mostly nothing, and never another write.
pub(crate) fn between(u: &mut Unstructured<'_>) -> Result<Option<Box<Operation>>> {
    if !u.ratio(1, 32)? {
        return Ok(None);
    }
    let operation = u.arbitrary()?;
    let is_write = matches!(operation, Operation::Write { .. });
    Ok((!is_write).then(|| Box::new(operation)))
}
