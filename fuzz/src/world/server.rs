//! The server of a world: one hub that numbers its events, or several behind a sequencer; and lives
//! that end.
//!
//! It does not know readers; it sees links. Where each connection goes, and how events come to all
//! hubs, is as in a driver of several shards.

use super::dice::Dice;
use super::judge::Sender;
use super::link::Link;
use super::shard::{Batch, Shard};
use super::story::{Keeps, Persona, Scene, ServerKind};
use super::{CLOCK_MS, HEARTBEAT_MS, TICK_MS};
use crate::mail::Mail;
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use tidings_core::{
    ClassOptions, ConnectionId, Cursor, Deadlines, HubOptions, LagPolicy, Limits, Message, Open,
    OpenError, PublishError, Published, Rules, Sequencer,
};

/// The most hubs of a server.
const MOST_SHARDS: u8 = 4;

/// The most bytes of an event.
const EVENT_BYTES: usize = 2_000;

/// The server of a world.
pub(super) struct Server {
    kind: ServerKind,
    seed: u64,
    options: HubOptions,
    rules: Rules,
    shards: Vec<Shard>,
    /// None where the only hub numbers its events itself.
    sequencer: Option<Sequencer>,
    /// First numbers of the batches that are in mailboxes, and in how many.
    posted: BTreeMap<u64, usize>,
    draining: bool,
    /// Nobody answers until then.
    down_until: u64,
    pub(super) lives: u64,
    /// What the clock says at 0, Unix time.
    clock_ms: u64,
}

/// What became of events that were sent.
pub(super) enum Posted {
    /// They are numbered; for each, whether the connection that does not want it is there.
    Taken(Vec<Published>, Vec<Sender>),
    NoRoom,
    Draining,
}

impl Server {
    pub(super) fn new(scene: &Scene) -> Verdict<Self> {
        let options = options(scene);
        let mut server = Self {
            kind: scene.server,
            seed: scene.seed,
            rules: Rules::new(&options).map_err(|error| error.to_string())?,
            options,
            shards: Vec::new(),
            sequencer: None,
            posted: BTreeMap::new(),
            draining: false,
            down_until: 0,
            lives: 0,
            clock_ms: CLOCK_MS,
        };
        server.start()?;
        Ok(server)
    }

    /// Begins a life, with nothing in memory.
    fn start(&mut self) -> Verdict {
        let behind = self.kind.shards.min(MOST_SHARDS);
        let shards = (0..behind.max(1)).map(|shard| {
            Shard::new(&HubOptions {
                shard,
                seed: self.options.seed + u64::from(shard),
                ..self.options.clone()
            })
        });
        self.shards = shards.collect::<Verdict<_>>()?;
        self.sequencer = (behind > 0).then(|| Sequencer::new(&self.options));
        self.posted.clear();
        self.draining = false;
        self.lives += 1;
        Ok(())
    }

    /// Everything that was in memory is gone.
    pub(super) fn restart(&mut self, now: u64, down_ms: u64) -> Verdict {
        self.options.epoch += 1;
        self.options.seed += 16;
        self.start()?;
        self.set_clock(now, 0);
        self.down_until = now + down_ms;
        Ok(())
    }

    pub(super) const fn life(&self) -> u64 {
        self.options.epoch
    }

    pub(super) const fn is_up(&self, now: u64) -> bool {
        self.down_until <= now
    }

    pub(super) fn shards_behind(&self) -> usize {
        self.sequencer.as_ref().map_or(0, |_| self.shards.len())
    }

    /// The last number given out.
    pub(super) fn cursor(&self) -> Cursor {
        let sequencer = self.sequencer.as_ref();
        sequencer.map_or_else(|| self.shards[0].hub.cursor(), Sequencer::cursor)
    }

    /// How many events with own ids a sequencer remembers at least.
    pub(super) fn remembered_ids(&self) -> Option<usize> {
        self.sequencer.as_ref()?;
        let classes = self.options.classes.iter();
        let limits = classes.chain([&self.options.default_class]).map(|class| {
            let records = class.records.unwrap_or(class.events * 4);
            records.max(class.events)
        });
        limits.min()
    }

    /// The Unix time by its clock.
    pub(super) const fn unix_ms(&self, now: u64) -> u64 {
        self.clock_ms + now
    }

    pub(super) fn set_clock(&mut self, now: u64, by_ms: i64) {
        self.clock_ms = self.clock_ms.saturating_add_signed(by_ms);
        let unix_ms = self.unix_ms(now);
        for shard in &mut self.shards {
            shard.hub.set_unix_ms(now, unix_ms);
        }
    }

    pub(super) fn wake(&mut self, now: u64, shard: usize) {
        let shard = shard % self.shards.len();
        if self.shards[shard].held_until <= now {
            self.shards[shard].hub.handle_timeout(now);
        }
    }

