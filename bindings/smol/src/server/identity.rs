//! Who asks, and what they may do.
//!
//! It does not know how that was found out.

use super::error::ApiError;
use serde::{Deserialize, Serialize};
use tidings_core::{Audience, Publish, pattern_matches};

/// Who asks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Identity {
    /// The user; none for those who are nobody in particular, such as a server that publishes.
    pub user: Option<String>,
    /// What they may do.
    pub access: Access,
    /// When this ends, Unix time in milliseconds.
    pub expires_ms: Option<u64>,
    /// The token that says so, by its own name (`jti`).
    pub token_id: Option<String>,
}

/// What someone may do; by default nothing. The lists have names and patterns of topics.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// What may be subscribed to.
    pub subscribe: Vec<String>,
    /// Topics whose private events may be read, where they are subscribed to.
    pub grants: Vec<String>,
    /// Topics that may be published to.
    pub publish: Vec<String>,
    /// Topics that may be published to privately.
    pub publish_private: Vec<String>,
    /// Whether users, connections and everyone may be published to.
    pub publish_direct: bool,
    /// Whether the console may be looked at.
    pub console: bool,
    /// Whether metrics and statistics may be read.
    pub metrics: bool,
    /// Whether connections and topics may be listed, and connections closed and revoked.
    pub admin: bool,
}

/// A part of the server that not everyone may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Console,
    Metrics,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Console => "console",
            Self::Metrics => "metrics",
        }
    }
}

impl Access {
    /// For those who may do everything.
    #[must_use]
    pub fn everything() -> Self {
        let all = || vec!["**".to_owned()];
        Self {
            subscribe: all(),
            grants: all(),
            publish: all(),
            publish_private: all(),
            publish_direct: true,
            console: true,
            metrics: true,
            admin: true,
        }
    }

    /// For those who may read everything that is not private, and see how the server is.
    #[must_use]
    pub fn reading() -> Self {
        Self {
            subscribe: vec!["**".to_owned()],
            console: true,
            metrics: true,
            ..Self::default()
        }
    }

    /// Whether all of these topics and patterns may be subscribed to.
    ///
    /// # Errors
    /// The first that may not, by name: a stream is never narrowed without a word.
    pub(super) fn check_subscribe(&self, topics: &[String]) -> Result<(), ApiError> {
        match topics.iter().find(|topic| !covers(&self.subscribe, topic)) {
            Some(topic) => Err(ApiError::forbidden(format!(
                "{topic:?} may not be subscribed to"
            ))),
            None => Ok(()),
        }
    }

    /// Whether anything at all may be published.
    pub(super) const fn may_publish(&self) -> bool {
        self.publish_direct || !self.publish.is_empty() || !self.publish_private.is_empty()
    }

    /// Whether this may be published, to those it is for.
    ///
    /// # Errors
    /// The first topic to which it may not, by name.
    pub(super) fn check_publish(&self, publish: &Publish<'_>) -> Result<(), ApiError> {
        let allowed = if publish.private {
            &self.publish_private
        } else {
            &self.publish
        };
        let topics = match &publish.audience {
            Audience::Topic(topic) => std::slice::from_ref(topic),
            Audience::Topics(topics) | Audience::UserInTopics { topics, .. } => topics,
            _ if self.publish_direct => return Ok(()),
            _ => {
                let message = "only topics may be published to, not users, connections or everyone";
                return Err(ApiError::forbidden(message));
            }
        };
        match topics.iter().find(|topic| !covers(allowed, topic)) {
            Some(topic) => {
                let how = if publish.private { " privately" } else { "" };
                let message = format!("{topic:?} may not be published to{how}");
                Err(ApiError::forbidden(message))
            }
            None => Ok(()),
        }
    }

    /// Whether a part of the server may be used.
    ///
    /// # Errors
    /// That it may not.
    pub(super) fn check(&self, part: Part) -> Result<(), ApiError> {
        let allowed = match part {
            Part::Console => self.console,
            Part::Metrics => self.metrics,
        };
        if allowed {
            return Ok(());
        }
        let message = format!("this needs the permission {:?}", part.name());
        Err(ApiError::forbidden(message))
    }
}

fn covers(allowed: &[String], topic: &str) -> bool {
    allowed
        .iter()
        .any(|allowed| pattern_matches(allowed, topic))
}
