//! A world in virtual time: hubs with their drivers, readers that come and go, publishers that
//! repeat themselves, and networks that fail.
//!
//! It does not know how a hub does it. A story decides everything; what each reader has heard is
//! judged as it hears it, and again at the end, when all has healed.

mod deeds;
mod dice;
mod invent;
mod judge;
mod link;
mod news;
mod posting;
mod publisher;
mod reader;
mod server;
mod shard;
pub mod story;

use crate::ensure;
use crate::minimize::{Smaller, minimize};
use crate::play::Fault;
use crate::verdict::{Verdict, caught};
use dice::Dice;
use judge::Ledger;
use link::Link;
use news::News;
use publisher::Publisher;
use reader::Reader;
use server::Server;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use story::{Deed, Scene, Story};

/// How long a heartbeat takes, and to how much that is rounded.
const HEARTBEAT_MS: u64 = 2_000;
const TICK_MS: u64 = 50;

/// The longest that bytes are on their way.
const MOST_DELAY_MS: u64 = 120;

/// How long everything is left alone at the end: longer than any delay before a reconnect.
const CALM_MS: u64 = 60_000;

/// The Unix time at which every world begins.
const CLOCK_MS: u64 = 1_000_000;

/// The most readers of a world.
const MOST_READERS: usize = 8;

/// How many publishers a world has.
const PUBLISHERS: usize = 4;

/// A world, and how far it has come.
struct World {
    now: u64,
    seed: u64,
    server: Server,
    links: Vec<Link>,
    readers: Vec<Reader>,
    publishers: Vec<Publisher>,
    ledger: Ledger,
    /// What will happen, by time and then in the order in which it was noted.
    calendar: BTreeMap<(u64, u64), News>,
    noted: u64,
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
    /// Hubs behind a sequencer; 0 for one that numbers its events itself.
    pub shards: usize,
    /// Events published.
    pub published: u64,
    /// Publishes that were known already.
    pub duplicates: u64,
    /// Publishes for which there was no room in the mailboxes.
    pub busy: u64,
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

/// Runs the world of a seed through so many doings, then lets it heal.
///
/// # Errors
/// The first thing that should not be, and the smallest story found in which it is.
pub fn run(seed: u64, steps: u64) -> Verdict<Report> {
    let steps = usize::try_from(steps).unwrap_or(usize::MAX);
    judge(Story::of_seed(seed, steps))
}

/// Tells a story, and makes one that fails smaller.
///
/// # Errors
/// The first thing that should not be, and the smallest story found in which it is.
pub fn judge(story: Story) -> Verdict<Report> {
    tell(&story).map_err(|fault| match minimize(story) {
        (story, Some(smallest)) => format!("{fault}\nat its smallest: {smallest}\n{story:?}"),
        (_, None) => format!("{fault}\nwhen told again, it held"),
    })
}

/// Tells a story to its end, then lets everything heal.
///
/// # Errors
/// The first thing that should not be. A panic is one.
pub fn tell(story: &Story) -> Result<Report, Fault> {
    let mut step = 0;
    let told = caught(|| {
        let mut world = World::new(&story.scene)?;
        for doing in &story.doings {
            world.pass(u64::from(doing.after_ms))?;
            world.perform(&doing.deed)?;
            step += 1;
        }
        world.heal()?;
        Ok(world.report())
    });
    told.map_err(|sentence| Fault {
        step,
        operation: story.doings.get(step).map(|doing| format!("{doing:?}")),
        sentence,
    })
}

impl World {
    fn new(scene: &Scene) -> Verdict<Self> {
        // A client that hears nothing for so long, on a link that is well, was forgotten.
        let silence_ms = HEARTBEAT_MS + TICK_MS + 2 * MOST_DELAY_MS;
        let readers = scene.readers.iter().take(MOST_READERS).enumerate();
        let mut world = Self {
            now: 0,
            seed: scene.seed,
            server: Server::new(scene)?,
            links: Vec::new(),
            readers: readers
                .map(|(number, persona)| Reader::new(number, persona, silence_ms))
                .collect(),
            publishers: (0..PUBLISHERS).map(Publisher::new).collect(),
            ledger: Ledger::default(),
            calendar: BTreeMap::new(),
            noted: 0,
            calm: false,
            digest: DefaultHasher::new(),
            report: Report::default(),
        };
        for reader in 0..world.readers.len() {
            let after = world.dice("start", reader, 0).between(0, 500);
            world.note(after, News::Start { reader });
        }
        Ok(world)
    }

