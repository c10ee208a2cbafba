//! What the hub offers a connection, frame by frame: nothing but what is due, in its order.
//!
//! It does not know how much of it the socket takes; `taken` goes on from there.

use super::bytes::{Frame, Scan};
use super::connection::{Connection, Phase};
use super::reading::Reading;
use super::{Model, State};
use crate::ensure;
use crate::verdict::Verdict;
use std::fmt;
use tidings_core::{CloseReason, GapReason, LagPolicy, MAX_SLICES};

/// The most bytes of one pull, unless its first event alone is longer, and what control events may
/// add to that.
const PULL_BYTES: usize = 64 << 10;
const CONTROL_BYTES: usize = 4 << 10;

/// The most records that one pull looks at.
const PULL_RECORDS: usize = 1_024;

/// After so many records that are not for it, a reader of topics by name goes another way.
const PULL_MISSES: usize = 256;

/// So many slices before the most there may be, a pull may stop.
const SPARE_SLICES: usize = 8;

/// What was offered to a connection, taken apart.
pub struct Offer {
    pub(super) pieces: Vec<Piece>,
    pub(super) len: usize,
    /// Whether the connection has all that is for it once every byte is taken.
    pub(super) complete: bool,
    /// The end of the log at that moment.
    pub(super) head: u64,
    /// The first event beyond what may be replayed, where the offer ends before it.
    pub(super) beyond_replay: Option<u64>,
    /// The connection as it is then.
    pub(super) end: Connection,
}

/// One piece of it, and what it means that the socket has begun to take it.
#[derive(Clone)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    pub(super) means: Means,
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} bytes", self.means, self.bytes.len())
    }
}

#[derive(Clone, Debug)]
pub(super) enum Means {
    Preamble,
    Rest,
    Connected,
    Value(u64),
    Event(u64),
    Gap(Gap),
    Reauth,
    Heartbeat,
    Bye,
}

/// A gap that is told.
#[derive(Clone, Debug)]
pub(super) struct Gap {
    pub(super) through: u64,
    /// How many it says; none where nobody can count them.
    pub(super) missed: Option<u64>,
    /// How many the hub may have counted, where the text does not say so.
    pub(super) silently: u64,
    /// Those it tells of that are for this connection alone, and could be counted.
    pub(super) direct: Vec<u64>,
}

impl Offer {
    /// Checks what the hub says that the reader learned to have missed, when it took so many bytes.
    ///
    /// # Errors
    /// Where that is not what the gaps among them say.
    pub fn check_told(&self, taken: usize, told: Option<tidings_core::Gap>) -> Verdict {
        let mut begun = 0;
        let pieces = self.pieces.iter().take_while(|piece| {
            begun += piece.bytes.len();
            begun - piece.bytes.len() < taken
        });
        let gaps = pieces.filter_map(|piece| match &piece.means {
            Means::Gap(gap) => Some(gap),
            _ => None,
        });
        let (mut any, mut sure, mut missed) = (false, true, Some(0));
        for gap in gaps {
            any = true;
            // Where the text does not say it, the hub may have counted more than can be known here.
            sure &= gap.silently == 0;
            missed = missed.zip(gap.missed).map(|(before, more)| before + more);
        }
        ensure!(told.is_some() == any, "the hub tells of the gap {told:?}");
        let said = told.and_then(|gap| gap.missed);
        ensure!(
            !any || !sure || said == missed,
            "a reader missed {missed:?}, the hub tells of {told:?}"
        );
        Ok(())
    }
}

impl Means {
    /// What is reached when the socket takes it, whole or in part.
    pub(super) const fn name(&self, whole: bool) -> &'static str {
        match (self, whole) {
            (Self::Preamble, true) => "preamble",
            (Self::Preamble, false) => "part of a preamble",
            (Self::Rest, true) => "rest",
            (Self::Rest, false) => "part of a rest",
            (Self::Connected, true) => "connected",
            (Self::Connected, false) => "part of connected",
            (Self::Value(_), true) => "value",
            (Self::Value(_), false) => "part of a value",
            (Self::Event(_), true) => "event",
            (Self::Event(_), false) => "part of an event",
            (Self::Gap(Gap { missed: None, .. }), true) => "gap of unknown size",
            (Self::Gap(_), true) => "gap",
            (Self::Gap(_), false) => "part of a gap",
            (Self::Reauth, true) => "reauth",
            (Self::Reauth, false) => "part of reauth",
            (Self::Heartbeat, true) => "heartbeat",
            (Self::Heartbeat, false) => "part of a heartbeat",
            (Self::Bye, true) => "bye",
            (Self::Bye, false) => "part of a bye",
        }
    }
}

