//! Whom an event is for: text against text.
//!
//! It does not know positions: whether a connection has had an event is for `walk` to say.

use super::{Connection, Event, Model, Tab};
use crate::mail::Address;
use tidings_core::pattern_matches;

impl Model {
    /// Whether the event is for the connection, as it is at this moment.
    #[must_use]
    pub fn is_for(event: &Event, connection: &Connection) -> bool {
        event.sequence > connection.floor && Self::is_value_for(event, connection)
    }

    /// The same for a value that opens a stream, which may be older than that.
    #[must_use]
    pub fn is_value_for(event: &Event, connection: &Connection) -> bool {
        let excluded = event.mail.except == Some(connection.id)
            || event.except_tab.is_some() && event.except_tab == connection.whole_tab();
        !excluded && is_addressed(event, connection)
    }

    /// The tab of a connection, if it is still somebody's.
    pub(super) fn tab_of(&self, key: usize) -> Option<Tab> {
        let connection = &self.connections[key];
        connection
            .whole_tab()
            .filter(|_| connection.phase.is_served())
    }
}

fn is_addressed(event: &Event, connection: &Connection) -> bool {
    let user = connection.user.as_deref();
    match &event.mail.address {
        Address::Everyone => true,
        Address::Connection(id) => *id == connection.id,
        Address::User(name) => user == Some(name),
        Address::UserInTopics(name, topics) => {
            user == Some(name) && topics.iter().any(|topic| takes(event, connection, topic))
        }
        Address::Topics(topics) => topics.iter().any(|topic| takes(event, connection, topic)),
    }
}

/// Whether the connection subscribed to the topic before the event, and is granted it if need be.
fn takes(event: &Event, connection: &Connection, topic: &str) -> bool {
    let subscribed = connection
        .subscriptions
        .iter()
        .any(|(pattern, since)| *since < event.sequence && pattern_matches(pattern, topic));
    let granted = |pattern: &String| pattern_matches(pattern, topic);
    subscribed && (!event.mail.private || connection.grants.iter().any(granted))
}
