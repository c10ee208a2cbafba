//! One topic and its subscribers: what a publish costs, and what it costs until all have it.
//!
//! It does not measure sockets; the server's benchmarks do.

use super::{drain, open};
use crate::report::{Mark, Report};
use std::io;
use std::time::{Duration, Instant};
use tidings_core::{Audience, ClassOptions, Event, Hub, HubOptions, Open, Publish};

const PUBLISH_MARK: Mark = Mark::AtMost(25.0);
const DELIVERY_MARK: Mark = Mark::AtMost(100.0);

/// The number of subscribers for which the marks hold.
const MARKED: usize = 10_000;

/// Events that are published before any is written, as when publishers are faster than sockets.
const BURST: usize = 32;

const DATA: &str =
    "a hundred bytes of data, more or less, as notifications and prices often are: 0.42";

pub(super) fn run(report: &mut Report, quick: bool) -> io::Result<()> {
    for subscribers in [1, 100, MARKED] {
        report.begin("hub fan-out", &format!("{subscribers} subscribers"));
        let recipients = if quick { 10_000 } else { 3_000_000 };
        let events = recipients / subscribers;
        let figures = measure(Crowd::new(subscribers, false)?, events)?;
        let only = |mark| {
            if subscribers == MARKED {
                mark
            } else {
                Mark::None
            }
        };
        let name = |what| format!("{what}, {subscribers} subscribers");
        let unit = "ns per recipient";
        report.figure(
            &name("publish alone"),
            unit,
            &figures.publish,
            only(PUBLISH_MARK),
        )?;
        report.figure(
            &name("publish, outputs, pull, consume"),
            unit,
            &figures.delivery,
            only(DELIVERY_MARK),
        )?;
        report.figure(
            &name(&format!("the same, {BURST} events at a time")),
            unit,
            &figures.burst,
            Mark::None,
        )?;
    }
    let events = if quick { 1 } else { 100 };
    let figures = measure(Crowd::new(MARKED, true)?, events)?;
    let name = format!("publish, outputs, pull, consume, {MARKED} subscribers of two topics");
    report.figure(&name, "ns per recipient", &figures.delivery, Mark::None)?;
    Ok(())
}

/// Nanoseconds for each recipient of an event.
#[derive(Default)]
struct Figures {
    publish: Vec<f64>,
    delivery: Vec<f64>,
    burst: Vec<f64>,
}

fn measure(mut crowd: Crowd, events: usize) -> io::Result<Figures> {
    const ROUNDS: usize = 25;
    let subscribers = crowd.subscribers;
    let mut figures = Figures::default();
    let events = (events / ROUNDS).max(1);
    for _ in 0..ROUNDS {
        let (mut publish, mut delivery) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..events {
            let start = Instant::now();
            crowd.publish()?;
            publish += start.elapsed();
            crowd.deliver()?;
            delivery += start.elapsed();
        }
        let start = Instant::now();
        let bursts = events.div_ceil(BURST);
        for _ in 0..bursts {
            for _ in 0..BURST {
                crowd.publish()?;
            }
            crowd.deliver()?;
        }
        let burst = start.elapsed();
        let each = |time: Duration, events| time.as_nanos() as f64 / (events * subscribers) as f64;
        figures.publish.push(each(publish, events));
        figures.delivery.push(each(delivery, events));
        figures.burst.push(each(burst, bursts * BURST));
    }
    Ok(figures)
}

struct Crowd {
    hub: Hub,
    subscribers: usize,
}

impl Crowd {
    /// A hub whose log is full, so that each event pushes one out. Subscribers may have another
    /// topic too, each its own, so that no two are in the same place.
    fn new(subscribers: usize, apart: bool) -> io::Result<Self> {
        const EVENTS: usize = 1_000;
        let options = HubOptions {
            default_class: ClassOptions {
                events: EVENTS,
                ..ClassOptions::new(["**"])
            },
            ..HubOptions::default()
        };
        let hub = Hub::new(options).map_err(io::Error::other)?;
        let mut crowd = Self {
            hub,
            subscribers: 0,
        };
        for _ in 0..5 * EVENTS {
            crowd.publish()?;
        }
        for number in 0..subscribers {
            let own = format!("users/{number}");
            let topics = ["news", &own];
            open(
                &mut crowd.hub,
                0,
                Open {
                    topics: &topics[..if apart { 2 } else { 1 }],
                    ..Open::default()
                },
            )?;
        }
        crowd.subscribers = subscribers;
        drain(&mut crowd.hub, 0)?;
        Ok(crowd)
    }

    fn publish(&mut self) -> io::Result<()> {
        let publish = Publish::to(Audience::Topic("news"), Event::message(DATA));
        let published = self.hub.publish(0, &publish).map_err(io::Error::other)?;
        if published.recipients == self.subscribers {
            return Ok(());
        }
        Err(io::Error::other("an event is not for all subscribers"))
    }

    fn deliver(&mut self) -> io::Result<()> {
        let (writes, bytes) = drain(&mut self.hub, 0)?;
        if writes == self.subscribers && bytes >= writes * DATA.len() {
            return Ok(());
        }
        Err(io::Error::other("not every subscriber was written to once"))
    }
}
