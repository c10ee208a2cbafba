//! What there is in all hubs together, page by page.
//!
//! It does not know who asks.

use super::{Hub, Stopped};
use std::collections::BTreeMap;

/// What there is of one topic, of all hubs.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Topic {
    /// Which.
    pub name: String,
    /// Connections that subscribe to it by name.
    pub subscribers: usize,
    /// Subscriptions to patterns that match it.
    pub pattern_subscribers: usize,
    /// Events of it that can still be sent.
    pub events: usize,
}

impl Hub {
    /// The first `limit` topics after a name, by name: those with a subscriber or an event in the
    /// index. It is the work of one turn of each driver; a thousand take about a millisecond.
    ///
    /// # Errors
    /// When a driver has ended.
    pub async fn topics_after(
        &self,
        after: impl Into<String>,
        limit: usize,
    ) -> Result<Vec<Topic>, Stopped> {
        let after = after.into();
        let mut merged: BTreeMap<String, Topic> = BTreeMap::new();
        for shard in 0..self.0.shards.len() {
            let after = after.clone();
            let page = self.ask(shard, move |hub, _| {
                let topics = hub.topics_after(&after).take(limit);
                let topics = topics.map(|topic| Topic {
                    name: topic.name.to_owned(),
                    subscribers: topic.subscribers,
                    pattern_subscribers: topic.pattern_subscribers,
                    events: topic.events,
                });
                topics.collect::<Vec<_>>()
            });
            for topic in page.await? {
                let sum = merged.entry(topic.name.clone());
                sum.and_modify(|sum| {
                    sum.subscribers += topic.subscribers;
                    sum.pattern_subscribers += topic.pattern_subscribers;
                    // Every hub has every event.
                    sum.events = sum.events.max(topic.events);
                })
                .or_insert(topic);
            }
        }
        Ok(merged.into_values().take(limit).collect())
    }
}
