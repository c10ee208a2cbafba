//! `/metrics`: it is what scrapers read, its numbers move as they should, and nothing in it grows with
//! what clients choose.

use crate::support::{Metrics, PATIENCE, Server, Stream, eventually};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

impl Server {
    pub(crate) fn metrics(&self) -> Metrics {
        let response = self.get("/metrics");
        assert_eq!(response.status, 200, "{response:?}");
        let kind = response.header("content-type");
        let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(kind, Some(openmetrics));
        Metrics::parse(&response.text())
    }

    fn wait_for_metric(&self, sample: &str, value: f64) {
        eventually(&format!("{sample} is {value}"), || {
            let seen = self.metrics().value(sample);
            (seen == value).then_some(()).ok_or(seen)
        });
    }
}

#[test]
fn a_server_that_has_done_nothing_has_all_its_metrics() {
    let server = Server::start(&["--latest", "prices/**"]);
    let metrics = server.metrics();
    for sample in [
        "tidings_connections{transport=\"http1\"}",
        "tidings_users",
        "tidings_topics",
        "tidings_opened_total",
        "tidings_reconnections_total",
        "tidings_closed_total{reason=\"gone\"}",
        "tidings_connection_duration_seconds_count",
        "tidings_delivery_latency_seconds_count",
        "tidings_published_total",
        "tidings_duplicates_total",
        "tidings_delivered_total",
        "tidings_delivered_bytes_total",
        "tidings_gaps_total",
        "tidings_missed_total",
        "tidings_replaced_total",
        "tidings_undelivered_total",
        "tidings_refused_total{code=\"not_found\"}",
        "tidings_auth_failures_total{code=\"invalid_token\"}",
        "tidings_log_events{class=\"**\"}",
        "tidings_log_events{class=\"prices/**\"}",
        "tidings_log_records{class=\"**\"}",
        "tidings_logging_dropped_total",
    ] {
        assert_eq!(metrics.value(sample), 0.0, "{sample}");
    }
    let version = format!(
        "tidings_build_info{{version=\"{}\"}}",
        env!("CARGO_PKG_VERSION")
    );
    assert_eq!(metrics.value(&version), 1.0);
    assert!(metrics.value("tidings_start_time_seconds") > 1.7e9);
    // The scrape's own connection is one.
    assert!(metrics.value("tidings_http_connections") >= 1.0);
    if cfg!(target_os = "linux") {
        let resident = metrics.value("tidings_resident_memory_bytes");
        assert!((1e6..1e9).contains(&resident), "{resident}");
    }
}

#[test]
fn streams_and_events_move_the_numbers() {
    let server = Server::start(&[]);
    let mut streams = [server.stream("topic=a&user=ada"), server.stream("topic=a")];
    for stream in &mut streams {
        stream.connected();
    }
    let first = server.say("a", "1");
    let again = json!({ "topics": ["a"], "id": "mine", "data": "2" }).to_string();
    for _ in 0..2 {
        server.publish(&again);
    }
    for stream in &mut streams {
        assert_eq!(stream.messages(2), ["1", "2"]);
    }
    let id = first["id"].as_str().expect("it has an id");
    let mut back = server.resume("topic=a", id);
    assert_eq!((back.connected(), back.messages(1)).1, ["2"]);

    server.wait_for_metric("tidings_delivered_total", 5.0);
    let metrics = server.metrics();
    for (sample, value) in [
        ("tidings_connections{transport=\"http1\"}", 3.0),
        ("tidings_users", 1.0),
        ("tidings_topics", 1.0),
        ("tidings_opened_total", 3.0),
        ("tidings_reconnections_total", 1.0),
        ("tidings_published_total", 2.0),
        ("tidings_duplicates_total", 1.0),
        ("tidings_gaps_total", 0.0),
        ("tidings_log_events{class=\"**\"}", 2.0),
        // What is replayed has not waited; and one write may take two events.
        (
            "tidings_http_requests_total{path=\"/publish\",status=\"200\"}",
            3.0,
        ),
        (
            "tidings_http_requests_total{path=\"/events\",status=\"200\"}",
            3.0,
        ),
        ("tidings_connection_duration_seconds_count", 0.0),
    ] {
        assert_eq!(metrics.value(sample), value, "{sample}");
    }
    let waited = metrics.value("tidings_delivery_latency_seconds_count");
    assert!((2.0..=4.0).contains(&waited), "{waited}");
    let sum = metrics.value("tidings_delivery_latency_seconds_sum");
    assert!(sum < waited * PATIENCE.as_secs_f64(), "{sum}");
    assert!(metrics.value("tidings_delivered_bytes_total") > 100.0);
    assert!(metrics.value("tidings_log_bytes{class=\"**\"}") > 50.0);

    drop(streams);
    server.wait_for_metric("tidings_connections{transport=\"http1\"}", 1.0);
    let metrics = server.metrics();
    assert_eq!(metrics.value("tidings_closed_total{reason=\"gone\"}"), 2.0);
    assert_eq!(
        metrics.value("tidings_connection_duration_seconds_count"),
        2.0
    );
    let open = metrics.value("tidings_connection_duration_seconds_sum");
    assert!(open > 0.0 && open < 2.0 * PATIENCE.as_secs_f64(), "{open}");
}

