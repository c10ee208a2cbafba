//! What the server makes of requests that anyone may send: a query, a body of JSON.
//!
//! It does not know HTTP: how a request comes in is hyper's business.

mod body;
mod delivery;
mod query;

use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use tidings_core::{ClassOptions, HubOptions, Limits};
use tidings_smol::server::ApiError;

/// Checks one request: the first byte says which kind, odd for a body, even for a query.
///
/// # Errors
/// Where something is taken that should be refused, or the other way round; where a refusal does not
/// say what is wrong; where what is published is not what was sent.
pub fn check(bytes: &[u8]) -> Verdict {
    match bytes.split_first() {
        Some((kind, body)) if kind % 2 == 1 => delivery::check(body),
        Some((_, query)) => query::check(&String::from_utf8_lossy(query)),
        None => Ok(()),
    }
}

/// A hub with limits that are met soon.
fn options() -> HubOptions {
    let latest = ClassOptions {
        latest: true,
        ..ClassOptions::new(["latest/**"])
    };
    HubOptions {
        epoch: 0x10,
        classes: vec![latest],
        limits: Limits {
            topics_per_publish: 3,
            name_bytes: 20,
            id_bytes: 20,
            event_bytes: 300,
            ..Limits::default()
        },
        ..HubOptions::default()
    }
}

/// A refusal says so with its status and code, and with a word that leads to the fault.
fn ensure_refused(refused: &ApiError, code: &str, word: &str) -> Verdict {
    ensure_eq!(refused.code, code, "the code of {refused:?}");
    let status = match code {
        "event_too_long" | "batch_too_large" => 413,
        _ => 400,
    };
    ensure_eq!(refused.status.as_u16(), status, "the status of {refused:?}");
    ensure!(
        refused.message.contains(word),
        "{refused:?} does not name {word:?}"
    );
    Ok(())
}
