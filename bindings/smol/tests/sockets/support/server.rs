//! A server of the test's own.
//!
//! It does not know what is asked of it.

use super::http::{Client, Response};
use super::program::Program;
use super::stream::Stream;
use super::wait::{PATIENCE, eventually, within};
use rustix::process::Signal;
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// On a port that the system chooses.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_on("127.0.0.1:0", arguments)
    }

    pub(crate) fn start_on(listen: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
        command.args(["serve", "--listen", listen]).args(arguments);
        Self::run(command)
    }

    /// Runs a command that ends up as a server.
    pub(crate) fn run(command: Command) -> Self {
        let program = Program::run(command);
        let line = program.wait_for_stdout("Tidings is listening on ");
        let (_, address) = line.split_once("http://").expect("it says where");
        let mut address: SocketAddr = address.trim().parse().expect("it says an address");
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        Self { program, address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Sends one request on a connection of its own.
    pub(crate) fn request(&self, method: &str, target: &str, body: &str) -> Response {
        self.connect().request(method, target, body)
    }

    pub(crate) fn get(&self, target: &str) -> Response {
        self.request("GET", target, "")
    }

    /// Asks for a publish, which may be refused.
    pub(crate) fn ask_to_publish(&self, json: &str) -> Response {
        self.request("POST", "/publish", json)
    }

    /// Publishes, and hands out the answer.
    pub(crate) fn publish(&self, json: &str) -> Value {
        let response = self.ask_to_publish(json);
        assert_eq!(response.status, 200, "{json} is published: {response:?}");
        response.json()
    }

    /// Publishes a text to a topic.
    pub(crate) fn say(&self, topic: &str, data: &str) -> Value {
        self.publish(&serde_json::json!({ "topics": [topic], "data": data }).to_string())
    }

    /// Opens a stream, which has not read anything yet.
    pub(crate) fn stream(&self, query: &str) -> Stream {
        Stream::open(self.address, query, "")
    }

    /// Opens a stream that goes on after an id, as an `EventSource` does.
    pub(crate) fn resume(&self, query: &str, last_event_id: &str) -> Stream {
        Stream::open(self.address, query, last_event_id)
    }

    pub(crate) fn stats(&self) -> Value {
        let response = self.get("/stats");
        assert_eq!(response.status, 200, "{response:?}");
        response.json()
    }

    /// Waits until a number of `/stats` is what it should be. `name` may have a dot in it.
    pub(crate) fn wait_for_stat(&self, name: &str, value: u64) {
        self.wait_for_stat_within(PATIENCE, name, value);
    }

    pub(crate) fn wait_for_stat_within(&self, limit: Duration, name: &str, value: u64) {
        let pointer = format!("/{}", name.replace('.', "/"));
        within(limit, &format!("{name} is {value}"), || {
            let stats = self.stats();
            let seen = stats.pointer(&pointer).and_then(Value::as_u64);
            let seen = seen.unwrap_or_else(|| panic!("there is no {name} in {stats}"));
            (seen == value).then_some(()).ok_or(stats)
        });
    }

    /// Waits until whoever asked for something before has its answer: the server takes requests in
    /// turn.
    pub(crate) fn settle(&self) {
        assert_eq!(self.get("/health").status, 200);
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.program.signal(Signal::TERM);
        self.program.wait()
    }

    /// Waits until it takes no connections any more, as one that was killed.
    pub(crate) fn kill(&mut self) {
        self.program.kill();
        eventually("nobody listens", || {
            let listens = std::net::TcpStream::connect(self.address).is_ok();
            (!listens).then_some(()).ok_or("somebody does")
        });
    }
}

/// A port on which a server can be started again: the system gives nobody a port below its range
/// by chance.
pub(crate) fn reserved_port() -> u16 {
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 16_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    for _ in 0..1_000 {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let offset = (std::process::id() as u16)
            .wrapping_mul(61)
            .wrapping_add(number);
        let port = FIRST + offset % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port from {FIRST} on is free");
}
