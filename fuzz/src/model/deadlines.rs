//! When something is due: one number for each deadline of each connection, and the earliest of all.
//!
//! It does not know what happens then; `lifecycle` does.

use super::{Connection, Model};

/// The deadlines of one connection, rounded up to the tick.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Armed {
    pub(crate) heartbeat: Option<u64>,
    pub(crate) idle: Option<u64>,
    pub(crate) age: Option<u64>,
    pub(crate) stall: Option<u64>,
    pub(crate) linger: Option<u64>,
    /// In Unix time, as is the next.
    pub(crate) reauth: Option<u64>,
    pub(crate) expiry: Option<u64>,
}

impl Armed {
    /// Nothing but what ends a connection that is closing.
    pub(crate) fn of_closing(self) -> Self {
        Self {
            stall: self.stall,
            linger: self.linger,
            ..Self::default()
        }
    }

    /// The earliest, where it is `unix_ms_at_zero` at 0.
    fn next(&self, unix_ms_at_zero: u64) -> Option<u64> {
        let monotonic = [self.heartbeat, self.idle, self.age, self.stall, self.linger];
        let unix = [self.reauth, self.expiry];
        let unix = unix
            .into_iter()
            .flatten()
            .map(|at| at.saturating_sub(unix_ms_at_zero));
        monotonic.into_iter().flatten().chain(unix).min()
    }
}

impl Model {
    /// When the hub wants to be told of the time.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let connections = self
            .open_connections()
            .filter_map(|(_, connection)| connection.armed.next(self.unix_ms_at_zero));
        let ages = (0..=self.options.classes.len()).filter_map(|class| self.ages_at(class));
        connections.chain(ages).min()
    }

    /// When the next token ends.
    #[must_use]
    pub fn next_expiry(&self) -> Option<u64> {
        let tokens = self
            .open_connections()
            .filter_map(|(_, one)| one.expires_ms);
        let ahead = tokens.filter(|at| *at > self.unix_ms());
        ahead.min().map(|at| at - self.unix_ms() + self.now)
    }

    /// When the oldest event of a class becomes too old.
    fn ages_at(&self, class: usize) -> Option<u64> {
        let age_ms = self.class(class).age_ms?;
        let mut events = self.recorded(class).map(|place| &self.events[place]);
        let oldest = events.find(|event| event.is_kept())?;
        Some(oldest.time_ms.saturating_add(age_ms))
    }

    pub(super) fn arm_heartbeat(&self, connection: &mut Connection) {
        connection.armed.heartbeat = self.after(self.options.deadlines.heartbeat_ms);
    }

    pub(super) fn arm_idle(&self, connection: &mut Connection) {
        connection.armed.idle = self.after(self.options.deadlines.idle_ms);
    }

    pub(super) fn arm_age(&self, connection: &mut Connection) {
        connection.armed.age = self.after(self.options.deadlines.age_ms);
    }

    pub(super) fn arm_stall(&self, connection: &mut Connection) {
        connection.armed.stall = self.after(self.options.deadlines.stall_ms);
    }

    pub(super) fn arm_linger(&self, connection: &mut Connection, ms: u64) {
        connection.armed.linger = self.after(Some(ms));
    }

    pub(super) fn arm_expiry(&self, connection: &mut Connection, expires_ms: Option<u64>) {
        connection.owed.reauth = false;
        connection.expires_ms = expires_ms;
        connection.armed.expiry = expires_ms.map(|at| self.round_up(at));
        let before = self.options.deadlines.reauth_ms;
        connection.armed.reauth = expires_ms.map(|at| self.round_up(at.saturating_sub(before)));
    }

    fn after(&self, ms: Option<u64>) -> Option<u64> {
        ms.map(|ms| self.round_up(self.now.saturating_add(ms)))
    }

    fn round_up(&self, ms: u64) -> u64 {
        let tick_ms = self.options.deadlines.tick_ms;
        ms.div_ceil(tick_ms) * tick_ms
    }
}
