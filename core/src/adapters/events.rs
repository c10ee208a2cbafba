//! Events out of anything that can be read asynchronously.
//!
//! It does not know where the bytes come from, nor when to connect again; [`Client`](crate::Client)
//! does.

use crate::{DecodeError, DecodeOptions, Decoder, Item, OwnedEvent};
use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use futures::stream::{FusedStream, Stream};
use futures::{AsyncRead, io};
use pin_project::pin_project;

/// Reads of one poll, after which other tasks have their turn: a source that is always ready and
/// sends nothing but comments must not keep the executor.
const READS_PER_POLL: usize = 64;

/// How an [`EventStream`] reads.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// The limits of decoding, and whether there are comments among the
    /// [items](EventStream::into_items).
    pub decode: DecodeOptions,
    /// Bytes asked for in one read, and the size of the only buffer beside the decoder's. Default
    /// 16 KiB: what TLS sends as one record. 0 counts as 1.
    pub buffer_bytes: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            decode: DecodeOptions::default(),
            buffer_bytes: 16 << 10,
        }
    }
}

/// Why a stream of events breaks off.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The bytes cannot be read.
    Io(io::Error),
    /// An event or comment is over its limit.
    Decode(DecodeError),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the stream cannot be read: {error}"),
            Self::Decode(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Decode(error) => Some(error),
        }
    }
}

/// Anything that is found in a stream: an [`Item`] with bytes of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OwnedItem {
    /// See [`Item::Event`].
    Event(OwnedEvent),
    /// See [`Item::Retry`].
    Retry(u64),
    /// See [`Item::Comment`].
    Comment(Vec<u8>),
}

impl From<Item<'_>> for OwnedItem {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Event(event) => Self::Event(event.into_owned()),
            Item::Retry(ms) => Self::Retry(ms),
            Item::Comment(text) => Self::Comment(text.into()),
        }
    }
}

/// The events of a reader of bytes, as a [`Stream`].
///
/// It ends where the reader does; an event that has not ended by then is dropped, as the standard
/// says. It also ends after an error, which comes once: nothing more is read, and whoever collects
/// what comes does so in bounded memory. A limit that was exceeded stays known as
/// [`failure`](Self::failure).
///
/// Between two polls nothing is on its way: a future of the next event can be dropped, and another
/// be made, and nothing is lost.
///
/// ```
/// use futures::{StreamExt as _, executor::block_on};
/// use tidings_core::adapters::EventStream;
///
/// let body = &b"retry: 5000\nid: 7\ndata: hello\n\ndata: world\n\ndata: unfinish"[..];
/// let mut events = EventStream::new(body);
/// block_on(async {
///     let mut seen = Vec::new();
///     while let Some(event) = events.next().await {
///         seen.push(event?.as_event().data().into_owned());
///     }
///     assert_eq!(seen, ["hello", "world"]);
///     Ok::<_, tidings_core::adapters::ReadError>(())
/// })?;
/// assert_eq!((&*events.last_event_id(), events.retry_ms()), ("7", Some(5_000)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[pin_project]
#[derive(Debug)]
pub struct EventStream<R> {
    #[pin]
    reader: R,
    decoder: Decoder,
    retry_ms: Option<u64>,
    buffer: Box<[u8]>,
    /// What of the buffer is still to be decoded.
    unread: Range<usize>,
    failure: Option<DecodeError>,
    ended: bool,
}

impl<R> EventStream<R> {
    /// The events of `reader`, with default limits.
    #[must_use]
    pub fn new(reader: R) -> Self {
        Self::with_options(reader, ReadOptions::default())
    }

    /// The events of `reader`.
    #[must_use]
    pub fn with_options(reader: R, options: ReadOptions) -> Self {
        Self {
            reader,
            decoder: Decoder::new(options.decode),
            retry_ms: None,
            buffer: vec![0; options.buffer_bytes.max(1)].into(),
            unread: 0..0,
            failure: None,
            ended: false,
        }
    }

    /// Goes on with another reader, after a reconnect. What was incomplete is dropped; the last
    /// event id stays, and is what the request had to send as `Last-Event-ID`.
    pub fn reconnect(self: Pin<&mut Self>, reader: R) {
        let mut this = self.project();
        this.reader.set(reader);
        this.decoder.reset();
        *this.unread = 0..0;
        (*this.failure, *this.ended) = (None, false);
    }

