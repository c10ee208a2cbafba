//! What clients say on their sockets: one JSON object a message, with a `type`.
//!
//! It does not know what becomes of it, and who says it. Reading is a function of the text alone.

use crate::server::body::invalid;
use crate::server::error::ApiError;
use crate::server::identity::Access;
use crate::server::publish::EventBody;
use serde::de::value::{CowStrDeserializer, MapAccessDeserializer};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use tidings_core::{ConnectionId, Message, Rules};

/// What a client says, as far as that can be told.
#[derive(Debug)]
pub struct ClientMessage<'a> {
    /// `ref` as it was written, a string or a number: the answer has it too.
    pub reference: Option<&'a str>,
    /// What is asked for, or what is wrong.
    pub asks: Result<Asks<'a>, ApiError>,
}

/// What a client asks for.
#[derive(Debug)]
pub enum Asks<'a> {
    /// To get these topics too.
    Subscribe(Vec<String>),
    /// To get these no more.
    Unsubscribe(Vec<String>),
    /// To publish an event.
    Publish(Box<PublishAsked<'a>>),
    /// To go on with this token.
    Token(String),
    /// Whether anyone is there.
    Ping,
    /// Something of a type that is not the server's.
    Other(Cow<'a, str>),
}

/// An event to be published.
#[derive(Debug)]
pub struct PublishAsked<'a> {
    event: EventBody<'a>,
    echo: bool,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "ref")]
    reference: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicsBody {
    topics: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenBody {
    token: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PingBody {}

#[derive(Deserialize)]
struct EchoBody {
    #[serde(default)]
    echo: bool,
}

/// Reads a message. Of one that is wrong, the `ref` is still read where that can be.
#[must_use]
pub fn parse_message(text: &str) -> ClientMessage<'_> {
    let envelope = match without::<Envelope<'_>>(text, &[]) {
        Ok(envelope) => envelope,
        Err(error) => {
            let (reference, asks) = (None, Err(error));
            return ClientMessage { reference, asks };
        }
    };
    match reference(envelope.reference) {
        Ok(reference) => ClientMessage {
            reference,
            asks: asks(text, envelope.kind),
        },
        Err(error) => ClientMessage {
            reference: None,
            asks: Err(error),
        },
    }
}

fn reference(raw: Option<&RawValue>) -> Result<Option<&str>, ApiError> {
    let Some(raw) = raw.map(RawValue::get) else {
        return Ok(None);
    };
    match raw.as_bytes() {
        [b'"' | b'-' | b'0'..=b'9', ..] => Ok(Some(raw)),
        _ => Err(ApiError::bad(
            "invalid_ref",
            "ref is a string or a number, or not there",
        )),
    }
}

fn asks<'a>(text: &'a str, kind: Option<Cow<'a, str>>) -> Result<Asks<'a>, ApiError> {
    let Some(kind) = kind else {
        let message = "a message has a type, such as \"subscribe\"";
        return Err(ApiError::bad("unknown_type", message));
    };
    Ok(match &*kind {
        "subscribe" => Asks::Subscribe(rest::<TopicsBody>(text)?.topics),
        "unsubscribe" => Asks::Unsubscribe(rest::<TopicsBody>(text)?.topics),
        "publish" => Asks::Publish(Box::new(PublishAsked {
            event: without(text, &["type", "ref", "echo"])?,
            echo: without::<EchoBody>(text, &[])?.echo,
        })),
        "token" => Asks::Token(rest::<TokenBody>(text)?.token),
        "ping" => {
            rest::<PingBody>(text)?;
            Asks::Ping
        }
        _ => Asks::Other(kind),
    })
}

impl PublishAsked<'_> {
    /// The event, checked and encoded, of someone with this access on this connection, which does not
    /// hear of it unless it asks for that.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn message(
        &self,
        rules: &Rules,
        access: &Access,
        sender: ConnectionId,
    ) -> Result<Message, ApiError> {
        if self.event.has_except() {
            let message = "except: on a socket it is the sender who does not hear of an event, \
                 and \"echo\":true lets it";
            return Err(ApiError::bad("invalid_except", message));
        }
        let except = (!self.echo).then_some(sender);
        self.event.message_except(except, rules, access)
    }
}

/// The fields of a message beside those that all have.
fn rest<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, ApiError> {
    without(text, &["type", "ref"])
}

/// Reads an object as if it did not have some of its fields.
fn without<'a, T: Deserialize<'a>>(text: &'a str, names: &[&str]) -> Result<T, ApiError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let object = Without {
        names,
        object: PhantomData,
    };
    let read = object.deserialize(&mut json);
    let read = read.and_then(|object| json.end().map(|()| object));
    read.map_err(invalid)
}

struct Without<'n, T> {
    names: &'n [&'n str],
    object: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Without<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Without<'_, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        let names = self.names;
        T::deserialize(MapAccessDeserializer::new(Fields { names, map }))
    }
}

