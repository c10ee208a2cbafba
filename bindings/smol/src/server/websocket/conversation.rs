//! What is answered to a client's messages, one after the other.
//!
//! It does not know how messages come and answers go. What is asked for is done as over HTTP, with the
//! same rights and limits, which are looked up anew for each message.

use super::application::{Application, Socket};
use super::message::{Asks, ClientMessage, PublishAsked, parse_message};
use crate::driver::unix_ms;
use crate::server::Context;
use crate::server::client::Client;
use crate::server::error::ApiError;
use crate::server::identity::Identity;
use crate::server::limits::Publisher;
use crate::server::live::{Change, not_found};
use crate::server::sessions::{Asking, Session, TabKey};
use crate::server::{live, publish};
use async_tungstenite::tungstenite::Utf8Bytes;
use hyper::Request;
use hyper::header::{AUTHORIZATION, HeaderValue};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use tidings_core::SubscribeError;

/// One socket, as far as its client is listened to.
pub(super) struct Conversation {
    pub(super) context: Rc<Context>,
    pub(super) client: Client,
    pub(super) socket: Socket,
    /// Who takes messages that are not the server's.
    pub(super) application: Option<Rc<dyn Application>>,
}

/// What a message is answered with.
pub(super) struct Answer {
    pub(super) json: String,
    /// It was refused, by a mistake of the client's.
    pub(super) is_error: bool,
}

/// The answer to a message, which is on its way.
pub(super) type Answering = Pin<Box<dyn Future<Output = Answer>>>;

/// What came of a message.
type Outcome = Result<Map<String, Value>, ApiError>;

#[derive(Serialize)]
struct Written<'a> {
    r#type: &'static str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    reference: Option<&'a RawValue>,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl Answer {
    fn new(kind: &'static str, reference: Option<&str>, fields: Map<String, Value>) -> Self {
        let reference: Option<&RawValue> =
            reference.and_then(|reference| serde_json::from_str(reference).ok());
        let written = Written {
            r#type: kind,
            reference,
            fields,
        };
        Self {
            // All of it came from JSON, or can be that.
            json: serde_json::to_string(&written).unwrap_or_default(),
            is_error: false,
        }
    }

    fn error(reference: Option<&str>, refused: &ApiError) -> Self {
        let mut fields = Map::new();
        fields.insert("code".to_owned(), refused.code.into());
        fields.insert("message".to_owned(), refused.message.clone().into());
        if !refused.is_final() {
            fields.insert("retry_ms".to_owned(), refused.retry_ms().into());
        }
        Self {
            // What comes while the server closes the stream is no mistake of the client's.
            is_error: refused.code != not_found().code,
            ..Self::new("error", reference, fields)
        }
    }
}

impl Conversation {
    /// Answers a message.
    pub(super) async fn answer(self: Rc<Self>, text: Utf8Bytes) -> Answer {
        let ClientMessage { reference, asks } = parse_message(&text);
        let is_ping = matches!(asks, Ok(Asks::Ping));
        let counts = &self.context.metrics.sockets;
        counts.message(asks.as_ref().map_or("invalid", Asks::name));
        match self.outcome(asks, &text).await {
            Ok(fields) if is_ping => Answer::new("pong", reference, fields),
            Ok(fields) => Answer::new("answer", reference, fields),
            Err(refused) => {
                counts.error(refused.code);
                Answer::error(reference, &refused)
            }
        }
    }

    /// Refuses what is no text.
    pub(super) fn refuse_binary(&self) -> Answer {
        let refused = ApiError::bad("not_text", "messages are text: JSON objects");
        let counts = &self.context.metrics.sockets;
        counts.message("invalid");
        counts.error(refused.code);
        Answer::error(None, &refused)
    }

    async fn outcome(&self, asks: Result<Asks<'_>, ApiError>, text: &str) -> Outcome {
        let Self {
            context, client, ..
        } = self;
        let user = self.socket.user_arc();
        let speaker = match user {
            Some(user) => Publisher::User(user.as_ref().to_owned()),
            None => Publisher::Address(client.address),
        };
        context.limits().message(&speaker)?;
        let asks = asks?;
        let _turn = match user {
            Some(user) => Some(context.turns.wait(user).await),
            None => None,
        };
        let asking = context.sessions.begin();
        let identity = self.identity(&asking)?;
        match asks {
            Asks::Ping => Ok(Map::new()),
            Asks::Subscribe(add) => self.change(add, Vec::new(), &identity, &asking).await,
            Asks::Unsubscribe(remove) => self.change(Vec::new(), remove, &identity, &asking).await,
            Asks::Publish(publish) => self.publish(&publish, &identity).await,
            Asks::Token(token) => self.renew(&token, &asking).await,
            Asks::Other(kind) => self.ask_application(&kind, text).await,
        }
    }

