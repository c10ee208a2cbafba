//! What a client has to do, said plainly: delays as ranges, streams read from their start each time.
//!
//! It does not know how a client does it.

use crate::standard::Seen;
use crate::targets::reading::expected;
use arbitrary::Arbitrary;
use std::collections::VecDeque;
use tidings_core::{ClientError, ClientState, DecodeOptions};

/// How a client is made.
#[derive(Arbitrary, Clone, Debug)]
pub(super) struct Settings {
    pub(super) retry_ms: u16,
    pub(super) max_delay_ms: u16,
    pub(super) min_delay_ms: u8,
    pub(super) settled_ms: u16,
    pub(super) max_attempts: Option<u8>,
    pub(super) connect_timeout_ms: Option<u16>,
    pub(super) idle_timeout_ms: Option<u16>,
    pub(super) no_bye: bool,
    pub(super) resilient: bool,
    /// The limit of an event; 0 for the usual.
    pub(super) event_bytes: u8,
}

impl Settings {
    pub(super) fn bye_event(&self) -> &'static str {
        if self.no_bye { "" } else { "bye" }
    }

    pub(super) fn decode(&self) -> DecodeOptions {
        let mut options = DecodeOptions::default();
        if self.event_bytes > 0 {
            options.event_bytes = self.event_bytes.into();
        }
        options
    }
}

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Open,
    Disconnect(ClientError),
    /// With this last event id.
    Connect(Option<String>),
    Failed(ClientError),
}

/// When a client wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Never,
    Between(u64, u64),
}

pub(super) struct Model {
    settings: Settings,
    pub(super) state: ClientState,
    pub(super) due: Due,
    pub(super) retry_ms: u64,
    pub(super) last_event_id: String,
    said: VecDeque<Said>,
    /// Delays since the client came to something, and attempts.
    delays: u32,
    attempts: u32,
    opened_at: u64,
    bye_ms: Option<u64>,
    /// The stream that is open, the last event id it began with, and what has been told of it.
    stream: Vec<u8>,
    first_id: String,
    told: usize,
}

impl Model {
    pub(super) fn new(settings: Settings, last_event_id: &[u8]) -> Self {
        let last_event_id = crate::standard::utf_8_decode_without_bom(last_event_id);
        Self {
            state: ClientState::Idle,
            due: Due::Never,
            retry_ms: settings.retry_ms.into(),
            first_id: last_event_id.clone(),
            last_event_id,
            said: VecDeque::new(),
            delays: 0,
            attempts: 0,
            opened_at: 0,
            bye_ms: None,
            stream: Vec::new(),
            told: 0,
            settings,
        }
    }

    pub(super) fn connect(&mut self, now: u64) {
        match self.state {
            ClientState::Connecting | ClientState::Connected => {}
            ClientState::Reconnecting => self.attempt(now),
            ClientState::Idle | ClientState::Failed | ClientState::Closed => {
                self.come_to_something();
                self.attempt(now);
            }
        }
    }

    pub(super) fn close(&mut self) {
        self.drop_connection(ClientError::Closed);
        let of_interest = |said: &Said| !matches!(said, Said::Open | Said::Failed(_));
        self.said.retain(of_interest);
        self.rest(ClientState::Closed);
    }

    pub(super) fn respond(
        &mut self,
        now: u64,
        status: u16,
        is_event_stream: bool,
        retry_after_ms: u64,
    ) {
        if self.state != ClientState::Connecting || !self.knows() {
            return;
        }
        let error = match (status, is_event_stream) {
            (200, true) => {
                self.state = ClientState::Connected;
                self.opened_at = now;
                self.said.push_back(Said::Open);
                self.first_id = self.last_event_id.clone();
                self.due = after(now, self.settings.idle_timeout_ms);
                return;
            }
            (200, false) => ClientError::ContentType,
            (204, _) => ClientError::NoContent,
            (status, _) => ClientError::Status(status),
        };
        self.refuse(now, error, retry_after_ms);
    }

    /// The events that these bytes complete.
    pub(super) fn data(&mut self, now: u64, bytes: &[u8]) -> Vec<Seen> {
        if self.state != ClientState::Connected {
            return Vec::new();
        }
        if !bytes.is_empty() {
            self.due = after(now, self.settings.idle_timeout_ms);
        }
        self.stream.extend_from_slice(bytes);
        let outcome = expected(&self.stream, &self.first_id, self.settings.decode());
        let fresh = outcome.seen[self.told..].to_vec();
        self.told = outcome.seen.len();
        self.last_event_id = outcome.last_event_id;
        for seen in &fresh {
            match seen {
                Seen::Event { event, retry, .. } if event == self.settings.bye_event() => {
                    self.bye_ms = *retry;
                }
                Seen::Event { .. } => self.come_to_something(),
                Seen::Retry(ms) => self.retry_ms = *ms,
                Seen::Comment(_) => {}
            }
        }
        if let Some(error) = outcome.error {
            self.refuse(now, ClientError::Decode(error), 0);
        }
        let is_event = |seen: &Seen| matches!(seen, Seen::Event { .. });
        fresh.into_iter().filter(is_event).collect()
    }

