//! Several changes to a live connection in one step: other topics, a new token, its end.
//!
//! It does not know whether an application allows a topic; it is told, or asks.

use super::Hub;
use super::id::ConnectionId;
use super::names::check_pattern;
use super::subscribe::SubscribeError;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

impl Hub {
    /// Takes topics and patterns from a live connection and adds others, all of them or none. What
    /// is added begins at the end of the log; what is there already stays as it is, and so does what
    /// is in both lists.
    ///
    /// ```
    /// use tidings_core::{Hub, HubOptions, Open};
    ///
    /// let mut hub = Hub::new(HubOptions::default())?;
    /// let reader = hub.open(0, Open { topics: &["room/1"], ..Open::default() })?;
    /// hub.change_topics(reader, &["room/2"], &["room/1"])?;
    /// assert!(hub.topics_of(reader).eq(["room/2"]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// See [`SubscribeError`]; the limit is held against what the connection would have in the end.
    pub fn change_topics(
        &mut self,
        connection: ConnectionId,
        add: &[&str],
        remove: &[&str],
    ) -> Result<(), SubscribeError> {
        let index = self.recipient(connection).ok_or(SubscribeError::NotFound)?;
        let limits = &self.options.limits;
        for topic in add {
            check_pattern(topic, limits.name_bytes).map_err(SubscribeError::Name)?;
        }
        let limit = limits.topics_per_connection;
        let is_new = |topic: &&str| !self.has_named(index, topic);
        let [mut wanted, mut removed] = [add, remove].map(<[_]>::to_vec);
        for list in [&mut wanted, &mut removed] {
            list.sort_unstable();
            list.dedup();
        }
        removed.retain(|topic| !is_new(topic) && wanted.binary_search(topic).is_err());
        let mut added = wanted;
        added.retain(is_new);
        let kept = self.connections.at(index).subscriptions.len() - removed.len();
        if !added.is_empty() && kept + added.len() > limit {
            return Err(SubscribeError::TooMany { limit });
        }
        for topic in removed {
            self.unsubscribe(connection, topic);
        }
        for topic in added {
            self.subscribe(connection, topic)?;
        }
        Ok(())
    }

    /// Gives a live connection the end and the grants of a new token, and takes from it the topics
    /// and patterns that are not `allowed` any more, so that it goes on without a reconnect. Answers
    /// with what was taken; no event of those is offered from now on. On an error nothing is changed.
    ///
    /// # Errors
    /// See [`SubscribeError`].
    pub fn reauthorize(
        &mut self,
        now: u64,
        connection: ConnectionId,
        expires_ms: Option<u64>,
        grants: &[&str],
        allowed: impl Fn(&str) -> bool,
    ) -> Result<Vec<String>, SubscribeError> {
        self.renew(now, connection, expires_ms, grants)?;
        let topics = self.topics_of(connection).filter(|topic| !allowed(topic));
        let dropped: Vec<_> = topics.map(ToOwned::to_owned).collect();
        for topic in &dropped {
            self.unsubscribe(connection, topic);
        }
        Ok(dropped)
    }

    /// Ends the token of a connection before its time, as one that is revoked: nothing more of the
    /// log is sent, not even the rest of a frame. False where the connection is closed already.
    pub fn expire(&mut self, now: u64, connection: ConnectionId) -> bool {
        let Some(index) = self.connections.find(connection) else {
            return false;
        };
        if self.connections.at(index).is_closed() {
            return false;
        }
        self.transmitted = None;
        self.end_token(now, index);
        true
    }
}
