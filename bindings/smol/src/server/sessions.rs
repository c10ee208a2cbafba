//! What the server remembers of its live streams, of the tabs that may come back, and of those it has
//! shut out.
//!
//! It does not know HTTP. Drivers tell it of what opens and closes, in the turn in which it does; the
//! parts below are pure, and are here put behind one lock under which nothing waits.

mod changes;
mod revoked;
mod table;

pub(super) use changes::{TabKey, Topics};
pub(super) use revoked::Full;
pub(super) use table::{FIRST, Named, Session, Transport};

use super::config::{bytes, exact};
use super::error::ApiError;
use super::identity::Identity;
use crate::driver::{milliseconds, unix_ms};
use crate::stream::{Closed, OnClose, OnOpen};
use bytesize::ByteSize;
use changes::Changes;
use revoked::Revoked;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use table::Table;
use tidings_core::{ConnectionId, Hub, SubscribeError};

/// What is remembered beside the live streams, and for how long.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SessionOptions {
    /// Revoked tokens that are held until they end; one more is refused, none is forgotten. Default
    /// 100,000: some 10 MB.
    pub revocations: usize,
    /// How long a token stays refused of which it is not known when it ends. Default 24 h: longer
    /// than tokens of streams should live.
    #[serde(with = "humantime_serde")]
    pub revoke_for: Duration,
    /// Tabs whose changed topics are kept; one more is refused. Default 10,000.
    pub changed_tabs: usize,
    /// Bytes in all of these changes. Default 16 MiB: a tab can have a thousand long topics.
    #[serde(serialize_with = "exact")]
    pub changed_bytes: ByteSize,
    /// How long a tab that has no stream finds its changes again. Default 5 min: a laptop that is
    /// carried to another room.
    #[serde(with = "humantime_serde")]
    pub keep_changes: Duration,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            revocations: 100_000,
            revoke_for: Duration::from_secs(86_400),
            changed_tabs: 10_000,
            changed_bytes: ByteSize::mib(16),
            keep_changes: Duration::from_secs(300),
        }
    }
}

/// Whose streams are to end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Target {
    Connection(ConnectionId),
    User(String),
    /// Until it ends, where whoever revokes it knows.
    Token(String, Option<u64>),
}

/// What a revocation comes to.
#[derive(Debug)]
pub(super) struct Revocation {
    /// Streams to be closed.
    pub(super) connections: Vec<ConnectionId>,
    /// How many tokens are refused from now on.
    pub(super) tokens: usize,
}

/// All of it; cheap to clone.
#[derive(Clone)]
pub(super) struct Sessions(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    revoke_for_ms: u64,
}

pub(super) struct State {
    table: Table,
    revoked: Revoked,
    changes: Changes,
    last_speaker: Option<Arc<Identity>>,
}

/// One request under way. Whoever is revoked meanwhile does not get what it asks for.
pub(super) struct Asking {
    sessions: Sessions,
    began: u64,
}

