//! The encoders, all behind one face: each is given events as it likes to have them, before time
//! is taken, and turns them into bytes.
//!
//! It does not know time.

use super::inputs::Sample;
use axum::response::IntoResponse as _;
use bytes::BytesMut;
use futures_util::stream;
use http_body_util::BodyExt as _;
use std::convert::Infallible;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use tidings_core::Event;
use tokio_util::codec::Encoder as _;

/// Events encoded in one go.
pub(crate) const BATCH: usize = 256;

pub(crate) trait Encode {
    const NAME: &'static str;
    type Prepared<'a>;

    fn prepare(sample: &Sample) -> Self::Prepared<'_>;

    /// Encodes each event, and hands out its bytes.
    ///
    /// # Panics
    /// Where the encoder takes an event for invalid, which none of the samples is.
    fn encode(events: Vec<Self::Prepared<'_>>, visit: impl FnMut(&[u8]));
}

/// Into a buffer that is there, as the hub does.
pub(crate) struct Tidings;
/// Into a buffer of its own for each event.
pub(crate) struct TidingsAlone;
pub(crate) struct SseStream;
pub(crate) struct Russe;
pub(crate) struct Axum;

const VALID: &str = "the samples are valid events";

impl Encode for Tidings {
    const NAME: &'static str = "tidings";
    type Prepared<'a> = Event<'a>;

    fn prepare(sample: &Sample) -> Event<'_> {
        sample.as_event()
    }

    fn encode(events: Vec<Event<'_>>, mut visit: impl FnMut(&[u8])) {
        let mut out = Vec::new();
        for event in events {
            out.clear();
            event.encode(&mut out);
            visit(&out);
        }
    }
}

impl Encode for TidingsAlone {
    const NAME: &'static str = "tidings, a new buffer each";
    type Prepared<'a> = Event<'a>;

    fn prepare(sample: &Sample) -> Event<'_> {
        sample.as_event()
    }

    fn encode(events: Vec<Event<'_>>, mut visit: impl FnMut(&[u8])) {
        for event in events {
            let mut out = Vec::new();
            event.encode(&mut out);
            visit(&out);
        }
    }
}

impl Encode for SseStream {
    const NAME: &'static str = "sse-stream";
    type Prepared<'a> = sse_stream::Sse;

    fn prepare(sample: &Sample) -> sse_stream::Sse {
        sse_stream::Sse {
            id: sample.id.clone(),
            event: sample.event.clone(),
            data: Some(sample.data.clone()),
            retry: None,
        }
    }

    fn encode(events: Vec<sse_stream::Sse>, mut visit: impl FnMut(&[u8])) {
        for event in events {
            visit(&event.encode().expect(VALID));
        }
    }
}

impl Encode for Russe {
    const NAME: &'static str = "russe";
    type Prepared<'a> = russe::Event;

    fn prepare(sample: &Sample) -> russe::Event {
        russe::Event::Message(russe::Message {
            id: sample.id.as_deref().map(Into::into),
            event: sample.event.as_deref().map(Into::into),
            data: sample.data.as_str().into(),
            retry: None,
        })
    }

    fn encode(events: Vec<russe::Event>, mut visit: impl FnMut(&[u8])) {
        let (mut encoder, mut out) = (russe::Encoder::default(), BytesMut::new());
        for event in events {
            out.clear();
            encoder.encode(event, &mut out).expect(VALID);
            visit(&out);
        }
    }
}

impl Encode for Axum {
    const NAME: &'static str = "axum";
    type Prepared<'a> = &'a Sample;

    // Its events are encoded as they are built.
    fn prepare(sample: &Sample) -> &Sample {
        sample
    }

    fn encode(samples: Vec<&Sample>, mut visit: impl FnMut(&[u8])) {
        let events: Vec<_> = samples.into_iter().map(axum_event).collect();
        let events = stream::iter(events.into_iter().map(Ok::<_, Infallible>));
        let mut body = axum::response::Sse::new(events).into_response().into_body();
        let mut context = Context::from_waker(Waker::noop());
        loop {
            let mut frame = pin!(body.frame());
            match frame.as_mut().poll(&mut context) {
                Poll::Ready(Some(frame)) => {
                    visit(&frame.expect(VALID).into_data().unwrap_or_default());
                }
                Poll::Ready(None) | Poll::Pending => return,
            }
        }
    }
}

fn axum_event(sample: &Sample) -> axum::response::sse::Event {
    let mut event = axum::response::sse::Event::default();
    if let Some(id) = &sample.id {
        event = event.id(id);
    }
    if let Some(name) = &sample.event {
        event = event.event(name);
    }
    event.data(&sample.data)
}
