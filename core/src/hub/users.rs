//! The users of a hub, and their tabs: which connections each has, what was published to it.
//!
//! A record lives while a connection or an index record speaks of it. It does not know who may be
//! which user; whoever opens connections has seen to that.

use super::connections::Connections;
use super::lane::Lane;
use super::links::{List, ListKind};
use super::loss::Loss;
use super::record::{TabId, UserId};
use super::table::Table;
use alloc::boxed::Box;
use alloc::sync::Arc;

pub(crate) struct User {
    /// Its connections, oldest first.
    pub(crate) connections: List,
    pub(crate) count: u32,
    /// Index records and tabs that speak of it.
    references: u32,
    /// What was addressed to the user without a topic. To most nothing ever is.
    lane: Option<Box<Lane>>,
}

pub(crate) struct Users {
    table: Table<Arc<str>, User>,
    /// How many have a connection.
    pub(crate) online: usize,
    /// What a user without a record may have lost.
    forgotten: Loss,
}

/// One tab of a user, or of a browser without one.
#[derive(Default)]
pub(crate) struct Tab {
    /// The slot of its connection.
    pub(crate) connection: Option<u32>,
    /// When a newer connection last closed an older one.
    pub(crate) superseded_ms: Option<u64>,
    /// Index records and connections that speak of it.
    references: usize,
}

type TabKey = (Option<UserId>, Arc<str>);

pub(crate) struct Tabs(Table<TabKey, Tab>);

impl Users {
    pub(crate) const fn new() -> Self {
        Self {
            table: Table::new(),
            online: 0,
            forgotten: Loss::NONE,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn find(&self, name: &str) -> Option<UserId> {
        self.table.find(name)
    }

    pub(crate) fn name(&self, user: UserId) -> &Arc<str> {
        self.table.key(user)
    }

    pub(crate) fn get(&self, user: UserId) -> &User {
        &self.table[user]
    }

    pub(crate) fn get_mut(&mut self, user: UserId) -> &mut User {
        &mut self.table[user]
    }

    /// The number of a user, new where it has no record.
    pub(crate) fn intern(&mut self, name: &str) -> UserId {
        if let Some(user) = self.table.find(name) {
            return user;
        }
        let record = User {
            connections: List::new(ListKind::User),
            count: 0,
            references: 0,
            lane: (!self.forgotten.is_none()).then(|| Box::new(Lane::after(self.forgotten))),
        };
        self.table.insert(name.into(), record)
    }

    /// Adds a connection of the user, its newest.
    pub(crate) fn add(&mut self, user: UserId, slots: &mut Connections, index: u32) {
        let record = &mut self.table[user];
        record.connections.push_back(slots, index);
        record.count += 1;
        self.online += usize::from(record.count == 1);
    }

    /// Takes out a connection of the user, and forgets a user that nothing needs any more.
    pub(crate) fn remove(&mut self, user: UserId, slots: &mut Connections, index: u32) {
        let record = &mut self.table[user];
        record.connections.remove(slots, index);
        record.count -= 1;
        self.online -= usize::from(record.count == 0);
        self.forget_unused(user);
    }

    pub(crate) fn retain(&mut self, user: UserId) {
        self.table[user].references += 1;
    }

    /// Takes back one reference.
    pub(crate) fn release(&mut self, user: UserId) {
        self.table[user].references -= 1;
        self.forget_unused(user);
    }

    fn forget_unused(&mut self, user: UserId) {
        let record = &self.table[user];
        if record.count == 0 && record.references == 0 {
            self.forgotten.merge(record.lane().dropped);
            self.table.remove(user);
        }
    }
}

impl User {
    pub(crate) fn lane(&self) -> &Lane {
        static EMPTY: Lane = Lane::new();
        self.lane.as_deref().unwrap_or(&EMPTY)
    }

    pub(crate) fn lane_mut(&mut self) -> &mut Lane {
        self.lane.get_or_insert_default()
    }
}

impl Tabs {
    pub(crate) const fn new() -> Self {
        Self(Table::new())
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn get_mut(&mut self, tab: TabId) -> &mut Tab {
        &mut self.0[tab]
    }

    /// The number of a tab, new where it has no record, which then counts as speaking of its user.
    pub(crate) fn intern(&mut self, user: Option<UserId>, name: &str, users: &mut Users) -> TabId {
        let key = (user, name.into());
        if let Some(tab) = self.0.find(&key) {
            return tab;
        }
        if let Some(user) = user {
            users.retain(user);
        }
        self.0.insert(key, Tab::default())
    }

    pub(crate) fn find(&self, user: Option<UserId>, name: &str) -> Option<TabId> {
        self.0.find(&(user, name.into()))
    }

    /// Whose tab it is, if it is a user's.
    pub(crate) fn user(&self, tab: TabId) -> Option<UserId> {
        self.0.key(tab).0
    }

    pub(crate) fn retain(&mut self, tab: TabId) {
        self.0[tab].references += 1;
    }

    /// Takes back one reference; the last one forgets the tab.
    pub(crate) fn release(&mut self, tab: TabId, users: &mut Users) {
        let record = &mut self.0[tab];
        record.references -= 1;
        if record.references == 0
            && let Some(((user, _), _)) = self.0.remove(tab)
            && let Some(user) = user
        {
            users.release(user);
        }
    }
}
