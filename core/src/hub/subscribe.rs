//! Who subscribes to what: topics and patterns of a connection, its grants, and the lists behind.
//!
//! It does not know whether an application allows a subscription; it has done so before it asks.

use super::Hub;
use super::connections::{Subscription, Target, TargetKind};
use super::id::ConnectionId;
use super::names::{NameError, check_pattern, is_pattern};
use super::patterns::PatternId;
use super::timers::Alarm;
use alloc::vec::Vec;
use core::fmt;

/// Why a connection cannot be given a topic or grants. It is as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The connection is closed, or never was.
    NotFound,
    /// The text is neither name nor pattern.
    Name(NameError),
    /// The connection has as many as it may.
    TooMany {
        /// `Limits::topics_per_connection`, or `Limits::grants_per_connection`.
        limit: usize,
    },
    /// The new token has ended.
    Expired,
}

impl fmt::Display for SubscribeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("the connection is closed"),
            Self::Name(error) => error.fmt(f),
            Self::TooMany { limit } => write!(f, "the connection has its {limit}"),
            Self::Expired => f.write_str("the new token has ended"),
        }
    }
}

impl core::error::Error for SubscribeError {}

impl Hub {
    /// Adds a topic or pattern to a live connection, from the end of the log on: what was published
    /// before is not replayed. False where it had it already.
    ///
    /// # Errors
    /// See [`SubscribeError`].
    pub fn subscribe(
        &mut self,
        connection: ConnectionId,
        topic: &str,
    ) -> Result<bool, SubscribeError> {
        let index = self.recipient(connection).ok_or(SubscribeError::NotFound)?;
        check_pattern(topic, self.options.limits.name_bytes).map_err(SubscribeError::Name)?;
        if self.has_named(index, topic) {
            return Ok(false);
        }
        let limit = self.options.limits.topics_per_connection;
        if self.connections.at(index).subscriptions.len() >= limit {
            return Err(SubscribeError::TooMany { limit });
        }
        let target = self.intern_target(topic);
        self.add_subscription(index, target, self.head);
        Ok(true)
    }

    /// Takes a topic or pattern from a connection. False where it did not have it, or is closed.
    pub fn unsubscribe(&mut self, connection: ConnectionId, topic: &str) -> bool {
        let Some(index) = self.recipient(connection) else {
            return false;
        };
        let Some(target) = self.find_target(topic) else {
            return false;
        };
        self.remove_subscription(index, target)
    }

    /// Gives a live connection the end and the grants of a new token, so that it goes on without a
    /// reconnect. `None` for no end.
    ///
    /// # Errors
    /// See [`SubscribeError`].
    pub fn renew(
        &mut self,
        now: u64,
        connection: ConnectionId,
        expires_ms: Option<u64>,
        grants: &[&str],
    ) -> Result<(), SubscribeError> {
        let index = self.recipient(connection).ok_or(SubscribeError::NotFound)?;
        let limits = &self.options.limits;
        if grants.len() > limits.grants_per_connection {
            return Err(SubscribeError::TooMany {
                limit: limits.grants_per_connection,
            });
        }
        for grant in grants {
            check_pattern(grant, limits.name_bytes).map_err(SubscribeError::Name)?;
        }
        if expires_ms.is_some_and(|expires_ms| expires_ms <= self.timers.unix_ms(now)) {
            return Err(SubscribeError::Expired);
        }
        self.grant(index, grants);
        self.set_expiry(index, expires_ms);
        Ok(())
    }

    /// The topics and patterns of a connection, in no order.
    pub fn topics_of(&self, connection: ConnectionId) -> impl Iterator<Item = &str> + Clone {
        let index = self.connections.find(connection);
        let subscriptions =
            index.map_or(&[][..], |index| &self.connections.at(index).subscriptions);
        subscriptions.iter().map(|one| self.target_name(one.target))
    }

    /// Subscribes a new connection to all of these.
    pub(super) fn subscribe_all(&mut self, index: u32, topics: &[&str]) {
        for topic in topics {
            let target = self.intern_target(topic);
            if !self.has(index, target) {
                self.add_subscription(index, target, 0);
            }
        }
    }

    pub(super) fn unsubscribe_all(&mut self, index: u32) {
        while let Some(last) = self.connections.at(index).subscriptions.last() {
            self.remove_subscription(index, last.target);
        }
    }

