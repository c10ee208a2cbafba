//! The thread of the store, which may wait for the disk while all others go on.
//!
//! It does not know what is asked of the store. Nobody else has a handle of the database.

use crate::store::{Result, Store};
use async_channel::{Sender, bounded};
use std::io;
use std::thread;
use tidings_smol::server::ApiError;

/// Questions that may wait.
const QUEUE: usize = 256;

type Question = Box<dyn FnOnce(&Store) + Send>;

/// Asks the store; cheap to clone.
#[derive(Clone)]
pub(crate) struct Disk(Sender<Question>);

/// The store did not do what it was asked. It is in the log why.
pub(crate) struct Failed;

impl Disk {
    pub(crate) fn start(store: Store) -> io::Result<Self> {
        let (sender, questions) = bounded::<Question>(QUEUE);
        let answer = move || {
            while let Ok(question) = questions.recv_blocking() {
                question(&store);
            }
        };
        thread::Builder::new()
            .name("disk".to_owned())
            .spawn(answer)?;
        Ok(Self(sender))
    }

    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Store) -> Result<T> + Send + 'static,
    ) -> std::result::Result<T, Failed> {
        let (sender, answer) = bounded(1);
        let question: Question = Box::new(move |store| {
            let answer = question(store);
            let answer = answer.inspect_err(|error| tracing::error!(%error, "the database failed"));
            // Whoever asked may have gone.
            let _ = sender.try_send(answer);
        });
        self.0.send(question).await.map_err(|_| Failed)?;
        let answer = answer.recv().await.map_err(|_| Failed)?;
        answer.map_err(|_| Failed)
    }
}

impl From<Failed> for ApiError {
    fn from(Failed: Failed) -> Self {
        Self::unavailable("database", "the database failed; nothing was changed")
    }
}
