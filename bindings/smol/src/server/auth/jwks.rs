//! Public keys that someone else publishes at a URL, and changes now and then.
//!
//! It does not know tokens. Keys that were fetched stay until others are; a fetch that fails changes
//! nothing.

mod schedule;

use super::error::AuthError;
use super::keys::Keys;
use super::options::JwtOptions;
use crate::driver::{Clock, milliseconds};
use crate::server::fetch::Resource;
use async_channel::{Receiver, Sender};
use hyper::StatusCode;
use schedule::Schedule;
use smol::Timer;
use smol::future::or;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long an answer may take: nobody waits for it but requests with a key that is unknown.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Keys at a URL.
pub(super) struct Jwks {
    asked: Asked,
    resource: Resource,
    clock: Clock,
    state: Mutex<State>,
    /// Wakes whoever fetches.
    wanted: (Sender<()>, Receiver<()>),
}

/// What the options say of them.
#[derive(PartialEq, Eq)]
struct Asked {
    url: String,
    ca_file: Option<PathBuf>,
    refresh: Duration,
}

struct State {
    schedule: Schedule,
    /// The fetch that is under way or is about to be. Nothing is ever sent: it is closed at the end.
    round: Option<(Sender<Infallible>, Receiver<Infallible>)>,
}

/// What can be said of a key that is not among those that were fetched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Freshness {
    /// Keys were fetched, so that it may be there now.
    New,
    /// There is no such key, as far as anyone may ask.
    Asked,
    /// It cannot be said: nobody answered when they were asked for the last time.
    Unknown,
}

impl Jwks {
    /// The keys that the options name by URL, if they do.
    ///
    /// # Errors
    /// An option that cannot be as it is.
    pub(super) fn new(options: &JwtOptions) -> Result<Option<Self>, AuthError> {
        let Some(url) = &options.jwks_url else {
            return Ok(None);
        };
        if options.jwks_refresh < Duration::from_secs(1) {
            let problem = "whoever publishes keys is asked at most once a second".to_owned();
            return Err(AuthError::Option("jwt.jwks_refresh", problem));
        }
        let resource = Resource::new(url, options.jwks_ca_file.as_deref(), TIMEOUT)
            .map_err(|problem| AuthError::Option("jwt.jwks_url", problem))?;
        let refresh_ms = milliseconds(options.jwks_refresh);
        let state = State {
            schedule: Schedule::new(refresh_ms),
            round: None,
        };
        Ok(Some(Self {
            asked: Asked {
                url: url.clone(),
                ca_file: options.jwks_ca_file.clone(),
                refresh: options.jwks_refresh,
            },
            resource,
            clock: Clock::start(),
            state: Mutex::new(state),
            wanted: async_channel::bounded(1),
        }))
    }

    /// Whether these are the same keys, fetched in the same way.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.asked == other.asked
    }

    /// Fetches the keys and hands them out, now and whenever it is time again.
    pub(super) async fn run(&self, take: impl Fn(Keys)) -> Infallible {
        loop {
            let due = self.clock.instant(self.state().schedule.due_ms());
            let timer = async {
                Timer::at(due).await;
            };
            let wanted = async {
                let _ = self.wanted.1.recv().await;
            };
            or(timer, wanted).await;
            self.state().announce();
            // Who has asked for this fetch does not ask for the next.
            while self.wanted.1.try_recv().is_ok() {}
            let fetched = self.fetch().await;
            let now = self.clock.now_ms();
            let is_news = self.state().schedule.handle_fetched(now, fetched.is_ok());
            self.tell(is_news, &fetched);
            if let Ok(keys) = fetched {
                take(keys);
            }
            self.state().round = None;
        }
    }

    /// Sees to it that a key is found that has come since the last fetch, if it is time to look.
    pub(super) async fn look_again(&self) -> Freshness {
        let round = {
            let mut state = self.state();
            if state.round.is_none() {
                if !state.schedule.may_look(self.clock.now_ms()) {
                    return state.schedule.freshness();
                }
                // Where it is full, whoever fetches is being woken already.
                let _ = self.wanted.0.try_send(());
            }
            state.announce()
        };
        let ended = async {
            let _ = round.recv().await;
        };
        let late = async {
            Timer::after(2 * TIMEOUT).await;
        };
        or(ended, late).await;
        match self.state().schedule.freshness() {
            Freshness::Asked => Freshness::New,
            other => other,
        }
    }

    /// One line for each change, however often it is tried.
    fn tell(&self, is_news: bool, fetched: &Result<Keys, String>) {
        // What follows the path may be a secret.
        let url = self.asked.url.split('?').next();
        match fetched {
            _ if !is_news => {}
            Ok(keys) => tracing::info!(url, keys = keys.len(), "keys for tokens were fetched"),
            Err(problem) => tracing::warn!(url, problem, "keys for tokens cannot be fetched"),
        }
    }

    async fn fetch(&self) -> Result<Keys, String> {
        let response = self.resource.get(&[]).await;
        let response = response.map_err(|error| error.to_string())?;
        if response.status() != StatusCode::OK {
            return Err(format!("it answers {}", response.status()));
        }
        let text = std::str::from_utf8(response.body());
        let text = text.map_err(|_| "its answer is no text")?;
        Keys::from_jwks(text).map_err(|error| error.to_string())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn announce(&mut self) -> Receiver<Infallible> {
        let round = self.round.get_or_insert_with(|| async_channel::bounded(1));
        round.1.clone()
    }
}
