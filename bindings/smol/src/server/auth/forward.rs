//! The application decides: it is shown what a request brings along, and says who asks.
//!
//! It does not know what is asked of the server. Whatever goes wrong, nobody is let in by it.

mod answer;
mod answers;
mod question;

use super::error::AuthError;
use crate::driver::{Clock, milliseconds, unix_ms};
use crate::server::config::{bytes, exact};
use crate::server::error::ApiError;
use crate::server::fetch::Resource;
use crate::server::identity::{Credential, Identity};
use answers::{Answers, Key, Limits, Now, Revoked};
use bytesize::ByteSize;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared, WeakShared};
use hyper::header::HeaderName;
use hyper::{Request, StatusCode};
use question::Question;
use serde::{Deserialize, Serialize};
use smol::Timer;
use smol::future::or;
use smol::lock::{Semaphore, SemaphoreGuard};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tidings_core::Rules;

/// An answer is believed no longer: a session that the application has ended is ended here too.
const LONGEST_CACHE: Duration = Duration::from_secs(60);

/// How often something is asked again because its answer was revoked while it was under way.
const TRIES: usize = 3;

/// Where the application is asked who asks, and how.
///
/// It gets a `GET` with the chosen headers and `X-Forwarded-Method`, `-Uri` (the path, and the topics
/// that are asked for), `-For`, `-Proto` and `-Host`. It answers 200 with
/// `{"user": …, "access": {…}}` and, if it likes, `expires_ms` and `token_id`; or 401 or 403, which is
/// what the client then gets. All else is 503.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForwardOptions {
    /// The URL, `http://` or `https://`.
    pub url: String,
    /// A file in PEM with the certificate authorities that certify who answers there. Default: those
    /// that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// How long an answer may take; and how long a request waits until it is asked about. Default 2 s.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// The headers of the request that the application is shown. Default `cookie`, `authorization`.
    pub headers: Vec<String>,
    /// How long an answer holds for requests that show the same, if it does not say itself that it
    /// ends before. Default 10 s, at most 60 s; with 0 each is asked about.
    #[serde(with = "humantime_serde")]
    pub cache: Duration,
    /// Answers that are kept. Default 10,000: as many as come back at once after an outage, and ask for
    /// more soon after.
    pub cache_entries: usize,
    /// Memory for them. Default 16 MiB.
    #[serde(serialize_with = "exact")]
    pub cache_bytes: ByteSize,
    /// Calls at a time; requests that show the same share one. Default 32: the application has others
    /// to serve.
    pub concurrent: usize,
    /// Further calls that wait for their turn; what comes on top is told to come back. Default 1,024.
    pub waiting: usize,
}

impl Default for ForwardOptions {
    fn default() -> Self {
        Self {
            url: String::new(),
            ca_file: None,
            timeout: Duration::from_secs(2),
            headers: vec!["cookie".to_owned(), "authorization".to_owned()],
            cache: Duration::from_secs(10),
            cache_entries: 10_000,
            cache_bytes: ByteSize::mib(16),
            concurrent: 32,
            waiting: 1_024,
        }
    }
}

/// Asks the application.
#[derive(Clone)]
pub(super) struct Forward(Arc<Inner>);

struct Inner {
    options: ForwardOptions,
    shown: Vec<HeaderName>,
    rules: Rules,
    application: Resource,
    clock: Clock,
    /// For calls that are made or wait.
    queue: Semaphore,
    /// For calls that are made.
    places: Semaphore,
    answers: Mutex<Answers>,
    calls: Mutex<HashMap<Key, WeakShared<Call>>>,
    failing: AtomicBool,
}

type Call = BoxFuture<'static, Result<Arc<Identity>, ApiError>>;

impl Forward {
    /// # Errors
    /// An option that cannot be as it is.
    pub(super) fn new(options: &ForwardOptions, rules: Rules) -> Result<Self, AuthError> {
        let wrong = |option, problem: &str| Err(AuthError::Option(option, problem.to_owned()));
        if options.timeout.is_zero() {
            return wrong(
                "forward.timeout",
                "give the application some time to answer",
            );
        }
        if options.cache > LONGEST_CACHE {
            let problem = "at most 60s: what the application takes back is to end here too";
            return wrong("forward.cache", problem);
        }
        if options.concurrent == 0 {
            return wrong("forward.concurrent", "at least one call is needed");
        }
        let named = |problem| AuthError::Option("forward.headers", problem);
        let shown = options.headers.iter().map(|name| question::shown(name));
        let shown = shown.collect::<Result<_, _>>().map_err(named)?;
        let application = Resource::new(&options.url, options.ca_file.as_deref(), options.timeout)
            .map_err(|problem| AuthError::Option("forward.url", problem))?;
        let limits = Limits {
            entries: options.cache_entries,
            bytes: bytes(options.cache_bytes),
            ms: milliseconds(options.cache),
        };
        Ok(Self(Arc::new(Inner {
            options: options.clone(),
            shown,
            rules,
            application,
            clock: Clock::start(),
            queue: Semaphore::new(options.concurrent.saturating_add(options.waiting)),
            places: Semaphore::new(options.concurrent),
            answers: Mutex::new(Answers::new(limits)),
            calls: Mutex::default(),
            failing: AtomicBool::new(false),
        })))
    }

