//! A publisher: arrays of events, and patience where no answer comes.
//!
//! It does not know who listens. Events that it may repeat have ids of its own, so that the hub
//! knows them again.

use super::dice::Dice;
use crate::mail::{Address, Mail};
use crate::ops::{TOPICS, USERS};
use tidings_core::ConnectionId;

/// One publisher.
#[derive(Debug, Default)]
pub(super) struct Publisher {
    /// What was sent without an answer.
    pub(super) pending: Vec<Mail>,
    /// How many events it has written.
    written: usize,
}

/// Topics, those more often that many listen to.
const COMMON: [&str; 3] = ["a", "a/b", "latest/x"];

impl Publisher {
    /// The mails to send: those without an answer, else new ones.
    pub(super) fn mails(
        &mut self,
        number: usize,
        dice: &mut Dice,
        connections: &[ConnectionId],
    ) -> Vec<Mail> {
        if !self.pending.is_empty() {
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
        let repeats = dice.chance(50);
        let count = if dice.chance(70) {
            1
        } else {
            dice.between(2, 6)
        };
        let mut mails = Vec::new();
        for _ in 0..count {
            self.written += 1;
            let name = format!("{number}.{}", self.written);
            let size = if dice.chance(10) { 900 } else { 40 };
            let data = format!("{name} {}", "x".repeat(dice.below(size)));
            let mut mail = Mail::to(address(dice, connections), data);
            mail.private = dice.chance(10);
            mail.id = repeats.then(|| format!("id-{name}"));
            mails.push(mail);
        }
        if repeats {
            self.pending.clone_from(&mails);
        }
        mails
    }
}

fn address(dice: &mut Dice, connections: &[ConnectionId]) -> Address {
    let topic = |dice: &mut Dice| {
        let all = if dice.chance(60) {
            &COMMON[..]
        } else {
            &TOPICS[..]
        };
        dice.pick(all).to_owned()
    };
    let user = dice.pick(&USERS).to_owned();
    // Several topics are of logs only: a topic of a `latest` class goes alone.
    let logs = vec!["a".to_owned(), dice.pick(&["b", "a/b", "a/c"]).to_owned()];
    match dice.below(20) {
        0 => Address::Everyone,
        1 => Address::User(user),
        2 => Address::UserInTopics(user, logs),
        3 | 4 => Address::Topics(logs),
        5 if !connections.is_empty() => Address::Connection(dice.pick(connections)),
        _ => Address::Topics(vec![topic(dice)]),
    }
}
