//! What reaches a driver from its handles: events to publish, and everything else.
//!
//! It does not know who sends. The two have channels of their own, so that a full log holds up
//! publishers and nobody else.

use super::error::{NotOpened, NotPublished};
use super::options::{DriverOptions, StreamOptions};
use super::stream::ByteStream;
use crate::{Hub, Message, Published};
use alloc::boxed::Box;
use alloc::vec::Vec;
use async_channel::{Receiver, Sender};
use core::pin::Pin;
use futures::channel::oneshot;

/// Something to be done with the hub, at a time in milliseconds.
pub(super) type Ask = Box<dyn FnOnce(&mut Hub, u64) + Send>;

pub(super) enum Command {
    Ask(Ask),
    Open {
        options: Box<StreamOptions>,
        /// The stream is made by the driver: where nobody takes it any more, it is dropped and
        /// closed.
        done: oneshot::Sender<Result<ByteStream, NotOpened>>,
    },
    /// Close everything; `done` is dropped once nothing is open any more.
    Drain {
        over_ms: u64,
        done: oneshot::Sender<()>,
    },
}

/// Events to be published together.
pub(super) struct Batch {
    pub(super) messages: Vec<Message>,
    pub(super) done: oneshot::Sender<Result<Vec<Published>, NotPublished>>,
}

/// The driver's end.
pub(super) struct Mailbox {
    pub(super) commands: Pin<Box<Receiver<Command>>>,
    pub(super) batches: Pin<Box<Receiver<Batch>>>,
}

impl Mailbox {
    /// Whoever waits for an answer to what is left learns that none will come: the channels alone
    /// keep what is in them as long as somebody may still send.
    pub(super) fn close(&self) {
        self.commands.close();
        self.batches.close();
        while self.commands.try_recv().is_ok() {}
        while self.batches.try_recv().is_ok() {}
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.close();
    }
}

/// The handles' end.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) commands: Sender<Command>,
    pub(super) batches: Sender<Batch>,
}

pub(super) fn mailbox(options: &DriverOptions) -> (Address, Mailbox) {
    // A channel without room cannot be.
    let (command_sender, commands) = async_channel::bounded(options.command_queue.max(1));
    let (batch_sender, batches) = async_channel::bounded(options.publish_queue.max(1));
    let address = Address {
        commands: command_sender,
        batches: batch_sender,
    };
    let mailbox = Mailbox {
        commands: Box::pin(commands),
        batches: Box::pin(batches),
    };
    (address, mailbox)
}
