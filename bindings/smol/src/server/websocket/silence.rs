//! Whether a client is still there: one that was silent for a while is asked, and has as long to answer.
//!
//! It does not know how it is asked.

use futures::Stream as _;
use smol::Timer;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

pub(super) struct Silence {
    timer: Timer,
    asked: bool,
}

/// What is to be done about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Silent {
    Ask,
    Gone,
}

impl Silence {
    /// Looks every so often; never with a time of 0.
    pub(super) fn new(every: Duration) -> Self {
        let timer = match every {
            Duration::ZERO => Timer::never(),
            every => Timer::interval(every),
        };
        Self {
            timer,
            asked: false,
        }
    }

    /// Ready when there is something to be done. `take_heard` says whether anything was heard since it
    /// was asked last.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        mut take_heard: impl FnMut() -> bool,
    ) -> Poll<Silent> {
        loop {
            ready!(Pin::new(&mut self.timer).poll_next(cx));
            match (take_heard(), self.asked) {
                (true, _) => self.asked = false,
                (false, false) => {
                    self.asked = true;
                    return Poll::Ready(Silent::Ask);
                }
                (false, true) => return Poll::Ready(Silent::Gone),
            }
        }
    }
}
