//! What there is, page by page, so that nobody has to look at all of it in one step.
//!
//! It does not know who asks, nor how long a page is.

use super::Hub;
use super::record::TopicId;
use super::stats::TopicStats;
use core::ops::Bound;

impl Hub {
    /// The topics with a subscriber or an event in the index, by name, from the first after `after`
    /// on. Each costs the patterns that match it; take as many as you have time for.
    ///
    /// ```
    /// use tidings_core::{Hub, HubOptions, Open};
    ///
    /// let mut hub = Hub::new(HubOptions::default())?;
    /// hub.open(0, Open { topics: &["a", "b", "c"], ..Open::default() })?;
    /// let page: Vec<_> = hub.topics_after("a").take(10).map(|topic| topic.name).collect();
    /// assert_eq!(page, ["b", "c"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn topics_after(&self, after: &str) -> impl Iterator<Item = TopicStats<'_>> {
        let after = (Bound::Excluded(after), Bound::Unbounded);
        let topics = self.topics.range(after);
        topics.map(|(name, topic)| self.topic_stats(name, topic))
    }

    fn topic_stats<'a>(&'a self, name: &'a str, topic: TopicId) -> TopicStats<'a> {
        let record = self.topics.get(topic);
        let patterns = self.patterns.matches(name).into_iter();
        let class = self.classes.get(self.rules.class_of_topic(name));
        TopicStats {
            name,
            subscribers: record.subscribers.len(),
            pattern_subscribers: patterns
                .map(|pattern| self.patterns.get(pattern).subscribers.len())
                .sum(),
            events: class.count_retained(&record.lane),
        }
    }
}
