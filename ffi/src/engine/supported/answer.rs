//! Waits for what becomes of posted events, without a thread or an executor: whoever completes it
//! hands it on.
//!
//! It does not know who asked.

use super::lock;
use super::outputs::{Output, Outputs, Told};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use tidings_smol::Posted;

/// Posted events whose recipients are still to be counted. It is its own waker.
pub(crate) struct Answer {
    posted: Mutex<Option<Posted>>,
    events: usize,
    tag: u64,
    outputs: Arc<Outputs>,
}

impl Answer {
    /// Puts the answers into the outputs, where places for them were taken, once they are there.
    pub(crate) fn hand_on(posted: Posted, tag: u64, outputs: Arc<Outputs>) {
        let answer = Arc::new(Self {
            events: posted.published().len(),
            posted: Mutex::new(Some(posted)),
            tag,
            outputs,
        });
        answer.wake();
    }
}

impl Wake for Answer {
    fn wake(self: Arc<Self>) {
        let waker = Waker::from(self.clone());
        let mut posted = lock(&self.posted);
        let Some(waiting) = posted.as_mut() else {
            return;
        };
        let Poll::Ready(answer) = Pin::new(waiting).poll(&mut Context::from_waker(&waker)) else {
            return;
        };
        *posted = None;
        for index in 0..self.events {
            let recipients = answer.as_ref().map(|published| published[index].recipients);
            let recipients = recipients.map_err(|stopped| *stopped);
            let told = Told::Published { index, recipients };
            self.outputs.push(Output {
                tag: self.tag,
                told,
            });
        }
    }
}
