//! No event is lost, none comes twice, through cuts and restarts.

use crate::support::{Client, PATIENCE, Random, Received, Server, Stream, reserved_port};
use serde_json::{Value, json};
use socket2::SockRef;
use std::io::Read as _;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use tidings_smol::tidings_core::{DecodeOptions, Decoder, Item};

const PUBLISHERS: usize = 3;
const EVENTS_EACH: usize = 1_000;
const TOPICS: [&str; 3] = ["a", "b/1", "b/2"];

/// Publishes numbered events to topics by chance, one or several at a time, some with own ids.
fn publish(address: SocketAddr, publisher: usize, mut random: Random) {
    let mut client = Client::connect(address);
    let mut number = 0;
    while number < EVENTS_EACH {
        let count = (1 + random.below(20)).min(EVENTS_EACH - number);
        let events = (number..number + count).map(|number| {
            let topic = TOPICS[random.below(TOPICS.len())];
            let mut event = json!({ "topics": [topic], "data": format!("{publisher}:{number}") });
            if random.chance(3) {
                event["id"] = Value::from(format!("own {publisher}:{number}"));
            }
            event
        });
        let body = Value::from(events.collect::<Vec<_>>()).to_string();
        let response = client.request("POST", "/publish", &body);
        assert_eq!(response.status, 200, "{response:?}");
        number += count;
    }
}

/// A reader whose connections are cut at any byte, and which comes back as an `EventSource` does.
struct Reader {
    address: SocketAddr,
    query: &'static str,
    random: Random,
    decoder: Decoder,
    received: Vec<String>,
    cuts: usize,
}

impl Reader {
    /// Reads until the event with this data has come.
    fn read_until(mut self, last: &str) -> (Vec<String>, usize) {
        while self.received.last().is_none_or(|received| received != last) {
            self.read_one_connection(last);
            self.decoder.reset();
            self.cuts += 1;
        }
        (self.received, self.cuts)
    }

    fn read_one_connection(&mut self, last: &str) {
        let mut socket = TcpStream::connect(self.address).expect("the server is there");
        socket
            .set_read_timeout(Some(PATIENCE))
            .expect("it can be set");
        self.ask(&socket);
        // Now and then not even the head comes whole.
        let mut budget = match self.random.below(4) {
            0 => self.random.below(600),
            _ => self.random.below(30_000),
        };
        let mut head = Vec::new();
        let mut in_head = true;
        let mut bytes = [0; 4_096];
        while budget > 0 && self.received.last().is_none_or(|received| received != last) {
            let most = (1 + self.random.below(bytes.len())).min(budget);
            let read = socket.read(&mut bytes[..most]);
            let read = read.unwrap_or_else(|error| panic!("{error} after {:?}", self.tail()));
            assert!(read > 0, "the server cuts nobody: {:?}", self.tail());
            budget -= read;
            if !in_head {
                self.feed(&bytes[..read]);
                continue;
            }
            head.extend(&bytes[..read]);
            if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
                in_head = false;
                assert!(head.starts_with(b"HTTP/1.1 200 "), "{head:?}");
                let rest = head.split_off(end + 4);
                self.feed(&rest);
            }
        }
        if self.random.chance(2) {
            let reset = Some(Duration::ZERO);
            SockRef::from(&socket)
                .set_linger(reset)
                .expect("it can be set");
        }
    }

    fn ask(&self, mut socket: &TcpStream) {
        use std::io::Write as _;
        let mut request = format!("GET /events?{} HTTP/1.1\r\nhost: localhost\r\n", self.query);
        let id = self.decoder.last_event_id();
        // Before the first position is known, all that is kept is asked for.
        let id = if id.is_empty() { "earliest" } else { &*id };
        request += &format!("last-event-id: {id}\r\n\r\n");
        socket
            .write_all(request.as_bytes())
            .expect("a request fits the buffer");
    }

    fn feed(&mut self, mut input: &[u8]) {
        while let Some(item) = self.decoder.decode(&mut input).expect("a valid stream") {
            let Item::Event(event) = item else { continue };
            match &*event.event() {
                "connected" | "heartbeat" => {}
                "message" => self.received.push(event.data().into_owned()),
                other => panic!("{other} {} after {:?}", event.data(), self.received.last()),
            }
        }
    }

    fn tail(&self) -> &[String] {
        &self.received[self.received.len().saturating_sub(5)..]
    }
}

