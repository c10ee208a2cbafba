//! Which pages of other origins may read answers, and which pages may change something with what
//! their visitors' browsers send by themselves.
//!
//! It does not know who those visitors are.

use super::client::Client;
use super::error::ApiError;
use super::identity::Credential;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use hyper::http::uri::Authority;
use hyper::{Method, Request, StatusCode};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;
use std::time::Duration;

/// What pages may send, and may ask with.
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static("authorization, content-type, last-event-id");

/// What pages may read of an answer, beside what they always may.
const EXPOSED: HeaderValue = HeaderValue::from_static("retry-after, www-authenticate");

/// The answer to a preflight depends on all of these.
const PREFLIGHT_VARY: HeaderValue = HeaderValue::from_static(
    "origin, access-control-request-method, access-control-request-headers",
);

/// What pages of other origins may do. Default: nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CorsOptions {
    /// The origins whose pages may use the server, with cookies too: `https://app.example.com`.
    pub origins: Vec<String>,
    /// How long a browser may remember what a page may do. Default 10 minutes.
    #[serde(with = "humantime_serde")]
    pub max_age: Duration,
}

impl Default for CorsOptions {
    fn default() -> Self {
        Self {
            origins: Vec::new(),
            max_age: Duration::from_secs(600),
        }
    }
}

/// What is listed is no origin, as a browser would say it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CorsError {
    origin: String,
    problem: &'static str,
}

impl fmt::Display for CorsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no origin: {}", self.origin, self.problem)
    }
}

impl std::error::Error for CorsError {}

/// The origins that are listed.
pub(super) struct Cors {
    origins: HashSet<String>,
    max_age: HeaderValue,
}

impl Cors {
    /// # Errors
    /// The first that is no origin.
    pub(super) fn new(options: &CorsOptions) -> Result<Self, CorsError> {
        for origin in &options.origins {
            check_origin(origin).map_err(|problem| CorsError {
                origin: origin.clone(),
                problem,
            })?;
        }
        Ok(Self {
            origins: options.origins.iter().cloned().collect(),
            max_age: options.max_age.as_secs().into(),
        })
    }

    /// The headers of every answer to a request with these, refusals and streams included.
    pub(super) fn headers(&self, request: &HeaderMap) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.origins.is_empty() {
            return headers;
        }
        headers.insert(VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = self.listed(request) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            let credentials = HeaderValue::from_static("true");
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials);
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
        headers
    }

    /// Where a browser asks whether a page may ask for something, and it may: the headers that say
    /// so. It may for every path, or the page could not read that there is none.
    pub(super) fn preflight<B>(&self, request: &Request<B>) -> Option<HeaderMap> {
        let asked = request.headers();
        if *request.method() != Method::OPTIONS
            || !asked.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
            || self.listed(asked).is_none()
        {
            return None;
        }
        let mut headers = self.headers(asked);
        headers.remove(ACCESS_CONTROL_EXPOSE_HEADERS);
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        headers.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        headers.insert(VARY, PREFLIGHT_VARY);
        Some(headers)
    }

    /// Whether a request that changes something may come from the page that it comes from. Only what
    /// the page itself has shown is proof that it may; what its visitor's browser has added, or that
    /// the browser can reach this server, is not.
    ///
    /// # Errors
    /// That it comes from a page of another origin; and, with a cookie, that it does not say from where.
    pub(super) fn check_change<B>(
        &self,
        request: &Request<B>,
        credential: Credential,
    ) -> Result<(), ApiError> {
        let required = match credential {
            Credential::Header | Credential::Query => return Ok(()),
            Credential::None => false,
            Credential::Cookie => true,
        };
        if self.may_come(request, required) {
            return Ok(());
        }
        let message = "this may be asked for by pages of this server's own origin and of those in \
             cors.origins, which the header Origin names, or with a token in the header Authorization";
        let status = StatusCode::FORBIDDEN;
        Err(ApiError::new(status, "origin_mismatch", message))
    }

    /// Whether a request for a socket may come from the page that it comes from. No browser asks first,
    /// and the page can read and say on it what its visitor could, by whatever the browser has added.
    ///
    /// # Errors
    /// That it comes from a page of another origin.
    #[cfg(feature = "websocket")]
    pub(super) fn check_socket<B>(&self, request: &Request<B>) -> Result<(), ApiError> {
        if self.may_come(request, false) {
            return Ok(());
        }
        let message = "a WebSocket may be opened by pages of this server's own origin and of those in \
             cors.origins";
        let status = StatusCode::FORBIDDEN;
        Err(ApiError::new(status, "origin_mismatch", message))
    }

    /// Whether a request comes from a page of this server's or of a listed origin; or from no page, where
    /// it is not `required` to say.
    fn may_come<B>(&self, request: &Request<B>, required: bool) -> bool {
        let headers = request.headers();
        match one(headers) {
            Some(origin) => self.listed(headers).is_some() || is_own(origin, request),
            None => !required && !headers.contains_key(ORIGIN),
        }
    }

    fn listed<'a>(&self, request: &'a HeaderMap) -> Option<&'a HeaderValue> {
        one(request).filter(|origin| {
            let origin = origin.to_str();
            origin.is_ok_and(|origin| self.origins.contains(origin))
        })
    }
}

