//! How the chat is doing, told each second to whoever follows the topic `metrics`.
//!
//! It does not know rooms or sockets, only what happens.

use crate::bus::Happening;
use async_channel::Receiver;
use futures::StreamExt as _;
use serde_json::json;
use smol::Timer;
use smol::future::or;
use std::collections::BTreeMap;
use std::time::Duration;
use tidings_smol::{Audience, ClassOptions, Event, Hub, NotPublished, Publish, unix_ms};

const TOPIC: &str = "metrics";

const EVERY: Duration = Duration::from_secs(1);

/// Seconds that are kept, so that whoever begins to look has charts at once.
const KEPT: usize = 120;

/// Counts since the last second.
#[derive(Default)]
struct Counts {
    joined: u64,
    left: u64,
    messages: u64,
    typing: u64,
    refused: u64,
}

struct Metrics {
    counts: Counts,
    /// How many are in each room.
    rooms: BTreeMap<String, usize>,
}

/// What is kept of it.
pub(crate) fn class() -> ClassOptions {
    ClassOptions {
        events: KEPT,
        ..ClassOptions::new([TOPIC])
    }
}

/// Publishes what was counted, each second, until the server ends.
pub(crate) async fn feed(hub: Hub, happenings: Receiver<Happening>) {
    let mut metrics = Metrics {
        counts: Counts::default(),
        rooms: BTreeMap::new(),
    };
    let mut ticks = Timer::interval(EVERY);
    let mut delivered_before = 0;
    loop {
        let tick = async {
            ticks.next().await;
        };
        or(tick, metrics.count(&happenings)).await;
        let Ok(stats) = hub.stats().await else {
            return;
        };
        let counts = std::mem::take(&mut metrics.counts);
        let rooms = metrics.rooms.iter();
        let rooms = rooms.map(|(room, members)| json!({ "room": room, "members": members }));
        let data = json!({
            "at_ms": unix_ms(),
            "connections": stats.connections,
            "joined": counts.joined,
            "left": counts.left,
            "messages": counts.messages,
            "typing": counts.typing,
            "refused": counts.refused,
            "delivered": stats.delivered - delivered_before,
            "log_bytes": stats.log_bytes,
            "rooms": rooms.collect::<Vec<_>>(),
        });
        delivered_before = stats.delivered;
        let data = data.to_string();
        let publish = Publish::to(Audience::Topic(TOPIC), Event::message(&data));
        // A second that cannot be told is followed by another.
        if hub.publish(&publish).await == Err(NotPublished::Stopped) {
            return;
        }
    }
}

impl Metrics {
    /// Counts without end.
    async fn count(&mut self, happenings: &Receiver<Happening>) {
        while let Ok(happening) = happenings.recv().await {
            self.add(happening);
        }
        std::future::pending::<()>().await;
    }

    fn add(&mut self, happening: Happening) {
        let counts = &mut self.counts;
        let count = match happening {
            Happening::Entered { .. } => return,
            Happening::Joined { room, .. } => {
                *self.rooms.entry(room).or_default() += 1;
                &mut counts.joined
            }
            Happening::Left { room, .. } => {
                if let Some(members) = self.rooms.get_mut(&room) {
                    *members -= 1;
                }
                self.rooms.retain(|_, members| *members > 0);
                &mut counts.left
            }
            Happening::Said { .. } => &mut counts.messages,
            Happening::Typing { on: true, .. } => &mut counts.typing,
            Happening::Typing { on: false, .. } => return,
            Happening::Refused => &mut counts.refused,
        };
        *count += 1;
    }
}
