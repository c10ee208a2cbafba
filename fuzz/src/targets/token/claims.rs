//! Which headers and claims are good, field by field as the server documents them.
//!
//! It does not know how the server reads them.

use super::{LEEWAY, NOW};
use crate::targets::fields::Fields;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use tidings_smol::server::{Access, Identity};

/// The last second of the year 9999.
const LAST: u64 = 253_402_300_799;

/// What a good token says.
#[derive(Debug, Default)]
pub(super) struct Expected {
    user: Option<String>,
    id: Option<String>,
    expires_ms: Option<u64>,
    access: Access,
}

/// The fields of an object, where none of these is there twice.
fn fields<'a>(json: &'a [u8], once: &[&str]) -> Option<BTreeMap<String, &'a RawValue>> {
    let Fields(fields) = serde_json::from_slice(json).ok()?;
    let times = |name: &str| fields.iter().filter(|(found, _)| found == name).count();
    let is_once = once.iter().all(|name| times(name) < 2);
    is_once.then(|| fields.into_iter().collect())
}

fn value<'a, T: Deserialize<'a>>(value: &'a RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}

/// What an optional field says; none where it says something that it may not.
fn optional<T>(
    field: Option<&&RawValue>,
    read: impl FnOnce(&RawValue) -> Option<T>,
) -> Option<Option<T>> {
    match field {
        None => Some(None),
        Some(field) => read(field).map(Some),
    }
}

/// Whether a header is one of tokens that the key may have signed.
pub(super) fn is_header(json: &[u8]) -> bool {
    let Some(fields) = fields(json, &["alg", "kid", "crit"]) else {
        return false;
    };
    let algorithm = fields.get("alg").and_then(|alg| value::<String>(alg));
    let kid = optional(fields.get("kid"), |kid| value::<String>(kid));
    algorithm.as_deref() == Some("HS256") && kid.is_some() && !fields.contains_key("crit")
}

impl Expected {
    /// What these claims say, if they are good now.
    pub(super) fn of(json: &[u8], strict: bool) -> Option<Self> {
        let known = ["sub", "exp", "nbf", "aud", "iss", "jti", "tidings"];
        let fields = fields(json, &known)?;
        let get = |name: &str| fields.get(name);
        let expires = optional(get("exp"), time_ms)?;
        let begins = optional(get("nbf"), time_ms)?;
        let audience = optional(get("aud"), audience)?;
        let issuer = optional(get("iss"), |issuer| value::<String>(issuer))?;
        let now = NOW * 1_000;
        let late = |end| end + LEEWAY * 1_000;
        let said = Self {
            user: optional(get("sub"), name)?,
            id: optional(get("jti"), name)?,
            expires_ms: expires.map(|expires| match expires > now {
                true => expires,
                false => late(expires),
            }),
            access: optional(get("tidings"), access)?.unwrap_or_default(),
        };
        let in_time = expires.map_or(!strict, |end| now < late(end))
            && begins.is_none_or(|begins| begins <= now + LEEWAY * 1_000);
        let for_us = match audience {
            None => !strict,
            Some(audience) => strict && audience.iter().any(|name| name == "us"),
        };
        let from_them = !strict || issuer.as_deref() == Some("login");
        (in_time && for_us && from_them).then_some(said)
    }

    pub(super) fn identity(self) -> Identity {
        Identity {
            user: self.user,
            access: self.access,
            expires_ms: self.expires_ms,
            token_id: self.id,
            ..Identity::default()
        }
    }
}

/// Seconds that are not before 1970 nor after 9999, in milliseconds.
fn time_ms(field: &RawValue) -> Option<u64> {
    if let Some(seconds) = value::<u64>(field) {
        return (seconds <= LAST).then(|| seconds * 1_000);
    }
    let seconds = value::<f64>(field)?;
    (seconds >= 0.0 && seconds <= LAST as f64).then_some((seconds * 1_000.0) as u64)
}

fn audience(field: &RawValue) -> Option<Vec<String>> {
    let one = value(field).map(|name| vec![name]);
    let names = one.or_else(|| value::<Vec<String>>(field))?;
    (!names.is_empty()).then_some(names)
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= 256 && !text.chars().any(char::is_control)
}

fn name(field: &RawValue) -> Option<String> {
    value(field).filter(|name: &String| is_text(name))
}

/// Names and patterns: stars stand alone, and two of them last.
fn names(field: &RawValue, most: usize) -> Option<Vec<String>> {
    let names: Vec<String> = value(field)?;
    let is_pattern = |name: &String| {
        let segments: Vec<_> = name.split('/').collect();
        let last = segments.len() - 1;
        let fits = |(at, segment): (usize, &&str)| {
            !segment.contains('*') || *segment == "*" || (*segment == "**" && at == last)
        };
        is_text(name) && segments.iter().enumerate().all(fits)
    };
    (names.len() <= most && names.iter().all(is_pattern)).then_some(names)
}

fn access(field: &RawValue) -> Option<Access> {
    let Fields(fields) = serde_json::from_str(field.get()).ok()?;
    let mut access = Access::default();
    let mut seen = Vec::new();
    for (name, field) in fields {
        match &*name {
            "subscribe" => access.subscribe = names(field, 1_000)?,
            "grants" => access.grants = names(field, 100)?,
            "publish" => access.publish = names(field, 1_000)?,
            "publish_private" => access.publish_private = names(field, 1_000)?,
            "publish_direct" => access.publish_direct = value(field)?,
            "console" => access.console = value(field)?,
            "metrics" => access.metrics = value(field)?,
            "admin" => access.admin = value(field)?,
            _ => return None,
        }
        if seen.contains(&name) {
            return None;
        }
        seen.push(name);
    }
    Some(access)
}
