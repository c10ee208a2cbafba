//! How the server stops: nothing accepted is lost, everyone is told, nobody holds it up.

use crate::support::{
    Client, PATIENCE, Received, Server, Stream, assert_spread, error_code, eventually,
};
use rustix::process::Signal;
use serde_json::json;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A stream that reads nothing, with more under way than the system holds.
fn blocked(server: &Server) -> Stream {
    let mut stream = server.stream("topic=blocked");
    stream.connected();
    let data = "x".repeat(512 << 10);
    let event = json!({ "topics": ["blocked"], "data": data }).to_string();
    for _ in 0..20 {
        server.ask_to_publish(&event);
    }
    stream
}

/// Starts to stop the server, which goes on until the blocked stream has had its time.
fn begin(server: &Server, signal: Signal) {
    server.program.signal(signal);
    server.program.wait_for_stderr("closing streams");
}

/// A server that has begun to stop, and will take a while.
fn draining() -> (Server, Stream) {
    let server = Server::start(&["--drain", "60s"]);
    let stream = blocked(&server);
    begin(&server, Signal::TERM);
    eventually("it drains", || match server.get("/health") {
        response if response.status == 503 => Ok(()),
        response => Err(format!("{response:?}")),
    });
    (server, stream)
}

#[test]
fn a_server_that_stops_is_not_healthy_and_takes_nothing_new() {
    let (server, _blocked) = draining();
    for response in [
        server.get("/health"),
        server.get("/events?topic=a"),
        server.ask_to_publish(r#"{"topics":["a"],"data":"1"}"#),
    ] {
        assert_eq!(response.status, 503);
        assert_spread(response.header("retry-after"), 1);
        assert_eq!(error_code(&response), "draining");
    }
}

#[test]
fn streams_end_with_a_word_and_in_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let mut server = Server::start(&["--drain", "5s"]);
        let mut streams: Vec<_> = (0..20).map(|_| server.stream("topic=a")).collect();
        for stream in &mut streams {
            stream.connected();
        }
        let last = server.say("a", "last")["id"].clone();
        begin(&server, signal);
        let mut retries = Vec::new();
        for stream in &mut streams {
            assert_eq!(stream.messages(1), ["last"]);
            let bye = stream.expect("bye");
            assert_eq!(bye.json()["reason"], "drain");
            assert_eq!(last, *bye.id, "it goes on from there");
            stream.expect_end();
            retries.push(bye.retry.expect("when to come back"));
        }
        assert!(retries.iter().all(|retry| (1..=5_000).contains(retry)));
        retries.sort_unstable();
        retries.dedup();
        assert!(retries.len() > 10, "they are spread: {retries:?}");
        assert_eq!(server.program.wait().code(), Some(0));
    }
}

#[test]
fn a_server_without_streams_stops_at_once() {
    let server = Server::start(&["--drain", "60s"]);
    let start = Instant::now();
    assert_eq!(server.stop().code(), Some(0));
    assert!(start.elapsed() < Duration::from_secs(30));
}

#[test]
fn what_was_accepted_is_delivered_before_the_end() {
    let mut server = Server::start(&["--drain", "30s"]);
    let mut stream = server.stream("topic=a");
    stream.connected();
    let publishers = start_publishers(&server, 3);
    let mut came: Vec<String> = stream.messages(100);
    begin(&server, Signal::TERM);
    let rest = stream.rest();
    let (bye, messages) = rest.split_last().expect("there is a last word");
    assert_eq!(bye.event, "bye");
    came.extend(messages.iter().map(|one: &Received| one.data.clone()));
    for (publisher, accepted) in publishers.into_iter().enumerate() {
        let accepted = accepted.join().expect("the publisher ends");
        let mine = came
            .iter()
            .filter(|data| data.starts_with(&format!("{publisher}:")));
        let mine: Vec<_> = mine.cloned().collect();
        let expected: Vec<_> = (0..mine.len())
            .map(|number| format!("{publisher}:{number}"))
            .collect();
        assert_eq!(mine, expected, "in order, each once");
        assert!(mine.len() >= accepted, "{} of {accepted} came", mine.len());
    }
    assert_eq!(server.program.wait().code(), Some(0));
}

fn start_publishers(server: &Server, count: usize) -> Vec<JoinHandle<usize>> {
    let start = |publisher| {
        let client = server.connect();
        std::thread::spawn(move || publish_until_refused(client, publisher))
    };
    (0..count).map(start).collect()
}

