//! The live streams, each with what the server remembers of it: found by id, by user, by token.
//!
//! It does not know the hub; it is told what opens and closes.

use crate::server::identity::Identity;
use hyper::Version;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::ops::Bound;
use std::sync::Arc;
use tidings_core::ConnectionId;

/// What the server remembers of one live stream, beside what its hub knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::server) struct Session {
    /// Most streams of an open server have no name at all, and cost the less.
    named: Option<Box<Named>>,
    /// Where the client is.
    pub(in crate::server) address: IpAddr,
    /// When it was opened, Unix time in milliseconds.
    pub(in crate::server) opened_ms: u64,
    pub(in crate::server) transport: Transport,
}

/// What carries a stream.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in crate::server) enum Transport {
    Http1,
    Http2,
    /// Many answers, each of them one for the hub.
    Poll,
    #[cfg(feature = "websocket")]
    WebSocket,
}

impl Transport {
    pub(in crate::server) const ALL: &[Self] = &[
        Self::Http1,
        Self::Http2,
        Self::Poll,
        #[cfg(feature = "websocket")]
        Self::WebSocket,
    ];

    /// What a request of HTTP is answered over.
    pub(in crate::server) const fn of(version: Version) -> Self {
        match version {
            Version::HTTP_2 => Self::Http2,
            _ => Self::Http1,
        }
    }

    /// Whether clients can speak on it.
    pub(in crate::server) const fn speaks(self) -> bool {
        match self {
            Self::Http1 | Self::Http2 | Self::Poll => false,
            #[cfg(feature = "websocket")]
            Self::WebSocket => true,
        }
    }

    /// As people who look after the server are told.
    pub(in crate::server) const fn as_str(self) -> &'static str {
        match self {
            Self::Http1 => "http1",
            Self::Http2 => "http2",
            Self::Poll => "poll",
            #[cfg(feature = "websocket")]
            Self::WebSocket => "websocket",
        }
    }
}

/// The names of a stream.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(in crate::server) struct Named {
    pub(in crate::server) user: Option<Arc<str>>,
    pub(in crate::server) tab: Option<Box<str>>,
    /// The token that it was opened with, or given since, by its own name.
    pub(in crate::server) token_id: Option<Arc<str>>,
    /// When that ends, Unix time in milliseconds.
    pub(in crate::server) expires_ms: Option<u64>,
    /// Who is at the other end, of a stream whose client can speak on it.
    pub(in crate::server) speaker: Option<Arc<Identity>>,
}

impl Session {
    pub(in crate::server) fn new(
        named: Named,
        address: IpAddr,
        opened_ms: u64,
        transport: Transport,
    ) -> Self {
        let named = (named != Named::default()).then(|| Box::new(named));
        Self {
            named,
            address,
            opened_ms,
            transport,
        }
    }

    pub(in crate::server) fn user(&self) -> Option<&str> {
        self.named.as_ref()?.user.as_deref()
    }

    pub(in crate::server) fn tab(&self) -> Option<&str> {
        self.named.as_ref()?.tab.as_deref()
    }

    pub(in crate::server) fn token_id(&self) -> Option<&str> {
        self.named.as_ref()?.token_id.as_deref()
    }

    pub(in crate::server) fn expires_ms(&self) -> Option<u64> {
        self.named.as_ref()?.expires_ms
    }

    #[cfg(feature = "websocket")]
    pub(in crate::server) fn speaker(&self) -> Option<&Arc<Identity>> {
        self.named.as_ref()?.speaker.as_ref()
    }
}

/// The streams under one kind of name, in order.
#[derive(Default)]
struct Index(BTreeSet<(Arc<str>, ConnectionId)>);

impl Index {
    fn after(&self, name: &str, after: ConnectionId) -> impl Iterator<Item = ConnectionId> {
        let name: Arc<str> = name.into();
        let first = (Bound::Excluded((name.clone(), after)), Bound::Unbounded);
        let found = self.0.range(first);
        let found = found.take_while(move |(other, _)| *other == name);
        found.map(|(_, connection)| *connection)
    }

    /// Puts in a stream, and lets all streams under a name share its text.
    fn insert(&mut self, name: &mut Option<Arc<str>>, connection: ConnectionId) {
        let Some(name) = name else { return };
        let from = (name.clone(), FIRST);
        if let Some((same, _)) = self.0.range(from..).next()
            && same == name
        {
            *name = same.clone();
        }
        self.0.insert((name.clone(), connection));
    }

    fn remove(&mut self, name: Option<&Arc<str>>, connection: ConnectionId) {
        if let Some(name) = name {
            self.0.remove(&(name.clone(), connection));
        }
    }
}

/// Before every id.
pub(in crate::server) const FIRST: ConnectionId = ConnectionId::from_u64(0);

/// All live streams.
#[derive(Default)]
pub(super) struct Table {
    sessions: BTreeMap<ConnectionId, Session>,
    by_user: Index,
    by_token: Index,
}

impl Table {
    pub(super) fn insert(&mut self, connection: ConnectionId, mut session: Session) {
        if let Some(named) = &mut session.named {
            self.by_user.insert(&mut named.user, connection);
            self.by_token.insert(&mut named.token_id, connection);
        }
        let previous = self.sessions.insert(connection, session);
        debug_assert!(previous.is_none(), "an id is used once");
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) -> Option<Session> {
        let session = self.sessions.remove(&connection)?;
        if let Some(named) = &session.named {
            self.by_user.remove(named.user.as_ref(), connection);
            self.by_token.remove(named.token_id.as_ref(), connection);
        }
        Some(session)
    }

