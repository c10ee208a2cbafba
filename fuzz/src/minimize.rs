//! Makes a failing case smaller, as long as it fails.
//!
//! It does not know why a case fails, nor where it came from: cases of any source get smaller here.

use crate::ops::{Kind, Letter, Opening, Operation, Size, Start, To};
use crate::play::{Case, Fault, play};
use crate::setup::Setup;
use std::panic;
use tidings_core::HubOptions;

/// The smallest case found that fails as well, and how it does. The case itself where it holds.
#[must_use]
pub fn minimize(case: Case) -> (Case, Option<Fault>) {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let smallest = Smallest::of(case);
    panic::set_hook(hook);
    (smallest.case, smallest.fault)
}

struct Smallest {
    case: Case,
    fault: Option<Fault>,
}

impl Smallest {
    fn of(case: Case) -> Self {
        let fault = play(&case).err();
        let mut smallest = Self { case, fault };
        if smallest.fault.is_some() {
            smallest.cut_end();
            while smallest.remove() | smallest.simplify() | smallest.set_back() {}
        }
        smallest
    }

    /// Takes over a smaller case if it fails.
    fn try_case(&mut self, case: Case) -> bool {
        if case.setup.options.validate().is_err() {
            return false;
        }
        let Err(fault) = play(&case) else {
            return false;
        };
        (self.case, self.fault) = (case, Some(fault));
        self.cut_end();
        true
    }

    fn try_operations(&mut self, operations: Vec<Operation>) -> bool {
        self.try_case(Case {
            setup: self.case.setup.clone(),
            operations,
        })
    }

    /// What comes after the failure has nothing to do with it.
    fn cut_end(&mut self) {
        let steps = self.fault.as_ref().map_or(usize::MAX, |fault| fault.step);
        self.case.operations.truncate(steps.saturating_add(1));
    }

    /// Takes out operations, many at a time, then one by one.
    fn remove(&mut self) -> bool {
        let mut any = false;
        let mut len = self.case.operations.len().div_ceil(2);
        while len > 0 {
            let mut end = self.case.operations.len();
            while end > 0 {
                let start = end.saturating_sub(len);
                let mut operations = self.case.operations.clone();
                operations.drain(start..end);
                any |= self.try_operations(operations);
                end = start.min(self.case.operations.len());
            }
            len /= 2;
        }
        any
    }

    /// Makes each operation simpler.
    fn simplify(&mut self) -> bool {
        let mut any = false;
        for place in 0..self.case.operations.len() {
            let mut tries = simpler(&self.case.operations[place]);
            while let Some(simpler_one) = tries.pop() {
                let mut operations = self.case.operations.clone();
                operations[place] = simpler_one;
                if self.try_operations(operations) {
                    any = true;
                    if place >= self.case.operations.len() {
                        return true;
                    }
                    tries = simpler(&self.case.operations[place]);
                }
            }
        }
        any
    }

    /// Sets options back to their defaults.
    fn set_back(&mut self) -> bool {
        let mut any = false;
        let plain = HubOptions::default();
        let parts: [&dyn Fn(&mut Setup); 6] = [
            &|setup| setup.eager = true,
            &|setup| setup.options.limits = plain.limits.clone(),
            &|setup| setup.options.deadlines = plain.deadlines.clone(),
            &|setup| setup.options.control = plain.control.clone(),
            &|setup| setup.options.default_class = plain.default_class.clone(),
            &|setup| setup.options.lag = plain.lag,
        ];
        for part in parts {
            let mut case = self.case.clone();
            part(&mut case.setup);
            if format!("{:?}", case.setup) != format!("{:?}", self.case.setup) {
                any |= self.try_case(case);
            }
        }
        for class in (0..self.case.setup.options.classes.len()).rev() {
            let mut case = self.case.clone();
            case.setup.options.classes.remove(class);
            any |= self.try_case(case);
        }
        any
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
    let changes: [&dyn Fn(&mut Opening); 9] = [
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
