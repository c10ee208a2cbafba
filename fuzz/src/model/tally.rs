//! Counts of what happened, against those of the hub.
//!
//! It does not know when to count; each part of the model does, where something happens.

use super::Model;
use crate::ensure_eq;
use crate::verdict::Verdict;
use std::collections::{BTreeMap, BTreeSet};
use tidings_core::{CloseReason, Stats};

/// What has been counted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) opened: u64,
    pub(crate) published: u64,
    pub(crate) duplicates: u64,
    pub(crate) delivered: u64,
    pub(crate) delivered_bytes: u64,
    pub(crate) gaps: u64,
    pub(crate) missed: u64,
    /// What gaps may have counted whose text does not say so.
    pub(crate) missed_silently: u64,
    pub(crate) replaced: u64,
    pub(crate) undelivered: u64,
    pub(crate) closed: BTreeMap<CloseReason, u64>,
}

impl Model {
    /// How many connections were closed for this reason.
    #[must_use]
    pub fn closed(&self, reason: CloseReason) -> u64 {
        self.tally.closed.get(&reason).copied().unwrap_or(0)
    }

    /// Checks the counts of the hub.
    ///
    /// # Errors
    /// The first that is wrong.
    pub fn check_stats(&mut self, stats: &Stats) -> Verdict {
        let tally = &mut self.tally;
        let silently = std::mem::take(&mut tally.missed_silently);
        if stats.missed.saturating_sub(tally.missed) <= silently {
            tally.missed = tally.missed.max(stats.missed);
        }
        let tally = &self.tally;
        for (what, found, expected) in [
            ("opened", stats.opened, tally.opened),
            ("published", stats.published, tally.published),
            ("duplicates", stats.duplicates, tally.duplicates),
            ("delivered", stats.delivered, tally.delivered),
            (
                "delivered_bytes",
                stats.delivered_bytes,
                tally.delivered_bytes,
            ),
            ("gaps", stats.gaps, tally.gaps),
            ("missed", stats.missed, tally.missed),
            ("replaced", stats.replaced, tally.replaced),
            ("undelivered", stats.undelivered, tally.undelivered),
        ] {
            ensure_eq!(found, expected, "stats.{what}");
        }
        for reason in CloseReason::ALL {
            ensure_eq!(
                stats.closed(reason),
                self.closed(reason),
                "stats.closed({reason})"
            );
        }
        ensure_eq!(
            (stats.connections, stats.users, stats.topics),
            (self.open_connections().count(), self.users(), self.topics()),
            "stats.connections, users and topics"
        );
        let events: usize = self.held.iter().map(|class| class.events).sum();
        let bytes: usize = self.held.iter().map(|class| class.bytes).sum();
        ensure_eq!(
            (stats.log_events, stats.log_bytes),
            (events, bytes),
            "the log in stats"
        );
        Ok(())
    }

    /// How many users have a connection.
    #[must_use]
    pub fn users(&self) -> usize {
        let served = self
            .open_connections()
            .filter(|(_, one)| one.phase.is_served());
        let names: BTreeSet<_> = served.filter_map(|(_, one)| one.user.as_ref()).collect();
        names.len()
    }

    /// How many topics have a subscriber or a record.
    fn topics(&self) -> usize {
        let served = self
            .open_connections()
            .filter(|(_, one)| one.phase.is_served());
        let subscribed = served
            .flat_map(|(_, one)| one.subscriptions.keys())
            .filter(|topic| !topic.contains('*'));
        let addressed = self
            .all_recorded()
            .flat_map(|event| event.mail.address.topics());
        subscribed.chain(addressed).collect::<BTreeSet<_>>().len()
    }
}