    /// Chance for one thing that concerns a reader, whatever else happens.
    fn dice(&self, what: &str, reader: usize, number: u64) -> Dice {
        Dice::of(self.seed, what, (reader as u64) << 32 | number)
    }

    /// Notes that something will happen after so many milliseconds.
    fn note(&mut self, after_ms: u64, news: News) {
        self.noted += 1;
        self.calendar
            .insert((self.now + after_ms, self.noted), news);
    }

    /// Lets all happen that happens within so many milliseconds.
    fn pass(&mut self, ms: u64) -> Verdict {
        let end = self.now + ms;
        while let Some(next) = self.next().filter(|next| *next <= end) {
            ensure!(next >= self.now, "{next} is past");
            self.now = next;
            self.step()?;
        }
        self.now = end;
        self.step()
    }

    /// Does what happens at this moment.
    fn step(&mut self) -> Verdict {
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

    /// The drivers do what is due.
    fn serve(&mut self) -> Verdict {
        let known = self.server.drive(self.now, &mut self.links)?;
        self.ledger.learn(self.server.life(), &known);
        Ok(())
    }

    /// Does a deed, and what is due after it.
    fn perform(&mut self, deed: &Deed) -> Verdict {
        self.act(deed)?;
        self.serve()?;
        self.step()
    }

    /// Nothing bad happens any more, and after a while every reader has all; then all is closed.
    fn heal(&mut self) -> Verdict {
        self.calm = true;
        self.recover();
        self.pass(CALM_MS)?;
        self.server.check_complete()?;
        let head = self.server.cursor();
        for number in 0..self.readers.len() {
            let reader = &mut self.readers[number];
            if reader.away {
                continue;
            }
            let healed = reader.record.finish(head, &reader.profile, &self.ledger);
            healed.map_err(|error| format!("reader {number}, at the end: {error}"))?;
        }
        self.server.close_all(self.now, &mut self.links)
    }

    fn report(&self) -> Report {
        let records = self.readers.iter().map(|reader| &reader.record);
        let sum = |count: fn(&judge::Record) -> u64| records.clone().map(count).sum();
        Report {
            now_ms: self.now,
            shards: self.server.shards_behind(),
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

impl Smaller for Story {
    fn fault(&self) -> Option<Fault> {
        tell(self).err()
    }

    fn steps(&self) -> usize {
        self.doings.len()
    }

    /// What follows still happens when it did.
    fn without(&self, from: usize, to: usize) -> Self {
        let mut story = self.clone();
        let gone = story.doings.drain(from..to);
        let passed: u32 = gone
            .map(|doing| doing.after_ms + doing.deed.wait_ms())
            .sum();
        if let Some(next) = story.doings.get_mut(from) {
            next.after_ms += passed;
        }
        story
    }

    fn simpler(&self, place: usize) -> Vec<Self> {
        let simpler = self.doings[place].simpler();
        let stories = simpler.into_iter().map(|doing| {
            let mut story = self.clone();
            story.doings[place] = doing;
            story
        });
        stories.collect()
    }

    fn plainer(&self) -> Vec<Self> {
        let scenes = self.scene.plainer();
        let stories = scenes.into_iter().map(|scene| Self {
            scene,
            doings: self.doings.clone(),
        });
        stories.collect()
    }
}
