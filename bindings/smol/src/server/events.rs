//! `GET /events`: from a query to a stream.
//!
//! It does not know how streams are driven.

use super::Context;
use super::client::Client;
use super::error::ApiError;
use super::identity::Identity;
use super::notes::Opening;
use crate::http::Answer;
use crate::stream::{OnClose, StreamOptions};
use http_body_util::Full;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::{Request, Response, StatusCode, Version};

pub(super) async fn events(
    request: Request<Incoming>,
    context: &Context,
    client: &Client,
    identity: Identity,
) -> Result<Answer<Full<Bytes>>, ApiError> {
    if !request.body().is_end_stream() {
        return Err(ApiError::bad(
            "unexpected_body",
            "a request for a stream has no body",
        ));
    }
    let cors = context.cors.headers(request.headers());
    let asked = StreamOptions::for_request_with(&request, cors);
    let query = parse_query(request.uri().query().unwrap_or_default())?;
    if context.auth.is_some() && query.user.is_some() {
        let message = "user is for servers without authentication; here the token says who reads";
        return Err(ApiError::bad("unexpected_user", message));
    }
    identity.access.check_subscribe(&query.topics)?;
    let user = identity.user.or(query.user);
    if let Some(user) = &user {
        context.limits().open_by_user(user)?;
    }
    let place = context.limits().stream(client.address)?;
    let open = context.metrics.open(transport(request.version()));
    let on_close = OnClose::new(move |connection, closed| {
        // The place is kept as long as the stream.
        let _kept = &place;
        open.note_closed(connection, closed);
    });
    let options = StreamOptions {
        user,
        on_close: Some(on_close),
        grants: identity.access.grants,
        expires_ms: identity.expires_ms,
        last_event_id: asked.last_event_id.or(query.last_event_id),
        head: asked.head,
        headers: asked.headers,
        ..query
    };
    let opening = Opening::new(&options, client.address);
    match context.hub.open(options).await.map_err(ApiError::from) {
        Ok(stream) => {
            context.note_opened(stream.connection(), &opening);
            Ok(Answer::Stream(stream))
        }
        Err(refused) if refused.status == StatusCode::NO_CONTENT => {
            let mut response = Response::default();
            *response.status_mut() = refused.status;
            Ok(Answer::Response(response))
        }
        Err(refused) => Err(refused),
    }
}

/// What carries a stream, as metrics call it.
const fn transport(version: Version) -> &'static str {
    match version {
        Version::HTTP_2 => "http2",
        _ => "http1",
    }
}

/// Reads the query of a request for a stream: `topic` any number of times, `user`, `tab`,
/// `last_event_id`, and `heartbeat=comment`.
///
/// # Errors
/// A parameter that there is not, or that is given twice: it is named, for a typing error would
/// otherwise be a stream on which nothing ever comes.
pub fn parse_query(query: &str) -> Result<StreamOptions, ApiError> {
    let mut options = StreamOptions::default();
    let mut heartbeat = None;
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
            other => {
                let message = format!(
                    "there is no parameter {other:?}; there are topic (any number of times), \
                     user, tab, last_event_id and heartbeat"
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
