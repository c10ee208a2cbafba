//! A server that runs in a process of its own, asked by requests, and ended whatever happens.
//!
//! It does not know what the answers mean.

use super::directory;
use super::reader::Reader;
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{panicking, sleep};
use std::time::{Duration, Instant};

/// How long anything may take, also under valgrind on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    /// What it says on its standard error.
    log: PathBuf,
}

/// An answer that is not a stream.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Server {
    pub(crate) fn start(command: &mut Command) -> Self {
        let limit = getrlimit(Resource::Nofile);
        let current = limit.maximum;
        setrlimit(Resource::Nofile, Rlimit { current, ..limit }).expect("the limit is allowed");
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let log = directory("logs").join(number.to_string());
        let stderr = File::create(&log).expect("the directory can be written");
        let command = command.stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("a pipe");
        let read = BufReader::new(stdout).read_line(&mut line);
        read.expect("it says where it listens");
        let address = line.trim().strip_prefix("http://");
        let address = address.and_then(|address| address.parse().ok());
        Self {
            child,
            log,
            address: address.unwrap_or_else(|| panic!("no address: {line:?}")),
        }
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    pub(crate) fn read(&self, path: &str) -> Reader {
        Reader::open(self.address, path, "").expect("a stream")
    }

    pub(crate) fn resume(&self, path: &str, last_event_id: &str) -> Result<Reader, u16> {
        Reader::open(self.address, path, last_event_id)
    }

    pub(crate) fn publish(&self, query: &str, data: &str) -> Answer {
        let mut socket = self.connect();
        socket.write_all(&post(query, data)).expect("it is sent");
        answer(&mut socket)
    }

    /// Tells it to end in order.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).expect("it runs");
    }

    /// Waits until it has ended, with success.
    pub(crate) fn wait(&mut self) {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("a child") {
                assert!(status.success(), "{status}");
                return;
            }
            sleep(Duration::from_millis(10));
        }
        panic!("it does not end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if panicking() {
            eprintln!("{}", fs::read_to_string(&self.log).unwrap_or_default());
        }
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).expect("it accepts");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time");
    socket.set_nodelay(true).expect("TCP");
    socket
}

/// A request that publishes.
pub(crate) fn post(query: &str, data: &str) -> Vec<u8> {
    let length = data.len();
    format!("POST /publish?{query} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{data}")
        .into()
}

/// Reads one answer, and no byte behind it.
pub(crate) fn answer(socket: &mut TcpStream) -> Answer {
    let head = head(socket);
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length = length.map_or(0, |length| length.parse().expect("a length"));
    let mut body = vec![0; length];
    socket.read_exact(&mut body).expect("the body");
    Answer {
        status: status(&head),
        body: String::from_utf8(body).expect("UTF-8"),
    }
}

pub(crate) fn status(head: &str) -> u16 {
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no answer: {head:?}"))
}

/// Reads the head of an answer, and no byte behind it.
pub(crate) fn head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).expect("the head of an answer");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("UTF-8")
}
