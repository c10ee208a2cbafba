//! How connections end, and what comes when a time has come.
//!
//! It does not know what the last bytes look like; `offer` does.

use super::connection::{Connection, Phase, RestOf};
use super::{Model, State};
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use tidings_core::{CloseReason, Encoding};

impl Model {
    /// The application closes a connection. Whether there is one to close.
    pub fn close(&mut self, key: usize) -> bool {
        let live = self.connections[key].phase.is_live();
        if live {
            self.leave(key, CloseReason::Closed);
        }
        live
    }

    /// The other side of a connection went away.
    pub fn gone(&mut self, key: usize) {
        if self.connections[key].phase.is_open() {
            self.finish(key, CloseReason::Gone, true);
            self.connections[key].phase = Phase::Gone;
        }
    }

    /// The socket of a connection can be written again. Whether the hub is to care.
    pub fn writable(&mut self, key: usize) {
        if self.connections[key].phase.is_sent() {
            self.connections[key].blocked = false;
        }
    }

    /// The hub is drained.
    pub fn drain(&mut self, over_ms: u64) {
        self.draining = true;
        for key in 0..self.connections.len() {
            if self.connections[key].phase.is_live() {
                let mut connection = self.connections[key].clone();
                connection.phase = Phase::Flushing;
                connection.retry_ms = Some(1..=over_ms.max(1));
                self.arm_linger(&mut connection, over_ms);
                self.connections[key] = connection;
            }
        }
    }

    /// The driver is told that a connection is closed.
    ///
    /// # Errors
    /// Where it should not be, or for another reason.
    pub fn told_closed(&mut self, key: usize, reason: CloseReason, cut: bool) -> Verdict {
        let phase = self.connections[key].phase;
        if reason == CloseReason::Overflow && phase.is_sent() {
            self.check_overflow(key)?;
            self.finish(key, reason, true);
        }
        ensure_eq!(
            self.connections[key].phase,
            Phase::Closed { reason, cut },
            "how connection {key} was closed"
        );
        self.connections[key].phase = Phase::Gone;
        Ok(())
    }

    /// The hub was told of the time.
    pub fn wake(&mut self) {
        let due = |at: Option<u64>, now: u64| at.is_some_and(|at| at <= now);
        for key in 0..self.connections.len() {
            let armed = self.connections[key].armed;
            let (now, unix_ms) = (self.now, self.unix_ms());
            if due(armed.stall, now) {
                self.finish(key, CloseReason::Stalled, true);
            }
            if due(self.connections[key].armed.linger, now) {
                self.give_up(key);
            }
            if due(self.connections[key].armed.reauth, unix_ms) {
                self.connections[key].armed.reauth = None;
                self.connections[key].owed.reauth = true;
            }
            if due(self.connections[key].armed.expiry, unix_ms) {
                self.expire(key);
            }
            if due(self.connections[key].armed.age, now) {
                self.leave(key, CloseReason::Age);
            }
            if due(self.connections[key].armed.idle, now) {
                self.leave(key, CloseReason::Idle);
            }
            if due(self.connections[key].armed.heartbeat, now) {
                self.connections[key].armed.heartbeat = None;
                self.connections[key].owed.heartbeat = true;
            }
        }
    }

    /// A token has ended: nothing of the log is sent any more, not even the rest of a frame.
    pub(super) fn expire(&mut self, key: usize) {
        let connection = &self.connections[key];
        match connection.phase {
            Phase::Live | Phase::Flushing if connection.is_amid() => {
                self.finish(key, CloseReason::Expired, true);
            }
            Phase::Live | Phase::Flushing => self.leave(key, CloseReason::Expired),
            Phase::Leaving(reason) if connection.is_amid() => self.finish(key, reason, true),
            Phase::Leaving(_) | Phase::Closed { .. } | Phase::Gone => {}
        }
    }

    /// A closing connection has not taken its last bytes in time.
    fn give_up(&mut self, key: usize) {
        match self.connections[key].phase {
            Phase::Flushing => self.finish(key, CloseReason::Drain, true),
            Phase::Leaving(reason) => self.finish(key, reason, true),
            Phase::Live | Phase::Closed { .. } | Phase::Gone => {}
        }
    }

