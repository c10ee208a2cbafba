//! Does operations to a hub and to the model, and compares after each.
//!
//! It does not know what is right; the model says so.

mod driver;
mod publishing;
mod streams;

use crate::frames::Frames;
use crate::minimize::minimize;
use crate::model::{Cause, Model};
use crate::ops::choices::many;
use crate::ops::strategies::operations;
use crate::ops::{Operation, Peer};
use crate::setup::{Setup, setup};
use crate::verdict::{Verdict, caught};
use crate::{ensure, ensure_eq};
use arbitrary::Arbitrary;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use tidings_core::{ClassStats, CloseReason, ConnectionId, Decoder, Hub};

/// A hub and what happens to it.
#[derive(Arbitrary, Clone)]
pub struct Case {
    /// How the hub is made.
    pub setup: Setup,
    /// What happens to it.
    #[arbitrary(with = many)]
    pub operations: Vec<Operation>,
}

impl Case {
    /// The case of a seed, with up to so many operations.
    ///
    /// # Panics
    /// Never: the strategies refuse nothing.
    #[must_use]
    pub fn of_seed(seed: u64, most: usize) -> Self {
        let mut bytes = [7; 16];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::XorShift, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), random);
        let cases = (setup(), operations(1..=most));
        let tree = cases.new_tree(&mut runner).expect("a case");
        let (setup, operations) = tree.current();
        Self { setup, operations }
    }
}

impl fmt::Debug for Case {
    /// One operation a line, and of the options what one may want to look at.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let options = &self.setup.options;
        writeln!(f, "eager: {}, lag: {:?}", self.setup.eager, options.lag)?;
        for class in &options.classes {
            writeln!(f, "{class:?}")?;
        }
        writeln!(f, "default {:?}", options.default_class)?;
        writeln!(f, "{:?}", options.limits)?;
        writeln!(f, "{:?}", options.deadlines)?;
        let control = &options.control;
        for event in [
            &control.connected,
            &control.heartbeat,
            &control.gap,
            &control.reauth,
            &control.bye,
        ] {
            if !event.enabled || event.json.is_some() {
                writeln!(f, "{event:?}")?;
            }
        }
        for (step, operation) in self.operations.iter().enumerate() {
            writeln!(f, "{step:3} {operation:?}")?;
        }
        Ok(())
    }
}

/// A hub that did not do what it should.
#[derive(Clone, Debug)]
pub struct Fault {
    /// After how many operations.
    pub step: usize,
    /// The operation at which it showed; none at the end of all.
    pub operation: Option<String>,
    /// What is wrong.
    pub sentence: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {}, ", self.step)?;
        match &self.operation {
            Some(operation) => write!(f, "{operation}: {}", self.sentence),
            None => write!(f, "at the end: {}", self.sentence),
        }
    }
}

impl std::error::Error for Fault {}

/// What came of a case that holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Played {
    /// All that the hub said and offered, as one number: the same case gives the same number.
    pub digest: u64,
    /// What came about, and how often.
    pub reached: BTreeMap<&'static str, usize>,
}

/// Plays a case to its end, then heals and closes everything.
///
/// # Errors
/// The first check that failed. A panic is one.
pub fn play(case: &Case) -> Result<Played, Fault> {
    let mut step = 0;
    let played = caught(|| {
        let mut player = Player::new(&case.setup)?;
        for operation in &case.operations {
            player.step(operation)?;
            step += 1;
        }
        player.end()?;
        Ok(Played {
            digest: player.digest.finish(),
            reached: player.model.reached().clone(),
        })
    });
    played.map_err(|sentence| Fault {
        step,
        operation: case.operations.get(step).map(|one| format!("{one:?}")),
        sentence,
    })
}

/// Plays a case, and makes one that fails smaller.
///
/// # Errors
/// The first check that failed, and the smallest case found in which one does.
pub fn judge(case: Case) -> Verdict<Played> {
    play(&case).map_err(|fault| match minimize(case) {
        (case, Some(smallest)) => format!("{fault}\nat its smallest: {smallest}\n{case:?}"),
        (_, None) => format!("{fault}\nwhen played again, it held"),
    })
}

