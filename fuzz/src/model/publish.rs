//! Publishing: what may be, who it is for, and which answer is right.
//!
//! It does not know what has to go for it; `retention` does.

use super::event::{Event, State};
use super::ids::parse_place;
use super::names::topic_flaw;
use super::{Model, Phase};
use crate::mail::{Address, Mail};
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use std::collections::BTreeMap;
use tidings_core::{ClassStats, Cursor, Encoding, PublishError, Published};

/// The answer of a hub to a batch.
pub type Outcome = Result<Vec<Published>, PublishError>;

/// What the index record of an event and its id line take, at least and at most.
const LEAST_OVERHEAD_BYTES: usize = 16;
const MOST_OVERHEAD_BYTES: usize = 512;

impl Model {
    /// All that speaks against an event, whatever the hub holds.
    #[must_use]
    pub fn flaws(&self, mail: &Mail) -> Vec<PublishError> {
        let limits = &self.options.limits;
        let mut flaws = self.address_flaws(&mail.address);
        let mut flaw = |is_one: bool, error: PublishError| {
            if is_one {
                flaws.push(error);
            }
        };
        flaw(mail.data.is_none(), PublishError::NoData);
        let control = &self.options.control;
        let names = [
            &control.connected,
            &control.heartbeat,
            &control.gap,
            &control.reauth,
            &control.bye,
        ];
        let reserved = names
            .iter()
            .any(|one| mail.kind.as_ref() == Some(&one.name));
        flaw(reserved, PublishError::ReservedEvent);
        let limit = limits.event_bytes;
        flaw(
            mail.body().len() > limit,
            PublishError::EventTooLong { limit },
        );
        if let Some(id) = &mail.id {
            let limit = limits.id_bytes;
            flaw(
                id.is_empty() || id.len() > limit,
                PublishError::IdLength { limit },
            );
            flaw(
                id.contains(char::is_control),
                PublishError::IdControlCharacter,
            );
            let reserved = id == "earliest" || id.ends_with('!') || parse_place(id).is_some();
            flaw(reserved, PublishError::IdReserved);
        }
        flaws
    }

    fn address_flaws(&self, address: &Address) -> Vec<PublishError> {
        let (Address::Topics(topics) | Address::UserInTopics(_, topics)) = address else {
            return Vec::new();
        };
        let limit = self.options.limits.topics_per_publish;
        let mut flaws = Vec::new();
        if topics.is_empty() {
            flaws.push(PublishError::NoTopic);
        }
        if topics.len() > limit {
            flaws.push(PublishError::TooManyTopics { limit });
        }
        let bad = topics.iter().map(|topic| topic_flaw(topic)).enumerate();
        let mut bad = bad.filter_map(|(index, error)| Some((index, error?)));
        flaws.extend(
            bad.next()
                .map(|(index, error)| PublishError::Topic { index, error }),
        );
        let latest = topics
            .iter()
            .any(|topic| self.class(self.class_of_topic(topic)).latest);
        let alone = address.user().is_none() && topics.iter().all(|topic| *topic == topics[0]);
        if latest && !alone {
            flaws.push(PublishError::LatestNotAlone);
        }
        flaws
    }

    /// The class that keeps an event of these topics longest.
    fn class_of(&self, address: &Address) -> usize {
        let mut longest = None;
        for topic in address.topics() {
            let class = self.class_of_topic(topic);
            let options = self.class(class);
            let length = (
                options.age_ms.unwrap_or(u64::MAX),
                options.events,
                options.bytes,
            );
            if longest.is_none_or(|(other, _)| length > other) {
                longest = Some((length, class));
            }
        }
        longest.map_or(self.options.classes.len(), |(_, class)| class)
    }

    /// A batch was published, or refused.
    ///
    /// # Errors
    /// Where the answer should have been another.
    pub fn published(&mut self, mails: &[Mail], outcome: &Outcome) -> Verdict {
        let published = match outcome {
            Err(error) => return self.refused(mails, *error),
            Ok(published) => published,
        };
        ensure!(!self.draining, "published while the hub is drained");
        self.check_batch_fits(mails)?;
        ensure_eq!(published.len(), mails.len(), "how many answers there are");
        let (mut next, mut here) = (self.assigned + 1, BTreeMap::new());
        let remembered = self.own_ids.clone();
        for (mail, answer) in mails.iter().zip(published) {
            let known = mail
                .id
                .as_ref()
                .and_then(|id| here.get(id).or_else(|| remembered.get(id)).copied());
            let sequence = known.unwrap_or(next);
            let recipients = if known.is_some() {
                self.reach("a publish that was known");
                self.tally.duplicates += 1;
                0
            } else {
                here.extend(mail.id.clone().map(|id| (id, sequence)));
                next += 1;
                self.add(mail, sequence)
            };
            let expected = (
                Cursor::new(self.options.epoch, sequence),
                recipients,
                known.is_some(),
            );
            let found = (answer.cursor, answer.recipients, answer.duplicate);
            ensure_eq!(
                found,
                expected,
                "position, recipients and whether known of {mail:?}"
            );
        }
        Ok(())
    }

