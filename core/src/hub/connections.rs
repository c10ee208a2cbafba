//! The open streams: what the hub knows of each, in slots with generational ids.
//!
//! It does not know what a stream is to be sent; `pull` and `transmit` do.

use super::class::Place;
use super::encoding::Encoding;
use super::id::{ConnectionId, MAX_CONNECTIONS};
use super::links::{LISTS, Link};
use super::options::LagPolicy;
use super::output::{CloseReason, GapReason};
use super::patterns::PatternId;
use super::plan::Standing;
use super::record::{TabId, TopicId, UserId};
use super::slab::Slab;
use super::subscriptions::Subscriptions;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// Nothing is pending: the connection has been offered all that was addressed to it.
pub(crate) const CAUGHT_UP: u64 = u64::MAX;

pub(crate) struct Connection {
    pub(crate) phase: Phase,
    pub(crate) lag: LagPolicy,
    pub(crate) queue: Queue,
    /// What is owed beside events.
    pub(crate) due: Due,
    /// Its socket takes no more for the moment.
    pub(crate) blocked: bool,
    /// Not yet at the head since it was opened with a cursor: a gap is told, never a reason to close.
    pub(crate) resuming: bool,
    /// Behind for another reason than the events of this moment; takes its turn after others.
    pub(crate) catching_up: bool,
    /// Heartbeats are comments.
    pub(crate) comments: bool,
    pub(crate) encoding: Encoding,
    pub(crate) user: Option<UserId>,
    pub(crate) tab: Option<TabId>,
    /// Events addressed to this connection alone that it has still to be offered.
    pub(crate) direct: u32,
    /// The first sequence it has not been offered, or `CAUGHT_UP`.
    pub(crate) next: u64,
    /// Events up to here are not for it: it was opened after them.
    pub(crate) floor: u64,
    /// The last publish that counted it.
    pub(crate) matched: u64,
    /// When its token ends, Unix time in milliseconds; `u64::MAX` for never.
    pub(crate) expires_ms: u64,
    pub(crate) links: [Link; LISTS],
    /// When each of the deadlines in touch order is due.
    pub(crate) deadlines: [u64; 4],
    /// In order of their targets.
    pub(crate) subscriptions: Subscriptions,
    /// What few connections have at a time.
    pub(crate) rare: Option<Box<Rare>>,
}

/// Where a connection stands in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Live,
    /// To be closed once it has been sent all up to the head.
    Flushing(CloseReason),
    /// To be closed once it has been sent its `bye`.
    Leaving(CloseReason),
    /// Closed; the driver has still to be told. `cut`: in the middle of a frame, or without a `bye`.
    Closed {
        reason: CloseReason,
        cut: bool,
    },
}

/// The queue a connection stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Queue {
    None,
    Live,
    CatchUp,
    Closed,
}

/// Control events that a connection is owed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Due {
    pub(crate) connected: bool,
    pub(crate) reauth: bool,
    pub(crate) heartbeat: bool,
}

/// What a connection subscribes to, in one word: the highest bit tells patterns from topics, so that
/// these come first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Target(u32);

pub(crate) enum TargetKind {
    Topic(TopicId),
    Pattern(PatternId),
}

impl Target {
    const PATTERN: u32 = 1 << 31;

    pub(crate) const fn topic(topic: TopicId) -> Self {
        Self(topic)
    }

    pub(crate) const fn pattern(pattern: PatternId) -> Self {
        Self(Self::PATTERN | pattern)
    }

    pub(crate) const fn kind(self) -> TargetKind {
        if self.0 & Self::PATTERN == 0 {
            TargetKind::Topic(self.0)
        } else {
            TargetKind::Pattern(self.0 & !Self::PATTERN)
        }
    }

    pub(crate) const fn as_topic(self) -> Option<TopicId> {
        match self.kind() {
            TargetKind::Topic(topic) => Some(topic),
            TargetKind::Pattern(_) => None,
        }
    }

    pub(crate) const fn is_pattern(self) -> bool {
        matches!(self.kind(), TargetKind::Pattern(_))
    }
}

