//! A server that asks who comes, as its users and those who look after it use it.
//!
//! It does not know what it is tried for.

use super::guarded::{bearer, now_s, options, reading, sign};
use super::http::{Client, Response};
use super::site::Site;
use super::stream::Stream;
use serde_json::{Value, json};
use std::time::Duration;
use tidings_smol::server::{Access, NewToken, ServerOptions};

pub(crate) struct Managed {
    pub(crate) site: Site,
}

/// A token of a user, with an hour to live, and an id that says whose it is.
pub(crate) fn token_of(user: &str, access: Access) -> NewToken {
    NewToken {
        user: Some(user.to_owned()),
        id: Some(format!("token of {user}")),
        expires_s: Some(now_s() + 3_600),
        access,
        ..NewToken::default()
    }
}

/// A signed token of a user who may read these topics.
pub(crate) fn reader(user: &str, topics: &[&str]) -> String {
    sign(&token_of(user, reading(topics)))
}

/// A signed token of one who may do everything.
pub(crate) fn admin() -> String {
    sign(&token_of("root", Access::everything()))
}

impl Managed {
    pub(crate) fn start() -> Self {
        Self::start_with(|_| {})
    }

    /// Nothing is for everyone, and tokens end when they say.
    pub(crate) fn start_with(change: impl FnOnce(&mut ServerOptions)) -> Self {
        let mut auth = options();
        auth.anonymous = Access::default();
        auth.jwt.as_mut().expect("it takes tokens").leeway = Duration::ZERO;
        let site = Site::start(false, |options| {
            options.auth = Some(auth);
            change(options);
        });
        Self { site }
    }

    /// A request with a token, or without any where that is empty.
    pub(crate) fn request(&self, line: &str, token: &str, body: &str) -> Response {
        let authorization = bearer(token);
        let headers: &[&str] = if token.is_empty() {
            &[]
        } else {
            &[&authorization]
        };
        self.request_with(line, headers, body)
    }

    pub(crate) fn request_with(&self, line: &str, headers: &[&str], body: &str) -> Response {
        let length = format!("content-length: {}", body.len());
        let mut all = vec!["host: localhost"];
        if !body.is_empty() {
            all.extend(["content-type: application/json", &length]);
        }
        all.extend(headers);
        let mut client = Client::connect(self.site.address);
        client.request_with(&format!("{line} HTTP/1.1"), &all, body.as_bytes())
    }

    pub(crate) fn get(&self, target: &str, token: &str) -> Response {
        self.request(&format!("GET {target}"), token, "")
    }

    /// Posts JSON, or nothing.
    pub(crate) fn post(&self, path: &str, token: &str, json: &Value) -> Response {
        let body = match json {
            Value::Null => String::new(),
            json => json.to_string(),
        };
        self.request(&format!("POST {path}"), token, &body)
    }

    /// What an administrator is answered, who may ask for it.
    pub(crate) fn seen_by_admin(&self, target: &str) -> Value {
        let response = self.get(target, &admin());
        assert_eq!(response.status, 200, "{response:?}");
        response.json()
    }

    /// Publishes a text to a topic.
    pub(crate) fn say(&self, topic: &str, data: &str) {
        let event = json!({ "topics": [topic], "data": data });
        let response = self.post("/publish", &admin(), &event);
        assert_eq!(response.status, 200, "{response:?}");
    }

    /// Opens a stream with a token.
    pub(crate) fn stream(&self, query: &str, token: &str) -> Stream {
        self.resume(query, token, "")
    }

    /// Opens a stream with a token, after an id.
    pub(crate) fn resume(&self, query: &str, token: &str, last_event_id: &str) -> Stream {
        Stream::of(self.ask_for_stream(query, token, last_event_id))
    }

    /// Asks for a stream, which may be refused.
    pub(crate) fn ask_for_stream(&self, query: &str, token: &str, last_event_id: &str) -> Client {
        let mut client = Client::connect(self.site.address);
        let mut request = format!("GET /events?{query} HTTP/1.1\r\nhost: localhost\r\n");
        if !token.is_empty() {
            request += &format!("{}\r\n", bearer(token));
        }
        if !last_event_id.is_empty() {
            request += &format!("last-event-id: {last_event_id}\r\n");
        }
        client.send(request + "\r\n");
        client
    }
}
