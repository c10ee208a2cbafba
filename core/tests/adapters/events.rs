//! Events out of readers that give what they have in pieces, late, or not at all.

use crate::runtimes::Runtime;
use crate::support::{poll_once, yield_now};
use futures::AsyncRead;
use futures::channel::oneshot;
use futures::io;
use futures::stream::{FusedStream as _, StreamExt as _, TryStreamExt as _};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use tidings_core::adapters::{EventStream, OwnedItem, ReadError, ReadOptions};
use tidings_core::{DecodeError, DecodeOptions, Decoder};

const STREAM: &str = "\u{feff}: hello\r\nretry: 250\rid: 1\ndata: a\r\n\r\n\
    event: tick\ndata: b\ndata: \u{e4}\u{20ac}\n\nid: 2\n\ndata\n\ndata: unfinished\nid: 3\n";

/// What a reader does, one step a poll.
enum Step {
    Bytes(Vec<u8>),
    /// Nothing yet: it wakes the task later.
    Later,
    Error(io::ErrorKind),
}

/// A reader with a script, at whose end the stream ends.
struct Scripted {
    steps: std::vec::IntoIter<Step>,
    /// What a read had no room for.
    rest: Vec<u8>,
}

impl Scripted {
    fn new(steps: Vec<Step>) -> Self {
        Self {
            steps: steps.into_iter(),
            rest: Vec::new(),
        }
    }

    /// Chunks of these lengths over and over, each after a while.
    fn cut(stream: &str, lengths: &[usize]) -> Self {
        let (mut rest, mut steps) = (stream.as_bytes(), Vec::new());
        for len in lengths.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, following) = rest.split_at((*len).min(rest.len()));
            steps.extend([Step::Later, Step::Bytes(chunk.to_vec())]);
            rest = following;
        }
        Self::new(steps)
    }
}

impl AsyncRead for Scripted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        if self.rest.is_empty() {
            match self.steps.next() {
                Some(Step::Bytes(bytes)) => self.rest = bytes,
                Some(Step::Later) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
                Some(Step::Error(kind)) => return Poll::Ready(Err(kind.into())),
                None => return Poll::Ready(Ok(0)),
            }
        }
        let len = buffer.len().min(self.rest.len());
        buffer[..len].copy_from_slice(&self.rest[..len]);
        self.rest.drain(..len);
        Poll::Ready(Ok(len))
    }
}

/// A reader that always has another comment.
struct Endless;

impl AsyncRead for Endless {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        buffer.fill(b':');
        if let Some(last) = buffer.last_mut() {
            *last = b'\n';
        }
        Poll::Ready(Ok(buffer.len()))
    }
}

fn with_comments(event_bytes: usize, buffer_bytes: usize) -> ReadOptions {
    ReadOptions {
        decode: DecodeOptions {
            event_bytes,
            comments: true,
            ..DecodeOptions::default()
        },
        buffer_bytes,
    }
}

/// What the decoder makes of a whole stream.
fn decoded(stream: &str) -> Vec<OwnedItem> {
    let mut decoder = Decoder::new(with_comments(1_000, 1).decode);
    let (mut input, mut items) = (stream.as_bytes(), Vec::new());
    while let Some(item) = decoder.decode(&mut input).expect("it is short") {
        items.push(OwnedItem::from(item));
    }
    items
}

pub(crate) async fn events_come_whole_from_any_chunks(_: &impl Runtime) {
    let expected = decoded(STREAM);
    assert_eq!(expected.len(), 5, "a comment, a retry, three events");
    for lengths in [&[1][..], &[2, 1, 7], &[3], &[64], &[5, 11], &[1_000]] {
        for buffer_bytes in [0, 1, 2, 13, 1_000] {
            let reader = Scripted::cut(STREAM, lengths);
            let events = EventStream::with_options(reader, with_comments(1_000, buffer_bytes));
            let mut items = events.into_items();
            let seen: Vec<_> = items.by_ref().try_collect().await.expect("nothing fails");
            assert_eq!(seen, expected, "{lengths:?} in {buffer_bytes}");
            assert!(items.is_terminated());
            assert_eq!(items.events().last_event_id(), "2", "3 never ended");

            let reader = Scripted::cut(STREAM, lengths);
            let mut events = EventStream::with_options(reader, with_comments(1_000, buffer_bytes));
            let seen: Vec<_> = events.by_ref().try_collect().await.expect("nothing fails");
            let seen: Vec<_> = seen.into_iter().map(OwnedItem::Event).collect();
            assert_eq!(seen, expected[2..]);
            assert_eq!(events.retry_ms(), Some(250));
        }
    }
}

pub(crate) async fn a_dropped_future_loses_nothing(_: &impl Runtime) {
    let mut events = EventStream::new(Scripted::cut(STREAM, &[1, 2]));
    let (mut seen, mut dropped) = (Vec::new(), 0);
    loop {
        // A future of its own for every poll.
        match poll_once(&mut events.next()).await {
            Poll::Ready(Some(event)) => seen.push(OwnedItem::Event(event.expect("it is whole"))),
            Poll::Ready(None) => break,
            Poll::Pending => dropped += 1,
        }
        yield_now().await;
    }
    assert!(dropped > STREAM.len() / 2);
    assert_eq!(seen, decoded(STREAM)[2..]);
}

