//! What the hub offers a connection, frame by frame: nothing but what is due, in its order.
//!
//! It does not know how much of it the socket takes; `taken` goes on from there.

use super::bytes::{Frame, Scan};
use super::connection::{Connection, Phase, RestOf};
use super::walk::Ahead;
use super::{Model, State};
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use std::fmt;
use tidings_core::{CloseReason, GapReason, LagPolicy, MAX_SLICES};

/// The most bytes of one pull, unless its first event alone is longer, and what control events may
/// add to that.
const PULL_BYTES: usize = 64 << 10;
const CONTROL_BYTES: usize = 4 << 10;

/// The most records that one pull looks at.
const PULL_RECORDS: usize = 1_024;

/// So many slices before the most there may be, a pull may stop.
const SPARE_SLICES: usize = 4;

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

/// An offer while it is read.
struct Reading<'a> {
    model: &'a Model,
    /// Whether there was so much to look at that the walk may not have come to its end.
    long: bool,
    scan: Scan<'a>,
    at: Connection,
    pieces: Vec<Piece>,
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
            scan: Scan::new(bytes),
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
        let frame = Scan::new(&bytes[begun..]).peek()?;
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
        if pieces.len() > 1 && end.phase == Phase::Flushing {
            self.reach("last events before a bye");
        }
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
            Some(value) => Some(value.frame.len() + 64),
            None => self
                .ahead(end)
                .next
                .map(|place| self.events[place].frame.len()),
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