/// The fields of an object, but for some.
struct Fields<'n, A> {
    names: &'n [&'n str],
    map: A,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Fields<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(name) = self.map.next_key::<Cow<'_, str>>()? {
            if !self.names.contains(&&*name) {
                return seed.deserialize(CowStrDeserializer::new(name)).map(Some);
            }
            self.map.next_value::<IgnoredAny>()?;
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidings_core::HubOptions;

    fn asks(text: &str) -> Asks<'_> {
        parse_message(text)
            .asks
            .unwrap_or_else(|error| panic!("{text}: {error:?}"))
    }

    fn code(text: &str) -> &'static str {
        match parse_message(text).asks {
            Ok(asks) => panic!("{text}: {asks:?}"),
            Err(error) => error.code,
        }
    }

    #[test]
    fn what_is_asked_for_is_read_wherever_its_type_stands() {
        for text in [
            r#"{"type":"subscribe","topics":["a","b"]}"#,
            r#"{"topics":["a","b"],"ref":1,"type":"subscribe"}"#,
        ] {
            let Asks::Subscribe(topics) = asks(text) else {
                panic!("{text}")
            };
            assert_eq!(topics, ["a", "b"]);
        }
        let removed = asks(r#"{"type":"unsubscribe","topics":[]}"#);
        assert!(matches!(removed, Asks::Unsubscribe(topics) if topics.is_empty()));
        let token = asks(r#"{"type":"token","token":"t"}"#);
        assert!(matches!(token, Asks::Token(token) if token == "t"));
        assert!(matches!(asks(r#"{"type":"ping"}"#), Asks::Ping));
        let other = asks(r#"{"type":"join-room","room":{"a":[1]},"topics":7}"#);
        assert!(matches!(other, Asks::Other(kind) if kind == "join-room"));
    }

    #[test]
    fn a_ref_is_kept_as_it_was_written() {
        for (text, reference) in [
            (r#"{"type":"ping","ref":7}"#, Some("7")),
            (r#"{"type":"ping","ref":-1.50e3}"#, Some("-1.50e3")),
            (r#"{"type":"ping","ref":"a\u0062"}"#, Some(r#""a\u0062""#)),
            (r#"{"type":"ping","ref":null}"#, None),
            (r#"{"type":"ping"}"#, None),
            (r#"{"type":"nothing else","ref":7}"#, Some("7")),
            (r#"{"type":"ping","more":1,"ref":7}"#, Some("7")),
            (r#"{"ref":7}"#, Some("7")),
        ] {
            assert_eq!(parse_message(text).reference, reference, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_has_a_code() {
        for (text, expected) in [
            ("", "invalid_json"),
            ("ping", "invalid_json"),
            ("[]", "invalid_json"),
            (r#"["subscribe",["a"]]"#, "invalid_json"),
            (r#"{"type":"ping"} "#, "ok"),
            (r#"{"type":"ping"}x"#, "invalid_json"),
            (r#"{"type":"ping","type":"ping"}"#, "invalid_json"),
            (r#"{"type":7}"#, "invalid_json"),
            (r#"{"type":"ping","topics":[]}"#, "invalid_json"),
            (r#"{"type":"subscribe"}"#, "invalid_json"),
            (r#"{"type":"subscribe","topics":"a"}"#, "invalid_json"),
            (
                r#"{"type":"subscribe","topics":["a"],"echo":true}"#,
                "invalid_json",
            ),
            (r#"{"type":"token","token":7}"#, "invalid_json"),
            (
                r#"{"type":"publish","topics":["a"],"data":1,"x":1}"#,
                "invalid_json",
            ),
            (
                r#"{"type":"publish","topics":["a"],"data":1,"echo":1}"#,
                "invalid_json",
            ),
            (r#"{"type":"ping","ref":[1]}"#, "invalid_ref"),
            (r#"{"type":"ping","ref":true}"#, "invalid_ref"),
            ("{}", "unknown_type"),
            (r#"{"type":null}"#, "unknown_type"),
        ] {
            if expected != "ok" {
                assert_eq!(code(text), expected, "{text}");
            } else {
                asks(text);
            }
        }
        let nested = format!(r#"{{"type":"x","a":{}"#, "[".repeat(100_000));
        assert_eq!(code(&nested), "invalid_json");
    }

    #[test]
    fn an_event_is_read_as_one_that_is_posted() {
        let rules = Rules::new(&HubOptions::default()).expect("rules");
        let sender = ConnectionId::from_u64(7);
        let read = |text: &str| match asks(text) {
            Asks::Publish(asked) => asked.message(&rules, &Access::everything(), sender),
            other => panic!("{other:?}"),
        };
        let mut access = Access::everything();
        access.publish = vec!["b".to_owned()];
        for text in [
            r#"{"type":"publish","topics":["a"],"data":{"x" : 1},"event":"e","id":"i","ref":"r"}"#,
            r#"{"type":"publish","topics":["a"],"data":"x","echo":true}"#,
        ] {
            read(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            let Asks::Publish(asked) = asks(text) else {
                panic!("{text}")
            };
            let refused = asked.message(&rules, &access, sender);
            assert_eq!(refused.expect_err("it may not").code, "forbidden");
        }
        let except = r#"{"type":"publish","topics":["a"],"data":1,"except":"7"}"#;
        assert_eq!(read(except).expect_err("refused").code, "invalid_except");
        let nowhere = r#"{"type":"publish","data":1}"#;
        assert_eq!(read(nowhere).expect_err("refused").code, "invalid_audience");
    }
}
