//! What a connection is to be sent next: one bounded walk through the logs from its position on.
//!
//! Live events, replay and gaps are one path. The walk changes nothing: it fills a plan, whose
//! outcome holds once the socket has taken the bytes. It does not know sockets, time or deadlines.

use super::audience::is_for;
use super::class::{Class, Classes, Found, Place};
use super::connections::{CAUGHT_UP, Connection, Missing};
use super::control::ControlOptions;
use super::cursor::Cursor;
use super::encoding::Encoding;
use super::id::ConnectionId;
use super::lane::Lane;
use super::latest::Value;
use super::loss::Loss;
use super::options::LagPolicy;
use super::output::GapReason;
use super::patterns::Patterns;
use super::plan::{Effect, Made, Plan, Source, ToldGap};
use super::record::{Reach, Record};
use super::search::{LaneTable, Lanes, Records};
use super::topics::Topics;
use super::users::Users;
use alloc::boxed::Box;

/// The most records that one pull looks at.
const MAX_RECORDS: usize = 1_024;

/// The least and the most misses after which a connection of topics by name goes by their lanes.
const LEAST_MISSES: usize = 32;
const MAX_MISSES: usize = 256;

/// A message longer than this is sent from where it is kept; shorter ones are copied, since many
/// in one slice are sent with less work than each in its own.
const COPIED_BYTES: usize = 4 << 10;

pub(crate) struct Pull<'a> {
    pub(crate) classes: &'a Classes,
    pub(crate) topics: &'a mut Topics,
    pub(crate) users: &'a Users,
    pub(crate) patterns: &'a Patterns,
    pub(crate) everyone: &'a Lane,
    pub(crate) direct: &'a Lane,
    /// The records that were dropped, of any class; and those of them addressed to topics.
    pub(crate) dropped: Loss,
    pub(crate) topics_dropped: Loss,
    pub(crate) control: &'a ControlOptions,
    pub(crate) connection: &'a Connection,
    pub(crate) id: ConnectionId,
    /// The end of the log.
    pub(crate) head: Cursor,
    pub(crate) plan: &'a mut Plan,
}

/// The connection missed something, and its policy is to close.
pub(crate) struct Lagged;

