//! Owns the reader's end of a stream: when to connect, what to make of a response, which events to
//! hand out, when to give up and when to try again. Sections 9.2.2 to 9.2.4 of the WHATWG HTML
//! standard.
//!
//! It does not know HTTP, sockets or clocks: a driver does what it asks, and tells it what happened
//! and when.

mod ladder;
mod options;
mod output;
mod response;

pub use options::ClientOptions;
pub use output::{ClientError, ClientOutput};
pub use response::Response;

use crate::decode::{DecodeOptions, Decoder, Found};
use crate::event::{Event, EventError};
use alloc::borrow::Cow;
use core::mem;
use ladder::Ladder;
use output::Outputs;

/// Where a client stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientState {
    /// Not told to connect yet.
    Idle,
    /// Waiting for a response.
    Connecting,
    /// Reading a stream.
    Connected,
    /// Waiting for the time to connect again.
    Reconnecting,
    /// Given up.
    Failed,
    /// Closed by the application.
    Closed,
}

/// An `EventSource` without I/O.
///
/// The driver calls what the application wants (`connect`, `close`) and what the world did
/// (`handle_*`). After each call it does what `poll_output` says until that is `None`, then waits
/// for the world or until `poll_timeout`, whichever is first. `now` is in milliseconds, from any
/// start, and never goes back.
///
/// | state | `handle_response` | `handle_data` | `handle_end`, `handle_error` | `handle_timeout` |
/// |---|---|---|---|---|
/// | idle, failed, closed | | | | |
/// | connecting | connected, failed | | reconnecting | reconnecting |
/// | connected | | connected, failed | reconnecting | reconnecting |
/// | reconnecting | | | | connecting |
///
/// What is empty is ignored: late news of a connection that is gone does no harm. Where the table
/// says failed, the option `resilient` makes it reconnecting; where it says reconnecting, a limit
/// on attempts may make it failed.
///
/// A delay starts at `retry`, doubles with each failure up to 30 s (or `retry`, if that is more)
/// and starts again after the first event or 10 s of connection. Each is by chance up to a fifth
/// shorter or longer, so that clients which lost their server together do not come back together.
/// The delay in a `bye` is kept exactly: there the server spreads its clients itself.
///
/// ```
/// use tidings_core::{Client, ClientOptions, ClientOutput, ClientState, Response};
///
/// let mut client = Client::new(ClientOptions::new(7));
/// client.connect(0);
/// assert_eq!(client.poll_output(), Some(ClientOutput::Connect { last_event_id: None }));
///
/// let response = Response::new(200).with_content_type(b"text/event-stream");
/// client.handle_response(20, response);
/// assert_eq!(client.poll_output(), Some(ClientOutput::Open));
///
/// let mut input = &b"id: 1\ndata: hello\n\nid: 2\ndata: wor"[..];
/// while let Some(event) = client.handle_data(30, &mut input) {
///     assert_eq!(event.data(), "hello");
/// }
///
/// client.handle_end(40);
/// assert_eq!(client.state(), ClientState::Reconnecting);
/// let again = client.poll_timeout().expect("a delay");
/// assert!((840..=1_240).contains(&again));
/// client.handle_timeout(again);
/// let last_event_id = Some("1".into());
/// assert_eq!(client.poll_output(), Some(ClientOutput::Connect { last_event_id }));
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    options: ClientOptions,
    state: ClientState,
    decoder: Decoder,
    outputs: Outputs,
    /// When the client has to do something of its own accord.
    deadline: Option<u64>,
    opened_at: u64,
    ladder: Ladder,
    retry_ms: u64,
    /// The delay of a `bye` that has been read.
    bye_ms: Option<u64>,
}

impl Client {
    /// A client that has no last event id, and waits to be told to connect.
    #[must_use]
    pub fn new(options: ClientOptions) -> Self {
        let decode = DecodeOptions {
            comments: false,
            ..options.decode
        };
        Client {
            state: ClientState::Idle,
            decoder: Decoder::new(decode),
            outputs: Outputs::default(),
            deadline: None,
            opened_at: 0,
            ladder: Ladder::new(&options),
            retry_ms: options.retry_ms,
            bye_ms: None,
            options,
        }
    }

