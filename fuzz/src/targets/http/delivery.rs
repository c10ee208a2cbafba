//! From a body to a reader: what the server takes is what a reader hears, what it refuses has that
//! fault.
//!
//! It does not know how a body is read; [`body`](super::body) does it once more.

use super::body::{self, Body, FAULTS, Said};
use super::{ensure_refused, options};
use crate::standard::Seen;
use crate::targets::reading::feed;
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use std::collections::HashSet;
use std::slice;
use tidings_core::{ConnectionId, Decoder, Hub, HubOptions, Message, Open, Rules};
use tidings_smol::server::{Access, ApiError, parse_body};

/// Who reads.
const USER: &str = "ada";

/// Checks what the server makes of a body.
pub(super) fn check(bytes: &[u8]) -> Verdict {
    let options = options();
    let rules = Rules::new(&options).map_err(|error| error.to_string())?;
    let body = body::read(bytes);
    match (parse_body(bytes, &rules, &Access::everything()), body) {
        (Err(refused), None) => {
            ensure_eq!(refused.code, "invalid_json", "the code of {refused:?}");
            Ok(())
        }
        (Err(refused), Some(body)) => check_refused(&refused, &body, &options),
        (Ok(_), None) => Err("what is no body is taken".into()),
        (Ok(messages), Some(body)) => {
            ensure_eq!(
                messages.len(),
                body.events.len(),
                "how many events there are"
            );
            let mut reader = Reader::new(options)?;
            for (message, said) in messages.iter().zip(&body.events) {
                let said = said.as_ref().ok_or("what is no event is taken")?;
                reader.check(message, said)?;
            }
            Ok(())
        }
    }
}

/// A refusal has the fault that it names, in the event that it names.
fn check_refused(refused: &ApiError, body: &Body, options: &HubOptions) -> Verdict {
    let number = match body.is_array {
        true => numbered(&refused.message),
        false => Some(0),
    };
    if refused.code == "invalid_json" {
        let number = number.ok_or_else(|| format!("{refused:?} does not say which event"))?;
        ensure!(body.events[number].is_none(), "event {number}: {refused:?}");
        return Ok(());
    }
    let number = number.ok_or_else(|| format!("{refused:?} does not say which event"))?;
    let said = body.events[number].as_ref();
    let said = said.ok_or_else(|| format!("event {number} is none: {refused:?}"))?;
    let fault = FAULTS
        .iter()
        .find(|(code, _, has)| *code == refused.code && has(said, &options.limits));
    let Some((code, word, _)) = fault else {
        return Err(format!("{said:?} does not have that fault: {refused:?}"));
    };
    for earlier in &body.events[..number] {
        let faults = earlier.as_ref().map(|said| faults(said, options));
        ensure_eq!(faults, Some(vec![]), "before {refused:?}");
    }
    ensure_refused(refused, code, word)
}

/// The number of the event in a message that begins with it.
fn numbered(message: &str) -> Option<usize> {
    let (number, _) = message.strip_prefix("event ")?.split_once(": ")?;
    number.parse().ok()
}

fn faults(said: &Said, options: &HubOptions) -> Vec<&'static str> {
    let has = FAULTS
        .iter()
        .filter(|(_, _, has)| has(said, &options.limits));
    has.map(|(code, _, _)| *code).collect()
}

/// A hub with one reader, who hears everything that it may.
struct Reader {
    hub: Hub,
    connection: ConnectionId,
    decoder: Decoder,
    ids: HashSet<String>,
}

impl Reader {
    fn new(options: HubOptions) -> Verdict<Self> {
        let mut hub = Hub::new(options).map_err(|error| error.to_string())?;
        let open = Open {
            user: Some(USER),
            topics: &["**"],
            grants: &["**"],
            ..Open::default()
        };
        let connection = hub.open(0, open).map_err(|error| error.to_string())?;
        let mut reader = Self {
            hub,
            connection,
            decoder: Decoder::default(),
            ids: HashSet::new(),
        };
        let opening = reader.read()?;
        ensure_eq!(opening.len(), 1, "the events at first");
        Ok(reader)
    }

    /// Publishes a message, which has to be what was said.
    fn check(&mut self, message: &Message, said: &Said) -> Verdict {
        let faults = faults(said, &options());
        ensure!(faults.is_empty(), "{said:?} is taken, but for {faults:?}");
        ensure_eq!(message.id(), said.id.as_deref(), "the id of the message");
        let published = self.hub.publish_all(0, slice::from_ref(message));
        let published = published.map_err(|error| format!("a message: {error}"))?[0];
        let is_new = said
            .id
            .as_ref()
            .is_none_or(|id| self.ids.insert(id.clone()));
        ensure!(!(is_new && published.duplicate), "{said:?} was never there");
        let seen = self.read()?;
        let is_due = self.is_for_reader(said) && !published.duplicate;
        ensure_eq!(
            published.recipients,
            usize::from(is_due),
            "how many hear {said:?}"
        );
        let id = said.id.clone();
        let expected = Seen::Event {
            event: match said.event.as_deref() {
                None | Some("") => "message".to_owned(),
                Some(event) => event.to_owned(),
            },
            data: said.lines(),
            last_event_id: id.unwrap_or_else(|| published.cursor.to_string()),
            has_id: true,
            retry: said.retry,
        };
        let expected: Vec<_> = is_due.then_some(expected).into_iter().collect();
        ensure_eq!(seen, expected, "what is heard of {said:?}");
        Ok(())
    }

    fn is_for_reader(&self, said: &Said) -> bool {
        let own = self.connection.to_string();
        let is_user = said.user.as_deref().is_none_or(|user| user == USER);
        let is_connection = said.connection.as_ref().is_none_or(|id| *id == own);
        is_user && is_connection && said.except.as_ref() != Some(&own)
    }

    /// All events that the reader is sent now.
    fn read(&mut self) -> Verdict<Vec<Seen>> {
        while self.hub.poll_output().is_some() {}
        let mut seen = Vec::new();
        while let Some(transmit) = self.hub.transmit(0, self.connection) {
            let bytes: Vec<u8> = transmit.slices().flatten().copied().collect();
            let taken = self.hub.consume(0, self.connection, bytes.len());
            taken.map_err(|error| error.to_string())?;
            let outcome = feed(&mut self.decoder, [&bytes[..]])?;
            ensure_eq!(outcome.error, None, "what is sent");
            seen.extend(outcome.seen);
        }
        seen.retain(|seen| matches!(seen, Seen::Event { .. }));
        Ok(seen)
    }
}