pub(crate) struct Subscription {
    pub(crate) target: Target,
    /// Place of the connection among the target's subscribers.
    pub(crate) place: u32,
    /// Events up to here are not for it: it was added after them.
    pub(crate) since: u64,
}

#[derive(PartialEq, Default)]
pub(crate) struct Rare {
    /// Bytes to send before anything of the hub's.
    pub(crate) preamble: Vec<u8>,
    /// Bytes owed before all else: the end of a control event, or of a frame the log dropped.
    pub(crate) tail: Vec<u8>,
    /// The tail is the end of an event, which is delivered once it is taken.
    pub(crate) tail_is_event: bool,
    /// The frame it is in the middle of, and how much of it was sent.
    pub(crate) partial: Option<Partial>,
    /// In the values that open a stream: the next one, by sequence.
    pub(crate) opening: Option<u64>,
    /// Patterns of topics whose private events it may get, in order of their numbers.
    pub(crate) grants: Vec<PatternId>,
    pub(crate) missing: Option<Missing>,
    /// What of a resume may still be replayed.
    pub(crate) replay: Option<Replay>,
    /// For each class, what was gone already when the stream was opened at the earliest event.
    pub(crate) excused: Vec<u64>,
    /// Of so many losses of the hub it was told, or they are none of its.
    pub(crate) told_losses: u64,
    /// Its last words, once it is leaving.
    pub(crate) bye: Vec<u8>,
    /// The `retry` of its `bye`, in milliseconds, where it was set beforehand.
    pub(crate) retry_ms: Option<u64>,
    /// When a closing connection is given up.
    pub(crate) linger_until: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Partial {
    pub(crate) place: Place,
    pub(crate) sent: usize,
}

/// Events that were addressed to a connection and cannot be sent any more, not told yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Missing {
    /// `None`: there may be more than can be counted.
    pub(crate) events: Option<u64>,
    /// The position before them; `None` where the client's own is unknown.
    pub(crate) from: Option<u64>,
    pub(crate) reason: GapReason,
    /// How many of them were addressed to this connection alone.
    pub(crate) direct: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Replay {
    pub(crate) events: usize,
    pub(crate) bytes: usize,
    /// Once used up: what is addressed to it up to here is counted instead of sent.
    pub(crate) skip_through: Option<u64>,
}

pub(crate) struct Connections {
    slots: Slab<Connection>,
    /// By slot, so that an id is not used again while its slot is: the number of its last connection,
    /// counted from 1, so that no id is 0.
    generations: Vec<u32>,
    shard: u8,
}

impl Connection {
    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Drops what holds nothing, so that a connection pays for it only while it needs it.
    pub(crate) fn tidy(&mut self) {
        self.rare.take_if(|rare| rare.is_empty());
    }

    pub(crate) fn is_live(&self) -> bool {
        self.phase == Phase::Live
    }

    /// Whether it is sent events: one that is drained is, up to its `bye`.
    pub(crate) fn is_served(&self) -> bool {
        matches!(self.phase, Phase::Live | Phase::Flushing(_))
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed { .. })
    }

    /// Whether it waits for an event of the log, and its socket takes it.
    pub(crate) fn is_waiting(&self) -> bool {
        self.next != CAUGHT_UP && !self.blocked
    }

    pub(crate) fn subscription(&self, target: Target) -> Option<&Subscription> {
        self.subscriptions.get(target)
    }

    pub(crate) fn grants(&self) -> &[PatternId] {
        self.rare.as_ref().map_or(&[], |rare| &rare.grants)
    }

    pub(crate) fn partial(&self) -> Option<Partial> {
        self.rare.as_ref()?.partial
    }

    /// Whether it is in the middle of a frame.
    pub(crate) fn is_amid(&self) -> bool {
        self.rare
            .as_ref()
            .is_some_and(|rare| rare.partial.is_some() || !rare.tail.is_empty())
    }

    pub(crate) fn opening(&self) -> Option<u64> {
        self.rare.as_ref()?.opening
    }

    /// Whether a pull would send something, as far as is known without looking into the log.
    pub(crate) fn has_output(&self) -> bool {
        let owed = self.rare.as_ref().is_some_and(|rare| {
            !rare.tail.is_empty()
                || !rare.preamble.is_empty()
                || rare.partial.is_some()
                || rare.opening.is_some()
                || rare.missing.is_some()
        });
        self.next != CAUGHT_UP
            || owed
            || self.due != Due::default()
            || matches!(self.phase, Phase::Flushing(_) | Phase::Leaving(_))
    }

