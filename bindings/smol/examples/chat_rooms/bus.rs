//! What happens, told within the process to all who want to know.
//!
//! It does not know who they are. Each has a bounded queue; whoever tells waits for the slowest, so that
//! nothing is lost and nothing grows.

use async_channel::{Receiver, Sender, bounded};
use std::sync::Arc;
use tidings_smol::{ConnectionId, NotPublished};

/// What one of them may have waiting.
const QUEUE: usize = 1_024;

/// Something that has happened.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// A socket is in a room, where these are, of whom these type.
    Entered {
        room: String,
        by: ConnectionId,
        members: Vec<String>,
        typing: Vec<String>,
    },
    /// Somebody came with the first of their sockets.
    Joined { room: String, name: String },
    /// Somebody left with the last of their sockets.
    Left { room: String, name: String },
    /// Somebody said something, and types no more.
    Said {
        room: String,
        name: String,
        text: String,
        at_ms: u64,
        /// The sender's own, by which it is said once.
        id: Option<String>,
        by: ConnectionId,
        /// Hears whether it was told.
        done: Sender<Result<(), NotPublished>>,
    },
    Typing {
        room: String,
        name: String,
        on: bool,
    },
    /// Something was asked for that may not be.
    Refused,
}

/// The end at which it is told; cheap to clone.
#[derive(Clone)]
pub(crate) struct Bus(Arc<[Sender<Happening>]>);

impl Bus {
    /// With so many who want to know.
    pub(crate) fn new<const N: usize>() -> (Self, [Receiver<Happening>; N]) {
        let queues = [(); N].map(|()| bounded(QUEUE));
        let senders = queues.iter().map(|(sender, _)| sender.clone()).collect();
        (Self(senders), queues.map(|(_, receiver)| receiver))
    }

    /// Tells all.
    pub(crate) async fn tell(&self, happening: Happening) {
        for one in &*self.0 {
            // Who has gone needs to hear nothing.
            let _ = one.send(happening.clone()).await;
        }
    }
}
