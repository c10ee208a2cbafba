//! The laws of the codec, over random events and random bytes.

use crate::reference::{self, Seen};
use crate::{Owned, cut, decode, feed};
use proptest::collection::vec;
use proptest::prelude::*;
use tidings_core::{DecodeError, DecodeOptions, Decoder, Event, OwnedEvent};

const PIECES: &[&[u8]] = &[
    b"data",
    b"data:",
    b"data: ",
    b"data: x\n",
    b"id",
    b"id:",
    b"id: ",
    b"id: 7\r\n",
    b"event",
    b"event:",
    b"event: tick\r",
    b"retry",
    b"retry:",
    b"retry: 15",
    b"dat",
    b"Data: ",
    b"events:",
    b"data : ",
    b":",
    b" ",
    b"  ",
    b"\n",
    b"\n\n",
    b"\r",
    b"\r\n",
    b"\r\n\r\n",
    b": c\r\n",
    b":\n\n",
    b": comments that take more than a word\n: or two\n\n",
    b"\0",
    b"0",
    b"99999999999999999999",
    b"abc",
    b"a long value that takes more than a few words to look at, and then some",
    b"\x0b",
    b"\x8a\x8d",
    b"\xef\xbb\xbf",
    b"\xef\xbb",
    b"\xef",
    b"\xc3\xa9",
    b"\xc3",
    b"\xe2\x82",
    b"\xf0\x9f\x93\xa1",
    b"\xf0\x9f\x93",
    b"\xff",
];

/// Bytes that look like a stream, and are often not quite one.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        20 => proptest::sample::select(PIECES).prop_map(<[u8]>::to_vec),
        1 => vec(any::<u8>(), 0..4),
    ];
    vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn ascii_stream() -> impl Strategy<Value = Vec<u8>> {
    stream().prop_map(|stream| stream.into_iter().filter(u8::is_ascii).collect())
}

/// Lengths of chunks. One of `usize::MAX` ends after the next CR, where an LF may follow.
fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        Just(vec![1]),
        vec(1..4_usize, 1..8),
        // Empty chunks say nothing, and must do nothing.
        vec(0..40_usize, 1..8).prop_filter("some progress", |l| l.iter().any(|&len| len > 0)),
        vec(prop_oneof![Just(usize::MAX), 1..40_usize], 1..8),
    ]
}

/// Limits that are met, and the usual.
fn options() -> impl Strategy<Value = DecodeOptions> {
    let event_bytes = prop_oneof![0..40_usize, Just(8 << 20)];
    (event_bytes, 0..40_usize, any::<bool>()).prop_map(|(event_bytes, kept_bytes, comments)| {
        DecodeOptions {
            event_bytes,
            kept_bytes,
            comments,
        }
    })
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z :\u{feff}é]{0,12}", "\\PC{0,12}", "[ -~]{0,200}"]
}

fn event() -> impl Strategy<Value = OwnedEvent> {
    let lines = vec(
        (
            text(),
            proptest::sample::select(&["\r", "\n", "\r\n", ""][..]),
        ),
        0..5,
    )
    .prop_map(|lines| {
        lines
            .into_iter()
            .map(|(text, end)| text + end)
            .collect::<String>()
    });
    (
        proptest::option::of(text()),
        proptest::option::of(text()),
        proptest::option::of(lines),
        proptest::option::of(any::<u64>()),
    )
        .prop_map(|(id, name, data, retry)| {
            let mut event = Event::new();
            if let Some(id) = &id {
                event = event.with_id(id).expect("no control characters");
            }
            if let Some(name) = &name {
                event = event.with_event(name).expect("no control characters");
            }
            if let Some(data) = &data {
                event = event.with_data(data);
            }
            if let Some(ms) = retry {
                event = event.with_retry(ms);
            }
            event.into_owned()
        })
}

fn encode(event: Event<'_>) -> Vec<u8> {
    let mut wire = Vec::new();
    event.encode(&mut wire);
    wire
}