    /// Notes that a stream goes on with another token.
    pub(super) fn renew(&mut self, connection: ConnectionId, identity: &Identity) {
        let Some(session) = self.sessions.get_mut(&connection) else {
            return;
        };
        let named = session.named.get_or_insert_default();
        self.by_token.remove(named.token_id.as_ref(), connection);
        named.token_id = identity.token_id.as_deref().map(Arc::from);
        self.by_token.insert(&mut named.token_id, connection);
        named.expires_ms = identity.expires_ms;
        if let Some(speaker) = &mut named.speaker {
            *speaker = Arc::new(identity.clone());
        }
    }

    pub(super) fn get(&self, connection: ConnectionId) -> Option<&Session> {
        self.sessions.get(&connection)
    }

    /// The streams after this one, in the order of their ids.
    pub(super) fn after(
        &self,
        after: ConnectionId,
    ) -> impl Iterator<Item = (ConnectionId, &Session)> {
        let rest = (Bound::Excluded(after), Bound::Unbounded);
        let rest = self.sessions.range(rest);
        rest.map(|(connection, session)| (*connection, session))
    }

    /// The streams of a user after this one.
    pub(super) fn of_user(
        &self,
        user: &str,
        after: ConnectionId,
    ) -> impl Iterator<Item = ConnectionId> {
        self.by_user.after(user, after)
    }

    /// The streams with a token.
    pub(super) fn of_token(&self, token_id: &str) -> impl Iterator<Item = ConnectionId> {
        self.by_token.after(token_id, FIRST)
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.by_user.0.is_empty() && self.by_token.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::Ipv4Addr;

    /// User and token.
    type Names = (Option<String>, Option<String>);

    #[derive(Clone, Debug)]
    enum Step {
        Open(u64, Option<String>, Option<String>),
        Close(u64),
        Renew(u64, Option<String>),
    }

    fn name() -> impl Strategy<Value = Option<String>> {
        prop::option::of("[ab]{1,2}")
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let id = 1..9_u64;
        let step = prop_oneof![
            (id.clone(), name(), name()).prop_map(|(id, user, token)| Step::Open(id, user, token)),
            id.clone().prop_map(Step::Close),
            (id, name()).prop_map(|(id, token)| Step::Renew(id, token)),
        ];
        prop::collection::vec(step, 0..40)
    }

    fn session(user: Option<&str>, token_id: Option<&str>) -> Session {
        let named = Named {
            user: user.map(Arc::from),
            token_id: token_id.map(Arc::from),
            ..Named::default()
        };
        Session::new(named, Ipv4Addr::LOCALHOST.into(), 7, Transport::Http1)
    }

    proptest! {
        /// What is found is what a walk over all of them finds, and nothing is left in the end.
        #[test]
        fn every_stream_is_found_by_each_of_its_names(steps in steps()) {
            let mut table = Table::default();
            let mut all: BTreeMap<u64, Names> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Open(id, user, token) if !all.contains_key(&id) => {
                        let new = session(user.as_deref(), token.as_deref());
                        table.insert(ConnectionId::from_u64(id), new);
                        all.insert(id, (user, token));
                    }
                    Step::Open(..) => {}
                    Step::Close(id) => {
                        let closed = table.remove(ConnectionId::from_u64(id));
                        prop_assert_eq!(closed.is_some(), all.remove(&id).is_some());
                    }
                    Step::Renew(id, token) => {
                        let identity = Identity {
                            token_id: token.clone(),
                            ..Identity::default()
                        };
                        table.renew(ConnectionId::from_u64(id), &identity);
                        if let Some((_, old)) = all.get_mut(&id) {
                            *old = token;
                        }
                    }
                }
                for (id, (user, token)) in &all {
                    let found = table.get(ConnectionId::from_u64(*id)).expect("it is open");
                    prop_assert_eq!(found.user(), user.as_deref());
                    prop_assert_eq!(found.token_id(), token.as_deref());
                }
                for name in ["a", "b", "aa", "ab", "ba", "bb"] {
                    let ids = |is_it: &dyn Fn(&Names) -> bool| {
                        let found = all.iter().filter(|(_, names)| is_it(names));
                        found.map(|(id, _)| ConnectionId::from_u64(*id)).collect::<Vec<_>>()
                    };
                    let of_user = ids(&|(user, _)| user.as_deref() == Some(name));
                    let of_token = ids(&|(_, token)| token.as_deref() == Some(name));
                    prop_assert!(table.of_user(name, FIRST).eq(of_user));
                    prop_assert!(table.of_token(name).eq(of_token));
                }
                let listed = table.after(FIRST).map(|(connection, _)| connection.to_u64());
                prop_assert!(listed.eq(all.keys().copied()));
            }
            for id in all.into_keys() {
                table.remove(ConnectionId::from_u64(id));
            }
            prop_assert!(table.is_empty());
        }
    }

    #[test]
    fn streams_of_one_name_share_its_text() {
        let mut table = Table::default();
        for id in 1..4 {
            table.insert(ConnectionId::from_u64(id), session(Some("ada"), Some("t")));
        }
        let texts = table.sessions.values().map(|session| {
            let user = session.named.as_ref().and_then(|named| named.user.clone());
            user.expect("it has a user").as_ptr()
        });
        assert_eq!(texts.collect::<BTreeSet<_>>().len(), 1);
    }

    /// What an idle stream costs here.
    #[test]
    fn a_session_without_names_is_small() {
        assert!(size_of::<(ConnectionId, Session)>() <= 48);
    }
}
