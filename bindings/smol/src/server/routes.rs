//! From a request to its answer: who asks, whether they may, and which part of the server answers.
//!
//! It does not know what the answers are, nor which path is which.

use super::ask::Ask;
use super::client::Client;
use super::connection::Carrier;
use super::error::ApiError;
use super::identity::{Credential, Identity};
use super::paths::Endpoint;
use super::refusal::Refusals;
use super::reply::{self, Reply};
use super::sessions::Asking;
#[cfg(feature = "websocket")]
use super::websocket;
use super::{Context, admin, assets, events, health, live, metrics, poll, publish, stats};
use crate::http::Answer;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};

pub(super) async fn respond(
    request: Request<Incoming>,
    context: &Context,
    client: &Client,
    carrier: Carrier<'_>,
) -> Answer<Full<Bytes>> {
    let path = request.uri().path();
    let own = context.app.template(path);
    let path = own.unwrap_or_else(|| context.routes.template(path));
    let refusals = Refusals::asked_for(&request, &context.app);
    let cors = context.cors.headers(request.headers());
    let preflight = context.cors.preflight(&request);
    let answer = if !context.hosts.allow(&request, carrier.local) {
        let message = "the server does not answer to this Host; list it with --host";
        Err(ApiError::new(
            StatusCode::MISDIRECTED_REQUEST,
            "misdirected",
            message,
        ))
    } else if preflight.is_some() {
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        Ok(Answer::Response(response))
    } else {
        route(request, context, client, carrier).await
    };
    let control = &context.options.driver.hub.control;
    let mut answer = answer.unwrap_or_else(|refused| {
        context.note_refusal(&refused, path, client.address);
        Answer::Response(refusals.response(&refused, control).map(Full::from))
    });
    let status = match &mut answer {
        Answer::Response(response) => {
            response.headers_mut().extend(preflight.unwrap_or(cors));
            response.status()
        }
        // Its head has them already.
        Answer::Stream(_) => carrier.status(),
    };
    context.metrics.count_request(path, status);
    answer
}

async fn route(
    mut request: Request<Incoming>,
    context: &Context,
    client: &Client,
    carrier: Carrier<'_>,
) -> Reply {
    let (path, method) = (request.uri().path(), request.method());
    if let Some(found) = context.app.find(path, method)? {
        if !method.is_safe() {
            // The application may know those who ask by a cookie of its own.
            context.cors.check_change(&request, Credential::None)?;
        }
        let asking = context.sessions.begin();
        let ask = Ask::new(context, (client, carrier), &asking, request, found.params);
        return found.route.answer(ask).await;
    }
    let (endpoint, id) = context.routes.find(path, method)?;
    let id = id.to_owned();
    if endpoint.is_stream() {
        context.limits().open_by_address(client.address)?;
    }
    let asking = context.sessions.begin();
    let identity = if endpoint.is_for_all() {
        Identity::default()
    } else {
        context.identify(&mut request).await?
    };
    asking.check(&identity)?;
    if !request.method().is_safe() {
        context.cors.check_change(&request, identity.credential)?;
    }
    let has_token = identity.credential != Credential::None;
    let asked = Asked {
        request,
        client,
        carrier,
        identity,
        asking: &asking,
        id: &id,
    };
    let answer = answer(endpoint, asked, context).await;
    answer.map_err(|refused| match context.auth {
        Some(_) => refused.answering(has_token),
        None => refused,
    })
}

/// A request, and what is known of whoever asks.
struct Asked<'a> {
    request: Request<Incoming>,
    client: &'a Client,
    carrier: Carrier<'a>,
    identity: Identity,
    asking: &'a Asking,
    /// The id in its path, if there is one.
    id: &'a str,
}

async fn answer(endpoint: Endpoint, asked: Asked<'_>, context: &Context) -> Reply {
    #[cfg_attr(
        not(feature = "websocket"),
        expect(unused_variables, reason = "only sockets need what carries them")
    )]
    let Asked {
        request,
        client,
        carrier,
        identity,
        asking,
        id,
    } = asked;
    if let Some(part) = endpoint.part() {
        identity.access.check(part)?;
    }
    let query = request.uri().query().unwrap_or_default();
    let response = match endpoint {
        Endpoint::Events => {
            return events::events(request, context, client, identity, asking).await;
        }
        Endpoint::Poll => Box::pin(poll::poll(request, context, client, identity, asking)).await,
        #[cfg(feature = "websocket")]
        Endpoint::Socket => {
            let by = (asking, carrier.upgrade);
            return websocket::websocket(request, context, client, identity, by).await;
        }
        Endpoint::Publish => publish::publish(request, context, client, &identity).await,
        Endpoint::Token => {
            let renewed = live::renew(&request, context, identity, asking.began(), id).await;
            renewed.map(|renewed| reply::json(&renewed))
        }
        Endpoint::TopicsOf => {
            live::change_topics(request, context, identity, asking.began(), id).await
        }
        Endpoint::Connections => admin::connections(context, query).await,
        Endpoint::Connection if request.method() == Method::DELETE => {
            admin::close(context, id).await
        }
        Endpoint::Connection => admin::connection(context, id).await,
        Endpoint::Topics => admin::topics(context, query).await,
        Endpoint::Revocations => admin::revoke(request, context).await,
        Endpoint::Stats => stats::stats(context).await,
        Endpoint::Asset(number) => Ok(assets::asset(number, request.headers())),
        Endpoint::Identity => Ok(identity.response(context.auth.is_some())),
        Endpoint::Metrics => metrics::metrics(context).await,
        Endpoint::Live => Ok(health::live()),
        Endpoint::Ready => health::ready(context),
    };
    response.map(Answer::Response)
}
