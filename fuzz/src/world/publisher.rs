//! A publisher: arrays of events, and patience where no answer comes.
//!
//! It does not know who listens. Events that it may repeat have ids of its own, so that the hub
//! knows them again.

use super::story::{For, Note, OwnId};
use crate::mail::{Address, Mail};
use tidings_core::ConnectionId;

/// The most notes of an array.
const MOST_NOTES: usize = 6;

/// One publisher.
#[derive(Debug)]
pub(super) struct Publisher {
    number: usize,
    /// What was sent without an answer.
    pending: Vec<Mail>,
    /// How many events it has written.
    written: usize,
}

impl Publisher {
    pub(super) const fn new(number: usize) -> Self {
        Self {
            number,
            pending: Vec::new(),
            written: 0,
        }
    }

    pub(super) const fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    pub(super) fn answered(&mut self) {
        self.pending.clear();
    }

    /// The mails to send: those without an answer, else new ones. Readers have their streams now.
    pub(super) fn mails(
        &mut self,
        notes: &[Note],
        streams: &[Option<ConnectionId>],
        unheard: bool,
    ) -> Vec<Mail> {
        if self.is_waiting() {
            // The same ids, but so that readers can be seen to have had this or that.
            self.written += 1;
            for mail in &mut self.pending {
                mail.data = mail
                    .data
                    .take()
                    .map(|data| format!("{}+{data}", self.written));
            }
            return self.pending.clone();
        }
        let notes = notes.iter().take(MOST_NOTES);
        let mails: Vec<Mail> = notes.filter_map(|note| self.mail(note, streams)).collect();
        if unheard && mails.iter().all(|mail| mail.id.is_some()) {
            self.pending.clone_from(&mails);
        }
        mails
    }

    fn mail(&mut self, note: &Note, streams: &[Option<ConnectionId>]) -> Option<Mail> {
        let stream = |reader: u8| {
            let place = usize::from(reader) % streams.len().max(1);
            streams.get(place).copied().flatten()
        };
        let named = |topics: &[&str]| topics.iter().map(|topic| (*topic).to_owned()).collect();
        let address = match &note.to {
            For::Topic(topic) => Address::Topics(named(&[topic])),
            For::Topics(topics) => Address::Topics(named(topics)),
            For::UserInTopics(user, topics) => Address::UserInTopics((*user).into(), named(topics)),
            For::User(user) => Address::User((*user).into()),
            For::Everyone => Address::Everyone,
            For::Reader(reader) => Address::Connection(stream(*reader)?),
        };
        self.written += 1;
        let name = format!("{}.{}", self.number, self.written);
        let size = usize::from(note.size) * if note.long { 6 } else { 1 };
        let mut mail = Mail::to(address, format!("{name} {}", "x".repeat(size)));
        // What has no topics, anybody may get.
        mail.private = note.private && !mail.address.topics().is_empty();
        mail.except = note.except.and_then(stream);
        mail.id = match note.id {
            OwnId::None => None,
            OwnId::Unique => Some(format!("id-{name}")),
            OwnId::Shared(number) => Some(format!("order-{}", number % 8)),
        };
        Some(mail)
    }
}
