//! Signing in and out: a session in a cookie, which the hub accepts since it asks here whose it is.
//!
//! It does not know what users do.

use crate::center::Center;
use crate::config::Config;
use crate::store::Session;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hyper::header::{HeaderValue, SET_COOKIE};
use serde::Deserialize;
use serde_json::json;
use tidings_smol::server::{ApiError, Ask, Reply};
use tidings_smol::{Answer, unix_ms};

/// Where the hub asks who has a cookie.
pub(crate) const WHOAMI: &str = "/whoami";

/// Who there is, and their passwords; a real application keeps what Argon2 makes of them.
const USERS: [(&str, &str); 3] = [("ada", "engine"), ("ben", "kite"), ("cleo", "nile")];

impl Config {
    /// The names that people have.
    pub(crate) fn users(&self) -> impl Iterator<Item = &'static str> {
        USERS.into_iter().map(|(name, _)| name)
    }

    pub(crate) fn is_user(&self, name: &str) -> bool {
        self.users().any(|user| user == name) || self.is_guest(name)
    }

    fn is_guest(&self, name: &str) -> bool {
        let number = name.strip_prefix("guest-");
        let number = number.and_then(|number| number.parse().ok());
        number.is_some_and(|number| (1..=self.guests).contains(&number))
    }
}

const COOKIE_NAME: &str = "session";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    user: String,
    password: String,
}

/// `POST /api/session`
pub(crate) async fn sign_in(center: &Center, ask: Ask<'_>) -> Reply {
    let lifetime_ms = center.config.session_lifetime;
    let secure = ask.client().secure;
    let SignIn { user, password } = ask.json().await?;
    let is_guest = center.config.is_guest(&user) && password == "guest";
    if !is_guest && !USERS.contains(&(&*user, &*password)) {
        let message = "there is no such user, or it is not their password";
        return Err(ApiError::unauthorized("wrong_password", message));
    }
    let mut token = [0; 32];
    rand::fill(&mut token).map_err(|_| ApiError::unavailable("no_entropy", "try again"))?;
    let token = BASE64_URL_SAFE_NO_PAD.encode(token);
    let hash = hash(&token);
    let session = Session {
        user: user.clone(),
        expires_ms: unix_ms() + lifetime_ms,
    };
    center
        .disk
        .ask(move |store| store.begin_session(&hash, &session))
        .await?;
    let cookie = cookie(&token, lifetime_ms / 1_000, secure);
    Ok(Answer::json(&json!({ "user": user })).with_header(SET_COOKIE, cookie))
}

/// `DELETE /api/session`: the session's streams end with it.
pub(crate) async fn sign_out(center: &Center, ask: Ask<'_>) -> Reply {
    if let Some(hash) = cookie_hash(&ask) {
        let ended = hash.clone();
        center
            .disk
            .ask(move |store| store.end_session(&ended))
            .await?;
        ask.revoke_token(&hash).await?;
    }
    let cookie = cookie("", 0, ask.client().secure);
    Ok(Answer::done().with_header(SET_COOKIE, cookie))
}

/// `GET /whoami`: for the hub.
pub(crate) async fn whoami(center: &Center, ask: Ask<'_>) -> Reply {
    let hash = cookie_hash(&ask);
    let signed_out = || ApiError::unauthorized("signed_out", "sign in first");
    let hash = hash.ok_or_else(signed_out)?;
    let token_id = hash.clone();
    let session = center
        .disk
        .ask(move |store| store.session(&hash))
        .await?
        .ok_or_else(signed_out)?;
    Ok(Answer::json(&json!({
        "user": session.user,
        "expires_ms": session.expires_ms,
        "token_id": token_id,
        "access": {},
    })))
}

/// What the cookie of a request hashes to: whoever reads the database cannot use it.
fn cookie_hash(ask: &Ask<'_>) -> Option<String> {
    ask.cookie(COOKIE_NAME).map(|token| hash(&token))
}

fn hash(token: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()))
}

/// No script reads it, and no other site's page sends it along.
fn cookie(token: &str, max_age_s: u64, secure: bool) -> HeaderValue {
    let secure = if secure { "; Secure" } else { "" };
    let text = format!(
        "{COOKIE_NAME}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={max_age_s}{secure}"
    );
    HeaderValue::try_from(text).expect("base64 and digits are a header")
}
