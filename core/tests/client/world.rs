//! A server that refuses, hangs, cuts and falls silent, and a client that has to get every event
//! from it once and in order.

use crate::{OK, line};
use proptest::prelude::*;
use std::collections::VecDeque;
use tidings_core::{Client, ClientOptions, ClientOutput, Event, Response};

const EVENTS: u32 = 40;

/// What happens to a connection, and when.
#[derive(Clone, Debug)]
enum News {
    Response(Response<'static>),
    Bytes(Vec<u8>),
    End,
    Error,
}

/// The server and the network between.
struct World {
    dice: u64,
    news: VecDeque<(u64, News)>,
}

impl World {
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self
            .dice
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.dice >> 33) % sides
    }

    fn connect(&mut self, mut now: u64, last_event_id: u32) {
        self.news.clear();
        now += 1 + self.roll(50);
        match self.roll(8) {
            0 => return self.news.push_back((now, News::Error)),
            1 => return, // No answer at all.
            2 => {
                return self
                    .news
                    .push_back((now, News::Response(Response::new(503))));
            }
            3 => return self.news.push_back((now, News::End)),
            _ => self.news.push_back((now, News::Response(OK))),
        }
        let mut stream = Vec::new();
        for id in last_event_id + 1..=EVENTS {
            let id = id.to_string();
            let data = format!("event {id}\nof {EVENTS}");
            let event = Event::message(&data).with_id(&id).expect("digits");
            event.with_retry(20 + self.roll(20)).encode(&mut stream);
        }
        let cut = self.roll(600) as usize;
        stream.truncate(cut);
        while !stream.is_empty() {
            now += self.roll(400);
            let rest = stream.split_off(stream.len().min(1 + self.roll(60) as usize));
            self.news.push_back((now, News::Bytes(stream)));
            stream = rest;
        }
        now += self.roll(100);
        match self.roll(3) {
            0 => self.news.push_back((now, News::End)),
            1 => self.news.push_back((now, News::Error)),
            _ => {} // Silence.
        }
    }
}

/// Runs until all events are in. What the client did, and when; and the ids it got.
fn run(seed: u64, sleep: impl Fn(u64, Option<u64>) -> u64) -> (Vec<String>, Vec<u32>) {
    let mut world = World {
        dice: seed,
        news: VecDeque::new(),
    };
    let mut client = Client::new(ClientOptions {
        resilient: true,
        max_delay_ms: 1_000,
        connect_timeout_ms: Some(300),
        idle_timeout_ms: Some(500),
        ..ClientOptions::new(seed)
    });
    let (mut log, mut ids) = (Vec::new(), Vec::new());
    let mut now = 0;
    let mut steps = 0;
    client.connect(now);
    while ids.last() != Some(&EVENTS) {
        steps += 1;
        assert!(steps < 1_000_000, "it takes for ever: {log:?}");
        while let Some(output) = client.poll_output() {
            log.push(format!("{now}: {}", line(&output)));
            match output {
                ClientOutput::Connect { last_event_id } => {
                    let id = last_event_id.map_or(0, |id| id.parse().expect("a number"));
                    world.connect(now, id);
                }
                ClientOutput::Disconnect(_) => world.news.clear(),
                _ => {}
            }
        }
        let next = [world.news.front().map(|news| news.0), client.poll_timeout()];
        now = sleep(now, next.into_iter().flatten().min());
        while world.news.front().is_some_and(|news| news.0 <= now) {
            match world.news.pop_front().expect("as seen").1 {
                News::Response(response) => client.handle_response(now, response),
                News::End => client.handle_end(now),
                News::Error => client.handle_error(now),
                News::Bytes(bytes) => {
                    let mut input = &bytes[..];
                    while let Some(event) = client.handle_data(now, &mut input) {
                        ids.push(event.id().parse().expect("a number"));
                    }
                }
            }
        }
        client.handle_timeout(now);
    }
    (log, ids)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_event_arrives_once_and_in_order(seed: u64) {
        let exact = |_, next: Option<u64>| next.expect("something is always due");
        let (log, ids) = run(seed, exact);
        prop_assert_eq!(&ids, &(1..=EVENTS).collect::<Vec<_>>(), "{:?}", log);
    }

    /// Looking every millisecond finds nothing that sleeping to `poll_timeout` would miss.
    #[test]
    fn a_driver_that_sleeps_misses_nothing(seed: u64) {
        let exact = run(seed, |_, next| next.expect("something is always due"));
        let eager = run(seed, |now, _| now + 1);
        prop_assert_eq!(exact, eager);
    }
}
