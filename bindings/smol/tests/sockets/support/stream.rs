//! One event stream, read with the decoder of the core.
//!
//! It does not know what should come.

use super::http::{Client, header};
use serde_json::Value;
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use tidings_smol::tidings_core::{DecodeOptions, Decoder, Item};

pub(crate) struct Stream {
    pub(crate) client: Client,
    pub(crate) head: String,
    decoder: Decoder,
    waiting: VecDeque<Received>,
    /// For the message of a failure.
    seen: Vec<Received>,
    ended: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) event: String,
    pub(crate) data: String,
    pub(crate) id: String,
    pub(crate) retry: Option<u64>,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    pub(crate) fn is_message(&self) -> bool {
        self.event == "message"
    }
}

impl Stream {
    /// Opens a stream; an empty id is none.
    pub(crate) fn open(address: SocketAddr, query: &str, last_event_id: &str) -> Self {
        Self::on(Client::connect(address), query, last_event_id)
    }

    /// Opens a stream on a connection that is there.
    pub(crate) fn on(mut client: Client, query: &str, last_event_id: &str) -> Self {
        let mut request = client.bytes_of("GET", &format!("/events?{query}"), "");
        if !last_event_id.is_empty() {
            request.truncate(request.len() - 2);
            request += &format!("last-event-id: {last_event_id}\r\n\r\n");
        }
        client.send(request);
        Self::of(client)
    }

    /// Reads the head of a stream that was asked for.
    pub(crate) fn of(mut client: Client) -> Self {
        let head = client.head();
        if !head.starts_with("HTTP/1.1 200 ") {
            let rest = client.rest();
            panic!("a stream: {head} {}", String::from_utf8_lossy(&rest));
        }
        assert_eq!(header(&head, "content-type"), Some("text/event-stream"));
        let mut stream = Self {
            client,
            head,
            decoder: Decoder::new(DecodeOptions::default()),
            waiting: VecDeque::new(),
            seen: Vec::new(),
            ended: false,
        };
        stream.decode();
        stream
    }

    /// The next event, heartbeats aside.
    pub(crate) fn next(&mut self) -> Received {
        loop {
            let next = self.next_of_any_kind();
            if next.event != "heartbeat" {
                return next;
            }
        }
    }

    /// The next event of this type, which must be the next.
    pub(crate) fn expect(&mut self, event: &str) -> Received {
        let next = self.next();
        assert_eq!(next.event, event, "{next:?} after {:?}", self.seen);
        next
    }

    /// What `connected` says.
    pub(crate) fn connected(&mut self) -> Value {
        self.expect("connected").json()
    }

    /// The data of the next events, which must be messages.
    pub(crate) fn messages(&mut self, count: usize) -> Vec<String> {
        let messages = (0..count).map(|_| self.expect("message").data);
        messages.collect()
    }

    /// The next event.
    pub(crate) fn next_of_any_kind(&mut self) -> Received {
        loop {
            if let Some(next) = self.waiting.pop_front() {
                self.seen.push(next.clone());
                return next;
            }
            assert!(
                self.read(),
                "the stream ended; before that: {:?}",
                self.seen
            );
        }
    }

    /// Reads to an orderly end, and hands out what came, heartbeats aside.
    pub(crate) fn rest(&mut self) -> Vec<Received> {
        while self.read() {}
        let mut rest: Vec<_> = self.waiting.drain(..).collect();
        rest.retain(|one| one.event != "heartbeat");
        rest
    }

    /// Reads to the end, orderly or not, and hands out what came and how it ended.
    pub(crate) fn rest_and_end(&mut self) -> (Vec<Received>, io::Result<()>) {
        use std::io::Read as _;
        let mut bytes = [0; 16_384];
        let end = loop {
            match self.client.socket.read(&mut bytes) {
                Ok(0) => break Ok(()),
                Ok(read) => self.feed(&bytes[..read]),
                Err(error) => break Err(error),
            }
        };
        (self.waiting.drain(..).collect(), end)
    }

    /// Expects the end, and nothing before it.
    pub(crate) fn expect_end(&mut self) {
        let rest = self.rest();
        assert!(rest.is_empty(), "nothing follows: {rest:?}");
    }

    /// One read; false at the end.
    fn read(&mut self) -> bool {
        if !self.ended && !self.client.read() {
            self.ended = true;
        }
        self.decode();
        !self.ended
    }

    fn decode(&mut self) {
        let bytes = self.client.take_unread();
        self.feed(&bytes);
    }

    fn feed(&mut self, bytes: &[u8]) {
        self.waiting.extend(received(&mut self.decoder, bytes));
    }
}

/// The events that these bytes end.
pub(crate) fn received(decoder: &mut Decoder, mut bytes: &[u8]) -> Vec<Received> {
    let mut received = Vec::new();
    while let Some(item) = decoder.decode(&mut bytes).expect("a valid stream") {
        if let Item::Event(event) = item {
            received.push(Received {
                event: event.event().into_owned(),
                data: event.data().into_owned(),
                id: event.id().into_owned(),
                retry: event.retry(),
            });
        }
    }
    received
}
