//! Bytes out: what a connection is sent, borrowed from the log, and what it means that its socket
//! took them.
//!
//! It does not know how the events were found (`pull`).

use super::Hub;
use super::class::Classes;
use super::connections::{CAUGHT_UP, Due, Partial, Phase};
use super::control::Connected;
use super::cursor::Cursor;
use super::heartbeat::Heartbeat;
use super::id::ConnectionId;
use super::output::{CloseReason, Gap};
use super::plan::{Effect, Item, Plan, Source, ToldGap};
use super::pull::{Lagged, Pull};
use super::timers::Timer;
use alloc::vec::Vec;
use core::fmt;

/// What a connection is to be sent, borrowed from the hub until the next call that changes it.
pub struct Transmit<'a> {
    plan: &'a Plan,
    classes: &'a Classes,
    resuming: bool,
}

impl<'a> Transmit<'a> {
    /// How many bytes there are; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is no empty one")]
    pub fn len(&self) -> usize {
        self.plan.bytes
    }

    /// The bytes in order, in at most [`MAX_SLICES`](super::MAX_SLICES) slices: what one vectored
    /// write takes.
    pub fn slices(&self) -> impl Iterator<Item = &'a [u8]> {
        self.plan.slices(self.classes)
    }

    /// The number of the first event that begins in the first `taken` bytes: how long it has waited
    /// is what publishing takes to reach the reader. None where none begins there, or where the
    /// reader has come back and is still being replayed what it missed.
    #[must_use]
    pub fn first_live(&self, taken: usize) -> Option<u64> {
        if self.resuming {
            return None;
        }
        let mut end = 0;
        let mut begun = self.plan.items.iter().take_while(|item| {
            let begin = end;
            end += item.len;
            begin < taken
        });
        begun.find_map(|item| match item.effect {
            Effect::Event { sequence, .. } => Some(sequence),
            _ => None,
        })
    }
}

/// What a connection has got with the bytes that it took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Consumed {
    /// Events of which it took the last byte.
    pub events: u64,
    /// What it was told that it missed; where these are several gaps, their sum.
    pub gap: Option<Gap>,
}

/// [`Hub::consume`] was not called right after [`Hub::transmit`] for the same connection, or with
/// more bytes than it offered. Nothing was changed: what the socket took will be sent again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotTransmitted;

impl fmt::Display for NotTransmitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("consume follows transmit, for the same connection and no more bytes")
    }
}

impl core::error::Error for NotTransmitted {}

/// What the taken part of a plan has changed.
#[derive(Default)]
struct Progress {
    next: Option<u64>,
    got: Consumed,
}

