//! A small world in virtual time: one hub with its driver, readers that come and go, publishers that
//! repeat themselves, and networks that fail.
//!
//! It does not know how the hub does it. One seed decides everything; what each reader has heard is
//! judged as it hears it, and again at the end, when all has healed.

mod chaos;
mod dice;
mod judge;
mod link;
mod news;
mod publisher;
mod reader;
mod server;

use crate::ensure;
use crate::verdict::Verdict;
use dice::Dice;
use judge::Ledger;
use link::Link;
use news::News;
use publisher::Publisher;
use reader::Reader;
use server::Server;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use tidings_core::{ClassOptions, Deadlines, HubOptions, LagPolicy, Limits};

/// How long a heartbeat takes, and to how much that is rounded.
const HEARTBEAT_MS: u64 = 2_000;
const TICK_MS: u64 = 50;

/// The longest that bytes are on their way.
const MOST_DELAY_MS: u64 = 120;

/// How long everything is left alone at the end: longer than any delay before a reconnect.
const CALM_MS: u64 = 60_000;

/// The Unix time at which every world begins.
const CLOCK_MS: u64 = 1_000_000;

/// A world, and how far it has come.
pub struct World {
    now: u64,
    dice: Dice,
    server: Server,
    links: Vec<Link>,
    readers: Vec<Reader>,
    publishers: Vec<Publisher>,
    ledger: Ledger,
    /// What will happen, by time and then in the order in which it was noted.
    calendar: BTreeMap<(u64, u64), News>,
    noted: u64,
    /// What the clock of the server says at 0, Unix time.
    clock_ms: u64,
    /// Nothing bad happens any more.
    calm: bool,
    digest: DefaultHasher,
    report: Report,
}

/// What has happened in a world.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// How long it took, in its own time.
    pub now_ms: u64,
    /// Events published.
    pub published: u64,
    /// Publishes that were known already.
    pub duplicates: u64,
    /// Events heard, by all readers.
    pub heard: u64,
    /// Gaps told.
    pub gaps: u64,
    /// Events told as missed, where they could be counted.
    pub missed: u64,
    /// Requests for a stream.
    pub requests: u64,
    /// Streams cut.
    pub cuts: u64,
    /// Lives of the server.
    pub lives: u64,
    /// Readers that were told to stay away.
    pub away: u64,
    /// All bytes that were read, as one number.
    pub digest: u64,
}

/// Runs a world for so many steps, then lets it heal.
///
/// # Errors
/// The first thing that should not be, and when.
pub fn run(seed: u64, steps: u64) -> Verdict<Report> {
    let mut world = World::new(seed)?;
    for step in 0..steps {
        world
            .step()
            .map_err(|error| format!("seed {seed}, step {step}, at {} ms: {error}", world.now))?;
    }
    world
        .heal()
        .map_err(|error| format!("seed {seed}, healing at {} ms: {error}", world.now))?;
    Ok(world.report())
}

impl World {
    fn new(seed: u64) -> Verdict<Self> {
        let mut dice = Dice::new(seed);
        let options = options(&mut dice);
        let lazy = dice.chance(50);
        // A client that hears nothing for so long, on a link that is well, was forgotten.
        let silence_ms = HEARTBEAT_MS + TICK_MS + 2 * MOST_DELAY_MS;
        let readers = dice.between(2, 7) as usize;
        let publishers = dice.between(1, 4) as usize;
        let mut world = Self {
            now: 0,
            server: Server::new(options, lazy)?,
            links: Vec::new(),
            readers: (0..readers)
                .map(|number| Reader::new(number, &mut dice, silence_ms))
                .collect(),
            publishers: (0..publishers).map(|_| Publisher::default()).collect(),
            ledger: Ledger::default(),
            calendar: BTreeMap::new(),
            noted: 0,
            clock_ms: CLOCK_MS,
            calm: false,
            digest: DefaultHasher::new(),
            report: Report::default(),
            dice,
        };
        for publisher in 0..world.publishers.len() {
            world.note(0, News::Publish { publisher });
        }
        for reader in 0..world.readers.len() {
            let after = world.dice.between(0, 500);
            world.note(after, News::Start { reader });
        }
        world.note(1_000, News::Chaos);
        Ok(world)
    }

    /// Notes that something will happen after so many milliseconds.
    fn note(&mut self, after_ms: u64, news: News) {
        self.noted += 1;
        self.calendar
            .insert((self.now + after_ms, self.noted), news);
    }

