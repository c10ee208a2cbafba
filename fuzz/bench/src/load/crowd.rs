//! Subscribers of one topic, and publishers, in a process of their own: a process may have too few
//! files for those of several servers, which are to be measured in turns.
//!
//! One end is told what to do by lines on its standard input and answers with lines of JSON. It
//! does not know what the server needs for it.

use super::tally::Tally;
use super::{Ask, Load};
use crate::process::dependent;
use clap::ValueEnum as _;
use clap::builder::PossibleValue;
use serde_json::{Value, json};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

/// The most events in flight: published, and not yet with every subscriber.
pub(crate) const IN_FLIGHT: usize = 32;

/// Bytes of the data of an event.
pub(crate) const EVENT_BYTES: usize = 100;

/// Requests for streams that are unanswered at a time.
const PARALLEL: usize = 256;

/// How events are published.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// As JSON, with the topic in it.
    Json,
    /// As bodies that are the data, with the topic in the query.
    Plain,
}

/// The end that is told what to do; the process ends with it.
pub(crate) struct Crowd {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

/// What came of it, once every event had arrived everywhere.
pub(crate) struct Done {
    pub(crate) events: u64,
    pub(crate) delivered: u64,
    pub(crate) seconds: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

impl Crowd {
    /// Starts it; it is complete when this returns.
    pub(crate) fn start(address: SocketAddr, subscribers: usize, form: Form) -> io::Result<Self> {
        let this = std::env::current_exe()?;
        let form = form.to_possible_value();
        let mut child = dependent(&this)?
            .args(["crowd", &address.to_string(), &subscribers.to_string()])
            .args(form.iter().map(PossibleValue::get_name))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (Some(stdin), Some(stdout)) = (stdin, stdout) else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let mut crowd = Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
        };
        crowd.answer()?;
        Ok(crowd)
    }

    /// Publishes events, each once all subscribers have the one before.
    pub(crate) fn steps(&mut self, count: usize) -> io::Result<Done> {
        writeln!(self.stdin, "steps {count}")?;
        self.answer()
    }

    /// Publishes whenever fewer events are in flight than may be.
    pub(crate) fn burst(&mut self, time: Duration) -> io::Result<Done> {
        writeln!(self.stdin, "burst {}", time.as_millis())?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<Done> {
        let mut line = String::new();
        self.stdout.read_line(&mut line)?;
        if line.is_empty() {
            return Err(io::Error::other("the subscribers have failed"));
        }
        let says: Value = serde_json::from_str(&line)?;
        let number = |name: &str| says[name].as_f64().unwrap_or(f64::NAN);
        Ok(Done {
            events: number("events") as u64,
            delivered: number("delivered") as u64,
            seconds: number("seconds"),
            p50_ms: number("p50_ms"),
            p99_ms: number("p99_ms"),
        })
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The other end: does what it is told until nobody tells it more.
pub(crate) fn run(address: SocketAddr, subscribers: usize, form: Form) -> io::Result<()> {
    crate::process::raise_file_limit()?;
    let mut members = Members::new(address, subscribers, form)?;
    // Everything has been used once before it is measured.
    members.measure(|members| members.steps(2))?;
    for line in io::stdin().lock().lines() {
        let line = line?;
        let (order, count) = line.split_once(' ').unwrap_or_default();
        let count: u64 = count.parse().map_err(io::Error::other)?;
        members.measure(|members| match order {
            "steps" => members.steps(count),
            "burst" => members.burst(Duration::from_millis(count)),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        })?;
    }
    Ok(())
}

struct Members {
    load: Load,
    tally: Tally,
    subscribers: usize,
    form: Form,
    published: u32,
}

impl Members {
    fn new(address: SocketAddr, subscribers: usize, form: Form) -> io::Result<Self> {
        let (mut load, mut tally) = (Load::new(address)?, Tally::new());
        load.ask_many(&Ask::topic("news"), subscribers, PARALLEL, &mut tally)?;
        if load.open() != subscribers {
            return Err(io::Error::other("not every stream was opened"));
        }
        Ok(Self {
            load,
            tally,
            subscribers,
            form,
            published: 0,
        })
    }

    fn steps(&mut self, count: u64) -> io::Result<()> {
        self.load.set_publishers(1)?;
        for _ in 0..count {
            self.publish()?;
            self.wait_for_deliveries()?;
        }
        Ok(())
    }

    fn burst(&mut self, time: Duration) -> io::Result<()> {
        self.load.set_publishers(IN_FLIGHT)?;
        let end = Instant::now() + time;
        while Instant::now() < end {
            while self.in_flight() < IN_FLIGHT as u64 && self.publish()? {}
            self.load.unhurried_turn(&mut self.tally)?;
        }
        self.wait_for_deliveries()
    }

    fn in_flight(&mut self) -> u64 {
        u64::from(self.published) - self.tally.arrived_at(self.subscribers)
    }

    fn publish(&mut self) -> io::Result<bool> {
        let data = Tally::data(self.published, self.load.now_ns(), EVENT_BYTES);
        let sent = match self.form {
            Form::Json => {
                let body = format!(r#"{{"topics":["news"],"data":"{data}"}}"#);
                self.load.publish(body.as_bytes())?
            }
            Form::Plain => {
                let path = "/publish?topic=news";
                self.load.publish_to(path, data.as_bytes())?
            }
        };
        self.published += u32::from(sent);
        Ok(sent)
    }

    fn wait_for_deliveries(&mut self) -> io::Result<()> {
        let wanted = u64::from(self.published) * self.subscribers as u64;
        self.load.until(&mut self.tally, |load, tally| {
            tally.delivered() >= wanted && load.publishing() == 0
        })?;
        self.tally.check()
    }

    /// Does a part and answers what came of it.
    fn measure(&mut self, part: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<()> {
        self.tally.forget_latency();
        let (delivered, published) = (self.tally.delivered(), self.published);
        let start = Instant::now();
        part(self)?;
        let seconds = start.elapsed().as_secs_f64();
        let latency = self.tally.latency();
        println!(
            "{}",
            json!({
                "events": self.published - published,
                "delivered": self.tally.delivered() - delivered,
                "seconds": seconds,
                "p50_ms": latency.quantile_ms(0.5),
                "p99_ms": latency.quantile_ms(0.99),
            })
        );
        Ok(())
    }
}
