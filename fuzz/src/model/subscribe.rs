//! Subscriptions, grants and tokens of connections that are there.
//!
//! It does not know what a new subscription leads to; `walk` asks it each time.

use super::Model;
use super::names::pattern_flaw;
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use tidings_core::SubscribeError;

impl Model {
    /// A topic or pattern was given to a connection.
    ///
    /// # Errors
    /// Where the answer should have been another.
    pub fn subscribed(
        &mut self,
        key: Option<usize>,
        topic: &str,
        answer: Result<bool, SubscribeError>,
    ) -> Verdict {
        let (head, limit) = (self.head, self.options.limits.topics_per_connection);
        let Some(key) = key.filter(|key| self.connections[*key].phase.is_live()) else {
            ensure_eq!(answer, Err(SubscribeError::NotFound), "subscribing nobody");
            return Ok(());
        };
        let subscriptions = &mut self.connections[key].subscriptions;
        let expected = if let Some(flaw) = pattern_flaw(topic) {
            Err(SubscribeError::Name(flaw))
        } else if subscriptions.contains_key(topic) {
            Ok(false)
        } else if subscriptions.len() >= limit {
            Err(SubscribeError::TooMany { limit })
        } else {
            subscriptions.insert(topic.into(), head);
            Ok(true)
        };
        ensure_eq!(
            answer,
            expected,
            "subscribing connection {key} to {topic:?}"
        );
        Ok(())
    }

    /// A topic or pattern was taken from a connection.
    ///
    /// # Errors
    /// Where the answer should have been another.
    pub fn unsubscribed(&mut self, key: Option<usize>, topic: &str, answer: bool) -> Verdict {
        let live = key.filter(|key| self.connections[*key].phase.is_live());
        let had = live.is_some_and(|key| {
            let subscriptions = &mut self.connections[key].subscriptions;
            subscriptions.remove(topic).is_some()
        });
        ensure_eq!(answer, had, "whether connection {key:?} had {topic:?}");
        Ok(())
    }

    /// A connection was given a new token.
    ///
    /// # Errors
    /// Where the answer should have been another.
    pub fn renewed(
        &mut self,
        key: Option<usize>,
        expires_ms: Option<u64>,
        grants: &[&str],
        answer: Result<(), SubscribeError>,
    ) -> Verdict {
        let Some(key) = key.filter(|key| self.connections[*key].phase.is_live()) else {
            ensure_eq!(answer, Err(SubscribeError::NotFound), "renewing nobody");
            return Ok(());
        };
        let limit = self.options.limits.grants_per_connection;
        let mut flaws: Vec<_> = grants
            .iter()
            .filter_map(|grant| pattern_flaw(grant))
            .map(SubscribeError::Name)
            .collect();
        flaws.extend((grants.len() > limit).then_some(SubscribeError::TooMany { limit }));
        let expired = expires_ms.is_some_and(|at| at <= self.unix_ms());
        flaws.extend(expired.then_some(SubscribeError::Expired));
        match answer {
            Ok(()) => ensure!(flaws.is_empty(), "renewed, although {flaws:?}"),
            Err(error) => {
                ensure!(
                    flaws.contains(&error),
                    "not renewed: {error:?} of {flaws:?}"
                );
                return Ok(());
            }
        }
        let mut connection = self.connections[key].clone();
        connection.grants = grants.iter().map(|grant| (*grant).into()).collect();
        self.arm_expiry(&mut connection, expires_ms);
        self.connections[key] = connection;
        Ok(())
    }

    /// Checks what the hub says of the connections.
    ///
    /// # Errors
    /// Where it does not agree.
    pub fn check_topics(&self, key: usize, mut found: Vec<&str>) -> Verdict {
        let connection = &self.connections[key];
        let served = connection.phase.is_served();
        let topics = connection.subscriptions.keys().filter(|_| served);
        let expected: Vec<&str> = topics.map(String::as_str).collect();
        found.sort_unstable();
        ensure_eq!(found, expected, "the topics of connection {key}");
        Ok(())
    }
}
