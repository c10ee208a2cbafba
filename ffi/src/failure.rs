//! Why a call failed: an error of the core, or what only this boundary checks; its number, and the
//! whole sentence.
//!
//! It does not know the texts of the numbers (`status`) nor where a failure is kept (`handle`).

use crate::status::{self, tidings_status, tidings_status::*};
use std::fmt;
use tidings_core::{
    ClientError, DecodeError, EventError, NotTransmitted, OpenError, OptionsError, PublishError,
    SubscribeError,
};

#[derive(Debug)]
pub(crate) enum Failure {
    /// Its number says it all.
    Plain(tidings_status),
    Event(EventError),
    Decode(DecodeError),
    Options(OptionsError),
    Open(OpenError),
    Subscribe(SubscribeError),
    /// The grants of a new token.
    Renew(SubscribeError),
    Publish(PublishError),
    /// One of several, counted from 0.
    Nth(usize, Box<Failure>),
    Consume(NotTransmitted),
    Client(ClientError),
}

pub(crate) type Outcome<T = ()> = Result<T, Failure>;

/// What only this boundary checks: its number says it all.
pub(crate) type Checked<T = ()> = Result<T, tidings_status>;

impl Failure {
    pub(crate) fn status(&self) -> tidings_status {
        match self {
            Self::Plain(status) => *status,
            Self::Event(error) => of_event(*error),
            Self::Decode(error) => of_decode(*error),
            Self::Options(error) => of_options(error),
            Self::Open(error) => of_open(*error),
            Self::Subscribe(error) => of_subscribe(
                *error,
                TIDINGS_ERR_INVALID_TOPIC,
                TIDINGS_ERR_TOO_MANY_TOPICS,
            ),
            Self::Renew(error) => of_subscribe(
                *error,
                TIDINGS_ERR_INVALID_GRANT,
                TIDINGS_ERR_TOO_MANY_GRANTS,
            ),
            Self::Publish(error) => of_publish(*error),
            Self::Nth(_, failure) => failure.status(),
            Self::Consume(NotTransmitted) => TIDINGS_ERR_NOT_TRANSMITTED,
            Self::Client(error) => of_client(*error),
        }
    }
}

impl Failure {
    /// After how many milliseconds it may be tried again; 0 if that is not known.
    pub(crate) const fn retry_ms(&self) -> u64 {
        match self {
            Self::Open(OpenError::SupersededTooSoon { retry_ms }) => *retry_ms,
            _ => 0,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(status) => f.write_str(&status::text(*status as i32).to_string_lossy()),
            Self::Event(error) => error.fmt(f),
            Self::Decode(error) => error.fmt(f),
            Self::Options(error) => error.fmt(f),
            Self::Open(error) => error.fmt(f),
            Self::Subscribe(error) | Self::Renew(error) => error.fmt(f),
            Self::Publish(error) => error.fmt(f),
            Self::Nth(index, failure) => write!(f, "event {index}: {failure}"),
            Self::Consume(error) => error.fmt(f),
            Self::Client(error) => error.fmt(f),
        }
    }
}

impl From<tidings_status> for Failure {
    fn from(status: tidings_status) -> Self {
        Self::Plain(status)
    }
}

impl From<EventError> for Failure {
    fn from(error: EventError) -> Self {
        Self::Event(error)
    }
}

