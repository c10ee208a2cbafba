//! Many sockets at once, and many that come and go.

use crate::support::{Server, Socket};
use serde_json::json;
use std::time::{Duration, Instant};

const SOCKETS: usize = 1_000;

/// What an idle socket may cost in the server, beside what its system holds.
const MOST_IDLE_KB: f64 = 4.5;

/// Connects and disconnects a second.
const RATE: u64 = 100;

fn resident_kb(server: &Server) -> u64 {
    let file = format!("/proc/{}/status", server.program.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(file).expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let size = line.and_then(|line| line.trim().split(' ').next()?.parse().ok());
    size.expect("the kernel says how much is resident")
}

fn descriptors(server: &Server) -> usize {
    let directory = format!("/proc/{}/fd", server.program.pid().as_raw_nonzero());
    std::fs::read_dir(directory)
        .expect("the process runs")
        .count()
}

fn open(server: &Server, count: usize) -> Vec<Socket> {
    let open = |_| {
        let mut socket = Socket::open(server.address, "topic=a");
        socket.connected();
        socket
    };
    (0..count).map(open).collect()
}

#[test]
fn a_thousand_sockets_hear_everything_and_cost_little() {
    let server = Server::start(&[]);
    // What a server needs once is there after the first.
    drop(open(&server, 20));
    server.wait_for_stat("connections", 0);
    let before = resident_kb(&server);
    let mut sockets = open(&server, SOCKETS);
    let each = (resident_kb(&server).saturating_sub(before)) as f64 / SOCKETS as f64;
    println!("an idle socket costs {each:.2} KiB");
    assert!(each <= MOST_IDLE_KB, "{each} KiB each");
    let start = Instant::now();
    for number in 0..20 {
        assert_eq!(server.say("a", &number.to_string())["recipients"], SOCKETS);
    }
    let expected: Vec<_> = (0..20).map(|number| number.to_string()).collect();
    for socket in &mut sockets {
        assert_eq!(socket.messages(20), expected);
    }
    println!("20 events to {SOCKETS} sockets in {:?}", start.elapsed());
    for (number, socket) in sockets.iter_mut().enumerate() {
        socket.say(&json!({ "type": "ping", "ref": number }));
    }
    for (number, socket) in sockets.iter_mut().enumerate() {
        assert_eq!(socket.answer(), json!({ "type": "pong", "ref": number }));
    }
    drop(sockets);
    server.wait_for_stat("connections", 0);
}

#[test]
fn sockets_that_come_and_go_leave_nothing() {
    let is_soak = std::env::var("TIDINGS_SOAK").is_ok_and(|said| said == "true");
    let seconds = if is_soak { 60 } else { 3 };
    let mut server = Server::start(&[]);
    server.program.live_on();
    let round = |number: u64| {
        let mut socket = Socket::open(server.address, &format!("topic=a&topic=t{}", number % 50));
        socket.connected();
        match number % 4 {
            0 => socket.close(1000),
            1 => drop(socket),
            2 => {
                socket.ask(&json!({ "type": "subscribe", "topics": ["b"] }));
                socket.close(1001);
            }
            _ => {
                let linger = Some(Duration::ZERO);
                let set = socket2::SockRef::from(socket.stream()).set_linger(linger);
                set.expect("it can be set");
            }
        }
    };
    (0..200).for_each(round);
    server.wait_for_stat("connections", 0);
    let (before_kb, before) = (resident_kb(&server), descriptors(&server));
    let start = Instant::now();
    for number in 0..seconds * RATE {
        round(number);
        let due = Duration::from_millis(number * 1_000 / RATE);
        std::thread::sleep(due.saturating_sub(start.elapsed()));
    }
    let took = start.elapsed();
    server.wait_for_stat("connections", 0);
    server.wait_for_stat("topics", 0);
    crate::support::eventually("descriptors are given back", || {
        let now = descriptors(&server);
        (now <= before)
            .then_some(())
            .ok_or(format!("{now}, {before} before"))
    });
    let growth_kb = resident_kb(&server).saturating_sub(before_kb);
    println!(
        "{} sockets in {took:?}; {growth_kb} KiB more",
        seconds * RATE
    );
    assert!(growth_kb <= 1_024, "it has grown by {growth_kb} KiB");
}
