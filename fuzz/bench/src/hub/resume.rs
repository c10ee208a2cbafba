//! Coming back to a log of a million events: how long it takes to find what was missed.
//!
//! It measures the open and the first pull, which is all until the first bytes go out.

use super::{drain, open, take};
use crate::report::{Mark, Report};
use std::io;
use std::time::Instant;
use tidings_core::{
    Audience, ClassOptions, ConnectionId, Cursor, Event, Hub, HubOptions, Open, Publish,
};

const EVENTS: usize = 1_000_000;
const TOPICS: usize = 10_000;
const MARK: Mark = Mark::AtMost(20.0);

pub(super) fn run(report: &mut Report, quick: bool) -> io::Result<()> {
    let events = if quick { EVENTS / 20 } else { EVENTS };
    report.begin(
        "hub resume",
        &format!("{events} events in {TOPICS} topics, cursors anywhere"),
    );
    let (mut hub, first) = filled(events)?;
    // As far apart as can be, so that nothing is in a cache because of the one before.
    let cursors = (0..1_000).map(|step| first + step * 611_953 % events as u64);
    let mut exact = Vec::new();
    let mut pattern = Vec::new();
    for (step, sequence) in cursors.enumerate() {
        let topic = step * 7_919 % TOPICS;
        exact.push(resume(&mut hub, &format!("rooms/{topic}/talk"), sequence)?);
        pattern.push(resume(&mut hub, &format!("rooms/{topic}/*"), sequence)?);
    }
    report.figure("one topic by name", "us", &exact, MARK)?;
    report.figure(
        "a pattern of one topic, one pull",
        "us",
        &pattern,
        Mark::None,
    )
}

/// A hub with so many events, and the sequence of the first.
fn filled(events: usize) -> io::Result<(Hub, u64)> {
    let options = HubOptions {
        default_class: ClassOptions {
            events,
            bytes: 4 << 30,
            ..ClassOptions::new(["**"])
        },
        ..HubOptions::default()
    };
    let mut hub = Hub::new(options).map_err(io::Error::other)?;
    let mut topics: Vec<usize> = (0..TOPICS).collect();
    for number in 0..events {
        // In another order each time, as in life.
        if number % TOPICS == 0 {
            let turn = 1 + number / TOPICS * 37 % (TOPICS - 1);
            topics.rotate_left(turn);
            topics.swap(number % 97, TOPICS - 1);
        }
        let topic = format!("rooms/{}/talk", topics[number % TOPICS]);
        let event = Event::message("some words that somebody said in a room");
        let publish = Publish::to(Audience::Topic(&topic), event);
        hub.publish(0, &publish).map_err(io::Error::other)?;
    }
    let first = hub.cursor().sequence - events as u64 + 1;
    Ok((hub, first))
}

/// Resumes after `sequence`; the microseconds until the first bytes are there.
fn resume(hub: &mut Hub, topic: &str, sequence: u64) -> io::Result<f64> {
    let epoch = hub.cursor().epoch;
    let cursor = Cursor::new(epoch, sequence).to_string();
    let start = Instant::now();
    let connection = open(
        hub,
        0,
        Open {
            topics: &[topic],
            last_event_id: Some(&cursor),
            ..Open::default()
        },
    )?;
    let bytes = take(hub, 0, connection)?;
    let time = start.elapsed();
    if bytes == 0 {
        return Err(io::Error::other("a resume has nothing to send"));
    }
    leave(hub, connection)?;
    Ok(time.as_nanos() as f64 / 1e3)
}

fn leave(hub: &mut Hub, connection: ConnectionId) -> io::Result<()> {
    hub.handle_closed(connection);
    drain(hub, 0).map(drop)
}
