//! An application that is asked over HTTP, and answers as a test says.
//!
//! It does not know who asks, nor why.

use super::wait::PATIENCE;
use smol::future::{block_on, or};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// Something that is asked over HTTP. It ends with the test.
pub(crate) struct Application {
    pub(crate) url: String,
    asked: async_channel::Receiver<Asked>,
}

/// One request, which waits for its answer.
pub(crate) struct Asked {
    pub(crate) head: String,
    answer: async_channel::Sender<String>,
}

impl Application {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (asks, asked) = async_channel::unbounded();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (asks, socket) = (asks.clone(), socket.expect("it is accepted"));
                std::thread::spawn(move || serve(socket, &asks));
            }
        });
        let url = format!("http://{address}/whoami");
        Self { url, asked }
    }

    /// Answers everything alike from now on, in the background.
    pub(crate) fn answer_all(&self, answer: impl Fn(&Asked) -> String + Send + 'static) {
        let asked = self.asked.clone();
        std::thread::spawn(move || {
            while let Ok(one) = asked.recv_blocking() {
                let said = answer(&one);
                one.say(&said);
            }
        });
    }

    /// The next request.
    pub(crate) fn asked(&self) -> Asked {
        let late = async {
            smol::Timer::after(PATIENCE).await;
            panic!("nobody asks")
        };
        block_on(or(
            async { self.asked.recv().await.expect("it listens") },
            late,
        ))
    }

    /// Whether nobody asks for this time. Only what must not happen is waited for by time.
    pub(crate) fn is_left_alone_for(&self, time: Duration) -> bool {
        let late = async {
            smol::Timer::after(time).await;
            true
        };
        let asked = async { self.asked.recv().await.is_err() };
        block_on(or(asked, late))
    }
}

impl Asked {
    /// The values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let lines = self.head.split("\r\n").skip(1);
        let headers = lines.filter_map(|line| line.split_once(": "));
        let named = headers.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value).collect()
    }

    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        match *self.all(name) {
            [] => None,
            [one] => Some(one),
            _ => panic!("{name} is said once in {}", self.head),
        }
    }

    /// Answers with these bytes. Who has asked may be gone.
    pub(crate) fn say(&self, bytes: &str) {
        let _ = self.answer.send_blocking(bytes.to_owned());
    }

    pub(crate) fn json(&self, body: &str) {
        self.say(&response(200, body));
    }
}

/// A whole response.
pub(crate) fn response(status: u16, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} So\r\ncontent-length: {length}\r\n\r\n{body}")
}

/// Serves until the other side leaves, or an answer is none.
fn serve(socket: TcpStream, asks: &async_channel::Sender<Asked>) {
    let mut lines = BufReader::new(&socket);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if !matches!(lines.read_line(&mut head), Ok(1..)) {
                return;
            }
        }
        let (answer, answers) = async_channel::bounded(1);
        if asks.send_blocking(Asked { head, answer }).is_err() {
            return;
        }
        let said = answers.recv_blocking();
        let Ok(said) = said.map(|said| (&socket).write_all(said.as_bytes()).map(|()| said)) else {
            return;
        };
        if said.is_ok_and(|said| !said.starts_with("HTTP/1.1 ")) {
            return;
        }
    }
}