    /// Where it stands, if nothing else tells what events it is sent but whom these are for.
    pub(crate) fn standing(&self) -> Option<Standing> {
        let [only] = &*self.subscriptions else {
            return None;
        };
        let due = self.due.connected || self.due.reauth;
        let plain = self.is_live() && !due && self.rare.is_none() && only.since < self.next;
        let topic = only.target.as_topic()?;
        let (next, encoding) = (self.next, self.encoding);
        plain.then_some(Standing {
            topic,
            next,
            encoding,
        })
    }

    /// The last sequence it has been served through, where `head` is the last of all.
    pub(crate) fn position(&self, head: u64) -> u64 {
        if self.next == CAUGHT_UP {
            head.max(self.floor)
        } else {
            self.next - 1
        }
    }
}

impl Replay {
    /// Counts one event of so many bytes, as long as events are replayed.
    pub(crate) fn use_up(&mut self, len: usize) {
        if self.skip_through.is_none() {
            self.events = self.events.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(len);
        }
    }
}

impl Rare {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Connections {
    pub(crate) fn new(shard: u8) -> Self {
        Self {
            slots: Slab::new(),
            generations: Vec::new(),
            shard,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are no ids for more connections.
    pub(crate) fn is_full(&self) -> bool {
        self.slots.next_index() as usize >= MAX_CONNECTIONS
    }

    /// Puts in a connection, under an id that none had before.
    pub(crate) fn insert(&mut self, connection: Connection) -> ConnectionId {
        let index = self.slots.next_index();
        if index as usize == self.generations.len() {
            self.generations.push(0);
        }
        let generation = &mut self.generations[index as usize];
        *generation += 1;
        let taken = self.slots.insert(connection);
        debug_assert_eq!(taken, index);
        self.id(index)
    }

    /// Takes out a connection. A slot that has no id left for another is not used again.
    pub(crate) fn remove(&mut self, index: u32) -> Option<Connection> {
        if self.generations[index as usize] == u32::MAX {
            self.slots.retire(index)
        } else {
            self.slots.remove(index)
        }
    }

    /// The slot of an id that is still in use.
    pub(crate) fn find(&self, id: ConnectionId) -> Option<u32> {
        let index = id.index();
        self.slots.get(index)?;
        (self.id(index) == id).then_some(index)
    }

    pub(crate) fn id(&self, index: u32) -> ConnectionId {
        ConnectionId::new(self.shard, self.generations[index as usize], index)
    }

    pub(crate) fn at(&self, index: u32) -> &Connection {
        self.slots
            .get(index)
            .expect("lists and indexes hold only connections that exist")
    }

    pub(crate) fn at_mut(&mut self, index: u32) -> &mut Connection {
        self.slots
            .get_mut(index)
            .expect("lists and indexes hold only connections that exist")
    }

    /// The first slot in use from `index` on.
    pub(crate) fn next_from(&self, index: u32) -> Option<u32> {
        self.slots.next_from(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Hub, HubOptions, Open};
    use alloc::vec;

    #[test]
    fn an_id_is_never_0_and_never_used_again() {
        let mut hub = Hub::new(HubOptions::default()).expect("defaults");
        // Its first slot has been used almost as often as there are ids for it.
        hub.connections.generations = vec![u32::MAX - 2];
        let mut ids = Vec::new();
        for _ in 0..4 {
            let id = hub.open(0, Open::default()).expect("there is room");
            assert!(hub.is_open(id));
            assert_ne!(id.to_u64(), 0);
            hub.handle_closed(id);
            assert!(!ids.contains(&id));
            ids.push(id);
        }
        let slots: Vec<_> = ids.iter().map(|id| id.index()).collect();
        assert_eq!(slots, [0, 0, 1, 1]);
        assert!(ids.iter().all(|id| !hub.is_open(*id)));
        assert!(!hub.is_open(ConnectionId::from_u64(0)));
    }
}
