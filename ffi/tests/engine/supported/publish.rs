//! Events: numbers, recipients, resume and gaps, subscriptions, what is refused.

use super::world::{Engine, init, publish_to, text, text_of};
use std::ptr::null;
use tidings::tidings_engine_output_kind::*;
use tidings::tidings_status::*;
use tidings::*;

#[test]
fn a_stream_resumes_behind_the_event_it_read_last() {
    let engine = Engine::start();
    let first = engine.publish("a", "1").expect("it is published");
    engine.publish("a", "2").expect("it is published");
    let cursor = text_of(&engine.cursor().expect("there is one"));
    engine.publish("a", "3").expect("it is published");
    let id = text_of(&first.cursor);
    let (mut reader, _) = engine.resumed("a", 0, text(&id));
    let replayed = reader.until("data: 3\n\n");
    assert!(
        replayed.contains("data: 2\n\n") && !replayed.contains("data: 1\n\n"),
        "{replayed}"
    );
    let (mut reader, _) = engine.resumed("a", 0, text(&cursor));
    assert!(!reader.until("data: 3\n\n").contains("data: 2\n"));
}

#[test]
fn who_missed_events_is_told() {
    let class = init!(tidings_class_options { events: 2 });
    let hub = init!(tidings_hub_options {
        default_class: &raw const class
    });
    let engine = Engine::start_with(&init!(tidings_engine_options {
        hub: &raw const hub
    }));
    let first = engine.publish("a", "0").expect("it is published");
    for data in ["1", "2", "3", "4"] {
        engine.publish("a", data).expect("it is published");
    }
    let (mut reader, _) = engine.resumed("a", 0, text(&text_of(&first.cursor)));
    let came = reader.until("data: 4\n\n");
    assert!(
        came.contains("event: gap\n") && came.contains("\"missed\":2,"),
        "{came}"
    );
    let (mut reader, _) = engine.resumed("a", 0, text("of another log~7"));
    assert!(reader.until("event: gap\n").contains("event: connected\n"));
}

#[test]
fn epochs_differ_unless_one_is_given() {
    let epoch = |engine: &Engine| engine.cursor().expect("there is one").epoch;
    let (one, other) = (Engine::start(), Engine::start());
    assert_ne!(epoch(&one), epoch(&other));
    let hub = init!(tidings_hub_options { epoch: 7 });
    let given = Engine::start_with(&init!(tidings_engine_options {
        hub: &raw const hub
    }));
    assert_eq!(epoch(&given), 7);
}

#[test]
fn several_events_are_published_all_or_none() {
    let engine = Engine::start();
    let (topics, none) = ([text("a")], []);
    let publishes = [publish_to(&topics, "1"), publish_to(&none, "2")];
    let refused = engine.publish_all(&publishes).map(drop);
    assert_eq!(refused, Err(TIDINGS_ERR_NO_TOPIC));
    assert!(
        engine.error().starts_with("event 1: "),
        "{}",
        engine.error()
    );
    let publishes = [publish_to(&topics, "1"), publish_to(&topics, "2")];
    let published = engine.publish_all(&publishes).expect("they are published");
    let numbers: Vec<_> = published.iter().map(|one| one.cursor.sequence).collect();
    assert_eq!(numbers, [1, 2]);
    assert_eq!(
        engine.publish_all(&[]).map(|published| published.len()),
        Ok(0)
    );
}

#[test]
fn a_post_has_its_number_at_once_and_its_recipients_later() {
    let engine = Engine::start();
    let (mut reader, _) = engine.stream("a", 0);
    let posted = engine.post("a", "1", 7).expect("it is posted");
    assert_eq!((posted.cursor.sequence, posted.recipients), (1, 0));
    let output = engine.next_output();
    assert_eq!(
        (output.kind, output.tag),
        (TIDINGS_ENGINE_PUBLISHED as u32, 7)
    );
    assert_eq!((output.status, output.recipients), (TIDINGS_OK as i32, 1));
    engine.post("a", "2", 0).expect("it is posted");
    reader.until("data: 2\n\n");
    engine.expect_silence();

    let topics = [text("a")];
    let publishes = [publish_to(&topics, "3"), publish_to(&topics, "4")];
    let mut published = [posted; 2];
    // SAFETY: the engine lives, and there is room for two results.
    let status = unsafe {
        tidings_engine_post_all(engine.0, publishes.as_ptr(), 2, 8, published.as_mut_ptr())
    };
    assert_eq!(status, TIDINGS_OK);
    assert_eq!(published.map(|one| one.cursor.sequence), [3, 4]);
    for index in 0..2 {
        let output = engine.next_output();
        assert_eq!((output.tag, output.index, output.recipients), (8, index, 1));
    }
    engine.expect_silence();
}

#[test]
fn an_event_that_is_known_by_its_id_is_answered_too() {
    let engine = Engine::start();
    let topics = [text("a")];
    let mut publish = publish_to(&topics, "paid");
    publish.event.id = text("order-7");
    let publish = [publish];
    let fresh = engine.publish_all(&publish).expect("it is published")[0];
    let known = engine.publish_all(&publish).expect("it is known")[0];
    assert_eq!((fresh.duplicate, known.duplicate), (0, 1));
    assert_eq!(fresh.cursor.sequence, known.cursor.sequence);
    // SAFETY: the engine lives; nobody wants the number.
    let status =
        unsafe { tidings_engine_post(engine.0, publish.as_ptr(), 9, std::ptr::null_mut()) };
    assert_eq!(status, TIDINGS_OK);
    assert_eq!(engine.next_output().tag, 9);
}

