//! The driver's end of all open streams, by the slot of the connection.
//!
//! It does not know what is sent to them.

use super::error::StreamCut;
use super::signals::Signals;
use super::stream::{ByteStream, Place};
use crate::{ConnectionId, Transmit};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::task::Waker;

pub(super) struct Streams {
    places: Vec<Option<(ConnectionId, Arc<Place>)>>,
    signals: Arc<Signals>,
    /// Signals that were taken, the next one last.
    taken: Vec<ConnectionId>,
    chunk_bytes: usize,
}

/// What has become of a stream.
pub(super) enum Signal {
    /// It can take a chunk.
    Ready(ConnectionId),
    /// It was dropped.
    Gone(ConnectionId),
}

impl Streams {
    pub(super) fn new(chunk_bytes: usize) -> Self {
        Self {
            places: Vec::new(),
            signals: Arc::default(),
            taken: Vec::new(),
            // A stream without room would never get anything.
            chunk_bytes: chunk_bytes.max(1),
        }
    }

    /// Has the driver woken for signals that come from now on.
    pub(super) fn register(&self, driver: &Waker) {
        self.signals.register(driver);
    }

    /// Makes the stream of a connection.
    pub(super) fn insert(&mut self, connection: ConnectionId) -> ByteStream {
        let slot = connection.index() as usize;
        if self.places.len() <= slot {
            self.places.resize_with(slot + 1, || None);
        }
        let (stream, place) = ByteStream::new(connection, self.signals.clone());
        self.places[slot] = Some((connection, place));
        stream
    }

    /// What a stream has signalled; none: nothing came since.
    pub(super) fn next_signal(&mut self) -> Option<Signal> {
        if self.taken.is_empty() {
            self.signals.take(&mut self.taken);
            self.taken.reverse();
        }
        while let Some(connection) = self.taken.pop() {
            let Some(place) = self.place(connection) else {
                continue;
            };
            let mut state = place.lock();
            state.take_signal();
            if state.gone {
                return Some(Signal::Gone(connection));
            } else if state.is_ready() {
                return Some(Signal::Ready(connection));
            }
        }
        None
    }

    /// Hands a stream what it can take of this. Says how many bytes that is.
    pub(super) fn fill(&self, connection: ConnectionId, transmit: &Transmit<'_>) -> usize {
        self.place(connection)
            .map_or(0, |place| place.fill(transmit, self.chunk_bytes))
    }

    /// Ends the stream of a connection; `cut` where it has not come to its end.
    pub(super) fn end(&mut self, connection: ConnectionId, cut: Option<StreamCut>) {
        if let Some(place) = self.place(connection) {
            place.end(cut);
            self.places[connection.index() as usize] = None;
        }
    }

    fn place(&self, connection: ConnectionId) -> Option<&Place> {
        let (holder, place) = self.places.get(connection.index() as usize)?.as_ref()?;
        (*holder == connection).then_some(place)
    }
}

impl Drop for Streams {
    /// No stream waits for a driver that is gone.
    fn drop(&mut self) {
        for (_, place) in self.places.iter().flatten() {
            place.end(Some(StreamCut::Stopped));
        }
    }
}
