//! The decoders, all behind one face: each hands every event of a stream to a visitor.
//!
//! It does not know time. Peers that are streams themselves are fed from memory and never wait.

use super::inputs::Input;
use bytes::BytesMut;
use eventsource_stream::EventStream;
use futures_util::stream::{self, Stream};
use sse_stream::SseByteStream;
use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tidings_core::{Decoder, Item};
use tokio_util::codec::Decoder as _;

/// What every decoder tells of an event; a type of `message` may be left out.
pub(crate) struct Seen<'a> {
    pub(crate) id: &'a [u8],
    pub(crate) event: Option<&'a [u8]>,
    pub(crate) data: &'a [u8],
}

pub(crate) trait Decode {
    const NAME: &'static str;

    /// Decodes a stream, chunk by chunk.
    ///
    /// # Panics
    /// Where the decoder takes the stream for invalid, which none of the inputs is.
    fn decode(input: &Input, visit: impl FnMut(Seen<'_>));
}

pub(crate) struct Tidings;
pub(crate) struct SseCore;
pub(crate) struct SseStream;
pub(crate) struct EventsourceStream;
pub(crate) struct Russe;

const VALID: &str = "the inputs are valid streams";

impl Decode for Tidings {
    const NAME: &'static str = "tidings";

    fn decode(input: &Input, mut visit: impl FnMut(Seen<'_>)) {
        let mut decoder = Decoder::default();
        for mut chunk in input.chunks() {
            while let Some(item) = decoder.decode(&mut chunk).expect(VALID) {
                if let Item::Event(event) = item {
                    visit(Seen {
                        id: event.id_bytes(),
                        event: Some(event.event_bytes()),
                        data: event.data_bytes(),
                    });
                }
            }
        }
    }
}

impl Decode for SseCore {
    const NAME: &'static str = "sse-core";

    fn decode(input: &Input, mut visit: impl FnMut(Seen<'_>)) {
        let mut decoder = sse_core::SseDecoder::new();
        for mut chunk in input.chunks() {
            while let Some(item) = decoder.next(&mut chunk) {
                if let sse_core::SseEvent::Message(event) = item.expect(VALID) {
                    visit(Seen {
                        id: event
                            .last_event_id
                            .as_deref()
                            .unwrap_or_default()
                            .as_bytes(),
                        event: Some(event.event.as_bytes()),
                        data: event.data.as_bytes(),
                    });
                }
            }
        }
    }
}

impl Decode for SseStream {
    const NAME: &'static str = "sse-stream";

    fn decode(input: &Input, mut visit: impl FnMut(Seen<'_>)) {
        let events = SseByteStream::new(stream::iter(input.chunks().map(Ok::<_, Infallible>)));
        drain(events, |event| {
            let event = event.expect(VALID);
            if let Some(data) = &event.data {
                visit(Seen {
                    id: event.id.as_deref().unwrap_or_default().as_bytes(),
                    event: event.event.as_deref().map(str::as_bytes),
                    data: data.as_bytes(),
                });
            }
        });
    }
}

impl Decode for EventsourceStream {
    const NAME: &'static str = "eventsource-stream";

    fn decode(input: &Input, mut visit: impl FnMut(Seen<'_>)) {
        let events = EventStream::new(stream::iter(input.chunks().map(Ok::<_, Infallible>)));
        drain(events, |event| {
            let event = event.expect(VALID);
            visit(Seen {
                id: event.id.as_bytes(),
                event: Some(event.event.as_bytes()),
                data: event.data.as_bytes(),
            });
        });
    }
}

impl Decode for Russe {
    const NAME: &'static str = "russe";

    fn decode(input: &Input, mut visit: impl FnMut(Seen<'_>)) {
        let (mut decoder, mut buffer) = (russe::Decoder::default(), BytesMut::new());
        for chunk in input.chunks() {
            buffer.extend_from_slice(chunk);
            while let Some(event) = decoder.decode(&mut buffer).expect(VALID) {
                if let russe::Event::Message(event) = event {
                    visit(Seen {
                        id: event.id.as_deref().unwrap_or_default().as_bytes(),
                        event: event.event.as_deref().map(str::as_bytes),
                        data: event.data.as_bytes(),
                    });
                }
            }
        }
    }
}

/// Takes everything out of a stream that never waits.
fn drain<S: Stream>(stream: S, mut visit: impl FnMut(S::Item)) {
    let (mut stream, mut context) = (pin!(stream), Context::from_waker(Waker::noop()));
    while let Poll::Ready(Some(item)) = stream.as_mut().poll_next(&mut context) {
        visit(item);
    }
}