impl Hub {
    /// What to send to a connection now; none: nothing, or its socket is blocked, or it is closed.
    ///
    /// At most 64 KiB, unless one event alone is longer; if more is due, the connection is said to
    /// be ready again. Follow it with [`consume`](Self::consume).
    #[must_use]
    pub fn transmit(&mut self, now: u64, connection: ConnectionId) -> Option<Transmit<'_>> {
        self.transmitted = None;
        let index = self.connections.find(connection)?;
        let state = self.connections.at(index);
        if state.blocked || state.is_closed() {
            return None;
        }
        if state.expires_ms <= self.timers.unix_ms(now) {
            self.end_token(now, index);
        }
        self.build(now, index)?;
        if self.plan.is_empty() {
            self.settle(index);
            return None;
        }
        self.transmitted = Some(connection);
        Some(Transmit {
            resuming: self.connections.at(index).resuming,
            plan: &self.plan,
            classes: &self.classes,
        })
    }

    /// The socket took the first `taken` bytes of what [`transmit`](Self::transmit) offered. If
    /// these are not all, the connection is blocked until
    /// [`handle_writable`](Self::handle_writable).
    ///
    /// # Errors
    /// Unless it follows `transmit` for the same connection, with no other change of the hub
    /// between.
    pub fn consume(
        &mut self,
        now: u64,
        connection: ConnectionId,
        taken: usize,
    ) -> Result<Consumed, NotTransmitted> {
        if self.transmitted != Some(connection) || taken > self.plan.bytes {
            return Err(NotTransmitted);
        }
        self.transmitted = None;
        self.stats.delivered_bytes += taken as u64;
        let index = self.plan.index;
        let items = core::mem::take(&mut self.plan.items);
        let progress = self.take_items(index, &items, taken);
        self.plan.items = items;
        self.stats.delivered += progress.got.events;
        let connection = self.connections.at_mut(index);
        if connection.is_closed() {
            return Ok(progress.got);
        }
        if taken > 0 {
            connection.due.heartbeat = false;
            self.touch_active(now, index, progress.got.events > 0);
        }
        if taken == self.plan.bytes {
            self.settle(index);
        } else {
            self.block(now, index, taken, progress.next);
        }
        Ok(progress.got)
    }

    /// Fills the plan; none where the connection was closed meanwhile.
    fn build(&mut self, now: u64, index: u32) -> Option<()> {
        // Most connections stand where the one before them stood.
        let standing = self.connections.at(index).standing();
        if standing.is_some() && standing == self.plan.shared {
            self.queues.remove(&mut self.connections, index);
            self.plan.index = index;
            return Some(());
        }
        self.fill(now, index)
    }

    #[inline(never)]
    fn fill(&mut self, now: u64, index: u32) -> Option<()> {
        if self.connections.at(index).is_closed() {
            return None;
        }
        self.queues.remove(&mut self.connections, index);
        self.plan.clear(index);
        self.begin_plan(index);
        let phase = self.connections.at(index).phase;
        if let (Phase::Leaving(_), Some(rare)) = (phase, &self.connections.at(index).rare) {
            self.plan
                .push_written(Effect::Bye, |out| out.extend_from_slice(&rare.bye));
            return Some(());
        }
        let front = self.plan.items.len();
        if let Err(Lagged) = self.pull(index) {
            self.leave(now, index, CloseReason::Lagged);
            return self.fill(now, index);
        }
        if !self.plan.made.is_empty() {
            self.keep_texts(index);
        }
        self.add_control(now, index, front);
        if let Phase::Flushing(reason) = phase
            && self.plan.outcome.is_caught_up()
        {
            // It follows all that this plan sends.
            let through = self.head.max(self.connections.at(index).floor);
            self.write_bye(index, reason, Some(self.cursor_at(through)));
            if let Some(rare) = &self.connections.at(index).rare {
                self.plan
                    .push_written(Effect::Bye, |out| out.extend_from_slice(&rare.bye));
            }
        }
        Some(())
    }

    /// What comes before everything else: the driver's bytes, and the end of what was begun.
    fn begin_plan(&mut self, index: u32) {
        let Some(rare) = &self.connections.at(index).rare else {
            return;
        };
        self.plan.push_written(Effect::Preamble, |out| {
            out.extend_from_slice(&rare.preamble);
        });
        self.plan
            .push_written(Effect::Tail, |out| out.extend_from_slice(&rare.tail));
        if let Some(Partial { place, sent }) = rare.partial {
            let left = self.classes.frame_len(place) - sent;
            self.plan
                .push(Source::Frame(place, sent), left, Effect::Partial);
        }
    }

    fn pull(&mut self, index: u32) -> Result<(), Lagged> {
        let mut pull = Pull {
            head: Cursor::new(self.options.epoch, self.head),
            classes: &self.classes,
            topics: &mut self.topics,
            users: &self.users,
            patterns: &self.patterns,
            everyone: &self.everyone,
            direct: &self.direct,
            dropped: self.dropped,
            topics_dropped: self.topics_dropped,
            control: self.rules.control(),
            id: self.connections.id(index),
            connection: self.connections.at(index),
            plan: &mut self.plan,
        };
        pull.run()
    }

    /// Puts the control events that are due around what the walk found from `front` on.
    fn add_control(&mut self, now: u64, index: u32, front: usize) {
        let Due {
            connected,
            reauth,
            heartbeat,
        } = self.connections.at(index).due;
        if connected {
            self.add_connected(index, front);
        }
        let control = self.rules.control();
        let connection = self.connections.at(index);
        if reauth {
            let expires_ms = connection.expires_ms;
            let encoding = connection.encoding;
            let write = |out: &mut _| control.write_reauth(expires_ms, encoding, out);
            let written = self.plan.push_written(Effect::Reauth, write);
            self.connections.at_mut(index).due.reauth = written;
        }
        let connection = self.connections.at(index);
        if heartbeat && self.plan.is_empty() && self.plan.outcome.is_caught_up() {
            let heartbeat = Heartbeat {
                comment: connection.comments,
                id: self.cursor_at(connection.position(self.head)),
                time_ms: self.timers.unix_ms(now),
                encoding: connection.encoding,
            };
            let bytes = self.heartbeat.bytes(heartbeat, control);
            let write = |out: &mut Vec<_>| out.extend_from_slice(bytes);
            self.plan.push_written(Effect::Heartbeat, write);
        }
    }

    /// The first event of a stream. Where a gap follows, only that carries the new position.
    fn add_connected(&mut self, index: u32, front: usize) {
        let connection = self.connections.at(index);
        let first = self.plan.items.get(front).map(|item| &item.effect);
        let gap = match first {
            Some(effect) => matches!(effect, Effect::Gap(_)),
            None => self.plan.outcome.missing.is_some(),
        };
        let opens = matches!(first, Some(Effect::Opening { .. }));
        let mut cursor = self.cursor_at(connection.position(self.head));
        if opens || self.plan.outcome.opening.is_some() {
            cursor = self.cursor_at(connection.floor);
            cursor.latest = connection.opening().map(|opening| opening - 1);
        }
        let mut plan = core::mem::take(&mut self.plan);
        let says = Connected {
            connection: self.connections.id(index),
            user: connection.user.map(|user| &**self.users.name(user)),
            topics: connection
                .subscriptions
                .iter()
                .map(|one| self.target_name(one.target)),
            cursor,
        };
        let (control, id) = (self.rules.control(), (!gap).then_some(cursor));
        let encoding = connection.encoding;
        let write = |out: &mut _| control.write_connected(id, &says, encoding, out);
        let written = plan.insert_written(front, Effect::Connected, write);
        self.plan = plan;
        self.connections.at_mut(index).due.connected = written;
    }

    /// Does what the taken items mean, and keeps the rest of the one that was taken in part.
    fn take_items(&mut self, index: u32, items: &[Item], taken: usize) -> Progress {
        let mut progress = Progress::default();
        let mut left = taken;
        for item in items {
            let part = left.min(item.len);
            left -= part;
            if part == item.len {
                self.take_whole(index, item, &mut progress);
            } else {
                if part > 0 {
                    self.take_part(index, item, part, &mut progress);
                }
                break;
            }
        }
        progress
    }

    fn take_whole(&mut self, index: u32, item: &Item, progress: &mut Progress) {
        match &item.effect {
            &Effect::Event { sequence, direct } => {
                progress.got.events += 1;
                progress.next = Some(sequence + 1);
                let connection = self.connections.at_mut(index);
                connection.direct -= u32::from(direct);
                if let Some(rare) = &mut connection.rare {
                    // Events come after the values that open the stream.
                    rare.opening = None;
                    if let Some(replay) = &mut rare.replay {
                        replay.use_up(item.len);
                    }
                }
            }
            Effect::Preamble => self.connections.at_mut(index).rare().preamble.clear(),
            Effect::Tail => {
                let is_event = self.connections.at_mut(index).rare().tail_is_event;
                progress.got.events += u64::from(is_event);
                self.clear_tail(index);
            }
            Effect::Partial => {
                progress.got.events += 1;
                self.clear_partial(index);
            }
            &Effect::Opening { sequence } => {
                progress.got.events += 1;
                self.connections.at_mut(index).rare().opening = Some(sequence + 1);
            }
            Effect::Gap(gap) => {
                let ToldGap {
                    through,
                    missing,
                    told_losses,
                } = **gap;
                progress.next = Some(through + 1);
                let gap = Gap {
                    missed: missing.events,
                    reason: missing.reason,
                };
                progress.got.gap = Some(progress.got.gap.map_or(gap, |before| before.and(gap)));
                self.stats.gaps += 1;
                self.stats.missed += missing.events.unwrap_or(0);
                let connection = self.connections.at_mut(index);
                connection.direct -= missing.direct;
                let rare = connection.rare();
                (rare.missing, rare.told_losses) = (None, told_losses);
                rare.opening = None;
            }
            Effect::Connected => self.connections.at_mut(index).due.connected = false,
            Effect::Reauth => self.connections.at_mut(index).due.reauth = false,
            Effect::Heartbeat => self.connections.at_mut(index).due.heartbeat = false,
            Effect::Bye => {
                let phase = self.connections.at(index).phase;
                if let Phase::Leaving(reason) | Phase::Flushing(reason) = phase {
                    self.finish(index, reason, false);
                }
            }
        }
    }

    /// The socket is in the middle of an item, which now comes before everything else.
    #[inline(never)]
    fn take_part(&mut self, index: u32, item: &Item, part: usize, progress: &mut Progress) {
        match (&item.effect, item.source) {
            (Effect::Partial, _) => {
                if let Some(partial) = &mut self.connections.at_mut(index).rare().partial {
                    partial.sent += part;
                }
            }
            (Effect::Event { .. }, Source::Frame(place, sent)) => {
                self.take_whole(index, item, progress);
                progress.got.events -= 1;
                self.set_partial(
                    index,
                    Partial {
                        place,
                        sent: sent + part,
                    },
                );
            }
            (&Effect::Event { sequence, .. }, Source::Scratch(_))
                if let Some(place) = self.classes.find_text(sequence) =>
            {
                self.take_whole(index, item, progress);
                progress.got.events -= 1;
                self.set_partial(index, Partial { place, sent: part });
            }
            (Effect::Preamble, _) => {
                self.connections.at_mut(index).rare().preamble.drain(..part);
            }
            (Effect::Bye, _) => {
                let connection = self.connections.at_mut(index);
                connection.rare().bye.drain(..part);
                if let Phase::Flushing(reason) = connection.phase {
                    self.detach(index);
                    self.connections.at_mut(index).phase = Phase::Leaving(reason);
                }
            }
            _ => {
                let rest = self.plan.rest(item, part).to_vec();
                let events = progress.got.events;
                self.take_whole(index, item, progress);
                let is_event = progress.got.events > events;
                progress.got.events = events;
                self.set_tail(index, rest, is_event);
            }
        }
    }

    /// Everything was taken: the connection stands where the walk ended.
    fn settle(&mut self, index: u32) {
        self.timers
            .cancel(&mut self.connections, index, Timer::Stall);
        self.move_to(index, self.plan.outcome.next);
        let outcome = &self.plan.outcome;
        let connection = self.connections.at_mut(index);
        if connection.rare.is_some() || outcome.missing.is_some() {
            let rare = connection.rare();
            rare.opening = outcome.opening;
            rare.missing = outcome.missing;
            rare.replay = outcome.replay;
        }
        if outcome.is_caught_up() {
            connection.resuming = false;
            connection.catching_up = false;
            if let Some(rare) = &mut connection.rare {
                rare.replay = None;
                rare.excused = Vec::new();
                rare.told_losses = 0;
            }
        }
        connection.tidy();
        if connection.has_output() {
            self.queues.push(&mut self.connections, index);
        }
    }

    /// The socket took no more than a part.
    fn block(&mut self, now: u64, index: u32, taken: usize, next: Option<u64>) {
        let leaving = matches!(self.connections.at(index).phase, Phase::Leaving(_));
        if let Some(next) = next.filter(|_| !leaving) {
            self.move_to(index, next);
        }
        let connection = self.connections.at_mut(index);
        if connection.is_waiting() {
            self.waiting.remove(connection.next);
        }
        connection.blocked = true;
        if taken > 0 || !self.timers.is_set(&self.connections, index, Timer::Stall) {
            self.timers
                .touch(&mut self.connections, index, Timer::Stall, now);
        }
    }

    /// Moves the position of a connection that is not blocked.
    fn move_to(&mut self, index: u32, next: u64) {
        let connection = self.connections.at_mut(index);
        let before = core::mem::replace(&mut connection.next, next);
        if before != next {
            if before != CAUGHT_UP {
                self.waiting.remove(before);
            }
            if next != CAUGHT_UP {
                self.waiting.add(next, 1);
            }
        }
    }

    /// The connection has taken bytes: it is neither quiet, nor, with an event, idle.
    fn touch_active(&mut self, now: u64, index: u32, event: bool) {
        if matches!(self.connections.at(index).phase, Phase::Leaving(_)) {
            return;
        }
        self.timers
            .touch(&mut self.connections, index, Timer::Heartbeat, now);
        if event {
            self.timers
                .touch(&mut self.connections, index, Timer::Idle, now);
        }
    }
}
