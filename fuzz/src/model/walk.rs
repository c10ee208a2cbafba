//! What is ahead of a connection: what it has missed, and what it is to be sent next.
//!
//! It does not know what the hub offers; `offer` compares.

use super::{Connection, Event, Model, State};
use tidings_core::GapReason;

/// What is ahead of a connection.
#[derive(Debug)]
pub(crate) struct Ahead {
    /// What was for it and cannot be sent, before `next`.
    pub(crate) missed: Vec<Missed>,
    /// The place of the next event that can be sent.
    pub(crate) next: Option<usize>,
    /// What is left out from then on.
    pub(crate) skip_through: Option<u64>,
}

/// An event that a connection is not sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Missed {
    pub(crate) sequence: u64,
    pub(crate) reason: GapReason,
}

impl Model {
    /// The walk from the position of the connection up to the next event that it can be sent.
    pub(super) fn ahead(&self, connection: &Connection) -> Ahead {
        let mut ahead = Ahead {
            missed: Vec::new(),
            next: None,
            skip_through: connection.replay.and_then(|replay| replay.skip_through),
        };
        let gone = if connection.resuming {
            GapReason::Trimmed
        } else {
            GapReason::Lagged
        };
        let first = self.events.len() - self.events_after(connection.position).len();
        for (place, event) in self.events.iter().enumerate().skip(first) {
            let sequence = event.sequence;
            if !Self::is_for(event, connection) {
                continue;
            }
            if event.is_kept() {
                let replay = connection.replay;
                let over = replay
                    .is_some_and(|replay| replay.is_over(event.written(connection.encoding).len()));
                if over && ahead.skip_through.is_none() {
                    ahead.skip_through = Some(self.head);
                }
                if ahead.skip_through.is_none_or(|through| through < sequence) {
                    ahead.next = Some(place);
                    return ahead;
                }
                let reason = GapReason::ReplayLimit;
                ahead.missed.push(Missed { sequence, reason });
            } else if Self::is_missed(event, connection) {
                let reason = gone;
                ahead.missed.push(Missed { sequence, reason });
            }
        }
        ahead
    }

    /// Whether an event that is for the connection, and gone, is one it has to be told of.
    fn is_missed(event: &Event, connection: &Connection) -> bool {
        let told = match event.state {
            State::Trimmed => false,
            State::Dropped(before) => before < connection.told_drops,
            State::Kept | State::Replaced | State::Unstored => true,
        };
        !told && !connection.excused.contains(&event.sequence)
    }

    /// The first value that opens the stream and was not sent yet.
    pub(super) fn next_value(&self, connection: &Connection) -> Option<&Event> {
        let opening = connection.opening?;
        self.events_after(opening)
            .iter()
            .take_while(|event| event.sequence <= connection.floor)
            .find(|event| {
                event.is_kept()
                    && self.class(event.class).latest
                    && Self::is_value_for(event, connection)
            })
    }

    /// Whether some record after the position of the connection was dropped, and some since it was
    /// last told: then it may be told of a gap that nobody can count.
    pub(super) fn may_have_lost(&self, connection: &Connection) -> bool {
        let dropped = |event: &Event| matches!(event.state, State::Dropped(_));
        connection.passed_from.is_some()
            || self.drops > connection.told_drops
                && self.events_after(connection.position).iter().any(dropped)
    }

    /// Whether all that was for the connection has been sent or told.
    pub(super) fn is_caught_up(&self, connection: &Connection) -> bool {
        let ahead = self.ahead(connection);
        !connection.unknown
            && ahead.next.is_none()
            && ahead.missed.is_empty()
            && self.next_value(connection).is_none()
    }

    /// What was for the connection up to `through`, was not sent, and was not told.
    pub(super) fn unserved(&self, connection: &Connection, through: u64) -> Option<u64> {
        self.events_after(connection.position)
            .iter()
            .take_while(|event| event.sequence <= through)
            .find(|event| {
                Self::is_for(event, connection)
                    && (event.is_kept() || Self::is_missed(event, connection))
            })
            .map(|event| event.sequence)
    }
}
