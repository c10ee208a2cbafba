//! One hub with its driver: sockets, a mailbox, and one alarm.
//!
//! It does not know readers; it sees links. It works as a driver on a thread of its own does:
//! commands, then what was numbered, then what sockets take.

use super::judge::Sender;
use super::link::Link;
use super::{HEARTBEAT_MS, TICK_MS};
use crate::ensure;
use crate::verdict::Verdict;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use tidings_core::{
    ConnectionId, Deadlines, Hub, HubOptions, Message, Open, OpenError, Output, PublishError,
    Published,
};

/// One hub and what its driver holds.
pub(super) struct Shard {
    pub(super) hub: Hub,
    options: HubOptions,
    sockets: BTreeMap<ConnectionId, Socket>,
    mailbox: VecDeque<Batch>,
    /// The driver does nothing until then.
    pub(super) held_until: u64,
    /// A drain that was asked for and has not begun.
    pub(super) drain_over_ms: Option<u64>,
    /// When blocked readers of a drain are cut.
    drained_by: u64,
}

/// Events that were numbered, on their way to a hub.
#[derive(Clone)]
pub(super) struct Batch {
    pub(super) first: u64,
    pub(super) messages: Rc<[Message]>,
    /// For each, the connection that does not want it.
    pub(super) excepts: Rc<[Option<ConnectionId>]>,
    pub(super) arrives: u64,
}

/// What the driver knows of a connection.
struct Socket {
    link: usize,
    opened_at: u64,
    /// When it last took bytes.
    active_at: u64,
    /// It took less than it was offered; when it last took something, or was first asked.
    blocked_at: Option<u64>,
}

/// What comes of a turn of a driver.
#[derive(Default)]
pub(super) struct Turn {
    /// First numbers of the batches that were appended.
    pub(super) appended: Vec<u64>,
    /// By number: whether the connection that does not want an event was there.
    pub(super) senders: Vec<(u64, Sender)>,
}

impl Shard {
    pub(super) fn new(options: &HubOptions) -> Verdict<Self> {
        Ok(Self {
            hub: Hub::new(options.clone()).map_err(|error| error.to_string())?,
            options: options.clone(),
            sockets: BTreeMap::new(),
            mailbox: VecDeque::new(),
            held_until: 0,
            drain_over_ms: None,
            drained_by: 0,
        })
    }

    pub(super) fn open(
        &mut self,
        now: u64,
        link: usize,
        open: Open<'_>,
    ) -> Result<ConnectionId, OpenError> {
        let id = self.hub.open(now, open)?;
        let socket = Socket {
            link,
            opened_at: now,
            active_at: now,
            blocked_at: None,
        };
        self.sockets.insert(id, socket);
        Ok(id)
    }

    /// The other side of a connection is known to be gone.
    pub(super) fn lose(&mut self, connection: ConnectionId) {
        if self.sockets.remove(&connection).is_some() {
            self.hub.handle_closed(connection);
        }
    }

    pub(super) fn writable(&mut self, connection: ConnectionId) {
        self.hub.handle_writable(connection);
        if let Some(socket) = self.sockets.get_mut(&connection) {
            socket.blocked_at = None;
        }
    }

    pub(super) fn post(&mut self, batch: Batch) {
        self.mailbox.push_back(batch);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.mailbox.is_empty()
    }

    /// When the last of its batches comes in.
    pub(super) fn last_arrival(&self) -> u64 {
        self.mailbox.back().map_or(0, |batch| batch.arrives)
    }

    /// When its driver has to do something.
    pub(super) fn next(&self, now: u64) -> Option<u64> {
        let batch = self.mailbox.front().map(|batch| batch.arrives);
        let due = self.hub.poll_timeout().into_iter().chain(batch);
        due.min().map(|at| at.max(self.held_until).max(now))
    }

    /// Publishes all or none; where the log is full the driver writes first.
    pub(super) fn publish_all(
        &mut self,
        now: u64,
        messages: &[Message],
        links: &mut [Link],
    ) -> Verdict<Result<Vec<Published>, PublishError>> {
        let mut outcome = self.hub.publish_all(now, messages);
        if outcome == Err(PublishError::Full) {
            self.write(now, links)?;
            outcome = self.hub.publish_all(now, messages);
            ensure!(
                outcome != Err(PublishError::Full),
                "full after all was written that could be"
            );
        }
        Ok(outcome)
    }

    /// The driver does what is due at this moment; an eager one tells the hub of every moment.
    pub(super) fn drive(&mut self, now: u64, lazy: bool, links: &mut [Link]) -> Verdict<Turn> {
        let mut turn = Turn::default();
        if self.held_until > now {
            return Ok(turn);
        }
        if !lazy {
            self.hub.handle_timeout(now);
        }
        self.take_batches(now, links, &mut turn)?;
        if self.mailbox.is_empty()
            && let Some(over_ms) = self.drain_over_ms.take()
        {
            self.hub.drain(now, over_ms);
            self.drained_by = now + over_ms;
        }
        self.write(now, links)?;
        // What is too old stays until those who are ready have been written to: once more is enough.
        for _ in 0..2 {
            if self.hub.poll_timeout().is_some_and(|at| at <= now) {
                self.hub.handle_timeout(now);
                self.write(now, links)?;
            }
        }
        ensure!(
            self.hub.poll_timeout().is_none_or(|at| at > now),
            "a time that has come is left at {now}: {:?}",
            self.hub.poll_timeout()
        );
        self.check_memory()?;
        self.check_sockets(now)?;
        Ok(turn)
    }

