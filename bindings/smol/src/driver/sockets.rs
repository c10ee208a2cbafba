//! The sockets of a hub's streams, and the system calls on them.
//!
//! It does not know what is sent. A stream costs a descriptor and a slot here: no task, no waker
//! and no entry in the reactor, which watches only this poller's own descriptor. This is the only
//! place with `unsafe`: a poller needs the promise that sockets are taken out before they close.

use crate::options::SocketOptions;
use polling::{Event, Events, PollMode, Poller};
use smol::Async;
use socket2::Socket;
use std::io::{self, IoSlice, Read as _};
use std::task::{Context, Poll};
use std::time::Duration;
use tidings_core::ConnectionId;

/// A peer that is closed with bytes unread or unsent is reset, so that the system forgets them.
const RESET: Option<Duration> = Some(Duration::ZERO);

/// How much is read of what a client sends on its stream, where it has nothing to say.
const INPUT_BYTES: usize = 4_096;

pub(crate) struct Sockets {
    poller: Async<Poller>,
    events: Events,
    /// By the slot of the connection.
    sockets: Vec<Option<Entry>>,
    options: SocketOptions,
}

struct Entry {
    socket: Socket,
    connection: ConnectionId,
}

/// What happened to the socket of a slot. It may be told of a socket that is gone, for one that
/// has the slot now: to look again does no harm.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Happened {
    pub(crate) index: u32,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

impl Sockets {
    pub(crate) fn new(options: SocketOptions) -> io::Result<Self> {
        Ok(Self {
            poller: Async::new_nonblocking(Poller::new()?)?,
            events: Events::new(),
            sockets: Vec::new(),
            options,
        })
    }

    /// Puts in the socket of a connection.
    pub(crate) fn insert(&mut self, connection: ConnectionId, socket: Socket) -> io::Result<()> {
        let index = connection.index();
        let slot = index as usize;
        if self.sockets.len() <= slot {
            self.sockets.resize_with(slot + 1, || None);
        }
        drop(self.remove(index));
        // First of all, so that a socket which the system does not take is as it was.
        watch(self.poller.get_ref(), &socket, index)?;
        self.sockets[slot] = Some(Entry { socket, connection });
        let prepared = self
            .entry(index)
            .map_or(Ok(()), |entry| self.options.set_on(&entry.socket));
        if prepared.is_err() {
            drop(self.remove(index));
        }
        prepared
    }

    /// Whose socket is in a slot.
    pub(crate) fn connection(&self, index: u32) -> Option<ConnectionId> {
        Some(self.entry(index)?.connection)
    }

    fn entry(&self, index: u32) -> Option<&Entry> {
        self.sockets.get(index as usize)?.as_ref()
    }

    /// Takes out the socket of a slot, if there is one.
    pub(crate) fn remove(&mut self, index: u32) -> Option<Socket> {
        let Entry { socket, .. } = self.sockets.get_mut(index as usize)?.take()?;
        // It can only fail for a socket that the poller does not have.
        let _ = self.poller.get_ref().delete(&socket);
        Some(socket)
    }

    /// Closes the socket of a slot; with `reset`, what was not sent or read is forgotten.
    pub(crate) fn close(&mut self, index: u32, reset: bool) {
        if let Some(socket) = self.remove(index)
            && reset
        {
            // A socket that refuses this option is closed in the ordinary way.
            let _ = socket.set_linger(RESET);
        }
    }

    /// Sends what the socket takes of these at once, in one call: 0 where it takes nothing now, or
    /// the slot has no socket yet.
    pub(crate) fn send(&self, index: u32, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let Some(entry) = self.entry(index) else {
            return Ok(0);
        };
        let socket = &entry.socket;
        loop {
            let sent = match slices {
                [one] => socket.send_with_flags(one, NO_SIGNAL),
                many => socket.send_vectored_with_flags(many, NO_SIGNAL),
            };
            match sent {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    /// Whether to be told when the socket takes bytes again. Only a blocked one is watched.
    pub(crate) fn watch_writable(&self, index: u32, wanted: bool) -> io::Result<()> {
        let Some(entry) = self.entry(index) else {
            return Ok(());
        };
        let interest = Event::new(index as usize, true, wanted);
        self.poller
            .get_ref()
            .modify_with_mode(&entry.socket, interest, PollMode::Level)
    }

    /// Reads and forgets what the client sent; false where it left.
    pub(crate) fn discard_input(&self, index: u32) -> bool {
        let Some(entry) = self.entry(index) else {
            return true;
        };
        let mut input = [0; INPUT_BYTES];
        match (&entry.socket).read(&mut input) {
            Ok(0) => false,
            Ok(_) => true,
            Err(error) => {
                matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                )
            }
        }
    }

    /// What happened to sockets since the last call.
    pub(crate) fn poll_events(
        &mut self,
        cx: &mut Context<'_>,
        happened: &mut Vec<Happened>,
    ) -> Poll<io::Result<()>> {
        loop {
            std::task::ready!(self.poller.poll_readable(cx))?;
            self.events.clear();
            self.poller
                .get_ref()
                .wait(&mut self.events, Some(Duration::ZERO))?;
            happened.extend(self.events.iter().map(|event| Happened {
                index: event.key as u32,
                readable: event.readable || event.is_err() == Some(true),
                writable: event.writable,
            }));
            if !happened.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        for index in 0..self.sockets.len() {
            self.close(index as u32, false);
        }
    }
}

/// A reader that left must not end the process by a signal.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NO_SIGNAL: i32 = 0x4000;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const NO_SIGNAL: i32 = 0;

#[expect(unsafe_code, reason = "the poller takes sockets only with a promise")]
fn watch(poller: &Poller, socket: &Socket, index: u32) -> io::Result<()> {
    // SAFETY: the socket goes into `Sockets`, which takes it out of the poller before it lets go
    // of it: every way out is `Sockets::remove`.
    unsafe { poller.add_with_mode(socket, Event::readable(index as usize), PollMode::Level) }
}
