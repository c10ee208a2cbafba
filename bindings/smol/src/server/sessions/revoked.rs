//! Who has been shut out: tokens until they end, and users whose requests are still under way.
//!
//! It does not know streams; whoever revokes closes them.

use std::collections::{BTreeMap, HashMap};

/// There is no room for more, and nothing that is held may be forgotten yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::server) struct Full;

/// Revoked tokens and users.
pub(super) struct Revoked {
    limit: usize,
    /// Until when each is refused, Unix time in milliseconds.
    tokens: HashMap<Box<str>, u64>,
    /// With so many tokens, those that have ended are looked for.
    sweep_at: usize,
    /// Counts requests and revocations of users, to know which came first.
    serial: u64,
    /// Requests under way, by when they began.
    requests: BTreeMap<u64, usize>,
    /// When each user was last revoked. Who asks later was let in after it.
    users: HashMap<Box<str>, u64>,
}

/// Below this nothing is looked for.
const SWEEP: usize = 64;

impl Revoked {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            tokens: HashMap::new(),
            sweep_at: SWEEP,
            serial: 0,
            requests: BTreeMap::new(),
            users: HashMap::new(),
        }
    }

    /// Revokes tokens, each until it ends: all of them, or none.
    pub(super) fn revoke_tokens<'a>(
        &mut self,
        now_ms: u64,
        tokens: impl Iterator<Item = (&'a str, u64)> + Clone,
    ) -> Result<(), Full> {
        let new = |tokens: &HashMap<Box<str>, u64>, (token, _): &(&str, u64)| {
            !tokens.contains_key(*token)
        };
        let mut wanted = tokens
            .clone()
            .filter(|token| new(&self.tokens, token))
            .count();
        if self.tokens.len() + wanted > self.sweep_at.min(self.limit) {
            self.tokens.retain(|_, until_ms| *until_ms > now_ms);
            wanted = tokens
                .clone()
                .filter(|token| new(&self.tokens, token))
                .count();
            self.sweep_at = (2 * (self.tokens.len() + wanted)).max(SWEEP);
        }
        if self.tokens.len() + wanted > self.limit {
            return Err(Full);
        }
        for (token, until_ms) in tokens {
            let held = self.tokens.entry(token.into()).or_default();
            *held = until_ms.max(*held);
        }
        Ok(())
    }

    /// Whether a token is refused. One that turns out to end later than was known stays refused
    /// until then; one without an end, for ever.
    pub(super) fn refuses_token(
        &mut self,
        now_ms: u64,
        token: &str,
        expires_ms: Option<u64>,
    ) -> bool {
        let Some(until_ms) = self.tokens.get_mut(token) else {
            return false;
        };
        if *until_ms <= now_ms {
            return false;
        }
        *until_ms = expires_ms.unwrap_or(u64::MAX).max(*until_ms);
        true
    }

    /// A request comes in, before it is known who asks.
    pub(super) fn begin(&mut self) -> u64 {
        self.serial += 1;
        *self.requests.entry(self.serial).or_default() += 1;
        self.serial
    }

    /// A request is answered.
    pub(super) fn end(&mut self, began: u64) {
        if let Some(count) = self.requests.get_mut(&began) {
            *count -= 1;
            if *count == 0 {
                self.requests.remove(&began);
            }
        }
        match self.requests.keys().next().copied() {
            None => self.users.clear(),
            Some(first) if first > began => self.users.retain(|_, at| *at > first),
            Some(_) => {}
        }
    }

    /// Shuts out the requests of a user that are under way.
    pub(super) fn revoke_user(&mut self, user: &str) -> Result<(), Full> {
        if self.requests.is_empty() {
            return Ok(());
        }
        if self.users.len() >= self.limit && !self.users.contains_key(user) {
            return Err(Full);
        }
        self.serial += 1;
        self.users.insert(user.into(), self.serial);
        Ok(())
    }

    /// Whether a user was revoked after the request began.
    pub(super) fn refuses_user(&self, began: u64, user: &str) -> bool {
        self.users.get(user).is_some_and(|at| *at > began)
    }

    #[cfg(test)]
    fn holds_users(&self) -> usize {
        self.users.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn revoke(revoked: &mut Revoked, now: u64, token: &str, until: u64) -> Result<(), Full> {
        revoked.revoke_tokens(now, [(token, until)].into_iter())
    }

    #[test]
    fn a_token_is_refused_until_it_ends() {
        let mut revoked = Revoked::new(10);
        revoke(&mut revoked, 0, "t", 100).unwrap();
        assert!(revoked.refuses_token(99, "t", Some(50)));
        assert!(!revoked.refuses_token(100, "t", Some(100)));
        assert!(!revoked.refuses_token(0, "other", None));
    }

    #[test]
    fn a_token_that_ends_later_than_was_said_stays_refused() {
        let mut revoked = Revoked::new(10);
        revoke(&mut revoked, 0, "t", 100).unwrap();
        assert!(revoked.refuses_token(50, "t", Some(500)));
        assert!(revoked.refuses_token(499, "t", Some(500)));
        revoke(&mut revoked, 0, "endless", 100).unwrap();
        assert!(revoked.refuses_token(50, "endless", None));
        assert!(revoked.refuses_token(u64::MAX - 1, "endless", None));
    }

    #[test]
    fn a_later_revocation_does_not_end_it_sooner() {
        let mut revoked = Revoked::new(10);
        revoke(&mut revoked, 0, "t", 100).unwrap();
        revoke(&mut revoked, 0, "t", 50).unwrap();
        assert!(revoked.refuses_token(99, "t", Some(99)));
    }

    #[test]
    fn nothing_is_forgotten_to_make_room_and_all_or_none_go_in() {
        let mut revoked = Revoked::new(3);
        revoke(&mut revoked, 0, "a", 100).unwrap();
        revoke(&mut revoked, 0, "b", 10).unwrap();
        let two = [("c", 100), ("d", 100)].into_iter();
        assert_eq!(revoked.revoke_tokens(5, two.clone()), Err(Full));
        assert!(!revoked.refuses_token(5, "c", Some(6)));
        revoke(&mut revoked, 5, "a", 200).expect("it is there already");
        revoked
            .revoke_tokens(10, two)
            .expect("one of them has ended");
        assert!(revoked.refuses_token(11, "a", Some(6)));
    }

    #[test]
    fn a_user_is_shut_out_while_a_request_is_under_way_that_began_before() {
        let mut revoked = Revoked::new(2);
        revoked.revoke_user("ada").unwrap();
        assert_eq!(revoked.holds_users(), 0, "nobody asks");
        let before = revoked.begin();
        revoked.revoke_user("ada").unwrap();
        revoked.revoke_user("bob").unwrap();
        assert_eq!(revoked.revoke_user("eve"), Err(Full));
        let after = revoked.begin();
        assert!(revoked.refuses_user(before, "ada"));
        assert!(!revoked.refuses_user(before, "eve"));
        assert!(!revoked.refuses_user(after, "ada"));
        revoked.end(before);
        assert_eq!(revoked.holds_users(), 0, "nobody is left whom it concerns");
        revoked.end(after);
        assert!(revoked.requests.is_empty());
    }

    proptest! {
        /// Against a list that keeps everything; the number held stays within the limit, and what
        /// has ended does not pile up.
        #[test]
        fn refusals_are_those_of_a_list(
            steps in prop::collection::vec((0..20_u8, 0..200_u64, 0..60_u64), 0..400),
        ) {
            let mut revoked = Revoked::new(12);
            let (mut list, mut now) = (Vec::<(u8, u64)>::new(), 0);
            for (token, until, wait) in steps {
                now += wait / 20;
                let (name, until) = (token.to_string(), now + until);
                match revoke(&mut revoked, now, &name, until) {
                    Ok(()) => list.push((token, until)),
                    Err(Full) => {
                        let live = |token: u8| list.iter().any(|(t, until)| *t == token && *until > now);
                        prop_assert!((0..20).filter(|token| live(*token)).count() >= 12);
                    }
                }
                prop_assert!(revoked.tokens.len() <= 12);
                for token in 0..20 {
                    let expected = list.iter().any(|(t, until)| *t == token && *until > now);
                    let refused = revoked.refuses_token(now, &token.to_string(), Some(0));
                    prop_assert_eq!(refused, expected);
                }
            }
        }
    }
}
