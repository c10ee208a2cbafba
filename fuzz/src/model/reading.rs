//! An offer while it is read: frame by frame, each against what the walk says is due.
//!
//! It does not know why an offer may stop early; `offer` does.

use super::bytes::{Frame, Scan};
use super::connection::{Connection, Phase, RestOf};
use super::offer::{Gap, Means, Piece};
use super::walk::Ahead;
use super::{Event, Model};
use crate::verdict::Verdict;
use crate::{ensure, ensure_eq};
use tidings_core::{CloseReason, Encoding, GapReason, LagPolicy};

/// An offer while it is read.
pub(super) struct Reading<'a> {
    pub(super) model: &'a Model,
    /// Whether there was so much to look at that the walk may not have come to its end.
    pub(super) long: bool,
    pub(super) scan: Scan<'a>,
    pub(super) at: Connection,
    pub(super) pieces: Vec<Piece>,
}

impl Reading<'_> {
    pub(super) fn read(&mut self) -> Verdict {
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
            let frame = value.mail.written(&id, self.at.encoding);
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
            let bytes = next.written(self.at.encoding);
            if !self.scan.starts_with(bytes) {
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
                replay.use_up(bytes.len());
            }
            let sequence = next.sequence;
            self.piece(bytes.to_vec(), Means::Event(sequence))?;
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
            self.at.direct.contains(sequence) && event.is_some_and(Event::has_record)
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
        let closes = self.at.lag == LagPolicy::Close && !self.at.resuming && !self.at.unknown;
        ensure!(
            !closes,
            "a gap is told to a reader that should be closed: {frame:?}"
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
        // What an earlier pull left out may have gone since.
        let left_out = self.at.replay.and_then(|replay| replay.skip_through);
        let left_out = first.is_some_and(|first| left_out >= Some(first.sequence));
        ensure!(
            says.reason == Some(reason) || left_out && says.reason == Some(GapReason::ReplayLimit),
            "the reason of a gap is {:?}, not {reason:?}",
            says.reason
        );
        match says.from {
            None => ensure!(self.at.unknown, "a gap has no `from`: {frame:?}"),
            Some(from) => ensure!(
                !self.at.unknown
                    && from >= self.at.passed_from.unwrap_or(self.at.position)
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
        let closes = self.at.encoding == Encoding::WebSocket;
        let close = closes.then(|| (reason.websocket_status(), reason.to_string()));
        ensure_eq!(frame.close, close, "the close after a `bye`");
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
