//! What is asked for of a list: from where on, how much, which.
//!
//! It does not know what is listed.

use crate::server::error::ApiError;
use crate::server::sessions::FIRST;
use std::collections::BTreeMap;
use tidings_core::ConnectionId;

/// Entries of a page where nothing is said.
const DEFAULT_LIMIT: usize = 100;

/// Entries of a page at most.
const MAX_LIMIT: usize = 1_000;

pub(super) struct Query {
    values: BTreeMap<String, String>,
    pub(super) limit: usize,
}

impl Query {
    /// # Errors
    /// A parameter that there is not, is given twice, or cannot be: it is named.
    pub(super) fn parse(query: &str, names: &[&str]) -> Result<Self, ApiError> {
        let mut values = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !names.contains(&&*name) {
                let names = names.join(", ");
                let message = format!("there is no parameter {name:?}; there are {names}");
                return Err(ApiError::bad("unknown_parameter", message));
            }
            if values.contains_key(&*name) {
                let message = format!("{name} is given twice");
                return Err(ApiError::bad("repeated_parameter", message));
            }
            values.insert(name.into_owned(), value.into_owned());
        }
        let limit = match values.get("limit") {
            None => DEFAULT_LIMIT,
            Some(text) => parse_limit(text)?,
        };
        Ok(Self { values, limit })
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.values.get("user").map(String::as_str)
    }

    pub(super) fn topic(&self) -> Option<&str> {
        self.values.get("topic").map(String::as_str)
    }

    /// After what the page begins.
    pub(super) fn after(&self) -> &str {
        self.values.get("after").map_or("", String::as_str)
    }

    /// After which stream the page begins.
    pub(super) fn connection(&self) -> Result<ConnectionId, ApiError> {
        if self.after().is_empty() {
            return Ok(FIRST);
        }
        self.after().parse().map_err(|_| {
            let message = "after: take it from `next` of the page before";
            ApiError::bad("invalid_after", message)
        })
    }
}

fn parse_limit(text: &str) -> Result<usize, ApiError> {
    let limit = text.parse().ok();
    limit
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
        .ok_or_else(|| {
            let message = format!("limit is a number from 1 to {MAX_LIMIT}");
            ApiError::bad("invalid_limit", message)
        })
}