enum Search<'a> {
    Records(Records<'a>),
    Lanes(Lanes<'a>),
}

/// What may happen with a record that was found.
enum Step {
    /// It is dealt with.
    Taken,
    /// There is no room for it in this pull.
    Full,
}

impl Pull<'_> {
    /// Adds to the plan what is to be sent, and the outcome.
    pub(crate) fn run(&mut self) -> Result<(), Lagged> {
        let rare = self.connection.rare.as_deref();
        let outcome = &mut self.plan.outcome;
        outcome.next = self.connection.next;
        outcome.opening = self.connection.opening();
        outcome.missing = rare.and_then(|rare| rare.missing);
        outcome.replay = rare.and_then(|rare| rare.replay);
        if let Some(from) = outcome.opening {
            self.plan.outcome.opening = self.opening_values(from);
        }
        if self.plan.outcome.opening.is_some() {
            return Ok(());
        }
        if self.plan.outcome.next != CAUGHT_UP {
            self.look_for_loss()?;
            self.walk()?;
        }
        if self.plan.outcome.next == CAUGHT_UP {
            self.tell_gap(self.head.sequence.max(self.connection.floor));
        }
        Ok(())
    }

    /// The current values that open a stream, up to where it was opened; those that come later are
    /// events like others. Returns where to go on.
    fn opening_values(&mut self, from: u64) -> Option<u64> {
        let classes = self.classes;
        let through = self.connection.floor;
        let values = Records::new(classes, from, Class::is_latest);
        for (looked, found) in values.enumerate() {
            let sequence = found.record.sequence;
            if sequence > through {
                break;
            }
            if looked == MAX_RECORDS {
                return Some(sequence);
            }
            let Some(value) = self.classes.value(&found) else {
                continue;
            };
            if !is_for(
                found.record,
                self.connection,
                self.id,
                self.topics,
                self.patterns,
            ) {
                continue;
            }
            // Taken at this position, the client comes back for the rest of the values, and for
            // all that followed.
            let id = Cursor {
                latest: Some(sequence),
                ..Cursor::new(self.head.epoch, through)
            };
            if !self.take_opening(value, id) {
                return Some(sequence);
            }
        }
        None
    }

    /// Adds a value that opens the stream, under this id; whether there is room for it.
    fn take_opening(&mut self, value: &Value, id: Cursor) -> bool {
        let sequence = value.record.sequence;
        let effect = Effect::Opening { sequence };
        if self.connection.encoding == Encoding::EventStream {
            let has_room = self.plan.has_room(value.frame.len());
            if has_room {
                self.plan
                    .push_written(effect, |out| value.write_with_id(id, out));
            }
            return has_room;
        }
        let topic = topic_of(&value.record, self.topics);
        let (start, len) = self.plan.write_text(&value.frame, Some(id), topic);
        let has_room = self.plan.has_room(len);
        if has_room {
            self.plan.push(Source::Scratch(start), len, effect);
        } else {
            self.plan.unwrite(start);
        }
        has_room
    }

    /// Whether events that may have been for the connection cannot even be counted any more.
    fn look_for_loss(&mut self) -> Result<(), Lagged> {
        let connection = self.connection;
        let told = connection.rare.as_ref().map_or(0, |rare| rare.told_losses);
        if !self.dropped.concerns(connection.next, told) || !self.may_have_lost(told) {
            return Ok(());
        }
        self.miss(connection.next - 1, None, false)
    }

    fn may_have_lost(&self, told: u64) -> bool {
        let connection = self.connection;
        let from = connection.next;
        let by_name = connection.subscriptions.iter().any(|one| {
            let topic = one.target.as_topic();
            let lane = topic.map(|topic| &self.topics.get(topic).lane);
            lane.is_some_and(|lane| lane.dropped.concerns(from.max(one.since + 1), told))
        });
        let user = connection.user.map(|user| self.users.get(user).lane());
        by_name
            || connection.subscriptions.has_patterns() && self.topics_dropped.concerns(from, told)
            || user.is_some_and(|lane| lane.dropped.concerns(from, told))
            || self.everyone.dropped.concerns(from, told)
            || connection.direct > 0 && self.direct.dropped.concerns(from, told)
    }

    fn walk(&mut self) -> Result<(), Lagged> {
        let classes = self.classes;
        let next = self.plan.outcome.next;
        let mut search = Search::Records(Records::new(classes, next, |_| true));
        let mut misses = 0;
        // Whether others who stand there would be sent the same.
        let mut alike = !self.dropped.concerns(next, 0);
        for _ in 0..MAX_RECORDS {
            let Some(found) = self.find(&mut search) else {
                self.plan.outcome.next = CAUGHT_UP;
                break;
            };
            let sequence = found.record.sequence;
            alike &= found.place.is_some() && found.record.is_for_all_alike();
            if is_for(
                found.record,
                self.connection,
                self.id,
                self.topics,
                self.patterns,
            ) {
                if let Step::Full = self.take(&found)? {
                    self.plan.outcome.next = sequence;
                    break;
                }
            } else {
                misses += 1;
                if misses == self.max_misses() && !self.connection.subscriptions.has_patterns() {
                    // Lanes lead past what is for others alone.
                    alike = false;
                    let lanes = Lanes::new(classes, sequence + 1, self.connection, self.lanes());
                    search = Search::Lanes(lanes);
                }
            }
            self.plan.outcome.next = sequence + 1;
        }
        if alike && !self.plan.is_empty() {
            self.plan.shared = self.connection.standing();
        }
        Ok(())
    }

    /// After so many records that are not for it, a connection of topics by name goes by their
    /// lanes: to look into each of these costs about as much.
    fn max_misses(&self) -> usize {
        let topics = self.connection.subscriptions.len();
        topics.clamp(LEAST_MISSES, MAX_MISSES)
    }

    fn find<'b>(&self, search: &mut Search<'b>) -> Option<Found<'b>> {
        match search {
            Search::Records(records) => records.next(),
            Search::Lanes(lanes) => lanes.next(self.lanes()),
        }
    }

    fn lanes(&self) -> LaneTable<'_> {
        let (everyone, direct) = (self.everyone, self.direct);
        LaneTable {
            topics: self.topics,
            users: self.users,
            everyone,
            direct,
        }
    }

    /// An event for the connection: sent if its frame stands, else counted.
    fn take(&mut self, found: &Found<'_>) -> Result<Step, Lagged> {
        let sequence = found.record.sequence;
        let direct = matches!(found.record.reach, Reach::Connection(_));
        let Some(place) = found.place else {
            if !self.is_excused(found) {
                self.miss(sequence - 1, Some(1), direct)?;
            }
            return Ok(Step::Taken);
        };
        let (source, len) = match self.connection.encoding {
            Encoding::EventStream => (Source::Frame(place, 0), self.classes.frame_len(place)),
            Encoding::WebSocket if self.is_left_out(sequence) => {
                self.miss_replay(sequence - 1, direct);
                return Ok(Step::Taken);
            }
            Encoding::WebSocket => self.text(found, place),
        };
        if !self.may_replay(sequence, len) {
            self.miss_replay(sequence - 1, direct);
            return Ok(Step::Taken);
        }
        if !self.plan.has_room(len) {
            return Ok(Step::Full);
        }
        self.tell_gap(sequence - 1);
        if let Some(replay) = &mut self.plan.outcome.replay {
            replay.use_up(len);
        }
        let effect = Effect::Event { sequence, direct };
        self.plan.push(source, len, effect);
        Ok(Step::Taken)
    }

    /// Where the message of an event stands, and its length. It is made unless it is there.
    #[inline(never)]
    fn text(&mut self, found: &Found<'_>, place: Place) -> (Source, usize) {
        let (class, sequence) = (found.class, found.record.sequence);
        if let Some(text) = self.classes.get(class).text(sequence) {
            let source = if text.len() > COPIED_BYTES {
                Source::Frame(Place::Text(class, sequence), 0)
            } else {
                Source::Scratch(self.plan.write_copy(text))
            };
            return (source, text.len());
        }
        let frame = self
            .classes
            .bytes_from(place, 0, self.classes.frame_len(place));
        let topic = topic_of(found.record, self.topics);
        let (start, len) = self.plan.write_text(frame, None, topic);
        // Kept also where it is not sent now: the next pull begins with it.
        self.plan.made.push(Made {
            class,
            sequence,
            start,
            len,
        });
        (Source::Scratch(start), len)
    }

    /// Whether a resume is over its limit before this event, whatever its length.
    fn is_left_out(&self, sequence: u64) -> bool {
        let replay = self.plan.outcome.replay;
        replay.is_some_and(|replay| {
            replay
                .skip_through
                .is_some_and(|through| through >= sequence)
        })
    }

    /// Whether a resume still replays events; once it does not, all up to the head are left out.
    fn may_replay(&mut self, sequence: u64, len: usize) -> bool {
        let head = self.head.sequence;
        let Some(replay) = &mut self.plan.outcome.replay else {
            return true;
        };
        if replay.skip_through.is_none() && (replay.events == 0 || replay.bytes < len) {
            replay.skip_through = Some(head);
        }
        replay.skip_through.is_none_or(|through| through < sequence)
    }

    /// What was gone already when the stream was opened at the earliest event is not missed.
    fn is_excused(&self, found: &Found<'_>) -> bool {
        let excused = self
            .connection
            .rare
            .as_ref()
            .map_or(&[][..], |rare| &rare.excused);
        let through = excused.get(usize::from(found.class));
        through.is_some_and(|through| found.record.sequence <= *through)
    }

    /// Notes events that the connection cannot be sent any more; none: an unknown number.
    fn miss(&mut self, from: u64, events: Option<u64>, direct: bool) -> Result<(), Lagged> {
        let connection = self.connection;
        if !connection.resuming && connection.lag == LagPolicy::Close {
            return Err(Lagged);
        }
        let reason = if connection.resuming {
            GapReason::Trimmed
        } else {
            GapReason::Lagged
        };
        self.plan.outcome.miss(from, events, direct, reason);
        Ok(())
    }

    fn miss_replay(&mut self, from: u64, direct: bool) {
        self.plan
            .outcome
            .miss(from, Some(1), direct, GapReason::ReplayLimit);
    }

    /// Puts the gap, if there is one, before what comes next, with everything up to `through` told.
    #[inline]
    fn tell_gap(&mut self, through: u64) {
        if let Some(missing) = &self.plan.outcome.missing {
            let missing = *missing;
            self.plan.outcome.missing = None;
            self.tell_missing(through, missing);
        }
    }

    fn tell_missing(&mut self, through: u64, missing: Missing) {
        let (control, id) = (self.control, Cursor::new(self.head.epoch, through));
        let encoding = self.connection.encoding;
        let told_losses = self.dropped.count();
        let effect = Effect::Gap(Box::new(ToldGap {
            through,
            missing,
            told_losses,
        }));
        self.plan
            .push_written(effect, |out| control.write_gap(id, &missing, encoding, out));
    }
}

/// The topic that the message of an event names.
fn topic_of<'a>(record: &Record, topics: &'a Topics) -> Option<&'a str> {
    let names = record.reach.topics().iter();
    names.map(|topic| &**topics.name(*topic)).min()
}
