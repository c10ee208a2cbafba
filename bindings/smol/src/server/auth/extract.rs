//! Where in a request a token stands (RFC 6750, section 2).
//!
//! It does not know what is in it. A token that was in the query is taken out of it, so that nothing
//! that looks at the request later can log it or pass it on.

use super::MAX_TOKEN_BYTES;
use super::options::AuthOptions;
use crate::server::identity::Credential;
use hyper::Request;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderMap};
use hyper::http::uri::PathAndQuery;

/// A request in which it cannot be told what the token is: what is wrong with it.
pub(super) type Unclear = String;

/// Takes the token out of a request: that of the header, else of the cookie, else of the query.
///
/// A header with another scheme than `Bearer` is for someone else, and an empty cookie or parameter
/// is none.
///
/// # Errors
/// Two tokens in the one place; a text that is no token.
pub(super) fn take_token<B>(
    request: &mut Request<B>,
    options: &AuthOptions,
) -> Result<Option<(Credential, String)>, Unclear> {
    for name in [AUTHORIZATION, COOKIE] {
        let values = request.headers_mut().get_mut(name);
        if let Some(value) = values {
            value.set_sensitive(true);
        }
    }
    let of_query = match &options.query {
        Some(parameter) => take_from_query(request, parameter),
        None => Vec::new(),
    };
    let headers = request.headers();
    let of_cookie = options.cookie.as_deref();
    let of_cookie = of_cookie.map_or_else(Vec::new, |name| cookies(headers, name));
    let places = [
        (Credential::Header, "Authorization", bearers(headers)?),
        (Credential::Cookie, "the cookie", of_cookie),
        (Credential::Query, "the query", of_query),
    ];
    for (credential, place, mut tokens) in places {
        tokens.dedup();
        match &*tokens {
            [] => {}
            [token] if token.len() > MAX_TOKEN_BYTES => {
                return Err(format!("a token has at most {MAX_TOKEN_BYTES} bytes"));
            }
            [token] if !is_token(token) => {
                return Err(format!("what is in {place} is no token"));
            }
            [_] => return Ok(tokens.pop().map(|token| (credential, token))),
            _ => return Err(format!("there are different tokens in {place}")),
        }
    }
    Ok(None)
}

/// Whether a text can be a token: `b64token` of RFC 6750, section 2.1.
pub(super) fn is_token(text: &str) -> bool {
    let token = text.trim_end_matches('=');
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !token.is_empty() && token.bytes().all(is_part)
}

/// The tokens of all headers with the scheme `Bearer`.
fn bearers(headers: &HeaderMap) -> Result<Vec<String>, Unclear> {
    let mut tokens = Vec::new();
    for value in headers.get_all(AUTHORIZATION) {
        let value = value.to_str().map_err(|_| "Authorization is no text")?;
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        if scheme.eq_ignore_ascii_case("Bearer") {
            tokens.push(token.trim_matches(' ').to_owned());
        }
    }
    Ok(tokens)
}

/// The values of all cookies of this name (RFC 6265, section 4.2).
pub(in crate::server) fn cookies(headers: &HeaderMap, name: &str) -> Vec<String> {
    let values = headers.get_all(COOKIE).iter();
    // Cookies of others may be anything; a token with bytes that are no text is none.
    let texts: Vec<_> = values
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    let pairs = texts.iter().flat_map(|text| text.split(';'));
    let named = pairs.filter_map(|pair| pair.split_once('='));
    let of_name = named.filter(|(found, _)| found.trim() == name);
    let values = of_name.map(|(_, value)| {
        let value = value.trim();
        let quoted = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        quoted.unwrap_or(value).to_owned()
    });
    values.filter(|value| !value.is_empty()).collect()
}

/// Takes all parameters of this name out of the query. The others stay as they were written.
fn take_from_query<B>(request: &mut Request<B>, name: &str) -> Vec<String> {
    let mut taken = Vec::new();
    let mut stays = Vec::new();
    let query = request.uri().query().unwrap_or_default();
    for pair in query.split('&') {
        match form_urlencoded::parse(pair.as_bytes()).next() {
            Some((found, value)) if found == name => taken.push(value.into_owned()),
            _ => stays.push(pair),
        }
    }
    if !taken.is_empty() {
        let query = stays.join("&");
        let mark = if query.is_empty() { "" } else { "?" };
        let path = request.uri().path();
        let rest: Result<PathAndQuery, _> = format!("{path}{mark}{query}").parse();
        let mut parts = request.uri().clone().into_parts();
        // Parts of what was a URI are one.
        parts.path_and_query = Some(rest.unwrap_or_else(|_| PathAndQuery::from_static("/")));
        *request.uri_mut() = hyper::Uri::from_parts(parts).unwrap_or_default();
    }
    taken.retain(|token| !token.is_empty());
    taken
}
