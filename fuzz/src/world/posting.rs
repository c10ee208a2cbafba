//! How events come from a publisher into the hubs: numbered, waiting for room, sent again.
//!
//! It does not know who listens.

use super::World;
use super::judge::Sender;
use super::news::News;
use super::server::Posted;
use super::story::Note;
use crate::mail::Mail;
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use tidings_core::{ConnectionId, Published};

/// How long a publisher waits for room in the mailboxes, and how often it looks.
const WAIT_MS: u64 = 25;
const TRIES: u32 = 12;

/// What a publisher has sent, as long as it is not taken.
#[derive(Debug)]
pub(super) struct Post {
    publisher: usize,
    mails: Vec<Mail>,
    unheard: bool,
    tries: u32,
}

impl World {
    /// A publisher sends what it has to say, and may or may not be answered.
    pub(super) fn publish(&mut self, publisher: usize, notes: &[Note], unheard: bool) -> Verdict {
        let publisher = publisher % self.publishers.len();
        if !self.server.is_up(self.now) {
            return Ok(());
        }
        let connections: Vec<Option<ConnectionId>> = self
            .readers
            .iter()
            .map(|reader| reader.link.map(|link| self.links[link].connection))
            .collect();
        let mails = self.publishers[publisher].mails(notes, &connections, unheard);
        self.post(Post {
            publisher,
            mails,
            unheard,
            tries: 0,
        })
    }

    /// At the end, what has no answer is sent again until it has one.
    pub(super) fn repeat(&mut self, publisher: usize) -> Verdict {
        if !self.publishers[publisher].is_waiting() {
            return Ok(());
        }
        if self.server.is_up(self.now) {
            self.publish(publisher, &[], false)?;
        }
        self.note(1_000, News::Repeat { publisher });
        Ok(())
    }

    pub(super) fn post(&mut self, mut post: Post) -> Verdict {
        if post.mails.is_empty() || !self.server.is_up(self.now) {
            return Ok(());
        }
        let before = self.server.cursor();
        match self.server.post(self.now, &post.mails, &mut self.links)? {
            Posted::Taken(published, senders) => {
                self.enter(&post.mails, &published, &senders, before.sequence)?;
                if !post.unheard {
                    self.publishers[post.publisher].answered();
                }
            }
            Posted::NoRoom => {
                ensure_eq!(self.server.cursor(), before, "numbers given for nothing");
                post.tries += 1;
                if post.tries < TRIES {
                    self.note(WAIT_MS, News::Retry { post });
                } else {
                    self.report.busy += 1;
                }
            }
            Posted::Draining => {}
        }
        Ok(())
    }

    /// Enters into the ledger what is new, and checks what was known.
    fn enter(
        &mut self,
        mails: &[Mail],
        published: &[Published],
        senders: &[Sender],
        before: u64,
    ) -> Verdict {
        ensure_eq!(mails.len(), published.len(), "answers to publishes");
        let mut last = before;
        for ((mail, answer), sender) in mails.iter().zip(published).zip(senders) {
            if answer.duplicate {
                self.report.duplicates += 1;
                let first = self
                    .ledger
                    .mail(answer.cursor)
                    .and_then(|first| first.id.as_ref());
                ensure_eq!(first, mail.id.as_ref(), "what is known already");
                continue;
            }
            last += 1;
            ensure_eq!(answer.cursor.sequence, last, "numbers without a hole");
            ensure_eq!(answer.cursor.epoch, self.server.life(), "the life");
            let given = self.server.remembered_ids().and_then(|ids| {
                self.ledger
                    .among_last_ids(answer.cursor.epoch, mail.id.as_ref()?, ids)
            });
            ensure!(
                given.is_none(),
                "{:?} was published at {given:?} already, and not known again",
                mail.id
            );
            self.report.published += 1;
            let latest = self.server.is_latest(mail);
            self.ledger.add(answer.cursor, mail, latest, *sender);
        }
        ensure_eq!(self.server.cursor().sequence, last, "the last number");
        Ok(())
    }
}
