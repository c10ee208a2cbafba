//! What is published, as C says it, and what became of it.
//!
//! It does not know what may be published; the core does.

use crate::cursor::tidings_cursor;
use crate::event::tidings_event;
use crate::failure::Outcome;
use crate::raw;
use crate::sized::SizeFirst;
use crate::status::tidings_status::*;
use crate::text::{texts, tidings_str};
use std::mem::offset_of;
use std::slice;
use tidings_core::{Audience, ConnectionId, Publish, Published};

/// In `tidings_publish.flags`: only for connections with a grant that matches the topic.
pub const TIDINGS_PUBLISH_PRIVATE: u32 = 1;

/// Whom an event is for.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum tidings_audience {
    /// Every subscriber of at least one of the topics.
    TIDINGS_AUDIENCE_TOPICS = 0,
    /// The user's connections among the subscribers of the topics.
    TIDINGS_AUDIENCE_USER_IN_TOPICS = 1,
    /// Every connection of the user.
    TIDINGS_AUDIENCE_USER = 2,
    /// Every connection.
    TIDINGS_AUDIENCE_EVERYONE = 3,
    /// One connection. Such an event is never replayed.
    TIDINGS_AUDIENCE_CONNECTION = 4,
}

const TOPICS: u32 = tidings_audience::TIDINGS_AUDIENCE_TOPICS as u32;
const USER_IN_TOPICS: u32 = tidings_audience::TIDINGS_AUDIENCE_USER_IN_TOPICS as u32;
const USER: u32 = tidings_audience::TIDINGS_AUDIENCE_USER as u32;
const EVERYONE: u32 = tidings_audience::TIDINGS_AUDIENCE_EVERYONE as u32;
const CONNECTION: u32 = tidings_audience::TIDINGS_AUDIENCE_CONNECTION as u32;

/// One event to publish. What its audience does not name has to be zero.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_publish {
    /// `sizeof(tidings_publish)`
    pub size: u32,
    /// A `tidings_audience`.
    pub audience: u32,
    /// The topics.
    pub topics: *const tidings_str,
    /// How many.
    pub topic_count: usize,
    /// The user.
    pub user: tidings_str,
    /// The connection.
    pub connection: u64,
    /// What it says. Its id, if it has one, is your own: readers see it, and publishing it again while
    /// the hub remembers it publishes nothing.
    pub event: tidings_event,
    /// The connection that does not want it, usually the sender's; 0 for none.
    pub except: u64,
    /// `TIDINGS_PUBLISH_PRIVATE`, or 0.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
}

// SAFETY: `repr(C)`, begins with its size, has only numbers and pointers.
unsafe impl SizeFirst for tidings_publish {
    const FIRST_SIZE: usize = offset_of!(Self, reserved) + size_of::<u32>();
}

/// What became of a publish. This struct never grows.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_published {
    /// The position of the event. Unless it has an id of your own, its text is the id.
    pub cursor: tidings_cursor,
    /// How many open connections it is for at this moment, each counted once.
    pub recipients: u64,
    /// 1 if an event with this id was published before: nothing was published now, and the cursor is that
    /// of the first.
    pub duplicate: u32,
    /// 0.
    pub reserved: u32,
}

impl tidings_published {
    pub(crate) fn of(published: &Published) -> Self {
        Self {
            cursor: tidings_cursor::of(published.cursor),
            recipients: published.recipients as u64,
            duplicate: published.duplicate.into(),
            reserved: 0,
        }
    }
}

impl tidings_publish {
    /// Hands on what it says.
    #[inline]
    pub(crate) fn with<T>(&self, body: impl FnOnce(&Publish<'_>) -> Outcome<T>) -> Outcome<T> {
        if self.flags & !TIDINGS_PUBLISH_PRIVATE != 0 || self.reserved != 0 {
            return Err(TIDINGS_ERR_INVALID.into());
        }
        let (one, many);
        let topics = match raw::items(self.topics, self.topic_count)? {
            [] => &[],
            [topic] => {
                one = topic.text()?;
                slice::from_ref(&one)
            }
            _ => {
                many = texts(self.topics, self.topic_count)?;
                &*many
            }
        };
        // A field that the audience does not name is a mistake: the event would reach others than meant.
        let named = (
            self.topic_count > 0,
            self.user.len > 0,
            self.connection != 0,
        );
        let audience = match (self.audience, named) {
            (TOPICS, (_, false, false)) => Audience::Topics(topics),
            (USER_IN_TOPICS, (_, _, false)) => Audience::UserInTopics {
                user: self.user.text()?,
                topics,
            },
            (USER, (false, _, false)) => Audience::User(self.user.text()?),
            (EVERYONE, (false, false, false)) => Audience::Everyone,
            (CONNECTION, (false, false, _)) => {
                Audience::Connection(ConnectionId::from_u64(self.connection))
            }
            _ => return Err(TIDINGS_ERR_INVALID.into()),
        };
        body(&Publish {
            audience,
            event: self.event.view()?,
            private: self.flags & TIDINGS_PUBLISH_PRIVATE != 0,
            except: (self.except != 0).then_some(ConnectionId::from_u64(self.except)),
        })
    }
}