/// All line breaks as a reader gets them.
fn with_lf(data: &str) -> String {
    data.replace("\r\n", "\n").replace('\r', "\n")
}

/// What a page gets of an event on a stream with this last event id so far.
fn expected(event: Event<'_>, last_event_id: &mut String) -> Vec<Seen> {
    if event.has_id() {
        *last_event_id = event.id().into_owned();
    }
    let mut seen = Vec::new();
    seen.extend(event.retry().map(Seen::Retry));
    if event.has_data() {
        seen.push(Seen::Event {
            last_event_id: last_event_id.clone(),
            has_id: event.has_id(),
            event: event.event().into_owned(),
            data: with_lf(&event.data()),
            retry: event.retry(),
        });
    }
    seen
}

/// What a page could tell about an item.
fn observed(item: &Owned) -> Seen {
    match item {
        Owned::Event(event) => {
            let event = event.as_event();
            Seen::Event {
                last_event_id: event.id().into_owned(),
                has_id: event.has_id(),
                event: event.event().into_owned(),
                data: event.data().into_owned(),
                retry: event.retry(),
            }
        }
        Owned::Retry(ms) => Seen::Retry(*ms),
        Owned::Comment(text) => Seen::Comment(String::from_utf8_lossy(text).into_owned()),
        Owned::Error(
            DecodeError::EventTooLarge { offset, .. } | DecodeError::CommentTooLarge { offset, .. },
        ) => Seen::TooLarge {
            offset: usize::try_from(*offset).expect("a short stream"),
        },
        Owned::Error(error) => panic!("an unknown error: {error}"),
    }
}

