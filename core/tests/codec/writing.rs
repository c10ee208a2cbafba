//! Every rule of writing, by example.

use tidings_core::{Event, EventError, encode_comment};

#[track_caller]
fn encodes(event: Event<'_>, expected: &str) {
    let mut wire = Vec::new();
    event.encode(&mut wire);
    assert_eq!(String::from_utf8_lossy(&wire), expected);
}

#[test]
fn encoding() -> Result<(), EventError> {
    encodes(Event::message("a"), "data: a\n\n");
    encodes(Event::message(""), "data: \n\n");
    encodes(Event::message(" a"), "data:  a\n\n");
    encodes(
        Event::message("a\nb\rc\r\nd"),
        "data: a\ndata: b\ndata: c\ndata: d\n\n",
    );
    encodes(
        Event::message("\r\n\n\r"),
        "data: \ndata: \ndata: \ndata: \n\n",
    );
    encodes(Event::message("a\n"), "data: a\ndata: \n\n");
    encodes(Event::new(), "\n");
    encodes(Event::new().with_id("")?, "id: \n\n");
    encodes(Event::message("a").with_event("")?, "data: a\n\n");
    encodes(
        Event::message("a").with_event("message")?,
        "event: message\ndata: a\n\n",
    );
    encodes(Event::new().with_retry(0), "retry: 0\n\n");
    encodes(
        Event::new().with_retry(u64::MAX),
        "retry: 18446744073709551615\n\n",
    );
    encodes(
        Event::message("d")
            .with_retry(10)
            .with_event("e")?
            .with_id("i")?,
        "id: i\nevent: e\nretry: 10\ndata: d\n\n",
    );
    let mut wire = Vec::new();
    encode_comment("", &mut wire);
    encode_comment("a\rb", &mut wire);
    assert_eq!(wire, b": \n: a\n: b\n");
    Ok(())
}

#[test]
fn what_would_end_a_line_is_refused() {
    let event = Event::new();
    assert_eq!(event.with_id("a\nb"), Err(EventError::LineBreakInId));
    assert_eq!(event.with_id("\r"), Err(EventError::LineBreakInId));
    assert_eq!(event.with_id("a\0"), Err(EventError::NulInId));
    assert_eq!(event.with_event("a\nb"), Err(EventError::LineBreakInEvent));
    assert_eq!(event.with_event("\r"), Err(EventError::LineBreakInEvent));
    assert!(event.with_event("a\0").is_ok());
}

#[test]
fn a_kept_event_is_the_same() -> Result<(), EventError> {
    let event = Event::message("d")
        .with_id("i")?
        .with_event("e")?
        .with_retry(1);
    let kept = event.into_owned();
    assert_eq!(kept.as_event(), event);
    assert_eq!(
        format!("{kept:?}"),
        r#"Event { id: "i", has_id: true, event: "e", data: Some("d"), retry: Some(1) }"#
    );
    Ok(())
}
