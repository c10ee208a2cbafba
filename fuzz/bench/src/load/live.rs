//! A few readers and a publisher on a thread of their own, so that how late events are is not how
//! busy the rest of the load is.
//!
//! It does not know what else happens to the server meanwhile.

use super::tally::Tally;
use super::{Ask, Load};
use crate::histogram::Histogram;
use std::io;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What goes on all the time.
#[derive(Clone)]
pub(crate) struct Traffic {
    pub(crate) ask: Ask,
    pub(crate) topic: &'static str,
    pub(crate) readers: usize,
    /// Bytes of the data of an event, and the time between events.
    pub(crate) event_bytes: usize,
    pub(crate) every: Duration,
    /// The number of the first event.
    pub(crate) first: u32,
}

/// Traffic that goes on until this is stopped.
pub(crate) struct Live {
    asks: Sender<Sender<Histogram>>,
    thread: JoinHandle<io::Result<u32>>,
}

impl Live {
    /// Starts it, once all readers are there.
    pub(crate) fn start(address: SocketAddr, traffic: Traffic) -> Self {
        let (asks, asked) = channel();
        let thread = std::thread::spawn(move || run(address, &traffic, &asked));
        Self { asks, thread }
    }

    /// How late events were since the last call.
    pub(crate) fn latency(&self) -> io::Result<Histogram> {
        let (sender, answer) = channel();
        // A thread that is gone says why when it is stopped.
        let _ = self.asks.send(sender);
        answer
            .recv()
            .map_err(|_| io::Error::other("the live readers have failed"))
    }

    /// Ends it once every reader has every event; returns the number of the next event.
    pub(crate) fn stop(self) -> io::Result<u32> {
        drop(self.asks);
        match self.thread.join() {
            Ok(ended) => ended,
            Err(_) => Err(io::Error::other("the live readers have panicked")),
        }
    }
}

fn run(
    address: SocketAddr,
    traffic: &Traffic,
    asked: &Receiver<Sender<Histogram>>,
) -> io::Result<u32> {
    let (mut load, mut tally) = (Load::new(address)?, Tally::new());
    load.ask_many(&traffic.ask, traffic.readers, 64, &mut tally)?;
    load.set_publishers(1)?;
    let (mut next, mut due) = (traffic.first, Instant::now());
    loop {
        match asked.try_recv() {
            Ok(sender) => {
                // Whoever asked may have failed meanwhile.
                let _ = sender.send(tally.latency().clone());
                tally.forget_latency();
            }
            Err(TryRecvError::Empty) => {}
            Err(TryRecvError::Disconnected) => break,
        }
        if Instant::now() >= due {
            let data = Tally::data(next, load.now_ns(), traffic.event_bytes);
            let body = format!(r#"{{"topics":["{}"],"data":"{data}"}}"#, traffic.topic);
            if load.publish(body.as_bytes())? {
                next += 1;
                due += traffic.every;
            }
        }
        let wait = due.saturating_duration_since(Instant::now());
        let wait = wait.clamp(Duration::from_millis(1), Duration::from_millis(20));
        load.turn(wait, &mut tally)?;
        tally.check()?;
    }
    let wanted = u64::from(next - traffic.first) * traffic.readers as u64;
    load.until(&mut tally, |_, tally| tally.delivered() >= wanted)?;
    tally.check()?;
    Ok(next)
}