impl Model {
    /// The driver asks what to send: a token that has ended ends its stream.
    pub fn asked_to_transmit(&mut self, key: usize) {
        let connection = &self.connections[key];
        let ended = connection.expires_ms.is_some_and(|at| at <= self.unix_ms());
        if ended && !connection.blocked {
            self.expire(key);
        }
    }

    /// Whether the connection is to be offered nothing at all.
    #[must_use]
    pub fn is_mute(&self, key: usize) -> bool {
        let connection = &self.connections[key];
        connection.blocked || !connection.phase.is_sent()
    }

    /// Reads what was offered to a connection in so many slices; `before` is where the hub says
    /// that the connection stood.
    ///
    /// # Errors
    /// Where it is not what should have been offered.
    pub fn read_offer(
        &mut self,
        key: usize,
        bytes: &[u8],
        slices: usize,
        before: Option<u64>,
    ) -> Verdict<Offer> {
        ensure!(!self.is_mute(key), "connection {key} was offered something");
        ensure!(slices <= MAX_SLICES, "an offer of {slices} slices");
        self.notice_lag(key, bytes)?;
        let at = self.connections[key].clone();
        let mut reading = Reading {
            long: self.is_long_walk(before, &at),
            model: self,
            scan: Scan::new(bytes, at.encoding),
            at,
            pieces: Vec::new(),
        };
        reading.read()?;
        let rest = reading.scan.peek()?;
        ensure!(
            rest.is_none(),
            "not due: {rest:?} after {:?}",
            reading.pieces
        );
        let (pieces, end, long) = (reading.pieces, reading.at, reading.long);
        let said = pieces.iter().any(|piece| matches!(piece.means, Means::Bye));
        let complete = self.is_caught_up(&end) && (said || end.phase != Phase::Flushing);
        if end.phase.is_served() {
            self.check_stop(&pieces, slices, long, &end)?;
        }
        check_size(&pieces)?;
        self.forget_unwritten(key, &pieces);
        self.note_offer(&pieces, complete, &end);
        Ok(Offer {
            len: bytes.len(),
            pieces,
            complete,
            head: self.head,
            beyond_replay: self.beyond_replay(&end),
            end,
        })
    }

    fn beyond_replay(&self, end: &Connection) -> Option<u64> {
        let mut missed = self.ahead(end).missed.into_iter();
        let first = missed.find(|missed| missed.reason == GapReason::ReplayLimit)?;
        Some(first.sequence)
    }

    /// Where the policy of a reader that missed something is to close, the hub notices it only now.
    fn notice_lag(&mut self, key: usize, bytes: &[u8]) -> Verdict {
        let connection = &self.connections[key];
        let rest = connection.rest.as_ref().map_or(0, |rest| rest.bytes.len());
        let begun = (connection.preamble.len() + rest).min(bytes.len());
        let frame = Scan::new(&bytes[begun..], connection.encoding).peek()?;
        let bye = frame.filter(|frame| frame.retry.is_some() && self.is_bye(frame));
        let closes = connection.lag == LagPolicy::Close && !connection.resuming;
        let served = connection.phase.is_served() && self.has_missed(connection);
        if bye.is_some_and(|bye| closes && served && !is_drain(&bye)) {
            self.leave(key, CloseReason::Lagged);
        }
        Ok(())
    }

    fn note_offer(&mut self, pieces: &[Piece], complete: bool, end: &Connection) {
        if !complete && end.phase.is_served() {
            self.reach("an offer that stops before the end");
        }
        let replay = end.replay.and_then(|replay| replay.skip_through);
        if replay.is_some() {
            self.reach("a replay that is over its limit");
        }
        let beats = |piece: &Piece| matches!(piece.means, Means::Heartbeat);
        if pieces.iter().any(beats) && end.floor > self.head {
            self.reach("a heartbeat ahead of the log");
        }
        if self.went_far(pieces, end) {
            self.reach("an event behind many for others");
        }
        if pieces.len() > 1 && end.phase == Phase::Flushing {
            self.reach("last events before a bye");
        }
    }