fn observed_all(items: &[Owned]) -> Vec<Seen> {
    items.iter().map(observed).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn decoding_is_independent_of_chunks(
        stream in stream(),
        lengths in lengths(),
        options in options(),
    ) {
        let mut whole = Decoder::new(options);
        let mut pieces = Decoder::new(options);
        prop_assert_eq!(
            feed(&mut whole, [&stream[..]]),
            feed(&mut pieces, cut(&stream, &lengths))
        );
        prop_assert_eq!(whole.last_event_id_bytes(), pieces.last_event_id_bytes());
    }

    /// This includes that to replace what is not UTF-8 field by field, after the lines have been
    /// found, is the same as to do it with the whole stream before.
    #[test]
    fn decoding_is_what_the_standard_says(stream in stream(), lengths in lengths()) {
        let options = DecodeOptions { comments: true, ..DecodeOptions::default() };
        let reference = reference::read(&stream, usize::MAX);
        let mut decoder = Decoder::new(options);
        let items = feed(&mut decoder, cut(&stream, &lengths));
        prop_assert_eq!(observed_all(&items), reference.seen);
        prop_assert_eq!(decoder.last_event_id(), reference.last_event_id);
    }

    #[test]
    fn limits_hold_to_the_byte(
        stream in ascii_stream(),
        lengths in lengths(),
        event_bytes in 0..40_usize,
    ) {
        let options = DecodeOptions { event_bytes, comments: true, ..DecodeOptions::default() };
        let reference = reference::read(&stream, event_bytes);
        let mut decoder = Decoder::new(options);
        let items = feed(&mut decoder, cut(&stream, &lengths));
        prop_assert_eq!(observed_all(&items), reference.seen);
    }

    /// Comments that are not handed out have no limit, and otherwise make no difference.
    #[test]
    fn comments_are_ignored(stream in stream(), lengths in lengths()) {
        let with = DecodeOptions { comments: true, ..DecodeOptions::default() };
        let mut items = decode(&stream, with);
        items.retain(|item| !matches!(item, Owned::Comment(_)));
        let mut decoder = Decoder::default();
        prop_assert_eq!(feed(&mut decoder, cut(&stream, &lengths)), items);
    }

    #[test]
    fn a_reset_leaves_nothing_but_the_last_event_id(
        before in stream(),
        stream in stream(),
        lengths in lengths(),
        options in options(),
    ) {
        let mut used = Decoder::new(options);
        feed(&mut used, cut(&before, &lengths));
        used.reset();
        let mut fresh = Decoder::new(options);
        fresh.resume(used.last_event_id_bytes()).expect("it came from a stream");
        prop_assert_eq!(feed(&mut used, [&stream[..]]), feed(&mut fresh, [&stream[..]]));
        prop_assert_eq!(used.last_event_id_bytes(), fresh.last_event_id_bytes());
    }

    #[test]
    fn what_is_encoded_decodes_to_the_same(event in event(), lengths in lengths()) {
        let event = event.as_event();
        let wire = encode(event);
        let items = feed(&mut Decoder::default(), cut(&wire, &lengths));
        let mut expected = Vec::new();
        expected.extend(event.retry().map(Owned::Retry));
        if event.has_data() {
            let data = with_lf(&event.data());
            expected.push(Owned::Event(event.with_data(&data).into_owned()));
        }
        prop_assert_eq!(items, expected);
    }

    /// Whatever is in an event, it stays one event and leaves its neighbours alone.
    #[test]
    fn nothing_can_be_injected(events in vec(event(), 0..6), comment in text()) {
        let mut wire = Vec::new();
        let mut seen = Vec::new();
        let mut last_event_id = String::new();
        for event in &events {
            event.as_event().encode(&mut wire);
            tidings_core::encode_comment(&comment, &mut wire);
            seen.extend(expected(event.as_event(), &mut last_event_id));
        }
        let mut decoder = Decoder::default();
        prop_assert_eq!(observed_all(&feed(&mut decoder, [&wire[..]])), seen);
        prop_assert_eq!(decoder.last_event_id(), last_event_id);
    }

    #[test]
    fn the_length_is_known_before_and_the_parts_make_the_whole(event in event()) {
        let event = event.as_event();
        let mut parts = b"before ".to_vec();
        event.encode_id(&mut parts);
        prop_assert_eq!(parts.len(), 7 + event.encoded_id_len());
        event.encode_body(&mut parts);
        prop_assert_eq!(parts.len(), 7 + event.encoded_id_len() + event.encoded_body_len());
        let wire = encode(event);
        prop_assert_eq!(&parts[7..], &wire);
        prop_assert_eq!(event.encoded_len(), wire.len());
    }

    /// An event that was read may be sent on, with bytes that are not UTF-8 as they came.
    #[test]
    fn what_was_decoded_can_be_encoded_again(stream in stream()) {
        for item in decode(&stream, DecodeOptions::default()) {
            let Owned::Event(event) = item else { continue };
            let event = event.as_event();
            let again = decode(&encode(event), DecodeOptions::default());
            let Some(Owned::Event(again)) = again.last() else {
                panic!("no event in {again:?}");
            };
            let again = again.as_event();
            prop_assert_eq!(again.has_id(), event.has_id());
            if event.has_id() {
                prop_assert_eq!(again.id_bytes(), event.id_bytes());
            }
            prop_assert_eq!(again.event_bytes(), event.event_bytes());
            prop_assert_eq!(again.data_bytes(), event.data_bytes());
            prop_assert_eq!(again.retry(), event.retry());
        }
    }

    #[test]
    fn comments_come_back_line_by_line(text in vec(text(), 1..4)) {
        let mut wire = Vec::new();
        tidings_core::encode_comment(&text.join("\r\n"), &mut wire);
        let options = DecodeOptions { comments: true, ..DecodeOptions::default() };
        let expected: Vec<_> = text.into_iter().map(|line| Owned::Comment(line.into())).collect();
        prop_assert_eq!(decode(&wire, options), expected);
    }

    #[test]
    fn ids_and_types_that_end_a_line_are_refused(text in "[ab\r\n\0]{0,4}") {
        let breaks = text.contains(['\r', '\n']);
        prop_assert_eq!(Event::new().with_event(&text).is_err(), breaks);
        let nul = text.contains('\0');
        prop_assert_eq!(Event::new().with_id(&text).is_err(), breaks || nul);
        prop_assert_eq!(Decoder::default().resume(text.as_bytes()).is_err(), breaks || nul);
    }
}
