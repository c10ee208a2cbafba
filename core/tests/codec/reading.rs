//! Every rule of reading, by example. Each stream is read whole, cut in two at every place, and
//! byte by byte.

use crate::{Owned, cut, feed};
use tidings_core::{DecodeError, DecodeOptions, Decoder, EventError};

/// Writes an item as the tables do: `type #own-id "data" retry`, the id of an earlier event in
/// brackets.
fn line(item: &Owned) -> String {
    match item {
        Owned::Event(event) => {
            let event = event.as_event();
            let mut line = event.event().into_owned();
            if event.has_id() {
                line += &format!(" #{}", event.id());
            } else if !event.id().is_empty() {
                line += &format!(" ({})", event.id());
            }
            line += &format!(" {:?}", event.data());
            if let Some(ms) = event.retry() {
                line += &format!(" retry {ms}");
            }
            line
        }
        Owned::Retry(ms) => format!("retry {ms}"),
        Owned::Comment(text) => format!("comment {:?}", String::from_utf8_lossy(text)),
        Owned::Error(error) => format!("{error:?}"),
    }
}

#[track_caller]
fn check_with(options: DecodeOptions, rule: &str, stream: &[u8], expected: &[&str]) {
    let mut ways = vec![vec![stream], cut(stream, &[1])];
    ways.extend((1..stream.len()).map(|at| vec![&stream[..at], &stream[at..]]));
    for chunks in ways {
        let items = feed(&mut Decoder::new(options), chunks.iter().copied());
        let lines: Vec<_> = items.iter().map(line).collect();
        assert_eq!(
            lines,
            expected,
            "{rule}: {}",
            String::from_utf8_lossy(&chunks.join(&b'|'))
        );
    }
}

#[track_caller]
fn check(rule: &str, stream: impl AsRef<[u8]>, expected: &[&str]) {
    check_with(DecodeOptions::default(), rule, stream.as_ref(), expected);
}

fn small(event_bytes: usize) -> DecodeOptions {
    DecodeOptions {
        event_bytes,
        comments: true,
        ..DecodeOptions::default()
    }
}

