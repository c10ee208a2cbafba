//! The hub: from an open to its close.

use super::*;
use tidings_status::*;

/// A hub that is freed at the end of a test.
struct Hub(*mut tidings_hub);

impl Hub {
    fn new(options: &tidings_hub_options) -> Self {
        Self(new(|place| unsafe { tidings_hub_new(options, place) }))
    }

    fn open(&self, topics: &[tidings_str]) -> u64 {
        let open = tidings_open {
            topics: topics.as_ptr(),
            topic_count: topics.len(),
            ..init()
        };
        get(|place| unsafe { tidings_hub_open(self.0, 0, &open, place) })
    }

    fn publish(&self, topic: &str, event: tidings_event) -> tidings_published {
        let topic = of(topic);
        let publish = to_topic(&topic, event);
        get(|place| unsafe { tidings_hub_publish(self.0, 0, &publish, place) })
    }

    fn output(&self) -> tidings_output {
        get(|place| unsafe { tidings_hub_poll_output(self.0, place) })
    }

    /// What the connection is offered.
    fn offered(&self, now_ms: u64, connection: u64) -> String {
        let mut slices = [zero::<tidings_str>(); TIDINGS_MAX_SLICES];
        let place = slices.as_mut_ptr();
        let count = get(|count| unsafe {
            tidings_hub_transmit(self.0, now_ms, connection, place, TIDINGS_MAX_SLICES, count)
        });
        slices[..count].iter().map(|slice| text(*slice)).collect()
    }

    /// What the connection is offered, and takes.
    fn read(&self, now_ms: u64, connection: u64) -> String {
        let offered = self.offered(now_ms, connection);
        if !offered.is_empty() {
            self.consume(connection, offered.len());
        }
        offered
    }

    fn consume(&self, connection: u64, taken: usize) {
        assert_eq!(
            unsafe { tidings_hub_consume(self.0, 0, connection, taken) },
            TIDINGS_OK
        );
    }

    fn error(&self) -> String {
        text(get(|place| unsafe { tidings_hub_error(self.0, place) })).to_owned()
    }

    fn stats(&self) -> tidings_stats {
        let mut stats = init();
        assert_eq!(unsafe { tidings_hub_stats(self.0, &mut stats) }, TIDINGS_OK);
        stats
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        unsafe { tidings_hub_free(self.0) };
    }
}

fn to_topic(topic: &tidings_str, event: tidings_event) -> tidings_publish {
    tidings_publish {
        topics: topic,
        topic_count: 1,
        event,
        ..init()
    }
}

const READY: u32 = tidings_output_kind::TIDINGS_OUTPUT_READY as u32;
const CLOSED: u32 = tidings_output_kind::TIDINGS_OUTPUT_CLOSED as u32;

#[test]
fn what_is_published_is_offered_until_it_is_taken() {
    let hub = Hub::new(&init());
    let reader = hub.open(&[of("news"), of("rooms/*")]);
    let published = hub.publish("news", message("hello"));
    assert_eq!((published.recipients, published.cursor.sequence), (1, 1));

    assert_eq!((hub.output().kind, hub.output().kind), (READY, 0));
    let offered = hub.offered(0, reader);
    assert!(
        offered.starts_with("id: 1~0\nevent: connected\n"),
        "{offered}"
    );
    assert!(offered.ends_with("id: 1~1\ndata: hello\n\n"), "{offered}");
    hub.consume(reader, offered.len() - 3);
    assert_eq!(hub.offered(0, reader), "", "its socket is blocked");
    assert_eq!(
        unsafe { tidings_hub_handle_writable(hub.0, reader) },
        TIDINGS_OK
    );
    assert_eq!(hub.read(0, reader), "o\n\n");

    let position = |place| unsafe { tidings_hub_position(hub.0, reader, place) };
    let end = get(|place| unsafe { tidings_hub_cursor(hub.0, place) });
    assert_eq!((get(position).sequence, end.sequence, end.epoch), (1, 1, 1));
    let stats = hub.stats();
    assert_eq!(
        (stats.connections, stats.published, stats.delivered),
        (1, 1, 1)
    );
    let mut class: tidings_class_stats = init();
    assert_eq!(
        unsafe { tidings_hub_class_stats(hub.0, 0, &mut class) },
        TIDINGS_OK
    );
    assert_eq!((class.events, class.first), (1, 1));
}

