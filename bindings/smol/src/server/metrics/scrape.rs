//! What is read once for each scrape: the counters of the hubs, what their logs hold, the process.
//!
//! It does not keep anything between two scrapes. It costs the same for any number of streams.

use super::{PREFIX, process};
use crate::driver::Latency;
use crate::hub::Stopped;
use crate::server::{Context, logs};
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use tidings_core::{ClassStats, CloseReason, HubOptions, Stats};

pub(super) struct Scrape {
    stats: Stats,
    /// By name.
    classes: Vec<(String, ClassStats)>,
    latency: Latency,
    http_connections: usize,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ClassLabel {
    class: String,
}

impl Scrape {
    pub(super) async fn take(context: &Context) -> Result<Self, Stopped> {
        let classes = context.hub.classes().await?;
        let names = class_names(&context.options.driver.hub);
        Ok(Self {
            stats: context.hub.stats().await?,
            classes: names.zip(classes).collect(),
            latency: context.hub.latency(),
            http_connections: context.requests.get(),
        })
    }

    pub(super) fn registry(self) -> Registry {
        let mut registry = Registry::with_prefix(PREFIX);
        self.streams(&mut registry);
        self.events(&mut registry);
        self.log(&mut registry);
        server(&mut registry, self.http_connections);
        registry
    }

    fn streams(&self, registry: &mut Registry) {
        let stats = &self.stats;
        gauge(registry, "users", "Users with an open stream", stats.users);
        gauge(
            registry,
            "topics",
            "Topics with a subscriber or an event in the index",
            stats.topics,
        );
        count(registry, "opened", "Streams opened", stats.opened);
        let closed = Family::<ReasonLabel, Counter>::default();
        for reason in CloseReason::ALL {
            let label = ReasonLabel {
                reason: reason.as_str(),
            };
            closed.get_or_create(&label).inc_by(stats.closed(reason));
        }
        registry.register("closed", "Streams closed, by reason", closed);
    }

    fn events(&self, registry: &mut Registry) {
        let stats = &self.stats;
        let counts = [
            ("published", "Events published", stats.published),
            (
                "duplicates",
                "Publishes that were known by their id already",
                stats.duplicates,
            ),
            (
                "delivered",
                "Events that were given to the system whole, for each stream",
                stats.delivered,
            ),
            ("gaps", "Gaps that readers were told of", stats.gaps),
            (
                "missed",
                "Events that readers were told to have missed, where they could be counted",
                stats.missed,
            ),
            (
                "replaced",
                "Values of a latest class that were replaced before their turn to leave",
                stats.replaced,
            ),
            (
                "undelivered",
                "Events for one stream that closed before it could be offered them",
                stats.undelivered,
            ),
        ];
        for (name, help, value) in counts {
            count(registry, name, help, value);
        }
        let help = "Bytes that the system took for streams";
        let bytes = ConstCounter::new(stats.delivered_bytes);
        registry.register_with_unit("delivered", help, Unit::Bytes, bytes);
        let help = "From the append of an event to the write that took it: one observation for each \
                    write, of its oldest event";
        let latency = Waits(self.latency);
        registry.register_with_unit("delivery_latency", help, Unit::Seconds, latency);
    }

    fn log(&self, registry: &mut Registry) {
        let [events, records, bytes] = [(); 3].map(|()| Family::<ClassLabel, Gauge>::default());
        for (class, held) in &self.classes {
            let label = ClassLabel {
                class: class.clone(),
            };
            let set = |family: &Family<ClassLabel, Gauge>, value: usize| {
                family.get_or_create(&label).set(value as i64);
            };
            set(&events, held.events);
            set(&records, held.records);
            set(&bytes, held.bytes);
        }
        let help = "Events in the log that can still be sent, by class";
        registry.register("log_events", help, events);
        let help =
            "Records in the index of the log, those of events that are gone included, by class";
        registry.register("log_records", help, records);
        let help = "Bytes of frames and index in the log, by class";
        registry.register_with_unit("log", help, Unit::Bytes, bytes);
    }
}

fn server(registry: &mut Registry, http_connections: usize) {
    let help = "HTTP connections that are no streams";
    gauge(registry, "http_connections", help, http_connections);
    let help = "Lines that the structured log dropped, since nobody read them in time";
    count(registry, "logging_dropped", help, logs::dropped());
    if let Some(bytes) = process::resident_bytes() {
        let help = "Memory of the process that is in use";
        let bytes = ConstGauge::new(bytes);
        registry.register_with_unit("resident_memory", help, Unit::Bytes, bytes);
    }
    if let Some(open) = process::open_descriptors() {
        let help = "Descriptors that the process has open";
        registry.register("open_descriptors", help, ConstGauge::new(open));
    }
}

/// The names of the classes, in the order of the hub: what an operator wrote, which is bounded.
fn class_names(hub: &HubOptions) -> impl Iterator<Item = String> {
    let classes = hub.classes.iter().chain([&hub.default_class]);
    classes.map(|class| class.topics.join(" "))
}

fn count(registry: &mut Registry, name: &str, help: &str, value: u64) {
    registry.register(name, help, ConstCounter::new(value));
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: usize) {
    registry.register(name, help, ConstGauge::new(value as u64));
}

/// A histogram that was counted elsewhere.
#[derive(Debug)]
struct Waits(Latency);

impl EncodeMetric for Waits {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        let Latency { counts, sum_us } = self.0;
        let seconds = |us: u64| us as f64 / 1e6;
        let bounds = Latency::BOUNDS_US.map(seconds).into_iter();
        let buckets: Vec<_> = bounds.chain([f64::INFINITY]).zip(counts).collect();
        let count = counts.iter().sum();
        encoder.encode_histogram::<NoLabelSet>(seconds(sum_us), count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