impl From<DecodeError> for Failure {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl From<OptionsError> for Failure {
    fn from(error: OptionsError) -> Self {
        Self::Options(error)
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<PublishError> for Failure {
    fn from(error: PublishError) -> Self {
        Self::Publish(error)
    }
}

impl From<NotTransmitted> for Failure {
    fn from(error: NotTransmitted) -> Self {
        Self::Consume(error)
    }
}

fn of_event(error: EventError) -> tidings_status {
    match error {
        EventError::LineBreakInId => TIDINGS_ERR_ID_LINE_BREAK,
        EventError::NulInId => TIDINGS_ERR_ID_NUL,
        EventError::LineBreakInEvent => TIDINGS_ERR_EVENT_LINE_BREAK,
        _ => TIDINGS_ERR_OTHER,
    }
}

fn of_decode(error: DecodeError) -> tidings_status {
    match error {
        DecodeError::EventTooLarge { .. } => TIDINGS_ERR_EVENT_TOO_LARGE,
        DecodeError::CommentTooLarge { .. } => TIDINGS_ERR_COMMENT_TOO_LARGE,
        _ => TIDINGS_ERR_OTHER,
    }
}

fn of_options(error: &OptionsError) -> tidings_status {
    match error {
        OptionsError::TooManyClasses => TIDINGS_ERR_TOO_MANY_CLASSES,
        OptionsError::ClassPattern { .. } => TIDINGS_ERR_CLASS_PATTERN,
        OptionsError::ClassTooSmall { .. } => TIDINGS_ERR_CLASS_TOO_SMALL,
        OptionsError::DefaultClassLatest => TIDINGS_ERR_DEFAULT_CLASS_LATEST,
        OptionsError::ZeroInterval => TIDINGS_ERR_ZERO_INTERVAL,
        OptionsError::ControlName => TIDINGS_ERR_CONTROL_NAME,
        OptionsError::ControlJson => TIDINGS_ERR_CONTROL_JSON,
        OptionsError::TooManyConnections => TIDINGS_ERR_LIMIT_CONNECTIONS,
        OptionsError::EventTooLarge => TIDINGS_ERR_LIMIT_EVENT_BYTES,
        _ => TIDINGS_ERR_OTHER,
    }
}

fn of_open(error: OpenError) -> tidings_status {
    match error {
        OpenError::StayAway => TIDINGS_ERR_STAY_AWAY,
        OpenError::Draining => TIDINGS_ERR_DRAINING,
        OpenError::TooManyConnections { .. } => TIDINGS_ERR_TOO_MANY_CONNECTIONS,
        OpenError::TooManyUserConnections { .. } => TIDINGS_ERR_TOO_MANY_USER_CONNECTIONS,
        OpenError::SupersededTooSoon { .. } => TIDINGS_ERR_SUPERSEDED_TOO_SOON,
        OpenError::TooManyTopics { .. } => TIDINGS_ERR_TOO_MANY_TOPICS,
        OpenError::TooManyGrants { .. } => TIDINGS_ERR_TOO_MANY_GRANTS,
        OpenError::Topic { .. } => TIDINGS_ERR_INVALID_TOPIC,
        OpenError::Grant { .. } => TIDINGS_ERR_INVALID_GRANT,
        OpenError::User(_) => TIDINGS_ERR_INVALID_USER,
        OpenError::Tab(_) => TIDINGS_ERR_INVALID_TAB,
        OpenError::TabTooShort => TIDINGS_ERR_TAB_TOO_SHORT,
        OpenError::Expired => TIDINGS_ERR_EXPIRED,
        OpenError::PreambleTooLong { .. } => TIDINGS_ERR_PREAMBLE_TOO_LONG,
        _ => TIDINGS_ERR_OTHER,
    }
}

/// `name` and `many` say what the names are names of.
fn of_subscribe(
    error: SubscribeError,
    name: tidings_status,
    many: tidings_status,
) -> tidings_status {
    match error {
        SubscribeError::NotFound => TIDINGS_ERR_NOT_FOUND,
        SubscribeError::Name(_) => name,
        SubscribeError::TooMany { .. } => many,
        SubscribeError::Expired => TIDINGS_ERR_EXPIRED,
        _ => TIDINGS_ERR_OTHER,
    }
}

fn of_publish(error: PublishError) -> tidings_status {
    match error {
        PublishError::NoTopic => TIDINGS_ERR_NO_TOPIC,
        PublishError::TooManyTopics { .. } => TIDINGS_ERR_TOO_MANY_TOPICS,
        PublishError::Topic { .. } => TIDINGS_ERR_INVALID_TOPIC,
        PublishError::User(_) => TIDINGS_ERR_INVALID_USER,
        PublishError::NoData => TIDINGS_ERR_NO_DATA,
        PublishError::ReservedEvent => TIDINGS_ERR_RESERVED_EVENT,
        PublishError::EventTooLong { .. } => TIDINGS_ERR_EVENT_TOO_LONG,
        PublishError::IdLength { .. } => TIDINGS_ERR_ID_LENGTH,
        PublishError::IdControlCharacter => TIDINGS_ERR_ID_CONTROL_CHARACTER,
        PublishError::IdReserved => TIDINGS_ERR_ID_RESERVED,
        PublishError::LatestNotAlone => TIDINGS_ERR_LATEST_NOT_ALONE,
        PublishError::BatchTooLarge => TIDINGS_ERR_BATCH_TOO_LARGE,
        PublishError::Full => TIDINGS_ERR_FULL,
        PublishError::Draining => TIDINGS_ERR_DRAINING,
        _ => TIDINGS_ERR_OTHER,
    }
}

fn of_client(error: ClientError) -> tidings_status {
    match error {
        ClientError::Closed => TIDINGS_ERR_CLIENT_CLOSED,
        ClientError::ConnectTimeout => TIDINGS_ERR_CONNECT_TIMEOUT,
        ClientError::IdleTimeout => TIDINGS_ERR_IDLE_TIMEOUT,
        ClientError::NoContent => TIDINGS_ERR_NO_CONTENT,
        ClientError::Status(_) => TIDINGS_ERR_HTTP_STATUS,
        ClientError::ContentType => TIDINGS_ERR_CONTENT_TYPE,
        ClientError::Decode(error) => of_decode(error),
        ClientError::Attempts { .. } => TIDINGS_ERR_ATTEMPTS,
        _ => TIDINGS_ERR_OTHER,
    }
}