#[test]
fn a_tab_that_comes_too_soon_is_told_when_to_come_back() {
    let hub = Hub::new(&init());
    let open = tidings_open {
        user: of("ada"),
        tab: of("1"),
        ..init()
    };
    let mut id = 0;
    let mut open_at = |now_ms| unsafe { tidings_hub_open(hub.0, now_ms, &open, &mut id) };
    let retry_ms = || get(|place| unsafe { tidings_hub_error_retry_ms(hub.0, place) });
    assert_eq!(retry_ms(), 0);
    assert_eq!(
        [0, 100, 400].map(&mut open_at),
        [TIDINGS_OK, TIDINGS_OK, TIDINGS_ERR_SUPERSEDED_TOO_SOON]
    );
    // Asked for in any order, and as often as one likes.
    assert!(hub.error().contains("700 ms"), "{}", hub.error());
    assert_eq!((retry_ms(), retry_ms()), (700, 700));
    assert!(hub.error().contains("700 ms"), "{}", hub.error());
    // What fails later for another reason cannot be waited for.
    assert_eq!(
        unsafe { tidings_hub_close(hub.0, 400, 0) },
        TIDINGS_ERR_NOT_FOUND
    );
    assert_eq!(retry_ms(), 0);
    assert_eq!(open_at(1_100), TIDINGS_OK);
}

#[test]
fn outputs_have_the_tag_of_their_connection() {
    let hub = Hub::new(&init());
    let open = |tag| {
        let open = tidings_open { tag, ..init() };
        get(|place| unsafe { tidings_hub_open(hub.0, 0, &open, place) })
    };
    let output = || {
        let output = hub.output();
        (output.kind, output.connection, output.tag)
    };
    // Of these two, only the second has one.
    let (plain, tagged) = (open(0), open(u64::MAX));
    assert_eq!(output(), (READY, plain, 0));
    assert_eq!(output(), (READY, tagged, u64::MAX));
    for connection in [plain, tagged] {
        hub.read(0, connection);
        assert_eq!(
            unsafe { tidings_hub_close(hub.0, 0, connection) },
            TIDINGS_OK
        );
    }
    let other = open(7);
    let mut closed = Vec::new();
    loop {
        match output() {
            (READY, connection, tag) => {
                hub.read(0, connection);
                assert_eq!(tag == 7, connection == other);
            }
            (CLOSED, connection, tag) => closed.push((connection, tag)),
            none => break assert_eq!(none, (0, 0, 0)),
        }
    }
    assert_eq!(closed, [(plain, 0), (tagged, u64::MAX)]);
    // A slot that is used again does not keep its tag.
    let again = open(0);
    assert_eq!(again & 0xff_ffff, plain & 0xff_ffff);
    assert_eq!(output(), (READY, again, 0));
    assert_eq!(
        unsafe { tidings_hub_handle_closed(hub.0, tagged) },
        TIDINGS_ERR_NOT_FOUND
    );
    let again = open(0);
    assert_eq!(again & 0xff_ffff, tagged & 0xff_ffff);
    assert_eq!(output(), (READY, again, 0));
}

#[test]
fn a_program_from_before_tags_can_open() {
    let hub = Hub::new(&init());
    let mut open: tidings_open = init();
    open.size -= 8;
    // What it has behind its struct is its own.
    open.tag = 7;
    let connection = get(|place| unsafe { tidings_hub_open(hub.0, 0, &open, place) });
    let output = hub.output();
    assert_eq!((output.connection, output.tag), (connection, 0));
}

