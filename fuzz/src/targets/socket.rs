//! What the server makes of what clients say on their WebSockets: read field by field once more, and an
//! event beside the same one posted.
//!
//! It does not know frames: how a message comes in is the WebSocket library's business.

use super::fields::Fields;
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tidings_core::{ConnectionId, HubOptions, Rules};
use tidings_smol::server::{Access, Asks, PublishAsked, parse_body, parse_message};

/// What a message should be read as.
enum Expected {
    /// It is wrong, with this code.
    Wrong(&'static str),
    Topics(Vec<String>),
    Token(String),
    Ping,
    /// An event, unless it is wrong as one that is posted would be: the object to post, and whether the
    /// sender hears it.
    Event(String, bool),
    /// An event that says who does not hear it.
    Except,
    Other,
}

/// The fields of an object, as they stand.
type Said<'a> = [(String, &'a RawValue)];

/// Checks one message.
///
/// # Errors
/// Where something is read that is not there, or not read that is; where a `ref` is lost.
pub fn check(bytes: &[u8]) -> Verdict {
    let Ok(text) = str::from_utf8(bytes) else {
        return Ok(());
    };
    let fields = serde_json::from_str::<Fields<'_>>(text);
    let fields = fields.map(|Fields(fields)| fields).ok();
    let (reference, expected) = match &fields {
        Some(fields) => expected(fields),
        None => (None, Expected::Wrong("invalid_json")),
    };
    let read = parse_message(text);
    ensure_eq!(read.reference, reference, "the ref of {text:?}");
    match (read.asks, expected) {
        (Err(refused), Expected::Wrong(code)) => {
            ensure_eq!(refused.code, code, "the code of {refused:?}");
            ensure!(!refused.message.is_empty(), "{refused:?} says why");
            Ok(())
        }
        (Err(refused), Expected::Event(posted, _)) => {
            ensure_eq!(refused.code, "invalid_json", "the code of {refused:?}");
            let posted = post(&posted);
            let code = posted.as_ref().map_err(|error| error.code);
            ensure_eq!(
                code.err(),
                Some("invalid_json"),
                "the same posted: {posted:?}"
            );
            Ok(())
        }
        (Ok(Asks::Publish(asked)), Expected::Event(posted, echo)) => same(&asked, &posted, echo),
        (Ok(Asks::Publish(asked)), Expected::Except) => {
            let refused = asked.message(&rules()?, &Access::everything(), sender());
            let code = refused.map_err(|error| error.code);
            ensure_eq!(code.err(), Some("invalid_except"), "the code of {text:?}");
            Ok(())
        }
        // Whatever else is wrong with it.
        (Err(refused), Expected::Except) => {
            ensure_eq!(refused.code, "invalid_json", "the code of {refused:?}");
            Ok(())
        }
        (Ok(Asks::Subscribe(read) | Asks::Unsubscribe(read)), Expected::Topics(topics)) => {
            ensure_eq!(read, topics, "the topics of {text:?}");
            Ok(())
        }
        (Ok(Asks::Token(read)), Expected::Token(token)) => {
            ensure_eq!(read, token, "the token of {text:?}");
            Ok(())
        }
        (Ok(Asks::Ping), Expected::Ping) | (Ok(Asks::Other(_)), Expected::Other) => Ok(()),
        (read, _) => Err(format!("{text:?} is read as {read:?}")),
    }
}