impl Sessions {
    pub(super) fn new(options: &SessionOptions) -> Self {
        let keep_ms = milliseconds(options.keep_changes);
        let state = State {
            table: Table::default(),
            revoked: Revoked::new(options.revocations),
            changes: Changes::new(options.changed_tabs, bytes(options.changed_bytes), keep_ms),
            last_speaker: None,
        };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            revoke_for_ms: milliseconds(options.revoke_for),
        }))
    }

    /// Before it is found out who asks.
    pub(super) fn begin(&self) -> Asking {
        let began = self.lock().revoked.begin();
        Asking {
            sessions: self.clone(),
            began,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Who speaks on a stream, where its client can: shared with the one before, where they are the same,
    /// as nobody in particular is.
    pub(super) fn speaker(
        &self,
        identity: &Identity,
        transport: Transport,
    ) -> Option<Arc<Identity>> {
        if !transport.speaks() {
            return None;
        }
        let mut state = self.lock();
        let last = state.last_speaker.take();
        let last = last.filter(|last| **last == *identity);
        let speaker = last.unwrap_or_else(|| Arc::new(identity.clone()));
        state.last_speaker = Some(speaker.clone());
        Some(speaker)
    }

    /// Those who are to be told of a stream: it is here from its first turn to its last, of which
    /// `told` hears then.
    pub(super) fn watch(
        &self,
        session: Session,
        told: impl Fn(ConnectionId, Closed) + Send + Sync + 'static,
    ) -> (OnOpen, OnClose) {
        let (opening, closing) = (self.clone(), self.clone());
        let on_open = OnOpen::new(move |connection, ()| {
            opening.lock().opened(connection, session.clone());
        });
        let on_close = OnClose::new(move |connection, closed| {
            closing.lock().closed(unix_ms(), connection);
            told(connection, closed);
        });
        (on_open, on_close)
    }

    /// Shuts out a stream, a user's streams, or a token: what it was let in with is refused from now
    /// on, and what it has open is to be closed.
    pub(super) fn revoke(&self, target: &Target) -> Result<Revocation, Full> {
        let now_ms = unix_ms();
        let unknown_until_ms = now_ms.saturating_add(self.0.revoke_for_ms);
        self.lock().revoke(now_ms, target, unknown_until_ms)
    }
}

impl State {
    pub(super) fn session(&self, connection: ConnectionId) -> Option<&Session> {
        self.table.get(connection)
    }

    /// The streams after one, of a user or of all: so many at most.
    pub(super) fn page(
        &self,
        user: Option<&str>,
        after: ConnectionId,
        limit: usize,
    ) -> Vec<(ConnectionId, Session)> {
        let Some(user) = user else {
            let all = self.table.after(after).take(limit);
            return all.map(|(id, session)| (id, session.clone())).collect();
        };
        let ids = self.table.of_user(user, after).take(limit);
        ids.filter_map(|id| Some((id, self.table.get(id)?.clone())))
            .collect()
    }

    /// How many streams a user has.
    pub(super) fn count_of(&self, user: &str) -> usize {
        self.table.of_user(user, FIRST).count()
    }

    /// The topics of a stream that asks for `query`: as its tab has changed them.
    pub(super) fn topics_for(
        &mut self,
        tab: &TabKey,
        query: &Topics,
        allowed: impl Fn(&str) -> bool,
    ) -> Option<Topics> {
        let changes = &mut self.changes;
        changes.apply(unix_ms(), tab, query, allowed)
    }

    /// The stream of a tab has come back with a query, and has these topics now.
    pub(super) fn rebase(&mut self, tab: &TabKey, query: Topics, topics: Topics) {
        self.changes.rebase(tab, query, topics);
    }

    /// Changes the topics of a stream, and remembers it for its tab, where it has one.
    pub(super) fn change_topics(
        &mut self,
        hub: &mut Hub,
        connection: ConnectionId,
        tab: Option<&TabKey>,
        add: &[String],
        remove: &[String],
    ) -> Result<Topics, NotChanged> {
        let before: Topics = hub.topics_of(connection).map(Box::from).collect();
        let mut after = before.clone();
        for topic in remove {
            after.remove(&**topic);
        }
        after.extend(add.iter().map(|topic| Box::from(&**topic)));
        if let Some(tab) = tab {
            let room = self.changes.check(unix_ms(), tab, &before, &after);
            room.map_err(|Full| NotChanged::Full)?;
        }
        let [add, remove] = [add, remove].map(crate::hub::texts);
        let changed = hub.change_topics(connection, &add, &remove);
        changed.map_err(NotChanged::Refused)?;
        if let Some(tab) = tab {
            self.changes.note(tab, connection, before, after.clone());
        }
        Ok(after)
    }

    /// Notes that a stream goes on with another token.
    pub(super) fn renewed(&mut self, connection: ConnectionId, identity: &Identity) {
        self.table.renew(connection, identity);
    }

    fn opened(&mut self, connection: ConnectionId, session: Session) {
        if let Some(tab) = session.tab_key() {
            self.changes.opened(&tab, connection);
        }
        self.table.insert(connection, session);
    }

    fn closed(&mut self, now_ms: u64, connection: ConnectionId) {
        let session = self.table.remove(connection);
        if let Some(tab) = session.and_then(|session| session.tab_key()) {
            self.changes.closed(now_ms, &tab, connection);
        }
    }

    fn revoke(
        &mut self,
        now_ms: u64,
        target: &Target,
        unknown_until_ms: u64,
    ) -> Result<Revocation, Full> {
        let connections: Vec<_> = match target {
            Target::Connection(connection) => {
                let known = self.table.get(*connection);
                known.map(|_| *connection).into_iter().collect()
            }
            Target::User(user) => self.table.of_user(user, FIRST).collect(),
            Target::Token(token, _) => self.table.of_token(token).collect(),
        };
        let sessions = connections.iter().filter_map(|id| self.table.get(*id));
        let mut tokens: Vec<_> = sessions
            .filter_map(|session| Some((session.token_id()?, session.expires_ms())))
            .collect();
        if let Target::Token(token, until_ms) = target {
            tokens.push((token, *until_ms));
        }
        let until = |expires_ms: Option<u64>| expires_ms.unwrap_or(unknown_until_ms);
        let refused = tokens
            .iter()
            .map(|(token, expires)| (*token, until(*expires)));
        self.revoked.revoke_tokens(now_ms, refused)?;
        tokens.sort_unstable();
        tokens.dedup_by_key(|(token, _)| *token);
        let tokens = tokens.len();
        if let Target::User(user) = target {
            self.revoked.revoke_user(user)?;
        }
        Ok(Revocation {
            connections,
            tokens,
        })
    }

    /// Whether someone who began to ask then may go on.
    ///
    /// # Errors
    /// That this is someone who was shut out, be it meanwhile.
    pub(super) fn check(&mut self, began: u64, identity: &Identity) -> Result<(), ApiError> {
        if self.is_revoked(began, identity) {
            let refused = ApiError::unauthorized("token_revoked", "the token was revoked");
            return Err(refused.challenging("invalid_token"));
        }
        Ok(())
    }

    fn is_revoked(&mut self, began: u64, identity: &Identity) -> bool {
        let token = identity.token_id.as_deref();
        let user = identity.user.as_deref();
        token.is_some_and(|token| {
            let now_ms = unix_ms();
            self.revoked
                .refuses_token(now_ms, token, identity.expires_ms)
        }) || user.is_some_and(|user| self.revoked.refuses_user(began, user))
    }
}

/// Why the topics of a stream stay as they are.
#[derive(Debug)]
pub(super) enum NotChanged {
    /// The hub does not take the change.
    Refused(SubscribeError),
    /// There is no room to remember it.
    Full,
}

impl Session {
    /// Under what changes of its topics are kept.
    pub(super) fn tab_key(&self) -> Option<TabKey> {
        let tab = self.tab()?.into();
        Some((self.user().map(Box::from), tab))
    }
}

impl Asking {
    /// When the request began, among all.
    pub(super) const fn began(&self) -> u64 {
        self.began
    }

    /// As [`State::check`].
    pub(super) fn check(&self, identity: &Identity) -> Result<(), ApiError> {
        self.sessions.lock().check(self.began, identity)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.sessions.lock().revoked.end(self.began);
    }
}