    /// Who asks, in the application's words.
    ///
    /// # Errors
    /// 401 and 403 as the application says, and 503 whenever it does not say anything that can be
    /// understood.
    pub(super) async fn identify<B>(&self, request: &Request<B>) -> Result<Identity, ApiError> {
        let question = Question::new(request, &self.0.shown)?;
        let (key, credential) = (question.key(), question.credential());
        let kept = lock(&self.0.answers).get(self.0.now(), &key);
        let identity = match kept {
            Some(identity) => identity,
            None => self.call(key, question).await?,
        };
        let identity = Arc::unwrap_or_clone(identity);
        Ok(Identity {
            credential,
            ..identity
        })
    }

    /// Lets go of what the application has said of a user.
    pub(super) fn forget_user(&self, user: &str) {
        lock(&self.0.answers).revoke(Revoked::User(user.to_owned()));
    }

    /// Lets go of what the application has said of a token or session, by the name it gave it.
    pub(super) fn forget_token(&self, token_id: &str) {
        lock(&self.0.answers).revoke(Revoked::Token(token_id.to_owned()));
    }

    /// The call that asks this, be it under way already.
    fn call(&self, key: Key, question: Question) -> Shared<Call> {
        let mut calls = lock(&self.0.calls);
        if let Some(call) = calls.get(&key).and_then(WeakShared::upgrade) {
            return call;
        }
        let ends = Ends {
            inner: self.0.clone(),
            key: key.clone(),
        };
        let call = async move { ends.inner.ask(&ends.key, &question).await };
        let call = call.boxed().shared();
        if let Some(weak) = call.downgrade() {
            calls.insert(key, weak);
        }
        call
    }
}

/// Takes a call from the list when it ends, or when nobody waits for it any more.
struct Ends {
    inner: Arc<Inner>,
    key: Key,
}

impl Drop for Ends {
    fn drop(&mut self) {
        lock(&self.inner.calls).remove(&self.key);
    }
}

impl Inner {
    async fn ask(&self, key: &Key, question: &Question) -> Result<Arc<Identity>, ApiError> {
        let Some(_queued) = self.queue.try_acquire() else {
            return Err(self.fail("more calls wait than may"));
        };
        for _ in 0..TRIES {
            let place = self.place().await?;
            let asked = lock(&self.answers).moment();
            let identity = Arc::new(self.fetch(question).await?);
            drop(place);
            if lock(&self.answers).keep(self.now(), key, &identity, asked) {
                return Ok(identity);
            }
        }
        Err(self.fail("what it answers is revoked each time"))
    }

    async fn place(&self) -> Result<SemaphoreGuard<'_>, ApiError> {
        let late = async {
            Timer::after(self.options.timeout).await;
            Err(self.fail("all calls are taken"))
        };
        or(async { Ok(self.places.acquire().await) }, late).await
    }

    async fn fetch(&self, question: &Question) -> Result<Identity, ApiError> {
        let response = self.application.get(question.headers()).await;
        let response = response.map_err(|error| self.fail(&error.to_string()))?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::UNAUTHORIZED => {
                self.answered();
                return Err(unauthorized(question.credential()));
            }
            StatusCode::FORBIDDEN => {
                self.answered();
                return Err(ApiError::forbidden("the application does not allow this"));
            }
            status => return Err(self.fail(&format!("it answers {status}"))),
        }
        let identity = answer::read(response.body(), &self.rules);
        let identity = identity.map_err(|problem| self.fail(&format!("its answer: {problem}")))?;
        self.answered();
        if identity
            .expires_ms
            .is_some_and(|ends| ends <= self.now().unix_ms)
        {
            return Err(unauthorized(question.credential()));
        }
        Ok(identity)
    }

    /// The refusal of a request about which the application has nothing to say; the log has the cause.
    fn fail(&self, problem: &str) -> ApiError {
        // One line for each outage, however many requests it hits.
        if !self.failing.swap(true, Ordering::Relaxed) {
            tracing::warn!(problem, "the application does not say who asks");
        }
        let message = "the application that knows who asks does not say so now; try again";
        ApiError::unavailable("auth_unavailable", message)
    }

    fn answered(&self) {
        if self.failing.swap(false, Ordering::Relaxed) {
            tracing::info!("the application says who asks again");
        }
    }

    fn now(&self) -> Now {
        Now {
            ms: self.clock.now_ms(),
            unix_ms: unix_ms(),
        }
    }
}

/// The application does not know who asks; where a token was shown, it is not good.
fn unauthorized(credential: Credential) -> ApiError {
    let message = "the application does not know who asks";
    match credential {
        Credential::Header => {
            ApiError::unauthorized("invalid_token", message).challenging("invalid_token")
        }
        _ => ApiError::unauthorized("unauthenticated", message),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
