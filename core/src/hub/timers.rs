//! When something is due for a connection without anybody asking.
//!
//! Deadlines of one interval each stand in the order in which they were touched, which is the order
//! in which they are due: setting one and finding the next cost the same for one connection and
//! for a million. It does not know what happens when one is due.

use super::connections::Connections;
use super::links::{List, ListKind};
use super::options::Deadlines;
use super::order::Order;

/// The deadlines that have one interval for all connections.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub(crate) enum Timer {
    Heartbeat,
    Idle,
    Age,
    Stall,
}

impl Timer {
    const ALL: [Self; 4] = [Self::Heartbeat, Self::Idle, Self::Age, Self::Stall];
}

/// The deadlines that are different for each connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Alarm {
    /// The token ends soon.
    Reauth,
    /// The token ends.
    Expiry,
}

impl Alarm {
    const fn of(number: u8) -> Self {
        if number == Self::Reauth as u8 {
            Self::Reauth
        } else {
            Self::Expiry
        }
    }
}

pub(crate) struct Timers {
    tick_ms: u64,
    intervals: [Option<u64>; 4],
    lists: [List; 4],
    /// By Unix time, so that a clock that is set moves them.
    alarms: Order,
    /// Closing connections, and when each is given up.
    lingers: Order,
    pub(crate) unix_ms_at_zero: u64,
}

impl Timers {
    pub(crate) fn new(options: &Deadlines, unix_ms_at_zero: u64) -> Self {
        Self {
            tick_ms: options.tick_ms,
            intervals: [
                options.heartbeat_ms,
                options.idle_ms,
                options.age_ms,
                options.stall_ms,
            ],
            lists: [
                ListKind::Heartbeat,
                ListKind::Idle,
                ListKind::Age,
                ListKind::Stall,
            ]
            .map(List::new),
            alarms: Order::new(),
            lingers: Order::new(),
            unix_ms_at_zero,
        }
    }

    /// Sets the deadline to one interval from now.
    #[inline]
    pub(crate) fn touch(&mut self, slots: &mut Connections, index: u32, timer: Timer, now: u64) {
        if let Some(interval) = self.intervals[timer as usize] {
            let due = round_up(now.saturating_add(interval), self.tick_ms);
            self.set(slots, index, timer, due);
        }
    }

    /// Puts the connection at the end, unless nothing changes: of one interval, later is due later.
    fn set(&mut self, slots: &mut Connections, index: u32, timer: Timer, due: u64) {
        let connection = slots.at_mut(index);
        let is_set = connection.links[self.link(timer)].is_linked();
        let deadline = &mut connection.deadlines[timer as usize];
        if core::mem::replace(deadline, due) == due && is_set {
            return;
        }
        let list = &mut self.lists[timer as usize];
        list.remove(slots, index);
        list.push_back(slots, index);
    }

    pub(crate) fn is_set(&self, slots: &Connections, index: u32, timer: Timer) -> bool {
        slots.at(index).links[self.link(timer)].is_linked()
    }

    /// Which link of a connection belongs to the list.
    const fn link(&self, timer: Timer) -> usize {
        self.lists[timer as usize].kind() as usize
    }

    pub(crate) fn cancel(&mut self, slots: &mut Connections, index: u32, timer: Timer) {
        if self.is_set(slots, index, timer) {
            self.lists[timer as usize].remove(slots, index);
        }
    }

    /// Takes out a connection whose deadline has come.
    pub(crate) fn pop(&mut self, slots: &mut Connections, timer: Timer, now: u64) -> Option<u32> {
        let list = &mut self.lists[timer as usize];
        let first = list.first()?;
        if slots.at(first).deadlines[timer as usize] > now {
            return None;
        }
        list.pop_front(slots)
    }

    pub(crate) fn set_alarm(&mut self, index: u32, alarm: Alarm, unix_ms: u64) {
        self.alarms
            .insert((round_up(unix_ms, self.tick_ms), index, alarm as u8));
    }

    pub(crate) fn cancel_alarm(&mut self, index: u32, alarm: Alarm, unix_ms: u64) {
        self.alarms
            .remove(&(round_up(unix_ms, self.tick_ms), index, alarm as u8));
    }

    pub(crate) fn pop_alarm(&mut self, now: u64) -> Option<(u32, Alarm)> {
        let (due, index, alarm) = *self.alarms.first()?;
        if due > self.unix_ms(now) {
            return None;
        }
        self.alarms.pop_first();
        Some((index, Alarm::of(alarm)))
    }

    /// Sets when a closing connection is given up, and hands back the time.
    pub(crate) fn linger(&mut self, index: u32, until: u64) -> u64 {
        let until = round_up(until, self.tick_ms);
        self.lingers.insert((until, index, 0));
        until
    }

    pub(crate) fn cancel_linger(&mut self, index: u32, until: u64) {
        self.lingers.remove(&(until, index, 0));
    }

    pub(crate) fn pop_linger(&mut self, now: u64) -> Option<u32> {
        let (until, index, _) = *self.lingers.first()?;
        if until > now {
            return None;
        }
        self.lingers.pop_first();
        Some(index)
    }

    /// The earliest of all deadlines.
    pub(crate) fn next(&self, slots: &Connections) -> Option<u64> {
        let listed = Timer::ALL.into_iter().filter_map(|timer| {
            let first = self.lists[timer as usize].first()?;
            Some(slots.at(first).deadlines[timer as usize])
        });
        let alarm = self
            .alarms
            .first()
            .map(|alarm| alarm.0.saturating_sub(self.unix_ms_at_zero));
        let linger = self.lingers.first().map(|linger| linger.0);
        listed.chain(alarm).chain(linger).min()
    }

    pub(crate) fn unix_ms(&self, now: u64) -> u64 {
        self.unix_ms_at_zero.saturating_add(now)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.alarms.is_empty()
            && self.lingers.is_empty()
            && self.lists.iter().all(|list| list.first().is_none())
    }
}

fn round_up(ms: u64, tick_ms: u64) -> u64 {
    ms.checked_next_multiple_of(tick_ms).unwrap_or(u64::MAX)
}
