//! What the driver is to do next, when to come back, and what happens when a time has come.
//!
//! It does not know how long the driver took; being late is never wrong.

use super::Hub;
use super::connections::{Due, Phase};
use super::id::ConnectionId;
use super::output::{CloseReason, Output};
use super::timers::{Alarm, Timer};

impl Hub {
    /// What to do next; none: nothing until something happens. Drain it after every other call.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        let index = self.queues.pop(&mut self.connections)?;
        let connection = self.connections.id(index);
        if let Phase::Closed { reason, cut } = self.connections.at(index).phase {
            self.remove(index);
            return Some(Output::Closed {
                connection,
                reason,
                cut,
            });
        }
        Some(Output::Ready(connection))
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest; none: not before
    /// something else happens. It may be past.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<u64> {
        let ages = self.classes.iter().filter_map(|(_, log)| log.ages_at());
        self.timers
            .next(&self.connections)
            .into_iter()
            .chain(ages)
            .min()
    }

    /// A time has come. Calling it early or often does no harm.
    pub fn handle_timeout(&mut self, now: u64) {
        self.transmitted = None;
        while let Some(index) = self.timers.pop(&mut self.connections, Timer::Stall, now) {
            self.finish(index, CloseReason::Stalled, true);
        }
        while let Some(index) = self.timers.pop_linger(now) {
            self.give_up(index);
        }
        while let Some((index, alarm)) = self.timers.pop_alarm(now) {
            match alarm {
                Alarm::Expiry => self.end_token(now, index),
                Alarm::Reauth => self.owe(index, |due| due.reauth = true),
            }
        }
        for (timer, reason) in [
            (Timer::Age, CloseReason::Age),
            (Timer::Idle, CloseReason::Idle),
        ] {
            while let Some(index) = self.timers.pop(&mut self.connections, timer, now) {
                self.leave(now, index, reason);
            }
        }
        while let Some(index) = self
            .timers
            .pop(&mut self.connections, Timer::Heartbeat, now)
        {
            self.owe(index, |due| due.heartbeat = true);
        }
        self.trim_aged(now);
    }

    /// The socket takes bytes again.
    pub fn handle_writable(&mut self, connection: ConnectionId) {
        let Some(index) = self.connections.find(connection) else {
            return;
        };
        let connection = self.connections.at_mut(index);
        if !connection.blocked || connection.is_closed() {
            return;
        }
        connection.blocked = false;
        if connection.is_waiting() {
            connection.catching_up = true;
            self.waiting.add(connection.next, 1);
        }
        self.queues.push(&mut self.connections, index);
    }

    /// Ends a stream whose token has ended: nothing more of the log is sent, not even the rest of
    /// a frame, also where the stream is about to end for another reason.
    pub(super) fn end_token(&mut self, now: u64, index: u32) {
        let connection = self.connections.at(index);
        if connection.is_amid() {
            let reason = match connection.phase {
                Phase::Leaving(reason) => reason,
                _ => CloseReason::Expired,
            };
            self.finish(index, reason, true);
        } else {
            self.leave(now, index, CloseReason::Expired);
        }
    }

    /// Notes a control event that a live connection is to be sent.
    fn owe(&mut self, index: u32, note: impl FnOnce(&mut Due)) {
        let connection = self.connections.at_mut(index);
        note(&mut connection.due);
        if !connection.blocked {
            self.queues.push(&mut self.connections, index);
        }
    }

    /// Ends a closing stream that did not take its last bytes in time.
    fn give_up(&mut self, index: u32) {
        let connection = self.connections.at_mut(index);
        connection.rare().linger_until = None;
        if let Phase::Flushing(reason) | Phase::Leaving(reason) = connection.phase {
            self.finish(index, reason, true);
        }
    }
}