    /// The last event id: see [`Decoder::last_event_id`].
    #[must_use]
    pub fn last_event_id(&self) -> Cow<'_, str> {
        self.decoder.last_event_id()
    }

    /// How long to wait before a reconnect, in milliseconds, where the stream has said so.
    #[must_use]
    pub const fn retry_ms(&self) -> Option<u64> {
        self.retry_ms
    }

    /// The limit that was exceeded, if that is why the stream has ended.
    #[must_use]
    pub const fn failure(&self) -> Option<DecodeError> {
        self.failure
    }

    /// The reader.
    #[must_use]
    pub const fn reader(&self) -> &R {
        &self.reader
    }

    /// Everything that is found: events, and in their places each `retry` and, where
    /// [`DecodeOptions::comments`] is on, comments.
    ///
    /// ```
    /// use futures::{TryStreamExt as _, executor::block_on};
    /// use tidings_core::adapters::{EventStream, OwnedItem};
    ///
    /// let items = EventStream::new(&b"retry: 5000\ndata: hello\n\n"[..]).into_items();
    /// let items: Vec<_> = block_on(items.try_collect())?;
    /// assert_eq!(items[0], OwnedItem::Retry(5_000));
    /// assert!(matches!(&items[1], OwnedItem::Event(event) if event.as_event().data() == "hello"));
    /// # Ok::<(), tidings_core::adapters::ReadError>(())
    /// ```
    #[must_use]
    pub const fn into_items(self) -> ItemStream<R> {
        ItemStream { events: self }
    }
}

impl<R: AsyncRead> EventStream<R> {
    /// Decodes and reads up to the next thing that `keep` makes something of.
    fn poll_kept<T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut keep: impl FnMut(Item<'_>) -> Option<T>,
    ) -> Poll<Option<Result<T, ReadError>>> {
        let mut this = self.project();
        for _ in 0..READS_PER_POLL {
            // Nothing is left to be decoded then.
            if *this.ended {
                return Poll::Ready(None);
            }
            let mut input = &this.buffer[this.unread.clone()];
            loop {
                let item = match this.decoder.decode(&mut input) {
                    Ok(Some(item)) => item,
                    Ok(None) => break,
                    Err(error) => {
                        (*this.failure, *this.ended) = (Some(error), true);
                        *this.unread = 0..0;
                        return Poll::Ready(Some(Err(ReadError::Decode(error))));
                    }
                };
                this.unread.start = this.unread.end - input.len();
                if let Item::Retry(ms) = item {
                    *this.retry_ms = Some(ms);
                }
                if let Some(kept) = keep(item) {
                    return Poll::Ready(Some(Ok(kept)));
                }
            }
            *this.unread = 0..0;
            match ready!(this.reader.as_mut().poll_read(cx, this.buffer)) {
                Ok(0) => *this.ended = true,
                Ok(len) => *this.unread = 0..len.min(this.buffer.len()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    *this.ended = true;
                    return Poll::Ready(Some(Err(ReadError::Io(error))));
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<R: AsyncRead> Stream for EventStream<R> {
    type Item = Result<OwnedEvent, ReadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_kept(cx, |item| match item {
            Item::Event(event) => Some(event.into_owned()),
            Item::Retry(_) | Item::Comment(_) => None,
        })
    }
}

impl<R: AsyncRead> FusedStream for EventStream<R> {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

/// Everything that is found in a stream, made by [`EventStream::into_items`].
#[pin_project]
#[derive(Debug)]
pub struct ItemStream<R> {
    #[pin]
    events: EventStream<R>,
}

impl<R> ItemStream<R> {
    /// The stream of events, to ask for its last event id.
    #[must_use]
    pub const fn events(&self) -> &EventStream<R> {
        &self.events
    }

    /// Goes on with the events alone.
    #[must_use]
    pub fn into_events(self) -> EventStream<R> {
        self.events
    }
}

impl<R: AsyncRead> Stream for ItemStream<R> {
    type Item = Result<OwnedItem, ReadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let events = self.project().events;
        events.poll_kept(cx, |item| Some(item.into()))
    }
}

impl<R: AsyncRead> FusedStream for ItemStream<R> {
    fn is_terminated(&self) -> bool {
        self.events.is_terminated()
    }
}
