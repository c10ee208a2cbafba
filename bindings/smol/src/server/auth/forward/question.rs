//! What the application is shown of a request, and so what it can go by.
//!
//! It does not know what the application makes of it.

use super::answers::Key;
use crate::server::client::Client;
use crate::server::error::ApiError;
use crate::server::identity::Credential;
use form_urlencoded::Serializer;
use hyper::Request;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderName, HeaderValue};

/// Headers that say something of the connection they come on, or of the request that is forwarded.
const OWN: [&str; 13] = [
    "accept",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];

/// What the application is asked.
pub(super) struct Question(Vec<(HeaderName, HeaderValue)>);

impl Question {
    /// Shows the application these headers; who asks, from where, for what; and nothing else. Of the
    /// query it sees the topics: in the rest are a token, and what differs between the tabs of one
    /// page, which ask for the same.
    ///
    /// # Errors
    /// What is asked for cannot be said in a header.
    pub(super) fn new<B>(request: &Request<B>, shown: &[HeaderName]) -> Result<Self, ApiError> {
        let mut headers = Vec::new();
        let mut say = |name: &'static str, value: &str| {
            let value = HeaderValue::try_from(value).map_err(|_| {
                let message = "the path has characters that cannot be said in a header";
                ApiError::bad("invalid_path", message)
            })?;
            headers.push((HeaderName::from_static(name), value));
            Ok::<_, ApiError>(())
        };
        say("x-forwarded-method", request.method().as_str())?;
        say("x-forwarded-uri", &target(request))?;
        if let Some(client) = request.extensions().get::<Client>() {
            say("x-forwarded-for", &client.address.to_string())?;
            let scheme = if client.secure { "https" } else { "http" };
            say("x-forwarded-proto", scheme)?;
            if let Some(host) = &client.host {
                say("x-forwarded-host", host)?;
            }
        }
        for name in shown {
            let values = request.headers().get_all(name);
            headers.extend(values.iter().map(|value| (name.clone(), value.clone())));
        }
        Ok(Self(headers))
    }

    pub(super) fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.0
    }

    pub(super) fn key(&self) -> Key {
        let mut key = Vec::new();
        // Neither names nor values can have a line break, and names no colon.
        for (name, value) in &self.0 {
            key.extend([name.as_str().as_bytes(), b":", value.as_bytes(), b"\n"].concat());
        }
        key.into()
    }

    /// What the application can know who asks by. Only a page itself puts a token into a header, and
    /// all else browsers send by themselves, passwords that they remember included.
    pub(super) fn credential(&self) -> Credential {
        let mut credential = Credential::None;
        for (name, value) in &self.0 {
            if name == AUTHORIZATION && is_bearer(value) {
                return Credential::Header;
            }
            if name == COOKIE || name == AUTHORIZATION {
                credential = Credential::Cookie;
            }
        }
        credential
    }
}

/// Reads the name of a header that the application is to be shown.
///
/// # Errors
/// It is no name, or of a header that is not the client's to say.
pub(super) fn shown(name: &str) -> Result<HeaderName, String> {
    let header: HeaderName = name
        .parse()
        .map_err(|_| format!("{name:?} is no name of a header"))?;
    let text = header.as_str();
    if OWN.contains(&text) || text.starts_with("x-forwarded-") || text.starts_with("proxy-") {
        return Err(format!("{text} is for the server itself to say"));
    }
    Ok(header)
}

fn target<B>(request: &Request<B>) -> String {
    let query = request.uri().query().unwrap_or_default();
    let topics = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "topic");
    let topics = Serializer::new(String::new()).extend_pairs(topics).finish();
    let mark = if topics.is_empty() { "" } else { "?" };
    format!("{}{mark}{topics}", request.uri().path())
}

fn is_bearer(value: &HeaderValue) -> bool {
    let scheme = value.as_bytes().get(..7);
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(target: &str, headers: &[(&str, &str)]) -> Question {
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let shown = [COOKIE, AUTHORIZATION];
        Question::new(&request, &shown).unwrap()
    }

    fn said<'a>(question: &'a Question, name: &str) -> Vec<&'a str> {
        let said = question.headers().iter().filter(|(said, _)| said == name);
        said.map(|(_, value)| value.to_str().unwrap()).collect()
    }

    #[test]
    fn of_the_query_only_the_topics_are_shown() {
        for (target, uri) in [
            ("/events", "/events"),
            ("/events?", "/events"),
            ("/events?token=secret&tab=1", "/events"),
            (
                "/events?topic=a&tab=1&topic=b%2Fc%26d&last_event_id=7",
                "/events?topic=a&topic=b%2Fc%26d",
            ),
            ("/events?%74opic=a+b", "/events?topic=a+b"),
        ] {
            let question = question(target, &[]);
            assert_eq!(said(&question, "x-forwarded-uri"), [uri], "{target}");
        }
    }

    #[test]
    fn only_the_headers_that_were_chosen_are_shown_and_all_of_each() {
        let question = question(
            "/events",
            &[
                ("cookie", "a=1"),
                ("cookie", "b=2"),
                ("x-secret", "1"),
                ("x-forwarded-for", "6.6.6.6"),
                ("x-forwarded-uri", "/admin"),
            ],
        );
        assert_eq!(said(&question, "cookie"), ["a=1", "b=2"]);
        assert_eq!(said(&question, "x-forwarded-uri"), ["/events"]);
        assert!(said(&question, "x-secret").is_empty());
        assert!(said(&question, "x-forwarded-for").is_empty());
    }

    #[test]
    fn requests_that_show_something_else_are_another_question() {
        let questions = [
            question("/events?topic=a", &[]),
            question("/events?topic=b", &[]),
            question("/events?topic=a", &[("cookie", "a")]),
            question("/events?topic=a", &[("authorization", "a")]),
            question("/events?topic=a", &[("cookie", "a"), ("cookie", "b")]),
            question("/events?topic=a", &[("cookie", "ab")]),
            question("/events?topic=a", &[("cookie", "a:b")]),
        ];
        for (number, one) in questions.iter().enumerate() {
            for other in &questions[number + 1..] {
                assert_ne!(one.key(), other.key());
            }
        }
        let tabs = ["1", "2"].map(|tab| question(&format!("/events?topic=a&tab={tab}"), &[]).key());
        assert_eq!(tabs[0], tabs[1]);
    }

    #[test]
    fn a_token_that_a_page_has_shown_is_told_from_what_its_browser_adds() {
        use Credential::{Cookie, Header, None};
        for (headers, credential) in [
            (&[][..], None),
            (&[("x-key", "1")], None),
            (&[("cookie", "a=1")], Cookie),
            (&[("authorization", "Basic YTpi")], Cookie),
            (&[("authorization", "bearer abc")], Header),
            (
                &[("cookie", "a=1"), ("authorization", "Bearer abc")],
                Header,
            ),
            (&[("cookie", "a=1"), ("authorization", "bearer")], Cookie),
        ] {
            let found = question("/", headers).credential();
            assert_eq!(found, credential, "{headers:?}");
        }
    }

    #[test]
    fn headers_that_are_not_the_clients_cannot_be_chosen() {
        for name in ["Cookie", "authorization", "x-api-key", "accept-language"] {
            assert!(shown(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "a b",
            "Host",
            "connection",
            "X-Forwarded-For",
            "content-length",
        ] {
            assert!(shown(name).is_err(), "{name}");
        }
    }
}
