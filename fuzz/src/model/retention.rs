//! What the log lets go: in which order, for which reason, and never before its time.
//!
//! It does not count bytes as the hub does. It takes over how much each class holds, once the laws
//! allow that from what it held before.

use super::connection::RestOf;
use super::{Connection, Event, Model, State};
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use tidings_core::{ClassStats, Encoding};

/// More than the index record of any event of the universe takes beside its frame, and less.
const MOST_RECORD_BYTES: usize = 512;
const LEAST_RECORD_BYTES: usize = 64;

/// More than a message takes beside its bytes.
const MESSAGE_BYTES: usize = 64;

/// Why a class may hold other events than before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// Events from this number on were published.
    Published(u64),
    /// A WebSocket connection was offered something.
    Offered,
    /// The hub was told of the time.
    Woken,
    /// None.
    Other,
}

/// What has left a class since it was last looked at.
struct Left {
    /// Places of the events, oldest first.
    events: Vec<usize>,
    /// How many records were dropped.
    records: usize,
}

impl Model {
    /// Takes over what the classes hold.
    ///
    /// # Errors
    /// Where something left in the wrong order, without a reason, or while someone had still to be
    /// offered it; or where a limit does not hold.
    pub fn observe(&mut self, classes: &[ClassStats], cause: Cause) -> Verdict {
        ensure_eq!(classes.len(), self.held.len(), "how many classes there are");
        for (class, held) in classes.iter().enumerate() {
            let left = self.let_go(class, held)?;
            self.check_limits(class, held)?;
            self.check_reasons(class, held, cause, &left)?;
            self.note_left(cause, &left);
            for place in &left.events {
                self.check_nobody_waits(*place)?;
            }
        }
        self.held = classes.to_vec();
        Ok(())
    }

    fn note_left(&mut self, cause: Cause, left: &Left) {
        if left.records > 0 {
            self.reach("records dropped");
        }
        for place in &left.events {
            let event = &self.events[*place];
            let (sequence, latest) = (event.sequence, self.class(event.class).latest);
            self.reach(match (cause, latest) {
                (Cause::Offered, _) => "an event trimmed for a message",
                (Cause::Woken, _) => "an event too old",
                (_, true) => "a value evicted",
                (_, false) => "an event trimmed",
            });
            let of = Some(RestOf::Event(sequence));
            let is_amid = |one: &Connection| one.rest.as_ref().map(|rest| rest.of) == of;
            if self.connections.iter().any(is_amid) {
                self.reach("an event trimmed while a reader is in the middle of it");
            }
        }
    }

    /// Marks what is gone, given how much is there: the oldest go first.
    fn let_go(&mut self, class: usize, held: &ClassStats) -> Verdict<Left> {
        let known: Vec<usize> = self.recorded(class).collect();
        self.oldest[class] = known.first().copied().unwrap_or(self.events.len());
        ensure!(
            held.events <= held.records && held.records <= known.len(),
            "class {class} holds {held:?}, more than the {} it could",
            known.len()
        );
        let dropped = known.len() - held.records;
        let gone = known.len() - held.events;
        let mut left = Left {
            events: Vec::new(),
            records: dropped,
        };
        for (order, place) in known.iter().enumerate() {
            let was_kept = self.events[*place].is_kept();
            ensure!(
                order < gone || was_kept,
                "event {} is back in class {class}",
                self.events[*place].sequence
            );
            if order < dropped {
                self.events[*place].state = State::Dropped(self.drops);
                self.drops += 1;
                self.forget_id(*place);
            } else if order < gone {
                self.events[*place].state = State::Trimmed;
            }
            if order < gone && was_kept {
                left.events.push(*place);
            }
        }
        let first = known.get(gone).map(|place| self.events[*place].sequence);
        ensure_eq!(held.first, first, "the oldest event of class {class}");
        Ok(left)
    }

    fn check_limits(&self, class: usize, held: &ClassStats) -> Verdict {
        let limit = self.class(class);
        ensure!(
            held.events <= limit.events
                && held.bytes <= limit.bytes
                && held.records <= self.record_limit(class),
            "class {class} holds more than its limits: {held:?} of {limit:?}"
        );
        let trimmed = held.records - held.events;
        ensure!(
            trimmed * LEAST_RECORD_BYTES <= limit.bytes / 4,
            "records of trimmed events take more than a quarter of class {class}: {held:?}"
        );
        Ok(())
    }

    fn record_limit(&self, class: usize) -> usize {
        let limit = self.class(class);
        limit.records.unwrap_or(limit.events * 4).max(limit.events)
    }

