//! Ends of streams: with a `bye`, after the last event, or at once; and what has to be taken out of
//! every index when one ends.
//!
//! It does not know why a driver or an application ends a stream.

use super::Hub;
use super::connections::{CAUGHT_UP, Phase};
use super::cursor::Cursor;
use super::id::ConnectionId;
use super::output::CloseReason;
use super::timers::Timer;

impl Hub {
    /// Closes a connection: it gets no further event, its `bye` is sent, then the driver is told.
    /// False where it is closed already, or about to be.
    pub fn close(&mut self, now: u64, connection: ConnectionId) -> bool {
        let Some(index) = self.recipient(connection) else {
            return false;
        };
        self.leave(now, index, CloseReason::Closed);
        true
    }

    /// The connection is gone: its socket failed, or the other side closed it. Its id is stale from
    /// now on, and no output follows. Nothing where it is gone already.
    pub fn handle_closed(&mut self, connection: ConnectionId) {
        let Some(index) = self.connections.find(connection) else {
            return;
        };
        self.finish(index, CloseReason::Gone, true);
        self.remove(index);
    }

    /// Closes every connection in an orderly way before a shutdown, and opens no more: each gets
    /// what is in the log, be it appended until then, and a `bye` whose `retry` is spread over
    /// `over_ms`, so that the clients do not all come back at once. After `over_ms` those that are
    /// blocked are cut.
    pub fn drain(&mut self, now: u64, over_ms: u64) {
        self.draining = true;
        self.transmitted = None;
        let mut next = self.connections.next_from(0);
        while let Some(index) = next {
            if self.connections.at(index).is_live() {
                let retry_ms = 1 + self.random.below(over_ms.max(1));
                self.connections.at_mut(index).rare().retry_ms = Some(retry_ms);
                self.connections.at_mut(index).phase = Phase::Flushing(CloseReason::Drain);
                self.linger(index, now.saturating_add(over_ms));
                if !self.connections.at(index).blocked {
                    self.queues.push(&mut self.connections, index);
                }
            }
            next = self.connections.next_from(index + 1);
        }
    }

    /// The slot of a connection that can be addressed.
    pub(super) fn recipient(&self, connection: ConnectionId) -> Option<u32> {
        let index = self.connections.find(connection)?;
        self.connections.at(index).is_live().then_some(index)
    }

    /// Ends a stream with a `bye`, after the frame it is in the middle of. It is in no index any
    /// more; only its last bytes remain, for the linger time.
    pub(super) fn leave(&mut self, now: u64, index: u32, reason: CloseReason) {
        let connection = self.connections.at(index);
        if !connection.is_served() {
            return;
        }
        self.transmitted = None;
        let lingers = connection
            .rare
            .as_ref()
            .is_some_and(|rare| rare.linger_until.is_some());
        self.write_bye(index, reason, self.resume_cursor(index));
        self.detach(index);
        self.connections.at_mut(index).phase = Phase::Leaving(reason);
        if !lingers {
            self.linger(index, now.saturating_add(self.options.deadlines.linger_ms));
        }
        self.queues.remove(&mut self.connections, index);
        if !self.connections.at(index).blocked {
            self.connections.at_mut(index).catching_up = false;
            self.queues.push(&mut self.connections, index);
        }
    }

    /// Where the client has to come back to, so that it misses nothing: before the values that
    /// open the stream and were not sent, and before a gap that was not told. None where its own
    /// position is unknown: then it comes back with what it came with.
    fn resume_cursor(&self, index: u32) -> Option<Cursor> {
        let connection = self.connections.at(index);
        if let Some(opening) = connection.opening() {
            return Some(Cursor {
                latest: Some(opening - 1),
                ..self.cursor_at(connection.floor)
            });
        }
        let missing = connection.rare.as_ref().and_then(|rare| rare.missing);
        let sequence = match missing {
            Some(missing) => missing.from?,
            None => connection.position(self.head),
        };
        Some(self.cursor_at(sequence))
    }

    /// Writes the last words of a connection, after which the client comes back to `cursor`.
    pub(super) fn write_bye(&mut self, index: u32, reason: CloseReason, cursor: Option<Cursor>) {
        let usual = self.options.deadlines.retry_ms;
        let spread = usual / 2 + self.random.below(usual.max(1));
        let connection = self.connections.at_mut(index);
        let encoding = connection.encoding;
        let rare = connection.rare();
        let retry_ms = rare.retry_ms.unwrap_or(spread);
        rare.bye.clear();
        self.rules
            .control()
            .write_bye(cursor, reason, retry_ms, encoding, &mut rare.bye);
    }

    /// Ends a stream: nothing more is sent, and the driver is to be told.
    pub(super) fn finish(&mut self, index: u32, reason: CloseReason, cut: bool) {
        match self.connections.at(index).phase {
            Phase::Live | Phase::Flushing(_) => self.detach(index),
            Phase::Leaving(_) => {}
            Phase::Closed { .. } => return,
        }
        self.clear_partial(index);
        self.clear_tail(index);
        self.timers
            .cancel(&mut self.connections, index, Timer::Stall);
        if let Some(until) = self.connections.at_mut(index).rare().linger_until.take() {
            self.timers.cancel_linger(index, until);
        }
        self.queues.remove(&mut self.connections, index);
        let connection = self.connections.at_mut(index);
        connection.rare = None;
        connection.phase = Phase::Closed { reason, cut };
        self.queues.push(&mut self.connections, index);
        self.stats.count_closed(reason);
        self.transmitted = None;
    }

    /// Frees the slot of a connection that has ended.
    pub(super) fn remove(&mut self, index: u32) {
        self.queues.remove(&mut self.connections, index);
        self.connections.remove(index);
    }

    /// Takes a connection out of every index of what it can be sent.
    pub(super) fn detach(&mut self, index: u32) {
        self.unsubscribe_all(index);
        self.grant(index, &[]);
        self.cancel_expiry(index);
        for timer in [Timer::Heartbeat, Timer::Idle, Timer::Age] {
            self.timers.cancel(&mut self.connections, index, timer);
        }
        let connection = self.connections.at_mut(index);
        if connection.is_waiting() {
            self.waiting.remove(connection.next);
        }
        connection.next = CAUGHT_UP;
        self.stats.undelivered += u64::from(core::mem::take(&mut connection.direct));
        let (user, tab) = (connection.user.take(), connection.tab.take());
        if let Some(tab) = tab {
            let record = self.tabs.get_mut(tab);
            record.connection = record.connection.filter(|current| *current != index);
            self.tabs.release(tab, &mut self.users);
        }
        if let Some(user) = user {
            self.users.remove(user, &mut self.connections, index);
        }
    }

    fn linger(&mut self, index: u32, until: u64) {
        let until = self.timers.linger(index, until);
        self.connections.at_mut(index).rare().linger_until = Some(until);
    }
}