/// A hub, its model, and a driver.
struct Player {
    hub: Hub,
    model: Model,
    eager: bool,
    now: u64,
    /// Connections that the hub said are ready, and that were not written to since.
    ready: Vec<ConnectionId>,
    /// The other ends, as the connections of the model.
    clients: Vec<Client>,
    /// How many letters were written, so that no two are alike.
    letters: usize,
    /// Nothing has happened since the driver did all there was to do.
    settled: bool,
    digest: DefaultHasher,
}

/// The other end of a connection.
struct Client {
    decoder: Decoder,
    /// What it makes an event stream of, over WebSocket.
    frames: Option<Frames>,
    /// Bytes of the preamble that have not come yet.
    preamble: usize,
}

impl Player {
    fn new(setup: &Setup) -> Verdict<Self> {
        let options = &setup.options;
        let hub = Hub::new(options.clone()).map_err(|error| format!("no hub: {error}"))?;
        Ok(Self {
            hub,
            model: Model::new(options),
            eager: setup.eager,
            now: 0,
            ready: Vec::new(),
            clients: Vec::new(),
            letters: 0,
            settled: false,
            digest: DefaultHasher::new(),
        })
    }

    fn step(&mut self, operation: &Operation) -> Verdict {
        self.apply(operation)?;
        if self.eager {
            self.poll(usize::MAX)?;
        }
        self.settled = matches!(operation, Operation::Settle);
        self.check()
    }

    fn apply(&mut self, operation: &Operation) -> Verdict {
        match operation {
            Operation::Open(opening) => self.open(opening),
            Operation::Subscribe { peer, topic } => self.subscribe(*peer, topic),
            Operation::Unsubscribe { peer, topic } => self.unsubscribe(*peer, topic),
            Operation::Publish(letter) => self.publish(letter),
            Operation::PublishAll(letters) => self.publish_all(letters),
            Operation::Append { hole, letters } => self.append(*hole, letters),
            Operation::Skip { ahead } => {
                let through = self.model.head() + ahead;
                self.hub.skip(through);
                self.model.skip(through);
                Ok(())
            }
            Operation::Assigned { ahead } => {
                let through = self.model.head() + ahead;
                self.hub.handle_assigned(through);
                self.model.assign(through);
                Ok(())
            }
            Operation::Flood { topics, events } => self.flood(topics, *events),
            Operation::Poll { outputs } => self.poll(*outputs),
            Operation::Write {
                socket,
                room,
                between,
            } => self.write_one(*socket, *room, between.as_deref()),
            Operation::ConsumeUnasked { peer, taken } => self.consume_unasked(*peer, *taken),
            Operation::Writable(peer) => self.writable(*peer),
            Operation::Probe(peer) => self.probe(*peer),
            Operation::Gone(peer) => self.gone(*peer),
            Operation::Close(peer) => self.close(*peer),
            Operation::Renew {
                peer,
                expires_in,
                grants,
            } => self.renew(*peer, *expires_in, grants),
            Operation::Advance { ms } => {
                self.pass(*ms);
                Ok(())
            }
            Operation::AdvanceToExpiry { early } => {
                let next = self.model.next_expiry().unwrap_or(self.now);
                self.pass(next.saturating_sub(*early).saturating_sub(self.now));
                Ok(())
            }
            Operation::Wake => self.wake(),
            Operation::Sleep => self.sleep(),
            Operation::SetUnix { by } => {
                let unix_ms = self.model.unix_ms().saturating_add_signed(*by);
                self.hub.set_unix_ms(self.now, unix_ms);
                self.model.set_unix_ms(unix_ms);
                Ok(())
            }
            Operation::Drain { over_ms } => {
                self.hub.drain(self.now, *over_ms);
                self.model.drain(*over_ms);
                Ok(())
            }
            Operation::Settle => self.settle(),
        }
    }

