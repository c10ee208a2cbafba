//! The client does what its model does, whatever the application, the driver and the world do.
//!
//! It does not know what is right; `model` says so.

mod model;

use super::reading::told_event;
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use arbitrary::{Arbitrary, Unstructured};
use model::{Due, Model, Said, Settings};
use std::borrow::Cow;
use tidings_core::{Client, ClientOptions, ClientOutput, DecodeOptions, Response};

/// One thing that happens to a client.
#[derive(Arbitrary, Debug)]
enum Step<'a> {
    Connect,
    Close,
    /// The server answers as it should.
    Accept,
    Respond {
        status: u16,
        /// One of [`CONTENT_TYPES`], around.
        content_type: u8,
        retry_after_ms: Option<u16>,
    },
    Data(&'a [u8]),
    /// One of [`PHRASES`], around.
    Phrase(u8),
    End,
    Error,
    /// The driver looks at the clock.
    Tick,
    Sleep {
        ms: u16,
    },
    /// The driver sleeps exactly until it is wanted.
    SleepToTimeout,
    Poll,
}

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    seed: u16,
    settings: Settings,
    /// What the application has kept from before.
    last_event_id: Option<&'a [u8]>,
    /// Whether the driver does at once what there is to do.
    eager: bool,
    steps: Vec<Step<'a>>,
}

/// Content types, and whether an event stream follows.
const CONTENT_TYPES: [(&str, bool); 6] = [
    ("text/event-stream", true),
    ("Text/Event-Stream ; charset=utf-8", true),
    ("text/html, text/event-stream", true),
    ("", false),
    ("text/plain", false),
    ("text/event-stream, text/html", false),
];

const PHRASES: [&[u8]; 12] = [
    b"id: 1\ndata: a\n\n",
    b"data: b\n\n",
    b"retry: 10\n",
    b"event: bye\nretry: 7000\ndata: c\n\n",
    b"event: bye\ndata: d\n\n",
    b"\n",
    b": \n\n",
    b"id: \x1b\n\n",
    b"data: as long as this, and longer than some of the limits are",
    b"id: 2",
    b"id\n\n",
    b"retry: 99999999999999999999\n",
];

/// Checks the client with this input.
///
/// # Errors
/// The first difference from the model.
pub fn check(bytes: &[u8]) -> Verdict {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(bytes)) else {
        return Ok(());
    };
    let options = options(&input);
    let id = input.last_event_id.unwrap_or_default();
    let client = Client::resume(options, id);
    let is_good = !id.iter().any(|byte| b"\0\r\n".contains(byte));
    ensure_eq!(
        client.is_ok(),
        is_good,
        "whether one can resume after {id:?}"
    );
    let Ok(client) = client else {
        return Ok(());
    };
    let mut pair = Pair {
        client,
        model: Model::new(input.settings, id),
        now: 0,
    };
    for (number, step) in input.steps.iter().enumerate() {
        let held = pair.step(step).and_then(|()| match input.eager {
            true => pair.drain(),
            false => Ok(()),
        });
        held.and_then(|()| pair.compare())
            .map_err(|fault| format!("step {number}, {step:?}, at {}: {fault}", pair.now))?;
    }
    pair.drain()
}

fn options(input: &Input<'_>) -> ClientOptions {
    let settings = &input.settings;
    ClientOptions {
        retry_ms: settings.retry_ms.into(),
        max_delay_ms: settings.max_delay_ms.into(),
        min_delay_ms: settings.min_delay_ms.into(),
        settled_ms: settings.settled_ms.into(),
        max_attempts: settings.max_attempts.map(u32::from),
        connect_timeout_ms: settings.connect_timeout_ms.map(u64::from),
        idle_timeout_ms: settings.idle_timeout_ms.map(u64::from),
        bye_event: settings.bye_event().to_owned(),
        resilient: settings.resilient,
        decode: DecodeOptions {
            comments: true,
            ..settings.decode()
        },
        ..ClientOptions::new(input.seed.into())
    }
}

/// A client and its model.
struct Pair {
    client: Client,
    model: Model,
    now: u64,
}

