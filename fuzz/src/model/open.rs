//! Opening streams: who may, where each begins, and which older one has to go.
//!
//! It does not know what the new stream is sent.

use super::connection::{Connection, Owed, Phase, Replay};
use super::deadlines::Armed;
use super::ids::{Place, parse_place};
use super::names::pattern_flaw;
use super::{Model, Tab};
use crate::ops::Opening;
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use std::collections::{BTreeMap, BTreeSet};
use tidings_core::{CloseReason, ConnectionId, LagPolicy, OpenError, WhenFull};

/// What is asked of the hub to open.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The operation.
    pub opening: Opening,
    /// The last event id.
    pub last_event_id: String,
    /// When the token ends, Unix time.
    pub expires_ms: Option<u64>,
    /// The bytes before all else.
    pub preamble: Vec<u8>,
}

/// A tab closes older streams no more often than this.
const SUPERSEDE_MS: u64 = 1_000;

/// The longest preamble.
const PREAMBLE_BYTES: usize = 4_096;

/// The shortest tab without a user.
const TAB_BYTES: usize = 16;

impl Model {
    /// A stream was opened, or refused.
    ///
    /// # Errors
    /// Where the answer should have been another.
    pub fn opened(&mut self, asked: &Asked, answer: Result<ConnectionId, OpenError>) -> Verdict {
        let older = self.older_of_tab(asked);
        let flaws = self.flaws_of(asked, older);
        let id = match answer {
            Ok(id) => id,
            Err(error) => {
                let is_due = flaws.contains(&error) || self.is_maybe_too_soon(asked, older, error);
                ensure!(
                    is_due,
                    "refused with {error:?}, but the reasons are {flaws:?}"
                );
                self.reach(error.code());
                return Ok(());
            }
        };
        ensure!(flaws.is_empty(), "opened, although {flaws:?}");
        ensure!(self.find(id).is_none(), "the id {id:?} is given out again");
        ensure_eq!(id.shard(), self.options.shard, "the shard in the id");
        let oldest = self.replaced_by(asked, older);
        if let Some(older) = older {
            self.leave(older, CloseReason::Superseded);
        }
        if let Some(oldest) = oldest {
            self.leave(oldest, CloseReason::Replaced);
        }
        if let (Some(_), Some(tab)) = (older, tab_of(asked)) {
            self.superseded.insert(tab, (self.now, true));
        }
        self.tally.opened += 1;
        let connection = self.new_connection(id, asked);
        self.connections.push(connection);
        Ok(())
    }

    /// All that speaks against opening.
    fn flaws_of(&self, asked: &Asked, older: Option<usize>) -> Vec<OpenError> {
        let mut flaws = Vec::new();
        let (opening, limits) = (&asked.opening, &self.options.limits);
        let mut flaw = |is_one: bool, error: OpenError| {
            if is_one {
                flaws.push(error);
            }
        };
        flaw(self.draining, OpenError::Draining);
        flaw(asked.last_event_id.ends_with('!'), OpenError::StayAway);
        let short = opening.tab.is_some_and(|tab| tab.len() < TAB_BYTES);
        flaw(opening.user.is_none() && short, OpenError::TabTooShort);
        let limit = limits.topics_per_connection;
        flaw(
            opening.topics.len() > limit,
            OpenError::TooManyTopics { limit },
        );
        let limit = limits.grants_per_connection;
        flaw(
            opening.grants.len() > limit,
            OpenError::TooManyGrants { limit },
        );
        let expired = asked.expires_ms.is_some_and(|at| at <= self.unix_ms());
        flaw(expired, OpenError::Expired);
        let limit = PREAMBLE_BYTES;
        flaw(
            asked.preamble.len() > limit,
            OpenError::PreambleTooLong { limit },
        );
        let leaving = usize::from(older.is_some());
        let limit = limits.connections;
        let open = self.open_connections().count();
        flaw(
            open - leaving >= limit,
            OpenError::TooManyConnections { limit },
        );
        let limit = limits.user_connections;
        let full = self.is_user_full(asked, older) && self.replaced_by(asked, older).is_none();
        flaw(full, OpenError::TooManyUserConnections { limit });
        let too_soon = self.too_soon(asked, older).filter(|(_, certain)| *certain);
        flaws.extend(too_soon.map(|(error, _)| error));
        let bad = |names: &[&str]| {
            let mut flaws = names.iter().map(|name| pattern_flaw(name)).enumerate();
            flaws.find_map(|(index, error)| Some((index, error?)))
        };
        flaws.extend(bad(&opening.topics).map(|(index, error)| OpenError::Topic { index, error }));
        flaws.extend(bad(&opening.grants).map(|(index, error)| OpenError::Grant { index, error }));
        flaws
    }

    /// The live connection of the same tab.
    fn older_of_tab(&self, asked: &Asked) -> Option<usize> {
        let tab = tab_of(asked)?;
        self.open_connections()
            .find(|(key, _)| self.tab_of(*key).as_ref() == Some(&tab))
            .map(|(key, _)| key)
    }

