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
}

/// One event.
struct Entry {
    sequence: u64,
    mail: Mail,
    /// It stays until a newer one of its topic takes its place.
    latest: bool,
}

/// Who a reader is, for ever.
#[derive(Clone, Debug)]
pub(super) struct Profile {
    pub(super) user: Option<&'static str>,
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
    pub(super) connections: BTreeSet<ConnectionId>,
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
    pub(super) fn add(&mut self, at: Cursor, mail: &Mail, latest: bool) {
        self.lives.entry(at.epoch).or_default().push(Entry {
            sequence: at.sequence,
            mail: mail.clone(),
            latest,
        });
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
            ensure!(who.is_for(&entry.mail), "the value {value} was for others");
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
        let for_it = match entry.mail.address {
            Address::Connection(id) => self.connections.contains(&id),
            _ => who.is_for(&entry.mail),
        };
        ensure!(for_it, "{data:?} was for others");
        self.settle(epoch, from, entry.sequence - 1, who, ledger)?;
        self.told = Told::default();
        self.at = Some((epoch, entry.sequence));
        self.events += 1;
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
            match entry.mail.address {
                Address::Connection(id) => most += u64::from(self.connections.contains(&id)),
                _ if !who.is_for(&entry.mail) => {}
                // Whether it was replaced before its turn to be counted, nobody knows.
                _ => {
                    most += 1;
                    let excused = self
                        .excused
                        .is_some_and(|(life, through)| life == epoch && entry.sequence <= through);
                    least += u64::from(!excused && !ledger.is_replaced(epoch, entry));
                }
            }
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
            let due = entry.latest && who.is_for(&entry.mail) && !ledger.is_replaced(epoch, entry);
            ensure!(
                !due || heard.contains(&entry.sequence),
                "the value {} did not come when the stream was opened",
                entry.sequence
            );
        }
        Ok(())
    }
}
