//! What readers must have heard, given what was published: nothing lost without a word, nothing
//! twice, nothing that was for others.
//!
//! It does not know hubs: it sees what publishers were answered and what clients hand out.

use crate::mail::{Address, Mail};
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use std::collections::{BTreeMap, BTreeSet};
use tidings_core::{ConnectionId, Cursor, Event, GapReason, pattern_matches};

/// Everything that was published, by the life of the log.
#[derive(Default)]
pub(super) struct Ledger {
    lives: BTreeMap<u64, Vec<Entry>>,
    /// The tabs of connections, by life.
    tabs: BTreeMap<(u64, ConnectionId), Tab>,
}

/// A user and a tab, each if there is one.
type Tab = (Option<&'static str>, Option<&'static str>);

/// One event.
struct Entry {
    sequence: u64,
    mail: Mail,
    /// It stays until a newer one of its topic takes its place.
    latest: bool,
    /// The connection that does not want it, when it came into the log.
    sender: Sender,
}

/// Whether the connection that does not want an event was there when the event came into the log,
/// so that it is known which tab it had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sender {
    Here,
    Gone,
    Unsure,
}

/// Whether a reader is to get an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Due {
    Yes,
    No,
    /// It may or may not.
    Open,
}

impl Sender {
    /// What is known if this was so before, and that after.
    pub(super) fn and(self, after: Self) -> Self {
        if self == after { self } else { Self::Unsure }
    }
}

/// Who a reader is, for ever.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub(super) user: Option<&'static str>,
    pub(super) tab: Option<&'static str>,
    pub(super) topics: Vec<&'static str>,
    pub(super) grants: Vec<&'static str>,
}

/// What one reader has heard.
#[derive(Default)]
pub(super) struct Record {
    /// All up to here has been heard, or told.
    at: Option<(u64, u64)>,
    /// Gaps that were told since.
    told: Told,
    /// A gap of unknown size tells of all that was gone when it was told, be it after its position.
    excused: Option<(u64, u64)>,
    /// It came back with an id that says nothing certain.
    pub(super) doubtful: bool,
    /// In the values that open a stream: the last one heard, and all of them.
    opening: Option<(u64, BTreeSet<u64>)>,
    /// The connections it had: what was for one of them may be told as missed.
    pub(super) connections: BTreeSet<(u64, ConnectionId)>,
    /// The one it hears through.
    pub(super) connection: Option<ConnectionId>,
    /// The server must know the id it came back with.
    pub(super) known: bool,
    pub(super) events: u64,
    pub(super) gaps: u64,
    pub(super) missed: u64,
}

#[derive(Clone, Copy, Default, Debug)]
struct Told {
    missed: u64,
    unknown: bool,
}

impl Ledger {
    /// An event was published at this position.
    pub(super) fn add(&mut self, at: Cursor, mail: &Mail, latest: bool, sender: Sender) {
        self.lives.entry(at.epoch).or_default().push(Entry {
            sequence: at.sequence,
            mail: mail.clone(),
            latest,
            sender,
        });
    }

    /// A reader has a connection.
    pub(super) fn connect(&mut self, epoch: u64, connection: ConnectionId, who: &Profile) {
        self.tabs.insert((epoch, connection), (who.user, who.tab));
    }

    /// What became known of those who do not want events, by the numbers of these.
    pub(super) fn learn(&mut self, epoch: u64, known: &[(u64, Sender)]) {
        let entries = self.lives.entry(epoch).or_default();
        for (sequence, sender) in known {
            if let Ok(place) = entries.binary_search_by_key(sequence, |entry| entry.sequence) {
                entries[place].sender = *sender;
            }
        }
    }

    /// Where the id was given, if it is among the last so many that were given in a life.
    pub(super) fn among_last_ids(&self, epoch: u64, id: &str, last: usize) -> Option<u64> {
        let entries = self.lives.get(&epoch)?.iter().rev();
        let named = entries.filter(|entry| entry.mail.id.is_some());
        let found = named
            .take(last)
            .find(|entry| entry.mail.id.as_deref() == Some(id))?;
        Some(found.sequence)
    }

    /// What was published at this position.
    pub(super) fn mail(&self, at: Cursor) -> Option<&Mail> {
        let entry = self.find(at.epoch, |entry| entry.sequence == at.sequence)?;
        Some(&entry.mail)
    }

    /// Whether an id of a publisher's own was given more than once: because the hub had forgotten
    /// it, or in another life of the log. Then it is no certain position, and a client that comes
    /// back with it may miss what lies between.
    pub(super) fn is_doubtful(&self, id: &str) -> bool {
        let entries = self.lives.values().flatten();
        let given = entries.filter(|entry| entry.mail.id.as_deref() == Some(id));
        given.count() > 1
    }