/// The `ref` of an object, and what it says.
fn expected<'a>(fields: &Said<'a>) -> (Option<&'a str>, Expected) {
    let wrong = |code| (None, Expected::Wrong(code));
    let (Some(kind), Some(reference)) = (one(fields, "type"), one(fields, "ref")) else {
        return wrong("invalid_json");
    };
    let kind = match kind.map(value) {
        None | Some(Value::Null) => None,
        Some(Value::String(kind)) => Some(kind),
        // A string that is none, such as half a surrogate pair, is not read as a value at all.
        Some(_) => return wrong("invalid_json"),
    };
    let reference = reference.map(RawValue::get);
    let reference = match reference.and_then(|raw| raw.bytes().next()) {
        None | Some(b'n') => None,
        Some(b'"' | b'-' | b'0'..=b'9') => reference,
        Some(_) => return wrong("invalid_ref"),
    };
    let rest: Vec<_> = fields
        .iter()
        .filter(|(name, _)| !["type", "ref"].contains(&&**name))
        .collect();
    let only = |name: &str| match &*rest {
        [(found, raw)] if found == name => Some(value(raw)),
        _ => None,
    };
    let invalid = Expected::Wrong("invalid_json");
    let expected = match kind.as_deref() {
        None => Expected::Wrong("unknown_type"),
        Some("subscribe" | "unsubscribe") => only("topics")
            .and_then(|topics| serde_json::from_value(topics).ok())
            .map_or(invalid, Expected::Topics),
        Some("token") => match only("token") {
            Some(Value::String(token)) => Expected::Token(token),
            _ => invalid,
        },
        Some("ping") if rest.is_empty() => Expected::Ping,
        Some("ping") => invalid,
        Some("publish") => event(fields, &rest),
        Some(_) => Expected::Other,
    };
    (reference, expected)
}

fn event(fields: &Said<'_>, rest: &[&(String, &RawValue)]) -> Expected {
    let echo = match one(fields, "echo").map(|echo| echo.map(value)) {
        Some(None) => false,
        Some(Some(Value::Bool(echo))) => echo,
        _ => return Expected::Wrong("invalid_json"),
    };
    let is_except = |(name, raw): &&&(String, &RawValue)| name == "except" && raw.get() != "null";
    if rest.iter().filter(is_except).count() > 0 {
        return Expected::Except;
    }
    let rest = rest.iter().filter(|(name, _)| name != "echo");
    let rest: Vec<_> = rest
        .map(|(name, raw)| format!("{}:{raw}", Value::from(&**name)))
        .collect();
    Expected::Event(format!("{{{}}}", rest.join(",")), echo)
}

/// The value of a field; none where the field is there more than once.
fn one<'a>(fields: &Said<'a>, name: &str) -> Option<Option<&'a RawValue>> {
    let mut found = fields.iter().filter(|(found, _)| found == name);
    let first = found.next().map(|(_, raw)| *raw);
    found.next().is_none().then_some(first)
}

/// What is written so; what cannot be read is like nothing that is expected anywhere.
fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_else(|_| Value::Object(Map::new()))
}

/// An event is taken, and refused, as the same one that is posted.
fn same(asked: &PublishAsked<'_>, posted: &str, echo: bool) -> Verdict {
    let read = asked.message(&rules()?, &Access::everything(), sender());
    let mut object = posted.to_owned();
    if !echo {
        let comma = if object == "{}" { "" } else { "," };
        object.insert_str(1, &format!("\"except\":\"{}\"{comma}", sender()));
    }
    // With a null it is there already.
    let posted = post(&object).or_else(|_| post(posted));
    match (read, posted) {
        (Ok(read), Ok(posted)) if echo => {
            ensure_eq!(format!("{read:?}"), format!("{posted:?}"), "the event");
            Ok(())
        }
        (Ok(read), Ok(posted)) => {
            ensure_eq!(read.id(), posted.id(), "the id of the event");
            Ok(())
        }
        (Err(read), Err(posted)) => {
            ensure_eq!(read, posted, "why it is refused");
            Ok(())
        }
        (read, posted) => Err(format!("read as {read:?}, and posted as {posted:?}")),
    }
}

fn post(object: &str) -> Result<tidings_core::Message, tidings_smol::server::ApiError> {
    let rules = Rules::new(&HubOptions::default()).expect("rules");
    let mut read = parse_body(object.as_bytes(), &rules, &Access::everything())?;
    Ok(read.remove(0))
}

fn rules() -> Verdict<Rules> {
    Rules::new(&HubOptions::default()).map_err(|error| error.to_string())
}

const fn sender() -> ConnectionId {
    ConnectionId::from_u64(7)
}