    pub(super) fn hold(&mut self, shard: usize, until: u64) {
        let shard = shard % self.shards.len();
        self.shards[shard].held_until = until;
    }

    pub(super) fn release(&mut self, now: u64) {
        for shard in &mut self.shards {
            shard.held_until = shard.held_until.min(now);
        }
    }

    /// A user's streams share a hub, and so do those of a tab; others take turns.
    fn place(&self, who: &Persona, turn: u64) -> usize {
        let mut hasher = DefaultHasher::new();
        let number = match (who.user, who.tab) {
            (Some(name), _) | (None, Some(name)) => {
                name.hash(&mut hasher);
                hasher.finish()
            }
            (None, None) => turn,
        };
        (number % self.shards.len() as u64) as usize
    }

    /// When the driver that a stream would go to comes to its work, if not now.
    pub(super) fn busy_until(&self, now: u64, who: &Persona, turn: u64) -> Option<u64> {
        let held_until = self.shards[self.place(who, turn)].held_until;
        (held_until > now).then_some(held_until)
    }

    /// Opens a stream, which gets a status where it is refused.
    pub(super) fn open(
        &mut self,
        now: u64,
        who: &Persona,
        turn: u64,
        link: usize,
        open: Open<'_>,
    ) -> Result<ConnectionId, u16> {
        let place = self.place(who, turn);
        let id = open.last_event_id.unwrap_or_default();
        let known = self.sequencer.as_ref().and_then(|all| all.find(id));
        let known = known.map(|cursor| cursor.to_string());
        let open = Open {
            last_event_id: known.as_deref().or(open.last_event_id),
            ..open
        };
        if let Some(sequencer) = &self.sequencer {
            let assigned = sequencer.cursor().sequence;
            self.shards[place].hub.handle_assigned(assigned);
        }
        let opened = self.shards[place].open(now, link, open);
        opened.map_err(|error| match error {
            OpenError::StayAway => 204,
            _ => 503,
        })
    }

    fn shard_of(&mut self, link: &Link) -> Option<&mut Shard> {
        if link.life != self.options.epoch {
            return None;
        }
        self.shards.get_mut(usize::from(link.connection.shard()))
    }

    pub(super) fn lose(&mut self, link: &Link) {
        if let Some(shard) = self.shard_of(link) {
            shard.lose(link.connection);
        }
    }

    pub(super) fn writable(&mut self, link: &Link) {
        if let Some(shard) = self.shard_of(link) {
            shard.writable(link.connection);
        }
    }

    pub(super) fn close(&mut self, now: u64, link: &Link) {
        if let Some(shard) = self.shard_of(link) {
            shard.hub.close(now, link.connection);
        }
    }

    /// The reader has a new token.
    pub(super) fn renew(&mut self, now: u64, link: &Link, expires_ms: u64, grants: &[&str]) {
        if let Some(shard) = self.shard_of(link) {
            // It may have ended while the client was asking.
            let _ = shard
                .hub
                .renew(now, link.connection, Some(expires_ms), grants);
        }
    }

    /// Sends everything away, once all that was numbered is appended.
    pub(super) fn drain(&mut self, over_ms: u64) {
        self.draining = true;
        for shard in &mut self.shards {
            shard.drain_over_ms = Some(over_ms);
        }
    }

    /// Numbers events, all or none, and sends them to the hubs.
    pub(super) fn post(&mut self, now: u64, mails: &[Mail], links: &mut [Link]) -> Verdict<Posted> {
        let messages: Result<Vec<Message>, _> = mails
            .iter()
            .map(|mail| mail.with(|publish| self.rules.message(publish)))
            .collect();
        let messages = messages.map_err(|error| format!("{error} where all is well"))?;
        let excepts: Vec<_> = mails.iter().map(|mail| mail.except).collect();
        if self.draining {
            return Ok(Posted::Draining);
        }
        if self.sequencer.is_some() {
            return Ok(self.number(now, messages, &excepts));
        }
        let shard = &mut self.shards[0];
        let before = shard.senders(&excepts);
        let published = match shard.publish_all(now, &messages, links)? {
            Ok(published) => published,
            Err(PublishError::Draining) => return Ok(Posted::Draining),
            Err(error) => return Err(format!("{error}, publishing")),
        };
        let senders = before.into_iter().zip(shard.senders(&excepts));
        let senders = senders.map(|both| match both {
            (Some(before), Some(after)) => before.and(after),
            _ => Sender::Gone,
        });
        Ok(Posted::Taken(published, senders.collect()))
    }

