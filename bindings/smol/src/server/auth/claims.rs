//! What a token claims, read strictly: a claim of the wrong type is an error, never a default.
//!
//! It does not know whether what is claimed is true.

use super::error::TokenError;
use crate::server::identity::{Access, Identity};
use crate::server::object::Object;
use serde::de::{Error as _, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::fmt;
use tidings_core::Rules;

/// The end of the year 9999: what is later is no time that anyone means.
pub(super) const MAX_SECONDS: u64 = 253_402_300_799;

/// The claims that say something here. Others are passed over (RFC 7519, section 4).
#[derive(Default, Debug)]
pub(super) struct Claims {
    sub: Option<String>,
    pub(super) exp_ms: Option<u64>,
    pub(super) nbf_ms: Option<u64>,
    pub(super) aud: Vec<String>,
    pub(super) iss: Option<String>,
    jti: Option<String>,
    tidings: Access,
}

/// The claims as they are written, each to be read by itself, so that an error can name it.
#[derive(Deserialize)]
struct Written<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    sub: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    exp: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    nbf: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    aud: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    iss: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    jti: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    tidings: Option<&'a RawValue>,
}

/// A field that is there has a value: `null` is not the same as nothing.
pub(super) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

impl Claims {
    pub(super) fn parse(json: &str) -> Result<Self, TokenError> {
        let Object(written) = serde_json::from_str::<Object<Written<'_>>>(json).map_err(|_| {
            TokenError::Malformed("its claims are no JSON object, or say one twice")
        })?;
        let time = |name, value| Ok(read(name, value)?.map(|Time(ms)| ms));
        let audience = read("aud", written.aud)?;
        let access = read("tidings", written.tidings)?;
        Ok(Self {
            sub: read("sub", written.sub)?,
            exp_ms: time("exp", written.exp)?,
            nbf_ms: time("nbf", written.nbf)?,
            aud: audience.map_or_else(Vec::new, |Audience(names)| names),
            iss: read("iss", written.iss)?,
            jti: read("jti", written.jti)?,
            tidings: access.map_or_else(Access::default, |Object(access)| access),
        })
    }

    /// Who claims this, and may until then.
    pub(super) fn identity(
        self,
        expires_ms: Option<u64>,
        rules: &Rules,
    ) -> Result<Identity, TokenError> {
        for (name, text) in [("sub", &self.sub), ("jti", &self.jti)] {
            if let Some(text) = text {
                let checked = rules.check_user(text);
                checked.map_err(|error| wrong(name, error))?;
            }
        }
        let access = self.tidings;
        let checked = access.check_names(rules);
        checked.map_err(|problem| wrong("tidings", problem))?;
        Ok(Identity {
            user: self.sub,
            access,
            expires_ms,
            token_id: self.jti,
            ..Identity::default()
        })
    }
}

fn read<'a, T: Deserialize<'a>>(
    name: &'static str,
    value: Option<&'a RawValue>,
) -> Result<Option<T>, TokenError> {
    let read = value.map(|value| serde_json::from_str(value.get()));
    read.transpose().map_err(|error| {
        let text = error.to_string();
        // The place within one claim says nothing.
        let (problem, _) = text.rsplit_once(" at line ").unwrap_or((&text, ""));
        wrong(name, problem)
    })
}

fn wrong(name: &'static str, problem: impl fmt::Display) -> TokenError {
    let problem = problem.to_string();
    TokenError::Claim { name, problem }
}

/// A `NumericDate`: seconds since 1970, perhaps with a fraction (RFC 7519, section 2); here in
/// milliseconds, rounded down.
struct Time(u64);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Seconds;
        impl Visitor<'_> for Seconds {
            type Value = Time;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds since 1970, before the year 10000")
            }

            fn visit_u64<E: serde::de::Error>(self, seconds: u64) -> Result<Time, E> {
                if seconds > MAX_SECONDS {
                    return Err(E::invalid_value(Unexpected::Unsigned(seconds), &self));
                }
                Ok(Time(seconds * 1_000))
            }

            fn visit_f64<E: serde::de::Error>(self, seconds: f64) -> Result<Time, E> {
                if !(0.0..=MAX_SECONDS as f64).contains(&seconds) {
                    return Err(E::invalid_value(Unexpected::Float(seconds), &self));
                }
                Ok(Time((seconds * 1_000.0) as u64))
            }
        }
        deserializer.deserialize_any(Seconds)
    }
}

/// One name, or a list of them (RFC 7519, section 4.1.3).
struct Audience(Vec<String>);

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Names {
            One(String),
            Many(Vec<String>),
        }
        let names = match Names::deserialize(deserializer) {
            Ok(Names::One(name)) => vec![name],
            Ok(Names::Many(names)) => names,
            Err(_) => return Err(D::Error::custom("a name or a list of names is expected")),
        };
        if names.is_empty() {
            return Err(D::Error::custom("a list without names is for nobody"));
        }
        Ok(Self(names))
    }
}
