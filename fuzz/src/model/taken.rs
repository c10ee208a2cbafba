//! What a socket took of an offer, and what that means for the connection.
//!
//! It does not know whether the offer was right; `offer` has seen to that.

use super::connection::{Connection, Phase, Rest, RestOf};
use super::offer::{Gap, Means, Offer, Piece};
use super::{Event, Model};
use crate::ensure;
use crate::verdict::Verdict;
use tidings_core::{CloseReason, Encoding};

impl Model {
    /// The socket took the first `taken` bytes of what was offered; `after` is where the hub says
    /// that the connection stands then.
    pub fn taken(&mut self, key: usize, offer: &Offer, taken: usize, after: Option<u64>) {
        let mut left = taken;
        let mut delivered = 0;
        self.tally.delivered_bytes += taken as u64;
        for piece in &offer.pieces {
            let part = left.min(piece.bytes.len());
            if part == 0 {
                break;
            }
            left -= part;
            delivered += self.take(key, piece, part);
        }
        self.tally.delivered += delivered;
        if !self.connections[key].phase.is_sent() {
            return;
        }
        let mut connection = self.connections[key].clone();
        if taken > 0 {
            connection.owed.heartbeat = false;
            if connection.phase.is_served() {
                self.arm_heartbeat(&mut connection);
                if delivered > 0 {
                    self.arm_idle(&mut connection);
                }
            }
        }
        if taken == offer.len {
            connection.armed.stall = None;
            self.settle(&mut connection, offer, after);
        } else {
            connection.blocked = true;
            if taken > 0 || connection.armed.stall.is_none() {
                self.arm_stall(&mut connection);
            }
        }
        self.connections[key] = connection;
    }

    /// A connection was offered nothing; `before` and `after` are where the hub says that it stood
    /// and stands.
    ///
    /// # Errors
    /// Where it should have been.
    pub fn offered_nothing(
        &mut self,
        key: usize,
        before: Option<u64>,
        after: Option<u64>,
    ) -> Verdict {
        if self.is_mute(key) {
            return Ok(());
        }
        let offer = self.read_offer(key, &[], 0, before)?;
        self.taken(key, &offer, 0, after);
        Ok(())
    }

    /// Checks how far the hub says that a connection has been served, and takes it over.
    ///
    /// # Errors
    /// Where something for the connection lies between, or the position has gone back.
    pub fn sync_position(&mut self, key: usize, found: Option<u64>) -> Verdict {
        let connection = &self.connections[key];
        ensure!(
            found.is_some() == connection.phase.is_live(),
            "the position of connection {key}, {:?}, is {found:?}",
            connection.phase
        );
        let Some(found) = found else {
            return Ok(());
        };
        let position = connection.position;
        ensure!(
            found >= position,
            "connection {key} went back from {position} to {found}"
        );
        let ahead = self.ahead(connection);
        let next = ahead.next.map(|place| self.events[place].sequence);
        ensure!(
            next.is_none_or(|next| found < next),
            "connection {key} is said to be at {found}, but was not sent {next:?}"
        );
        let missed = ahead.missed.first().map(|missed| missed.sequence);
        if missed.is_none_or(|missed| found < missed) {
            let passes = found > position && self.may_have_lost(connection);
            let connection = &mut self.connections[key];
            connection.position = found;
            if passes {
                connection.passed_from.get_or_insert(position);
            }
        }
        Ok(())
    }

    /// A gap up to `through` was told to the connection.
    pub(super) fn tell_gap(&self, through: u64, missed: Option<u64>, connection: &mut Connection) {
        (connection.position, connection.served) = (through, through);
        connection.unknown = false;
        connection.passed_from = None;
        if missed.is_none() {
            connection.told_drops = self.drops;
        }
    }

