//! Live streams as an application changes them: their topics, their token, their end.
//!
//! It does not know what a change means; the hub of each stream does, in one turn of its driver.

use super::Hub;
use crate::driver::Command;
use tidings_core::{ConnectionId, Cursor, SubscribeError};

impl Hub {
    /// Adds a topic or pattern to a live stream, from the end of the log on. False where it had it.
    ///
    /// # Errors
    /// See [`SubscribeError`]; a driver that has ended has no streams.
    pub async fn subscribe(
        &self,
        connection: ConnectionId,
        topic: impl Into<String>,
    ) -> Result<bool, SubscribeError> {
        let topic = topic.into();
        let asked = self.ask_for(connection, move |hub, _| hub.subscribe(connection, &topic));
        asked.await.unwrap_or(Err(SubscribeError::NotFound))
    }

    /// Takes a topic or pattern from a live stream. False where it did not have it.
    pub async fn unsubscribe(&self, connection: ConnectionId, topic: impl Into<String>) -> bool {
        let topic = topic.into();
        let asked = self.ask_for(connection, move |hub, _| {
            hub.unsubscribe(connection, &topic)
        });
        asked.await.unwrap_or(false)
    }

    /// Gives a live stream the end and the grants of a new token, so that it goes on without a
    /// reconnect. `None` for no end.
    ///
    /// # Errors
    /// See [`SubscribeError`]; a driver that has ended has no streams.
    pub async fn renew(
        &self,
        connection: ConnectionId,
        expires_ms: Option<u64>,
        grants: Vec<String>,
    ) -> Result<(), SubscribeError> {
        let asked = self.ask_for(connection, move |hub, now| {
            hub.renew(now, connection, expires_ms, &texts(&grants))
        });
        asked.await.unwrap_or(Err(SubscribeError::NotFound))
    }

    /// Takes topics and patterns from a live stream and adds others, from the end of the log on: all
    /// of it, or nothing.
    ///
    /// # Errors
    /// See [`SubscribeError`]; a driver that has ended has no streams.
    pub async fn change_topics(
        &self,
        connection: ConnectionId,
        add: Vec<String>,
        remove: Vec<String>,
    ) -> Result<(), SubscribeError> {
        let asked = self.ask_for(connection, move |hub, _| {
            let [add, remove] = [&add, &remove].map(|topics| texts(topics));
            hub.change_topics(connection, &add, &remove)
        });
        asked.await.unwrap_or(Err(SubscribeError::NotFound))
    }

    /// As [`renew`](Self::renew), and takes from the stream the topics and patterns that are not
    /// `allowed` any more, which are the answer: when it comes, no event of those is sent any more.
    ///
    /// # Errors
    /// See [`SubscribeError`]; a driver that has ended has no streams.
    pub async fn reauthorize(
        &self,
        connection: ConnectionId,
        expires_ms: Option<u64>,
        grants: Vec<String>,
        allowed: impl Fn(&str) -> bool + Send + 'static,
    ) -> Result<Vec<String>, SubscribeError> {
        let asked = self.ask_for(connection, move |hub, now| {
            hub.reauthorize(now, connection, expires_ms, &texts(&grants), allowed)
        });
        asked.await.unwrap_or(Err(SubscribeError::NotFound))
    }

    /// Ends the token of a stream before its time: it is closed, in the middle of an event if need
    /// be. False where it is closed already.
    pub async fn expire(&self, connection: ConnectionId) -> bool {
        let asked = self.ask_for(connection, move |hub, now| hub.expire(now, connection));
        asked.await.unwrap_or(false)
    }

    /// Closes a stream with a `bye`. False where it is closed already.
    pub async fn close(&self, connection: ConnectionId) -> bool {
        let asked = self.ask_for(connection, move |hub, now| hub.close(now, connection));
        asked.await.unwrap_or(false)
    }

    /// The reader of a stream has left. Whatever is asked of the hub after this finds the stream closed,
    /// where a [`StreamBody`](crate::StreamBody) that is dropped closes it soon.
    pub async fn handle_closed(&self, connection: ConnectionId) {
        let shard = self.0.shards.get(usize::from(connection.shard()));
        if let Some(shard) = shard {
            // A driver that has ended has no streams.
            let _ = shard.address.commands.send(Command::Gone(connection)).await;
        }
    }

    /// Where a stream stands that is owed nothing, as
    /// [`Hub::caught_up`](tidings_core::Hub::caught_up) has it. All before it is in the socket, or the
    /// body, when this is answered.
    pub async fn caught_up(&self, connection: ConnectionId) -> Option<Cursor> {
        let asked = self.ask_for(connection, move |hub, _| hub.caught_up(connection));
        asked.await.unwrap_or_default()
    }

    /// Whether a stream is open, be it about to close.
    pub async fn is_open(&self, connection: ConnectionId) -> bool {
        let asked = self.ask_for(connection, move |hub, _| hub.is_open(connection));
        asked.await.unwrap_or(false)
    }
}

pub(crate) fn texts(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}
