//! Who asks, and what they may do.
//!
//! It does not know how that was found out.

use super::error::ApiError;
use super::reply;
use http_body_util::Full;
use hyper::Response;
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tidings_core::{Audience, Publish, Rules, pattern_matches};

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
    /// The application server, by the name of its key.
    pub server: Option<String>,
    /// What it is known by.
    pub credential: Credential,
}

impl Identity {
    /// `GET /identity`: what whoever asks is told, which is not what they are known by. `authenticated`
    /// says whether others may do something else.
    pub(super) fn response(&self, authenticated: bool) -> Response<Full<Bytes>> {
        let mut response = reply::json(&json!({
            "user": self.user,
            "access": self.access,
            "expires_ms": self.expires_ms,
            "authentication": authenticated,
        }));
        let secret = HeaderValue::from_static("no-store");
        response.headers_mut().insert(CACHE_CONTROL, secret);
        response
    }
}

/// What it is known by who asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Credential {
    /// It is not known.
    #[default]
    None,
    /// A token or key in the header `Authorization`.
    Header,
    /// A token in a cookie. Browsers send it along with requests that other sites make, too.
    Cookie,
    /// A token in the query.
    Query,
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
    /// Whether the console shows anything: it is for everyone, and asks first what they may do.
    pub console: bool,
    /// Whether metrics and statistics may be read.
    pub metrics: bool,
    /// Whether connections and topics may be listed, and connections closed and revoked.
    pub admin: bool,
}

/// A part of the server that not everyone may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part {
    Metrics,
    Admin,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Admin => "admin",
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

    /// For application servers, which may publish everything to everyone.
    #[must_use]
    pub fn publishing() -> Self {
        let all = || vec!["**".to_owned()];
        Self {
            publish: all(),
            publish_private: all(),
            publish_direct: true,
            ..Self::default()
        }
    }

    /// Whether the lists are no longer than what a connection may have, and all in them are names
    /// or patterns.
    ///
    /// # Errors
    /// The first list or name that is not, and why.
    pub fn check_names(&self, rules: &Rules) -> Result<(), String> {
        let limits = rules.limits();
        let topics = limits.topics_per_connection;
        let lists = [
            ("subscribe", &self.subscribe, topics),
            ("grants", &self.grants, limits.grants_per_connection),
            ("publish", &self.publish, topics),
            ("publish_private", &self.publish_private, topics),
        ];
        for (list, names, limit) in lists {
            if names.len() > limit {
                return Err(format!("{list} has more than {limit} names"));
            }
            for name in names {
                let checked = rules.check_pattern(name);
                checked.map_err(|error| format!("{list}: {name:?}: {error}"))?;
            }
        }
        Ok(())
    }

    /// Whether all of these topics and patterns may be subscribed to.
    ///
    /// # Errors
    /// The first that may not, by name: a stream is never narrowed without a word.
    pub(super) fn check_subscribe(&self, topics: &[String]) -> Result<(), ApiError> {
        match topics.iter().find(|topic| !self.may_subscribe(topic)) {
            Some(topic) => Err(ApiError::forbidden(format!(
                "{topic:?} may not be subscribed to"
            ))),
            None => Ok(()),
        }
    }

    /// Whether this topic, or all that this pattern matches, may be subscribed to.
    pub(super) fn may_subscribe(&self, topic: &str) -> bool {
        covers(&self.subscribe, topic)
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
            Part::Metrics => self.metrics,
            Part::Admin => self.admin,
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
