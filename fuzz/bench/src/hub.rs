//! The benchmarks of the hub alone, without sockets: publishing, delivery, resuming, coming and
//! going, idling, and memory.
//!
//! Each case has a file of its own. Bytes are borrowed, looked at and said to be taken; where they
//! would go to is not measured.

mod fanout;
mod heap;
mod idle;
mod resume;

use crate::report::{Arguments, Report};
use std::hint::black_box;
use std::io;
use tidings_core::{ConnectionId, Hub, Open, Output};

pub(crate) fn run(arguments: &Arguments) -> io::Result<()> {
    let mut report = Report::new(arguments)?;
    let quick = arguments.quick;
    fanout::run(&mut report, quick)?;
    resume::run(&mut report, quick)?;
    idle::run(&mut report, quick)?;
    heap::run(&mut report)?;
    report.verdict(quick)
}

/// Says that the sockets took everything; returns the number of writes and of bytes.
fn drain(hub: &mut Hub, now: u64) -> io::Result<(usize, usize)> {
    let (mut writes, mut bytes) = (0, 0);
    while let Some(output) = hub.poll_output() {
        if let Output::Ready(connection) = output {
            bytes += take(hub, now, connection)?;
            writes += 1;
        }
    }
    Ok((writes, bytes))
}

/// Takes what a connection is to be sent.
fn take(hub: &mut Hub, now: u64, connection: ConnectionId) -> io::Result<usize> {
    let Some(transmit) = hub.transmit(now, connection) else {
        return Ok(0);
    };
    let len = transmit.len();
    for slice in transmit.slices() {
        black_box(slice);
    }
    hub.consume(now, connection, len)
        .map_err(io::Error::other)?;
    Ok(len)
}

fn open(hub: &mut Hub, now: u64, open: Open<'_>) -> io::Result<ConnectionId> {
    hub.open(now, open).map_err(io::Error::other)
}
