//! `POST /connections/{id}/token` and `POST /connections/{id}/topics`: what the owner of a live stream
//! changes about it.
//!
//! It does not know how it was found out who asks. To know the id of a stream gives no right to it: it
//! is of the user who opened it, or, without a user, of whoever knows its tab.

use super::Context;
use super::body::{check_empty, invalid, read_json};
use super::error::ApiError;
use super::identity::{Access, Credential, Identity};
use super::object::Object;
use super::reply;
use super::sessions::{NotChanged, Session, TabKey, Topics};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tidings_core::{ConnectionId, Rules, SubscribeError};

/// What a live stream has of a new token: see [`Ask::renew`](super::Ask::renew). As JSON it is what
/// `POST /connections/{id}/token` answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[non_exhaustive]
pub struct Renewed {
    /// Which stream.
    #[serde(skip)]
    pub connection: ConnectionId,
    /// When it ends now, Unix time in milliseconds.
    pub expires_ms: Option<u64>,
    /// The topics and patterns that it still has.
    pub topics: Vec<String>,
    /// Those that the token does not allow, and that it has no more.
    pub dropped: Vec<String>,
}

/// Lets a stream go on with the token of this request in place of the one it has.
pub(super) async fn renew(
    request: &Request<Incoming>,
    context: &Context,
    identity: Identity,
    began: u64,
    id: &str,
) -> Result<Renewed, ApiError> {
    check_empty(request)?;
    if !matches!(identity.credential, Credential::Header | Credential::Cookie) {
        let message = "send the new token in the header Authorization, or in the cookie for it";
        return Err(ApiError::unauthorized("unauthenticated", message));
    }
    let (connection, _) = owned(context, &identity, id)?;
    go_on(context, connection, identity, began).await
}

/// Lets a stream go on with another identity of its owner's.
pub(super) async fn go_on(
    context: &Context,
    connection: ConnectionId,
    identity: Identity,
    began: u64,
) -> Result<Renewed, ApiError> {
    let sessions = context.sessions.clone();
    // No other event of the hub comes between.
    let renewed = context.hub.ask_for(connection, move |hub, now| {
        let mut state = sessions.lock();
        state.check(began, &identity)?;
        let Identity {
            access, expires_ms, ..
        } = &identity;
        let grants = crate::hub::texts(&access.grants);
        let allowed = |topic: &str| access.may_subscribe(topic);
        let dropped = hub.reauthorize(now, connection, *expires_ms, &grants, allowed)?;
        state.renewed(connection, &identity);
        Ok::<_, ApiError>(Renewed {
            connection,
            expires_ms: *expires_ms,
            topics: hub.topics_of(connection).map(str::to_owned).collect(),
            dropped,
        })
    });
    let mut renewed = renewed.await.unwrap_or(Err(not_found()))?;
    renewed.topics.sort_unstable();
    renewed.dropped.sort_unstable();
    Ok(renewed)
}

/// What is to be changed about the topics of a stream.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
    /// The tab of a stream without a user, which is the secret of whoever opened it.
    tab: Option<String>,
}

/// Adds topics to a stream and removes others, and remembers it for when the tab comes back.
pub(super) async fn change_topics(
    request: Request<Incoming>,
    context: &Context,
    identity: Identity,
    began: u64,
    id: &str,
) -> Result<Response<Full<Bytes>>, ApiError> {
    let body = read_json(request, context).await?;
    let Object(change) = serde_json::from_slice::<Object<Change>>(&body).map_err(invalid)?;
    let (connection, tab) = changeable(context, &identity, id, change.tab.as_deref())?;
    change.check(context.hub.rules(), &identity.access)?;
    let topics = self::change(context, connection, Some(tab), change, identity, began).await?;
    Ok(reply::json(&json!({ "topics": topics })))
}

/// Changes the topics of a stream, and remembers it for its tab, where it has one.
pub(super) async fn change(
    context: &Context,
    connection: ConnectionId,
    tab: Option<TabKey>,
    change: Change,
    identity: Identity,
    began: u64,
) -> Result<Topics, ApiError> {
    let sessions = context.sessions.clone();
    let changed = context.hub.ask_for(connection, move |hub, _| {
        let mut state = sessions.lock();
        state.check(began, &identity)?;
        let Change { add, remove, .. } = change;
        let changed = state.change_topics(hub, connection, tab.as_ref(), &add, &remove);
        changed.map_err(ApiError::from)
    });
    changed.await.unwrap_or(Err(not_found()))
}