#[test]
fn answers_that_nobody_polls_are_bounded() {
    let engine = Engine::start_with(&init!(tidings_engine_options { answers: 2 }));
    engine.post("a", "1", 1).expect("there is room");
    engine.post("a", "2", 2).expect("there is room");
    assert_eq!(
        engine.post("a", "3", 3).map(drop),
        Err(TIDINGS_ERR_UNPOLLED)
    );
    assert_eq!(
        engine.cursor().map(|cursor| cursor.sequence),
        Ok(2),
        "it has no number"
    );
    engine
        .post("a", "3", 0)
        .expect("nobody asked for an answer");
    assert_eq!(engine.next_output().tag, 1);
    engine.post("a", "4", 4).expect("there is room again");
}

#[test]
fn subscriptions_and_tokens_can_be_changed() {
    let engine = Engine::start();
    let (mut reader, connection) = engine.stream("a", 0);
    assert_eq!(engine.subscribe(connection, "b/*"), TIDINGS_OK);
    assert_eq!(engine.subscribe(connection, "b/*"), TIDINGS_OK, "it has it");
    assert_eq!(
        engine.subscribe(connection, "b*c"),
        TIDINGS_ERR_INVALID_TOPIC
    );
    engine.publish("b/1", "one").expect("it is published");
    reader.until("data: one\n\n");
    assert_eq!(engine.unsubscribe(connection, "b/*"), TIDINGS_OK);
    assert_eq!(
        engine.unsubscribe(connection, "b/*"),
        TIDINGS_OK,
        "it has it not"
    );
    assert_eq!(
        engine
            .publish("b/1", "two")
            .map(|published| published.recipients),
        Ok(0)
    );

    let topics = [text("a")];
    let mut secret = publish_to(&topics, "secret");
    secret.flags = TIDINGS_PUBLISH_PRIVATE;
    let recipients = || engine.publish_all(&[secret]).expect("it is published")[0].recipients;
    assert_eq!(recipients(), 0);
    assert_eq!(engine.renew(connection, 0, &[text("a")]), TIDINGS_OK);
    assert_eq!(recipients(), 1);
    assert_eq!(engine.renew(connection, 1, &[]), TIDINGS_ERR_EXPIRED);
    assert_eq!(
        engine.renew(connection, 0, &[text("a*b")]),
        TIDINGS_ERR_INVALID_GRANT
    );
}

#[test]
fn stale_ids_are_not_found() {
    let hub = init!(tidings_hub_options);
    let options = init!(tidings_engine_options {
        hub: &raw const hub,
        shards: 2
    });
    let engine = Engine::start_with(&options);
    let (mut reader, connection) = engine.stream("a", 1);
    assert_eq!(engine.close(connection), TIDINGS_OK);
    reader.end();
    assert_eq!(engine.next_closed().0, 1);
    for stale in [connection, 0, 1, u64::MAX, connection ^ (1 << 24)] {
        assert_eq!(engine.close(stale), TIDINGS_ERR_NOT_FOUND);
        assert_eq!(engine.subscribe(stale, "a"), TIDINGS_ERR_NOT_FOUND);
        assert_eq!(engine.unsubscribe(stale, "a"), TIDINGS_ERR_NOT_FOUND);
        assert_eq!(engine.renew(stale, 0, &[]), TIDINGS_ERR_NOT_FOUND);
    }
}

#[test]
fn null_and_bad_text_are_refused() {
    use std::ptr::null_mut;
    let engine = Engine::start();
    let not_utf8 = tidings_str::of(b"\xff");
    let no_text = tidings_str {
        data: null(),
        len: 1,
    };
    let (topics, fine) = ([not_utf8], [text("a")]);
    let bad = publish_to(&topics, "x");
    let mut cursor = engine.cursor().expect("there is one");
    // SAFETY: the engine lives, and null is an argument that every call has an answer for.
    unsafe {
        let none = null();
        for status in [
            tidings_engine_new(none, null_mut()),
            tidings_engine_start(null()),
            tidings_engine_adopt(null(), 0, null(), null_mut()),
            tidings_engine_adopt(engine.0, 0, null(), null_mut()),
            tidings_engine_publish(engine.0, null(), null_mut()),
            tidings_engine_publish_all(engine.0, null(), 1, null_mut()),
            tidings_engine_post(engine.0, null(), 0, null_mut()),
            tidings_engine_subscribe(engine.0, 0, no_text),
            tidings_engine_renew(engine.0, 0, 0, null(), 1),
            tidings_engine_cursor(engine.0, null_mut()),
            tidings_engine_cursor(null(), &raw mut cursor),
            tidings_engine_stats(engine.0, null_mut()),
            tidings_engine_poll_output(engine.0, null_mut()),
            tidings_engine_fd(engine.0, null_mut()),
            tidings_engine_error(engine.0, null_mut(), 1, null_mut()),
        ] {
            assert_eq!(status, TIDINGS_ERR_NULL);
        }
        assert_eq!(
            tidings_engine_publish(engine.0, &bad, null_mut()),
            TIDINGS_ERR_UTF8
        );
        assert_eq!(
            tidings_engine_subscribe(engine.0, 0, not_utf8),
            TIDINGS_ERR_UTF8
        );
        let (mut byte, mut len) = (0, 0);
        let short = tidings_engine_error(engine.0, &raw mut byte, 1, &raw mut len);
        assert_eq!(short, TIDINGS_ERR_BUFFER);
        let publish = publish_to(&fine, "x");
        assert_eq!(
            tidings_engine_publish(engine.0, &publish, null_mut()),
            TIDINGS_OK
        );
        tidings_engine_free(null_mut());
    }
    assert_eq!(engine.cursor().map(|cursor| cursor.sequence), Ok(1));
}
