//! The decoder, item by item and in batches.

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

#[test]
fn items_do_not_depend_on_how_the_stream_is_cut() {
    for size in [1, 2, 7, 1_000] {
        let decoder = decoder();
        let mut items = Vec::new();
        for chunk in STREAM.as_bytes().chunks(size) {
            let mut rest = chunk;
            loop {
                let (taken, item) = decode(decoder, rest);
                rest = &rest[taken..];
                if item.kind == tidings_item_kind::TIDINGS_ITEM_NONE as u32 {
                    break;
                }
                items.push(say(&item));
            }
            assert!(rest.is_empty());
        }
        assert_eq!(items, ITEMS, "in chunks of {size}");
        unsafe { tidings_decoder_free(decoder) };
    }
}

/// Decodes in batches; all items of one are looked at together.
fn batches(decoder: *mut tidings_decoder, chunk: &[u8], capacity: usize) -> Vec<String> {
    let mut said = Vec::new();
    let mut items = vec![zero::<tidings_item>(); capacity];
    let mut rest = chunk;
    while !rest.is_empty() {
        let mut taken = 0;
        let (data, len, place) = (rest.as_ptr().cast(), rest.len(), items.as_mut_ptr());
        let count = get(|count| unsafe {
            tidings_decoder_decode_batch(decoder, data, len, &mut taken, place, capacity, count)
        });
        assert!(taken > 0 && count <= capacity);
        said.extend(items[..count].iter().map(say));
        rest = &rest[taken..];
    }
    said
}

#[test]
fn batches_have_the_items_that_come_one_by_one() {
    for size in [1, 7, 30, 1_000] {
        for capacity in [1, 2, 64] {
            let decoder = decoder();
            let chunks = STREAM.as_bytes().chunks(size);
            let said: Vec<_> = chunks
                .flat_map(|chunk| batches(decoder, chunk, capacity))
                .collect();
            assert_eq!(said, ITEMS, "{capacity} items a batch, in chunks of {size}");
            unsafe { tidings_decoder_free(decoder) };
        }
    }
}

#[test]
fn a_batch_ends_where_its_copies_have_no_room() {
    let id = "i".repeat(3_000);
    let data = "d".repeat(700);
    let stream: String = (0..9)
        .map(|number| format!("id: {number}{id}\ndata: {number}\ndata: {data}\n\n"))
        .collect();
    let decoder = decoder();
    let said = batches(decoder, stream.as_bytes(), 64);
    unsafe { tidings_decoder_free(decoder) };
    let expected = (0..9).map(|number| {
        let id = format!("{number}{id}");
        format!("1 {id} Some({id:?}) message \"{number}\\n{data}\" None")
    });
    assert_eq!(said, expected.collect::<Vec<_>>());
}

#[test]
fn many_events_with_ids_come_in_one_batch() {
    let stream: String = (0..100)
        .map(|number| format!("id: {number}\ndata: {number}\n\n"))
        .collect();
    let decoder = decoder();
    let mut items = [zero::<tidings_item>(); 100];
    let mut taken = 0;
    let count = get(|count| unsafe {
        let (data, len) = (stream.as_ptr().cast(), stream.len());
        tidings_decoder_decode_batch(
            decoder,
            data,
            len,
            &mut taken,
            items.as_mut_ptr(),
            100,
            count,
        )
    });
    assert_eq!((count, taken), (100, stream.len()));
    unsafe { tidings_decoder_free(decoder) };
}

#[test]
fn an_error_comes_behind_the_items_before_it_and_sticks() {
    let options = tidings_decoder_options {
        event_bytes: 10,
        ..init()
    };
    let decoder = new(|place| unsafe { tidings_decoder_new(&options, place) });
    let stream = b"data: fits\n\ndata: does not fit\n\n";
    let mut items = [zero::<tidings_item>(); 4];
    let (mut taken, mut count) = (0, 0);
    let mut batch = |from: usize, taken: &mut usize, count: &mut usize| unsafe {
        let input = &stream[from..];
        let (data, len) = (input.as_ptr().cast(), input.len());
        tidings_decoder_decode_batch(decoder, data, len, taken, items.as_mut_ptr(), 4, count)
    };
    assert_eq!(batch(0, &mut taken, &mut count), TIDINGS_OK);
    assert_eq!((taken, count), (12, 1));
    for _ in 0..2 {
        assert_eq!(
            batch(12, &mut taken, &mut count),
            TIDINGS_ERR_EVENT_TOO_LARGE
        );
        assert_eq!((taken, count), (12, 1));
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
    let said = batches(decoder, b": one\n: two\ndata: x\n\n", 8);
    let expected = [
        "3  None  \"one\" None",
        "3  None  \"two\" None",
        "1  None message \"x\" None",
    ];
    assert_eq!(said, expected);
    unsafe { tidings_decoder_free(decoder) };
}
