//! Which streams a driver is to look at: those that were polled without having a chunk, and those
//! that were dropped.
//!
//! It does not know which of the two. A stream stands here at most once, so there are never more
//! signals than streams, and to add one is never to wait.

use crate::ConnectionId;
use alloc::vec::Vec;
use core::mem;
use core::task::Waker;
use futures::task::AtomicWaker;
use std::sync::{Mutex, PoisonError};

#[derive(Default)]
pub(super) struct Signals {
    connections: Mutex<Vec<ConnectionId>>,
    driver: AtomicWaker,
}

impl Signals {
    pub(super) fn add(&self, connection: ConnectionId) {
        let connections = self.connections.lock();
        connections
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        self.driver.wake();
    }

    /// Has the driver woken for what comes from now on.
    pub(super) fn register(&self, driver: &Waker) {
        self.driver.register(driver);
    }

    /// Exchanges what has come for an empty list.
    pub(super) fn take(&self, taken: &mut Vec<ConnectionId>) {
        let mut connections = self
            .connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut *connections, taken);
    }
}
