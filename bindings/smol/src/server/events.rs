//! `GET /events`: from a query to a stream.
//!
//! It does not know how streams are opened and driven.

use super::Context;
use super::body::check_empty;
use super::client::Client;
use super::error::ApiError;
use super::identity::Identity;
use super::open::Opener;
use super::reply::Reply;
use super::sessions::{Asking, Transport};
use crate::http::Answer;
use crate::stream::StreamOptions;
use hyper::Request;
use hyper::body::Incoming;

pub(super) async fn events(
    request: Request<Incoming>,
    context: &Context,
    client: &Client,
    identity: Identity,
    asking: &Asking,
) -> Reply {
    check_empty(&request)?;
    let query = parse_query(request.uri().query().unwrap_or_default())?;
    check_reader(context, &identity, &query)?;
    let opener = Opener {
        context,
        client,
        asking,
        identity,
        transport: Transport::of(request.version()),
    };
    let options = opener.complete(query, &request);
    let stream = opener.open(options).await?;
    Ok(Answer::Stream(stream))
}

/// Whether whoever asks may read what they ask for.
///
/// # Errors
/// That they may not, or that the query says who they are where only a token may.
pub(super) fn check_reader(
    context: &Context,
    identity: &Identity,
    query: &StreamOptions,
) -> Result<(), ApiError> {
    if context.auth.is_some() && query.user.is_some() {
        let message = "user is for servers without authentication; here the token says who reads";
        return Err(ApiError::bad("unexpected_user", message));
    }
    identity.access.check_subscribe(&query.topics)
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
