//! A reader of a stream, over a plain socket.
//!
//! It does not reconnect.

use super::server::{connect, head, status};
use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use tidings_core::{Decoder, Item};

pub(crate) struct Reader {
    pub(crate) socket: TcpStream,
    decoder: Decoder,
    events: VecDeque<Event>,
}

#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) event: String,
    pub(crate) id: String,
    pub(crate) data: String,
}

impl Reader {
    /// Opens a stream.
    ///
    /// # Errors
    /// The status of an answer that is none.
    pub(crate) fn open(address: SocketAddr, path: &str, last_event_id: &str) -> Result<Self, u16> {
        let mut socket = connect(address);
        let header = match last_event_id {
            "" => String::new(),
            id => format!("Last-Event-ID: {id}\r\n"),
        };
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{header}\r\n");
        socket.write_all(request.as_bytes()).expect("it is sent");
        let head = head(&mut socket);
        if status(&head) != 200 {
            return Err(status(&head));
        }
        assert!(
            head.contains("\r\ncontent-type: text/event-stream\r\n"),
            "{head}"
        );
        let mut reader = Self {
            socket,
            decoder: Decoder::default(),
            events: VecDeque::new(),
        };
        let connected = reader.next();
        assert_eq!(connected.event, "connected", "{connected:?}");
        Ok(reader)
    }

    /// The next event; none at the end.
    pub(crate) fn try_next(&mut self) -> Option<Event> {
        let mut input = [0; 16 << 10];
        while self.events.is_empty() {
            let read = match self.socket.read(&mut input) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read.expect("the stream goes on or ends"),
            };
            if read == 0 {
                return None;
            }
            let mut input = &input[..read];
            while let Some(item) = self.decoder.decode(&mut input).expect("no limit") {
                if let Item::Event(event) = item {
                    self.events.push_back(Event {
                        event: event.event().into_owned(),
                        id: String::from_utf8_lossy(event.id_bytes()).into_owned(),
                        data: event.data().into_owned(),
                    });
                }
            }
        }
        self.events.pop_front()
    }

    pub(crate) fn next(&mut self) -> Event {
        self.try_next().expect("an event, not the end")
    }

    /// Reads a message, and returns its id.
    pub(crate) fn expect(&mut self, data: &str) -> String {
        let event = self.next();
        assert_eq!(
            (&*event.event, &*event.data),
            ("message", data),
            "{event:?}"
        );
        event.id
    }

    /// Reads a `gap`, and returns how many events were missed.
    pub(crate) fn expect_gap(&mut self) -> Option<usize> {
        let event = self.next();
        assert_eq!(event.event, "gap", "{event:?}");
        missed(&event)
    }
}

/// How many events were missed, as a `gap` says; none where that is unknown.
pub(crate) fn missed(gap: &Event) -> Option<usize> {
    let missed = gap.data.split_once("\"missed\":").expect("a gap").1;
    missed.split(',').next()?.parse().ok()
}
