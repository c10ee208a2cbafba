//! The index record of one event: its number, whom it is for, and where its frame stands.
//!
//! It does not know connections; `audience` tests a record against one.

use super::id::ConnectionId;
use super::lane::LANE_ENTRY_BYTES;
use alloc::boxed::Box;
use alloc::sync::Arc;

pub(crate) type TopicId = u32;
pub(crate) type UserId = u32;
pub(crate) type TabId = u32;

pub(crate) struct Record {
    pub(crate) sequence: u64,
    /// When it was appended.
    pub(crate) time_ms: u64,
    pub(crate) reach: Reach,
    pub(crate) extra: Option<Box<Extra>>,
    pub(crate) span: Span,
    /// Only for subscriptions whose topic is granted.
    pub(crate) private: bool,
}

/// Where a frame stands in the segments of its log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Span {
    pub(crate) segment: u32,
    pub(crate) start: u32,
    pub(crate) len: u32,
}

/// Whom an event is for, in the hub's own numbers.
pub(crate) enum Reach {
    Everyone,
    Topic(TopicId),
    /// In order of their numbers, each once.
    Topics(Box<[TopicId]>),
    User(UserId),
    /// That user's connections among the subscribers of the topics.
    UserInTopics(Box<(UserId, Box<[TopicId]>)>),
    Connection(ConnectionId),
}

/// What few events have.
pub(crate) struct Extra {
    pub(crate) except: Option<Exclusion>,
    /// The publisher's own id.
    pub(crate) id: Option<Arc<str>>,
}

/// The sender who does not want its own event back, also after a reconnect of its tab.
pub(crate) struct Exclusion {
    pub(crate) connection: ConnectionId,
    pub(crate) tab: Option<TabId>,
}

impl Reach {
    pub(crate) fn topics(&self) -> &[TopicId] {
        match self {
            Self::Topic(topic) => core::slice::from_ref(topic),
            Self::Topics(topics) => topics,
            Self::UserInTopics(both) => &both.1,
            Self::Everyone | Self::User(_) | Self::Connection(_) => &[],
        }
    }

    pub(crate) fn user(&self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(*user),
            Self::UserInTopics(both) => Some(both.0),
            _ => None,
        }
    }
}

impl Record {
    pub(crate) fn except(&self) -> Option<&Exclusion> {
        self.extra.as_ref()?.except.as_ref()
    }

    pub(crate) fn id(&self) -> Option<&Arc<str>> {
        self.extra.as_ref()?.id.as_ref()
    }

    /// Whether of those who subscribe to the same all get it or none.
    pub(crate) fn is_for_all_alike(&self) -> bool {
        let named = matches!(
            self.reach,
            Reach::Everyone | Reach::Topic(_) | Reach::Topics(_)
        );
        named && !self.private && self.except().is_none()
    }

    pub(crate) fn cost_bytes(&self) -> usize {
        let topics = self.reach.topics().len();
        let user = matches!(self.reach, Reach::UserInTopics(_));
        record_bytes(
            topics,
            user,
            self.except().is_some(),
            self.id().map(AsRef::as_ref),
        )
    }
}

/// Bytes that a record takes beside its frame: itself, its numbers in the lanes, and an own id in
/// the index of ids.
pub(crate) fn record_bytes(topics: usize, user: bool, except: bool, id: Option<&str>) -> usize {
    /// An entry in an ordered map, with its share of the nodes.
    const ID_ENTRY_BYTES: usize = 64;
    let listed = if topics > 1 || user {
        32 + topics * size_of::<TopicId>()
    } else {
        0
    };
    let extra = if except || id.is_some() {
        size_of::<Extra>()
    } else {
        0
    };
    size_of::<Record>()
        + topics.max(1) * LANE_ENTRY_BYTES
        + listed
        + extra
        + id.map_or(0, |id| id.len() + ID_ENTRY_BYTES)
}
