//! Events that have their numbers and are on their way into the logs.
//!
//! It does not know how they get there.

use super::error::Stopped;
use futures::FutureExt as _;
use futures::channel::oneshot;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tidings_core::Published;

/// Events that were numbered, and will be in the log in this order. To wait for it is to learn how
/// many each is for; who does not wait has published all the same.
#[derive(Debug)]
#[must_use = "it says which numbers the events have"]
pub struct Posted {
    published: Vec<Published>,
    /// The number of the first that was not known before.
    first: u64,
    /// None where all were known.
    recipients: Option<oneshot::Receiver<Vec<usize>>>,
}

impl Posted {
    pub(crate) const fn known(published: Vec<Published>) -> Self {
        Self {
            published,
            first: 0,
            recipients: None,
        }
    }

    pub(crate) const fn fresh(
        published: Vec<Published>,
        first: u64,
        recipients: oneshot::Receiver<Vec<usize>>,
    ) -> Self {
        Self {
            published,
            first,
            recipients: Some(recipients),
        }
    }

    /// The positions of the events; their recipients are still to be counted.
    #[must_use]
    pub fn published(&self) -> &[Published] {
        &self.published
    }
}

impl Future for Posted {
    type Output = Result<Vec<Published>, Stopped>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let posted = self.get_mut();
        if let Some(recipients) = &mut posted.recipients {
            let recipients = ready!(recipients.poll_unpin(cx)).map_err(|_| Stopped)?;
            let fresh = posted.published.iter_mut().filter(|one| !one.duplicate);
            for published in fresh {
                published.recipients =
                    recipients[(published.cursor.sequence - posted.first) as usize];
            }
        }
        Poll::Ready(Ok(std::mem::take(&mut posted.published)))
    }
}
