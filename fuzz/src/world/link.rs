//! One connection between the server and a reader: bytes on their way, and what can become of them.
//!
//! It does not know what the bytes say.

use crate::frames::Frames;
use std::collections::VecDeque;
use tidings_core::ConnectionId;

/// The way from one socket to the other.
#[derive(Debug)]
pub(super) struct Link {
    /// The life of the server it belongs to.
    pub(super) life: u64,
    pub(super) connection: ConnectionId,
    /// What the reader makes an event stream of, over WebSocket.
    pub(super) frames: Option<Frames>,
    pub(super) path: Path,
    /// Something was done to it, so that silence on it proves nothing.
    pub(super) disturbed: bool,
    /// The server will send nothing more.
    pub(super) ended: bool,
    /// Bytes, and when each comes in.
    flight: VecDeque<(u64, Vec<u8>)>,
    /// Bytes that the sockets hold, taken from the server and not read.
    held: usize,
    capacity: usize,
    delay_ms: u64,
}

/// Whether bytes come through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Path {
    Good,
    /// Nothing comes through, and neither side knows.
    Dead,
    Cut,
}

impl Link {
    pub(super) fn new(life: u64, connection: ConnectionId, capacity: usize, delay_ms: u64) -> Self {
        Self {
            life,
            connection,
            frames: None,
            path: Path::Good,
            disturbed: false,
            ended: false,
            flight: VecDeque::new(),
            held: 0,
            capacity,
            delay_ms,
        }
    }

    /// How many bytes the server's socket takes.
    pub(super) fn room(&self) -> usize {
        self.capacity - self.held
    }

    pub(super) const fn delay_ms(&self) -> u64 {
        self.delay_ms
    }

    /// What is sent from now on takes so long, but does not overtake.
    pub(super) const fn set_delay_ms(&mut self, delay_ms: u64) {
        self.delay_ms = delay_ms;
    }

    /// The server writes bytes for which there is room.
    pub(super) fn write(&mut self, now: u64, bytes: Vec<u8>) {
        self.held += bytes.len();
        let last = self.flight.back().map_or(0, |(arrives, _)| *arrives);
        self.flight
            .push_back(((now + self.delay_ms).max(last), bytes));
    }

    /// The reader takes up to so many of the bytes that have come in.
    pub(super) fn read(&mut self, now: u64, most: usize) -> Vec<u8> {
        let mut read = Vec::new();
        while self.path == Path::Good
            && let Some((arrives, bytes)) = self.flight.front_mut()
            && *arrives <= now
            && read.len() < most
        {
            let rest = bytes.split_off(bytes.len().min(most - read.len()));
            read.append(bytes);
            if rest.is_empty() {
                self.flight.pop_front();
            } else {
                *bytes = rest;
            }
        }
        self.held -= read.len();
        read
    }

    /// When the reader has something to read, be it that there is no more.
    pub(super) fn readable_at(&self) -> Option<u64> {
        let first = self.flight.front().map(|(arrives, _)| *arrives);
        first.filter(|_| self.path == Path::Good)
    }

    /// Whether the reader sees the end of the stream.
    pub(super) fn is_at_end(&self) -> bool {
        match self.path {
            Path::Good => self.ended && self.flight.is_empty(),
            Path::Dead => false,
            Path::Cut => true,
        }
    }

    /// Cuts it: of what is on the way, so many bytes still come in.
    pub(super) fn cut(&mut self, now: u64, keep: usize) -> Vec<u8> {
        for (arrives, _) in &mut self.flight {
            *arrives = now;
        }
        let kept = self.read(now, keep);
        self.path = Path::Cut;
        self.flight.clear();
        kept
    }

    /// How many bytes are on the way.
    pub(super) fn in_flight(&self) -> usize {
        self.flight.iter().map(|(_, bytes)| bytes.len()).sum()
    }
}
