//! What is published: for whom, and what; as an application says it, and checked and encoded.
//!
//! It does not know the hub it goes to, so that one message can go to several.

use super::class::ClassId;
use super::cursor::Cursor;
use super::id::ConnectionId;
use super::record::record_bytes;
use super::retention::Cost;
use crate::Event;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt::Write as _;

/// Whom an event is for. A type, not a naming rule: no topic name can spell a user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Audience<'a> {
    /// Every subscriber of the topic.
    Topic(&'a str),
    /// Every subscriber of at least one of the topics.
    Topics(&'a [&'a str]),
    /// The user's connections among the subscribers of the topics.
    UserInTopics {
        /// The user.
        user: &'a str,
        /// The topics.
        topics: &'a [&'a str],
    },
    /// Every connection of the user.
    User(&'a str),
    /// Every connection.
    Everyone,
    /// One connection. Such an event is never replayed; if the connection closes first, it counts
    /// as undelivered.
    Connection(ConnectionId),
}

/// One event to publish.
///
/// ```
/// use tidings_core::{Audience, Event, Publish};
///
/// let to_room = Publish::to(Audience::Topic("rooms/7"), Event::message("hello"));
/// let to_user = Publish::to(Audience::User("ada"), Event::message("just you"));
/// assert!(!to_room.private && to_user.except.is_none());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Publish<'a> {
    /// Whom it is for.
    pub audience: Audience<'a>,
    /// What it says. Its id, if it has one, is the publisher's own: subscribers see it, and
    /// publishing it again while the hub remembers it publishes nothing.
    pub event: Event<'a>,
    /// Only for connections with a grant that matches the topic.
    pub private: bool,
    /// The connection that does not want it, usually the sender's; after a reconnect, its tab.
    pub except: Option<ConnectionId>,
}

impl<'a> Publish<'a> {
    /// An event for all of this audience.
    #[must_use]
    pub const fn to(audience: Audience<'a>, event: Event<'a>) -> Self {
        Self {
            audience,
            event,
            private: false,
            except: None,
        }
    }
}

/// An event that was checked and encoded, ready to be appended to one hub or several.
#[derive(Clone, Debug)]
pub struct Message {
    pub(crate) recipients: Recipients,
    pub(crate) class: ClassId,
    /// The frame but for its id line.
    pub(crate) body: Box<[u8]>,
    pub(crate) id: Option<Arc<str>>,
    pub(crate) private: bool,
    pub(crate) except: Option<ConnectionId>,
}

#[derive(Clone, Debug)]
pub(crate) enum Recipients {
    /// In order of their names, each once.
    Topics {
        topics: Vec<Arc<str>>,
        user: Option<Arc<str>>,
    },
    User(Arc<str>),
    Everyone,
    Connection(ConnectionId),
}

impl Message {
    /// The publisher's own id, if it gave one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    pub(crate) const fn shared_id(&self) -> Option<&Arc<str>> {
        self.id.as_ref()
    }

    pub(crate) fn class_index(&self) -> usize {
        usize::from(self.class)
    }

    /// The topic it goes to, if it is one and for all of its subscribers.
    pub(crate) fn only_topic(&self) -> Option<&Arc<str>> {
        match &self.recipients {
            Recipients::Topics { topics, user: None } if topics.len() == 1 => topics.first(),
            _ => None,
        }
    }

    /// Writes the id line: the publisher's own id, or the position of the event.
    pub(crate) fn write_id_line(&self, cursor: Cursor, out: &mut String) {
        out.clear();
        let written = match &self.id {
            Some(id) => writeln!(out, "id: {id}"),
            None => writeln!(out, "id: {cursor}"),
        };
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
        debug_assert_eq!(out.len(), self.id_line_len(cursor));
    }

    /// How many bytes [`write_id_line`](Self::write_id_line) writes.
    pub(crate) fn id_line_len(&self, cursor: Cursor) -> usize {
        let id_len = self.id().map_or_else(|| cursor.text_len(), str::len);
        "id: \n".len() + id_len
    }

    /// What the message will cost with an id line of so many bytes.
    pub(crate) fn cost(&self, id_line: usize) -> Cost {
        let (topics, user) = match &self.recipients {
            Recipients::Topics { topics, user } => (topics.len(), user.is_some()),
            _ => (0, false),
        };
        Cost {
            frame_bytes: id_line + self.body.len(),
            record_bytes: record_bytes(topics, user, self.except.is_some(), self.id()),
        }
    }
}