    /// Whether a reader of topics by name was offered an event behind more records that are not for
    /// it than a pull looks at one by one.
    fn went_far(&self, pieces: &[Piece], end: &Connection) -> bool {
        let events = pieces.iter().filter_map(|piece| match piece.means {
            Means::Event(sequence) => Some(sequence),
            _ => None,
        });
        let by_name = end.subscriptions.keys().all(|topic| !topic.contains('*'));
        let (Some(last), true) = (events.max(), by_name) else {
            return false;
        };
        let recorded = self
            .all_recorded()
            .take_while(|event| event.sequence < last);
        let others = recorded.filter(|event| !Self::is_for(event, end));
        others.count() > 2 * PULL_MISSES
    }

    /// What is off leaves nothing to be taken, and is done with once it was due.
    fn forget_unwritten(&mut self, key: usize, pieces: &[Piece]) {
        let written = |wanted: fn(&Means) -> bool| pieces.iter().any(|piece| wanted(&piece.means));
        let connected = written(|means| matches!(means, Means::Connected));
        let reauth = written(|means| matches!(means, Means::Reauth));
        let owed = &mut self.connections[key].owed;
        owed.connected &= connected;
        owed.reauth &= reauth;
    }

    fn is_bye(&self, frame: &Frame) -> bool {
        let control = &self.options.control.bye;
        Self::is_named(frame, control)
            || !control.enabled && frame.event.is_none() && frame.data.is_none()
    }

    /// Whether something ahead of the connection, up to the end, is or may be missed.
    fn has_missed(&self, connection: &Connection) -> bool {
        let gone =
            |event: &super::Event| event.state == State::Trimmed && Self::is_for(event, connection);
        self.may_have_lost(connection) || self.events_after(connection.position).iter().any(gone)
    }

    fn is_long_walk(&self, before: Option<u64>, connection: &Connection) -> bool {
        let opening = connection.opening.unwrap_or(u64::MAX);
        let from = before.unwrap_or(connection.position).min(opening);
        let records = self.events_after(from).iter();
        records.filter(|event| event.has_record()).count() >= PULL_RECORDS
    }

    /// An offer may leave out what is due only for its size, or for what it took to look.
    fn check_stop(&self, pieces: &[Piece], slices: usize, long: bool, end: &Connection) -> Verdict {
        if self.is_caught_up(end) {
            return Ok(());
        }
        let next = match self.next_value(end) {
            Some(value) => Some(value.written(end.encoding).len() + 64),
            None => self
                .ahead(end)
                .next
                .map(|place| self.events[place].written(end.encoding).len()),
        };
        let len: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
        let values = pieces
            .iter()
            .filter(|piece| matches!(piece.means, Means::Value(_)));
        let has_reason = next.is_some_and(|next| len + next > PULL_BYTES)
            || slices.max(values.count()) + SPARE_SLICES > MAX_SLICES
            || long;
        ensure!(
            has_reason,
            "offered {len} bytes in {slices} slices, but not what is next: {:?}, {:?}",
            self.next_value(end),
            self.ahead(end)
        );
        Ok(())
    }
}

/// Whether the `bye` says that it is that of a drained stream.
fn is_drain(bye: &Frame) -> bool {
    let data = bye.data.as_deref().unwrap_or_default();
    data.contains(CloseReason::Drain.as_str())
}

/// An offer is bounded, unless one event alone is longer.
fn check_size(pieces: &[Piece]) -> Verdict {
    let of_log =
        |piece: &&Piece| matches!(piece.means, Means::Rest | Means::Event(_) | Means::Value(_));
    let len: usize = pieces
        .iter()
        .filter(of_log)
        .map(|piece| piece.bytes.len())
        .sum();
    let all: usize = pieces.iter().map(|piece| piece.bytes.len()).sum();
    ensure!(
        len <= PULL_BYTES || pieces.iter().filter(of_log).count() == 1,
        "an offer of {len} bytes of the log"
    );
    ensure!(
        all - len <= CONTROL_BYTES * 2,
        "{} bytes beside those of the log",
        all - len
    );
    Ok(())
}
