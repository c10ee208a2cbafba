//! The notifications and sessions, in a database within the process.
//!
//! It does not know who is connected. A change is written together with the events that tell of it,
//! which wait in the outbox until they are published: a crash between the two loses nothing.

use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::Path;
use tidings_smol::unix_ms;

/// By owner and id.
const NOTIFICATIONS: TableDefinition<'_, (&str, u64), &[u8]> =
    TableDefinition::new("notifications");

/// Events that are to be published, by their number.
const OUTBOX: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("outbox");

/// By what the cookie hashes to.
const SESSIONS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("sessions");

/// The last number given to a change.
const LAST: TableDefinition<'_, (), u64> = TableDefinition::new("last");

/// Notifications that one user has; the oldest makes room for one more.
const PER_USER: usize = 200;

/// Bytes of the database that are kept in memory.
const CACHE: usize = 1 << 20;

/// Events that are taken from the outbox at a time.
const BATCH: usize = 100;

pub(crate) type Result<T> = std::result::Result<T, redb::Error>;

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Notification {
    pub(crate) id: u64,
    pub(crate) from: String,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) created_ms: u64,
    pub(crate) read_ms: Option<u64>,
}

/// What a user has, the newest first. Events up to this revision are in it.
#[derive(Serialize)]
pub(crate) struct State {
    pub(crate) revision: u64,
    pub(crate) notifications: Vec<Notification>,
}

/// An event that waits to be published to a user.
#[derive(Serialize, Deserialize)]
pub(crate) struct Posted {
    pub(crate) user: String,
    pub(crate) event: String,
    pub(crate) data: Value,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) user: String,
    pub(crate) expires_ms: u64,
}

pub(crate) struct Store(Database);

