//! Other options for a server that runs: limits, certificates and who may ask, without cutting a stream.
//!
//! It does not know where the options come from.

use super::{AuthError, Context, ServerError, ServerOptions};
use async_channel::{Receiver, Sender};
use futures::channel::oneshot;
use std::fmt;
use std::rc::Rc;
use tidings_core::Limits;

/// Gives a server that runs other options. Cheap to clone.
#[derive(Clone)]
pub struct Reloader(Sender<Reload>);

/// One that was asked for.
pub(super) struct Reload {
    options: Box<ServerOptions>,
    done: oneshot::Sender<Result<(), ServerError>>,
}

/// The other end, which the server has.
pub(super) type Reloads = Receiver<Reload>;

impl Reloader {
    pub(super) fn new() -> (Self, Reloads) {
        let (sender, reloads) = async_channel::bounded(1);
        (Self(sender), reloads)
    }

    /// Has the server take what can be changed while it runs: certificates, tokens and keys, whose
    /// files are read again, and limits, for what comes from now on. Everything else stays as it is. A server
    /// that has ended takes nothing.
    ///
    /// # Errors
    /// The first option that cannot be; then everything stays as it was.
    pub async fn reload(&self, options: ServerOptions) -> Result<(), ServerError> {
        let (done, answer) = oneshot::channel();
        let options = Box::new(options);
        if self.0.send(Reload { options, done }).await.is_err() {
            return Ok(());
        }
        answer.await.unwrap_or(Ok(()))
    }
}

/// Does what is asked for until the server ends.
pub(super) async fn attend(reloads: Reloads, context: Rc<Context>) {
    while let Ok(Reload { options, done }) = reloads.recv().await {
        // Whoever asked may have gone.
        let _ = done.send(context.reload(*options).await);
    }
}

impl Context {
    async fn reload(&self, options: ServerOptions) -> Result<(), ServerError> {
        options.validate()?;
        // What anyone may do is said when the server starts.
        let auth = ServerOptions {
            auth: options.auth.clone(),
            ..self.options.clone()
        };
        match (&self.auth, auth.auth_options()) {
            (Some(auth), Some(options)) => auth.reload(options).map_err(ServerError::Auth)?,
            (None, None) => {}
            _ => return Err(ServerError::Auth(AuthError::OnlyAtStart)),
        }
        if let (Some(tls), Some(options)) = (&self.tls, &options.tls) {
            tls.reload(options).map_err(ServerError::Tls)?;
        }
        let limits = self.limits().with(options.limits);
        self.limits.replace(Rc::new(limits));
        let connections = options.most_connections();
        self.most_connections.set(connections);
        let limits = Limits {
            connections,
            ..options.driver.hub.limits
        };
        // A hub whose driver has ended has no limits to keep.
        let _ = self.hub.set_limits(limits).await;
        Ok(())
    }
}

impl fmt::Debug for Reloader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reloader")
    }
}