impl Reading<'_> {
    fn read(&mut self) -> Verdict {
        let preamble = std::mem::take(&mut self.at.preamble);
        self.piece(preamble, Means::Preamble)?;
        if let Some(rest) = self.at.rest.take() {
            self.piece(rest.bytes, Means::Rest)?;
            if rest.of == RestOf::Bye {
                return Ok(());
            }
        }
        if let Phase::Leaving(reason) = self.at.phase {
            return self.bye(reason);
        }
        let anonymous = self.connected()?;
        self.values()?;
        if self.model.next_value(&self.at).is_none() {
            self.events()?;
        }
        if anonymous {
            let means = self.pieces.iter().map(|piece| &piece.means);
            let follows = means
                .skip_while(|means| !matches!(means, Means::Connected))
                .nth(1);
            let gap = matches!(follows, None | Some(Means::Gap(_) | Means::Reauth));
            ensure!(gap, "`connected` has no id, and no gap follows it");
        }
        self.reauth()?;
        self.heartbeat()?;
        let flushed = self.at.phase == Phase::Flushing && self.model.is_caught_up(&self.at);
        if flushed && !(self.long && self.scan.peek()?.is_none()) {
            self.bye(CloseReason::Drain)?;
        }
        Ok(())
    }

    /// Takes a piece that is exactly these bytes.
    fn piece(&mut self, bytes: Vec<u8>, means: Means) -> Verdict {
        if !bytes.is_empty() {
            self.scan.take(&bytes, &format!("{means:?}"))?;
            self.pieces.push(Piece { bytes, means });
        }
        Ok(())
    }

    /// `connected`, if it is due; whether it leaves the id to the gap that follows.
    fn connected(&mut self) -> Verdict<bool> {
        if !std::mem::take(&mut self.at.owed.connected) {
            return Ok(false);
        }
        let frame = self.scan.peek()?.unwrap_or_default();
        let (options, gap_is_due) = (&self.model.options.control, self.gap_is_due());
        let may_be_due = gap_is_due || self.model.may_have_lost(&self.at);
        if !options.connected.enabled && may_be_due && (gap_is_due || self.is_gap(&frame)) {
            return Ok(false);
        }
        self.model.check_connected(&frame, &self.at)?;
        let anonymous = frame.id.is_none();
        if let Some(id) = &frame.id {
            self.model.check_place(id, &self.at)?;
        } else {
            ensure!(may_be_due, "`connected` has no id, and no gap is due");
        }
        self.piece(frame.bytes, Means::Connected)?;
        let next = self.scan.peek()?;
        let gap_follows = next.is_some_and(|frame| self.is_gap(&frame));
        ensure!(
            !gap_follows || anonymous,
            "`connected` has an id before a gap"
        );
        Ok(anonymous)
    }

    /// Whether a gap has to come before anything else of the log.
    fn gap_is_due(&self) -> bool {
        let values = self.model.next_value(&self.at).is_some();
        !values && (self.at.unknown || !self.model.ahead(&self.at).missed.is_empty())
    }

    /// The values that open the stream.
    fn values(&mut self) -> Verdict {
        while let Some(value) = self.model.next_value(&self.at) {
            let through = self.model.cursor_text(self.at.floor);
            let id = format!("{through}~{}", value.sequence);
            let frame = value.frame_with_id(&id);
            if !self.scan.starts_with(&frame) {
                break;
            }
            let sequence = value.sequence;
            self.piece(frame, Means::Value(sequence))?;
            self.at.opening = Some(sequence);
            self.model.check_place(&id, &self.at)?;
        }
        Ok(())
    }

    /// Events, and gaps between them.
    fn events(&mut self) -> Verdict {
        loop {
            let ahead = self.model.ahead(&self.at);
            let Some(frame) = self.scan.peek()? else {
                return Ok(());
            };
            if self.is_gap(&frame) {
                self.gap(frame, &ahead)?;
                continue;
            }
            let Some(next) = ahead.next.map(|place| &self.model.events[place]) else {
                return Ok(());
            };
            if !self.scan.starts_with(&next.frame) {
                return Ok(());
            }
            ensure!(
                ahead.missed.is_empty() && !self.at.unknown,
                "{:?} are lost without a word before {}",
                ahead.missed,
                next.sequence
            );
            if let Some(replay) = &mut self.at.replay {
                replay.skip_through = ahead.skip_through;
                replay.use_up(next.frame.len());
            }
            let sequence = next.sequence;
            self.piece(next.frame.clone(), Means::Event(sequence))?;
            (self.at.position, self.at.served) = (sequence, sequence);
            if next.mail.id.is_none() {
                self.model
                    .check_place(&self.model.cursor_text(sequence), &self.at)?;
            }
        }
    }

    fn is_gap(&self, frame: &Frame) -> bool {
        let control = &self.model.options.control.gap;
        Model::is_named(frame, control) || !control.enabled && frame.is_only_id()
    }

    /// A gap, which has to say exactly what is missing.
    fn gap(&mut self, frame: Frame, ahead: &Ahead) -> Verdict {
        let model = self.model;
        let next = ahead.next.map(|place| model.events[place].sequence);
        let through = next.map_or(model.head.max(self.at.floor), |next| next - 1);
        ensure_eq!(
            frame.id.as_deref(),
            Some(&*model.cursor_text(through)),
            "the id of a gap is the position before what follows it"
        );
        let (missed, silently) = self.check_gap(&frame, ahead)?;
        let direct = ahead.missed.iter().map(|missed| missed.sequence);
        let direct = direct.filter(|sequence| {
            let event = model.event(*sequence);
            self.at.direct.contains(sequence) && event.is_some_and(super::Event::has_record)
        });
        let gap = Gap {
            through,
            missed,
            silently,
            direct: direct.collect(),
        };
        if let Some(replay) = &mut self.at.replay {
            replay.skip_through = ahead.skip_through;
        }
        self.piece(frame.bytes, Means::Gap(gap))?;
        model.tell_gap(through, missed, &mut self.at);
        model.check_place(&model.cursor_text(through), &self.at)
    }

    /// Checks the number, the position and the reason in a gap. The number, and what it may be
    /// where the text does not say so.
    fn check_gap(&self, frame: &Frame, ahead: &Ahead) -> Verdict<(Option<u64>, u64)> {
        let uncounted = self.at.unknown || self.model.may_have_lost(&self.at);
        ensure!(
            uncounted || !ahead.missed.is_empty(),
            "a gap is told, but nothing is missing: {frame:?}"
        );
        let counted = ahead.missed.len() as u64;
        let Some(says) = self.model.read_gap(frame)? else {
            return Ok(if uncounted {
                (None, counted)
            } else {
                (Some(counted), 0)
            });
        };
        match says.missed {
            None => ensure!(uncounted, "a gap says null, but {counted} can be counted"),
            Some(missed) => {
                ensure_eq!(
                    missed,
                    counted,
                    "the number in a gap before {:?}",
                    ahead.next
                );
                ensure!(
                    counted > 0 && !self.at.unknown,
                    "a gap of {counted}: {frame:?}"
                );
            }
        }
        let first = ahead.missed.first();
        let gone = if self.at.resuming {
            GapReason::Trimmed
        } else {
            GapReason::Lagged
        };
        let reason = match (self.at.unknown, says.missed, first) {
            (true, ..) => GapReason::UnknownCursor,
            (_, Some(_), Some(first)) => first.reason,
            _ => gone,
        };
        ensure_eq!(says.reason, Some(reason), "the reason of a gap");
        match says.from {
            None => ensure!(self.at.unknown, "a gap has no `from`: {frame:?}"),
            Some(from) => ensure!(
                !self.at.unknown
                    && from >= self.at.position
                    && first.is_none_or(|first| from < first.sequence),
                "a gap is from {from}, not between {} and {first:?}",
                self.at.position
            ),
        }
        Ok((says.missed, 0))
    }

    fn reauth(&mut self) -> Verdict {
        let due = std::mem::take(&mut self.at.owed.reauth);
        if !due || !self.model.options.control.reauth.enabled {
            return Ok(());
        }
        let frame = self.scan.peek()?.unwrap_or_default();
        self.model.check_reauth(&frame, &self.at)?;
        self.piece(frame.bytes, Means::Reauth)
    }

    /// A heartbeat, which comes only when there is nothing else.
    fn heartbeat(&mut self) -> Verdict {
        let quiet = self.pieces.is_empty() && self.model.is_caught_up(&self.at);
        if !self.at.owed.heartbeat || !quiet {
            return Ok(());
        }
        let Some(frame) = self.scan.peek()? else {
            ensure!(self.long, "a heartbeat is due, but nothing is offered");
            return Ok(());
        };
        self.model.check_heartbeat(&frame, &self.at)?;
        let id = frame.id.clone().unwrap_or_default();
        self.model.check_place(&id, &self.at)?;
        self.at.owed.heartbeat = false;
        self.piece(frame.bytes, Means::Heartbeat)
    }

    fn bye(&mut self, reason: CloseReason) -> Verdict {
        let frame = self.scan.peek()?.unwrap_or_default();
        self.model.check_bye(&frame, reason, &self.at)?;
        match frame.id.as_deref().map(|id| id.strip_suffix('!').ok_or(id)) {
            Some(Ok(_)) => ensure!(stays_away(reason), "told to stay away after {reason}"),
            _ if stays_away(reason) => return Err(format!("not told to stay away: {frame:?}")),
            Some(Err(id)) => self.model.check_place(id, &self.at)?,
            None => ensure!(self.at.unknown, "a `bye` has no id: {frame:?}"),
        }
        self.piece(frame.bytes, Means::Bye)
    }
}

/// Whether the client of a stream that ends so is to come back no more.
fn stays_away(reason: CloseReason) -> bool {
    matches!(reason, CloseReason::Superseded | CloseReason::Replaced)
}