#[test]
fn examples_of_the_standard() {
    check(
        "one event of two lines",
        "data: YHOO\ndata: +2\ndata: 10\n\n",
        &[r#"message "YHOO\n+2\n10""#],
    );
    check(
        "a comment, an id, an id reset, and an incomplete event",
        ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event",
        &[
            r#"message #1 "first event""#,
            r##"message # "second event""##,
        ],
    );
    check(
        "two events, the third is incomplete",
        "data\n\ndata\ndata\n\ndata:",
        &[r#"message """#, r#"message "\n""#],
    );
    check(
        "one space is not part of the value",
        "data:test\n\ndata: test\n\n",
        &[r#"message "test""#, r#"message "test""#],
    );
}

#[test]
fn lines() {
    let expected = &[r#"message "a\nb""#, r#"message "c""#];
    check(
        "LF ends a line",
        "data: a\ndata: b\n\ndata: c\n\n",
        expected,
    );
    check(
        "CR ends a line",
        "data: a\rdata: b\r\rdata: c\r\r",
        expected,
    );
    check(
        "CRLF ends a line",
        "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n",
        expected,
    );
    check(
        "all three, mixed",
        "data: a\rdata: b\n\r\ndata: c\r\n\r",
        expected,
    );
    check(
        "LF CR is two ends",
        "data: a\n\rdata: b\n\n",
        &[r#"message "a""#, r#"message "b""#],
    );
    check(
        "CR LF LF is two ends",
        "data: a\r\n\ndata: b\n\n",
        &[r#"message "a""#, r#"message "b""#],
    );
    check(
        "VT, FF and NEL end no line",
        "data: a\x0bb\x0cc\u{85}\n\n",
        &[r#"message "a\u{b}b\u{c}c\u{85}""#],
    );
    check("no stream, no events", "", &[]);
    check("blank lines are no events", "\n\n\r\r\r\n\r\n", &[]);
    check("what is incomplete at the end is dropped", "data: a\n", &[]);
}

#[test]
fn an_event_comes_with_its_last_byte() {
    let mut decoder = Decoder::default();
    assert_eq!(feed(&mut decoder, [&b"data: a\r"[..]]), []);
    let items = feed(&mut decoder, [&b"\r"[..]]);
    assert_eq!(items.len(), 1, "a CR waits for no LF");
    assert_eq!(
        feed(&mut decoder, [&b"\n"[..]]),
        [],
        "the LF belonged to the CR"
    );
    assert_eq!(feed(&mut decoder, [&b"data: b\n"[..]]), []);
    assert_eq!(feed(&mut decoder, [&b"\n"[..]]).len(), 1);
}

#[test]
fn byte_order_mark() {
    check(
        "skipped at the start",
        "\u{feff}data: a\n\n",
        &[r#"message "a""#],
    );
    check("only once", "\u{feff}\u{feff}data: a\n\n", &[]);
    check("not at a later line", "\n\u{feff}data: a\n\n", &[]);
    check(
        "kept in a value",
        "data: \u{feff}a\n\n",
        &[r#"message "\u{feff}a""#],
    );
    check(
        "half of one begins a name",
        b"\xef\xbbdata: a\ndata: b\n\n",
        &[r#"message "b""#],
    );
    check(
        "half of one is a line",
        b"\xef\n\ndata: b\n\n",
        &[r#"message "b""#],
    );
    check("nothing but one", "\u{feff}", &[]);
    check(
        "before a blank line",
        "\u{feff}\n\ndata: a\n\n",
        &[r#"message "a""#],
    );
}

#[test]
fn fields() {
    check(
        "a line without a colon is a name",
        "data\n\n",
        &[r#"message """#],
    );
    check(
        "the value begins after the first colon",
        "data: a:b\n\n",
        &[r#"message "a:b""#],
    );
    check(
        "one space is stripped",
        "data:  a \n\n",
        &[r#"message " a ""#],
    );
    check(
        "no other white space is",
        "data:\ta\n\n",
        &[r#"message "\ta""#],
    );
    check(
        "a value of one space is empty",
        "data: \n\n",
        &[r#"message """#],
    );
    check(
        "names are exact",
        "Data: a\n data: b\ndata : c\ndataa: d\ndat: e\nDATA\nevents: f\nidd: g\ni: h\nretries: 5\n\n",
        &[],
    );
    check(
        "unknown fields are ignored",
        "foo: a\nfoo\ndata: b\nlonger: c\n\n",
        &[r#"message "b""#],
    );
    check(
        "a lone NUL in data is data",
        "data: \0\n\n",
        &[r#"message "\0""#],
    );
}

#[test]
fn data() {
    check("no data, no event", "event: a\nid: 1\n\n", &[]);
    check("an empty line is data", "data:\n\n", &[r#"message """#]);
    check(
        "one LF is taken off the end",
        "data\ndata\n\n",
        &[r#"message "\n""#],
    );
    check(
        "only one",
        "data: a\ndata\ndata\n\n",
        &[r#"message "a\n\n""#],
    );
    check(
        "fields between data lines",
        "data: a\nid: 1\ndata: b\nevent: c\n\n",
        &[r#"c #1 "a\nb""#],
    );
    check(
        "comments between data lines",
        "data: a\n: c\ndata: b\n\n",
        &[r#"message "a\nb""#],
    );
}

#[test]
fn types() {
    check("given", "event: tick\ndata: a\n\n", &[r#"tick "a""#]);
    check(
        "for one event only",
        "event: tick\ndata: a\n\ndata: b\n\n",
        &[r#"tick "a""#, r#"message "b""#],
    );
    check(
        "also without data",
        "event: tick\n\ndata: b\n\n",
        &[r#"message "b""#],
    );
    check(
        "the last one counts",
        "event: a\nevent: b\ndata: c\n\n",
        &[r#"b "c""#],
    );
    check(
        "an empty one means message",
        "event: a\nevent:\ndata: c\n\n",
        &[r#"message "c""#],
    );
}

#[test]
fn ids() {
    check("given", "id: 1\ndata: a\n\n", &[r#"message #1 "a""#]);
    check(
        "kept for later events",
        "id: 1\ndata: a\n\ndata: b\n\n",
        &[r#"message #1 "a""#, r#"message (1) "b""#],
    );
    check(
        "also without data",
        "id: 1\n\ndata: b\n\n",
        &[r#"message (1) "b""#],
    );
    check(
        "an empty one resets it",
        "id: 1\n\nid:\ndata: b\n\ndata: c\n\n",
        &[r##"message # "b""##, r#"message "c""#],
    );
    check(
        "the last one counts",
        "id: 1\nid: 2\ndata: a\n\n",
        &[r#"message #2 "a""#],
    );
    check(
        "a NUL ignores the field",
        "id: 1\n\nid: 2\x003\ndata: a\n\n",
        &[r#"message (1) "a""#],
    );
    check(
        "and leaves the one before",
        "id: 1\nid: 2\x003\ndata: a\n\n",
        &[r#"message #1 "a""#],
    );
    check(
        "and the one after",
        "id: 2\0\nid: 1\ndata: a\n\n",
        &[r#"message #1 "a""#],
    );
    check(
        "spaces are part of it",
        "id:  1 \ndata: a\n\n",
        &[r#"message # 1  "a""#],
    );
}

#[test]
fn the_last_event_id_changes_with_the_blank_line() {
    let mut decoder = Decoder::default();
    feed(&mut decoder, [&b"id: 1\ndata: a\n\nid: 2\ndata: b\n"[..]]);
    assert_eq!(decoder.last_event_id(), "1");
    decoder.reset();
    assert_eq!(
        decoder.last_event_id(),
        "1",
        "the second event was not complete"
    );
    let items = feed(&mut decoder, [&b"data: c\n\nid: 3\n\n"[..]]);
    assert_eq!(
        line(&items[0]),
        r#"message (1) "c""#,
        "a new stream starts with the old id"
    );
    assert_eq!(decoder.last_event_id(), "3");
    assert_eq!(decoder.resume(b"4\n"), Err(EventError::LineBreakInId));
    assert_eq!(decoder.last_event_id(), "3");
    assert_eq!(decoder.resume(b"4"), Ok(()));
    assert_eq!(decoder.last_event_id_bytes(), b"4");
}

#[test]
fn retry() {
    check("a number", "retry: 1500\n\n", &["retry 1500"]);
    check(
        "at once, whatever follows",
        "retry: 1500\n",
        &["retry 1500"],
    );
    check(
        "with its event",
        "retry: 5\ndata: a\n\ndata: b\n\n",
        &["retry 5", r#"message "a" retry 5"#, r#"message "b""#],
    );
    check(
        "after data",
        "data: a\nretry: 5\n\n",
        &["retry 5", r#"message "a" retry 5"#],
    );
    check(
        "each of several",
        "retry: 1\nretry: 2\ndata: a\n\n",
        &["retry 1", "retry 2", r#"message "a" retry 2"#],
    );
    check("zero", "retry: 0\n\n", &["retry 0"]);
    check(
        "one without a number leaves the one before",
        "retry: 5\nretry:\nretry: a\ndata: a\n\n",
        &["retry 5", r#"message "a" retry 5"#],
    );
    check(
        "leading zeros",
        "retry: 0000000000000000000000015\n\n",
        &["retry 15"],
    );
    check(
        "too large",
        "retry: 18446744073709551616\n\n",
        &["retry 18446744073709551615"],
    );
    check("empty", "retry:\nretry\nretry: \n\n", &[]);
    check(
        "only ASCII digits",
        "retry: -1\nretry: 1.5\nretry: 1s\nretry:  1\nretry: 1 \nretry: ١\n\n",
        &[],
    );
}

#[test]
fn comments() {
    let stream = ": a\n:b\n:\ndata: c\n: d\n\n:  e\r\n";
    check("ignored", stream, &[r#"message "c""#]);
    check_with(
        small(100),
        "handed out if asked for",
        stream.as_bytes(),
        &[
            r#"comment "a""#,
            r#"comment "b""#,
            r#"comment """#,
            r#"comment "d""#,
            r#"message "c""#,
            r#"comment " e""#,
        ],
    );
    check_with(
        small(100),
        "an event is whole whatever stands in it",
        b"event: a\nid: 1\ndata: b\n: c\nretry: 5\ndata: d\n\n",
        &[r#"comment "c""#, "retry 5", r#"a #1 "b\nd" retry 5"#],
    );
}

#[test]
fn a_blank_line_ends_an_event_also_between_comments() {
    let among = |fields: &str, expected: &[&str]| {
        let comments = ": one of them\n\n: and another, longer than the first\n\n\n";
        let stream = format!("{comments}{fields}\n{comments}data: end\n\n");
        check(fields, &stream, expected);
        check(fields, stream.replace('\n', "\r\n"), expected);
        check(fields, stream.replace('\n', "\r"), expected);
    };
    among("data: a", &[r#"message "a""#, r#"message "end""#]);
    among("data", &[r#"message """#, r#"message "end""#]);
    among("id: 1", &[r#"message (1) "end""#]);
    among("id", &[r#"message "end""#]);
    among("event: a", &[r#"message "end""#]);
    among("retry: 5", &["retry 5", r#"message "end""#]);
}

#[test]
fn utf_8() {
    check(
        "in every part",
        "id: é\nevent: 事\ndata: 📡\n\n",
        &[r#"事 #é "📡""#],
    );
    check(
        "replaced by maximal subparts",
        b"data: \xf0\x9f\x93 \xe2\x82\xc3\xa9\xff\xff\n\n",
        &["message \"\u{fffd} \u{fffd}é\u{fffd}\u{fffd}\""],
    );
    check(
        "a line break breaks a character",
        b"data: \xc3\ndata: \xa9\n\n",
        &["message \"\u{fffd}\\n\u{fffd}\""],
    );
    check("no part of a name", b"data\xff: a\n\xffdata: b\n\n", &[]);
    check(
        "surrogates",
        b"data: \xed\xa0\x80\n\n",
        &["message \"\u{fffd}\u{fffd}\u{fffd}\""],
    );
}

#[test]
fn bytes_come_as_they_are() {
    let mut input = &b"id: \xff\nevent: \xfe\ndata: \xfd\n\n"[..];
    let mut decoder = Decoder::default();
    let Ok(Some(tidings_core::Item::Event(event))) = decoder.decode(&mut input) else {
        panic!("no event");
    };
    assert_eq!(event.id_bytes(), b"\xff");
    assert_eq!(event.event_bytes(), b"\xfe");
    assert_eq!(event.data_bytes(), b"\xfd");
}

#[test]
fn limits() {
    let too_large = |offset: u64| format!("EventTooLarge {{ limit_bytes: 4, offset: {offset} }}");
    let ok = |rule, stream: &str, expected| check_with(small(4), rule, stream.as_bytes(), expected);
    let fails = |rule, stream: &str, offset| {
        check_with(small(4), rule, stream.as_bytes(), &[&too_large(offset)]);
    };
    ok("as much as fits", "data: abcd\n\n", &[r#"message "abcd""#]);
    fails("a byte more", "data: abcde\n\n", 10);
    fails("found before the end of the line", "data: abcde", 10);
    ok(
        "all parts together",
        "id: a\nevent: b\ndata: cd\n\n",
        &[r#"b #a "cd""#],
    );
    fails(
        "data after the others",
        "id: a\nevent: b\ndata: cde\n\n",
        23,
    );
    fails("an id after data", "data: abcd\nid: 1\n\n", 15);
    fails("a type after data", "data: abcd\nevent: e\n\n", 18);
    ok(
        "a line break is a byte",
        "data: a\ndata: bc\n\n",
        &[r#"message "a\nbc""#],
    );
    fails("a line break too much", "data: abcd\ndata:\n\n", 16);
    fails("or without a colon", "data: abcd\ndata\n\n", 15);
    fails("what is replaced counts", "event: abc\nevent: de\n\n", 19);
    ok(
        "what is ignored does not",
        "foo: abcdef\nretry: 0000001\ndata: abcd\n\n",
        &["retry 1", r#"message "abcd" retry 1"#],
    );
    ok(
        "an ignored id counts up to its NUL",
        "id: abc\0defghijkl\ndata: a\n\n",
        &[r#"message "a""#],
    );
    ok(
        "the next event starts anew",
        "data: abcd\n\ndata: efgh\n\n",
        &[r#"message "abcd""#, r#"message "efgh""#],
    );
    ok(
        "a comment has a limit of its own",
        "data: abcd\n: efgh\n\n",
        &[r#"comment "efgh""#, r#"message "abcd""#],
    );
    ok(
        "a comment too long",
        ": abcde\n\n",
        &["CommentTooLarge { limit_bytes: 4, offset: 6 }"],
    );
    ok(
        "what came before is not lost",
        "data: a\n\ndata: abcde\n\n",
        &[r#"message "a""#, &too_large(19)],
    );
    check_with(
        small(0),
        "offsets count the mark, and nothing fits",
        "\u{feff}data: a\n\n".as_bytes(),
        &["EventTooLarge { limit_bytes: 0, offset: 9 }"],
    );
    check_with(small(0), "but nothing", b"data\n\n", &[r#"message """#]);
}

#[test]
fn an_error_stays_until_reset() {
    let mut decoder = Decoder::new(small(4));
    let too_large = |offset| DecodeError::EventTooLarge {
        limit_bytes: 4,
        offset,
    };
    let stream = &b"id: 1\n\ndata: 12345\n\ndata: a\n\n"[..];
    let mut input = stream;
    assert_eq!(decoder.decode(&mut input), Err(too_large(17)));
    assert_eq!(input, stream, "an error takes nothing");
    for mut input in [stream, b"", b"\n"] {
        assert_eq!(decoder.decode(&mut input), Err(too_large(17)));
    }
    decoder.reset();
    assert_eq!(decoder.last_event_id(), "1");
    let items = feed(&mut decoder, [&b"data: b\n\nid: 123\ndata: 45\n\n"[..]]);
    assert_eq!(line(&items[0]), r#"message (1) "b""#);
    assert_eq!(items[1], Owned::Error(too_large(24)), "offsets start anew");
    assert!(too_large(24).to_string().contains("byte 24"));
}
