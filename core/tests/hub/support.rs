//! A hub with sockets of memory: what each connection was sent, decoded.

use std::collections::BTreeMap;
use tidings_core::{
    Audience, CloseReason, ConnectionId, DecodeOptions, Decoder, Event, Gap, Hub, HubOptions, Item,
    Open, Output, Publish, Published,
};

/// A hub, its clock, and what the connections received.
pub(crate) struct Rig {
    pub(crate) hub: Hub,
    pub(crate) now: u64,
    sockets: BTreeMap<ConnectionId, Socket>,
    closed: Vec<(ConnectionId, CloseReason, bool)>,
    /// What the hub said that connections missed.
    pub(crate) gaps: Vec<(ConnectionId, Gap)>,
}

struct Socket {
    decoder: Decoder,
    received: Vec<Received>,
    raw: Vec<u8>,
    /// Bytes the socket takes before it is blocked.
    room: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) event: String,
    pub(crate) data: String,
    pub(crate) id: String,
}

impl Rig {
    pub(crate) fn new(options: HubOptions) -> Self {
        let hub = Hub::new(options).expect("the options of a test are valid");
        Self {
            hub,
            now: 0,
            sockets: BTreeMap::new(),
            closed: Vec::new(),
            gaps: Vec::new(),
        }
    }

    pub(crate) fn open(&mut self, open: Open<'_>) -> ConnectionId {
        let id = self.hub.open(self.now, open).expect("the stream opens");
        let decoder = Decoder::new(DecodeOptions::default());
        let socket = Socket {
            decoder,
            received: Vec::new(),
            raw: Vec::new(),
            room: usize::MAX,
        };
        self.sockets.insert(id, socket);
        id
    }

    pub(crate) fn publish(&mut self, topic: &str, data: &str) -> Published {
        self.publish_to(Audience::Topic(topic), data)
    }

    pub(crate) fn publish_to(&mut self, audience: Audience<'_>, data: &str) -> Published {
        let publish = Publish::to(audience, Event::message(data));
        self.hub
            .publish(self.now, &publish)
            .expect("the event is published")
    }

    /// Lets the socket take so many bytes more, and the hub know that it can.
    pub(crate) fn set_room(&mut self, id: ConnectionId, room: usize) {
        self.sockets
            .get_mut(&id)
            .expect("a socket of this rig")
            .room = room;
        self.hub.handle_writable(id);
    }

    /// Writes all that can be written.
    pub(crate) fn drive(&mut self) {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Ready(id) => self.write(id),
                Output::Closed {
                    connection,
                    reason,
                    cut,
                } => {
                    self.closed.push((connection, reason, cut));
                }
                other => panic!("an output this rig does not know: {other:?}"),
            }
        }
    }

    fn write(&mut self, id: ConnectionId) {
        let Some(transmit) = self.hub.transmit(self.now, id) else {
            return;
        };
        let socket = self.sockets.get_mut(&id).expect("a socket of this rig");
        let taken = transmit.len().min(socket.room);
        let bytes: Vec<u8> = transmit.slices().flatten().copied().take(taken).collect();
        assert_eq!(bytes.len(), taken);
        if socket.room != usize::MAX {
            socket.room -= taken;
        }
        socket.raw.extend(&bytes);
        let mut input = &*bytes;
        while let Some(item) = socket
            .decoder
            .decode(&mut input)
            .expect("the hub sends valid streams")
        {
            if let Item::Event(event) = item {
                socket.received.push(Received {
                    event: event.event().into_owned(),
                    data: event.data().into_owned(),
                    id: event.id().into_owned(),
                });
            }
        }
        let got = self.hub.consume(self.now, id, taken);
        let got = got.expect("consume follows transmit");
        self.gaps.extend(got.gap.map(|gap| (id, gap)));
    }

    /// Advances the clock to each deadline up to `now`, writing what falls due.
    pub(crate) fn run_to(&mut self, now: u64) {
        self.drive();
        while let Some(at) = self.hub.poll_timeout().filter(|at| *at <= now) {
            self.now = self.now.max(at);
            self.hub.handle_timeout(self.now);
            self.drive();
        }
        self.now = now;
    }

    /// What the connection received since this was last asked.
    pub(crate) fn received(&mut self, id: ConnectionId) -> Vec<Received> {
        self.drive();
        std::mem::take(
            &mut self
                .sockets
                .get_mut(&id)
                .expect("a socket of this rig")
                .received,
        )
    }

    /// The data of the application's events among these.
    pub(crate) fn data(&mut self, id: ConnectionId) -> Vec<String> {
        let received = self.received(id);
        received
            .into_iter()
            .filter(|one| one.event == "message")
            .map(|one| one.data)
            .collect()
    }

    pub(crate) fn raw(&self, id: ConnectionId) -> String {
        String::from_utf8(self.sockets[&id].raw.clone()).expect("the hub sends UTF-8")
    }

    pub(crate) fn last_event_id(&self, id: ConnectionId) -> String {
        self.sockets[&id].decoder.last_event_id().into_owned()
    }

    pub(crate) fn closed(&mut self) -> Vec<(ConnectionId, CloseReason, bool)> {
        self.drive();
        std::mem::take(&mut self.closed)
    }
}

/// An event for the subscribers of one topic.
pub(crate) fn topic_event<'a>(topic: &'a str, event: Event<'a>) -> Publish<'a> {
    Publish::to(Audience::Topic(topic), event)
}
