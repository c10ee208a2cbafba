//! The watch of an engine: a thread that waits on its descriptor, and rings when there is something to
//! poll.
//!
//! It does not know what there is. It rings once, then sleeps until JavaScript has polled all of it.

use super::Shared;
use crate::failure::{Failure, Outcome};
use crate::js::{Call, Wake};
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{Read, Write};
use std::os::fd::{BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;
use tidings::tidings_status::TIDINGS_ERR_SYSTEM;

/// The end of the watch that JavaScript has. With it the watch ends.
pub(super) struct Watch {
    /// A byte says that all was polled.
    thread: UnixStream,
    wake: Arc<Wake>,
}

impl Watch {
    /// Watches a descriptor of the engine, and calls the function that is this argument.
    pub(super) fn start(
        call: &Call,
        function: usize,
        fd: RawFd,
        shared: Arc<Shared>,
    ) -> Outcome<Self> {
        let (near, far) = UnixStream::pair().map_err(|_| system())?;
        near.set_nonblocking(true).map_err(|_| system())?;
        let wake = call.wake(function, "tidings")?;
        let bell = Arc::clone(&wake);
        let run = move || {
            watch(fd, far, &bell, &shared);
            bell.release();
        };
        let thread = thread::Builder::new().name("tidings-watch".to_owned());
        thread.spawn(run).map_err(|_| {
            wake.release();
            system()
        })?;
        Ok(Self { thread: near, wake })
    }

    /// All was polled: rings again when there is more.
    pub(super) fn go_on(&self) {
        // It fails when the thread has more of these to read than it could ever need.
        let _ = (&self.thread).write(&[0]);
    }

    pub(super) fn hold(&self, call: &Call, holds: bool) -> Outcome {
        call.hold(&self.wake, holds)
    }

    /// What rings, for another thread.
    pub(super) fn bell(&self) -> Arc<Wake> {
        Arc::clone(&self.wake)
    }
}

fn system() -> Failure {
    Failure::new(TIDINGS_ERR_SYSTEM, &[])
}

/// The thread. The engine lives as long as it is shared, and so does the descriptor.
fn watch(fd: RawFd, mut near: UnixStream, bell: &Wake, _shared: &Shared) {
    let mut has_rung = false;
    loop {
        // SAFETY: it is open for as long as the engine lives.
        let engine = unsafe { BorrowedFd::borrow_raw(fd) };
        let mut fds = [
            PollFd::new(&near, PollFlags::IN),
            PollFd::new(&engine, PollFlags::IN),
        ];
        let wanted = if has_rung { 1 } else { 2 };
        match poll(&mut fds[..wanted], None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
        }
        let (told, news) = (!fds[0].revents().is_empty(), !fds[1].revents().is_empty());
        if told {
            match near.read(&mut [0; 64]) {
                Ok(0) | Err(_) => return,
                Ok(_) => has_rung = false,
            }
        } else if news {
            if !bell.call() {
                return;
            }
            has_rung = true;
        }
    }
}
