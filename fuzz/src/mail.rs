//! One event on its way into a hub, with its audience as text.
//!
//! It does not know what the hub makes of it. It writes its frame itself, line by line, so that the
//! encoder has something to be compared with.

use crate::frames::message;
use serde_json::Value;
use std::fmt::Write as _;
use tidings_core::{Audience, ConnectionId, Encoding, Event, Publish};

/// Whom a mail is for, by name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// The subscribers of at least one of the topics.
    Topics(Vec<String>),
    /// The user's connections among the subscribers of the topics.
    UserInTopics(String, Vec<String>),
    /// Every connection of the user.
    User(String),
    /// Every connection.
    Everyone,
    /// One connection.
    Connection(ConnectionId),
}

/// What is published, and for whom.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mail {
    /// Whom it is for.
    pub address: Address,
    /// Only for connections with a grant that matches.
    pub private: bool,
    /// The connection that does not want it.
    pub except: Option<ConnectionId>,
    /// The publisher's own id.
    pub id: Option<String>,
    /// The event type; none is `message`.
    pub kind: Option<String>,
    /// How long a client is to wait before it reconnects.
    pub retry_ms: Option<u64>,
    /// The data; an event without it is refused.
    pub data: Option<String>,
}

impl Address {
    /// The topics, if it names any.
    #[must_use]
    pub fn topics(&self) -> &[String] {
        match self {
            Self::Topics(topics) | Self::UserInTopics(_, topics) => topics,
            Self::User(_) | Self::Everyone | Self::Connection(_) => &[],
        }
    }

    /// The user, if it names one.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match self {
            Self::UserInTopics(user, _) | Self::User(user) => Some(user),
            Self::Topics(_) | Self::Everyone | Self::Connection(_) => None,
        }
    }
}

impl Mail {
    /// A mail of plain data to an address.
    #[must_use]
    pub fn to(address: Address, data: impl Into<String>) -> Self {
        Self {
            address,
            private: false,
            except: None,
            id: None,
            kind: None,
            retry_ms: None,
            data: Some(data.into()),
        }
    }

    /// Hands `publish` what the hub takes.
    ///
    /// # Panics
    /// Where an id or a type cannot stand in an event at all; no operation makes such.
    pub fn with<R>(&self, publish: impl FnOnce(&Publish<'_>) -> R) -> R {
        let topics: Vec<&str> = self.address.topics().iter().map(String::as_str).collect();
        let audience = match &self.address {
            Address::Topics(_) => Audience::Topics(&topics),
            Address::UserInTopics(user, _) => Audience::UserInTopics {
                user,
                topics: &topics,
            },
            Address::User(user) => Audience::User(user),
            Address::Everyone => Audience::Everyone,
            Address::Connection(id) => Audience::Connection(*id),
        };
        let mut event = Event::new();
        if let Some(id) = &self.id {
            event = event.with_id(id).expect("an id without line breaks");
        }
        if let Some(kind) = &self.kind {
            event = event.with_event(kind).expect("a type without line breaks");
        }
        if let Some(ms) = self.retry_ms {
            event = event.with_retry(ms);
        }
        if let Some(data) = &self.data {
            event = event.with_data(data);
        }
        publish(&Publish {
            audience,
            event,
            private: self.private,
            except: self.except,
        })
    }

    /// The bytes on the wire under this id.
    #[must_use]
    pub fn written(&self, id: &str, encoding: Encoding) -> Vec<u8> {
        match encoding {
            Encoding::EventStream => format!("id: {id}\n{}", self.body()).into_bytes(),
            Encoding::WebSocket => message(&self.json(id)),
        }
    }

    /// What a message says of it.
    fn json(&self, id: &str) -> String {
        let text = |text: &str| Value::from(text).to_string();
        let kind = self.kind.as_deref().filter(|kind| !kind.is_empty());
        let topic = self.address.topics().iter().min();
        let retry = self.retry_ms.map(|ms| format!(r#","retry":{ms}"#));
        format!(
            r#"{{"id":{},"event":{},"data":{},"topic":{}{}}}"#,
            text(id),
            text(kind.unwrap_or("message")),
            text(self.data.as_deref().unwrap_or_default()),
            topic.map_or_else(|| "null".into(), |topic| text(topic)),
            retry.unwrap_or_default()
        )
    }

    /// The frame but for its id line.
    #[must_use]
    pub fn body(&self) -> String {
        let mut body = String::new();
        let mut line = |name: &str, value: &str| {
            writeln!(body, "{name}: {value}").expect("a string takes all");
        };
        if let Some(kind) = &self.kind {
            line("event", kind);
        }
        if let Some(ms) = self.retry_ms {
            line("retry", &ms.to_string());
        }
        for part in self.data.as_deref().unwrap_or_default().split('\n') {
            line("data", part);
        }
        body.push('\n');
        body
    }
}