#[test]
fn every_audience_reaches_its_own() {
    let hub = Hub::new(&init());
    let topics = [of("a"), of("b")];
    let open = tidings_open {
        user: of("ada"),
        topics: topics.as_ptr(),
        topic_count: 2,
        grants: topics.as_ptr(),
        grant_count: 1,
        ..init()
    };
    let ada = get(|place| unsafe { tidings_hub_open(hub.0, 0, &open, place) });
    let other = hub.open(&[of("b")]);
    let recipients = |publish: &tidings_publish| {
        let mut published = init_published();
        let status = unsafe { tidings_hub_publish(hub.0, 0, publish, &mut published) };
        (status, published.recipients)
    };
    let event = message("x");
    let to = |kind: tidings_audience| tidings_publish {
        audience: kind as u32,
        event,
        ..init()
    };
    let to_topics = |audience| tidings_publish {
        topics: topics.as_ptr(),
        topic_count: 2,
        ..to(audience)
    };
    use tidings_audience::*;
    assert_eq!(
        recipients(&to_topics(TIDINGS_AUDIENCE_TOPICS)),
        (TIDINGS_OK, 2)
    );
    let except = tidings_publish {
        except: other,
        ..to_topics(TIDINGS_AUDIENCE_TOPICS)
    };
    assert_eq!(recipients(&except), (TIDINGS_OK, 1));
    let private = tidings_publish {
        flags: TIDINGS_PUBLISH_PRIVATE,
        ..to_topic(&topics[0], event)
    };
    assert_eq!(recipients(&private), (TIDINGS_OK, 1));
    let private = tidings_publish {
        flags: TIDINGS_PUBLISH_PRIVATE,
        ..to_topic(&topics[1], event)
    };
    assert_eq!(recipients(&private), (TIDINGS_OK, 0));
    let user = tidings_publish {
        user: of("ada"),
        ..to_topics(TIDINGS_AUDIENCE_USER_IN_TOPICS)
    };
    assert_eq!(recipients(&user), (TIDINGS_OK, 1));
    let user = tidings_publish {
        user: of("ada"),
        ..to(TIDINGS_AUDIENCE_USER)
    };
    assert_eq!(recipients(&user), (TIDINGS_OK, 1));
    assert_eq!(recipients(&to(TIDINGS_AUDIENCE_EVERYONE)), (TIDINGS_OK, 2));
    let direct = tidings_publish {
        connection: ada,
        ..to(TIDINGS_AUDIENCE_CONNECTION)
    };
    assert_eq!(recipients(&direct), (TIDINGS_OK, 1));

    let refused = [
        tidings_publish {
            audience: 5,
            event,
            ..init()
        },
        tidings_publish {
            flags: 2,
            ..to(TIDINGS_AUDIENCE_EVERYONE)
        },
        tidings_publish {
            reserved: 1,
            ..to(TIDINGS_AUDIENCE_EVERYONE)
        },
        to_topics(TIDINGS_AUDIENCE_EVERYONE),
        tidings_publish {
            user: of("ada"),
            ..to_topics(TIDINGS_AUDIENCE_TOPICS)
        },
        tidings_publish {
            connection: ada,
            ..to(TIDINGS_AUDIENCE_EVERYONE)
        },
    ];
    for publish in &refused {
        assert_eq!(recipients(publish).0, TIDINGS_ERR_INVALID, "{publish:?}");
    }
    assert_eq!(
        recipients(&to(TIDINGS_AUDIENCE_TOPICS)).0,
        TIDINGS_ERR_NO_TOPIC
    );
    assert_eq!(
        recipients(&to(TIDINGS_AUDIENCE_USER)).0,
        TIDINGS_ERR_INVALID_USER
    );
    assert_eq!(hub.stats().published, 8);
}

fn init_published() -> tidings_published {
    zero()
}

#[test]
fn several_are_published_all_or_none() {
    let hub = Hub::new(&init());
    let topic = of("a");
    let mut publishes = [to_topic(&topic, message("one")), to_topic(&topic, zero())];
    let mut published = [init_published(); 2];
    let mut all = |publishes: &[tidings_publish; 2]| unsafe {
        tidings_hub_publish_all(hub.0, 0, publishes.as_ptr(), 2, published.as_mut_ptr())
    };
    assert_eq!(all(&publishes), TIDINGS_ERR_NO_DATA);
    assert_eq!(hub.error(), "event 1: an event needs data, be it empty");
    publishes[1].event.data = of("two");
    publishes[1].size -= 8;
    assert_eq!(all(&publishes), TIDINGS_ERR_STRUCT_SIZE);
    publishes[1].size += 8;
    assert_eq!(all(&publishes), TIDINGS_OK);
    assert_eq!(
        [published[0].cursor.sequence, published[1].cursor.sequence],
        [1, 2]
    );
    let nowhere =
        unsafe { tidings_hub_publish_all(hub.0, 0, publishes.as_ptr(), 2, ptr::null_mut()) };
    assert_eq!(nowhere, TIDINGS_OK);
    let none = unsafe { tidings_hub_publish_all(hub.0, 0, ptr::null(), 0, ptr::null_mut()) };
    assert_eq!(none, TIDINGS_OK);
    assert_eq!(hub.stats().published, 4);
}

#[test]
fn an_own_id_is_published_once() {
    let hub = Hub::new(&init());
    let order = tidings_event {
        id: of("order-7"),
        ..message("paid")
    };
    let first = hub.publish("orders", order);
    let again = hub.publish("orders", order);
    assert_eq!((first.duplicate, again.duplicate), (0, 1));
    assert_eq!(first.cursor.sequence, again.cursor.sequence);
    assert_eq!(hub.stats().duplicates, 1);
}

