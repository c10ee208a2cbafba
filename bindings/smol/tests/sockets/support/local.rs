//! A server within the test, for options that are no flags.
//!
//! It does not know what is asked of it.

use super::http::{Client, Response};
use super::stream::Stream;
use std::net::SocketAddr;
use std::thread::JoinHandle;
use std::time::Duration;
use tidings_smol::server::{App, Server, ServerOptions};

/// A server on a port that the system chooses. It ends with the test.
pub(crate) struct Local {
    pub(crate) address: SocketAddr,
    stop: Option<async_channel::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Local {
    pub(crate) fn start(options: ServerOptions) -> Self {
        Self::start_with(options, App::new)
    }

    /// With routes beside the server's own, which are made on its thread.
    pub(crate) fn start_with(
        options: ServerOptions,
        app: impl FnOnce() -> App + Send + 'static,
    ) -> Self {
        let options = ServerOptions {
            listen: ([127, 0, 0, 1], 0).into(),
            drain: Duration::from_millis(100),
            ..options
        };
        let server = Server::bind(options).unwrap_or_else(|error| panic!("it starts: {error}"));
        let address = server.address();
        let (stop, stopped) = async_channel::bounded::<()>(1);
        let thread = std::thread::spawn(move || {
            let stopped = async move {
                let _ = stopped.recv().await;
            };
            server.run_with(app(), stopped).expect("it runs");
        });
        Self {
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// Sends a request without waiting for the answer: `METHOD target`, these header lines and, where
    /// there is one, a JSON body.
    pub(crate) fn ask(&self, line: &str, headers: &[&str], body: &str) -> Client {
        let mut client = self.connect();
        let (method, target) = line.split_once(' ').expect("a method and a target");
        let request = client.bytes_of(method, target, body);
        let (head, body) = request.split_once("\r\n\r\n").expect("a head ends");
        let headers: String = headers
            .iter()
            .map(|header| format!("\r\n{header}"))
            .collect();
        client.send(format!("{head}{headers}\r\n\r\n{body}"));
        client
    }

    pub(crate) fn request(&self, line: &str, headers: &[&str], body: &str) -> Response {
        self.ask(line, headers, body).response()
    }

    /// Opens a stream, which has not read anything yet.
    pub(crate) fn stream(&self, query: &str, headers: &[&str]) -> Stream {
        self.stream_of(&format!("/events?{query}"), headers)
    }
}

impl Local {
    /// As [`stream`](Self::stream), of another path.
    pub(crate) fn stream_of(&self, target: &str, headers: &[&str]) -> Stream {
        Stream::of(self.ask(&format!("GET {target}"), headers, ""))
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        drop(self.stop.take());
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(matches!(ended, Some(Ok(()))), "the server ends in order");
        }
    }
}
