//! The decoder, item by item.

use super::*;
use tidings_status::*;

const STREAM: &str = "retry: 5\n\nid: 1\nevent: a\ndata: one line\n\n: skipped\ndata: two\ndata: lines\n\n\
                      id: 2\n\ndata\n\nid: 3\ndata: x\n\nid\ndata: last\n\n";

/// An item, written down.
fn say(item: &tidings_item) -> String {
    let event = &item.event;
    let retry = (event.flags & TIDINGS_EVENT_RETRY != 0).then_some(event.retry_ms);
    let id = (!event.id.data.is_null()).then(|| text(event.id));
    let (last, kind, data) = (
        text(item.last_event_id),
        text(event.event),
        text(event.data),
    );
    format!("{} {last} {id:?} {kind} {data:?} {retry:?}", item.kind)
}

const ITEMS: [&str; 6] = [
    "2  None  \"\" Some(5)",
    "1 1 Some(\"1\") a \"one line\" None",
    "1 1 None message \"two\\nlines\" None",
    "1 2 None message \"\" None",
    "1 3 Some(\"3\") message \"x\" None",
    "1  Some(\"\") message \"last\" None",
];

fn decoder() -> *mut tidings_decoder {
    new(|place| unsafe { tidings_decoder_new(ptr::null(), place) })
}

fn decode(decoder: *mut tidings_decoder, input: &[u8]) -> (usize, tidings_item) {
    let mut taken = 0;
    let (data, len) = (input.as_ptr().cast(), input.len());
    let item =
        get(|place| unsafe { tidings_decoder_decode(decoder, data, len, &mut taken, place) });
    (taken, item)
}

/// All items that the bytes complete, written down.
fn all(decoder: *mut tidings_decoder, chunk: &[u8]) -> Vec<String> {
    let mut said = Vec::new();
    let mut rest = chunk;
    loop {
        let (taken, item) = decode(decoder, rest);
        rest = &rest[taken..];
        if item.kind == tidings_item_kind::TIDINGS_ITEM_NONE as u32 {
            assert!(rest.is_empty());
            return said;
        }
        said.push(say(&item));
    }
}

#[test]
fn items_do_not_depend_on_how_the_stream_is_cut() {
    for size in [1, 2, 7, 1_000] {
        let decoder = decoder();
        let mut items = Vec::new();
        for chunk in STREAM.as_bytes().chunks(size) {
            items.extend(all(decoder, chunk));
        }
        assert_eq!(items, ITEMS, "in chunks of {size}");
        unsafe { tidings_decoder_free(decoder) };
    }
}

#[test]
fn an_error_comes_behind_the_items_before_it_and_sticks() {
    let options = tidings_decoder_options {
        event_bytes: 10,
        ..init()
    };
    let decoder = new(|place| unsafe { tidings_decoder_new(&options, place) });
    let stream = b"data: fits\n\ndata: does not fit\n\n";
    assert_eq!(decode(decoder, stream).0, 12);
    let (rest, mut taken) = (&stream[12..], 7);
    let (data, len) = (rest.as_ptr().cast(), rest.len());
    for _ in 0..2 {
        let mut item = zero();
        assert_eq!(
            unsafe { tidings_decoder_decode(decoder, data, len, &mut taken, &mut item) },
            TIDINGS_ERR_EVENT_TOO_LARGE
        );
        assert_eq!((taken, item.kind), (7, 0));
    }
    let why = text(get(|place| unsafe {
        tidings_decoder_error(decoder, place)
    }));
    assert!(
        why.contains("at byte 28") && why.contains("10 bytes"),
        "{why}"
    );

    assert_eq!(unsafe { tidings_decoder_reset(decoder) }, TIDINGS_OK);
    assert_eq!(decode(decoder, b"data: again\n\n").1.kind, 1);
    unsafe { tidings_decoder_free(decoder) };
}

#[test]
fn a_stream_is_resumed() {
    let decoder = decoder();
    let last = || {
        text(get(|place| unsafe {
            tidings_decoder_last_event_id(decoder, place)
        }))
    };
    assert_eq!(last(), "");
    decode(decoder, b"id: 7\ndata\n\n");
    assert_eq!(last(), "7");
    assert_eq!(
        unsafe { tidings_decoder_resume(decoder, of("a\0b")) },
        TIDINGS_ERR_ID_NUL
    );
    assert_eq!(last(), "7");
    assert_eq!(
        unsafe { tidings_decoder_resume(decoder, of("9")) },
        TIDINGS_OK
    );
    let (_, item) = decode(decoder, b"data: x\n\n");
    assert_eq!(say(&item), "1 9 None message \"x\" None");
    unsafe { tidings_decoder_free(decoder) };
}

#[test]
fn comments_come_where_they_are_asked_for() {
    let options = tidings_decoder_options {
        flags: TIDINGS_DECODER_COMMENTS,
        ..init()
    };
    let decoder = new(|place| unsafe { tidings_decoder_new(&options, place) });
    let said = all(decoder, b": one\n: two\ndata: x\n\n");
    let expected = [
        "3  None  \"one\" None",
        "3  None  \"two\" None",
        "1  None message \"x\" None",
    ];
    assert_eq!(said, expected);
    unsafe { tidings_decoder_free(decoder) };
}
