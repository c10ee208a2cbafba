//! One event stream in a body of HTTP, whatever carries it, read with the decoder of the core.
//!
//! It does not know what should come.

use super::stream::{Received, received};
use super::wait::patiently;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Bytes};
use serde_json::Value;
use std::collections::VecDeque;
use tidings_smol::tidings_core::{DecodeOptions, Decoder};

pub(crate) struct BodyReader<B> {
    pub(crate) body: B,
    decoder: Decoder,
    waiting: VecDeque<Received>,
}

impl<B: Body<Data = Bytes> + Unpin> BodyReader<B> {
    pub(crate) fn new(body: B) -> Self {
        Self {
            body,
            decoder: Decoder::new(DecodeOptions::default()),
            waiting: VecDeque::new(),
        }
    }

    /// Takes in bytes that were read in another way.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        self.waiting.extend(received(&mut self.decoder, bytes));
    }

    /// The next event, heartbeats aside; none at an end in order.
    pub(crate) async fn next(&mut self) -> Result<Option<Received>, B::Error> {
        loop {
            if let Some(next) = self.waiting.pop_front() {
                if next.event == "heartbeat" {
                    continue;
                }
                return Ok(Some(next));
            }
            match patiently(self.body.frame()).await.transpose()? {
                Some(frame) => self.feed(frame.data_ref().expect("there are no trailers")),
                None => return Ok(None),
            }
        }
    }

    /// The next event, which must be of this type.
    pub(crate) async fn expect(&mut self, event: &str) -> Received {
        let Ok(next) = self.next().await else {
            panic!("the stream is cut instead of {event}")
        };
        let next = next.unwrap_or_else(|| panic!("the stream ends instead of {event}"));
        assert_eq!(next.event, event, "{next:?}");
        next
    }

    /// What `connected` says.
    pub(crate) async fn connected(&mut self) -> Value {
        self.expect("connected").await.json()
    }

    /// The data of the next event, which must be a message.
    pub(crate) async fn message(&mut self) -> String {
        self.expect("message").await.data
    }

    /// Expects an end in order, and nothing before it.
    pub(crate) async fn expect_end(&mut self) {
        let Ok(next) = self.next().await else {
            panic!("the stream is cut")
        };
        assert_eq!(next, None, "nothing follows");
    }
}
