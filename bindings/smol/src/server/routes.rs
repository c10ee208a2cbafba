//! Which part of the server answers a request.
//!
//! It does not know what the answers are.

use super::client::Client;
use super::error::ApiError;
use super::identity::{Credential, Identity, Part};
use super::{Context, events, health, metrics, publish, stats};
use crate::http::Answer;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use hyper::{Method, Request, Response, StatusCode};
use matchit::Router;
use std::net::SocketAddr;

const PAGE: &str = include_str!("page.html");

/// The page talks to nobody but this server, and nobody shows it in a frame.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; \
    style-src 'unsafe-inline'; connect-src 'self'; img-src data:; frame-ancestors 'none'; \
    base-uri 'none'; form-action 'none'";

pub(super) async fn respond(
    request: Request<Incoming>,
    context: &Context,
    client: &Client,
    local: Option<SocketAddr>,
) -> Answer<Full<Bytes>> {
    let path = context.routes.template(request.uri().path());
    let cors = context.cors.headers(request.headers());
    let preflight = context.cors.preflight(&request);
    let answer = if !context.hosts.allow(&request, local) {
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
        route(request, context, client).await
    };
    let mut answer = answer.unwrap_or_else(|refused| {
        context.note_refusal(&refused, path, client.address);
        Answer::Response(refused.response())
    });
    let status = match &mut answer {
        Answer::Response(response) => {
            response.headers_mut().extend(preflight.unwrap_or(cors));
            response.status()
        }
        // Its head has them already.
        Answer::Stream(_) => StatusCode::OK,
    };
    context.metrics.count_request(path, status);
    answer
}

/// What a path is about.
#[derive(Clone, Copy)]
enum Endpoint {
    Page,
    Stats,
    Metrics,
    Live,
    Ready,
    Events,
    Publish,
}

const PATHS: [(&str, Endpoint); 8] = [
    ("/", Endpoint::Page),
    ("/stats", Endpoint::Stats),
    ("/metrics", Endpoint::Metrics),
    ("/health", Endpoint::Ready),
    ("/health/live", Endpoint::Live),
    ("/health/ready", Endpoint::Ready),
    ("/events", Endpoint::Events),
    ("/publish", Endpoint::Publish),
];

impl Endpoint {
    /// The methods it takes, as `Allow` says it.
    const fn methods(self) -> &'static str {
        match self {
            Self::Page | Self::Stats | Self::Metrics | Self::Live | Self::Ready => "GET, HEAD",
            Self::Events => "GET",
            Self::Publish => "POST",
        }
    }

    /// Whether it does not matter who asks. Whoever looks after a server has no token.
    const fn is_for_all(self) -> bool {
        matches!(self, Self::Live | Self::Ready)
    }

    /// The part of the server that it belongs to, where that is not for everyone.
    const fn part(self) -> Option<Part> {
        match self {
            Self::Page => Some(Part::Console),
            Self::Stats | Self::Metrics => Some(Part::Metrics),
            Self::Live | Self::Ready | Self::Events | Self::Publish => None,
        }
    }
}

/// What a path that is not in the table is called in metrics and logs.
pub(super) const OTHER: &str = "other";

/// Which path is which.
pub(super) struct Routes(Router<(&'static str, Endpoint)>);

impl Routes {
    pub(super) fn new() -> Self {
        let mut router = Router::new();
        for (path, endpoint) in PATHS {
            let added = router.insert(path, (path, endpoint));
            debug_assert!(added.is_ok(), "{path} is there once");
        }
        Self(router)
    }

    /// The path of the table that a path is an instance of.
    fn template(&self, path: &str) -> &'static str {
        self.0.at(path).map_or(OTHER, |found| found.value.0)
    }

    fn find(&self, path: &str, method: &Method) -> Result<Endpoint, ApiError> {
        let found = self.0.at(path).map_err(|_| {
            let message = "there is no such path";
            ApiError::new(StatusCode::NOT_FOUND, "not_found", message)
        })?;
        let (_, endpoint) = *found.value;
        let allow = endpoint.methods();
        if allow.split(", ").any(|allowed| allowed == method.as_str()) {
            return Ok(endpoint);
        }
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let message = format!("{path} takes {allow}");
        Err(ApiError {
            allow: Some(allow),
            ..ApiError::new(status, "method_not_allowed", message)
        })
    }
}

async fn route(
    mut request: Request<Incoming>,
    context: &Context,
    client: &Client,
) -> Result<Answer<Full<Bytes>>, ApiError> {
    let endpoint = context
        .routes
        .find(request.uri().path(), request.method())?;
    if endpoint.is_for_all() {
        return answer(endpoint, request, context, client, Identity::default()).await;
    }
    if let Endpoint::Events = endpoint {
        context.limits().open_by_address(client.address)?;
    }
    let identity = context.identify(&mut request).await?;
    if !request.method().is_safe() {
        context.cors.check_change(&request, identity.credential)?;
    }
    let has_token = identity.credential != Credential::None;
    let answer = answer(endpoint, request, context, client, identity).await;
    answer.map_err(|refused| match context.auth {
        Some(_) => refused.answering(has_token),
        None => refused,
    })
}

async fn answer(
    endpoint: Endpoint,
    request: Request<Incoming>,
    context: &Context,
    client: &Client,
    identity: Identity,
) -> Result<Answer<Full<Bytes>>, ApiError> {
    if let Some(part) = endpoint.part() {
        identity.access.check(part)?;
    }
    match endpoint {
        Endpoint::Events => events::events(request, context, client, identity).await,
        Endpoint::Publish => {
            let published = publish::publish(request, context, client, &identity).await;
            published.map(Answer::Response)
        }
        Endpoint::Stats => stats::stats(context).await.map(Answer::Response),
        Endpoint::Page => Ok(Answer::Response(page())),
        Endpoint::Metrics => metrics::metrics(context).await.map(Answer::Response),
        Endpoint::Live => Ok(Answer::Response(health::live())),
        Endpoint::Ready => health::ready(context).map(Answer::Response),
    }
}

fn page() -> Response<Full<Bytes>> {
    let response = Response::builder()
        .header(CONTENT_TYPE, "text/html; charset=utf-8")
        .header(CACHE_CONTROL, "no-cache")
        .header(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    response.body(Full::from(PAGE)).unwrap_or_default()
}
