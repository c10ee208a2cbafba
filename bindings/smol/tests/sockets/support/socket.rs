//! One WebSocket, as a client has it: what it says, and what it hears, as JSON.
//!
//! It does not know what should come. A ping is answered when the next message is waited for.

use super::wait::PATIENCE;
use async_tungstenite::tungstenite::error::Error;
use async_tungstenite::tungstenite::handshake::client::generate_key;
use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::{Message, WebSocket, client};
use hyper::{Request, Response};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

pub(crate) struct Socket<I = TcpStream> {
    pub(crate) socket: WebSocket<I>,
    /// Events that came while an answer was waited for.
    events: VecDeque<Value>,
    /// For the message of a failure.
    seen: Vec<Value>,
}

/// Why there is no socket: the status, and the code of the error.
pub(crate) type Refused = (u16, String);

/// The request of a browser, with these headers beside.
pub(crate) fn upgrade(target: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::get(format!("ws://localhost{target}"))
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", generate_key());
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", "localhost");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request")
}

impl Socket {
    /// Opens one at `/ws`.
    pub(crate) fn open(address: SocketAddr, query: &str) -> Self {
        Self::try_open(address, &format!("/ws?{query}"), &[])
            .unwrap_or_else(|refused| panic!("it is opened: {refused:?}"))
    }

    /// Asks for one, with headers.
    pub(crate) fn try_open(
        address: SocketAddr,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Refused> {
        let stream = TcpStream::connect(address).expect("the server takes a connection");
        for set in [TcpStream::set_read_timeout, TcpStream::set_write_timeout] {
            set(&stream, Some(PATIENCE)).expect("a time can be set");
        }
        stream.set_nodelay(true).expect("it can be set");
        Self::try_on(stream, target, headers)
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.socket.get_ref()
    }
}

impl<I: Read + Write> Socket<I> {
    /// Asks for one on a connection that is there.
    pub(crate) fn try_on(
        stream: I,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, Refused> {
        match client(upgrade(target, headers), stream) {
            Ok((socket, response)) => {
                assert_eq!(response.status(), 101);
                Ok(Self {
                    socket,
                    events: VecDeque::new(),
                    seen: Vec::new(),
                })
            }
            Err(async_tungstenite::tungstenite::HandshakeError::Failure(Error::Http(refused))) => {
                Err(told(&refused))
            }
            Err(error) => panic!("there is neither a socket nor a refusal: {error}"),
        }
    }

    /// Says something.
    pub(crate) fn say(&mut self, message: &Value) {
        self.send(Message::text(message.to_string()));
    }

    pub(crate) fn send(&mut self, message: Message) {
        self.socket.send(message).expect("it can be sent");
    }

    /// Says something, and waits for its answer, which must come before any other.
    pub(crate) fn ask(&mut self, message: &Value) -> Value {
        self.say(message);
        self.answer()
    }

    /// The next answer.
    pub(crate) fn answer(&mut self) -> Value {
        loop {
            let next = self.read();
            if next.get("type").is_some() {
                return next;
            }
            self.events.push_back(next);
        }
    }

    /// The code of the next answer, which must be an error.
    pub(crate) fn error(&mut self) -> String {
        let answer = self.answer();
        assert_eq!(answer["type"], "error", "{answer}");
        let message = answer["message"].as_str().unwrap_or_default();
        assert!(!message.is_empty(), "an error says what is wrong: {answer}");
        answer["code"].as_str().expect("it has a code").to_owned()
    }

    /// The next event, heartbeats aside.
    pub(crate) fn next(&mut self) -> Value {
        loop {
            let next = match self.events.pop_front() {
                Some(next) => next,
                None => self.read(),
            };
            assert!(next.get("type").is_none(), "no answer: {next}");
            if next["event"] != "heartbeat" && !next["event"].is_null() {
                return next;
            }
        }
    }

    /// The next event, which must be of this type.
    pub(crate) fn expect(&mut self, event: &str) -> Value {
        let next = self.next();
        assert_eq!(next["event"], event, "{next} after {:?}", self.seen);
        next
    }

    /// What a control event says, which must be the next.
    pub(crate) fn control(&mut self, event: &str) -> Value {
        let next = self.expect(event);
        let data = next["data"].as_str().expect("data is text");
        serde_json::from_str(data).unwrap_or_else(|error| panic!("{error} in {next}"))
    }

    /// The name of its stream.
    pub(crate) fn connected(&mut self) -> String {
        let said = self.control("connected");
        said["connection"].as_str().expect("a name").to_owned()
    }

    /// The data of the next events, which must be messages.
    pub(crate) fn messages(&mut self, count: usize) -> Vec<String> {
        let data = (0..count).map(|_| self.expect("message")["data"].clone());
        data.map(|data| data.as_str().expect("text").to_owned())
            .collect()
    }

    /// The next message, whatever it is.
    pub(crate) fn read(&mut self) -> Value {
        match self.try_read() {
            Ok(value) => value,
            Err(end) => panic!(
                "the socket ended with {end:?}; before that: {:?}",
                self.seen
            ),
        }
    }

    /// The next message, or the code with which the server closed; none without a word.
    pub(crate) fn try_read(&mut self) -> Result<Value, Option<u16>> {
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    let value: Value = serde_json::from_str(&text).expect("JSON");
                    self.seen.push(value.clone());
                    return Ok(value);
                }
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(Message::Close(frame)) => return Err(frame.map(|frame| frame.code.into())),
                Ok(other) => panic!("a server does not send {other:?}"),
                Err(Error::Io(error)) if super::http::is_timeout(&error) => {
                    panic!("nothing comes; before that: {:?}", self.seen)
                }
                Err(_) => return Err(None),
            }
        }
    }

    /// Reads to the end, and hands out the code with which the server closed it.
    pub(crate) fn end(&mut self) -> Option<u16> {
        loop {
            if let Err(code) = self.try_read() {
                return code;
            }
        }
    }

    /// Closes it, and waits for the answer.
    pub(crate) fn close(mut self, code: u16) {
        let frame = CloseFrame {
            code: code.into(),
            reason: "".into(),
        };
        self.socket.close(Some(frame)).expect("it can be closed");
        assert_eq!(self.end(), Some(code), "the server answers with the code");
        // The server closes the connection first.
        while self.socket.read().is_ok() {}
    }
}

fn told(refused: &Response<Option<Vec<u8>>>) -> Refused {
    let body = refused.body().as_deref().unwrap_or_default();
    let json: Value = serde_json::from_slice(body).unwrap_or_else(|_| json!({}));
    let code = json["error"]["code"].as_str().unwrap_or_default();
    (refused.status().as_u16(), code.to_owned())
}
