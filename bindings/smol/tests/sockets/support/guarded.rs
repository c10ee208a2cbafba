//! A server with authentication in the process of the test, and tokens for it.
//!
//! It does not know who should be allowed what.

use super::http::{Client, Response};
use super::site::Site;
use super::stream::Stream;
use std::time::{SystemTime, UNIX_EPOCH};
use tidings_smol::server::{
    Access, Algorithm, AuthOptions, JwtOptions, KeyOptions, NewToken, Secret, SigningKey,
    StaticKeyOptions,
};

pub(crate) const SECRET: &str = "what tokens of these tests are signed with";

/// The key of the application server.
pub(crate) const APP: &str = "key-of-the-application-server-0123456789";

pub(crate) struct Guarded {
    pub(crate) site: Site,
}

/// Tokens in every place, a key for the application server, and a little for anyone.
pub(crate) fn options() -> AuthOptions {
    AuthOptions {
        anonymous: Access {
            subscribe: names(&["public/*"]),
            ..Access::default()
        },
        cookie: Some("session".to_owned()),
        query: Some("token".to_owned()),
        jwt: Some(JwtOptions {
            keys: vec![KeyOptions {
                id: None,
                algorithm: Algorithm::Hs256,
                secret: Some(Secret::from(SECRET.to_owned())),
                secret_file: None,
                pem_file: None,
            }],
            ..JwtOptions::default()
        }),
        keys: vec![StaticKeyOptions {
            name: "app".to_owned(),
            key: Some(Secret::from(APP.to_owned())),
            key_file: None,
            access: Access::publishing(),
        }],
        forward: None,
    }
}

pub(crate) fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.expect("it is after 1970").as_secs()
}

/// A token of a user who may do this, good for a minute.
pub(crate) fn token(user: &str, access: Access) -> String {
    sign(&NewToken {
        user: Some(user.to_owned()),
        expires_s: Some(now_s() + 600),
        access,
        ..NewToken::default()
    })
}

pub(crate) fn sign(token: &NewToken) -> String {
    let key = SigningKey::from_secret(Algorithm::Hs256, SECRET).expect("a key");
    key.sign(token).expect("a token")
}

/// What a user may do who only reads this.
pub(crate) fn reading(topics: &[&str]) -> Access {
    Access {
        subscribe: names(topics),
        ..Access::default()
    }
}

pub(crate) fn bearer(token: &str) -> String {
    format!("authorization: Bearer {token}")
}

impl Guarded {
    pub(crate) fn start(options: AuthOptions) -> Self {
        let site = Site::start(false, |server| server.auth = Some(options));
        Self { site }
    }

    fn send(&self, method: &str, target: &str, headers: &[&str], body: &str) -> Client {
        let mut client = Client::connect(self.site.address);
        let mut request = client.bytes_of(method, target, body);
        let at = request.find("\r\n\r\n").expect("the end of the head") + 2;
        let headers = headers.iter().map(|line| format!("{line}\r\n"));
        request.insert_str(at, &headers.collect::<String>());
        client.send(request);
        client
    }

    pub(crate) fn get(&self, target: &str, headers: &[&str]) -> Response {
        self.send("GET", target, headers, "").response()
    }

    pub(crate) fn publish(&self, headers: &[&str], body: &str) -> Response {
        self.send("POST", "/publish", headers, body).response()
    }

    pub(crate) fn stream(&self, query: &str, headers: &[&str]) -> Stream {
        Stream::of(self.send("GET", &format!("/events?{query}"), headers, ""))
    }
}
