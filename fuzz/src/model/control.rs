//! What the hub says of its own accord, as text.
//!
//! It does not know when; `offer` does.

use super::bytes::Frame;
use super::ids::parse_place;
use super::{Connection, Model};
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use tidings_core::{CloseReason, ControlEvent, GapReason};

/// What a gap says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct GapSays {
    pub(crate) missed: Option<u64>,
    pub(crate) from: Option<u64>,
    pub(crate) reason: Option<GapReason>,
}

impl Model {
    /// Whether the frame is a control event of this kind, dispatched.
    pub(super) fn is_named(frame: &Frame, control: &ControlEvent) -> bool {
        control.enabled && frame.event.as_deref() == Some(&control.name)
    }

    /// Checks `connected`, with or without its id.
    pub(super) fn check_connected(&self, frame: &Frame, connection: &Connection) -> Verdict {
        let control = &self.options.control.connected;
        if !control.enabled {
            ensure!(frame.is_only_id(), "`connected` is off, but: {frame:?}");
            return Ok(());
        }
        ensure_eq!(
            frame.event.as_deref(),
            Some(&*control.name),
            "`connected` comes first"
        );
        let data = frame.data.as_deref().unwrap_or_default();
        if let Some(json) = &control.json {
            ensure_eq!(data, json, "the data of `connected`");
            return Ok(());
        }
        let user = connection
            .user
            .as_ref()
            .map_or_else(|| "null".into(), |user| format!("\"{user}\""));
        let begins = format!(
            r#"{{"connection":"{}","user":{user},"topics":["#,
            connection.id
        );
        let parts = data
            .strip_prefix(&begins)
            .and_then(|rest| rest.strip_suffix("\"}"))
            .and_then(|rest| rest.split_once(r#"],"cursor":""#));
        let Some((topics, cursor)) = parts else {
            return Err(format!("`connected` does not begin {begins}: {data}"));
        };
        let mut topics: Vec<_> = topics.split(',').filter(|one| !one.is_empty()).collect();
        topics.sort_unstable();
        let mut expected: Vec<_> = connection
            .subscriptions
            .keys()
            .map(|topic| format!("\"{topic}\""))
            .collect();
        expected.sort_unstable();
        ensure_eq!(topics, expected, "the topics of `connected`");
        ensure!(
            parse_place(cursor).is_some(),
            "`connected` has no cursor: {data}"
        );
        if let Some(id) = &frame.id {
            ensure_eq!(cursor, id, "the cursor of `connected` is its id");
        }
        Ok(())
    }

    /// What a gap says; nothing where it is off or has JSON of its own.
    pub(super) fn read_gap(&self, frame: &Frame) -> Verdict<Option<GapSays>> {
        let control = &self.options.control.gap;
        if !control.enabled {
            return Ok(None);
        }
        let data = frame.data.as_deref().unwrap_or_default();
        if let Some(json) = &control.json {
            ensure_eq!(data, json, "the data of `gap`");
            return Ok(None);
        }
        let bad = || format!("not the data of a gap: {data}");
        let parts = data
            .strip_prefix(r#"{"missed":"#)
            .and_then(|rest| rest.strip_suffix("\"}"))
            .and_then(|rest| rest.split_once(r#","reason":""#))
            .and_then(|(rest, reason)| Some((rest.split_once(r#","from":"#)?, reason)));
        let ((missed, from), reason) = parts.ok_or_else(bad)?;
        let missed = match missed {
            "null" => None,
            number => Some(number.parse().map_err(|_| bad())?),
        };
        let from = match from {
            "null" => None,
            text => {
                let place = parse_place(text.trim_matches('"')).ok_or_else(bad)?;
                ensure_eq!(place.epoch, self.options.epoch, "the epoch in a gap");
                Some(place.sequence)
            }
        };
        let reasons = [
            GapReason::Lagged,
            GapReason::Trimmed,
            GapReason::UnknownCursor,
            GapReason::ReplayLimit,
        ];
        let reason = reasons.into_iter().find(|one| one.as_str() == reason);
        ensure!(reason.is_some(), "a gap has no such reason: {data}");
        Ok(Some(GapSays {
            missed,
            from,
            reason,
        }))
    }

    /// Checks `reauth`.
    pub(super) fn check_reauth(&self, frame: &Frame, connection: &Connection) -> Verdict {
        let json = format!(
            r#"{{"expires_ms":{}}}"#,
            connection.expires_ms.unwrap_or(u64::MAX)
        );
        check_plain(frame, &self.options.control.reauth, &json)?;
        ensure!(frame.id.is_none(), "`reauth` has no id");
        Ok(())
    }

    /// Checks a heartbeat but for its id.
    pub(super) fn check_heartbeat(&self, frame: &Frame, connection: &Connection) -> Verdict {
        let control = &self.options.control.heartbeat;
        if connection.comments || !control.enabled {
            let as_comment = Frame {
                comment: false,
                ..frame.clone()
            };
            let is_comment = frame.comment && as_comment.is_only_id();
            ensure!(is_comment, "not a heartbeat as a comment: {frame:?}");
            return Ok(());
        }
        let json = format!(r#"{{"time_ms":{}}}"#, self.unix_ms());
        check_plain(frame, control, &json)
    }

    /// Checks a `bye` but for its id.
    pub(super) fn check_bye(
        &self,
        frame: &Frame,
        reason: CloseReason,
        connection: &Connection,
    ) -> Verdict {
        let Some(retry_ms) = frame.retry else {
            return Err(format!("a `bye` is due, found {frame:?}"));
        };
        let expected = connection.retry_ms.clone();
        ensure!(
            expected
                .as_ref()
                .is_some_and(|range| range.contains(&retry_ms)),
            "the `retry` of a `bye` is {retry_ms}, not within {expected:?}"
        );
        let control = &self.options.control.bye;
        if !control.enabled {
            let is_off = frame.event.is_none() && frame.data.is_none();
            ensure!(is_off, "`bye` is off, but: {frame:?}");
            return Ok(());
        }
        let json = format!(r#"{{"reason":"{reason}","retry_ms":{retry_ms}}}"#);
        ensure_eq!(
            frame.event.as_deref(),
            Some(&*control.name),
            "the type of `bye`"
        );
        ensure_eq!(
            frame.data.as_deref(),
            Some(control.json.as_deref().unwrap_or(&json)),
            "the data of `bye`"
        );
        Ok(())
    }
}

fn check_plain(frame: &Frame, control: &ControlEvent, json: &str) -> Verdict {
    ensure_eq!(
        (frame.event.as_deref(), frame.data.as_deref(), frame.retry),
        (
            Some(&*control.name),
            Some(control.json.as_deref().unwrap_or(json)),
            None
        ),
        "a control event"
    );
    Ok(())
}