    /// Everything that must hold at any time.
    fn check(&mut self) -> Verdict {
        self.learn_overflows()?;
        self.observe(Cause::Other)?;
        self.model.check_stats(&self.hub.stats())?;
        self.model.check_rescued()?;
        ensure_eq!(
            self.hub.cursor().sequence,
            self.model.head(),
            "the end of the log"
        );
        ensure_eq!(
            self.hub.is_draining(),
            self.model.is_draining(),
            "whether draining"
        );
        ensure_eq!(
            self.hub.users(),
            self.model.users(),
            "how many users there are"
        );
        ensure_eq!(
            self.hub.poll_timeout(),
            self.model.next_deadline(),
            "the next deadline at {}",
            self.now
        );
        for key in 0..self.model.connections().len() {
            let (id, phase) = {
                let connection = &self.model.connections()[key];
                (connection.id, connection.phase)
            };
            ensure_eq!(
                self.hub.is_open(id),
                phase.is_open(),
                "whether {id:?}, {phase:?}, is open"
            );
            let position = self.hub.position(id).map(|cursor| cursor.sequence);
            self.model.sync_position(key, position)?;
            self.model
                .check_topics(key, self.hub.topics_of(id).collect())?;
            if self.eager || self.settled {
                let told = self.ready.contains(&id) || !self.model.has_something(key);
                ensure!(
                    told,
                    "the driver was not told that {id:?} has something to send"
                );
            }
        }
        Ok(())
    }

    /// Takes over what the classes hold.
    fn observe(&mut self, cause: Cause) -> Verdict {
        let classes: Vec<ClassStats> = self.hub.classes().collect();
        self.model.observe(&classes, cause)
    }

    /// A reader is cut without an output at once where the log drops what it is in the middle of:
    /// the counts show it.
    fn learn_overflows(&mut self) -> Verdict {
        let overflow = CloseReason::Overflow;
        if self.hub.stats().closed(overflow) > self.model.closed(overflow) {
            self.poll(usize::MAX)?;
        }
        Ok(())
    }

    /// The end: everything heals, then everything is closed, and nothing is left.
    fn end(&mut self) -> Verdict {
        self.settle()?;
        for key in 0..self.model.connections().len() {
            let id = self.model.connections()[key].id;
            self.hub.handle_writable(id);
            self.model.writable(key);
        }
        self.settle()?;
        self.settled = true;
        self.check()?;
        for key in 0..self.model.connections().len() {
            let id = self.model.connections()[key].id;
            if key % 2 == 0 {
                self.hub.handle_closed(id);
                self.model.gone(key);
            } else {
                ensure_eq!(
                    self.hub.close(self.now, id),
                    self.model.close(key),
                    "closing"
                );
            }
        }
        self.ready.retain(|id| self.hub.is_open(*id));
        self.settle()?;
        self.check()?;
        let open = self
            .model
            .connections()
            .iter()
            .filter(|one| one.phase.is_open());
        ensure_eq!(open.count(), 0, "connections that are still open");
        ensure!(
            self.hub.is_idle(),
            "everything is closed, but the hub is not idle"
        );
        Ok(())
    }

    /// The place of a connection among all, and its id.
    fn peer(&self, peer: Peer) -> (Option<usize>, ConnectionId) {
        let pick = |number: usize, open: bool| {
            let keys: Vec<usize> = (0..self.model.connections().len())
                .rev()
                .filter(|key| self.model.connections()[*key].phase.is_open() == open)
                .collect();
            keys.get(number % keys.len().max(1)).copied()
        };
        let key = match peer {
            Peer::Open(number) => pick(number, true),
            Peer::Stale(number) => pick(number, false),
            Peer::Never | Peer::Foreign => None,
        };
        let nobody = ConnectionId::from_u64(match peer {
            Peer::Foreign => 0x0400_0000_0100_0000,
            _ => 0x0300_0000_0100_1000,
        });
        let id = key.map_or(nobody, |key| self.model.connections()[key].id);
        (key, id)
    }

    fn note(&mut self, what: impl Hash) {
        what.hash(&mut self.digest);
    }
}