    /// Who speaks, as of now.
    ///
    /// # Errors
    /// That they may not any more, or that the stream has closed.
    fn identity(&self, asking: &Asking) -> Result<Arc<Identity>, ApiError> {
        let connection = self.socket.connection();
        let (identity, expires_ms) = {
            let sessions = self.context.sessions.lock();
            let session = sessions.session(connection).ok_or_else(not_found)?;
            (session.speaker().cloned(), session.expires_ms())
        };
        if expires_ms.is_some_and(|expires_ms| expires_ms <= unix_ms()) {
            return Err(SubscribeError::Expired.into());
        }
        let identity = identity.unwrap_or_default();
        asking.check(&identity)?;
        Ok(identity)
    }

    async fn change(
        &self,
        add: Vec<String>,
        remove: Vec<String>,
        identity: &Identity,
        asking: &Asking,
    ) -> Outcome {
        let context = &self.context;
        let connection = self.socket.connection();
        let change = Change::new(add, remove);
        change.check(context.hub.rules(), &identity.access)?;
        let tab: Option<TabKey> = {
            let sessions = context.sessions.lock();
            sessions.session(connection).and_then(Session::tab_key)
        };
        let began = asking.began();
        let changed = live::change(context, connection, tab, change, identity.clone(), began);
        Ok(object(json!({ "topics": changed.await? })))
    }

    async fn publish(&self, asked: &PublishAsked<'_>, identity: &Identity) -> Outcome {
        let context = &self.context;
        publish::check(context, identity)?;
        let rules = context.hub.rules();
        let message = asked.message(rules, &identity.access, self.socket.connection())?;
        let address = self.client.address;
        let published = publish::publish_all(context, address, identity, vec![message]).await?;
        let published = published.first().map(serde_json::to_value);
        let published = published.and_then(Result::ok);
        Ok(published.map(object).unwrap_or_default())
    }

    /// Goes on with another token, as with one that is posted.
    async fn renew(&self, token: &str, asking: &Asking) -> Outcome {
        let context = &self.context;
        let invalid = || {
            let message = "token: it is no text that a header can have";
            ApiError::unauthorized("invalid_token", message)
        };
        let header = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| invalid())?;
        let request = Request::get("/ws").header(AUTHORIZATION, header);
        let request = request.extension(self.client.clone()).body(());
        let mut request = request.map_err(|_| invalid())?;
        let identity = context.identify(&mut request).await?;
        asking.check(&identity)?;
        let connection = self.socket.connection();
        let session = context.sessions.lock().session(connection).cloned();
        live::check_owner(&session.ok_or_else(not_found)?, &identity)?;
        let renewed = live::go_on(context, connection, identity, asking.began()).await?;
        Ok(object(json!(renewed)))
    }

    async fn ask_application(&self, kind: &str, text: &str) -> Outcome {
        let Some(application) = &self.application else {
            let message = format!(
                "there is no type {kind:?}; there are subscribe, unsubscribe, publish, token and ping"
            );
            return Err(ApiError::bad("unknown_type", message));
        };
        // It was read as an object before.
        let message = serde_json::from_str(text).map_err(crate::server::body::invalid)?;
        let data = application.message(&self.socket, message).await?;
        Ok(object(json!({ "data": data })))
    }
}

/// The socket has gone, and nothing of it is being answered any more, be it that answering has panicked.
impl Drop for Conversation {
    fn drop(&mut self) {
        if let Some(application) = &self.application {
            let told = AssertUnwindSafe(|| application.closed(&self.socket));
            // A second panic would end the process.
            let _ = catch_unwind(told);
        }
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

impl Asks<'_> {
    /// The type, as metrics call it.
    const fn name(&self) -> &'static str {
        match self {
            Self::Subscribe(_) => "subscribe",
            Self::Unsubscribe(_) => "unsubscribe",
            Self::Publish(_) => "publish",
            Self::Token(_) => "token",
            Self::Ping => "ping",
            Self::Other(_) => "other",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_while_the_stream_closes_is_no_mistake() {
        let mistake = Answer::error(Some("7"), &ApiError::bad("bad", "it is bad"));
        assert!(mistake.is_error, "{}", mistake.json);
        let late = Answer::error(Some("7"), &not_found());
        assert!(!late.is_error, "{}", late.json);
        assert!(late.json.contains("connection_not_found"), "{}", late.json);
    }
}
