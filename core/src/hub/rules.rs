//! What may be published, and into which class it goes: everything about a publish that can be
//! checked without a hub, so that it can be checked before a number is given out.
//!
//! It does not know connections, nor what the logs hold.

use super::class::ClassId;
use super::control::ControlOptions;
use super::cursor::Cursor;
use super::message::{Audience, Message, Publish, Recipients};
use super::names::{NameError, check_name, check_pattern, check_text, pattern_matches};
use super::options::{ClassOptions, HubOptions, Limits, OptionsError};
use crate::Event;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::{fmt, slice};

/// The rules of one kind of hub. Cheap to clone and to share between threads: publishers check and
/// encode with them, hubs made of the same options append what they let through.
#[derive(Clone, Debug)]
pub struct Rules(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: Limits,
    control: ControlOptions,
    /// In order of their match; the last takes the rest.
    classes: Vec<ClassRule>,
}

#[derive(Debug)]
struct ClassRule {
    topics: Vec<String>,
    latest: bool,
    /// The greater, the longer its events are kept: age, then count, then bytes.
    length: (u64, usize, usize),
}

/// At most so many bytes stand in an id line beside an own id: the longest cursor has 58.
const ID_LINE_BYTES: usize = 64;

/// The word in place of a cursor that asks for everything still there.
pub(crate) const EARLIEST: &str = "earliest";

/// Ends the id of a stream whose client is to stay away.
pub const STAY_AWAY: &str = "!";

/// Why an event cannot be published. The hub is as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PublishError {
    /// No topic, user, connection or everyone.
    NoTopic,
    /// More topics than one publish may have.
    TooManyTopics {
        /// `Limits::topics_per_publish`.
        limit: usize,
    },
    /// A topic is no name.
    Topic {
        /// Which, counted from 0.
        index: usize,
        /// What is wrong with it.
        error: NameError,
    },
    /// The user is no name.
    User(NameError),
    /// The event has no data, and readers do not dispatch such events.
    NoData,
    /// The event type is one the hub itself sends.
    ReservedEvent,
    /// The encoded event is too long.
    EventTooLong {
        /// `Limits::event_bytes`.
        limit: usize,
    },
    /// The id is empty, or too long.
    IdLength {
        /// `Limits::id_bytes`.
        limit: usize,
    },
    /// The id has a byte that a `Last-Event-ID` header cannot carry.
    IdControlCharacter,
    /// The id looks like a cursor, ends in `!`, or is `earliest`: it could not be told from those.
    IdReserved,
    /// A topic of a `latest` class is published alone, and not to one user: its value is for all
    /// of its subscribers.
    LatestNotAlone,
    /// Several events that together are more than their class keeps.
    BatchTooLarge,
    /// A reader that is not blocked has still to be offered what would have to go: let the driver
    /// write, then publish again.
    Full,
    /// The hub is being drained.
    Draining,
}

impl PublishError {
    /// The name in JSON, C and metrics.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoTopic => "no_topic",
            Self::TooManyTopics { .. } => "too_many_topics",
            Self::Topic { .. } => "invalid_topic",
            Self::User(_) => "invalid_user",
            Self::NoData => "no_data",
            Self::ReservedEvent => "reserved_event",
            Self::EventTooLong { .. } => "event_too_long",
            Self::IdLength { .. } | Self::IdControlCharacter | Self::IdReserved => "invalid_id",
            Self::LatestNotAlone => "latest_not_alone",
            Self::BatchTooLarge => "batch_too_large",
            Self::Full => "full",
            Self::Draining => "draining",
        }
    }
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTopic => f.write_str("name a topic, a user, a connection, or everyone"),
            Self::TooManyTopics { limit } => write!(f, "at most {limit} topics in one publish"),
            Self::Topic { index, error } => write!(f, "topic {index}: {error}"),
            Self::User(error) => write!(f, "user: {error}"),
            Self::NoData => f.write_str("an event needs data, be it empty"),
            Self::ReservedEvent => f.write_str(
                "the hub itself sends events of this type: choose another, or rename the hub's",
            ),
            Self::EventTooLong { limit } => {
                write!(f, "the event is longer than {limit} bytes: send a link to it instead")
            }
            Self::IdLength { limit } => write!(f, "an id has 1 to {limit} bytes"),
            Self::IdControlCharacter => f.write_str("an id has no control characters"),
            Self::IdReserved => f.write_str(
                "an id must not look like a cursor (`epoch~sequence`), end in `!`, or be `earliest`",
            ),
            Self::LatestNotAlone => f.write_str(
                "a topic that keeps only its latest value is published alone and to all",
            ),
            Self::BatchTooLarge => f.write_str("together the events are more than the log keeps"),
            Self::Full => f.write_str("readers have still to be offered the oldest: write, repeat"),
            Self::Draining => f.write_str("the hub is being drained"),
        }
    }
}