#[test]
fn subscriptions_come_and_go_and_tokens_are_renewed() {
    let hub = Hub::new(&tidings_hub_options {
        unix_ms_at_zero: 1_000,
        ..init()
    });
    let reader = hub.open(&[]);
    let topic = of("a");
    for _ in 0..2 {
        assert_eq!(
            unsafe { tidings_hub_subscribe(hub.0, reader, topic) },
            TIDINGS_OK
        );
    }
    assert_eq!(hub.publish("a", message("x")).recipients, 1);
    let wrong = unsafe { tidings_hub_subscribe(hub.0, reader, of("a*")) };
    assert_eq!(wrong, TIDINGS_ERR_INVALID_TOPIC);
    assert!(hub.error().contains("pattern"), "{}", hub.error());
    for _ in 0..2 {
        assert_eq!(
            unsafe { tidings_hub_unsubscribe(hub.0, reader, topic) },
            TIDINGS_OK
        );
    }
    assert_eq!(hub.publish("a", message("x")).recipients, 0);

    let renew = |expires_ms, grant: tidings_str| unsafe {
        tidings_hub_renew(hub.0, 0, reader, expires_ms, &grant, 1)
    };
    assert_eq!(renew(900, of("a")), TIDINGS_ERR_EXPIRED);
    assert_eq!(renew(2_000, of("")), TIDINGS_ERR_INVALID_GRANT);
    assert_eq!(renew(2_000, of("a")), TIDINGS_OK);
    assert_eq!(
        unsafe { tidings_hub_set_unix_ms(hub.0, 10, 3_000) },
        TIDINGS_OK
    );
    assert!(hub.read(10, reader).contains("\"reason\":\"expired\""));
}

#[test]
fn a_closed_connection_says_bye_and_its_id_is_stale() {
    let hub = Hub::new(&init());
    let reader = hub.open(&[of("a")]);
    for _ in 0..2 {
        assert_eq!(unsafe { tidings_hub_close(hub.0, 0, reader) }, TIDINGS_OK);
    }
    let open = |id| get(|place| unsafe { tidings_hub_is_open(hub.0, id, place) });
    assert_eq!((hub.output().kind, open(reader)), (READY, 1));
    assert!(hub.read(0, reader).contains("event: bye\n"));
    let closed = hub.output();
    assert_eq!(
        (closed.kind, closed.connection, closed.reason, closed.cut),
        (CLOSED, reader, 0, 0)
    );
    assert_eq!(open(reader), 0);

    let stale = unsafe {
        let mut slices = [zero::<tidings_str>(); TIDINGS_MAX_SLICES];
        let (mut count, mut cursor) = (99, zero());
        [
            tidings_hub_subscribe(hub.0, reader, of("a")),
            tidings_hub_unsubscribe(hub.0, reader, of("a")),
            tidings_hub_renew(hub.0, 0, reader, 0, ptr::null(), 0),
            tidings_hub_close(hub.0, 0, reader),
            tidings_hub_handle_closed(hub.0, reader),
            tidings_hub_handle_writable(hub.0, reader),
            tidings_hub_transmit(
                hub.0,
                0,
                reader,
                slices.as_mut_ptr(),
                slices.len(),
                &mut count,
            ),
            tidings_hub_position(hub.0, reader, &mut cursor),
        ]
    };
    assert_eq!(stale, [TIDINGS_ERR_NOT_FOUND; 8]);
    let consumed = unsafe { tidings_hub_consume(hub.0, 0, reader, 0) };
    assert_eq!(consumed, TIDINGS_ERR_NOT_TRANSMITTED);
    assert_eq!(hub.stats().closed[0], 1);
}

#[test]
fn deadlines_and_drain_end_streams() {
    let hub = Hub::new(&tidings_hub_options {
        idle_ms: 5_000,
        heartbeat_ms: TIDINGS_OFF,
        ..init()
    });
    let (idle, gone) = (hub.open(&[of("a")]), hub.open(&[of("a")]));
    hub.read(0, idle);
    let wake = get(|place| unsafe { tidings_hub_poll_timeout(hub.0, place) });
    assert!((5_000..6_000).contains(&wake), "{wake}");
    assert_eq!(
        unsafe { tidings_hub_handle_closed(hub.0, gone) },
        TIDINGS_OK
    );
    assert_eq!(
        unsafe { tidings_hub_handle_timeout(hub.0, wake) },
        TIDINGS_OK
    );
    assert!(hub.read(wake, idle).contains("\"reason\":\"idle\""));
    let last = hub.open(&[]);
    hub.read(wake, last);
    assert_eq!(unsafe { tidings_hub_drain(hub.0, wake, 1_000) }, TIDINGS_OK);
    assert!(hub.read(wake, last).contains("\"reason\":\"drain\""));
    let (topic, mut published) = (of("a"), init_published());
    let publish = to_topic(&topic, message("x"));
    let late = unsafe { tidings_hub_publish(hub.0, wake, &publish, &mut published) };
    assert_eq!(late, TIDINGS_ERR_DRAINING);
}