    /// Goes to the next moment at which something happens, and does all of it.
    fn step(&mut self) -> Verdict {
        let next = self.next().ok_or("nothing will ever happen again")?;
        ensure!(next >= self.now, "{next} is past");
        self.now = next;
        while let Some(entry) = self.calendar.first_entry()
            && entry.key().0 <= self.now
        {
            let news = entry.remove();
            self.happen(news)?;
            self.serve()?;
        }
        for reader in 0..self.readers.len() {
            self.readers[reader].client.handle_timeout(self.now);
            self.read(reader)?;
            self.grant_wishes(reader)?;
        }
        self.serve()
    }

    /// The earliest of all times.
    fn next(&self) -> Option<u64> {
        let noted = self.calendar.keys().next().map(|key| key.0);
        let readers = self.readers.iter().flat_map(|reader| {
            let link = reader.link.map(|link| &self.links[link]);
            let readable = link.and_then(Link::readable_at);
            let reads = readable.and_then(|at| reader.next_read(at.max(self.now)));
            [reader.client.poll_timeout(), reads]
        });
        let times = noted.into_iter().chain(readers.flatten());
        times
            .chain(self.server.next(self.now))
            .min()
            .map(|at| at.max(self.now))
    }

    /// The driver does what is due.
    fn serve(&mut self) -> Verdict {
        if self.server.is_up(self.now) {
            self.server.drive(self.now, &mut self.links)?;
        }
        Ok(())
    }

    /// Nothing bad happens any more, and after a while every reader has all.
    fn heal(&mut self) -> Verdict {
        self.calm = true;
        self.recover();
        let end = self.now + CALM_MS;
        while self.next().is_some_and(|next| next <= end) {
            self.step()?;
        }
        let head = self.server.hub.cursor();
        for number in 0..self.readers.len() {
            let reader = &mut self.readers[number];
            if reader.away {
                continue;
            }
            let healed = reader.record.finish(head, &reader.profile, &self.ledger);
            healed.map_err(|error| format!("reader {number}, at the end: {error}"))?;
        }
        Ok(())
    }

    fn report(&self) -> Report {
        let records = self.readers.iter().map(|reader| &reader.record);
        let sum = |count: fn(&judge::Record) -> u64| records.clone().map(count).sum();
        Report {
            now_ms: self.now,
            heard: sum(|record| record.events),
            gaps: sum(|record| record.gaps),
            missed: sum(|record| record.missed),
            lives: self.server.lives,
            away: self.readers.iter().filter(|reader| reader.away).count() as u64,
            digest: self.digest.finish(),
            ..self.report.clone()
        }
    }

    /// Takes note of bytes that were read.
    fn mark(&mut self, bytes: &[u8]) {
        (self.now, bytes).hash(&mut self.digest);
    }
}

/// A hub that trims all the time, with deadlines that come often.
fn options(dice: &mut Dice) -> HubOptions {
    let retention = |dice: &mut Dice, topics: &[&str]| ClassOptions {
        events: dice.between(6, 60) as usize,
        bytes: dice.between(13_000, 60_000) as usize,
        age_ms: dice.chance(30).then(|| dice.between(500, 20_000)),
        records: dice.chance(40).then(|| dice.below(80)),
        ..ClassOptions::new(topics.iter().copied())
    };
    // As many values as there are topics: none has to make room for another.
    let latest = ClassOptions {
        latest: true,
        events: 10,
        ..ClassOptions::new(["latest/*"])
    };
    let mut classes = vec![latest];
    if dice.chance(70) {
        classes.push(retention(dice, &["a/**"]));
    }
    HubOptions {
        epoch: 0x10,
        unix_ms_at_zero: CLOCK_MS,
        classes,
        default_class: retention(dice, &["**"]),
        lag: dice.pick(&[LagPolicy::Gap, LagPolicy::Close]),
        limits: Limits {
            event_bytes: 2_000,
            replay_events: dice.pick(&[10_000, 10_000, 5, 0]),
            rescue_bytes: dice.pick(&[4 << 20, 500, 0]),
            ..Limits::default()
        },
        deadlines: Deadlines {
            tick_ms: TICK_MS,
            heartbeat_ms: Some(HEARTBEAT_MS),
            idle_ms: dice.chance(30).then(|| dice.between(3_000, 30_000)),
            age_ms: dice.chance(30).then(|| dice.between(5_000, 60_000)),
            stall_ms: Some(4_000),
            reauth_ms: 1_000,
            linger_ms: 500,
            retry_ms: 300,
        },
        ..HubOptions::default()
    }
}