    /// The refusal of a tab that closed an older stream just now, and whether the hub must know.
    fn too_soon(&self, asked: &Asked, older: Option<usize>) -> Option<(OpenError, bool)> {
        older?;
        let (at, certain) = *self.superseded.get(&tab_of(asked)?)?;
        let retry_ms = (at + SUPERSEDE_MS)
            .checked_sub(self.now)
            .filter(|ms| *ms > 0)?;
        Some((OpenError::SupersededTooSoon { retry_ms }, certain))
    }

    /// A hub forgets a tab whose last connection has closed, but need not.
    fn is_maybe_too_soon(&self, asked: &Asked, older: Option<usize>, error: OpenError) -> bool {
        self.too_soon(asked, older)
            .is_some_and(|(other, _)| other == error)
    }

    fn is_user_full(&self, asked: &Asked, older: Option<usize>) -> bool {
        let leaving = usize::from(older.is_some());
        let of_user = self.of_user(asked).count();
        asked.opening.user.is_some() && of_user - leaving >= self.options.limits.user_connections
    }

    /// The connection that has to go because its user has too many.
    fn replaced_by(&self, asked: &Asked, older: Option<usize>) -> Option<usize> {
        let replaces = self.options.limits.when_user_full == WhenFull::ReplaceOldest;
        if !replaces || !self.is_user_full(asked, older) {
            return None;
        }
        self.of_user(asked)
            .next()
            .filter(|oldest| Some(*oldest) != older)
    }

    fn of_user(&self, asked: &Asked) -> impl Iterator<Item = usize> {
        let user = asked.opening.user;
        self.open_connections()
            .filter(move |(_, one)| one.phase.is_served() && one.user.as_deref() == user)
            .map(|(key, _)| key)
    }

    fn new_connection(&self, id: ConnectionId, asked: &Asked) -> Connection {
        let opening = &asked.opening;
        let policy = |closes| {
            if closes {
                LagPolicy::Close
            } else {
                LagPolicy::Gap
            }
        };
        let limits = &self.options.limits;
        let mut connection = Connection {
            id,
            phase: Phase::Live,
            user: opening.user.map(Into::into),
            tab: opening.tab.map(Into::into),
            subscriptions: opening
                .topics
                .iter()
                .map(|one| ((*one).into(), 0))
                .collect::<BTreeMap<_, _>>(),
            grants: opening.grants.iter().map(|one| (*one).into()).collect(),
            blocked: false,
            position: self.head,
            served: self.head,
            lag: opening.lag_closes.map_or(self.options.lag, policy),
            comments: opening.comments,
            encoding: opening.encoding(),
            floor: self.head,
            opening: None,
            resuming: false,
            replay: Some(Replay {
                events: limits.replay_events,
                bytes: limits.replay_bytes,
                skip_through: None,
            }),
            excused: BTreeSet::new(),
            unknown: false,
            told_drops: 0,
            passed_from: None,
            owed: Owed {
                connected: true,
                ..Owed::default()
            },
            preamble: asked.preamble.clone(),
            rest: None,
            direct: BTreeSet::new(),
            expires_ms: None,
            armed: Armed::default(),
            retry_ms: None,
        };
        self.place(&asked.last_event_id, &mut connection);
        self.arm_heartbeat(&mut connection);
        self.arm_idle(&mut connection);
        self.arm_age(&mut connection);
        self.arm_expiry(&mut connection, asked.expires_ms);
        connection
    }

    /// Puts the connection where its last event id says.
    fn place(&self, id: &str, connection: &mut Connection) {
        if id.is_empty() {
            connection.opening = Some(0);
            connection.replay = None;
            return;
        }
        let known =
            |place: &Place| place.epoch == self.options.epoch && place.sequence <= self.assigned;
        let place = match parse_place(id) {
            Some(place) => Some(place).filter(known),
            None => self.own_ids.get(id).map(|sequence| Place {
                epoch: self.options.epoch,
                sequence: *sequence,
                latest: None,
            }),
        };
        let behind = if let Some(Place {
            sequence, latest, ..
        }) = place
        {
            // In the middle of opening values nothing after these was served: what has not
            // arrived yet is for the connection.
            let sequence = latest.map_or(sequence, |_| sequence.min(self.head));
            connection.floor = sequence;
            connection.position = sequence;
            connection.opening = latest;
            sequence < self.head
        } else {
            let gone = self.events.iter().filter(|event| !event.is_kept());
            connection.excused = gone.map(|event| event.sequence).collect();
            connection.told_drops = self.drops;
            connection.unknown = id != "earliest";
            connection.floor = 0;
            connection.position = 0;
            self.events.iter().any(super::Event::is_kept)
        };
        connection.served = connection.position;
        connection.resuming = behind;
        connection.replay = connection.replay.filter(|_| behind);
    }
}

fn tab_of(asked: &Asked) -> Option<Tab> {
    let tab = asked.opening.tab?;
    Some((asked.opening.user.map(Into::into), tab.into()))
}
