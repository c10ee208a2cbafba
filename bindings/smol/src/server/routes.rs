//! Which part of the server answers a request.
//!
//! It does not know what the answers are.

use super::app::{App, Reply};
use super::ask::Ask;
use super::assets::ASSETS;
use super::client::Client;
use super::connection::Carrier;
use super::error::ApiError;
use super::identity::{Credential, Identity, Part};
use super::refusal::Refusals;
use super::sessions::Asking;
#[cfg(feature = "websocket")]
use super::websocket;
use super::{Context, admin, assets, events, health, live, metrics, poll, publish, reply, stats};
use crate::http::Answer;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Response, StatusCode};
use matchit::Router;
use std::borrow::Cow;

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

/// What a path is about.
#[derive(Clone, Copy)]
enum Endpoint {
    /// A file, by its number.
    Asset(usize),
    Identity,
    Stats,
    Metrics,
    Live,
    Ready,
    Events,
    Poll,
    #[cfg(feature = "websocket")]
    Socket,
    Publish,
    Token,
    TopicsOf,
    Connections,
    Connection,
    Topics,
    Revocations,
}

/// Those that are no files.
const PATHS: &[(&str, Endpoint)] = &[
    ("/identity", Endpoint::Identity),
    ("/stats", Endpoint::Stats),
    ("/metrics", Endpoint::Metrics),
    ("/health", Endpoint::Ready),
    ("/health/live", Endpoint::Live),
    ("/health/ready", Endpoint::Ready),
    ("/events", Endpoint::Events),
    ("/poll", Endpoint::Poll),
    #[cfg(feature = "websocket")]
    ("/ws", Endpoint::Socket),
    ("/publish", Endpoint::Publish),
    ("/connections/{id}/token", Endpoint::Token),
    ("/connections/{id}/topics", Endpoint::TopicsOf),
    ("/connections", Endpoint::Connections),
    ("/connections/{id}", Endpoint::Connection),
    ("/topics", Endpoint::Topics),
    ("/revocations", Endpoint::Revocations),
];

impl Endpoint {
    /// The methods it takes, as `Allow` says it.
    const fn methods(self) -> &'static str {
        match self {
            Self::Asset(_)
            | Self::Identity
            | Self::Stats
            | Self::Metrics
            | Self::Live
            | Self::Ready
            | Self::Connections
            | Self::Topics => "GET, HEAD",
            Self::Events | Self::Poll => "GET",
            #[cfg(feature = "websocket")]
            Self::Socket => "GET",
            Self::Connection => "GET, HEAD, DELETE",
            Self::Publish | Self::Token | Self::TopicsOf | Self::Revocations => "POST",
        }
    }

    /// Whether it is answered with a stream.
    const fn is_stream(self) -> bool {
        match self {
            Self::Events => true,
            #[cfg(feature = "websocket")]
            Self::Socket => true,
            _ => false,
        }
    }

    /// Whether it does not matter who asks. Whoever looks after a server has no token.
    const fn is_for_all(self) -> bool {
        matches!(self, Self::Asset(_) | Self::Live | Self::Ready)
    }

    /// The part of the server that it belongs to, where that is not for everyone.
    const fn part(self) -> Option<Part> {
        match self {
            Self::Stats | Self::Metrics => Some(Part::Metrics),
            Self::Connections | Self::Connection | Self::Topics | Self::Revocations => {
                Some(Part::Admin)
            }
            Self::Asset(_) | Self::Identity | Self::Live | Self::Ready => None,
            Self::Events | Self::Poll | Self::Publish | Self::Token | Self::TopicsOf => None,
            #[cfg(feature = "websocket")]
            Self::Socket => None,
        }
    }
}

/// What a path that is not in the table is called in metrics and logs.
pub(super) const OTHER: &str = "other";

/// Whether this is a path of the table.
pub(super) fn is_path(path: &str) -> bool {
    paths().any(|(known, _)| known == path)
}

/// All paths: of files, too.
fn paths() -> impl Iterator<Item = (&'static str, Endpoint)> {
    let files = ASSETS.iter().enumerate();
    let files = files.map(|(number, asset)| (asset.path, Endpoint::Asset(number)));
    PATHS.iter().copied().chain(files)
}

/// Which path is which.
pub(super) struct Routes(Router<(&'static str, Endpoint)>);

impl Routes {
    /// All but what the application leaves out.
    pub(super) fn new(app: &App) -> Self {
        let mut router = Router::new();
        let paths = paths().filter(|(path, _)| !app.leaves_out(path));
        for (path, endpoint) in paths {
            let added = router.insert(path, (path, endpoint));
            debug_assert!(added.is_ok(), "{path} is there once");
        }
        Self(router)
    }

    /// The path of the table that a path is an instance of.
    fn template(&self, path: &str) -> &'static str {
        self.0.at(path).map_or(OTHER, |found| found.value.0)
    }

    /// The endpoint of a path, and the id in it, if there is one.
    fn find<'p>(&self, path: &'p str, method: &Method) -> Result<(Endpoint, &'p str), ApiError> {
        let found = self.0.at(path);
        let found = found.map_err(|_| ApiError::not_found("there is no such path"))?;
        let (_, endpoint) = *found.value;
        let allow = endpoint.methods();
        if allow.split(", ").any(|allowed| allowed == method.as_str()) {
            return Ok((endpoint, found.params.get("id").unwrap_or_default()));
        }
        Err(method_not_allowed(path, allow))
    }
}

/// The path takes other methods.
pub(super) fn method_not_allowed(path: &str, allow: impl Into<Cow<'static, str>>) -> ApiError {
    let allow = allow.into();
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let message = format!("{path} takes {allow}");
    ApiError {
        allow: Some(allow),
        ..ApiError::new(status, "method_not_allowed", message)
    }
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
