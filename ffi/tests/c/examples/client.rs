//! What the example client is put through: cuts, a server that goes and one that comes, and one that
//! wants it to stay away.
//!
//! It does not know how the client does it.

use super::server::{PATIENCE, Server};
use std::io::{BufRead as _, BufReader, copy};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const TAB: &str = "/events?topic=news&tab=0123456789abcdef";

pub(crate) fn read_through_cuts(command: &mut Command, server: impl Fn() -> Server) {
    let first = server();
    let proxy = Proxy::new(first.address);
    let mut client = Client::start(command, &format!("http://{}{TAB}", proxy.address));
    assert!(client.next().starts_with("connected ["));
    publish(&first, &["1", "2"]);
    client.expect(&["1", "2"]);
    for (unseen, seen) in [("3", "4"), ("5", "6")] {
        proxy.cut();
        publish(&first, &[unseen]);
        assert!(client.next().starts_with("connected ["));
        publish(&first, &[seen]);
        client.expect(&[unseen, seen]);
    }

    let second = server();
    proxy.lead_to(second.address);
    drop(first);
    assert!(client.next().starts_with("connected ["));
    let gap = client.next();
    assert!(
        gap.starts_with("gap [") && gap.contains("\"missed\":null"),
        "{gap}"
    );
    publish(&second, &["7"]);
    client.expect(&["7"]);

    // A newer stream of the same tab: the client is told not to come back.
    let _newer = second.read(TAB);
    assert!(client.next().starts_with("bye ["));
    client.wait_for_failure();
}

fn publish(server: &Server, events: &[&str]) {
    for data in events {
        assert_eq!(server.publish("topic=news", data).status, 200);
    }
}

struct Client {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Client {
    fn start(command: &mut Command, url: &str) -> Self {
        let mut child = command
            .arg(url)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { child, lines }
    }

    fn next(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("UTF-8");
        assert!(!line.is_empty(), "the client has ended");
        line
    }

    fn expect(&mut self, events: &[&str]) {
        for data in events {
            let line = self.next();
            let is_it = line.starts_with("message [") && line.ends_with(&format!("]: {data}\n"));
            assert!(is_it, "not {data}: {line}");
        }
    }

    /// Waits until it has given up.
    fn wait_for_failure(mut self) {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("a child") {
                assert_eq!(status.code(), Some(1), "{status}");
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not give up");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Leads connections to a server, and cuts them when it is told.
struct Proxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    target: SocketAddr,
    sockets: Vec<TcpStream>,
}

impl Proxy {
    fn new(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State {
            target,
            sockets: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        // It ends with the process of the tests.
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                shared.lock().expect("no panic").join(socket);
            }
        });
        Self { address, state }
    }

    fn cut(&self) {
        for socket in self.state.lock().expect("no panic").sockets.drain(..) {
            // It may be closed.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn lead_to(&self, target: SocketAddr) {
        self.state.lock().expect("no panic").target = target;
    }
}

impl State {
    fn join(&mut self, client: TcpStream) {
        let Ok(server) = TcpStream::connect(self.target) else {
            return;
        };
        for (from, to) in [(&client, &server), (&server, &client)] {
            let mut from = from.try_clone().expect("a descriptor");
            let mut to = to.try_clone().expect("a descriptor");
            thread::spawn(move || {
                // A cut is what it is for.
                let _ = copy(&mut from, &mut to);
                let _ = to.shutdown(Shutdown::Both);
            });
        }
        self.sockets.extend([client, server]);
    }
}
