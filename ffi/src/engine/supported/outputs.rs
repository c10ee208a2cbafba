//! What the host has still to be told, and the descriptor that is readable while there is any.
//!
//! It does not know hubs nor C. Who may be told something takes a place beforehand, so that nothing
//! grows where the host does not ask.

use super::lock;
use socket2::{Domain, Socket, Type};
use std::collections::{HashMap, VecDeque};
use std::io::{self, Read as _};
use std::os::fd::{AsRawFd as _, RawFd};
use std::sync::Mutex;
use tidings_smol::{CloseReason, ConnectionId, Gap, Stopped};

/// Room that is kept when all has been told.
const KEPT: usize = 1_024;

/// Something that the host has asked to be told, under its own tag.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) tag: u64,
    pub(crate) told: Told,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Told {
    Closed {
        connection: ConnectionId,
        reason: CloseReason,
    },
    /// It needs no place: while one waits, later ones are added to it, and the end of its stream, which
    /// has a place, is behind it.
    Gap { connection: ConnectionId, gap: Gap },
    Published {
        /// Which of those that were posted together.
        index: usize,
        recipients: Result<usize, Stopped>,
    },
}

/// What a place is taken for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Closing,
    Answer,
}

pub(crate) struct Outputs {
    queue: Mutex<Queue>,
    /// One byte is under way from one to the other exactly while there is something to tell.
    bell: Socket,
    ear: Socket,
}

struct Queue {
    outputs: VecDeque<Output>,
    /// Gaps that wait, with all that was added to them.
    gaps: HashMap<ConnectionId, Gap>,
    /// Places taken, by kind, and the most there are.
    taken: [usize; 2],
    most: [usize; 2],
    /// The engine is poisoned: there is something to learn for good.
    poisoned: bool,
}

impl Outputs {
    /// With room for so many ends of streams and so many answers.
    pub(crate) fn new(closings: usize, answers: usize) -> io::Result<Self> {
        let (bell, ear) = Socket::pair(Domain::UNIX, Type::STREAM, None)?;
        for end in [&bell, &ear] {
            end.set_nonblocking(true)?;
            #[cfg(target_vendor = "apple")]
            end.set_nosigpipe(true)?;
        }
        let queue = Queue {
            outputs: VecDeque::new(),
            gaps: HashMap::new(),
            taken: [0; 2],
            most: [closings, answers],
            poisoned: false,
        };
        Ok(Self {
            queue: Mutex::new(queue),
            bell,
            ear,
        })
    }

    /// The descriptor for the host's own event loop.
    pub(crate) fn descriptor(&self) -> RawFd {
        self.ear.as_raw_fd()
    }

    /// Takes places; false where there are not so many.
    #[must_use]
    pub(crate) fn reserve(&self, kind: Kind, places: usize) -> bool {
        let queue = &mut *lock(&self.queue);
        let (taken, most) = (&mut queue.taken[kind as usize], queue.most[kind as usize]);
        let fits = places <= most - *taken;
        if fits {
            *taken += places;
        }
        fits
    }

    /// Gives places back that nothing will be told in.
    pub(crate) fn release(&self, kind: Kind, places: usize) {
        lock(&self.queue).taken[kind as usize] -= places;
    }

    /// Adds what a place was taken for.
    pub(crate) fn push(&self, output: Output) {
        self.push_on(&mut lock(&self.queue), output);
    }

    /// Adds what a stream missed, for whose end a place was taken.
    pub(crate) fn push_gap(&self, tag: u64, connection: ConnectionId, gap: Gap) {
        let mut queue = lock(&self.queue);
        let before = queue.gaps.get(&connection).copied();
        let all = before.map_or(gap, |before| before.and(gap));
        queue.gaps.insert(connection, all);
        if before.is_none() {
            let told = Told::Gap { connection, gap };
            self.push_on(&mut queue, Output { tag, told });
        }
    }

    fn push_on(&self, queue: &mut Queue, output: Output) {
        if queue.is_silent() {
            self.ring();
        }
        queue.outputs.push_back(output);
    }

    pub(crate) fn pop(&self) -> Option<Output> {
        let mut queue = lock(&self.queue);
        let mut output = queue.outputs.pop_front()?;
        match &mut output.told {
            Told::Closed { .. } => queue.taken[Kind::Closing as usize] -= 1,
            Told::Published { .. } => queue.taken[Kind::Answer as usize] -= 1,
            Told::Gap { connection, gap } => {
                *gap = queue.gaps.remove(connection).unwrap_or(*gap);
            }
        }
        if queue.is_silent() {
            self.hush();
            queue.outputs.shrink_to(KEPT);
            queue.gaps.shrink_to(KEPT);
        }
        Some(output)
    }

    /// Makes the descriptor readable for good.
    pub(crate) fn poison(&self) {
        let mut queue = lock(&self.queue);
        if queue.is_silent() {
            self.ring();
        }
        queue.poisoned = true;
    }

    // Both ends are ours, and at most one byte is under way: neither call can fail but by a signal.

    fn ring(&self) {
        while self
            .bell
            .send_with_flags(&[1], NO_SIGNAL)
            .is_err_and(is_interrupted)
        {}
    }

    fn hush(&self) {
        while (&self.ear).read(&mut [0]).is_err_and(is_interrupted) {}
    }
}

impl Queue {
    fn is_silent(&self) -> bool {
        self.outputs.is_empty() && !self.poisoned
    }
}

fn is_interrupted(error: io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
}

/// A host that closed the descriptor must not be ended by a signal.
const NO_SIGNAL: i32 = if cfg!(target_os = "linux") {
    libc::MSG_NOSIGNAL
} else {
    0
};