/// The origin that a request says it comes from; none where it says several.
fn one(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let first = origins.next()?;
    origins.next().is_none().then_some(first)
}

/// Whether it is the origin by which the client calls the server. Where a proxy that is not trusted
/// decrypts, the server does not know that it did, so that a page may be more secure than the request
/// appears; it is never less.
fn is_own<B>(origin: &HeaderValue, request: &Request<B>) -> bool {
    let client = request.extensions().get::<Client>();
    let called = client.and_then(|client| client.host.as_ref()?.parse::<Authority>().ok());
    let (Some(client), Some(called)) = (client, called) else {
        return false;
    };
    let origin = origin.to_str().ok().and_then(|text| text.split_once("://"));
    let (port, host) = match origin {
        Some(("https", host)) => (443, host),
        Some(("http", host)) if !client.secure => (80, host),
        _ => return false,
    };
    let Ok(own) = host.parse::<Authority>() else {
        return false;
    };
    !host.contains('@')
        && own.host().eq_ignore_ascii_case(called.host())
        && port_of(&own, port).is_some_and(|own| port_of(&called, port) == Some(own))
}

/// The port, or the one that its scheme implies; none where it is no number of a port.
fn port_of(authority: &Authority, implied: u16) -> Option<u16> {
    if authority.as_str() == authority.host() {
        Some(implied)
    } else {
        authority.port_u16()
    }
}

