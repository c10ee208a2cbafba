//! Whose turn it is: what a user says on several sockets is done one after the other, in the order in
//! which it came.
//!
//! It does not know what is said. Each socket waits with one message at a time, so that no more wait for
//! a user than the user has sockets.

use futures::channel::oneshot::{Sender, channel};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::collections::hash_map::{Entry, HashMap};
use std::rc::Rc;
use std::sync::Arc;

/// Those whose turn it is, and who wait for theirs, by user.
#[derive(Clone, Default)]
pub(in crate::server) struct Turns(Rc<RefCell<HashMap<Arc<str>, Waiting>>>);

/// Those who wait, in order.
type Waiting = VecDeque<Sender<Turn>>;

/// The turn of one socket; it ends with this.
pub(super) struct Turn {
    turns: Turns,
    user: Arc<str>,
}

impl Turns {
    /// Waits for the turn after all who wait already.
    pub(super) async fn wait(&self, user: &Arc<str>) -> Turn {
        let turn = match self.0.borrow_mut().entry(user.clone()) {
            Entry::Occupied(mut waiting) => {
                let (sender, turn) = channel();
                waiting.get_mut().push_back(sender);
                Some(turn)
            }
            Entry::Vacant(nobody) => {
                nobody.insert(Waiting::new());
                None
            }
        };
        let own = || Turn {
            turns: self.clone(),
            user: user.clone(),
        };
        match turn {
            // A turn is always handed on.
            Some(turn) => turn.await.unwrap_or_else(|_| own()),
            None => own(),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = self.turns.0.borrow_mut();
        let waiting = turns.get_mut(&self.user);
        let Some(next) = waiting.and_then(Waiting::pop_front) else {
            turns.remove(&self.user);
            return;
        };
        drop(turns);
        let turn = Self {
            turns: self.turns.clone(),
            user: self.user.clone(),
        };
        // Whoever has left meanwhile hands it on by that.
        drop(next.send(turn));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    #[test]
    fn turns_come_in_order_and_those_who_left_are_passed_over() {
        let (turns, ada, bob) = (Turns::default(), Arc::from("ada"), Arc::from("bob"));
        let wait = |user| Box::pin(turns.wait(user));
        let first = wait(&ada).now_or_never().expect("it is free");
        let mut waiting: Vec<_> = (0..4).map(|_| wait(&ada)).collect();
        assert!(waiting.iter_mut().all(|turn| turn.now_or_never().is_none()));
        assert!(wait(&bob).now_or_never().is_some(), "others do not wait");
        drop(waiting.remove(1));
        drop(first);
        for turn in waiting.iter_mut().skip(1) {
            assert!(turn.now_or_never().is_none());
        }
        // This one leaves with its turn, before it has seen that it has it.
        drop(waiting.remove(0));
        let second = waiting.remove(0).now_or_never().expect("its turn");
        assert!(waiting[0].as_mut().now_or_never().is_none());
        drop(second);
        drop(waiting.remove(0).now_or_never().expect("its turn"));
        assert!(turns.0.borrow().is_empty(), "nothing is left");
    }
}