    /// The last number of a life.
    fn end(&self, epoch: u64) -> u64 {
        let entries = self.lives.get(&epoch);
        let last = entries.and_then(|entries| entries.last());
        last.map_or(0, |entry| entry.sequence)
    }

    fn find(&self, epoch: u64, wanted: impl Fn(&Entry) -> bool) -> Option<&Entry> {
        self.lives.get(&epoch)?.iter().find(|entry| wanted(entry))
    }

    /// What was published after `from` up to `through`.
    fn range(&self, epoch: u64, from: u64, through: u64) -> impl Iterator<Item = &Entry> {
        let entries = self.lives.get(&epoch).map_or(&[][..], Vec::as_slice);
        let first = entries.partition_point(|entry| entry.sequence <= from);
        entries[first..]
            .iter()
            .take_while(move |entry| entry.sequence <= through)
    }

    /// Whether a newer value has taken the place of an entry.
    fn is_replaced(&self, epoch: u64, old: &Entry) -> bool {
        let topic = old.mail.address.topics().first();
        old.latest
            && self
                .range(epoch, old.sequence, u64::MAX)
                .any(|entry| entry.latest && entry.mail.address.topics().first() == topic)
    }
}

impl Profile {
    /// Whether this reader, which had these connections, is to get an event of a life.
    fn is_due(&self, epoch: u64, entry: &Entry, record: &Record, ledger: &Ledger) -> Due {
        if !self.is_for(&entry.mail) {
            return Due::No;
        }
        let Some(except) = entry.mail.except else {
            return Due::Yes;
        };
        let tab = ledger.tabs.get(&(epoch, except)).copied();
        let by_tab = self.tab.is_some() && tab == Some((self.user, self.tab));
        let by_connection = record.connections.contains(&(epoch, except));
        match entry.sender {
            Sender::Here if by_tab => Due::No,
            Sender::Unsure if by_tab => Due::Open,
            // Without a tab, what a stream sent comes back in the next.
            _ if by_connection => Due::Open,
            _ => Due::Yes,
        }
    }

    fn is_for(&self, mail: &Mail) -> bool {
        let takes = |topic: &String| {
            let matches = |pattern: &&str| pattern_matches(pattern, topic);
            self.topics.iter().any(matches) && (!mail.private || self.grants.iter().any(matches))
        };
        match &mail.address {
            Address::Everyone => true,
            Address::User(user) => self.user == Some(user),
            Address::UserInTopics(user, topics) => {
                self.user == Some(user) && topics.iter().any(takes)
            }
            Address::Topics(topics) => topics.iter().any(takes),
            Address::Connection(_) => false,
        }
    }
}

impl Record {
    /// The client has handed out an event.
    ///
    /// # Errors
    /// Where it should not have come, or something before it should have.
    pub(super) fn hear(&mut self, event: &Event<'_>, who: &Profile, ledger: &Ledger) -> Verdict {
        let kind = event.event();
        let id = event.has_id().then(|| event.id());
        let place = id.as_deref().and_then(|id| id.parse::<Cursor>().ok());
        match &*kind {
            "connected" | "heartbeat" => match place {
                Some(place) => self.stand(place, who, ledger),
                None => Ok(()),
            },
            "gap" => {
                self.note_gap(&event.data())?;
                let place = place.ok_or("a gap has no id")?;
                if self.told.unknown {
                    self.excused = Some((place.epoch, ledger.end(place.epoch)));
                }
                if event.data().contains(GapReason::UnknownCursor.as_str()) {
                    ensure!(!self.known, "the server must know the id it was given");
                    // The hub does not know what the client has: it begins with all there is.
                    (self.at, self.opening) = (None, None);
                }
                self.stand(place, who, ledger)
            }
            "reauth" => Ok(()),
            "bye" => match place {
                Some(place) => self.stand(place, who, ledger),
                None => Ok(()),
            },
            _ => self.take(event, place, who, ledger),
        }
    }

    /// The client stands at the end of a log, and hears nothing more.
    ///
    /// # Errors
    /// Where something is missing.
    pub(super) fn finish(&mut self, head: Cursor, who: &Profile, ledger: &Ledger) -> Verdict {
        self.stand(head, who, ledger)
    }