#[test]
fn statistics_say_the_version_since_when_and_how_long_events_waited() {
    let server = Server::start(&[]);
    let mut stream = server.stream("topic=a");
    stream.connected();
    let before = server.stats();
    assert_eq!(before["version"], env!("CARGO_PKG_VERSION"));
    let started = before["started_ms"].as_u64().expect("a time");
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("it is after 1970").as_millis() as u64;
    assert!(started <= now, "{started}");
    assert!(now - started < PATIENCE.as_millis() as u64, "{started}");
    let count = |stats: &Value| -> u64 {
        let latency = &stats["delivery_latency"];
        let counts = latency["counts"].as_array().expect("an array");
        let bounds = latency["bounds_us"].as_array().expect("an array");
        assert_eq!(counts.len(), bounds.len() + 1, "the last has no bound");
        counts.iter().filter_map(Value::as_u64).sum()
    };
    assert_eq!(count(&before), 0);
    server.say("a", "1");
    assert_eq!(stream.messages(1), ["1"]);
    eventually("the write is counted", || {
        let after = server.stats();
        (count(&after) == 1).then_some(()).ok_or(after)
    });
    let metrics = server.metrics();
    assert_eq!(
        metrics.value("tidings_start_time_seconds"),
        started as f64 / 1e3
    );
    assert_eq!(metrics.value("tidings_delivery_latency_seconds_count"), 1.0);
}

#[test]
fn the_time_that_a_slow_reader_is_behind_is_seen() {
    let server = Server::start(&[]);
    let mut slow = server.stream("topic=a");
    slow.connected();
    let data = "x".repeat(512 << 10);
    for _ in 0..20 {
        server.say("a", &data);
    }
    server.say("a", "the last");
    let late = |metrics: &Metrics| {
        let all = metrics.value("tidings_delivery_latency_seconds_count");
        all - metrics.value("tidings_delivery_latency_seconds_bucket{le=\"0.25\"}")
    };
    let before = server.metrics();
    // What has not been written by now will have waited so long, and longer.
    std::thread::sleep(Duration::from_millis(300));
    while slow.next().data != "the last" {}
    eventually("late writes are counted", || {
        let after = server.metrics();
        (late(&after) > late(&before))
            .then_some(())
            .ok_or(format!("{after:?}"))
    });
}

#[test]
fn every_shard_counts() {
    let server = Server::start(&["--shards", "3"]);
    let open = || server.stream("topic=a");
    let mut streams: Vec<Stream> = (0..6).map(|_| open()).collect();
    for stream in &mut streams {
        stream.connected();
    }
    server.say("a", "1");
    for stream in &mut streams {
        assert_eq!(stream.messages(1), ["1"]);
    }
    server.wait_for_metric("tidings_delivery_latency_seconds_count", 6.0);
    let metrics = server.metrics();
    assert_eq!(metrics.value("tidings_delivered_total"), 6.0);
    assert_eq!(metrics.value("tidings_published_total"), 1.0);
    assert_eq!(metrics.value("tidings_log_events{class=\"**\"}"), 1.0);
    drop(streams);
    server.wait_for_metric("tidings_connections{transport=\"http1\"}", 0.0);
}

#[test]
fn refusals_count_by_code_and_requests_by_path() {
    let server = Server::start(&["--user-connections", "1"]);
    let mut one = server.stream("topic=a&user=ada");
    one.connected();
    assert_eq!(server.get("/events?user=ada").status, 429);
    for path in ["/nothing", "/nothing/else", "/events/../.."] {
        assert_eq!(server.get(path).status, 404);
    }
    assert_eq!(server.get("/publish").status, 405);
    assert_eq!(server.ask_to_publish("{}").status, 400);
    let metrics = server.metrics();
    for (sample, value) in [
        (
            "tidings_refused_total{code=\"too_many_user_connections\"}",
            1.0,
        ),
        ("tidings_refused_total{code=\"not_found\"}", 3.0),
        ("tidings_refused_total{code=\"method_not_allowed\"}", 1.0),
        (
            "tidings_http_requests_total{path=\"other\",status=\"404\"}",
            3.0,
        ),
        (
            "tidings_http_requests_total{path=\"/events\",status=\"429\"}",
            1.0,
        ),
        (
            "tidings_http_requests_total{path=\"/publish\",status=\"400\"}",
            1.0,
        ),
        // A stream that was not opened was never there.
        ("tidings_connection_duration_seconds_count", 0.0),
        ("tidings_connections{transport=\"http1\"}", 1.0),
    ] {
        assert_eq!(metrics.value(sample), value, "{sample} in {metrics:?}");
    }
}

#[test]
fn connections_beyond_the_limit_count_too() {
    let server = Server::start(&["--connections", "2"]);
    let mut streams = [server.stream("topic=a"), server.stream("topic=a")];
    for stream in &mut streams {
        stream.connected();
    }
    assert_eq!(server.get("/health").status, 503);
    drop(streams);
    eventually("there is room again", || match server.get("/metrics") {
        response if response.status == 200 => Ok(()),
        response => Err(response.status),
    });
    let refused = "tidings_refused_total{code=\"too_many_connections\"}";
    assert!(server.metrics().value(refused) >= 1.0);
}

#[test]
fn nothing_in_it_grows_with_what_clients_choose() {
    let server = Server::start(&[]);
    let samples = || server.metrics().samples.len();
    let (mut streams, mut seen) = (Vec::new(), Vec::new());
    samples();
    for round in 0..3 {
        for number in 0..20 {
            let name = format!("n{round}x{number}");
            let mut stream = server.stream(&format!("topic={name}&user={name}"));
            stream.connected();
            server.say(&name, "1");
            server.get(&format!("/{name}"));
            server.get(&format!("/events?{name}=1"));
            assert_eq!(stream.messages(1), ["1"]);
            streams.push(stream);
        }
        seen.push(samples());
    }
    // All that there are have come up in the first round.
    assert_eq!(seen[0], seen[2], "{:?}", server.metrics());
    let text = server.get("/metrics").text();
    assert!(!text.contains("n0x1"), "{text}");
}
