//! A hub out of bytes: the same kinds of options that the strategies make.
//!
//! It does not know how often each should come: a fuzzer finds out.

use super::Setup;
use crate::ops::choices::few;
use arbitrary::{Arbitrary, Result, Unstructured};
use tidings_core::{
    ClassOptions, ControlEvent, ControlOptions, Deadlines, HubOptions, LagPolicy, Limits, WhenFull,
};

impl<'a> Arbitrary<'a> for Setup {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let limits = limits(u)?;
        let options = HubOptions {
            epoch: 0xe,
            shard: 3,
            seed: u.int_in_range(1..=255)?,
            unix_ms_at_zero: 10_000 + u.int_in_range(0..=999)?,
            classes: few(u, |u| class(u, limits.event_bytes))?,
            default_class: retention(u, limits.event_bytes)?,
            lag: *u.choose(&[LagPolicy::Gap, LagPolicy::Close])?,
            limits,
            deadlines: deadlines(u)?,
            control: control(u)?,
        };
        Ok(Self {
            options,
            eager: u.arbitrary()?,
        })
    }
}

/// A number that is out of the ordinary, or else the usual one.
fn or<N: Copy>(
    u: &mut Unstructured<'_>,
    usual: N,
    unusual: impl FnOnce(&mut Unstructured<'_>) -> Result<N>,
) -> Result<N> {
    if u.arbitrary()? {
        unusual(u)
    } else {
        Ok(usual)
    }
}

fn maybe(u: &mut Unstructured<'_>, least: u64, most: u64) -> Result<Option<u64>> {
    or(u, None, |u| u.int_in_range(least..=most).map(Some))
}

fn class(u: &mut Unstructured<'_>, event_bytes: usize) -> Result<ClassOptions> {
    let kinds: [(&[&str], bool); 6] = [
        (&["latest/*"], true),
        (&["a/**"], false),
        (&["a", "b"], false),
        (&["latest/x"], false),
        (&["*", "latest/z"], true),
        (&["**"], false),
    ];
    let (topics, latest) = *u.choose(&kinds)?;
    Ok(ClassOptions {
        topics: topics.iter().map(|topic| (*topic).into()).collect(),
        latest,
        ..retention(u, event_bytes)?
    })
}

fn retention(u: &mut Unstructured<'_>, event_bytes: usize) -> Result<ClassOptions> {
    let least = event_bytes * 2 + 8_192;
    Ok(ClassOptions {
        events: or(u, 5_000, |u| u.int_in_range(1..=7))?,
        bytes: or(u, 16 << 20, |u| u.int_in_range(least..=least * 3))?.max(least),
        age_ms: maybe(u, 1, 200)?,
        records: or(u, None, |u| u.int_in_range(0..=9).map(Some))?,
        ..ClassOptions::new(["**"])
    })
}

fn limits(u: &mut Unstructured<'_>) -> Result<Limits> {
    let usual = Limits::default();
    let rarely = u.int_in_range(0..=15_u8)?;
    let mut limits = Limits {
        user_connections: or(u, usual.user_connections, |u| u.int_in_range(1..=3))?,
        when_user_full: *u.choose(&[WhenFull::Refuse, WhenFull::ReplaceOldest])?,
        event_bytes: *u.choose(&[1 << 20, 1_500, 30_000])?,
        replay_events: or(u, usual.replay_events, |u| u.int_in_range(0..=4))?,
        replay_bytes: or(u, usual.replay_bytes, |u| u.int_in_range(0..=399))?,
        rescue_bytes: or(u, usual.rescue_bytes, |u| u.int_in_range(0..=599))?,
        ..usual
    };
    let few = u.int_in_range(1..=5)?;
    match rarely {
        0 => limits.connections = few + 1,
        1 => limits.topics_per_connection = few,
        2 => limits.grants_per_connection = few - 1,
        3 => limits.topics_per_publish = few,
        _ => {}
    }
    Ok(limits)
}

fn deadlines(u: &mut Unstructured<'_>) -> Result<Deadlines> {
    Ok(Deadlines {
        tick_ms: *u.choose(&[1, 7, 50, 250])?,
        heartbeat_ms: maybe(u, 1, 299)?,
        idle_ms: maybe(u, 1, 299)?,
        age_ms: maybe(u, 20, 299)?,
        stall_ms: maybe(u, 1, 299)?,
        reauth_ms: u.int_in_range(0..=59)?,
        linger_ms: u.int_in_range(0..=79)?,
        retry_ms: or(u, 2_000, |u| u.int_in_range(0..=9))?,
    })
}

fn control(u: &mut Unstructured<'_>) -> Result<ControlOptions> {
    let mut event = |name: &str, other: &str| {
        Ok(match u.int_in_range(0..=8)? {
            0 => ControlEvent::named(other),
            1 => ControlEvent {
                enabled: false,
                ..ControlEvent::named(name)
            },
            2 => ControlEvent {
                json: Some(r#"{"own":1}"#.into()),
                ..ControlEvent::named(name)
            },
            _ => ControlEvent::named(name),
        })
    };
    let mut control = ControlOptions {
        connected: event("connected", "tidings:open")?,
        heartbeat: event("heartbeat", "tidings:beat")?,
        gap: event("gap", "tidings:gap")?,
        reauth: event("reauth", "tidings:auth")?,
        bye: event("bye", "tidings:bye")?,
    };
    // Off, both leave nothing but an id line, and could not be told from each other.
    control.gap.enabled |= !control.connected.enabled;
    Ok(control)
}