    fn note_gap(&mut self, data: &str) -> Verdict {
        let missed = data
            .strip_prefix(r#"{"missed":"#)
            .and_then(|rest| rest.split(',').next())
            .ok_or_else(|| format!("not a gap: {data}"))?;
        self.gaps += 1;
        match missed.parse::<u64>() {
            Ok(missed) => {
                self.told.missed += missed;
                self.missed += missed;
            }
            Err(_) => self.told.unknown = true,
        }
        Ok(())
    }

    /// The client is told where it stands.
    fn stand(&mut self, place: Cursor, who: &Profile, ledger: &Ledger) -> Verdict {
        if let Some(latest) = place.latest {
            let heard = self.opening.get_or_insert((0, BTreeSet::new())).0;
            ensure!(
                latest >= heard,
                "{place} goes back behind the value {heard}"
            );
            self.at.get_or_insert((place.epoch, place.sequence));
            return Ok(());
        }
        self.end_opening(who, ledger)?;
        if std::mem::take(&mut self.doubtful) {
            self.at = None;
        }
        match self.at {
            Some((epoch, from)) if epoch == place.epoch => {
                ensure!(place.sequence >= from, "{place} goes back behind {from}");
                self.settle(epoch, from, place.sequence, who, ledger)?;
            }
            Some((epoch, _)) => {
                ensure!(
                    self.told.unknown,
                    "{place} is of another life than {epoch:x}, and no gap was told"
                );
            }
            None => {}
        }
        self.told = Told::default();
        self.at = Some((place.epoch, place.sequence));
        Ok(())
    }

    /// An event of an application came.
    fn take(
        &mut self,
        event: &Event<'_>,
        place: Option<Cursor>,
        who: &Profile,
        ledger: &Ledger,
    ) -> Verdict {
        let (epoch, from) = self.at.ok_or("an event comes before any position")?;
        let data = event.data();
        let is_it = |entry: &Entry| entry.mail.data.as_deref() == Some(&*data);
        if let Some(Cursor {
            latest: Some(value),
            sequence,
            ..
        }) = place
        {
            let entry = ledger.find(epoch, |entry| entry.sequence == value && is_it(entry));
            let entry = entry.ok_or_else(|| format!("the value {data:?} is none at {value}"))?;
            self.check_for_it(epoch, entry, who, ledger)?;
            ensure!(
                entry.latest && value <= sequence,
                "{value} is no opening value"
            );
            let (last, heard) = self.opening.get_or_insert((0, BTreeSet::new()));
            ensure!(value > *last, "the value {value} comes after {last}");
            *last = value;
            heard.insert(value);
            self.events += 1;
            return Ok(());
        }
        self.end_opening(who, ledger)?;
        let entry = ledger.find(epoch, |entry| entry.sequence > from && is_it(entry));
        let entry = entry.ok_or_else(|| format!("{data:?} was not published after {from}"))?;
        if let Some(place) = place {
            let found = (place.epoch, place.sequence);
            ensure_eq!(found, (epoch, entry.sequence), "an id");
        }
        self.check_for_it(epoch, entry, who, ledger)?;
        self.settle(epoch, from, entry.sequence - 1, who, ledger)?;
        self.told = Told::default();
        self.at = Some((epoch, entry.sequence));
        self.events += 1;
        Ok(())
    }

    fn check_for_it(&self, epoch: u64, entry: &Entry, who: &Profile, ledger: &Ledger) -> Verdict {
        let for_it = match entry.mail.address {
            Address::Connection(id) => self.connection == Some(id),
            _ => who.is_due(epoch, entry, self, ledger) != Due::No,
        };
        let sent_it = entry.mail.except.is_some() && entry.mail.except == self.connection;
        ensure!(for_it && !sent_it, "{:?} was for others", entry.mail);
        Ok(())
    }

    /// All between two positions was told as missed, if there was anything.
    fn settle(
        &self,
        epoch: u64,
        from: u64,
        through: u64,
        who: &Profile,
        ledger: &Ledger,
    ) -> Verdict {
        let (mut least, mut most) = (0, 0);
        for entry in ledger.range(epoch, from, through) {
            let due = match entry.mail.address {
                Address::Connection(id) if self.connections.contains(&(epoch, id)) => Due::Open,
                _ => who.is_due(epoch, entry, self, ledger),
            };
            let excused = self
                .excused
                .is_some_and(|(life, through)| life == epoch && entry.sequence <= through);
            // Whether it was replaced before its turn to be counted, nobody knows.
            let sure = due == Due::Yes && !excused && !ledger.is_replaced(epoch, entry);
            most += u64::from(due != Due::No);
            least += u64::from(sure);
        }
        let Told { missed, unknown } = self.told;
        ensure!(
            unknown || (least..=most).contains(&missed),
            "between {from} and {through} of {epoch:x}, {least} to {most} are missing; told {missed}"
        );
        Ok(())
    }

    /// The values that open a stream were all there.
    fn end_opening(&mut self, who: &Profile, ledger: &Ledger) -> Verdict {
        let (Some((_, heard)), Some((epoch, opened))) = (self.opening.take(), self.at) else {
            return Ok(());
        };
        for entry in ledger.range(epoch, 0, opened) {
            let due = who.is_due(epoch, entry, self, ledger) == Due::Yes;
            ensure!(
                !entry.latest
                    || !due
                    || ledger.is_replaced(epoch, entry)
                    || heard.contains(&entry.sequence),
                "the value {} did not come when the stream was opened",
                entry.sequence
            );
        }
        Ok(())
    }
}
