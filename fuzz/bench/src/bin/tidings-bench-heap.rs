//! Counts what a hub takes of the heap: for a connection with a user and a topic, for one without a
//! user, and for each further topic. One figure a line, in bytes, without the texts of names.

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use tidings_core::{Hub, HubOptions, Open, Output};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const CONNECTIONS: usize = 10_000;
const TOPICS: usize = 10;

fn main() {
    let topics: Vec<String> = (0..TOPICS)
        .map(|number| format!("topics/{number}"))
        .collect();
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    // In no order, as users come.
    let users: Vec<String> = (0..CONNECTIONS)
        .map(|number| format!("user-{}", number * 7_919 % CONNECTIONS))
        .collect();
    let names: usize = users.iter().map(String::len).sum();
    let with_user = heap(&users, &topics[..1]) - names;
    let alone = heap(&[], &topics[..1]);
    let with_topics = heap(&[], &topics);
    for (bytes, things) in [
        (with_user, CONNECTIONS),
        (alone, CONNECTIONS),
        (with_topics - alone, CONNECTIONS * (TOPICS - 1)),
    ] {
        println!("{}", bytes as f64 / things as f64);
    }
}

/// The bytes that a hub holds for quiet connections, each with a user of its own if there are any.
fn heap(users: &[String], topics: &[&str]) -> usize {
    let mut hub = Hub::new(HubOptions::default()).expect("the default options are valid");
    let region = Region::new(ALLOCATOR);
    for number in 0..CONNECTIONS {
        let open = Open {
            user: users.get(number).map(String::as_str),
            topics,
            ..Open::default()
        };
        hub.open(0, open).expect("there is room for the connection");
        while let Some(output) = hub.poll_output() {
            if let Output::Ready(connection) = output
                && let Some(transmit) = hub.transmit(0, connection)
            {
                let len = transmit.len();
                hub.consume(0, connection, len)
                    .expect("it follows transmit");
            }
        }
    }
    let change = region.change();
    assert_eq!(hub.connections(), CONNECTIONS);
    change.bytes_allocated - change.bytes_deallocated
}