    /// Nothing goes that could have stayed.
    fn check_reasons(&self, class: usize, held: &ClassStats, cause: Cause, left: &Left) -> Verdict {
        let limit = self.class(class);
        let (incoming, unstored) = self.incoming(class, cause);
        if left.records > 0 {
            let trimmed = held.records - held.events;
            ensure!(
                held.records + unstored.records + 1 > self.record_limit(class)
                    || (trimmed + 1) * MOST_RECORD_BYTES > limit.bytes / 4,
                "class {class} dropped {} records without a reason: {held:?} of {limit:?}",
                left.records
            );
        }
        let Some(last) = left.events.last().map(|place| &self.events[*place]) else {
            return Ok(());
        };
        let fits = match cause {
            Cause::Published(_) => {
                let more = self.bytes_of(last) + MOST_RECORD_BYTES * (left.records + 1);
                !incoming
                    || held.events + unstored.events < limit.events
                        && held.bytes + unstored.bytes + more <= limit.bytes
            }
            Cause::Offered => {
                let more = self.bytes_of(last) + MOST_RECORD_BYTES * (left.records + 1);
                held.bytes + more <= limit.bytes
            }
            Cause::Woken => {
                let age_ms = limit.age_ms.unwrap_or(u64::MAX);
                self.now < last.time_ms.saturating_add(age_ms)
            }
            Cause::Other => true,
        };
        ensure!(
            !fits,
            "event {} left class {class} without a reason ({cause:?}): {held:?} of {limit:?}",
            last.sequence
        );
        Ok(())
    }

    /// The most that an event takes beside its record.
    fn bytes_of(&self, event: &Event) -> usize {
        let asked = |one: &Connection| one.encoding == Encoding::WebSocket;
        let message = if self.connections.iter().any(asked) {
            event.message.len() + MESSAGE_BYTES
        } else {
            0
        };
        event.frame.len() + message
    }

    /// Whether something came in, and what was not kept after all: room was made for it, and that
    /// cut the connection which it was for.
    fn incoming(&self, class: usize, cause: Cause) -> (bool, ClassStats) {
        let mut unstored = ClassStats::default();
        let Cause::Published(first) = cause else {
            return (false, unstored);
        };
        let published = self.events_after(first - 1).iter();
        let incoming: Vec<_> = published.filter(|event| event.class == class).collect();
        for event in incoming
            .iter()
            .filter(|event| event.state == State::Unstored)
        {
            unstored.events += 1;
            unstored.records += 1;
            unstored.bytes += event.frame.len() + MOST_RECORD_BYTES;
        }
        (!incoming.is_empty(), unstored)
    }

    /// A reader that is not blocked is offered what is for it before it goes.
    fn check_nobody_waits(&self, place: usize) -> Verdict {
        let event = &self.events[place];
        for (_, connection) in self.open_connections() {
            let waits = connection.phase.is_served()
                && !connection.blocked
                && event.sequence > connection.position
                && Self::is_for(event, connection)
                && !connection.replay.is_some_and(|replay| {
                    replay.skip_through.is_some()
                        || replay.is_over(event.written(connection.encoding).len())
                });
            ensure!(
                !waits,
                "event {} left while {:?}, which is not blocked, had still to be offered it",
                event.sequence,
                connection.id
            );
        }
        Ok(())
    }

    /// After a wake, what is too old is there only for somebody's sake.
    ///
    /// # Errors
    /// Where it is there for nobody's.
    pub fn check_none_too_old(&self) -> Verdict {
        let behind = |connection: &Connection| {
            connection.phase.is_served()
                && !connection.blocked
                && (connection.position < self.head || connection.phase == super::Phase::Flushing)
        };
        if self.open_connections().any(|(_, one)| behind(one)) {
            return Ok(());
        }
        for event in self.all_recorded().filter(|event| event.is_kept()) {
            let age_ms = self.class(event.class).age_ms.unwrap_or(u64::MAX);
            ensure!(
                event.time_ms.saturating_add(age_ms) > self.now,
                "event {} is too old at {} and still there",
                event.sequence,
                self.now
            );
        }
        Ok(())
    }

    /// A record is gone, and with it the id that the publisher gave.
    pub(super) fn forget_id(&mut self, place: usize) {
        let event = &self.events[place];
        if let Some(id) = &event.mail.id
            && self.own_ids.get(id) == Some(&event.sequence)
        {
            self.own_ids.remove(id);
        }
    }
}