/// Whether a text is an origin as browsers write it; if not, what to write instead.
fn check_origin(text: &str) -> Result<(), &'static str> {
    if text == "null" {
        return Err("every sandboxed page and every local file has the origin \"null\"");
    }
    if text.contains('*') {
        return Err("list each origin in full, without `*`");
    }
    let split = text.split_once("://");
    let (scheme, host) = split.ok_or("write the scheme too, such as https://app.example.com")?;
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    if scheme.is_empty()
        || !scheme.bytes().all(plain)
        || host.bytes().any(|b| b.is_ascii_uppercase())
    {
        return Err("write it in small letters");
    }
    if host.contains(['/', '?', '#']) {
        return Err("leave out what follows the host and its port, the last slash too");
    }
    let authority: Authority = match host.parse() {
        Ok(authority) if !host.contains('@') => authority,
        _ => return Err("after the scheme comes a host, or its punycode, and perhaps a port"),
    };
    if authority.host().is_empty() {
        return Err("after the scheme comes a host, or its punycode, and perhaps a port");
    }
    match (scheme, authority.port_u16()) {
        ("https", Some(443)) | ("http", Some(80)) => {
            Err("leave out the port that its scheme implies")
        }
        (_, None) if authority.as_str() != authority.host() => {
            Err("the port is no number up to 65535")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cors(origins: &[&str]) -> Cors {
        let options = CorsOptions {
            origins: origins.iter().map(|&origin| origin.to_owned()).collect(),
            ..CorsOptions::default()
        };
        Cors::new(&options).unwrap()
    }

    /// A request that calls the server so, and says that it comes from these origins.
    fn request(method: &str, host: &str, origins: &[&str], secure: bool) -> Request<()> {
        let mut request = Request::builder().method(method).header("host", host);
        for origin in origins {
            request = request.header(ORIGIN, *origin);
        }
        let mut request = request.body(()).unwrap();
        let client = Client::new(&request, [192, 0, 2, 1].into(), secure, &[]);
        request.extensions_mut().insert(client);
        request
    }

    #[test]
    fn origins_as_browsers_write_them_can_be_listed() {
        cors(&[
            "https://app.example.com",
            "http://localhost:3000",
            "https://xn--bcher-kva.example:8443",
            "http://[::1]:3000",
            "capacitor://localhost",
            "https://a.example:80",
        ]);
    }

    #[test]
    fn what_no_browser_would_say_cannot_be_listed() {
        for (origin, word) in [
            ("*", "`*`"),
            ("https://*.example.com", "`*`"),
            ("null", "sandboxed"),
            ("", "scheme"),
            ("app.example.com", "scheme"),
            ("https://", "host"),
            ("https://app.example.com/", "slash"),
            ("https://app.example.com/page", "slash"),
            ("https://app.example.com?a", "follows the host"),
            ("https://App.example.com", "small"),
            ("HTTPS://app.example.com", "small"),
            ("https://app.example.com:443", "implies"),
            ("http://app.example.com:80", "implies"),
            ("https://app.example.com:65536", "65535"),
            ("https://app.example.com:", "port"),
            ("https://user@app.example.com", "punycode"),
            ("https://bücher.example", "punycode"),
            ("https://a b", "punycode"),
        ] {
            let options = CorsOptions {
                origins: vec!["https://fine.example".into(), origin.into()],
                ..CorsOptions::default()
            };
            let Err(refused) = Cors::new(&options) else {
                panic!("{origin:?} is listed");
            };
            let (named, message) = (format!("{origin:?}"), refused.to_string());
            assert!(
                message.contains(&named) && message.contains(word),
                "{origin:?}: {message}"
            );
        }
    }

    #[test]
    fn without_a_list_nothing_is_said() {
        let asked = request("GET", "a.example", &["https://a.example"], true);
        assert!(cors(&[]).headers(asked.headers()).is_empty());
        assert!(cors(&[]).preflight(&asked).is_none());
    }

    #[test]
    fn only_what_is_listed_to_the_letter_is_let_in() {
        let cors = cors(&["https://app.example.com", "http://localhost:3000"]);
        let allowed = |origins: &[&str]| {
            let headers = cors.headers(request("GET", "a", origins, true).headers());
            assert_eq!(headers[VARY], "origin", "{origins:?}");
            let allowed = headers.get(ACCESS_CONTROL_ALLOW_ORIGIN).cloned();
            let credentials = headers.get(ACCESS_CONTROL_ALLOW_CREDENTIALS).is_some();
            assert_eq!(allowed.is_some(), credentials, "{origins:?}");
            allowed
        };
        for origin in ["https://app.example.com", "http://localhost:3000"] {
            assert_eq!(allowed(&[origin]).unwrap(), origin);
        }
        for origin in [
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com.evil.example",
            "https://evil.example",
            "https://xapp.example.com",
            "https://APP.example.com",
            "http://localhost",
            "null",
            "*",
            "",
            "https://app.example.com, https://evil.example",
        ] {
            assert_eq!(allowed(&[origin]), None, "{origin}");
        }
        assert_eq!(allowed(&[]), None);
        let both = ["https://app.example.com", "http://localhost:3000"];
        assert_eq!(allowed(&both), None);
    }

    #[test]
    fn a_preflight_is_answered_where_the_origin_is_listed() {
        let cors = cors(&["https://app.example.com"]);
        let mut asked = request("OPTIONS", "a", &["https://app.example.com"], true);
        assert!(cors.preflight(&asked).is_none(), "it asks for nothing");
        let method = HeaderValue::from_static("DELETE");
        asked
            .headers_mut()
            .insert(ACCESS_CONTROL_REQUEST_METHOD, method);
        let headers = cors.preflight(&asked).unwrap();
        assert_eq!(
            headers[ACCESS_CONTROL_ALLOW_ORIGIN],
            "https://app.example.com"
        );
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_METHODS], METHODS);
        assert_eq!(headers[ACCESS_CONTROL_ALLOW_HEADERS], HEADERS);
        assert_eq!(headers[ACCESS_CONTROL_MAX_AGE], "600");
        assert_eq!(headers[VARY], PREFLIGHT_VARY);
        *asked.method_mut() = Method::GET;
        assert!(cors.preflight(&asked).is_none(), "it is none");
        *asked.method_mut() = Method::OPTIONS;
        let evil = HeaderValue::from_static("https://evil.example");
        asked.headers_mut().insert(ORIGIN, evil);
        assert!(cors.preflight(&asked).is_none(), "it is not listed");
    }

    #[test]
    fn what_changes_something_comes_from_its_own_pages() {
        use Credential::{Cookie, Header, None, Query};
        let cors = cors(&["https://app.example.com"]);
        let (own, far) = ("https://events.example.com", "https://evil.example");
        for (host, origins, credential, secure, allowed) in [
            ("events.example.com", &[own][..], Cookie, true, true),
            ("events.example.com", &[own], Cookie, false, true),
            ("events.example.com:443", &[own], Cookie, true, true),
            ("EVENTS.example.com", &[own], Cookie, true, true),
            ("events.example.com:8443", &[own], Cookie, true, false),
            ("events.example.com:80", &[own], Cookie, false, false),
            ("xevents.example.com", &[own], Cookie, true, false),
            (
                "events.example.com",
                &["http://events.example.com"],
                Cookie,
                true,
                false,
            ),
            (
                "events.example.com",
                &["http://events.example.com"],
                Cookie,
                false,
                true,
            ),
            ("[::1]:8080", &["http://[::1]:8080"], Cookie, false, true),
            (
                "events.example.com",
                &["https://app.example.com"],
                Cookie,
                true,
                true,
            ),
            (
                "events.example.com",
                &["https://x@events.example.com"],
                Cookie,
                true,
                false,
            ),
            (
                "events.example.com",
                &["ftp://events.example.com"],
                Cookie,
                false,
                false,
            ),
            (
                "events.example.com",
                &["events.example.com"],
                Cookie,
                true,
                false,
            ),
            ("events.example.com", &["null"], Cookie, true, false),
            ("events.example.com", &[""], Cookie, true, false),
            (
                "events.example.com",
                &["https://events.example.com:99999"],
                Cookie,
                true,
                false,
            ),
            ("events.example.com", &[far], Cookie, true, false),
            ("events.example.com", &[own, far], Cookie, true, false),
            ("events.example.com", &[own, own], Cookie, true, false),
            ("events.example.com", &[], Cookie, true, false),
            ("events.example.com", &[], None, true, true),
            ("events.example.com", &[own], None, true, true),
            ("events.example.com", &[far], None, true, false),
            ("events.example.com", &["null"], None, true, false),
            ("events.example.com", &[own, far], None, true, false),
            ("events.example.com", &[], Query, true, true),
            ("events.example.com", &[far], Header, true, true),
            ("", &["https://"], Cookie, true, false),
        ] {
            let request = request("POST", host, origins, secure);
            let checked = cors.check_change(&request, credential);
            let case = format!("{host:?} {origins:?} {credential:?} {secure}: {checked:?}");
            assert_eq!(checked.is_ok(), allowed, "{case}");
            if let Err(error) = checked {
                assert_eq!(
                    (error.status.as_u16(), error.code),
                    (403, "origin_mismatch")
                );
            }
        }
    }
}
