//! A client that polls: it remembers where it stands, and what it was told.
//!
//! It does not know what should come.

use super::http::{Client, Response};
use super::stream::{Received, received};
use std::net::SocketAddr;
use tidings_smol::tidings_core::Decoder;

pub(crate) struct Poller {
    address: SocketAddr,
    client: Client,
    /// Topics, and whatever else each poll asks with.
    pub(crate) query: String,
    /// Header lines of each poll.
    pub(crate) headers: Vec<String>,
    pub(crate) cursor: String,
}

impl Poller {
    /// One that has not asked yet.
    pub(crate) fn new(address: SocketAddr, query: &str) -> Self {
        Self {
            address,
            client: Client::connect(address),
            query: query.to_owned(),
            headers: Vec::new(),
            cursor: String::new(),
        }
    }

    /// One that stands at the end of the log.
    pub(crate) fn start(address: SocketAddr, query: &str) -> Self {
        let mut poller = Self::new(address, query);
        let said = poller.poll("");
        assert_eq!(said[0].event, "connected", "{said:?}");
        assert_eq!(said.len(), 1, "{said:?}");
        poller
    }

    /// Asks, and leaves it at that.
    pub(crate) fn ask(&mut self, more: &str) {
        let mut request = format!("GET /poll?{}&{more} HTTP/1.1\r\n", self.query);
        request += &format!("host: {}\r\n", self.address);
        if !self.cursor.is_empty() {
            request += &format!("last-event-id: {}\r\n", self.cursor);
        }
        for header in &self.headers {
            request += &format!("{header}\r\n");
        }
        self.client.send(request + "\r\n");
    }

    /// The answer to what was asked.
    pub(crate) fn answer(&mut self) -> Response {
        self.client.response()
    }

    /// What the answer to what was asked says, heartbeats aside.
    pub(crate) fn answered(&mut self) -> Vec<Received> {
        let response = self.answer();
        assert_eq!(response.status, 200, "{response:?}");
        self.take(&response)
    }

    /// Takes in an answer that is whole.
    pub(crate) fn take(&mut self, response: &Response) -> Vec<Received> {
        assert_eq!(response.header("content-type"), Some("text/event-stream"));
        assert!(response.header("content-length").is_some(), "{response:?}");
        let mut decoder = Decoder::default();
        let mut said = received(&mut decoder, &response.body);
        assert!(response.body.ends_with(b"\n\n"), "it ends with an event");
        self.cursor = decoder.last_event_id().into_owned();
        assert!(!self.cursor.is_empty(), "{response:?}");
        said.retain(|one| one.event != "heartbeat");
        said
    }

    /// Asks once.
    pub(crate) fn poll(&mut self, more: &str) -> Vec<Received> {
        self.ask(more);
        self.answered()
    }

    /// Asks again and again for so many messages, which nothing but `connected` comes between.
    pub(crate) fn messages(&mut self, count: usize) -> Vec<String> {
        let mut messages = Vec::new();
        while messages.len() < count {
            for one in self.poll("") {
                match &*one.event {
                    "connected" => {}
                    "message" => messages.push(one.data),
                    _ => panic!("{one:?} after {messages:?}"),
                }
            }
        }
        messages
    }

    /// Leaves, be it in the middle of an answer, of which some was read, and comes back.
    pub(crate) fn leave(&mut self, read_some: bool) {
        if read_some {
            self.client.read();
        }
        self.client = Client::connect(self.address);
    }
}
