//! Whatever is published, and however clients come and go: who polls gets what a stream gets, each event
//! once and in order, or is told how much is missing.

use crate::support::{PATIENCE, Poller, Random, Received, Site, Stream};
use std::time::{Duration, Instant};
use tidings_smol::{Audience, Event, Publish};

/// The last event, by which readers know that nothing follows.
const END: &str = "the end";

const QUERY: &str = "topic=a&topic=b/*";

/// One event that was published, as its readers have it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sent {
    id: String,
    event: String,
    data: String,
}

impl Sent {
    fn of(received: Received) -> Self {
        Self {
            id: received.id,
            event: received.event,
            data: received.data,
        }
    }
}

/// Publishes at random, and hands out what was for the readers.
fn publish(site: &Site, mut random: Random, events: usize) -> Vec<Sent> {
    let mut sent = Vec::new();
    for number in 0..=events {
        let topic = random.of(&["a", "a", "b/1", "b/2", "c"]);
        let len = match random.below(40) {
            0 => 60_000 + random.below(140_000),
            1..=4 => random.below(20_000),
            _ => random.below(200),
        };
        let (topic, data) = if number == events {
            ("a", END.to_owned())
        } else {
            // Blank lines, too, are data.
            let filling = random.of(&["x", "line\nline", "line\n\nline"]).repeat(len);
            (topic, format!("{number}:{}", &filling[..len]))
        };
        let own = format!("own-{number}-{}", random.below(usize::MAX));
        let name = random.of(&["message", "other"]);
        let mut event = Event::message(&data).with_event(name).expect("a type");
        if random.chance(5) {
            event = event.with_id(&own).expect("an id");
        }
        let published = smol::block_on(
            site.hub
                .publish(&Publish::to(Audience::Topic(topic), event)),
        );
        let cursor = published.expect("it is published").cursor.to_string();
        if topic != "c" {
            let id = if event.has_id() { own } else { cursor };
            let event = name.to_owned();
            sent.push(Sent { id, event, data });
        }
        if random.chance(3) {
            let pause = Duration::from_micros(random.below(3_000) as u64);
            std::thread::sleep(pause);
        }
    }
    sent
}

/// Polls until the end, with whatever can come between, and hands out what it got.
fn poll(poller: &mut Poller, mut random: Random) -> Vec<Received> {
    let mut got: Vec<Received> = Vec::new();
    let begun = Instant::now();
    while got.last().is_none_or(|last| last.data != END) {
        assert!(begun.elapsed() < PATIENCE, "the end does not come");
        poller.ask(random.of(&["wait=0", "wait=1", "wait=55"]));
        match random.below(8) {
            // The answer is lost, in part or as a whole.
            0 => poller.leave(true),
            1 => poller.leave(false),
            which => {
                let mut said = poller.answered();
                said.retain(|one| one.event != "connected");
                got.extend(said);
                if which == 2 {
                    poller.leave(false);
                }
            }
        }
    }
    got
}

/// Plays one round, and hands out what was published, polled, and streamed.
fn play(site: &Site, random: &mut Random, events: usize) -> (Vec<Sent>, Vec<Received>, Stream) {
    let mut stream = Stream::open(site.address, QUERY, "");
    stream.connected();
    let tab = random.of(&["", "&tab=0123456789abcdef"]);
    let mut poller = Poller::start(site.address, &format!("{QUERY}{tab}"));
    let (publishing, polling) = (random.fork(), random.fork());
    std::thread::scope(|scope| {
        let publishing = scope.spawn(|| publish(site, publishing, events));
        let polled = poll(&mut poller, polling);
        (publishing.join().expect("all is published"), polled, stream)
    })
}

#[test]
fn who_polls_gets_what_a_stream_gets() {
    let mut random = Random::new();
    for shards in [1, 2] {
        let site = Site::start(false, |options| options.driver.shards = shards);
        let (sent, polled, mut stream) = play(&site, &mut random, 300);
        let polled: Vec<_> = polled.into_iter().map(Sent::of).collect();
        let streamed: Vec<_> = sent.iter().map(|_| Sent::of(stream.next())).collect();
        assert!(streamed == sent, "the stream has it all");
        for (number, (one, other)) in polled.iter().zip(&sent).enumerate() {
            assert!(
                one == other,
                "event {number} is {} and not {}",
                one.id,
                other.id
            );
        }
        assert_eq!(polled.len(), sent.len());
        site.wait_for_connections(1);
    }
}

#[test]
fn who_polls_too_slowly_is_told_how_much_is_missing() {
    let mut random = Random::new();
    let site = Site::start(false, |options| {
        let hub = &mut options.driver.hub;
        hub.default_class.events = 20;
        hub.default_class.records = Some(100_000);
    });
    let (mut gaps, mut missing) = (0, 0);
    while gaps == 0 {
        let (sent, polled, _stream) = play(&site, &mut random, 300);
        let mut next = 0;
        for one in polled {
            if one.event == "gap" {
                let missed = one.json()["missed"].as_u64();
                missing += missed.expect("it can be counted") as usize;
                next += missed.unwrap_or_default() as usize;
                gaps += 1;
            } else {
                assert!(
                    Sent::of(one) == sent[next],
                    "event {next} comes, or is counted"
                );
                next += 1;
            }
        }
        assert_eq!(next, sent.len());
    }
    println!("{gaps} gaps, {missing} events");
}
