//! A hub with its driver: sockets, one alarm, and lives that end.
//!
//! It does not know readers; it sees links.

use super::link::Link;
use crate::ensure;
use crate::mail::Mail;
use crate::verdict::Verdict;
use std::collections::BTreeMap;
use tidings_core::{ConnectionId, Hub, HubOptions, Message, Open, Output, PublishError, Published};

/// The server of a world.
pub(super) struct Server {
    pub(super) hub: Hub,
    options: HubOptions,
    /// Sleeps exactly to the time that the hub says, rather than to tell it of every moment.
    lazy: bool,
    /// Links by connection.
    sockets: BTreeMap<ConnectionId, usize>,
    /// Nobody answers until then.
    pub(super) down_until: u64,
    pub(super) lives: u64,
}

impl Server {
    pub(super) fn new(options: HubOptions, lazy: bool) -> Verdict<Self> {
        Ok(Self {
            hub: Hub::new(options.clone()).map_err(|error| error.to_string())?,
            options,
            lazy,
            sockets: BTreeMap::new(),
            down_until: 0,
            lives: 1,
        })
    }

    pub(super) const fn life(&self) -> u64 {
        self.options.epoch
    }

    pub(super) const fn is_up(&self, now: u64) -> bool {
        self.down_until <= now
    }

    /// Everything that was in memory is gone.
    pub(super) fn restart(&mut self, now: u64, down_ms: u64) -> Verdict {
        self.options.epoch += 1;
        self.options.seed += 1;
        self.lives += 1;
        self.hub = Hub::new(self.options.clone()).map_err(|error| error.to_string())?;
        self.sockets.clear();
        self.down_until = now + down_ms;
        Ok(())
    }

    pub(super) fn open(
        &mut self,
        now: u64,
        link: usize,
        open: Open<'_>,
    ) -> Result<ConnectionId, u16> {
        match self.hub.open(now, open) {
            Ok(id) => {
                self.sockets.insert(id, link);
                Ok(id)
            }
            Err(tidings_core::OpenError::StayAway) => Err(204),
            Err(_) => Err(503),
        }
    }

    /// The other side of a link is known to be gone.
    pub(super) fn lose(&mut self, link: &Link) {
        if link.life == self.life() && self.sockets.remove(&link.connection).is_some() {
            self.hub.handle_closed(link.connection);
        }
    }

    /// Publishes all or none; where the log is full the driver writes first.
    pub(super) fn publish(
        &mut self,
        now: u64,
        mails: &[Mail],
        links: &mut [Link],
    ) -> Verdict<Result<Vec<Published>, PublishError>> {
        let messages: Result<Vec<Message>, _> = mails
            .iter()
            .map(|mail| mail.with(|publish| self.hub.rules().message(publish)))
            .collect();
        let messages = messages.map_err(|error| format!("{error} in {mails:?}"))?;
        let mut outcome = self.hub.publish_all(now, &messages);
        if outcome == Err(PublishError::Full) {
            self.write(now, links)?;
            outcome = self.hub.publish_all(now, &messages);
            ensure!(
                outcome != Err(PublishError::Full),
                "full after all was written that could be"
            );
        }
        Ok(outcome)
    }

    /// When the driver has to do something.
    pub(super) fn next(&self, now: u64) -> Option<u64> {
        if self.is_up(now) {
            self.hub.poll_timeout()
        } else {
            Some(self.down_until)
        }
    }

    /// Does what is due at this moment.
    pub(super) fn drive(&mut self, now: u64, links: &mut [Link]) -> Verdict {
        if !self.lazy {
            self.hub.handle_timeout(now);
        }
        self.write(now, links)?;
        // What is too old stays until those who are ready have been written to: once more is enough.
        for _ in 0..2 {
            if self.hub.poll_timeout().is_some_and(|at| at <= now) {
                self.hub.handle_timeout(now);
                self.write(now, links)?;
            }
        }
        ensure!(
            self.hub.poll_timeout().is_none_or(|at| at > now),
            "a time that has come is left at {now}: {:?}",
            self.hub.poll_timeout()
        );
        self.check_memory()
    }

    /// Asks for outputs until there are none, and writes what sockets take.
    fn write(&mut self, now: u64, links: &mut [Link]) -> Verdict {
        while let Some(output) = self.hub.poll_output() {
            match output {
                Output::Ready(id) => {
                    let link = self.sockets.get(&id).ok_or("ready without a socket")?;
                    self.write_one(now, id, &mut links[*link])?;
                }
                Output::Closed {
                    connection, cut, ..
                } => {
                    let link = self.sockets.remove(&connection);
                    let link = &mut links[link.ok_or("closed without a socket")?];
                    link.ended = true;
                    if cut {
                        link.cut(now, 0);
                    }
                }
                other => return Err(format!("an output that is not known: {other:?}")),
            }
        }
        Ok(())
    }

    fn write_one(&mut self, now: u64, id: ConnectionId, link: &mut Link) -> Verdict {
        let Some(transmit) = self.hub.transmit(now, id) else {
            return Ok(());
        };
        let mut bytes = transmit.slices().collect::<Vec<_>>().concat();
        bytes.truncate(link.room());
        let taken = bytes.len();
        link.write(now, bytes);
        let consumed = self.hub.consume(now, id, taken);
        consumed.map_err(|error| format!("writing to {id:?}: {error}"))
    }

    /// What is held is never more than what may be.
    fn check_memory(&self) -> Verdict {
        let options = self.options.classes.iter();
        let options = options.chain([&self.options.default_class]);
        for (held, limit) in self.hub.classes().zip(options) {
            ensure!(
                held.events <= limit.events && held.bytes <= limit.bytes,
                "a class holds {held:?} of {limit:?}"
            );
        }
        ensure!(
            self.hub.connections() == self.sockets.len(),
            "{} connections, {} sockets",
            self.hub.connections(),
            self.sockets.len()
        );
        Ok(())
    }

    /// The class of a topic keeps one value of it.
    pub(super) fn is_latest(&self, mail: &Mail) -> bool {
        let topics = mail.address.topics();
        topics
            .first()
            .is_some_and(|topic| topic.starts_with("latest/"))
    }
}
