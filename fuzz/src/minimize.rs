//! Makes what fails smaller, as long as it fails.
//!
//! It does not know why it fails, nor where it came from: lists of things that are done, of any
//! source, get smaller here.

mod cases;

use crate::play::Fault;
use std::panic;

/// Something that is played step by step, and can fail.
pub trait Smaller: Clone {
    /// What is wrong, if it fails.
    fn fault(&self) -> Option<Fault>;

    /// How many steps it has.
    fn steps(&self) -> usize;

    /// The same without the steps from here to there.
    #[must_use]
    fn without(&self, from: usize, to: usize) -> Self;

    /// The same with a simpler form of one step: each that there is, the best last.
    fn simpler(&self, place: usize) -> Vec<Self>;

    /// The same in simpler circumstances: one change each.
    fn plainer(&self) -> Vec<Self>;
}

/// The smallest found that fails as well, and how it does. The same where it holds.
#[must_use]
pub fn minimize<T: Smaller>(whole: T) -> (T, Option<Fault>) {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let smallest = Smallest::of(whole);
    panic::set_hook(hook);
    (smallest.found, smallest.fault)
}

/// No more is tried than this.
const MOST_TRIES: usize = 3_000;

struct Smallest<T> {
    found: T,
    fault: Option<Fault>,
    tries: usize,
}

impl<T: Smaller> Smallest<T> {
    fn of(whole: T) -> Self {
        let fault = whole.fault();
        let mut smallest = Self {
            found: whole,
            fault,
            tries: 0,
        };
        if smallest.fault.is_some() {
            smallest.cut_end();
            while smallest.remove() | smallest.simplify() | smallest.set_back() {}
        }
        smallest
    }

    /// Takes over what is smaller if it fails.
    fn take(&mut self, smaller: T) -> bool {
        self.tries += 1;
        if self.tries > MOST_TRIES {
            return false;
        }
        let Some(fault) = smaller.fault() else {
            return false;
        };
        (self.found, self.fault) = (smaller, Some(fault));
        true
    }

    /// What comes after the failure has nothing to do with it.
    fn cut_end(&mut self) {
        let last = self.fault.as_ref().map_or(usize::MAX, |fault| fault.step);
        let steps = self.found.steps();
        if last.saturating_add(1) < steps {
            self.take(self.found.without(last + 1, steps));
        }
    }

    /// Takes out steps, many at a time, then one by one.
    fn remove(&mut self) -> bool {
        let mut any = false;
        let mut len = self.found.steps().div_ceil(2);
        while len > 0 {
            let mut end = self.found.steps();
            while end > 0 {
                let start = end.saturating_sub(len);
                if self.take(self.found.without(start, end)) {
                    any = true;
                    self.cut_end();
                }
                end = start.min(self.found.steps());
            }
            len /= 2;
        }
        any
    }

    /// Makes each step simpler.
    fn simplify(&mut self) -> bool {
        let mut any = false;
        for place in 0..self.found.steps() {
            let mut tries = self.found.simpler(place);
            while let Some(simpler) = tries.pop() {
                if self.take(simpler) {
                    any = true;
                    self.cut_end();
                    if place >= self.found.steps() {
                        return true;
                    }
                    tries = self.found.simpler(place);
                }
            }
        }
        any
    }

    /// Makes the circumstances simpler.
    fn set_back(&mut self) -> bool {
        let mut any = false;
        let mut tries = self.found.plainer();
        while let Some(plainer) = tries.pop() {
            if self.take(plainer) {
                any = true;
                tries = self.found.plainer();
            }
        }
        any
    }
}
