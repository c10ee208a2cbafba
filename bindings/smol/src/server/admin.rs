//! What those who look after the server see and do: its streams and topics, and whom it shuts out.
//!
//! It does not know who may. A request looks at a bounded number of streams, and every turn of a
//! driver at a small part of them: a page may be shorter than was asked for, and `next` says whether
//! there is more.

mod query;
mod revoke;

pub(super) use revoke::revoke;

use super::Context;
use super::error::ApiError;
use super::live::{find, not_found};
use super::reply;
use super::sessions::Session;
use crate::hub::Stopped;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Response, StatusCode};
use query::Query;
use serde_json::{Value, json};
use tidings_core::{ConnectionId, Hub, pattern_matches};

/// Streams that one request looks at.
const STREAMS: usize = 20_000;

/// Streams looked at in one turn of a driver.
const STREAMS_PER_TURN: usize = 256;

/// Topics looked at in one turn of a driver; of the last stream, all.
const TOPICS_PER_TURN: usize = 4_096;

/// Topics on one page of streams; of the last stream, all.
const TOPICS_PER_PAGE: usize = 10_000;

/// `GET /connections`: the live streams, page by page, of all or of a user, or that get a topic.
pub(super) async fn connections(
    context: &Context,
    query: &str,
) -> Result<Response<Full<Bytes>>, ApiError> {
    let query = Query::parse(query, &["after", "limit", "user", "topic"])?;
    let mut page = Page {
        after: query.connection()?,
        found: Vec::new(),
        topics: 0,
    };
    let mut left = STREAMS;
    let more = loop {
        let count = STREAMS_PER_TURN.min(left);
        let streams = context
            .sessions
            .lock()
            .page(query.user(), page.after, count);
        if streams.is_empty() {
            break false;
        }
        left -= streams.len();
        page.look_at(context, &streams, &query).await?;
        if left == 0 || page.is_full(query.limit) {
            break true;
        }
    };
    let next = more.then(|| page.after.to_string());
    Ok(reply::json(
        &json!({ "connections": page.found, "next": next }),
    ))
}

/// `GET /connections/{id}`.
pub(super) async fn connection(
    context: &Context,
    id: &str,
) -> Result<Response<Full<Bytes>>, ApiError> {
    let (connection, session) = find(context, id)?;
    let topics = topics_of(context, &[connection]).await?;
    let topics = topics.into_iter().flatten().next().ok_or_else(not_found)?;
    Ok(reply::json(&described(connection, &session, &topics)))
}

/// `DELETE /connections/{id}`: closes a stream. Its client may come back.
pub(super) async fn close(context: &Context, id: &str) -> Result<Response<Full<Bytes>>, ApiError> {
    let (connection, _) = find(context, id)?;
    if !context.hub.close(connection).await {
        return Err(not_found());
    }
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// `GET /topics`: the topics with a subscriber or an event, page by page.
pub(super) async fn topics(
    context: &Context,
    query: &str,
) -> Result<Response<Full<Bytes>>, ApiError> {
    let query = Query::parse(query, &["after", "limit"])?;
    let topics = context.hub.topics_after(query.after(), query.limit).await;
    let topics = topics.map_err(stopped)?;
    let last = topics.last().filter(|_| topics.len() == query.limit);
    let next = last.map(|topic| topic.name.clone());
    let topics: Vec<_> = topics
        .iter()
        .map(|topic| {
            json!({
                "topic": topic.name,
                "subscribers": topic.subscribers,
                "pattern_subscribers": topic.pattern_subscribers,
                "events": topic.events,
            })
        })
        .collect();
    Ok(reply::json(&json!({ "topics": topics, "next": next })))
}

/// A page of streams that is being filled.
struct Page {
    /// The last stream that was looked at.
    after: ConnectionId,
    found: Vec<Value>,
    topics: usize,
}

impl Page {
    fn is_full(&self, limit: usize) -> bool {
        self.found.len() >= limit || self.topics >= TOPICS_PER_PAGE
    }

    /// Takes those of these streams that are asked for, as long as there is room.
    async fn look_at(
        &mut self,
        context: &Context,
        streams: &[(ConnectionId, Session)],
        query: &Query,
    ) -> Result<(), ApiError> {
        let mut rest = streams;
        while !rest.is_empty() && !self.is_full(query.limit) {
            let ids: Vec<_> = rest.iter().map(|(id, _)| *id).collect();
            let topics = topics_of(context, &ids).await?;
            for ((id, session), topics) in rest.iter().zip(&topics) {
                self.after = *id;
                let topics = topics.as_ref().filter(|topics| query.takes(topics));
                if let Some(topics) = topics {
                    self.topics += topics.len();
                    self.found.push(described(*id, session, topics));
                }
                if self.is_full(query.limit) {
                    return Ok(());
                }
            }
            rest = &rest[topics.len()..];
        }
        Ok(())
    }
}

impl Query {
    /// Whether a stream with these topics is asked for.
    fn takes(&self, topics: &[String]) -> bool {
        let wanted = self.topic();
        wanted.is_none_or(|wanted| topics.iter().any(|topic| pattern_matches(topic, wanted)))
    }
}

/// The topics of the first of these streams, which are in order: of one at least, and none of those
/// that have closed.
async fn topics_of(
    context: &Context,
    connections: &[ConnectionId],
) -> Result<Vec<Option<Vec<String>>>, ApiError> {
    let Some(first) = connections.first() else {
        return Ok(Vec::new());
    };
    // Streams of one hub follow each other.
    let others = connections
        .iter()
        .take_while(|id| id.shard() == first.shard());
    let ids: Vec<_> = others.copied().collect();
    let read = move |hub: &mut Hub, _| {
        let mut left = TOPICS_PER_TURN;
        let mut all = Vec::new();
        for id in ids {
            let topics = hub.is_open(id).then(|| {
                let mut topics: Vec<_> = hub.topics_of(id).map(str::to_owned).collect();
                topics.sort_unstable();
                topics
            });
            left = left.saturating_sub(topics.as_ref().map_or(0, Vec::len));
            all.push(topics);
            if left == 0 {
                break;
            }
        }
        all
    };
    context.hub.ask_for(*first, read).await.map_err(stopped)
}

/// A stream, as it is shown. The tab of one without a user is a secret of whoever opened it.
fn described(connection: ConnectionId, session: &Session, topics: &[String]) -> Value {
    let user = session.user();
    json!({
        "connection": connection.to_string(),
        "user": user,
        "tab": user.and(session.tab()),
        "token_id": session.token_id(),
        "expires_ms": session.expires_ms(),
        "address": session.address.to_string(),
        "opened_ms": session.opened_ms,
        "transport": session.transport.as_str(),
        "topics": topics,
    })
}

fn stopped(error: Stopped) -> ApiError {
    ApiError::unavailable("draining", error.to_string())
}
