//! Which part of the server answers a request.
//!
//! It does not know what the answers are.

use super::error::ApiError;
use super::{Context, events, publish, stats};
use crate::http::Answer;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use hyper::{Method, Request, Response, StatusCode};
use std::net::SocketAddr;

const PAGE: &str = include_str!("page.html");

/// The page talks to nobody but this server, and nobody shows it in a frame.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; \
    style-src 'unsafe-inline'; connect-src 'self'; img-src data:; frame-ancestors 'none'; \
    base-uri 'none'; form-action 'none'";

pub(super) async fn respond(
    request: Request<Incoming>,
    context: &Context,
    local: Option<SocketAddr>,
) -> Answer<Full<Bytes>> {
    let answer = if context.hosts.allow(&request, local) {
        route(request, context).await
    } else {
        let message = "the server does not answer to this Host; list it with --host";
        Err(ApiError::new(
            StatusCode::MISDIRECTED_REQUEST,
            "misdirected",
            message,
        ))
    };
    answer.unwrap_or_else(|refused| Answer::Response(refused.response()))
}

async fn route(
    request: Request<Incoming>,
    context: &Context,
) -> Result<Answer<Full<Bytes>>, ApiError> {
    let (path, method) = (request.uri().path(), request.method());
    let allow = match path {
        "/" | "/stats" | "/health" => "GET, HEAD",
        "/events" => "GET",
        "/publish" => "POST",
        _ => {
            return Err(ApiError::new(
                StatusCode::NOT_FOUND,
                "not_found",
                "there is no such path",
            ));
        }
    };
    let get = method == Method::GET || method == Method::HEAD;
    match (path, method) {
        ("/", _) if get => Ok(Answer::Response(page())),
        ("/stats", _) if get => stats::stats(context).await.map(Answer::Response),
        ("/health", _) if get => stats::health(context).map(Answer::Response),
        ("/events", &Method::GET) => events::events(request, context).await,
        ("/publish", &Method::POST) => publish::publish(request, context)
            .await
            .map(Answer::Response),
        _ => {
            let message = format!("{path} takes {allow}");
            let error = ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                message,
            );
            Err(ApiError {
                allow: Some(allow),
                ..error
            })
        }
    }
}

fn page() -> Response<Full<Bytes>> {
    let response = Response::builder()
        .header(CONTENT_TYPE, "text/html; charset=utf-8")
        .header(CACHE_CONTROL, "no-cache")
        .header(CONTENT_SECURITY_POLICY, PAGE_POLICY);
    response.body(Full::from(PAGE)).unwrap_or_default()
}
