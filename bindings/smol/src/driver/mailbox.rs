//! What reaches a driver from outside: events that were numbered, and everything else.
//!
//! It does not know who sends. The two have channels of their own, so that whoever numbers events
//! knows that there is room for them.

use super::pipe::Writer;
use crate::hub::NotOpened;
use crate::stream::{Stream, StreamOptions};
use async_channel::{Receiver, Sender};
use futures::channel::oneshot;
use smol::lock::SemaphoreGuardArc;
use socket2::Socket;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use tidings_core::{ConnectionId, Hub, Message};

/// Commands that may wait. Whoever sends one more waits itself.
const COMMANDS: usize = 1_024;

/// Something to be done with the hub, at a time in milliseconds.
pub(crate) type Ask = Box<dyn FnOnce(&mut Hub, u64) + Send>;

pub(crate) enum Command {
    Ask(Ask),
    Open(Box<Opening>),
    /// Where the bytes of a connection that was opened go.
    Attach {
        connection: ConnectionId,
        end: End,
    },
    /// A connection that was opened will never have such an end.
    Gone(ConnectionId),
    /// Close everything; `done` is dropped once nothing is open any more.
    Drain {
        over_ms: u64,
        done: oneshot::Sender<()>,
    },
}

/// Where the bytes of a stream go.
pub(crate) enum End {
    Socket(Socket),
    /// A task takes them.
    Pipe(Writer),
}

/// A stream to be opened.
pub(crate) struct Opening {
    pub(crate) options: StreamOptions,
    /// Where it is there already.
    pub(crate) socket: Option<Socket>,
    /// The last number that was given out.
    pub(crate) assigned: u64,
    /// For the stream, to say that it is not wanted any more.
    pub(crate) commands: Sender<Command>,
    /// The stream is made by the driver: where nobody takes it any more, it is dropped and closed.
    pub(crate) done: oneshot::Sender<Result<Stream, NotOpened>>,
}

/// Events with numbers that follow each other, for every hub.
#[derive(Clone)]
pub(crate) struct Batch {
    pub(crate) first: u64,
    pub(crate) messages: Arc<[Message]>,
    pub(crate) replies: Arc<Replies>,
}

/// Collects what the hubs answer to a batch.
pub(crate) struct Replies {
    counting: Mutex<Counting>,
    /// The batch's place in the queue, held until every hub has answered.
    _place: SemaphoreGuardArc,
}

struct Counting {
    /// Hubs that have not answered yet.
    left: usize,
    recipients: Vec<usize>,
    done: Option<oneshot::Sender<Vec<usize>>>,
}

impl Batch {
    /// Says how many recipients each event has on one hub.
    pub(crate) fn answer(&self, recipients: &[usize]) {
        let mut counting = self
            .replies
            .counting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for (sum, more) in counting.recipients.iter_mut().zip(recipients) {
            *sum += more;
        }
        counting.left -= 1;
        if counting.left == 0
            && let Some(done) = counting.done.take()
        {
            let recipients = std::mem::take(&mut counting.recipients);
            // A publisher that does not wait for the answer has published all the same.
            let _ = done.send(recipients);
        }
    }
}

impl Replies {
    /// Replies of so many hubs to so many events.
    pub(crate) fn new(
        hubs: usize,
        events: usize,
        place: SemaphoreGuardArc,
    ) -> (Arc<Self>, oneshot::Receiver<Vec<usize>>) {
        let (done, receiver) = oneshot::channel();
        let counting = Counting {
            left: hubs,
            recipients: vec![0; events],
            done: Some(done),
        };
        (
            Arc::new(Self {
                counting: Mutex::new(counting),
                _place: place,
            }),
            receiver,
        )
    }
}

/// The driver's end.
pub(crate) struct Mailbox {
    pub(crate) commands: Pin<Box<Receiver<Command>>>,
    pub(crate) batches: Pin<Box<Receiver<Batch>>>,
    /// Those who wait until the hub is drained.
    pub(crate) drains: Vec<oneshot::Sender<()>>,
}

impl Drop for Mailbox {
    /// Whoever waits for an answer to what is left learns that none will come: the channels alone
    /// keep what is in them as long as somebody may still send.
    fn drop(&mut self) {
        self.commands.close();
        self.batches.close();
        while self.commands.try_recv().is_ok() {}
        while self.batches.try_recv().is_ok() {}
    }
}

/// The other end.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) commands: Sender<Command>,
    pub(crate) batches: Sender<Batch>,
}

/// A mailbox with room for so many batches, and its address.
pub(crate) fn mailbox(batches: usize) -> (Address, Mailbox) {
    let (command_sender, commands) = async_channel::bounded(COMMANDS);
    let (batch_sender, batches) = async_channel::bounded(batches);
    let address = Address {
        commands: command_sender,
        batches: batch_sender,
    };
    let mailbox = Mailbox {
        commands: Box::pin(commands),
        batches: Box::pin(batches),
        drains: Vec::new(),
    };
    (address, mailbox)
}