    /// The socket took a part of a piece, or all of it. How many events that completes.
    fn take(&mut self, key: usize, piece: &Piece, part: usize) -> u64 {
        let whole = part == piece.bytes.len();
        self.reach(piece.means.name(whole));
        if self.connections[key].encoding == Encoding::WebSocket {
            self.reach(match (&piece.means, whole) {
                (Means::Event(_), false) => "part of a message",
                (Means::Value(_), _) => "a value as a message",
                _ => "a message",
            });
        }
        let (mut events, of) = self.begin(key, &piece.means);
        let connection = &mut self.connections[key];
        match (&piece.means, whole) {
            (Means::Preamble, _) => connection.preamble = piece.bytes[part..].to_vec(),
            (Means::Bye, true) => self.say_bye(key),
            (Means::Rest, true) => {
                let was = connection.rest.take().map(|rest| rest.of);
                events = u64::from(matches!(was, Some(RestOf::Event(_) | RestOf::Value)));
                if was == Some(RestOf::Bye) {
                    self.say_bye(key);
                }
            }
            (_, true) => {}
            (_, false) => {
                events = 0;
                let of = connection.rest.take().map_or(of, |rest| rest.of);
                let bytes = piece.bytes[part..].to_vec();
                connection.rest = Some(Rest { bytes, of });
                if matches!(piece.means, Means::Bye) && connection.phase == Phase::Flushing {
                    self.detach(key);
                    self.connections[key].phase = Phase::Leaving(CloseReason::Drain);
                }
            }
        }
        events
    }

    /// What it means that the first byte of a piece was taken: how many events it is, and of what a
    /// rest would be the end.
    fn begin(&mut self, key: usize, means: &Means) -> (u64, RestOf) {
        let mut connection = self.connections[key].clone();
        let outcome = match means {
            Means::Preamble | Means::Rest => (0, RestOf::Control),
            Means::Connected => {
                connection.owed.connected = false;
                (0, RestOf::Control)
            }
            Means::Reauth => {
                connection.owed.reauth = false;
                (0, RestOf::Control)
            }
            Means::Heartbeat => (0, RestOf::Control),
            Means::Value(sequence) => {
                connection.opening = Some(*sequence);
                (1, RestOf::Value)
            }
            Means::Event(sequence) => {
                let len = self
                    .event(*sequence)
                    .map_or(0, |event: &Event| event.written(connection.encoding).len());
                if let Some(replay) = &mut connection.replay {
                    replay.use_up(len);
                }
                (connection.position, connection.served) = (*sequence, *sequence);
                connection.opening = None;
                connection.direct.remove(sequence);
                (1, RestOf::Event(*sequence))
            }
            Means::Gap(gap) => {
                self.count_gap(gap, &mut connection);
                (0, RestOf::Control)
            }
            Means::Bye => (0, RestOf::Bye),
        };
        self.connections[key] = connection;
        outcome
    }

    fn count_gap(&mut self, gap: &Gap, connection: &mut Connection) {
        self.tell_gap(gap.through, gap.missed, connection);
        connection
            .direct
            .retain(|sequence| !gap.direct.contains(sequence));
        connection.opening = None;
        self.tally.gaps += 1;
        self.tally.missed += gap.missed.unwrap_or(0);
        self.tally.missed_silently += gap.silently;
    }

    fn say_bye(&mut self, key: usize) {
        let reason = match self.connections[key].phase {
            Phase::Leaving(reason) => reason,
            _ => CloseReason::Drain,
        };
        self.finish(key, reason, false);
    }

    /// Every byte of an offer was taken.
    fn settle(&self, connection: &mut Connection, offer: &Offer, after: Option<u64>) {
        let after = after.unwrap_or(0).min(offer.head);
        connection.owed.connected = offer.end.owed.connected;
        connection.owed.reauth = offer.end.owed.reauth;
        connection.replay = offer.end.replay;
        if offer.complete {
            connection.position = connection.position.max(after);
            connection.resuming = false;
            connection.replay = None;
            connection.opening = None;
            connection.passed_from = None;
            return;
        }
        // The walk went on beyond what was offered: up to its end, what is left out is settled.
        if let Some(replay) = &mut connection.replay
            && offer.beyond_replay.is_some_and(|first| first <= after)
        {
            replay.skip_through.get_or_insert(offer.head);
        }
        if let Some(next) = self.next_value(connection) {
            connection.opening = Some(next.sequence - 1);
        }
    }
}
