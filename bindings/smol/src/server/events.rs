//! `GET /events`: from a query to a stream.
//!
//! It does not know how streams are driven.

use super::Context;
use super::body::check_empty;
use super::client::Client;
use super::error::ApiError;
use super::identity::Identity;
use super::notes::Opening;
use super::sessions::{Asking, Named, Session, TabKey, Topics};
use crate::driver::Clock;
use crate::http::Answer;
use crate::stream::StreamOptions;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Version};
use std::sync::Arc;
use tidings_core::ConnectionId;

pub(super) async fn events(
    request: Request<Incoming>,
    context: &Context,
    client: &Client,
    identity: Identity,
    asking: &Asking,
) -> Result<Answer<Full<Bytes>>, ApiError> {
    check_empty(&request)?;
    let cors = context.cors.headers(request.headers());
    let asked = StreamOptions::for_request_with(&request, cors);
    let query = parse_query(request.uri().query().unwrap_or_default())?;
    if context.auth.is_some() && query.user.is_some() {
        let message = "user is for servers without authentication; here the token says who reads";
        return Err(ApiError::bad("unexpected_user", message));
    }
    identity.access.check_subscribe(&query.topics)?;
    let user = identity.user.clone().or(query.user);
    if let Some(user) = &user {
        context.limits().open_by_user(user)?;
    }
    let place = context.limits().stream(client.address)?;
    let named = Named {
        user: user.as_deref().map(Arc::from),
        tab: query.tab.as_deref().map(Box::from),
        token_id: identity.token_id.as_deref().map(Arc::from),
        expires_ms: identity.expires_ms,
    };
    let session = Session::new(named, client.address, Clock::unix_ms());
    let changes = TabChanges::new(context, &session, &identity, &query.topics);
    let open = context.metrics.open(transport(request.version()));
    let (on_open, on_close) = context.sessions.watch(session, move |connection, closed| {
        // The place is kept as long as the stream.
        let _kept = &place;
        open.note_closed(connection, closed);
    });
    let options = StreamOptions {
        user,
        topics: changes.topics(query.topics),
        grants: identity.access.grants.clone(),
        expires_ms: identity.expires_ms,
        last_event_id: asked.last_event_id.or(query.last_event_id),
        head: asked.head,
        headers: asked.headers,
        on_open: Some(on_open),
        on_close: Some(on_close),
        ..query
    };
    let opening = Opening::new(&options, client.address);
    let stream = context.hub.open(options).await?;
    // Dropped, the stream of someone who was shut out meanwhile is closed.
    asking.check(&identity)?;
    changes
        .settle(context, stream.connection(), &identity)
        .await;
    context.note_opened(stream.connection(), &opening);
    Ok(Answer::Stream(stream))
}

/// What the tab of a new stream has changed about its topics before.
struct TabChanges(Option<(TabKey, Topics, Topics)>);

impl TabChanges {
    fn new(context: &Context, session: &Session, identity: &Identity, query: &[String]) -> Self {
        let Some(tab) = session.tab_key() else {
            return Self(None);
        };
        let query: Topics = query.iter().map(|topic| Box::from(&**topic)).collect();
        let topics = changed(context, &tab, &query, identity);
        Self(Some((tab, query, topics)))
    }

    /// The topics of the stream, which asks for these, in that order where nothing has changed.
    fn topics(&self, asked: Vec<String>) -> Vec<String> {
        match &self.0 {
            Some((_, query, topics)) if query != topics => {
                topics.iter().map(|topic| String::from(&**topic)).collect()
            }
            _ => asked,
        }
    }

    /// The stream is the newest of its tab now, and the tab can change nothing by an older one any
    /// more: what it has changed while this one was opened is done here.
    async fn settle(self, context: &Context, connection: ConnectionId, identity: &Identity) {
        let Some((tab, query, topics)) = self.0 else {
            return;
        };
        let wanted = changed(context, &tab, &query, identity);
        let only = |these: &Topics, those: &Topics| -> Vec<String> {
            let only = these.difference(those);
            only.map(|topic| String::from(&**topic)).collect()
        };
        if wanted != topics {
            let (add, remove) = (only(&wanted, &topics), only(&topics, &wanted));
            let change = context.hub.change_topics(connection, add, remove);
            // It can have closed again.
            let _ = change.await;
        }
        context.sessions.lock().rebase(&tab, query, wanted);
    }
}

/// The topics of a tab that asks for `query`, with its changes.
fn changed(context: &Context, tab: &TabKey, query: &Topics, identity: &Identity) -> Topics {
    let allowed = |topic: &str| identity.access.may_subscribe(topic);
    let changed = context.sessions.lock().topics_for(tab, query, allowed);
    changed.unwrap_or_else(|| query.clone())
}

/// What carries a stream, as metrics call it.
const fn transport(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "http2",
        _ => "http1",
    }
}

/// Reads the query of a request for a stream: `topic` any number of times, `user`, `tab`,
/// `last_event_id`, `heartbeat=comment`, and `soft=1`, which says how to refuse it.
///
/// # Errors
/// A parameter that there is not, or that is given twice: it is named, for a typing error would
/// otherwise be a stream on which nothing ever comes.
pub fn parse_query(query: &str) -> Result<StreamOptions, ApiError> {
    let mut options = StreamOptions::default();
    let (mut heartbeat, mut soft) = (None, None);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = value.into_owned();
        let place = match &*name {
            "topic" => {
                options.topics.push(value);
                continue;
            }
            "user" => &mut options.user,
            "tab" => &mut options.tab,
            "last_event_id" => &mut options.last_event_id,
            "heartbeat" => &mut heartbeat,
            "soft" => &mut soft,
            other => {
                let message = format!(
                    "there is no parameter {other:?}; there are topic (any number of times), \
                     user, tab, last_event_id, heartbeat and soft"
                );
                return Err(ApiError::bad("unknown_parameter", message));
            }
        };
        if place.replace(value).is_some() {
            return Err(ApiError::bad(
                "repeated_parameter",
                format!("{name} is given twice"),
            ));
        }
    }
    if soft.is_some_and(|soft| soft != "1") {
        return Err(ApiError::bad("invalid_soft", "soft is `1`, or not there"));
    }
    options.comment_heartbeats = match heartbeat.as_deref() {
        None | Some("event") => false,
        Some("comment") => true,
        Some(_) => {
            return Err(ApiError::bad(
                "invalid_heartbeat",
                "heartbeat is `event` or `comment`",
            ));
        }
    };
    Ok(options)
}
