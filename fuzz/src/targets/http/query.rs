//! Queries, taken apart as the URL standard says of `application/x-www-form-urlencoded`.
//!
//! It shares nothing with what the server uses for it.

use super::ensure_refused;
use crate::ensure_eq;
use crate::standard::utf_8_decode_without_bom;
use crate::verdict::Verdict;
use std::collections::BTreeMap;
use tidings_smol::server::parse_query;

/// What a request for a stream may say once.
const ONCE: [&str; 5] = ["user", "tab", "last_event_id", "heartbeat", "soft"];

/// Checks what the server makes of a query.
pub(super) fn check(query: &str) -> Verdict {
    let parsed = parse_query(query);
    let mut topics = Vec::new();
    let mut once = BTreeMap::new();
    for (name, value) in pairs(query.as_bytes()) {
        if name == "topic" {
            topics.push(value);
        } else if !ONCE.contains(&&*name) {
            let refused = parsed.err().ok_or_else(|| format!("{name:?} is taken"))?;
            return ensure_refused(&refused, "unknown_parameter", &format!("{name:?}"));
        } else if once.insert(name.clone(), value).is_some() {
            let refused = parsed
                .err()
                .ok_or_else(|| format!("two of {name:?} are taken"))?;
            return ensure_refused(&refused, "repeated_parameter", &name);
        }
    }
    if once.remove("soft").is_some_and(|soft| soft != "1") {
        let refused = parsed.err().ok_or("another soft than 1 is taken")?;
        return ensure_refused(&refused, "invalid_soft", "soft");
    }
    let comments = match once.remove("heartbeat").as_deref() {
        None | Some("event") => false,
        Some("comment") => true,
        Some(other) => {
            let refused = parsed
                .err()
                .ok_or_else(|| format!("heartbeat={other} is taken"))?;
            return ensure_refused(&refused, "invalid_heartbeat", "heartbeat");
        }
    };
    let options = parsed.map_err(|refused| format!("a good query: {refused:?}"))?;
    ensure_eq!(options.topics, topics, "the topics");
    ensure_eq!(options.comment_heartbeats, comments, "the heartbeats");
    ensure_eq!(options.user, once.remove("user"), "the user");
    ensure_eq!(options.tab, once.remove("tab"), "the tab");
    ensure_eq!(
        options.last_event_id,
        once.remove("last_event_id"),
        "the last event id"
    );
    let nobody_says = (
        options.grants,
        options.expires_ms,
        options.lag,
        options.head,
    );
    ensure_eq!(
        nobody_says,
        (vec![], None, None, vec![]),
        "what no query may say"
    );
    Ok(())
}

/// The names and values of a query.
fn pairs(query: &[u8]) -> Vec<(String, String)> {
    let sequences = query.split(|byte| *byte == b'&');
    sequences
        .filter(|sequence| !sequence.is_empty())
        .map(|sequence| {
            let equals = sequence.iter().position(|byte| *byte == b'=');
            let (name, value) = match equals {
                Some(at) => (&sequence[..at], &sequence[at + 1..]),
                None => (sequence, &[][..]),
            };
            (decode(name), decode(value))
        })
        .collect()
}

/// Spaces for pluses, bytes for what is percent-encoded, and characters for those.
fn decode(text: &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((&byte, following)) = rest.split_first() {
        rest = following;
        match (byte, following) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |byte: u8| (byte as char).to_digit(16).unwrap_or(0) as u8;
                bytes.push(digit(*high) << 4 | digit(*low));
                rest = after;
            }
            _ => bytes.push(byte),
        }
    }
    utf_8_decode_without_bom(&bytes)
}
