//! `POST /publish`: from JSON to events, and from their numbers to JSON.
//!
//! It does not know how it was found out who publishes.

use super::body::{invalid, read_json};
use super::client::Client;
use super::error::ApiError;
use super::identity::{Access, Identity};
use super::limits::Publisher;
use super::object::Object;
use super::{Context, Counted};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::{Request, Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::net::IpAddr;
use tidings_core::{
    Audience, ConnectionId, Event, Message, Publish, PublishError, Published, Rules,
};

/// One event, as it is published.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventBody<'a> {
    #[serde(borrow)]
    topics: Option<Vec<Cow<'a, str>>>,
    user: Option<Cow<'a, str>>,
    #[serde(default)]
    everyone: bool,
    connection: Option<Cow<'a, str>>,
    event: Option<Cow<'a, str>>,
    data: Option<&'a RawValue>,
    id: Option<Cow<'a, str>>,
    retry: Option<u64>,
    #[serde(default)]
    private: bool,
    except: Option<Cow<'a, str>>,
}

/// What became of it.
#[derive(Serialize)]
pub(super) struct Answer {
    id: String,
    recipients: usize,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

pub(super) async fn publish(
    request: Request<Incoming>,
    context: &Context,
    client: &Client,
    identity: &Identity,
) -> Result<Response<Full<Bytes>>, ApiError> {
    check(context, identity)?;
    let body = read_json(request, context).await?;
    let is_array = body.trim_ascii_start().starts_with(b"[");
    let messages = parse_body(&body, context.hub.rules(), &identity.access)?;
    let answers = publish_all(context, client.address, identity, messages).await?;
    let json = match &*answers {
        [answer] if !is_array => serde_json::to_vec(answer),
        answers => serde_json::to_vec(answers),
    };
    let json = json.map_err(|error| ApiError::bad("internal", error.to_string()))?;
    let response = Response::builder().header(CONTENT_TYPE, "application/json");
    Ok(response.body(Full::from(json)).unwrap_or_default())
}

/// Whether anything at all may be published by whoever asks.
pub(super) fn check(context: &Context, identity: &Identity) -> Result<(), ApiError> {
    if identity.access.may_publish() {
        return Ok(());
    }
    Err(ApiError::forbidden(match context.auth {
        Some(_) => "nothing may be published by whoever asks",
        None => "publishing needs authentication, or --allow-anonymous-publish",
    }))
}

/// Publishes as fast as whoever asks, from there, may.
pub(super) async fn publish_all(
    context: &Context,
    address: IpAddr,
    identity: &Identity,
    messages: Vec<Message>,
) -> Result<Vec<Answer>, ApiError> {
    if let Some(publisher) = publisher(identity, address) {
        context.limits().publish(&publisher, messages.len())?;
    }
    let ids: Vec<_> = messages
        .iter()
        .map(|message| message.id().map(str::to_owned))
        .collect();
    // The answer is written in the turn in which this is dropped.
    let _owed = Counted::new(&context.owed);
    let published = context.hub.publish_all(messages).await?;
    Ok(ids.into_iter().zip(published).map(Answer::new).collect())
}

/// Who publishes, as far as that is limited: application servers may as much as they like.
fn publisher(identity: &Identity, address: IpAddr) -> Option<Publisher> {
    match (&identity.user, &identity.server) {
        (Some(user), _) => Some(Publisher::User(user.clone())),
        (None, Some(_)) => None,
        (None, None) => Some(Publisher::Address(address)),
    }
}

/// Reads one event, or an array of them, checked and encoded, of someone with this access.
///
/// # Errors
/// What is wrong, with the field or the position in the text; in an array, with the number of the
/// event.
pub fn parse_body(body: &[u8], rules: &Rules, access: &Access) -> Result<Vec<Message>, ApiError> {
    let text = std::str::from_utf8(body).map_err(|error| {
        ApiError::bad("invalid_json", format!("the body is not UTF-8: {error}"))
    })?;
    if !text.trim_ascii_start().starts_with('[') {
        let event = serde_json::from_str::<EventBody<'_>>(text).map_err(invalid)?;
        return Ok(vec![event.message(rules, access)?]);
    }
    let events = serde_json::from_str::<Vec<Object<EventBody<'_>>>>(text).map_err(|error| {
        let refused = invalid(error);
        match first_invalid(text) {
            Some(number) => refused.within(format_args!("event {number}")),
            None => refused,
        }
    })?;
    let numbered = events.into_iter().enumerate();
    numbered
        .map(|(number, Object(event))| {
            event
                .message(rules, access)
                .map_err(|error| error.within(format_args!("event {number}")))
        })
        .collect()
}

