//! The part of a player that drives the hub: outputs, writes, time.
//!
//! It does not know what should be written.

use super::Player;
use crate::model::Cause;
use crate::ops::{Operation, Peer, Socket};
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use std::borrow::Cow;
use std::collections::BTreeSet;
use tidings_core::{CloseReason, ConnectionId, Encoding, Item, NotTransmitted, Output};

/// More turns than any driver needs until all is written.
const MOST_TURNS: usize = 20_000;

impl Player {
    /// Asks for up to so many outputs.
    pub(super) fn poll(&mut self, outputs: usize) -> Verdict {
        for _ in 0..outputs {
            let Some(output) = self.hub.poll_output() else {
                return Ok(());
            };
            self.note(format!("{output:?}"));
            match output {
                Output::Ready(id) => {
                    let key = self.known(id)?;
                    ensure!(
                        !self.model.is_mute(key),
                        "{id:?} is ready, but may not be sent anything"
                    );
                    if !self.ready.contains(&id) {
                        self.ready.push(id);
                    }
                }
                Output::Closed {
                    connection,
                    reason,
                    cut,
                } => {
                    let key = self.known(connection)?;
                    self.model.told_closed(key, reason, cut)?;
                    self.ready.retain(|ready| *ready != connection);
                }
                other => return Err(format!("an output that is not known: {other:?}")),
            }
        }
        Ok(())
    }

    fn known(&self, id: ConnectionId) -> Verdict<usize> {
        self.model
            .find(id)
            .filter(|key| self.model.connections()[*key].phase.is_open())
            .ok_or_else(|| format!("an output for {id:?}, which is not open"))
    }

    pub(super) fn write_one(
        &mut self,
        socket: Socket,
        room: usize,
        between: Option<&Operation>,
    ) -> Verdict {
        if self.ready.is_empty() {
            self.poll(1)?;
        }
        let id = match socket {
            Socket::Any(peer) => self.peer(peer).1,
            Socket::Ready(number) => match self.ready.get(number % self.ready.len().max(1)) {
                Some(id) => *id,
                None => return Ok(()),
            },
        };
        // To consume what was just offered is not to come between.
        let between = between.filter(|one| !matches!(one, Operation::ConsumeUnasked { .. }));
        self.write(id, room, between)
    }

    /// Asks a socket that turns out to take nothing.
    pub(super) fn probe(&mut self, peer: Peer) -> Verdict {
        self.writable(peer)?;
        self.write(self.peer(peer).1, 0, None)
    }

    /// Writes what a connection is offered to a socket that takes so many bytes.
    fn write(&mut self, id: ConnectionId, room: usize, between: Option<&Operation>) -> Verdict {
        let Some(key) = self.model.find(id) else {
            let offered = self.hub.transmit(self.now, id).is_some();
            ensure!(!offered, "{id:?} never was, but is offered something");
            return Ok(());
        };
        let before = self.hub.position(id).map(|cursor| cursor.sequence);
        self.model.asked_to_transmit(key);
        let Some((bytes, slices)) = self.transmit(id)? else {
            self.ready.retain(|ready| *ready != id);
            let after = self.hub.position(id).map(|cursor| cursor.sequence);
            return self.model.offered_nothing(key, before, after);
        };
        self.note(&bytes);
        if self.model.connections()[key].encoding == Encoding::WebSocket {
            // Messages that were made for it have taken room in the log.
            self.learn_overflows()?;
            self.observe(Cause::Offered)?;
        }
        let offer = self.model.read_offer(key, &bytes, slices, before)?;
        let taken = room.min(bytes.len());
        // Until the hub has heard of it, it is for the driver to remember.
        if !self.ready.contains(&id) {
            self.ready.push(id);
        }
        let phase = self.model.connections()[key].phase;
        if let Some(operation) = between {
            self.step(operation)?;
        }
        let consumed = self.hub.consume(self.now, id, taken);
        if between.is_none() {
            ensure!(consumed.is_ok(), "what follows a transmit: {consumed:?}");
        }
        if let Ok(got) = consumed {
            offer.check_told(taken, got.gap)?;
            let changed = self.model.connections()[key].phase != phase;
            ensure!(
                !changed,
                "{id:?} has changed since it was offered what was consumed"
            );
            self.ready.retain(|ready| *ready != id);
            let after = self.hub.position(id).map(|cursor| cursor.sequence);
            self.model.taken(key, &offer, taken, after);
            self.receive(key, &bytes[..taken])?;
        }
        self.learn_overflows()
    }

    fn transmit(&mut self, id: ConnectionId) -> Verdict<Option<(Vec<u8>, usize)>> {
        let Some(transmit) = self.hub.transmit(self.now, id) else {
            return Ok(None);
        };
        let slices: Vec<&[u8]> = transmit.slices().collect();
        let bytes = slices.concat();
        ensure_eq!(
            transmit.len(),
            bytes.len(),
            "how long the slices are in all"
        );
        ensure!(!bytes.is_empty(), "{id:?} is offered no bytes at all");
        ensure!(
            slices.iter().all(|slice| !slice.is_empty()),
            "a slice is empty"
        );
        Ok(Some((bytes, slices.len())))
    }

    /// The other end reads.
    fn receive(&mut self, key: usize, bytes: &[u8]) -> Verdict {
        let client = &mut self.clients[key];
        let preamble = client.preamble.min(bytes.len());
        client.preamble -= preamble;
        let mut bytes = Cow::Borrowed(&bytes[preamble..]);
        if let Some(frames) = &mut client.frames {
            bytes = frames.stream(&bytes)?.into();
        }
        let mut input = &*bytes;
        while let Some(item) = client
            .decoder
            .decode(&mut input)
            .map_err(|error| format!("not a stream: {error}"))?
        {
            if let Item::Event(event) = item {
                ensure!(!event.data().contains('\u{FFFD}'), "not UTF-8: {event:?}");
            }
        }
        Ok(())
    }

    pub(super) fn consume_unasked(&mut self, peer: Peer, taken: usize) -> Verdict {
        let (_, id) = self.peer(peer);
        let consumed = self.hub.consume(self.now, id, taken);
        ensure_eq!(
            consumed,
            Err(NotTransmitted),
            "consuming what was not offered"
        );
        Ok(())
    }

    /// Does all there is to do, with sockets that take everything.
    pub(super) fn settle(&mut self) -> Verdict {
        for _ in 0..MOST_TURNS {
            self.poll(usize::MAX)?;
            let ready: BTreeSet<ConnectionId> =
                std::mem::take(&mut self.ready).into_iter().collect();
            if ready.is_empty() {
                self.settled = true;
                return Ok(());
            }
            for id in ready {
                self.write(id, usize::MAX, None)?;
            }
        }
        Err("the driver has no end of work".into())
    }

    pub(super) fn pass(&mut self, ms: u64) {
        self.now += ms;
        self.model.advance(self.now);
    }

    pub(super) fn wake(&mut self) -> Verdict {
        self.hub.handle_timeout(self.now);
        self.model.wake();
        let cut_before = self.model.closed(CloseReason::Overflow);
        self.learn_overflows()?;
        self.observe(Cause::Woken)?;
        // For whom it stayed may have been cut by what went.
        if self.model.closed(CloseReason::Overflow) > cut_before {
            return Ok(());
        }
        self.model.check_none_too_old()
    }

    /// Sleeps until the hub wants it.
    pub(super) fn sleep(&mut self) -> Verdict {
        let Some(at) = self.hub.poll_timeout() else {
            return Ok(());
        };
        self.pass(at.saturating_sub(self.now));
        self.wake()
    }
}