    /// Sets the grants in place of those before.
    pub(super) fn grant(&mut self, index: u32, grants: &[&str]) {
        let mut granted: Vec<PatternId> = Vec::with_capacity(grants.len());
        for grant in grants {
            let pattern = self.patterns.intern(grant);
            if !granted.contains(&pattern) {
                self.patterns.get_mut(pattern).grants += 1;
                granted.push(pattern);
            }
        }
        granted.sort_unstable();
        let connection = self.connections.at_mut(index);
        if connection.grants().is_empty() && granted.is_empty() {
            return;
        }
        for pattern in core::mem::replace(&mut connection.rare().grants, granted) {
            self.patterns.get_mut(pattern).grants -= 1;
            self.patterns.release(pattern);
        }
        self.connections.at_mut(index).tidy();
    }

    /// Sets when the token ends, in place of what was set before.
    pub(super) fn set_expiry(&mut self, index: u32, expires_ms: Option<u64>) {
        self.cancel_expiry(index);
        let connection = self.connections.at_mut(index);
        connection.due.reauth = false;
        connection.expires_ms = expires_ms.unwrap_or(u64::MAX);
        if let Some(expires_ms) = expires_ms {
            let reauth_ms = expires_ms.saturating_sub(self.options.deadlines.reauth_ms);
            self.timers.set_alarm(index, Alarm::Expiry, expires_ms);
            self.timers.set_alarm(index, Alarm::Reauth, reauth_ms);
        }
    }

    /// Forgets the alarms, not when the token ends.
    pub(super) fn cancel_expiry(&mut self, index: u32) {
        let expires_ms = self.connections.at(index).expires_ms;
        if expires_ms != u64::MAX {
            let reauth_ms = expires_ms.saturating_sub(self.options.deadlines.reauth_ms);
            self.timers.cancel_alarm(index, Alarm::Expiry, expires_ms);
            self.timers.cancel_alarm(index, Alarm::Reauth, reauth_ms);
        }
    }

    /// Whether a connection has this topic or pattern.
    pub(super) fn has_named(&self, index: u32, topic: &str) -> bool {
        self.find_target(topic)
            .is_some_and(|target| self.has(index, target))
    }

    fn has(&self, index: u32, target: Target) -> bool {
        self.connections.at(index).subscription(target).is_some()
    }

    fn find_target(&self, topic: &str) -> Option<Target> {
        if is_pattern(topic) {
            self.patterns.find(topic).map(Target::pattern)
        } else {
            self.topics.find(topic).map(Target::topic)
        }
    }

    fn intern_target(&mut self, topic: &str) -> Target {
        if is_pattern(topic) {
            Target::pattern(self.patterns.intern(topic))
        } else {
            Target::topic(self.topics.intern(topic))
        }
    }

    pub(super) fn target_name(&self, target: Target) -> &str {
        match target.kind() {
            TargetKind::Topic(topic) => self.topics.name(topic),
            TargetKind::Pattern(pattern) => self.patterns.text(pattern),
        }
    }

    fn subscribers(&mut self, target: Target) -> &mut Vec<u32> {
        match target.kind() {
            TargetKind::Topic(topic) => &mut self.topics.get_mut(topic).subscribers,
            TargetKind::Pattern(pattern) => &mut self.patterns.get_mut(pattern).subscribers,
        }
    }

    fn add_subscription(&mut self, index: u32, target: Target, since: u64) {
        let subscribers = self.subscribers(target);
        let place = subscribers.len() as u32;
        subscribers.push(index);
        let connection = self.connections.at_mut(index);
        connection.subscriptions.insert(Subscription {
            target,
            place,
            since,
        });
    }

    fn remove_subscription(&mut self, index: u32, target: Target) -> bool {
        let connection = self.connections.at_mut(index);
        let Some(Subscription { place, .. }) = connection.subscriptions.remove(target) else {
            return false;
        };
        let subscribers = self.subscribers(target);
        subscribers.swap_remove(place as usize);
        if subscribers.len() * 4 < subscribers.capacity() {
            subscribers.shrink_to(subscribers.len() * 2);
        }
        // The last subscriber has moved into the place that became free.
        if let Some(moved) = subscribers.get(place as usize).copied() {
            let subscription = self.connections.at_mut(moved).subscriptions.get_mut(target);
            subscription
                .expect("a subscriber has the subscription")
                .place = place;
        }
        match target.kind() {
            TargetKind::Topic(topic) => self.topics.release(topic),
            TargetKind::Pattern(pattern) => self.patterns.release(pattern),
        }
        true
    }
}