    /// A connection gets its `bye` and nothing else.
    pub(super) fn leave(&mut self, key: usize, reason: CloseReason) {
        if !self.connections[key].phase.is_served() {
            return;
        }
        self.detach(key);
        let mut connection = self.connections[key].clone();
        connection.phase = Phase::Leaving(reason);
        if connection.armed.linger.is_none() {
            self.arm_linger(&mut connection, self.options.deadlines.linger_ms);
        }
        let usual = self.options.deadlines.retry_ms;
        let spread = usual / 2..=usual / 2 + usual.max(1) - 1;
        connection.retry_ms.get_or_insert(spread);
        self.connections[key] = connection;
    }

    /// A connection has ended.
    pub(super) fn finish(&mut self, key: usize, reason: CloseReason, cut: bool) {
        let phase = self.connections[key].phase;
        if !phase.is_sent() {
            return;
        }
        if phase.is_served() {
            self.detach(key);
        }
        let connection = &mut self.connections[key];
        connection.phase = Phase::Closed { reason, cut };
        connection.armed = super::deadlines::Armed::default();
        connection.rest = None;
        *self.tally.closed.entry(reason).or_default() += 1;
        self.reach(match (reason, cut) {
            (CloseReason::Closed, _) => "closed by the application",
            (CloseReason::Drain, false) => "drained",
            (CloseReason::Drain, true) => "cut by a drain",
            (CloseReason::Superseded, _) => "superseded",
            (CloseReason::Replaced, _) => "replaced",
            (CloseReason::Expired, false) => "expired",
            (CloseReason::Expired, true) => "expired in the middle of a frame",
            (CloseReason::Idle, _) => "closed for idleness",
            (CloseReason::Age, _) => "closed for its age",
            (CloseReason::Lagged, _) => "closed for its lag",
            (CloseReason::Stalled, _) => "stalled",
            (CloseReason::Overflow, _) => "cut for its rest",
            _ => "gone",
        });
    }

    /// Nothing can be addressed to a connection any more, and it waits for nothing but its end.
    pub(super) fn detach(&mut self, key: usize) {
        if let Some(tab) = self.tab_of(key)
            && let Some((_, certain)) = self.superseded.get_mut(&tab)
        {
            *certain = false;
        }
        let connection = &mut self.connections[key];
        connection.armed = connection.armed.of_closing();
        self.tally.undelivered += std::mem::take(&mut connection.direct).len() as u64;
    }

    /// A connection may be cut in the middle of a frame only where the hub may not keep what is
    /// left of all such frames.
    fn check_overflow(&self, key: usize) -> Verdict {
        let rest = |connection: &Connection| {
            let rest = connection
                .rest
                .as_ref()
                .filter(|rest| rest.of != RestOf::Bye);
            rest.map_or(0, |rest| rest.bytes.len())
        };
        let owed: usize = self.open_connections().map(|(_, one)| rest(one)).sum();
        let limit = self.options.limits.rescue_bytes;
        ensure!(
            rest(&self.connections[key]) > 0 && owed > limit,
            "connection {key} was cut while {owed} bytes were to be kept, and {limit} may be"
        );
        Ok(())
    }

    /// Checks that the hub need not keep more for readers in the middle of frames than it may.
    ///
    /// # Errors
    /// Where it does.
    pub fn check_rescued(&self) -> Verdict {
        let owed: usize = self
            .open_connections()
            .map(|(_, one)| self.kept_rest(one))
            .sum();
        let limit = self.options.limits.rescue_bytes;
        ensure!(
            owed <= limit,
            "{owed} bytes are kept for readers, {limit} may be"
        );
        Ok(())
    }

    /// How many bytes the hub has to keep for a connection, because no log has them. A log may
    /// have those of an event that it let go; a value or a message that is gone is in none.
    fn kept_rest(&self, connection: &Connection) -> usize {
        let Some(rest) = &connection.rest else {
            return 0;
        };
        let kept = match rest.of {
            RestOf::Bye => false,
            RestOf::Value | RestOf::Control => true,
            RestOf::Event(sequence) => self.event(sequence).is_some_and(|event| {
                let alone =
                    connection.encoding == Encoding::WebSocket || self.class(event.class).latest;
                event.state != State::Kept && alone
            }),
        };
        if kept { rest.bytes.len() } else { 0 }
    }

    pub(super) fn event(&self, sequence: u64) -> Option<&super::Event> {
        let first = self.events_after(sequence.checked_sub(1)?).first()?;
        (first.sequence == sequence).then_some(first)
    }
}
