//! What every request may look at, and who asks.
//!
//! It does not know what is asked.

use super::app::App;
use super::auth::Auth;
use super::cors::Cors;
use super::error::ApiError;
use super::hosts::Hosts;
use super::identity::{Access, Identity};
use super::limits::Limits;
use super::listen;
use super::logs::{Flood, REFUSAL_LINES};
use super::metrics::Metrics;
use super::options::{Parts, ServerOptions};
use super::paths::Routes;
use super::sessions::Sessions;
use super::tls::Tls;
use crate::hub::Hub;
use async_channel::Receiver;
use hyper::Request;
use smol::Timer;
use smol::lock::Semaphore;
use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a server that stops waits for readers to take the last bytes.
const LAST_BYTES: Duration = Duration::from_secs(2);

/// What every request may look at.
pub(super) struct Context {
    pub(super) hub: Hub,
    pub(super) options: ServerOptions,
    pub(super) hosts: Hosts,
    pub(super) cors: Cors,
    pub(super) routes: Routes,
    /// The application's own.
    pub(super) app: App,
    pub(super) tls: Option<Tls>,
    pub(super) limits: RefCell<Rc<Limits>>,
    /// HTTP connections and streams that there may be.
    pub(super) most_connections: Cell<usize>,
    /// Finds out who asks, where that is to be found out.
    pub(super) auth: Option<Auth>,
    pub(super) metrics: Arc<Metrics>,
    /// Lines about refusals, which clients can cause as they like.
    pub(super) refusal_lines: Flood,
    pub(super) sessions: Sessions,
    /// HTTP connections that are no streams.
    pub(super) requests: Cell<usize>,
    /// Connections of HTTP/2, and streams over TLS: what is written to them is not sent yet.
    pub(super) carried: Cell<usize>,
    /// Closed when the server stops.
    pub(super) stopping: Receiver<Infallible>,
    /// Answers that a server which stops still owes: to publishes and polls.
    pub(super) owed: Cell<usize>,
    /// Places for requests for streams while they are answered.
    pub(super) opening: Arc<Semaphore>,
    /// Whose message on a socket is answered, of each user.
    #[cfg(feature = "websocket")]
    pub(super) turns: super::websocket::Turns,
}

impl Context {
    /// For a server that begins to run, until `stopping` is closed.
    pub(super) fn new(
        hub: Hub,
        options: ServerOptions,
        Parts { tls, auth, cors }: Parts,
        app: App,
        stopping: Receiver<Infallible>,
    ) -> Self {
        Self {
            hub,
            hosts: Hosts::new(&options.hosts),
            cors,
            routes: Routes::new(|path| app.leaves_out(path)),
            app,
            tls,
            limits: RefCell::new(Rc::new(Limits::new(options.limits))),
            most_connections: Cell::new(options.most_connections()),
            auth,
            metrics: Arc::new(Metrics::new()),
            refusal_lines: Flood::new(REFUSAL_LINES),
            sessions: Sessions::new(&options.sessions),
            requests: Cell::new(0),
            carried: Cell::new(0),
            stopping,
            owed: Cell::new(0),
            opening: Arc::new(Semaphore::new(listen::OPENING)),
            #[cfg(feature = "websocket")]
            turns: super::websocket::Turns::default(),
            options,
        }
    }

    /// What one user or one address may do, as of now.
    pub(super) fn limits(&self) -> Rc<Limits> {
        self.limits.borrow().clone()
    }

    /// Waits until the last bytes of streams that are no sockets of a driver are sent, if their readers
    /// take them.
    pub(super) async fn flushed(&self) {
        let end = Instant::now() + LAST_BYTES;
        while self.carried.get() > 0 && Instant::now() < end {
            Timer::after(Duration::from_millis(5)).await;
        }
    }

    /// Who asks.
    ///
    /// # Errors
    /// Where it is said in a way that cannot be true.
    pub(super) async fn identify<B>(&self, request: &mut Request<B>) -> Result<Identity, ApiError> {
        match &self.auth {
            Some(auth) => auth.identify(request).await,
            None => Ok(self.anyone()),
        }
    }

    /// Who asks where there is no authentication: nobody in particular. Those on this machine may
    /// do everything, and others what the options allow.
    fn anyone(&self) -> Identity {
        let may_publish =
            self.options.listen.ip().is_loopback() || self.options.allow_anonymous_publish;
        let access = if may_publish {
            Access {
                // What is private is for those whom the application lets in, and that is nobody.
                grants: Vec::new(),
                ..Access::everything()
            }
        } else {
            Access::reading()
        };
        Identity {
            access,
            ..Identity::default()
        }
    }
}

/// One of those that are counted, while it lives.
pub(super) struct Counted<'a>(&'a Cell<usize>);

impl<'a> Counted<'a> {
    pub(super) fn new(count: &'a Cell<usize>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
