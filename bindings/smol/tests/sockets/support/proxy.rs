//! A network between client and server that can be cut.
//!
//! It does not know what is sent through it.

use super::random::Random;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// Forwards connections to a server. What is cut is cut for both sides.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct State {
    /// Both ends of every connection so far.
    sockets: Vec<TcpStream>,
    /// Where set, each connection is cut after so many bytes from the server, by chance.
    cuts: Option<(Random, usize)>,
    connections: usize,
}

impl Proxy {
    pub(crate) fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let state = Arc::new(Mutex::new(State {
            sockets: Vec::new(),
            cuts: None,
            connections: 0,
        }));
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // A server that is away is a cut connection.
                if let Ok(server) = TcpStream::connect(server) {
                    let budget = lock(&shared).add(&client, &server);
                    forward(client, server, budget);
                }
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cuts each connection that is made from now on after fewer than `bytes` bytes; 0 for none.
    pub(crate) fn cut_after(&self, random: Random, bytes: usize) {
        lock(&self.state).cuts = (bytes > 0).then_some((random, bytes));
    }

    /// Cuts every connection there is.
    pub(crate) fn cut(&self) {
        for socket in lock(&self.state).sockets.drain(..) {
            // It may have ended by itself.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        lock(&self.state).connections
    }
}

impl State {
    fn add(&mut self, client: &TcpStream, server: &TcpStream) -> usize {
        self.connections += 1;
        let ends = [client, server].map(|end| end.try_clone().expect("it can be cloned"));
        self.sockets.extend(ends);
        let cuts = self.cuts.as_mut();
        cuts.map_or(usize::MAX, |(random, bytes)| random.below(*bytes))
    }
}

/// Copies in both directions until one of them ends, or the server has sent its part.
fn forward(client: TcpStream, server: TcpStream, budget: usize) {
    let back = (
        server.try_clone().expect("it can be cloned"),
        client.try_clone().expect("it can be cloned"),
    );
    std::thread::spawn(move || copy(client, server, usize::MAX));
    std::thread::spawn(move || copy(back.0, back.1, budget));
}

fn copy(mut from: TcpStream, mut to: TcpStream, mut budget: usize) {
    let mut bytes = [0; 4_096];
    while budget > 0 {
        let most = bytes.len().min(budget);
        let copied: io::Result<usize> = from.read(&mut bytes[..most]).and_then(|read| {
            to.write_all(&bytes[..read])?;
            Ok(read)
        });
        match copied {
            Ok(0) | Err(_) => break,
            Ok(read) => budget -= read,
        }
    }
    for socket in [from, to] {
        // It may have ended already.
        let _ = socket.shutdown(Shutdown::Both);
    }
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