fn nothing_is_lost_or_repeated(arguments: &[&str]) {
    let server = Server::start(arguments);
    let mut random = Random::new();
    let mut whole = server.stream("topic=**");
    whole.connected();
    let queries = [
        "topic=**",
        "topic=a&topic=b/*",
        "topic=a",
        "topic=b/1&topic=b/2&user=ada",
    ];
    let readers = queries.map(|query| {
        let reader = Reader {
            address: server.address,
            query,
            random: random.fork(),
            decoder: Decoder::new(DecodeOptions::default()),
            received: Vec::new(),
            cuts: 0,
        };
        std::thread::spawn(move || reader.read_until("end"))
    });
    let address = server.address;
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let random = random.fork();
            std::thread::spawn(move || publish(address, publisher, random))
        })
        .collect();
    let order: Vec<(String, String)> = (0..PUBLISHERS * EVENTS_EACH)
        .map(|_| {
            let Received { data, .. } = whole.expect("message");
            let publisher = data.split(':').next().unwrap_or_default().to_owned();
            (publisher, data)
        })
        .collect();
    for (number, publisher) in publishers.into_iter().enumerate() {
        publisher.join().expect("everything is published");
        let mine = order.iter().filter(|one| one.0 == number.to_string());
        let mine: Vec<_> = mine.map(|one| one.1.clone()).collect();
        let expected: Vec<_> = (0..EVENTS_EACH)
            .map(|event| format!("{number}:{event}"))
            .collect();
        assert_eq!(mine, expected, "a publisher's events keep their order");
    }
    server.publish(&json!({ "topics": TOPICS, "data": "end" }).to_string());
    let mut came = readers.map(|reader| reader.join().expect("everything came"));
    let order: Vec<_> = order
        .into_iter()
        .map(|one| one.1)
        .chain(["end".into()])
        .collect();
    assert_eq!(came[0].0, order, "through {} cuts", came[0].1);
    assert_eq!(came[1].0, order, "through {} cuts", came[1].1);
    let mut parts = came[2].0.clone();
    parts.append(&mut came[3].0);
    parts.retain(|data| data != "end");
    parts.sort_unstable();
    let mut expected = order;
    expected.pop();
    expected.sort_unstable();
    assert_eq!(parts, expected, "each topic's events came to its reader");
    assert!(came.iter().all(|one| one.1 > 1), "each was cut");
}

#[test]
fn readers_that_are_cut_at_any_byte_miss_nothing_and_see_nothing_twice() {
    nothing_is_lost_or_repeated(&[]);
}

#[test]
fn the_same_holds_with_several_shards_where_each_resume_may_meet_another() {
    nothing_is_lost_or_repeated(&["--shards", "3"]);
}

#[test]
fn after_a_crash_a_reader_is_told_that_it_may_have_missed_something() {
    let listen = format!("127.0.0.1:{}", reserved_port());
    let mut server = Server::start_on(&listen, &[]);
    let mut stream = server.stream("topic=a");
    stream.connected();
    server.say("a", "before");
    let before = stream.expect("message");
    server.kill();
    let (_, end) = stream.rest_and_end();
    drop(end);
    let server = Server::start_on(&listen, &[]);
    server.say("a", "meanwhile");
    let mut again = server.resume("topic=a", &before.id);
    assert_eq!(
        again.expect("connected").id,
        "",
        "only the gap has the position"
    );
    let gap = again.expect("gap");
    let says = json!({ "missed": null, "from": null, "reason": "unknown_cursor" });
    assert_eq!(gap.json(), says);
    assert_eq!(again.messages(1), ["meanwhile"]);
    let mut later = server.resume("topic=a", &gap.id);
    later.connected();
    assert_eq!(later.messages(1), ["meanwhile"], "the gap is told once");
}

#[test]
fn a_resume_in_the_middle_of_events_of_several_topics_goes_on_in_their_order() {
    let server = Server::start(&[]);
    let ids: Vec<_> = (0..30)
        .map(|number| server.say(TOPICS[number % 3], &number.to_string())["id"].clone())
        .collect();
    for (number, id) in ids.iter().enumerate() {
        let id = id.as_str().expect("a text");
        let mut stream = Stream::open(server.address, "topic=a&topic=b/*", id);
        stream.connected();
        let expected: Vec<_> = (number + 1..30).map(|number| number.to_string()).collect();
        assert_eq!(stream.messages(29 - number), expected);
    }
}