    /// Numbers and queues: under one lock in a driver, so that each hub sees every number in order.
    fn number(
        &mut self,
        now: u64,
        messages: Vec<Message>,
        excepts: &[Option<ConnectionId>],
    ) -> Posted {
        if self.posted.len() >= usize::from(self.kind.room.max(1)) {
            return Posted::NoRoom;
        }
        let Some(sequencer) = &mut self.sequencer else {
            return Posted::Draining;
        };
        let assigned = sequencer.assign(messages);
        let fresh = assigned.published.iter().map(|one| !one.duplicate);
        let excepts: Vec<_> = excepts
            .iter()
            .zip(fresh)
            .filter_map(|(except, fresh)| fresh.then_some(*except))
            .collect();
        // Only once it is appended is it known who was there.
        let senders = vec![Sender::Unsure; assigned.published.len()];
        if assigned.fresh.is_empty() {
            return Posted::Taken(assigned.published, senders);
        }
        let batch = Batch {
            first: assigned.first,
            messages: assigned.fresh.into(),
            excepts: excepts.into(),
            arrives: now,
        };
        self.posted.insert(batch.first, self.shards.len());
        for (number, shard) in self.shards.iter_mut().enumerate() {
            let mut dice = Dice::of(self.seed, "mail", batch.first << 3 | number as u64);
            let after_ms = dice.between(0, u64::from(self.kind.mail_ms) + 1);
            shard.post(Batch {
                arrives: (now + after_ms).max(shard.last_arrival()),
                ..batch.clone()
            });
        }
        Posted::Taken(assigned.published, senders)
    }

    /// When a driver has to do something.
    pub(super) fn next(&self, now: u64) -> Option<u64> {
        if !self.is_up(now) {
            return Some(self.down_until);
        }
        self.shards.iter().filter_map(|shard| shard.next(now)).min()
    }

    /// The drivers do what is due at this moment. What is known now of those who do not want an
    /// event, by its number.
    pub(super) fn drive(&mut self, now: u64, links: &mut [Link]) -> Verdict<Vec<(u64, Sender)>> {
        let mut senders = Vec::new();
        if !self.is_up(now) {
            return Ok(senders);
        }
        for shard in &mut self.shards {
            let turn = shard.drive(now, self.kind.lazy, links)?;
            senders.extend(turn.senders);
            for first in turn.appended {
                let left = self.posted.get_mut(&first).ok_or("appended twice")?;
                *left -= 1;
                if *left == 0 {
                    self.posted.remove(&first);
                }
            }
        }
        Ok(senders)
    }

    /// Every hub has all that was numbered.
    pub(super) fn check_complete(&self) -> Verdict {
        for shard in &self.shards {
            ensure!(shard.is_empty(), "a batch is left in a mailbox");
            ensure_eq!(shard.hub.cursor(), self.cursor(), "the end of a log");
        }
        ensure!(self.posted.is_empty(), "a batch is not accounted for");
        Ok(())
    }

    pub(super) fn close_all(&mut self, now: u64, links: &mut [Link]) -> Verdict {
        self.shards
            .iter_mut()
            .try_for_each(|shard| shard.close_all(now, links))
    }

    /// The class of a topic keeps one value of it.
    pub(super) fn is_latest(&self, mail: &Mail) -> bool {
        let topics = mail.address.topics();
        topics
            .first()
            .is_some_and(|topic| topic.starts_with("latest/"))
    }
}

/// A hub that trims all the time, with deadlines that come often.
fn options(scene: &Scene) -> HubOptions {
    let tenths = |tenths: Option<u8>, least: u64| tenths.map(|ms| u64::from(ms) * 100 + least);
    let class = |keeps: &Keeps, topics: &str| ClassOptions {
        events: usize::from(keeps.events) + 6,
        bytes: usize::from(keeps.bytes) + 13_000,
        age_ms: tenths(keeps.age, 100),
        records: keeps.records.map(usize::from),
        ..ClassOptions::new([topics])
    };
    // As many values as there are topics: none has to make room for another.
    let latest = ClassOptions {
        latest: true,
        events: 10,
        ..ClassOptions::new(["latest/*"])
    };
    let below = scene.below.map(|keeps| class(&keeps, "a/**"));
    let lag = if scene.lag_closes {
        LagPolicy::Close
    } else {
        LagPolicy::Gap
    };
    HubOptions {
        epoch: 0x10,
        unix_ms_at_zero: CLOCK_MS,
        classes: [latest].into_iter().chain(below).collect(),
        default_class: class(&scene.log, "**"),
        lag,
        limits: Limits {
            event_bytes: EVENT_BYTES,
            replay_events: scene.replay_events.map_or(10_000, usize::from),
            rescue_bytes: scene.rescue_bytes.map_or(4 << 20, usize::from),
            ..Limits::default()
        },
        deadlines: Deadlines {
            tick_ms: TICK_MS,
            heartbeat_ms: Some(HEARTBEAT_MS),
            idle_ms: tenths(scene.idle, 2_000),
            age_ms: tenths(scene.age, 5_000),
            stall_ms: Some(4_000),
            reauth_ms: 1_000,
            linger_ms: 500,
            retry_ms: 300,
        },
        ..HubOptions::default()
    }
}