/// How many events were answered with success.
fn publish_until_refused(mut client: Client, publisher: usize) -> usize {
    for number in 0.. {
        let event = json!({ "topics": ["a"], "data": format!("{publisher}:{number}") });
        let request = client.bytes_of("POST", "/publish", &event.to_string());
        client.send(request);
        let Some(response) = client.response_unless_ended() else {
            return number;
        };
        if response.status != 200 {
            assert_eq!(response.status, 503);
            return number;
        }
    }
    unreachable!("it goes on until it is refused")
}

#[test]
fn a_publish_that_was_accepted_is_answered_though_the_server_stops() {
    for _ in 0..20 {
        let server = Server::start(&["--drain", "30s"]);
        let mut streams: Vec<_> = (0..8).map(|_| server.stream("topic=a")).collect();
        for stream in &mut streams {
            stream.connected();
        }
        let publishers = start_publishers(&server, 4);
        streams[0].messages(20);
        server.program.signal(Signal::TERM);
        let came = streams[1].rest();
        let came = came.iter().filter(|one| one.is_message()).count();
        let answered: usize = publishers
            .into_iter()
            .map(|publisher| publisher.join().expect("the publisher ends"))
            .sum();
        assert_eq!(came, answered, "what was published was answered");
    }
}

#[test]
fn a_blocked_stream_is_reset_at_the_end() {
    let mut server = Server::start(&["--drain", "1s"]);
    let mut stream = blocked(&server);
    let mut quick = server.stream("topic=a");
    quick.connected();
    let start = Instant::now();
    begin(&server, Signal::TERM);
    quick.expect("bye");
    quick.expect_end();
    assert_eq!(server.program.wait().code(), Some(0));
    assert!(start.elapsed() >= Duration::from_secs(1), "it had its time");
    assert!(start.elapsed() < PATIENCE / 2, "{:?}", start.elapsed());
    let (came, end) = stream.rest_and_end();
    assert!(end.is_err(), "it was reset");
    assert!(came.iter().all(Received::is_message), "without a word");
}

#[test]
fn a_blocked_stream_that_reads_on_in_time_gets_everything() {
    let mut server = Server::start(&["--drain", "60s"]);
    let mut stream = blocked(&server);
    begin(&server, Signal::TERM);
    let came = stream.rest();
    assert_eq!(came.len(), 21);
    assert_eq!(came[20].event, "bye");
    assert_eq!(server.program.wait().code(), Some(0));
}

#[test]
fn a_second_signal_ends_at_once() {
    for second in [Signal::TERM, Signal::INT] {
        let (mut server, _blocked) = draining();
        let start = Instant::now();
        server.program.signal(second);
        assert_eq!(server.program.wait().code(), Some(1));
        assert!(start.elapsed() < Duration::from_secs(30));
    }
}

#[test]
fn a_server_can_be_started_again_on_its_port_at_once() {
    let port = crate::support::reserved_port();
    let listen = format!("127.0.0.1:{port}");
    for _ in 0..3 {
        let server = Server::start_on(&listen, &[]);
        let mut stream = server.stream("topic=a");
        stream.connected();
        assert_eq!(server.stop().code(), Some(0));
        stream.expect("bye");
    }
}

#[test]
fn a_server_whose_words_nobody_reads_serves_and_stops_in_order() {
    let listen = format!("127.0.0.1:{}", crate::support::reserved_port());
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(["serve", "--listen", &listen])
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    drop((child.stdout.take(), child.stderr.take()));
    let address: std::net::SocketAddr = listen.parse().expect("an address");
    let mut child = Killed(child);
    eventually("it listens", || {
        let ended = child.0.try_wait().expect("it can be waited for");
        assert!(ended.is_none(), "it ended: {ended:?}");
        std::net::TcpStream::connect(address)
    });
    let mut stream = Stream::open(address, "topic=a", "");
    stream.connected();
    let pid = rustix::process::Pid::from_child(&child.0);
    rustix::process::kill_process(pid, Signal::TERM).expect("it can be signalled");
    stream.expect("bye");
    stream.expect_end();
    let status = eventually("it ends", || {
        let status = child.0.try_wait().expect("it can be waited for");
        status.ok_or("it runs")
    });
    assert_eq!(status.code(), Some(0));
}

/// A child that does not outlive the test.
struct Killed(std::process::Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
