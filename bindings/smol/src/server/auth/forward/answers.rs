//! Answers of the application that still hold, and who has been revoked since they were asked for.
//!
//! It does not know what was asked, and reads no clock.

use crate::server::identity::Identity;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// All that a request shows the application, so that two that are alike are one question. It is
/// compared whole: no two can be mistaken for each other.
pub(super) type Key = Arc<[u8]>;

/// Revocations that are remembered for questions that are being asked. An answer that took longer
/// than so many is asked for again.
const REVOCATIONS: usize = 1_024;

/// What one answer costs beside its texts: places in two maps, and the identity itself.
const OVERHEAD: usize = 512;

/// What one text costs beside its bytes.
const TEXT: usize = 40;

/// How much is kept, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) entries: usize,
    pub(super) bytes: usize,
    pub(super) ms: u64,
}

/// The time, on a clock that never goes back and on the one that tokens go by.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) ms: u64,
    pub(super) unix_ms: u64,
}

/// A moment between revocations.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Moment(u64);

/// Whose answers no longer hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Revoked {
    User(String),
    Token(String),
}

pub(super) struct Answers {
    limits: Limits,
    kept: HashMap<Key, Kept>,
    /// The keys of what is kept, by when it was used.
    by_use: BTreeMap<u64, Key>,
    uses: u64,
    bytes: usize,
    /// The last of the revocations.
    revoked: VecDeque<Revoked>,
    revocations: u64,
}

struct Kept {
    identity: Arc<Identity>,
    until_ms: u64,
    used: u64,
    bytes: usize,
}

impl Answers {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            kept: HashMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
            bytes: 0,
            revoked: VecDeque::new(),
            revocations: 0,
        }
    }

    /// The answer to this, where there is one that holds.
    pub(super) fn get(&mut self, now: Now, key: &[u8]) -> Option<Arc<Identity>> {
        let kept = self.kept.get_mut(key)?;
        if !kept.holds(now) {
            self.remove(key);
            return None;
        }
        let own = self.by_use.remove(&kept.used)?;
        self.uses += 1;
        kept.used = self.uses;
        let identity = kept.identity.clone();
        self.by_use.insert(self.uses, own);
        Some(identity)
    }

    /// The moment at which something is asked.
    pub(super) const fn moment(&self) -> Moment {
        Moment(self.revocations)
    }

    /// Keeps the answer to what was asked at a moment. False where it does not hold any more, for it
    /// was revoked meanwhile, or may have been.
    #[must_use]
    pub(super) fn keep(
        &mut self,
        now: Now,
        key: &Key,
        answer: &Arc<Identity>,
        asked: Moment,
    ) -> bool {
        if self.is_revoked_since(asked, answer) {
            return false;
        }
        self.remove(key);
        let bytes = OVERHEAD + 2 * key.len() + text_bytes(answer);
        if self.limits.ms > 0 && bytes <= self.limits.bytes && self.limits.entries > 0 {
            self.uses += 1;
            let kept = Kept {
                identity: answer.clone(),
                until_ms: now.ms.saturating_add(self.limits.ms),
                used: self.uses,
                bytes,
            };
            self.bytes += bytes;
            self.by_use.insert(self.uses, key.clone());
            self.kept.insert(key.clone(), kept);
        }
        self.make_room(now);
        true
    }

    /// Lets go of the answers of a user or a token, those that are under way included.
    pub(super) fn revoke(&mut self, whom: Revoked) {
        let held: Vec<_> = self
            .kept
            .iter()
            .filter(|(_, kept)| whom.is(&kept.identity))
            .map(|(key, _)| key.clone())
            .collect();
        for key in held {
            self.remove(&key);
        }
        self.revocations += 1;
        self.revoked.push_back(whom);
        if self.revoked.len() > REVOCATIONS {
            self.revoked.pop_front();
        }
    }

    fn is_revoked_since(&self, asked: Moment, identity: &Identity) -> bool {
        let since = usize::try_from(self.revocations - asked.0).unwrap_or(usize::MAX);
        since > self.revoked.len()
            || self
                .revoked
                .iter()
                .rev()
                .take(since)
                .any(|revoked| revoked.is(identity))
    }

    /// Lets go of what was used longest ago, while it is too much or holds no more.
    fn make_room(&mut self, now: Now) {
        while let Some((_, oldest)) = self.by_use.first_key_value() {
            let too_much = self.kept.len() > self.limits.entries || self.bytes > self.limits.bytes;
            let holds = self.kept.get(oldest).is_some_and(|kept| kept.holds(now));
            if holds && !too_much {
                return;
            }
            let oldest = oldest.clone();
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, key: &[u8]) {
        if let Some(kept) = self.kept.remove(key) {
            self.by_use.remove(&kept.used);
            self.bytes -= kept.bytes;
        }
    }
}

impl Kept {
    fn holds(&self, now: Now) -> bool {
        let ends = self.identity.expires_ms.unwrap_or(u64::MAX);
        now.ms < self.until_ms && now.unix_ms < ends
    }
}

impl Revoked {
    fn is(&self, identity: &Identity) -> bool {
        match self {
            Self::User(user) => identity.user.as_ref() == Some(user),
            Self::Token(token) => identity.token_id.as_ref() == Some(token),
        }
    }
}

fn text_bytes(identity: &Identity) -> usize {
    let access = &identity.access;
    let lists = [
        &access.subscribe,
        &access.grants,
        &access.publish,
        &access.publish_private,
    ];
    let names = [&identity.user, &identity.token_id];
    let texts = lists
        .into_iter()
        .flatten()
        .chain(names.into_iter().flatten());
    texts.map(|text| text.len() + TEXT).sum()
}

#[cfg(test)]
mod tests;