/// Which event of an array is none. The array itself may be what is broken.
fn first_invalid(text: &str) -> Option<usize> {
    let events = serde_json::from_str::<Vec<&RawValue>>(text).ok()?;
    let is_invalid =
        |event: &&RawValue| serde_json::from_str::<Object<EventBody<'_>>>(event.get()).is_err();
    events.iter().position(is_invalid)
}

impl EventBody<'_> {
    fn message(&self, rules: &Rules, access: &Access) -> Result<Message, ApiError> {
        let except = self.except.as_deref();
        let except = except.map(|id| connection("except", id)).transpose()?;
        self.message_except(except, rules, access)
    }

    /// Whether it says who is not to hear of it.
    #[cfg(feature = "websocket")]
    pub(super) const fn has_except(&self) -> bool {
        self.except.is_some()
    }

    /// The event, checked and encoded, for all but this connection.
    pub(super) fn message_except(
        &self,
        except: Option<ConnectionId>,
        rules: &Rules,
        access: &Access,
    ) -> Result<Message, ApiError> {
        let topics: Vec<&str> = self.topics.iter().flatten().map(AsRef::as_ref).collect();
        let data = self.data.map(text).transpose()?;
        let mut event = Event::new();
        if let Some(data) = &data {
            event = event.with_data(data);
        }
        if let Some(name) = &self.event {
            let named = event.with_event(name);
            event = named.map_err(|error| ApiError::bad("invalid_event", error.to_string()))?;
        }
        if let Some(id) = &self.id {
            let identified = event.with_id(id);
            event = identified.map_err(|error| ApiError::bad("invalid_id", error.to_string()))?;
        }
        if let Some(retry) = self.retry {
            event = event.with_retry(retry);
        }
        let audience = self.audience(&topics)?;
        let publish = Publish {
            audience,
            event,
            private: self.private,
            except,
        };
        access.check_publish(&publish)?;
        rules
            .message(&publish)
            .map_err(|error| ApiError::from(error).within(field(error)))
    }

    /// Whom it is for: exactly one of the ways to say so.
    fn audience<'b>(&'b self, topics: &'b [&'b str]) -> Result<Audience<'b>, ApiError> {
        let has_topics = self.topics.is_some();
        let audience = match (has_topics, &self.user, self.everyone, &self.connection) {
            (true, None, false, None) => Audience::Topics(topics),
            (true, Some(user), false, None) => Audience::UserInTopics { user, topics },
            (false, Some(user), false, None) => Audience::User(user),
            (false, None, true, None) => Audience::Everyone,
            (false, None, false, Some(id)) => Audience::Connection(connection("connection", id)?),
            _ => {
                let message = "name exactly one of topics, user, everyone and connection; \
                     topics and user together are that user's streams among the topics";
                return Err(ApiError::bad("invalid_audience", message));
            }
        };
        Ok(audience)
    }
}

/// The field of a publish that an error is about.
fn field(error: PublishError) -> &'static str {
    match error {
        PublishError::NoTopic
        | PublishError::TooManyTopics { .. }
        | PublishError::Topic { .. }
        | PublishError::LatestNotAlone => "topics",
        PublishError::User(_) => "user",
        PublishError::ReservedEvent => "event",
        PublishError::IdLength { .. }
        | PublishError::IdControlCharacter
        | PublishError::IdReserved => "id",
        _ => "data",
    }
}

fn connection(field: &str, id: &str) -> Result<ConnectionId, ApiError> {
    id.parse().map_err(|_| {
        ApiError::bad(
            "invalid_connection",
            format!("{field}: {id:?} is not a connection id"),
        )
    })
}

/// Data is a text as it is, and any other JSON as it was written.
fn text(data: &RawValue) -> Result<Cow<'_, str>, ApiError> {
    if data.get().starts_with('"') {
        serde_json::from_str(data.get())
            .map(Cow::Owned)
            .map_err(|error| invalid(error).within("data"))
    } else {
        Ok(Cow::Borrowed(data.get()))
    }
}

impl Answer {
    fn new((id, published): (Option<String>, Published)) -> Self {
        Self {
            id: id.unwrap_or_else(|| published.cursor.to_string()),
            recipients: published.recipients,
            duplicate: published.duplicate,
        }
    }
}