pub(crate) async fn an_event_over_the_limit_ends_the_stream(_: &impl Runtime) {
    let stream = "data: short\n\ndata: 123456789\n\ndata: more\n\n";
    for lengths in [&[1][..], &[1_000]] {
        let reader = Scripted::cut(stream, lengths);
        let mut events = EventStream::with_options(reader, with_comments(8, 64));
        let first = events.next().await.expect("an event").expect("no error");
        assert_eq!(first.as_event().data(), "short");
        let error = events
            .next()
            .await
            .expect("an error")
            .expect_err("an error");
        let failure = DecodeError::EventTooLarge {
            limit_bytes: 8,
            offset: 27,
        };
        assert!(matches!(error, ReadError::Decode(error) if error == failure));
        assert!(error.to_string().contains("over the limit of 8 bytes"));
        // It sticks: what follows is not read, however often it is asked for.
        assert!(events.is_terminated());
        for _ in 0..3 {
            assert!(events.next().await.is_none());
            assert_eq!(events.failure(), Some(failure));
        }
    }
}

pub(crate) async fn an_error_of_the_reader_comes_after_what_was_read(_: &impl Runtime) {
    let mut events = EventStream::new(Scripted::new(vec![
        Step::Bytes(b"data: a\n\ndata: b".to_vec()),
        Step::Error(io::ErrorKind::Interrupted),
        Step::Bytes(b"\n\ndata: c\n".to_vec()),
        Step::Error(io::ErrorKind::ConnectionReset),
        Step::Bytes(b"\ndata: d\n\n".to_vec()),
    ]));
    for expected in ["a", "b"] {
        let event = events.next().await.expect("an event").expect("no error");
        assert_eq!(event.as_event().data(), expected);
    }
    let error = events
        .next()
        .await
        .expect("an error")
        .expect_err("an error");
    assert!(
        matches!(error, ReadError::Io(error) if error.kind() == io::ErrorKind::ConnectionReset)
    );
    assert!(
        events.next().await.is_none(),
        "a reader that failed is not read"
    );
    assert_eq!(events.failure(), None, "no limit was exceeded");
}

pub(crate) async fn items_have_retries_and_comments(_: &impl Runtime) {
    let stream = ": one\nretry: 7\n:two\ndata: a\nretry: 8\n\n";
    let events = EventStream::with_options(stream.as_bytes(), with_comments(100, 100));
    let mut items = events.into_items();
    for expected in [
        OwnedItem::Comment(b"one".to_vec()),
        OwnedItem::Retry(7),
        OwnedItem::Comment(b"two".to_vec()),
        OwnedItem::Retry(8),
    ] {
        let item = items.next().await.expect("an item").expect("no error");
        assert_eq!(item, expected);
    }
    assert_eq!(items.events().retry_ms(), Some(8));
    let mut events = items.into_events();
    let event = events.next().await.expect("an event").expect("no error");
    assert_eq!(
        (&*event.as_event().data(), event.as_event().retry()),
        ("a", Some(8))
    );

    let quiet = EventStream::new(stream.as_bytes()).into_items();
    let items: Vec<_> = quiet.try_collect().await.expect("no error");
    assert_eq!(items.len(), 3, "comments come to those who ask: {items:?}");
}

pub(crate) async fn a_reconnect_goes_on_with_the_last_event_id(_: &impl Runtime) {
    let mut events = EventStream::new(Scripted::cut("id: 1\ndata: a\n\nid: 2\ndata: b\n", &[4]));
    let first = events.next().await.expect("an event").expect("no error");
    assert_eq!(first.as_event().id(), "1");
    assert!(events.next().await.is_none());

    let again = Scripted::cut("data: c\n\n", &[4]);
    Pin::new(&mut events).reconnect(again);
    let second = events.next().await.expect("an event").expect("no error");
    let second = second.as_event();
    assert_eq!(
        (&*second.data(), &*second.id(), second.has_id()),
        ("c", "1", false)
    );

    Pin::new(&mut events).reconnect(Scripted::new(vec![Step::Error(io::ErrorKind::TimedOut)]));
    assert!(events.next().await.expect("an error").is_err());
    Pin::new(&mut events).reconnect(Scripted::cut("data: d\n\n", &[4]));
    let third = events.next().await.expect("an event").expect("no error");
    assert_eq!(
        third.as_event().data(),
        "d",
        "an error ends one reader only"
    );
}

pub(crate) async fn a_reader_that_is_always_ready_lets_others_run(runtime: &impl Runtime) {
    struct Count(AtomicUsize);
    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    let mut events = EventStream::new(Endless);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(count.clone());
    let polled = events.poll_next_unpin(&mut Context::from_waker(&waker));
    assert!(polled.is_pending());
    assert_eq!(count.0.load(Ordering::Relaxed), 1, "it wants to go on");

    let (done, others) = oneshot::channel();
    runtime.spawn(async move {
        let _ = done.send(());
    });
    let ended = futures::future::select(events.next(), others).await;
    assert!(matches!(ended, futures::future::Either::Right((Ok(()), _))));
}