impl Pair {
    fn step(&mut self, step: &Step<'_>) -> Verdict {
        let Self { client, model, now } = self;
        match *step {
            Step::Connect => {
                client.connect(*now);
                model.connect(*now);
            }
            Step::Close => {
                client.close();
                model.close();
            }
            Step::Accept => self.respond(200, CONTENT_TYPES[0], None),
            Step::Respond {
                status,
                content_type,
                retry_after_ms,
            } => {
                let content_type = CONTENT_TYPES[usize::from(content_type) % CONTENT_TYPES.len()];
                self.respond(status, content_type, retry_after_ms);
            }
            Step::Data(bytes) => self.data(bytes)?,
            Step::Phrase(number) => self.data(PHRASES[usize::from(number) % PHRASES.len()])?,
            Step::End => {
                client.handle_end(*now);
                model.lose(*now);
            }
            Step::Error => {
                client.handle_error(*now);
                model.lose(*now);
            }
            Step::Tick => self.tick(),
            Step::Sleep { ms } => *now = now.saturating_add(ms.into()),
            Step::SleepToTimeout => {
                *now = client.poll_timeout().unwrap_or(*now).max(*now);
                self.tick();
            }
            Step::Poll => _ = self.poll()?,
        }
        Ok(())
    }

    fn respond(&mut self, status: u16, content_type: (&str, bool), retry_after_ms: Option<u16>) {
        let mut response = Response::new(status).with_content_type(content_type.0.as_bytes());
        if let Some(ms) = retry_after_ms {
            response = response.with_retry_after(ms.into());
        }
        let retry_after_ms = retry_after_ms.map_or(0, u64::from);
        self.client.handle_response(self.now, response);
        self.model
            .respond(self.now, status, content_type.1, retry_after_ms);
    }

    /// No event is lost or made up.
    fn data(&mut self, bytes: &[u8]) -> Verdict {
        let mut input = bytes;
        let mut events = Vec::new();
        while let Some(event) = self.client.handle_data(self.now, &mut input) {
            events.push(told_event(event));
        }
        let right = self.model.data(self.now, bytes);
        ensure_eq!(
            events,
            right,
            "the events of {:?}",
            bytes.escape_ascii().to_string()
        );
        Ok(())
    }

    fn tick(&mut self) {
        self.client.handle_timeout(self.now);
        self.model.tick(self.now);
    }

    /// The next output, which is that of the model. Whether there was one.
    fn poll(&mut self) -> Verdict<bool> {
        let said = self.client.poll_output().map(|output| match output {
            ClientOutput::Connect { last_event_id } => {
                Said::Connect(last_event_id.map(Cow::into_owned))
            }
            ClientOutput::Open => Said::Open,
            ClientOutput::Disconnect(error) => Said::Disconnect(error),
            ClientOutput::Failed(error) => Said::Failed(error),
            other => unreachable!("no other outputs exist: {other:?}"),
        });
        let right = self.model.poll();
        ensure_eq!(said, right, "the next output");
        Ok(said.is_some())
    }

    fn drain(&mut self) -> Verdict {
        for _ in 0..4 {
            if !self.poll()? {
                return Ok(());
            }
        }
        ensure!(!self.poll()?, "more than four outputs wait");
        Ok(())
    }

    fn compare(&mut self) -> Verdict {
        let Self { client, model, .. } = self;
        ensure_eq!(client.state(), model.state, "the state");
        ensure_eq!(client.retry_ms(), model.retry_ms, "the first delay");
        ensure_eq!(
            client.last_event_id(),
            model.last_event_id,
            "the last event id"
        );
        let deadline = client.poll_timeout();
        match (model.due, deadline) {
            (Due::Never, None) => {}
            (Due::Between(first, last), Some(at)) if (first..=last).contains(&at) => {
                model.due = Due::Between(at, at);
            }
            (due, deadline) => return Err(format!("to wake at {deadline:?} is not {due:?}")),
        }
        let Some(deadline) = deadline else {
            return Ok(());
        };
        let mut early = client.clone();
        early.handle_timeout(deadline.saturating_sub(1));
        ensure!(
            deadline == 0 || early.state() == client.state(),
            "something happens before {deadline}"
        );
        let mut exact = client.clone();
        exact.handle_timeout(deadline);
        ensure!(
            exact.state() != client.state(),
            "nothing happens at {deadline}"
        );
        Ok(())
    }
}