    /// A batch was appended from a number on, or refused.
    ///
    /// # Errors
    /// Where the answer should have been another.
    pub fn appended(
        &mut self,
        first: u64,
        mails: &[Mail],
        outcome: &Result<Vec<usize>, PublishError>,
    ) -> Verdict {
        let recipients = match outcome {
            Err(error) => return self.refused(mails, *error),
            Ok(recipients) => recipients,
        };
        ensure_eq!(recipients.len(), mails.len(), "how many answers there are");
        for ((sequence, mail), found) in (first..).zip(mails).zip(recipients) {
            let expected = self.add(mail, sequence);
            ensure_eq!(*found, expected, "recipients of {mail:?}");
        }
        Ok(())
    }

    /// The names of the ids that are remembered.
    #[must_use]
    pub fn remembers(&self, id: &str) -> bool {
        self.own_ids.contains_key(id)
    }

    /// Checks a refusal that depends on the hub.
    fn refused(&mut self, mails: &[Mail], error: PublishError) -> Verdict {
        self.reach(error.code());
        match error {
            PublishError::Draining => ensure!(self.draining, "the hub is not being drained"),
            PublishError::BatchTooLarge => {
                let may_fit = self
                    .classes_of(mails, MOST_OVERHEAD_BYTES)
                    .all(|(class, need)| {
                        need.events <= self.class(class).events
                            && need.bytes <= self.class(class).bytes / 4 * 3
                    });
                ensure!(!may_fit, "too large, but it would fit: {mails:?}");
            }
            PublishError::Full => {
                ensure!(
                    self.someone_is_behind(),
                    "full, but nobody has to be offered anything"
                );
                let has_room = self
                    .classes_of(mails, MOST_OVERHEAD_BYTES)
                    .all(|(class, need)| {
                        let (held, limit) = (&self.held[class], self.class(class));
                        held.events + need.events <= limit.events
                            && held.bytes + need.bytes <= limit.bytes
                    });
                ensure!(!has_room, "full, but there is room for {mails:?}");
            }
            other => return Err(format!("refused with {other:?}")),
        }
        Ok(())
    }

    /// Whether a reader that is not blocked has not been served up to the end of the log.
    #[must_use]
    pub fn someone_is_behind(&self) -> bool {
        self.open_connections().any(|(_, one)| {
            let behind = one.position < self.head || one.phase == Phase::Flushing;
            one.phase.is_served() && !one.blocked && behind
        })
    }

    fn check_batch_fits(&self, mails: &[Mail]) -> Verdict {
        for (class, need) in self.classes_of(mails, LEAST_OVERHEAD_BYTES) {
            let limit = self.class(class);
            ensure!(
                need.events <= limit.events && need.bytes <= limit.bytes,
                "more than class {class} keeps was published at once"
            );
        }
        Ok(())
    }

    /// What the mails come to in each class, with so many bytes beside each body.
    fn classes_of(
        &self,
        mails: &[Mail],
        overhead: usize,
    ) -> impl Iterator<Item = (usize, ClassStats)> {
        let mut needs = BTreeMap::<usize, ClassStats>::new();
        for mail in mails {
            let need = needs.entry(self.class_of(&mail.address)).or_default();
            need.events += 1;
            need.bytes += mail.body().len() + overhead;
        }
        needs.into_iter()
    }

    /// Puts an event where it belongs. How many connections it is for.
    fn add(&mut self, mail: &Mail, sequence: u64) -> usize {
        self.skip(sequence);
        self.tally.published += 1;
        let excluded = mail.except.and_then(|id| self.find(id));
        let id = mail.id.clone();
        let id_line = id.clone().unwrap_or_else(|| self.cursor_text(sequence));
        let mut event = Event {
            sequence,
            class: self.class_of(&mail.address),
            time_ms: self.now,
            except_tab: excluded.and_then(|key| self.tab_of(key)),
            state: State::Kept,
            frame: mail.written(&id_line, Encoding::EventStream),
            message: mail.written(&id_line, Encoding::WebSocket),
            mail: mail.clone(),
        };
        if let Address::Connection(id) = mail.address
            && self
                .find(id)
                .is_none_or(|key| !self.connections[key].phase.is_live())
        {
            // Of several hubs, the one that had the connection counts it.
            self.tally.undelivered += u64::from(id.shard() == self.options.shard);
            self.reach("an event for a connection that is gone");
            event.state = State::Unstored;
            self.events.push(event);
            return 0;
        }
        self.replace(&event);
        self.own_ids.extend(id.map(|id| (id, sequence)));
        let direct = matches!(mail.address, Address::Connection(_));
        let mut recipients = 0;
        for connection in &mut self.connections {
            if connection.phase.is_served() && Self::is_for(&event, connection) {
                recipients += 1;
                if direct {
                    connection.direct.insert(sequence);
                }
            }
        }
        self.events.push(event);
        recipients
    }

    /// In a `latest` class, the older value of the topic makes way.
    fn replace(&mut self, event: &Event) {
        if !self.class(event.class).latest {
            return;
        }
        for place in self.recorded(event.class).collect::<Vec<_>>() {
            let older = &mut self.events[place];
            let same = older.class == event.class
                && older.mail.address.topics().first() == event.mail.address.topics().first();
            if same && older.has_record() {
                let was_kept = older.is_kept();
                self.tally.replaced += u64::from(was_kept);
                older.state = State::Replaced;
                self.forget_id(place);
                self.reach(if was_kept {
                    "a value replaced"
                } else {
                    "a value after its eviction"
                });
            }
        }
    }
}