impl core::error::Error for PublishError {}

impl Rules {
    /// The rules of hubs made with these options.
    ///
    /// # Errors
    /// The first option that cannot be.
    pub fn new(options: &HubOptions) -> Result<Self, OptionsError> {
        options.validate()?;
        let mut classes: Vec<_> = options.all_classes().map(ClassRule::new).collect();
        if let Some(last) = classes.last_mut() {
            last.topics = Vec::new();
        }
        let (limits, control) = (options.limits.clone(), options.control.clone());
        Ok(Self(Arc::new(Inner {
            limits,
            control,
            classes,
        })))
    }

    /// The limits of these hubs.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Whether this can be the name of a user.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_user(&self, user: &str) -> Result<(), NameError> {
        check_text(user, self.0.limits.name_bytes)
    }

    /// Whether this can be subscribed to or granted: a name or a pattern.
    ///
    /// ```
    /// use tidings_core::{HubOptions, NameError, Rules};
    ///
    /// let rules = Rules::new(&HubOptions::default())?;
    /// assert_eq!(rules.check_pattern("rooms/*/talk"), Ok(()));
    /// assert_eq!(rules.check_pattern("rooms/7*"), Err(NameError::MisplacedStar));
    /// # Ok::<(), tidings_core::OptionsError>(())
    /// ```
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_pattern(&self, pattern: &str) -> Result<(), NameError> {
        check_pattern(pattern, self.0.limits.name_bytes)
    }

    /// Checks what is to be published, and encodes it.
    ///
    /// # Errors
    /// Any [`PublishError`] but those that depend on a hub.
    pub fn message(&self, publish: &Publish<'_>) -> Result<Message, PublishError> {
        let limits = &self.0.limits;
        let (recipients, class) = self.recipients(&publish.audience)?;
        self.check_event(&publish.event)?;
        let mut body = Vec::new();
        publish.event.encode_body(&mut body);
        let id = self.own_id(&publish.event)?;
        if body.len() > limits.event_bytes {
            return Err(PublishError::EventTooLong {
                limit: limits.event_bytes,
            });
        }
        let (private, except) = (publish.private, publish.except);
        Ok(Message {
            recipients,
            class,
            body: body.into(),
            id,
            private,
            except,
        })
    }

    /// Whether these events can be appended together.
    ///
    /// # Errors
    /// [`PublishError::BatchTooLarge`] where they are more than a class keeps, or more bytes than
    /// three quarters of what it keeps: the rest is for the index of what they push out.
    pub fn check_batch(&self, messages: &[Message]) -> Result<(), PublishError> {
        for (class, rule) in self.0.classes.iter().enumerate() {
            let (_, most_events, most_bytes) = rule.length;
            let costs = messages
                .iter()
                .filter(|message| usize::from(message.class) == class);
            let costs =
                costs.map(|message| message.cost(ID_LINE_BYTES + message.id().map_or(0, str::len)));
            let (events, bytes) = costs.fold((0, 0), |(events, bytes), cost| {
                (events + 1, bytes + cost.frame_bytes + cost.record_bytes)
            });
            if events > most_events || bytes > most_bytes - most_bytes / 4 {
                return Err(PublishError::BatchTooLarge);
            }
        }
        Ok(())
    }

    pub(crate) fn control(&self) -> &ControlOptions {
        &self.0.control
    }

    fn recipients(&self, audience: &Audience<'_>) -> Result<(Recipients, ClassId), PublishError> {
        let limits = &self.0.limits;
        let (topics, user) = match audience {
            Audience::Topic(topic) => (slice::from_ref(topic), None),
            Audience::Topics(topics) => (*topics, None),
            Audience::UserInTopics { user, topics } => (*topics, Some(*user)),
            Audience::User(user) => {
                check_text(user, limits.name_bytes).map_err(PublishError::User)?;
                return Ok((Recipients::User((*user).into()), self.last_class()));
            }
            Audience::Everyone => return Ok((Recipients::Everyone, self.last_class())),
            Audience::Connection(id) => {
                return Ok((Recipients::Connection(*id), self.last_class()));
            }
        };
        if topics.is_empty() {
            return Err(PublishError::NoTopic);
        }
        if topics.len() > limits.topics_per_publish {
            return Err(PublishError::TooManyTopics {
                limit: limits.topics_per_publish,
            });
        }
        for (index, topic) in topics.iter().enumerate() {
            check_name(topic, limits.name_bytes)
                .map_err(|error| PublishError::Topic { index, error })?;
        }
        if let Some(user) = user {
            check_text(user, limits.name_bytes).map_err(PublishError::User)?;
        }
        let class = self.class_of(topics, user.is_some())?;
        let mut topics: Vec<Arc<str>> = topics.iter().map(|topic| Arc::from(*topic)).collect();
        topics.sort_unstable();
        topics.dedup();
        Ok((
            Recipients::Topics {
                topics,
                user: user.map(Arc::from),
            },
            class,
        ))
    }

    pub(super) fn class_of_topic(&self, topic: &str) -> ClassId {
        let classes = &self.0.classes;
        let class = classes.iter().position(|class| class.takes(topic));
        class.map_or(self.last_class(), |class| class as ClassId)
    }

    /// The class of the topics that keeps its events longest.
    fn class_of(&self, topics: &[&str], has_user: bool) -> Result<ClassId, PublishError> {
        let classes = &self.0.classes;
        let mut longest: Option<usize> = None;
        for topic in topics {
            let class = usize::from(self.class_of_topic(topic));
            if classes[class].latest && (has_user || topics.iter().any(|other| other != topic)) {
                return Err(PublishError::LatestNotAlone);
            }
            if longest.is_none_or(|other| classes[class].length > classes[other].length) {
                longest = Some(class);
            }
        }
        Ok(longest.map_or(self.last_class(), |class| class as ClassId))
    }

    fn last_class(&self) -> ClassId {
        (self.0.classes.len() - 1) as ClassId
    }

    fn check_event(&self, event: &Event<'_>) -> Result<(), PublishError> {
        if !event.has_data() {
            return Err(PublishError::NoData);
        }
        if self
            .0
            .control
            .names()
            .any(|name| name.as_bytes() == event.event_bytes())
        {
            return Err(PublishError::ReservedEvent);
        }
        Ok(())
    }

    /// The publisher's own id, which comes back in a header and must not be taken for a cursor.
    fn own_id(&self, event: &Event<'_>) -> Result<Option<Arc<str>>, PublishError> {
        if !event.has_id() {
            return Ok(None);
        }
        let (id, limit) = (event.id(), self.0.limits.id_bytes);
        if id.is_empty() || id.len() > limit {
            return Err(PublishError::IdLength { limit });
        }
        if id.chars().any(char::is_control) {
            return Err(PublishError::IdControlCharacter);
        }
        if id == EARLIEST || id.ends_with(STAY_AWAY) || id.parse::<Cursor>().is_ok() {
            return Err(PublishError::IdReserved);
        }
        Ok(Some(id.as_ref().into()))
    }
}

impl ClassRule {
    fn new(options: &ClassOptions) -> Self {
        let length = (
            options.age_ms.unwrap_or(u64::MAX),
            options.events,
            options.bytes,
        );
        Self {
            topics: options.topics.clone(),
            latest: options.latest,
            length,
        }
    }

    fn takes(&self, topic: &str) -> bool {
        self.topics
            .iter()
            .any(|pattern| pattern_matches(pattern, topic))
    }
}
