//! What the codec allocates: nothing once it is warm, never more than its limit, and what a huge
//! event took is given back.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;
use tidings_core::{DecodeOptions, Decoder, Event, Item};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static LIVE_BYTES: Cell<isize> = const { Cell::new(0) };
    static PEAK_BYTES: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    let live = LIVE_BYTES.get() + bytes;
    LIVE_BYTES.set(live);
    PEAK_BYTES.set(PEAK_BYTES.get().max(live));
}

#[expect(unsafe_code, reason = "an allocator cannot be written without")]
// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        count(layout.size().cast_signed());
        // SAFETY: the caller's promises are those of the system's allocator.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Reads a stream and counts its events.
fn read(decoder: &mut Decoder, stream: &[u8], chunk_bytes: usize) -> usize {
    let mut events = 0;
    for chunk in stream.chunks(chunk_bytes) {
        let mut input = chunk;
        while let Some(item) = decoder.decode(&mut input).expect("within the limit") {
            events += usize::from(matches!(black_box(item), Item::Event(_)));
        }
    }
    events
}

#[test]
fn nothing_is_allocated_once_it_is_warm() {
    let large = format!("data: {}\n\n", "x".repeat(40 << 10));
    let comments = [": keep-alive\n\n"; 100].concat() + "data: a\n: in between\ndata: b\n\n";
    let delta = "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\
                 \"delta\":{\"content\":\" token\"},\"finish_reason\":null}]}\n\n";
    let streams = [
        delta,
        "data: 12345678\n\n",
        "id: 12\nevent: update\ndata: first line\ndata: second line\n\n",
        "id: 12\r\nevent: update\r\ndata: first line\r\n\r\n",
        "id: 12\revent: update\rretry: 5\rdata: first line\r\r",
        &comments,
        &large,
    ];
    for stream in streams {
        let stream = stream.repeat(10);
        for chunk_bytes in [1, 16, 1460, stream.len()] {
            for comments in [false, true] {
                let mut decoder = Decoder::new(DecodeOptions {
                    comments,
                    ..DecodeOptions::default()
                });
                read(&mut decoder, stream.as_bytes(), chunk_bytes);
                let before = ALLOCATIONS.get();
                assert_eq!(read(&mut decoder, stream.as_bytes(), chunk_bytes), 10);
                assert_eq!(ALLOCATIONS.get(), before, "{chunk_bytes}: {stream:.40}");
                decoder.reset();
                assert_eq!(read(&mut decoder, stream.as_bytes(), chunk_bytes), 10);
                assert_eq!(ALLOCATIONS.get(), before, "after a reset: {stream:.40}");
            }
        }
    }
}

#[test]
fn data_of_one_line_is_borrowed_from_the_input() {
    for stream in [
        "data: hello\n\n",
        "\u{feff}data: hello\n\n",
        ": comment\n\nid: 7\nevent: tick\ndata: hello\n: comment\n\n",
        "event: tick\r\ndata: hello\r\nid: 7\r\n\r\n",
        "retry: 5\ndata: hello\nunknown: field\n\n",
    ] {
        let mut decoder = Decoder::default();
        let mut input = stream.as_bytes();
        let event = loop {
            match decoder.decode(&mut input) {
                Ok(Some(Item::Event(event))) => break event,
                Ok(Some(_)) => {}
                other => panic!("{other:?} of {stream}"),
            }
        };
        let within = |part: &[u8]| stream.as_bytes().as_ptr_range().contains(&part.as_ptr());
        assert!(within(event.data_bytes()), "{stream}");
        assert_eq!(
            within(event.event_bytes()),
            stream.contains("event"),
            "{stream}"
        );
    }
}

#[test]
fn text_that_is_utf_8_is_not_copied() -> Result<(), tidings_core::EventError> {
    let event = Event::message("données").with_id("7")?.with_event("tick")?;
    let before = ALLOCATIONS.get();
    black_box((event.id(), event.event(), event.data()));
    assert_eq!(ALLOCATIONS.get(), before);
    Ok(())
}

#[test]
fn an_event_is_encoded_with_one_reservation() -> Result<(), tidings_core::EventError> {
    let data = "some line of data\r\n".repeat(100);
    let event = Event::message(&data).with_id("7")?.with_event("tick")?;
    let before = ALLOCATIONS.get();
    let mut wire = Vec::new();
    event.with_retry(5).encode(&mut wire);
    assert_eq!(ALLOCATIONS.get(), before + 1);
    Ok(())
}

#[test]
fn the_memory_of_a_huge_event_is_given_back() {
    let kept_bytes = 4096;
    for field in ["data", "event", "id", "", "unknown"] {
        let before = LIVE_BYTES.get();
        let mut decoder = Decoder::new(DecodeOptions {
            kept_bytes,
            comments: true,
            ..DecodeOptions::default()
        });
        let huge = "x".repeat(4 << 20);
        let stream = format!("{field}: {huge}\ndata: a\n\nid: 2\ndata: small\n\n");
        let built = LIVE_BYTES.get();
        assert_eq!(read(&mut decoder, stream.as_bytes(), 1460), 2);
        let held = LIVE_BYTES.get() - built;
        assert!(held <= 2 * kept_bytes.cast_signed(), "{field}: {held}");
        drop((decoder, stream, huge));
        assert_eq!(LIVE_BYTES.get(), before);
    }
}

#[test]
fn a_buffer_never_grows_beyond_the_limit() {
    let event_bytes = 10_000;
    for field in ["data", "event", "id", ""] {
        let before = LIVE_BYTES.get();
        let mut decoder = Decoder::new(DecodeOptions {
            event_bytes,
            kept_bytes: usize::MAX,
            comments: true,
        });
        let stream = format!("{field}: {}", "x".repeat(event_bytes));
        let built = LIVE_BYTES.get();
        assert_eq!(read(&mut decoder, stream.as_bytes(), 700), 0);
        assert_eq!(
            LIVE_BYTES.get() - built,
            event_bytes.cast_signed(),
            "{field}"
        );
        drop((decoder, stream));
        assert_eq!(LIVE_BYTES.get(), before);
    }
}

#[test]
fn memory_stays_under_the_limit() {
    let event_bytes = 10_000;
    let fields = ["data: ", "data", "id: ", "event: ", ": ", "\n", "unknown: "];
    let value = "x".repeat(700);
    for (first, second) in fields
        .iter()
        .flat_map(|a| fields.iter().map(move |b| (a, b)))
    {
        let mut decoder = Decoder::new(DecodeOptions {
            event_bytes,
            kept_bytes: usize::MAX,
            comments: true,
        });
        let pieces = [first, &value[..], second, &value, &value, "\n"].concat();
        let before = LIVE_BYTES.get();
        PEAK_BYTES.set(before);
        for _ in 0..100 {
            let mut input = pieces.as_bytes();
            while let Ok(Some(item)) = decoder.decode(&mut input) {
                black_box(item);
            }
        }
        // Twice for the event, once for the last event id and once for a comment.
        let held = PEAK_BYTES.get() - before;
        assert!(
            held <= 4 * event_bytes.cast_signed(),
            "{first}{second}: {held}"
        );
    }
}
