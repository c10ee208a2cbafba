//! Whether an id that a client sees is a place from which it can come back: nothing lost, nothing
//! twice.
//!
//! It does not know which frame carries it.

use super::{Connection, Model};
use crate::ensure;
use crate::verdict::Verdict;

/// What the text of a cursor says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Place {
    pub(crate) epoch: u64,
    pub(crate) sequence: u64,
    pub(crate) latest: Option<u64>,
}

/// Reads a cursor, by splitting.
pub(crate) fn parse_place(id: &str) -> Option<Place> {
    let mut parts = id.split('~');
    let place = Place {
        epoch: u64::from_str_radix(parts.next()?, 16).ok()?,
        sequence: parts.next()?.parse().ok()?,
        latest: match parts.next() {
            Some(part) => Some(part.parse().ok()?),
            None => None,
        },
    };
    parts.next().is_none().then_some(place)
}

impl Model {
    /// The text of a cursor of this hub.
    pub(super) fn cursor_text(&self, sequence: u64) -> String {
        format!("{:x}~{sequence}", self.options.epoch)
    }

    /// Checks that a client which comes back with this id, after all that the connection was sent,
    /// misses nothing without being told, and gets nothing twice.
    pub(super) fn check_place(&self, id: &str, connection: &Connection) -> Verdict {
        let Some(place) = parse_place(id) else {
            return Err(format!("the id {id:?} is no cursor"));
        };
        let Place {
            epoch,
            sequence,
            latest,
        } = place;
        ensure!(
            epoch == self.options.epoch,
            "the id {id} is of another epoch"
        );
        ensure!(
            sequence <= self.head.max(connection.floor),
            "the id {id} is beyond the end of the log, {}",
            self.head
        );
        ensure!(
            !connection.unknown,
            "the id {id} comes before the gap of an unknown id was told"
        );
        ensure!(
            sequence >= connection.served,
            "the id {id} is behind {}, which was served: events would come twice",
            connection.served
        );
        if let Some(lost) = self.unserved(connection, sequence) {
            return Err(format!(
                "the id {id} is beyond {lost}, which was neither served nor told"
            ));
        }
        self.check_opening(id, latest, connection)
    }

    /// The part of that which concerns the values that open a stream.
    fn check_opening(&self, id: &str, latest: Option<u64>, connection: &Connection) -> Verdict {
        let next = self.next_value(connection).map(|event| event.sequence);
        let Some(latest) = latest else {
            return match next {
                Some(value) => Err(format!("the id {id} leaves out the value {value}")),
                None => Ok(()),
            };
        };
        let served = connection.opening.unwrap_or(u64::MAX);
        ensure!(
            latest >= served,
            "the id {id} is behind the value {served}, which was served"
        );
        ensure!(
            next.is_none_or(|next| latest < next),
            "the id {id} is not before the value {next:?}, which comes next"
        );
        Ok(())
    }
}
