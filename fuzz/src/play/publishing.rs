//! The part of a player that publishes.
//!
//! It does not know who gets what.

use super::Player;
use crate::mail::{Address, Mail};
use crate::model::{Cause, Outcome};
use crate::ops::{Kind, Letter, Peer, Size, To};
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use tidings_core::{Message, PublishError, Published};

/// Events need not be longer than this, whatever the hub takes.
const MOST_BYTES: usize = 40_000;

impl Player {
    pub(super) fn publish(&mut self, letter: &Letter) -> Verdict {
        let mail = self.mail(letter);
        self.publish_mail(&mail).map(drop)
    }

    fn publish_mail(&mut self, mail: &Mail) -> Verdict<Result<Published, PublishError>> {
        let first = self.hub.cursor().sequence + 1;
        let answer = mail.with(|publish| self.hub.publish(self.now, publish));
        let flaws = self.model.flaws(mail);
        if !flaws.is_empty() {
            let error = answer.err();
            ensure!(
                error.is_some_and(|error| flaws.contains(&error)),
                "answered {answer:?} to {mail:?}, but {flaws:?}"
            );
            return Ok(answer);
        }
        let mails = std::slice::from_ref(mail);
        self.answered(first, mails, &answer.map(|published| vec![published]))?;
        Ok(answer)
    }

    /// Publishes those of the letters that are right, all or none.
    pub(super) fn publish_all(&mut self, letters: &[Letter]) -> Verdict {
        let first = self.hub.cursor().sequence + 1;
        let (mails, messages) = self.messages(letters)?;
        let outcome = self.hub.publish_all(self.now, &messages);
        self.answered(first, &mails, &outcome)
    }

    fn answered(&mut self, first: u64, mails: &[Mail], outcome: &Outcome) -> Verdict {
        self.note(format!("{outcome:?}"));
        self.learn_overflows()?;
        let full = *outcome == Err(PublishError::Full);
        ensure!(
            !full || !self.settled,
            "full after the driver did all there was to do"
        );
        self.model.published(mails, outcome)?;
        self.published_from(first, outcome.is_ok())
    }

    pub(super) fn append(&mut self, hole: u64, letters: &[Letter]) -> Verdict {
        let (mut mails, mut messages) = self.messages(letters)?;
        self.drop_known(&mut mails, &mut messages);
        let first = self.model.head() + hole + 1;
        self.hub.skip(first - 1);
        self.model.skip(first - 1);
        let outcome = self.hub.append(self.now, first, &messages);
        self.note(format!("{outcome:?}"));
        self.learn_overflows()?;
        self.model.appended(first, &mails, &outcome)?;
        self.published_from(first, outcome.is_ok())
    }

    fn published_from(&mut self, first: u64, done: bool) -> Verdict {
        self.observe(if done {
            Cause::Published(first)
        } else {
            Cause::Other
        })
    }

    /// Whoever numbers events outside sees to it that none is known by its id.
    fn drop_known(&self, mails: &mut Vec<Mail>, messages: &mut Vec<Message>) {
        for place in (0..mails.len()).rev() {
            let id = mails[place].id.clone();
            let twice = mails[..place].iter().any(|other| other.id == id);
            if id.is_some_and(|id| twice || self.model.remembers(&id)) {
                mails.remove(place);
                messages.remove(place);
            }
        }
    }

    /// Publishes small events one after another, writing when the log is full. Now and then one is
    /// not for the topics but for a user, for everyone or for a connection.
    pub(super) fn flood(&mut self, topics: &[&str; 2], events: usize) -> Verdict {
        for number in 0..events {
            self.letters += 1;
            let address = match number % 101 {
                70 => Address::User("ada".into()),
                80 => Address::Everyone,
                90 => Address::Connection(self.peer(Peer::Open(0)).1),
                100 => Address::UserInTopics("ada".into(), vec!["a".into(), "b".into()]),
                _ => Address::Topics(vec![topics[number % 2].into()]),
            };
            let mail = Mail::to(address, self.letters.to_string());
            match self.publish_mail(&mail)? {
                Ok(_) => self.settled = false,
                Err(PublishError::Full) => self.settle()?,
                Err(PublishError::LatestNotAlone | PublishError::TooManyTopics { .. }) => {}
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Checks and encodes letters; what is wrong with one is checked, and it is left out.
    fn messages(&mut self, letters: &[Letter]) -> Verdict<(Vec<Mail>, Vec<Message>)> {
        let (mut mails, mut messages) = (Vec::new(), Vec::new());
        for letter in letters {
            let mail = self.mail(letter);
            let flaws = self.model.flaws(&mail);
            match mail.with(|publish| self.hub.rules().message(publish)) {
                Ok(message) => {
                    ensure!(flaws.is_empty(), "let through {mail:?}, although {flaws:?}");
                    ensure_eq!(message.id(), mail.id.as_deref(), "the id of a message");
                    mails.push(mail);
                    messages.push(message);
                }
                Err(error) => {
                    ensure!(
                        flaws.contains(&error),
                        "{error:?} of {mail:?}, but {flaws:?}"
                    );
                }
            }
        }
        Ok((mails, messages))
    }

    fn mail(&mut self, letter: &Letter) -> Mail {
        self.letters += 1;
        let named = |topics: &[&str]| topics.iter().map(|topic| (*topic).to_owned()).collect();
        let address = match &letter.to {
            To::Topics(topics) => Address::Topics(named(topics)),
            To::UserInTopics(user, topics) => Address::UserInTopics((*user).into(), named(topics)),
            To::User(user) => Address::User((*user).into()),
            To::Everyone => Address::Everyone,
            To::Peer(peer) => Address::Connection(self.peer(*peer).1),
        };
        let limit = self.model.event_bytes();
        let most = limit.min(MOST_BYTES) - 40;
        let pad = match letter.size {
            Size::Bytes(bytes) => bytes,
            Size::Part(part) => most * usize::from(part) / 256,
            Size::TooLong => limit,
        };
        let data = format!("{} {}", self.letters, "x".repeat(pad));
        let mut mail = Mail {
            private: letter.private,
            except: letter.except.map(|peer| self.peer(peer).1),
            id: letter.id.map(Into::into),
            ..Mail::to(address, data)
        };
        match letter.kind {
            Kind::Plain => {}
            Kind::Typed => mail.kind = Some("note".into()),
            Kind::Lines => {
                mail.retry_ms = Some(7);
                mail.data = mail.data.map(|data| format!("{data}\n\n of lines"));
            }
            Kind::Reserved(number) => mail.kind = Some(self.model.control_name(number)),
            Kind::NoData => mail.data = None,
        }
        mail
    }
}