impl Change {
    #[cfg(feature = "websocket")]
    pub(super) const fn new(add: Vec<String>, remove: Vec<String>) -> Self {
        let tab = None;
        Self { add, remove, tab }
    }

    /// Whether all of it can be and may be.
    pub(super) fn check(&self, rules: &Rules, access: &Access) -> Result<(), ApiError> {
        let limit = rules.limits().topics_per_connection;
        for (field, topics) in [("add", &self.add), ("remove", &self.remove)] {
            if topics.len() > limit {
                return Err(SubscribeError::TooMany { limit }.into());
            }
            for topic in topics {
                let checked = rules.check_pattern(topic);
                checked.map_err(|error| {
                    let message = format!("{field}: {topic:?}: {error}");
                    ApiError::bad("invalid_topic", message)
                })?;
            }
        }
        if let Some(both) = self.add.iter().find(|topic| self.remove.contains(topic)) {
            let message = format!("{both:?} is to be added and removed");
            return Err(ApiError::bad("contradictory_topic", message));
        }
        access.check_subscribe(&self.add)
    }
}

/// The stream of this id, if whoever asks has opened it.
///
/// # Errors
/// Those who own nothing are told nothing.
fn owned(
    context: &Context,
    identity: &Identity,
    id: &str,
) -> Result<(ConnectionId, Session), ApiError> {
    if identity.user.is_none() {
        return Err(not_yours());
    }
    let (connection, session) = find(context, id)?;
    check_owner(&session, identity)?;
    Ok((connection, session))
}

/// Whether a stream is the user's who asks.
pub(super) fn check_owner(session: &Session, identity: &Identity) -> Result<(), ApiError> {
    let is_owner = identity.user.is_some() && session.user() == identity.user.as_deref();
    is_owner.then_some(()).ok_or_else(not_yours)
}

/// The stream of this id and the name its changes are kept under, if whoever asks may change it.
fn changeable(
    context: &Context,
    identity: &Identity,
    id: &str,
    tab: Option<&str>,
) -> Result<(ConnectionId, TabKey), ApiError> {
    let (connection, session) = if identity.access.admin {
        find(context, id)?
    } else if let Some(tab) = tab {
        let found = find(context, id).map_err(|_| not_yours())?;
        let is_owner = found.1.user() == identity.user.as_deref() && found.1.tab() == Some(tab);
        is_owner.then_some(found).ok_or_else(not_yours)?
    } else {
        owned(context, identity, id)?
    };
    let tab = session.tab_key().ok_or_else(|| {
        let message = "the stream was opened without tab, under which its topics would be kept";
        ApiError::new(StatusCode::CONFLICT, "tab_needed", message)
    })?;
    Ok((connection, tab))
}

/// The live stream of this id.
pub(super) fn find(context: &Context, id: &str) -> Result<(ConnectionId, Session), ApiError> {
    let connection = id.parse().map_err(|_| not_found())?;
    let state = context.sessions.lock();
    let session = state.session(connection).cloned().ok_or_else(not_found)?;
    Ok((connection, session))
}

pub(super) fn not_found() -> ApiError {
    let message = "there is no such stream; it may have closed";
    ApiError::new(StatusCode::NOT_FOUND, "connection_not_found", message)
}

fn not_yours() -> ApiError {
    ApiError::forbidden("the stream is not yours")
}

impl From<SubscribeError> for ApiError {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::NotFound => not_found(),
            SubscribeError::Expired => {
                Self::unauthorized("invalid_token", error.to_string()).challenging("invalid_token")
            }
            SubscribeError::TooMany { limit } => {
                let message = format!("at most {limit} of them on a connection");
                Self::bad("too_many_topics", message)
            }
            _ => Self::bad("invalid_topic", error.to_string()),
        }
    }
}

impl From<NotChanged> for ApiError {
    fn from(error: NotChanged) -> Self {
        match error {
            NotChanged::Refused(error) => error.into(),
            NotChanged::Full => Self::unavailable(
                "too_many_changes",
                "there is no room to remember the change for when the tab comes back; try later",
            ),
        }
    }
}