    fn take_batches(&mut self, now: u64, links: &mut [Link], turn: &mut Turn) -> Verdict {
        while let Some(batch) = self.mailbox.front()
            && batch.arrives <= now
        {
            let batch = batch.clone();
            let before = self.senders(&batch.excepts);
            let mut outcome = self.hub.append(now, batch.first, &batch.messages);
            if outcome == Err(PublishError::Full) {
                self.write(now, links)?;
                outcome = self.hub.append(now, batch.first, &batch.messages);
            }
            outcome.map_err(|error| format!("a numbered batch was refused: {error}"))?;
            let after = self.senders(&batch.excepts);
            for ((number, before), after) in (batch.first..).zip(before).zip(after) {
                turn.senders.extend(
                    before
                        .zip(after)
                        .map(|(before, after)| (number, before.and(after))),
                );
            }
            turn.appended.push(batch.first);
            self.mailbox.pop_front();
        }
        Ok(())
    }

    /// For each event that some connection does not want: whether that is here. None where it is
    /// none of this hub, or nobody's.
    pub(super) fn senders(&self, excepts: &[Option<ConnectionId>]) -> Vec<Option<Sender>> {
        let here = |id: &ConnectionId| id.shard() == self.options.shard;
        let senders = excepts.iter().map(|except| {
            let id = except.filter(here)?;
            Some(match (self.hub.position(id), self.hub.is_open(id)) {
                (Some(_), _) => Sender::Here,
                (None, true) => Sender::Unsure,
                (None, false) => Sender::Gone,
            })
        });
        senders.collect()
    }

    /// Asks for outputs until there are none, and writes what sockets take.
    fn write(&mut self, now: u64, links: &mut [Link]) -> Verdict {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Ready(id) => self.write_one(now, id, links)?,
                Output::Closed {
                    connection, cut, ..
                } => {
                    let socket = self.sockets.remove(&connection);
                    let link = &mut links[socket.ok_or("closed without a socket")?.link];
                    link.ended = true;
                    if cut {
                        link.cut(now, 0);
                    }
                }
                other => return Err(format!("an output that is not known: {other:?}")),
            }
        }
        Ok(())
    }

    fn write_one(&mut self, now: u64, id: ConnectionId, links: &mut [Link]) -> Verdict {
        let socket = self.sockets.get_mut(&id).ok_or("ready without a socket")?;
        let link = &mut links[socket.link];
        let Some(transmit) = self.hub.transmit(now, id) else {
            return Ok(());
        };
        let mut bytes = transmit.slices().collect::<Vec<_>>().concat();
        let offered = bytes.len();
        bytes.truncate(link.room());
        let taken = bytes.len();
        link.write(now, bytes);
        if taken > 0 {
            socket.active_at = now;
        }
        socket.blocked_at = match socket.blocked_at {
            _ if taken == offered => None,
            Some(since) if taken == 0 => Some(since),
            _ => Some(now),
        };
        let consumed = self.hub.consume(now, id, taken);
        consumed
            .map(drop)
            .map_err(|error| format!("writing to {id:?}: {error}"))
    }

    /// What is held is never more than what may be.
    fn check_memory(&self) -> Verdict {
        let options = self.options.classes.iter();
        let options = options.chain([&self.options.default_class]);
        for (held, limit) in self.hub.classes().zip(options) {
            ensure!(
                held.events <= limit.events && held.bytes <= limit.bytes,
                "a class holds {held:?} of {limit:?}"
            );
        }
        ensure!(
            self.hub.connections() == self.sockets.len(),
            "{} connections, {} sockets",
            self.hub.connections(),
            self.sockets.len()
        );
        Ok(())
    }

    /// After a turn, who can be written to has all there is; who cannot is there no longer than it
    /// may; and nobody is quiet for too long.
    fn check_sockets(&self, now: u64) -> Verdict {
        let Deadlines {
            age_ms,
            stall_ms,
            linger_ms,
            ..
        } = self.options.deadlines;
        let late = |from: u64, ms: Option<u64>| ms.is_some_and(|ms| from + ms + TICK_MS <= now);
        for (id, socket) in &self.sockets {
            let closing = linger_ms + TICK_MS;
            ensure!(
                !late(socket.opened_at, age_ms.map(|ms| ms + closing))
                    || now <= self.drained_by.max(self.held_until + closing),
                "{id:?} is older than it may be at {now}"
            );
            if let Some(since) = socket.blocked_at {
                ensure!(
                    !late(since, stall_ms),
                    "{id:?} is blocked since {since} and still there at {now}"
                );
                continue;
            }
            let Some(position) = self.hub.position(*id) else {
                continue;
            };
            ensure!(
                position.sequence >= self.hub.cursor().sequence,
                "{id:?} can be written to, but was left at {position} of {}",
                self.hub.cursor()
            );
            ensure!(
                !late(socket.active_at, Some(HEARTBEAT_MS)),
                "{id:?} has heard nothing since {}",
                socket.active_at
            );
        }
        Ok(())
    }

    /// Ends every stream, and sees to it that nothing is left of any.
    pub(super) fn close_all(&mut self, now: u64, links: &mut [Link]) -> Verdict {
        let ids: Vec<ConnectionId> = self.sockets.keys().copied().collect();
        for (place, id) in ids.into_iter().enumerate() {
            if place % 2 == 0 {
                self.hub.close(now, id);
                ensure!(
                    self.hub.position(id).is_none(),
                    "{id:?} can still be addressed"
                );
            } else {
                self.lose(id);
            }
        }
        self.write(now, links)?;
        let later = now + self.options.deadlines.linger_ms + 2 * TICK_MS;
        self.hub.handle_timeout(later);
        self.write(later, links)?;
        ensure!(
            self.hub.connections() == 0 && self.hub.is_idle(),
            "all is closed, but something is left: {:?}",
            self.hub.stats()
        );
        Ok(())
    }
}
