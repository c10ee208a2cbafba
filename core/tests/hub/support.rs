//! A hub with sockets of memory: what each connection was sent, decoded.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::mem;
use tidings_core::{
    Audience, CloseReason, ConnectionId, Decoder, Encoding, Event, Gap, Hub, HubOptions, Item,
    Opcode, Open, Output, Publish, Published, decode_frame,
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
    reader: Reader,
    received: Vec<Received>,
    raw: Vec<u8>,
    /// Bytes the socket takes before it is blocked.
    room: usize,
}

/// What makes events of the bytes.
enum Reader {
    EventStream(Box<Decoder>),
    WebSocket(Frames),
}

/// A message over WebSocket, all of whose fields are there but for the last.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Message {
    pub(crate) id: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) data: Option<String>,
    pub(crate) topic: Option<String>,
    pub(crate) retry: Option<u64>,
}

#[derive(Default)]
struct Frames {
    /// What is not yet a whole frame.
    bytes: Vec<u8>,
    last_event_id: String,
    pings: usize,
    /// The status and the reason.
    close: Option<(u16, String)>,
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
        let reader = match open.encoding {
            Encoding::EventStream => Reader::EventStream(Box::default()),
            Encoding::WebSocket => Reader::WebSocket(Frames::default()),
        };
        let socket = Socket {
            reader,
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
        match &mut socket.reader {
            Reader::EventStream(decoder) => read_stream(decoder, &bytes, &mut socket.received),
            Reader::WebSocket(frames) => frames.read(&bytes, &mut socket.received),
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
        mem::take(
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

    pub(crate) fn bytes(&mut self, id: ConnectionId) -> Vec<u8> {
        self.drive();
        mem::take(&mut self.sockets.get_mut(&id).expect("a socket of this rig").raw)
    }

    pub(crate) fn last_event_id(&self, id: ConnectionId) -> String {
        match &self.sockets[&id].reader {
            Reader::EventStream(decoder) => decoder.last_event_id().into_owned(),
            Reader::WebSocket(frames) => frames.last_event_id.clone(),
        }
    }

    /// How many pings came over the WebSocket, and with what it was closed.
    pub(crate) fn frames(&mut self, id: ConnectionId) -> (usize, Option<(u16, String)>) {
        self.drive();
        match &self.sockets[&id].reader {
            Reader::EventStream(_) => panic!("an event stream has no frames"),
            Reader::WebSocket(frames) => (frames.pings, frames.close.clone()),
        }
    }

    pub(crate) fn closed(&mut self) -> Vec<(ConnectionId, CloseReason, bool)> {
        self.drive();
        mem::take(&mut self.closed)
    }
}

fn read_stream(decoder: &mut Decoder, mut input: &[u8], received: &mut Vec<Received>) {
    while let Some(item) = decoder
        .decode(&mut input)
        .expect("the hub sends valid streams")
    {
        if let Item::Event(event) = item {
            received.push(Received {
                event: event.event().into_owned(),
                data: event.data().into_owned(),
                id: event.id().into_owned(),
            });
        }
    }
}

impl Frames {
    fn read(&mut self, bytes: &[u8], received: &mut Vec<Received>) {
        self.bytes.extend_from_slice(bytes);
        let mut rest = &*self.bytes;
        while let Some((opcode, payload)) =
            decode_frame(&mut rest).expect("the hub sends valid frames")
        {
            assert_eq!(self.close, None, "nothing follows a close");
            match opcode {
                Opcode::Ping => self.pings += 1,
                Opcode::Close => {
                    let (status, reason) = payload.split_first_chunk().expect("a status");
                    let reason = std::str::from_utf8(reason).expect("UTF-8");
                    self.close = Some((u16::from_be_bytes(*status), reason.to_owned()));
                }
                Opcode::Text => {
                    let message: Message = serde_json::from_slice(payload).expect("a message");
                    self.last_event_id = message.id.unwrap_or(mem::take(&mut self.last_event_id));
                    received.extend(message.event.zip(message.data).map(|(event, data)| {
                        Received {
                            event,
                            data,
                            id: self.last_event_id.clone(),
                        }
                    }));
                }
                other => panic!("the hub sends no {other:?}"),
            }
        }
        self.bytes = rest.to_vec();
    }
}

/// An event for the subscribers of one topic.
pub(crate) fn topic_event<'a>(topic: &'a str, event: Event<'a>) -> Publish<'a> {
    Publish::to(Audience::Topic(topic), event)
}
