//! How a case of a hub gets smaller: simpler operations, and options set back to their defaults.
//!
//! It does not know in which order that is tried.

use super::Smaller;
use crate::ops::{Kind, Letter, Opening, Operation, Size, Start, To};
use crate::play::{Case, Fault, play};
use crate::setup::Setup;
use tidings_core::HubOptions;

impl Smaller for Case {
    fn fault(&self) -> Option<Fault> {
        play(self).err()
    }

    fn steps(&self) -> usize {
        self.operations.len()
    }

    fn without(&self, from: usize, to: usize) -> Self {
        let mut case = self.clone();
        case.operations.drain(from..to);
        case
    }

    fn simpler(&self, place: usize) -> Vec<Self> {
        let operations = simpler(&self.operations[place]);
        let cases = operations.into_iter().map(|operation| {
            let mut case = self.clone();
            case.operations[place] = operation;
            case
        });
        cases.collect()
    }

    /// Sets options back to their defaults.
    fn plainer(&self) -> Vec<Self> {
        let plain = HubOptions::default();
        let parts: [&dyn Fn(&mut Setup); 6] = [
            &|setup| setup.eager = true,
            &|setup| setup.options.limits = plain.limits.clone(),
            &|setup| setup.options.deadlines = plain.deadlines.clone(),
            &|setup| setup.options.control = plain.control.clone(),
            &|setup| setup.options.default_class = plain.default_class.clone(),
            &|setup| setup.options.lag = plain.lag,
        ];
        let mut setups: Vec<Setup> = parts
            .iter()
            .map(|part| {
                let mut setup = self.setup.clone();
                part(&mut setup);
                setup
            })
            .collect();
        for class in 0..self.setup.options.classes.len() {
            let mut setup = self.setup.clone();
            setup.options.classes.remove(class);
            setups.push(setup);
        }
        let before = format!("{:?}", self.setup);
        setups.retain(|setup| setup.options.validate().is_ok() && format!("{setup:?}") != before);
        let cases = setups.into_iter().map(|setup| Self {
            setup,
            operations: self.operations.clone(),
        });
        cases.collect()
    }
}

/// Simpler forms of an operation; none where it is as simple as can be.
fn simpler(operation: &Operation) -> Vec<Operation> {
    match operation {
        Operation::Open(opening) => simpler_openings(opening)
            .into_iter()
            .map(Operation::Open)
            .collect(),
        Operation::Publish(letter) => simpler_letters(letter)
            .into_iter()
            .map(Operation::Publish)
            .collect(),
        Operation::PublishAll(letters) => simpler_batches(letters)
            .into_iter()
            .map(Operation::PublishAll)
            .collect(),
        Operation::Append { hole, letters } => simpler_batches(letters)
            .into_iter()
            .map(|letters| Operation::Append {
                hole: *hole,
                letters,
            })
            .collect(),
        Operation::Flood { topics, events } if *events > 1 => {
            [events - 1, events * 9 / 10, events / 2]
                .into_iter()
                .map(|events| Operation::Flood {
                    topics: *topics,
                    events,
                })
                .collect()
        }
        Operation::Write {
            socket,
            room,
            between,
        } => {
            let (socket, room) = (*socket, *room);
            let mut forms = Vec::new();
            let write = |room, between| Operation::Write {
                socket,
                room,
                between,
            };
            if room != usize::MAX {
                forms.push(write(usize::MAX, between.clone()));
            }
            if between.is_some() {
                forms.push(write(room, None));
            }
            forms
        }
        _ => Vec::new(),
    }
}

fn simpler_openings(opening: &Opening) -> Vec<Opening> {
    let changes: [&dyn Fn(&mut Opening); 10] = [
        &|one| one.websocket = false,
        &|one| one.start = Start::Head,
        &|one| one.user = None,
        &|one| one.tab = None,
        &|one| one.topics.truncate(one.topics.len().saturating_sub(1)),
        &|one| drop(one.topics.drain(..one.topics.len().min(1))),
        &|one| one.grants.clear(),
        &|one| one.expires_in = None,
        &|one| one.lag_closes = None,
        &|one| (one.comments, one.preamble) = (false, 0),
    ];
    changed(opening, &changes)
}

fn simpler_letters(letter: &Letter) -> Vec<Letter> {
    let changes: [&dyn Fn(&mut Letter); 6] = [
        &|one| one.private = false,
        &|one| one.except = None,
        &|one| one.id = None,
        &|one| one.size = Size::Bytes(0),
        &|one| one.kind = Kind::Plain,
        &|one| {
            if let To::Topics(topics) | To::UserInTopics(_, topics) = &mut one.to {
                topics.truncate(topics.len().max(2) - 1);
            }
        },
    ];
    changed(letter, &changes)
}

fn simpler_batches(letters: &[Letter]) -> Vec<Vec<Letter>> {
    let mut batches = Vec::new();
    for place in 0..letters.len() {
        for letter in simpler_letters(&letters[place]) {
            let mut batch = letters.to_vec();
            batch[place] = letter;
            batches.push(batch);
        }
        let mut batch = letters.to_vec();
        batch.remove(place);
        batches.push(batch);
    }
    batches
}

/// What each change makes of a thing, if it changes it.
fn changed<T: Clone + std::fmt::Debug>(thing: &T, changes: &[&dyn Fn(&mut T)]) -> Vec<T> {
    let before = format!("{thing:?}");
    let after = changes.iter().map(|change| {
        let mut other = thing.clone();
        change(&mut other);
        other
    });
    after
        .filter(|other| format!("{other:?}") != before)
        .collect()
}
