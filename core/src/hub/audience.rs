//! Whether an event is for a connection: the one test that every delivery passes, live or replayed.
//!
//! It looks at what the record says and at the connection's present user, subscriptions and grants;
//! it does not know whether the frame still stands.

use super::connections::{Connection, Target};
use super::id::ConnectionId;
use super::patterns::{PatternId, Patterns};
use super::record::{Exclusion, Reach, Record, TopicId};
use super::topics::Topics;

/// Whether the event of `record` is for the connection `id`.
pub(crate) fn is_for(
    record: &Record,
    connection: &Connection,
    id: ConnectionId,
    topics: &mut Topics,
    patterns: &Patterns,
) -> bool {
    if is_excluded(record.except(), connection, id) {
        return false;
    }
    match &record.reach {
        Reach::Everyone => true,
        Reach::User(user) => connection.user == Some(*user),
        Reach::Connection(only) => *only == id,
        Reach::UserInTopics(both) if connection.user != Some(both.0) => false,
        Reach::Topic(_) | Reach::Topics(_) | Reach::UserInTopics(_) => {
            record.reach.topics().iter().any(|topic| {
                subscribes(connection, *topic, record.sequence, topics, patterns)
                    && (!record.private
                        || is_granted(connection, topics.patterns(*topic, patterns)))
            })
        }
    }
}

/// Whether one of the connection's subscriptions was there for `sequence` and takes the topic.
pub(crate) fn subscribes(
    connection: &Connection,
    topic: TopicId,
    sequence: u64,
    topics: &mut Topics,
    patterns: &Patterns,
) -> bool {
    let takes = |target| {
        let subscription = connection.subscription(target);
        subscription.is_some_and(|subscription| subscription.since < sequence)
    };
    takes(Target::topic(topic))
        || connection.subscriptions.has_patterns()
            && topics
                .patterns(topic, patterns)
                .iter()
                .any(|pattern| takes(Target::pattern(*pattern)))
}

/// Whether the connection may get private events of a topic that these patterns match.
pub(crate) fn is_granted(connection: &Connection, patterns: &[PatternId]) -> bool {
    connection
        .grants()
        .iter()
        .any(|grant| patterns.binary_search(grant).is_ok())
}

/// Whether the connection is the one that does not want the event, or the same tab come back.
pub(crate) fn is_excluded(
    except: Option<&Exclusion>,
    connection: &Connection,
    id: ConnectionId,
) -> bool {
    except.is_some_and(|except| {
        except.connection == id || except.tab.is_some() && except.tab == connection.tab
    })
}