#[test]
fn options_are_taken_and_refused() {
    let topics = [of("prices/**")];
    let class = tidings_class_options {
        flags: TIDINGS_CLASS_LATEST,
        topics: topics.as_ptr(),
        topic_count: 1,
        ..init()
    };
    let small = tidings_class_options {
        events: 3,
        ..init()
    };
    let named = tidings_control_event {
        name: of("hello"),
        ..zero()
    };
    let options = tidings_hub_options {
        classes: &class,
        class_count: 1,
        default_class: &small,
        connected: named,
        epoch: 0xab,
        shard: 3,
        ..init()
    };
    let hub = Hub::new(&options);
    for number in 0..5 {
        hub.publish("prices/a", message(&number.to_string()));
        hub.publish("other", message(&number.to_string()));
    }
    let mut kept = [init::<tidings_class_stats>(); 2];
    for (index, stats) in kept.iter_mut().enumerate() {
        assert_eq!(
            unsafe { tidings_hub_class_stats(hub.0, index, stats) },
            TIDINGS_OK
        );
    }
    assert_eq!([kept[0].events, kept[1].events], [1, 3]);
    let beyond = unsafe { tidings_hub_class_stats(hub.0, 2, &mut kept[0]) };
    assert_eq!(beyond, TIDINGS_ERR_INVALID);
    let reader = hub.open(&[of("prices/*")]);
    assert_eq!(reader >> 56, 3);
    let offered = hub.read(0, reader);
    assert!(
        offered.contains("event: hello\n") && offered.contains("data: 4\n"),
        "{offered}"
    );

    let refused = |options: tidings_hub_options| {
        let mut hub = ptr::null_mut();
        let status = unsafe { tidings_hub_new(&options, &mut hub) };
        assert!(hub.is_null());
        status
    };
    let pattern = [of("a**")];
    let bad = tidings_class_options {
        topics: pattern.as_ptr(),
        ..class
    };
    let many = [class; 16];
    let line_break = tidings_control_event {
        json: of("{\n}"),
        ..zero()
    };
    let off = tidings_control_event { flags: 2, ..zero() };
    let cases = [
        (
            tidings_hub_options { flags: 2, ..init() },
            TIDINGS_ERR_INVALID,
        ),
        (
            tidings_hub_options {
                shard: 256,
                ..init()
            },
            TIDINGS_ERR_INVALID,
        ),
        (
            tidings_hub_options { lag: 3, ..init() },
            TIDINGS_ERR_INVALID,
        ),
        (
            tidings_hub_options { gap: off, ..init() },
            TIDINGS_ERR_INVALID,
        ),
        (
            tidings_hub_options {
                tick_ms: TIDINGS_OFF,
                ..init()
            },
            TIDINGS_ERR_ZERO_INTERVAL,
        ),
        (
            tidings_hub_options {
                bye: named,
                gap: named,
                ..init()
            },
            TIDINGS_ERR_CONTROL_NAME,
        ),
        (
            tidings_hub_options {
                bye: line_break,
                ..init()
            },
            TIDINGS_ERR_CONTROL_JSON,
        ),
        (
            tidings_hub_options {
                connections: 1 << 25,
                ..init()
            },
            TIDINGS_ERR_LIMIT_CONNECTIONS,
        ),
        (
            tidings_hub_options {
                classes: &bad,
                class_count: 1,
                ..init()
            },
            TIDINGS_ERR_CLASS_PATTERN,
        ),
        (
            tidings_hub_options {
                classes: many.as_ptr(),
                class_count: 16,
                ..init()
            },
            TIDINGS_ERR_TOO_MANY_CLASSES,
        ),
        (
            tidings_hub_options {
                default_class: &class,
                ..init()
            },
            TIDINGS_ERR_DEFAULT_CLASS_LATEST,
        ),
        (
            tidings_hub_options { size: 8, ..init() },
            TIDINGS_ERR_STRUCT_SIZE,
        ),
    ];
    for (options, status) in cases {
        assert_eq!(refused(options), status);
    }
}