impl Store {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let mut database = Database::builder();
        let database = database.set_cache_size(CACHE).create(path)?;
        let change = database.begin_write()?;
        change.open_table(NOTIFICATIONS)?;
        change.open_table(OUTBOX)?;
        change.open_table(LAST)?;
        let now_ms = unix_ms();
        change
            .open_table(SESSIONS)?
            .retain(|_, session| read::<Session>(session).expires_ms > now_ms)?;
        change.commit()?;
        Ok(Self(database))
    }

    pub(crate) fn state(&self, user: &str) -> Result<State> {
        let look = self.0.begin_read()?;
        let last = look.open_table(LAST)?.get(())?;
        let table = look.open_table(NOTIFICATIONS)?;
        let own = table.range((user, 0)..=(user, u64::MAX))?.rev();
        let notifications = own.map(|entry| Ok(read(entry?.1.value())));
        Ok(State {
            revision: last.map_or(0, |last| last.value()),
            notifications: notifications.collect::<Result<_>>()?,
        })
    }

    /// Writes a notification to someone.
    pub(crate) fn create(
        &self,
        from: &str,
        to: &str,
        title: String,
        body: String,
    ) -> Result<Notification> {
        let change = self.0.begin_write()?;
        let notification = Notification {
            id: next(&change)?,
            from: from.to_owned(),
            title,
            body,
            created_ms: unix_ms(),
            read_ms: None,
        };
        let oldest = {
            let mut table = change.open_table(NOTIFICATIONS)?;
            table.insert((to, notification.id), &*write(&notification))?;
            let mut own = table.range((to, 0)..=(to, u64::MAX))?;
            let oldest = own.next().transpose()?.map(|(key, _)| key.value().1);
            oldest.filter(|_| own.count() >= PER_USER)
        };
        let data = json!({ "notification": notification });
        post(&change, to, "notification:created", data)?;
        if let Some(id) = oldest {
            remove(&change, to, id)?;
        }
        change.commit()?;
        Ok(notification)
    }

    /// Notes that a user has read one of theirs, and tells whoever wrote it. False where there is none.
    pub(crate) fn mark_read(&self, user: &str, id: u64) -> Result<bool> {
        let change = self.0.begin_write()?;
        let Some(mut notification) = one(&change, user, id)? else {
            return Ok(false);
        };
        if notification.read_ms.is_none() {
            notification.read_ms = Some(unix_ms());
            let mut table = change.open_table(NOTIFICATIONS)?;
            table.insert((user, id), &*write(&notification))?;
            drop(table);
            let data = json!({ "id": id, "read_ms": notification.read_ms });
            post(&change, user, "notification:read", data)?;
            let data = json!({ "id": id, "by": user, "title": notification.title });
            post(&change, &notification.from, "receipt", data)?;
            change.commit()?;
        }
        Ok(true)
    }

    /// Deletes one of a user's. False where there is none.
    pub(crate) fn delete(&self, user: &str, id: u64) -> Result<bool> {
        let change = self.0.begin_write()?;
        let deleted = remove(&change, user, id)?;
        change.commit()?;
        Ok(deleted)
    }

    /// The first events that wait.
    pub(crate) fn waiting(&self) -> Result<Vec<(u64, Posted)>> {
        let look = self.0.begin_read()?;
        let table = look.open_table(OUTBOX)?;
        let first = table.iter()?.take(BATCH);
        let first = first.map(|entry| {
            let (number, posted) = entry?;
            Ok((number.value(), read(posted.value())))
        });
        first.collect()
    }

    /// Notes that an event was published, and so all before it.
    pub(crate) fn published(&self, through: u64) -> Result<()> {
        let change = self.0.begin_write()?;
        change
            .open_table(OUTBOX)?
            .retain_in(..=through, |_, _| false)?;
        change.commit()?;
        Ok(())
    }

    pub(crate) fn begin_session(&self, hash: &str, session: &Session) -> Result<()> {
        let change = self.0.begin_write()?;
        change
            .open_table(SESSIONS)?
            .insert(hash, &*write(session))?;
        change.commit()?;
        Ok(())
    }

    pub(crate) fn session(&self, hash: &str) -> Result<Option<Session>> {
        let look = self.0.begin_read()?;
        let found = look.open_table(SESSIONS)?.get(hash)?;
        let session = found.map(|found| read::<Session>(found.value()));
        Ok(session.filter(|session| session.expires_ms > unix_ms()))
    }

    pub(crate) fn end_session(&self, hash: &str) -> Result<()> {
        let change = self.0.begin_write()?;
        change.open_table(SESSIONS)?.remove(hash)?;
        change.commit()?;
        Ok(())
    }
}

fn one(change: &WriteTransaction, user: &str, id: u64) -> Result<Option<Notification>> {
    let table = change.open_table(NOTIFICATIONS)?;
    let found = table.get((user, id))?;
    Ok(found.map(|found| read(found.value())))
}

fn remove(change: &WriteTransaction, user: &str, id: u64) -> Result<bool> {
    let mut table = change.open_table(NOTIFICATIONS)?;
    let found = table.remove((user, id))?.is_some();
    if found {
        post(change, user, "notification:deleted", json!({ "id": id }))?;
    }
    Ok(found)
}

/// Puts an event into the outbox; its data says its revision.
fn post(change: &WriteTransaction, user: &str, event: &str, mut data: Value) -> Result<()> {
    let number = next(change)?;
    data["revision"] = number.into();
    let posted = Posted {
        user: user.to_owned(),
        event: event.to_owned(),
        data,
    };
    change
        .open_table(OUTBOX)?
        .insert(number, &*write(&posted))?;
    Ok(())
}

fn next(change: &WriteTransaction) -> Result<u64> {
    let mut table = change.open_table(LAST)?;
    let next = table.get(())?.map_or(0, |last| last.value()) + 1;
    table.insert((), next)?;
    Ok(next)
}

fn write(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("it is plain data")
}

fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8]) -> T {
    serde_json::from_slice(bytes).expect("it was written by `write`")
}