    /// A client that goes on after the event of this id, which the application has kept.
    ///
    /// # Errors
    ///
    /// When the id has a NUL or a line break, which no last event id can have.
    pub fn resume(options: ClientOptions, last_event_id: &[u8]) -> Result<Self, EventError> {
        let mut client = Client::new(options);
        client.decoder.resume(last_event_id)?;
        Ok(client)
    }

    /// Where the client stands.
    #[must_use]
    pub const fn state(&self) -> ClientState {
        self.state
    }

    /// The last event id, with U+FFFD for what is not UTF-8; empty if there is none. It survives
    /// reconnects, failure and close.
    #[must_use]
    pub fn last_event_id(&self) -> Cow<'_, str> {
        self.decoder.last_event_id()
    }

    /// The first delay before a reconnect, in milliseconds, as the server or the options have it.
    #[must_use]
    pub const fn retry_ms(&self) -> u64 {
        self.retry_ms
    }

    /// Connects now: for the first time, again after failure or close, or without waiting any
    /// longer for the next attempt. Does nothing while there is a connection.
    pub fn connect(&mut self, now: u64) {
        match self.state {
            ClientState::Connecting | ClientState::Connected => {}
            ClientState::Reconnecting => self.start(now),
            ClientState::Idle | ClientState::Failed | ClientState::Closed => {
                self.ladder.settle();
                self.start(now);
            }
        }
    }

    /// Closes the client, until it is told to connect again.
    pub fn close(&mut self) {
        self.disconnect(ClientError::Closed);
        self.outputs.open = false;
        self.outputs.failed = None;
        self.stop(ClientState::Closed);
    }

    /// The server has answered.
    pub fn handle_response(&mut self, now: u64, response: Response<'_>) {
        if self.state != ClientState::Connecting || self.outputs.connect {
            return;
        }
        match response.check() {
            Ok(()) => {
                self.state = ClientState::Connected;
                self.opened_at = now;
                self.outputs.open = true;
                self.touch(now);
            }
            Err(error) => self.refuse(now, error, response.retry_after_ms()),
        }
    }

    /// Bytes of the stream have come. Takes them from the front of `input` up to the end of the
    /// next event, and hands that out; call until `None`.
    ///
    /// A stream that exceeds a limit ends the connection. What is left in `input` is of no use
    /// then.
    pub fn handle_data<'a, 'i: 'a>(
        &'a mut self,
        now: u64,
        input: &mut &'i [u8],
    ) -> Option<Event<'a>> {
        if self.state != ClientState::Connected {
            return None;
        }
        if !input.is_empty() {
            self.touch(now);
        }
        let parts = loop {
            match self.decoder.advance(input) {
                Ok(Found::Nothing) => return None,
                Ok(Found::Event(parts)) => break parts,
                Ok(Found::Retry(ms)) => self.retry_ms = ms,
                Ok(Found::Comment(_)) => {}
                Err(error) => {
                    self.refuse(now, ClientError::Decode(error), None);
                    return None;
                }
            }
        };
        let event = self.decoder.event(&parts);
        if event.event_bytes() == self.options.bye_event.as_bytes() {
            // A farewell is no sign that the server is well.
            self.bye_ms = event.retry();
        } else {
            self.ladder.settle();
        }
        Some(event)
    }

    /// The stream has ended, or the connection before there was a response.
    pub fn handle_end(&mut self, now: u64) {
        if self.has_connection() {
            self.reconnect(now, None);
        }
    }

    /// The connection has failed, or could not be made.
    pub fn handle_error(&mut self, now: u64) {
        self.handle_end(now);
    }

    /// It is as late as [`poll_timeout`](Self::poll_timeout) said, or later. Earlier does no harm.
    pub fn handle_timeout(&mut self, now: u64) {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return;
        }
        match self.state {
            ClientState::Connecting => {
                self.disconnect(ClientError::ConnectTimeout);
                self.reconnect(now, None);
            }
            ClientState::Connected => {
                self.disconnect(ClientError::IdleTimeout);
                self.reconnect(now, None);
            }
            ClientState::Reconnecting => self.start(now),
            ClientState::Idle | ClientState::Failed | ClientState::Closed => {}
        }
    }

    /// What to do next, at once. `None`: nothing.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<ClientOutput<'_>> {
        let outputs = &mut self.outputs;
        if mem::take(&mut outputs.open) {
            Some(ClientOutput::Open)
        } else if let Some(error) = outputs.disconnect.take() {
            Some(ClientOutput::Disconnect(error))
        } else if mem::take(&mut outputs.connect) {
            let last_event_id = self.last_event_id_header();
            Some(ClientOutput::Connect { last_event_id })
        } else {
            outputs.failed.take().map(ClientOutput::Failed)
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing happens before. `None`:
    /// never.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<u64> {
        self.deadline
    }

    /// Whether the driver has been told to make a connection, and not yet to drop it.
    const fn has_connection(&self) -> bool {
        matches!(self.state, ClientState::Connecting | ClientState::Connected)
            && !self.outputs.connect
    }

    fn start(&mut self, now: u64) {
        self.state = ClientState::Connecting;
        self.outputs.connect = true;
        self.outputs.failed = None;
        self.ladder.attempt();
        let timeout_ms = self.options.connect_timeout_ms;
        self.deadline = timeout_ms.map(|ms| now.saturating_add(ms));
    }

    /// Notes a sign of life.
    fn touch(&mut self, now: u64) {
        let timeout_ms = self.options.idle_timeout_ms;
        self.deadline = timeout_ms.map(|ms| now.saturating_add(ms));
    }

    /// Has the driver drop the connection. One it has not been told of is only forgotten.
    fn disconnect(&mut self, error: ClientError) {
        if self.has_connection() {
            self.outputs.disconnect = Some(error);
        }
        self.outputs.connect = false;
    }

    /// The server does not do what it should.
    fn refuse(&mut self, now: u64, error: ClientError, retry_after_ms: Option<u64>) {
        self.disconnect(error);
        if self.options.resilient && error != ClientError::NoContent {
            self.reconnect(now, retry_after_ms);
        } else {
            self.outputs.failed = Some(error);
            self.stop(ClientState::Failed);
        }
    }

    /// The connection is gone: waits for the time to make another, if there is to be one.
    fn reconnect(&mut self, now: u64, retry_after_ms: Option<u64>) {
        let was_open = self.state == ClientState::Connected;
        if was_open && now.saturating_sub(self.opened_at) >= self.options.settled_ms {
            self.ladder.settle();
        }
        if let Some(limit) = self.options.max_attempts
            && self.ladder.attempts() >= limit
        {
            self.outputs.failed = Some(ClientError::Attempts { limit });
            return self.stop(ClientState::Failed);
        }
        let delay_ms = match self.bye_ms {
            Some(ms) => ms.max(self.options.min_delay_ms),
            None => self.ladder.delay_ms(self.retry_ms),
        };
        self.stop(ClientState::Reconnecting);
        let delay_ms = delay_ms.max(retry_after_ms.unwrap_or(0));
        self.deadline = Some(now.saturating_add(delay_ms));
    }

    /// Forgets all of the connection but the last event id.
    fn stop(&mut self, state: ClientState) {
        self.state = state;
        self.deadline = None;
        self.bye_ms = None;
        self.decoder.reset();
    }

    /// The last event id, if a header can carry it.
    fn last_event_id_header(&self) -> Option<Cow<'_, str>> {
        let id = self.decoder.last_event_id_bytes();
        let is_fit = |byte: &u8| *byte == b'\t' || !byte.is_ascii_control();
        (!id.is_empty() && id.iter().all(is_fit)).then(|| self.last_event_id())
    }
}