    /// The connection is lost.
    pub(super) fn lose(&mut self, now: u64) {
        if self.has_connection() {
            self.wait(now, 0);
        }
    }

    pub(super) fn tick(&mut self, now: u64) {
        match self.due {
            Due::Between(at, _) if now >= at => {}
            _ => return,
        }
        match self.state {
            ClientState::Connecting => self.drop_connection(ClientError::ConnectTimeout),
            ClientState::Connected => self.drop_connection(ClientError::IdleTimeout),
            _ => return self.attempt(now),
        }
        self.wait(now, 0);
    }

    pub(super) fn poll(&mut self) -> Option<Said> {
        let said = self.said.pop_front()?;
        let Said::Connect(_) = said else {
            return Some(said);
        };
        let id = &self.last_event_id;
        let fits = |character: char| character == '\t' || !character.is_ascii_control();
        let is_sent = !id.is_empty() && id.chars().all(fits);
        Some(Said::Connect(is_sent.then(|| id.clone())))
    }

    /// Whether the driver knows of all connections it is to make.
    fn knows(&self) -> bool {
        !self
            .said
            .iter()
            .any(|said| matches!(said, Said::Connect(_)))
    }

    fn has_connection(&self) -> bool {
        let is_alive = matches!(self.state, ClientState::Connecting | ClientState::Connected);
        is_alive && self.knows()
    }

    fn come_to_something(&mut self) {
        (self.delays, self.attempts) = (0, 0);
    }

    fn attempt(&mut self, now: u64) {
        self.state = ClientState::Connecting;
        self.attempts += 1;
        self.said.retain(|said| !matches!(said, Said::Failed(_)));
        self.said.push_back(Said::Connect(None));
        self.due = after(now, self.settings.connect_timeout_ms);
    }

    fn drop_connection(&mut self, error: ClientError) {
        if self.has_connection() {
            self.said.push_back(Said::Disconnect(error));
        }
        self.said.retain(|said| !matches!(said, Said::Connect(_)));
    }

    fn refuse(&mut self, now: u64, error: ClientError, retry_after_ms: u64) {
        self.drop_connection(error);
        if self.settings.resilient && error != ClientError::NoContent {
            self.wait(now, retry_after_ms);
        } else {
            self.said.push_back(Said::Failed(error));
            self.rest(ClientState::Failed);
        }
    }

    /// Waits before the next attempt, if there may be one.
    fn wait(&mut self, now: u64, at_least_ms: u64) {
        let settled_ms = u64::from(self.settings.settled_ms);
        if self.state == ClientState::Connected && now - self.opened_at >= settled_ms {
            self.come_to_something();
        }
        if let Some(limit) = self.settings.max_attempts.map(u32::from)
            && self.attempts >= limit
        {
            self.said
                .push_back(Said::Failed(ClientError::Attempts { limit }));
            return self.rest(ClientState::Failed);
        }
        let floor = u64::from(self.settings.min_delay_ms);
        let (shortest, longest) = match self.bye_ms {
            Some(ms) => (ms, ms),
            None => self.delay_ms(),
        };
        let from_now = |ms: u64| now.saturating_add(ms.max(floor).max(at_least_ms));
        self.rest(ClientState::Reconnecting);
        self.due = Due::Between(from_now(shortest), from_now(longest));
    }

    /// The first delay, doubled with each since, up to the longest; and a fifth less or more.
    fn delay_ms(&mut self) -> (u64, u64) {
        let first = self.retry_ms.max(self.settings.min_delay_ms.into());
        let longest = first.max(self.settings.max_delay_ms.into());
        let doubled = (0..self.delays).fold(first, |ms, _| ms.saturating_mul(2).min(longest));
        self.delays += 1;
        let fifth = doubled / 5;
        (doubled - fifth, doubled.saturating_add(fifth))
    }

    /// Has nothing to do with a connection any more.
    fn rest(&mut self, state: ClientState) {
        self.state = state;
        self.due = Due::Never;
        self.bye_ms = None;
        self.stream.clear();
        self.told = 0;
    }
}

fn after(now: u64, ms: Option<u16>) -> Due {
    match ms {
        Some(ms) => {
            let at = now.saturating_add(ms.into());
            Due::Between(at, at)
        }
        None => Due::Never,
    }
}
