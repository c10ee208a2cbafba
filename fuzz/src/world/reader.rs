//! A reader: a client of the core, how fast it reads, and what it has heard.
//!
//! It does not know the network; it asks for a stream and is handed bytes.

use super::judge::{Ledger, Profile, Record};
use super::story::Persona;
use crate::verdict::Verdict;
use std::borrow::Cow;
use tidings_core::{Client, ClientError, ClientOptions, ClientOutput, Response};

/// One reader.
pub(super) struct Reader {
    pub(super) client: Client,
    pub(super) profile: Profile,
    pub(super) persona: Persona,
    pub(super) pace: Pace,
    pub(super) record: Record,
    /// Which of its requests is the present one.
    pub(super) attempt: u64,
    /// The link it reads from.
    pub(super) link: Option<usize>,
    /// When it may read again.
    pub(super) reads_at: u64,
    /// It was told to stay away.
    pub(super) away: bool,
}

/// How fast a reader reads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pace {
    Fast,
    /// So many bytes in 100 ms.
    Slow(usize),
    Stopped,
}

/// What a reader wants of the world.
pub(super) enum Wish {
    Connect(String),
    Disconnect(ClientError),
}

/// How often a slow reader reads.
const SLOW_MS: u64 = 100;

impl Reader {
    pub(super) fn new(number: usize, persona: &Persona, silence_ms: u64) -> Self {
        let options = ClientOptions {
            retry_ms: 200,
            max_delay_ms: 2_000,
            connect_timeout_ms: Some(3_000),
            idle_timeout_ms: Some(silence_ms),
            resilient: true,
            ..ClientOptions::new(number as u64 + 1)
        };
        let grants = if persona.granted {
            vec!["a/**", "latest/x"]
        } else {
            Vec::new()
        };
        Self {
            client: Client::new(options),
            profile: Profile {
                user: persona.user,
                tab: persona.tab,
                topics: persona.topics.clone(),
                grants,
            },
            persona: persona.clone(),
            pace: Pace::Fast,
            record: Record::default(),
            attempt: 0,
            link: None,
            reads_at: 0,
            away: false,
        }
    }

    /// How long its tokens last.
    pub(super) fn token_ms(&self) -> Option<u64> {
        self.persona
            .token
            .map(|tenths| u64::from(tenths) * 100 + 1_500)
    }

    /// How many bytes it reads at this moment.
    pub(super) fn appetite(&mut self, now: u64) -> usize {
        match self.pace {
            Pace::Fast => usize::MAX,
            Pace::Slow(bytes) if self.reads_at <= now => {
                self.reads_at = now + SLOW_MS;
                bytes
            }
            Pace::Slow(_) | Pace::Stopped => 0,
        }
    }

    /// When it reads again, if there is something at `readable`.
    pub(super) fn next_read(&self, readable: u64) -> Option<u64> {
        match self.pace {
            Pace::Fast => Some(readable),
            Pace::Slow(_) => Some(readable.max(self.reads_at)),
            Pace::Stopped => None,
        }
    }

    /// The server has answered its request.
    pub(super) fn answered(&mut self, now: u64, status: u16) {
        let response = Response::new(status).with_content_type(b"text/event-stream");
        self.client.handle_response(now, response);
    }

    /// Bytes have come. Whether its token is about to end.
    pub(super) fn receive(&mut self, now: u64, bytes: &[u8], ledger: &Ledger) -> Verdict<bool> {
        let mut input = bytes;
        let mut reauth = false;
        while let Some(event) = self.client.handle_data(now, &mut input) {
            reauth |= event.event() == "reauth";
            self.record
                .hear(&event, &self.profile, ledger)
                .map_err(|error| format!("{error}, at {event:?}"))?;
        }
        Ok(reauth)
    }

    /// What it wants next.
    pub(super) fn wish(&mut self) -> Verdict<Option<Wish>> {
        while let Some(output) = self.client.poll_output() {
            match output {
                ClientOutput::Open => {}
                ClientOutput::Connect { last_event_id } => {
                    let id = last_event_id.map_or_else(String::new, Cow::into_owned);
                    return Ok(Some(Wish::Connect(id)));
                }
                ClientOutput::Disconnect(error) => return Ok(Some(Wish::Disconnect(error))),
                ClientOutput::Failed(ClientError::NoContent) => self.away = true,
                other => return Err(format!("a client gave up: {other:?}")),
            }
        }
        Ok(None)
    }
}
