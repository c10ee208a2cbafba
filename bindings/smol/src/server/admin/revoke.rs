//! `POST /revocations`: shutting out a stream, a user, or a token, on what is open and what comes.
//!
//! It does not know how long a token is refused; `sessions` does. What is revoked is held in memory,
//! until the server is started anew.

use crate::driver::unix_ms;
use crate::server::Context;
use crate::server::body::{invalid, read_json};
use crate::server::error::ApiError;
use crate::server::live::not_found;
use crate::server::object::Object;
use crate::server::reply;
use crate::server::sessions::{Full, Target};
use http_body_util::Full as Body;
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use serde::Deserialize;
use serde_json::json;
use tidings_core::{ConnectionId, Rules};

/// Streams that are closed in one turn of a driver.
const STREAMS_PER_TURN: usize = 256;

/// Who is to be shut out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    connection: Option<String>,
    user: Option<String>,
    token_id: Option<String>,
    /// When the token ends, Unix time in milliseconds.
    until_ms: Option<u64>,
}

pub(in crate::server) async fn revoke(
    request: Request<Incoming>,
    context: &Context,
) -> Result<Response<Body<Bytes>>, ApiError> {
    let body = read_json(request, context).await?;
    let Object(asked) = serde_json::from_slice::<Object<Asked>>(&body).map_err(invalid)?;
    let target = asked.target(context.hub.rules())?;
    let ShutOut { closed, tokens } = context.shut_out(&target).await?;
    Ok(reply::json(&json!({ "closed": closed, "tokens": tokens })))
}

/// What it has come to.
pub(in crate::server) struct ShutOut {
    /// Streams that were open.
    pub(in crate::server) closed: usize,
    /// Tokens that are refused from now on.
    tokens: usize,
}

impl Context {
    /// Shuts out a stream, a user's streams, or a token: when this returns, they are closed.
    ///
    /// # Errors
    /// When there is no such stream, or no room to hold it; then nothing is revoked.
    pub(in crate::server) async fn shut_out(&self, target: &Target) -> Result<ShutOut, ApiError> {
        let revocation = self.sessions.revoke(target)?;
        self.forget(target);
        if matches!(target, Target::Connection(_)) && revocation.connections.is_empty() {
            return Err(not_found());
        }
        let closed = close(self, revocation.connections).await;
        let tokens = revocation.tokens;
        Ok(ShutOut { closed, tokens })
    }

    /// Lets go of what others have said of someone who was shut out.
    fn forget(&self, target: &Target) {
        match (&self.auth, target) {
            (Some(auth), Target::User(user)) => auth.forget_user(user),
            (Some(auth), Target::Token(token_id, _)) => auth.forget_token(token_id),
            _ => {}
        }
    }
}

impl Asked {
    fn target(self, rules: &Rules) -> Result<Target, ApiError> {
        if self.until_ms.is_some() && self.token_id.is_none() {
            let message = "until_ms says when the token ends, and goes with token_id alone";
            return Err(ApiError::bad("unexpected_until", message));
        }
        if self.until_ms.is_some_and(|until_ms| until_ms <= unix_ms()) {
            let message = "until_ms: the token has ended by then; it is Unix time in milliseconds";
            return Err(ApiError::bad("invalid_until", message));
        }
        let name = |field: &str, name: String| match rules.check_user(&name) {
            Ok(()) => Ok(name),
            Err(error) => Err(ApiError::bad("invalid_name", format!("{field}: {error}"))),
        };
        match (self.connection, self.user, self.token_id) {
            (Some(id), None, None) => id.parse().map(Target::Connection).map_err(|_| {
                let message = format!("connection: {id:?} is not a connection id");
                ApiError::bad("invalid_connection", message)
            }),
            (None, Some(user), None) => Ok(Target::User(name("user", user)?)),
            (None, None, Some(id)) => Ok(Target::Token(name("token_id", id)?, self.until_ms)),
            _ => {
                let message = "name exactly one of connection, user and token_id";
                Err(ApiError::bad("invalid_target", message))
            }
        }
    }
}

/// Closes streams whose tokens have ended by this, and says how many were open.
async fn close(context: &Context, connections: Vec<ConnectionId>) -> usize {
    let mut closed = 0;
    // Streams of one hub follow each other.
    for hub in connections.chunk_by(|one, next| one.shard() == next.shard()) {
        for some in hub.chunks(STREAMS_PER_TURN) {
            let ids = some.to_vec();
            let expire = move |hub: &mut tidings_core::Hub, now| {
                let open = ids.into_iter().filter(|id| hub.expire(now, *id));
                open.count()
            };
            // A driver that has ended has no streams.
            closed += context.hub.ask_for(some[0], expire).await.unwrap_or(0);
        }
    }
    closed
}

impl From<Full> for ApiError {
    fn from(Full: Full) -> Self {
        Self::unavailable(
            "too_many_revocations",
            "there is no room for another revocation until one of those that are held ends; \
             nothing was revoked",
        )
    }
}
