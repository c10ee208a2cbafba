//! Signing in: a session of an hour, and tokens of fifteen minutes, which say what may be seen.
//!
//! It does not know who supervises what. A page never holds the session: it is in a cookie that scripts
//! cannot read, and that is sent only where new tokens are asked for.

use crate::school::Supervisor;
use hyper::header::HeaderValue;
use std::error::Error;
use std::fmt;
use std::time::Duration;
use tidings_smol::server::{
    Access, Algorithm, ApiError, Ask, AuthOptions, Client, JwtOptions, KeyOptions, NewToken,
    Secret, SigningKey, StaticKeyOptions, Verifier,
};
use tidings_smol::{HubOptions, Rules, unix_ms};

/// What tokens of sessions are for; the server takes none of them for anything.
const SESSION: &str = "session";
const COOKIE: &str = "board_session";

/// The devices at the doors, by the name of their key.
pub(crate) const DOOR: &str = "door";

/// How long they last, and what they are signed with.
pub(crate) struct SessionOptions {
    pub(crate) secret: String,
    pub(crate) door_key: String,
    pub(crate) session: Duration,
    pub(crate) token: Duration,
}

/// The topic of a group.
pub(crate) fn topic(group: &str) -> String {
    format!("groups/{group}")
}

/// The group of a topic.
pub(crate) fn group_of(topic: &str) -> &str {
    topic.strip_prefix("groups/").unwrap_or(topic)
}

/// Makes sessions and tokens.
pub(crate) struct Sessions {
    options: SessionOptions,
    key: SigningKey,
    verifier: Verifier,
}

impl SessionOptions {
    /// Whom the server believes: tokens of here, in the header or, of an `EventSource`, in the query; and
    /// the doors.
    pub(crate) fn auth(&self) -> AuthOptions {
        AuthOptions {
            query: Some("token".to_owned()),
            jwt: Some(self.tokens_for(&[])),
            keys: vec![StaticKeyOptions {
                name: DOOR.to_owned(),
                key: Some(Secret::from(self.door_key.clone())),
                key_file: None,
                // What a door may do is said in its routes; to the server it is nobody.
                access: Access::default(),
            }],
            ..AuthOptions::default()
        }
    }

    fn tokens_for(&self, audience: &[&str]) -> JwtOptions {
        JwtOptions {
            audience: audience.iter().map(ToString::to_string).collect(),
            // The clock that signs is the clock that checks.
            leeway: Duration::ZERO,
            keys: vec![KeyOptions {
                id: None,
                algorithm: Algorithm::Hs256,
                secret: Some(Secret::from(self.secret.clone())),
                secret_file: None,
                pem_file: None,
            }],
            ..JwtOptions::default()
        }
    }
}

impl Sessions {
    pub(crate) fn new(options: SessionOptions) -> Result<Self, Box<dyn Error>> {
        let rules = Rules::new(&HubOptions::default())?;
        Ok(Self {
            key: SigningKey::from_secret(Algorithm::Hs256, &options.secret)?,
            verifier: Verifier::new(&options.tokens_for(&[SESSION]), rules)?,
            options,
        })
    }

    /// A token that says which groups its supervisor may see.
    pub(crate) fn token(&self, supervisor: &Supervisor) -> Result<String, ApiError> {
        let groups = supervisor.supervises.iter();
        let access = Access {
            subscribe: groups.map(|group| topic(group)).collect(),
            ..Access::default()
        };
        let token = NewToken {
            access,
            ..token_for(&supervisor.user_id, self.options.token)
        };
        self.key.sign(&token).map_err(unsigned)
    }

    /// The cookie of a new session.
    pub(crate) fn begin(&self, client: &Client, user_id: &str) -> Result<HeaderValue, ApiError> {
        let token = NewToken {
            audience: vec![SESSION.to_owned()],
            ..token_for(user_id, self.options.session)
        };
        let token = self.key.sign(&token).map_err(unsigned)?;
        cookie(client, &token, self.options.session.as_secs())
    }

    /// Whose session it is.
    pub(crate) fn user_of(&self, ask: &Ask<'_>) -> Result<String, ApiError> {
        let session = ask.cookie(COOKIE).unwrap_or_default();
        let identity = self.verifier.verify(&session, unix_ms()).ok();
        identity.and_then(|identity| identity.user).ok_or_else(|| {
            ApiError::unauthorized("no_session", "the session has ended: sign in again")
        })
    }
}

fn token_for(user_id: &str, life: Duration) -> NewToken {
    NewToken {
        user: Some(user_id.to_owned()),
        expires_s: Some(unix_ms() / 1_000 + life.as_secs()),
        ..NewToken::default()
    }
}

/// The cookie that ends a session.
pub(crate) fn end(client: &Client) -> Result<HeaderValue, ApiError> {
    cookie(client, "", 0)
}

fn cookie(client: &Client, value: &str, seconds: u64) -> Result<HeaderValue, ApiError> {
    let secure = if client.secure { "; Secure" } else { "" };
    let cookie = format!(
        "{COOKIE}={value}; Path=/api/auth; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
    );
    HeaderValue::try_from(cookie).map_err(unsigned)
}

fn unsigned(problem: impl fmt::Display) -> ApiError {
    ApiError::unavailable("not_signed", problem.to_string())
}
