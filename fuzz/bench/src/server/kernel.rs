//! What the kernel holds for the sockets of a server.
//!
//! It does not know what is in them.

use std::fs;
use std::io;
use std::process::Command;

/// How it was found out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Memory of the send queue, with what the kernel needs beside the bytes (`ss -tm`).
    SocketMemory,
    /// Bytes of the send queue alone (`/proc/net/tcp`).
    QueuedBytes,
}

impl Source {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::SocketMemory => "memory, from ss",
            Self::QueuedBytes => "payload alone, from /proc/net/tcp",
        }
    }
}

/// What the kernel holds to be sent from a port of this machine, by the port of the other side.
pub(super) fn send_queues(port: u16) -> io::Result<(Source, Vec<(u16, u64)>)> {
    match socket_memory(port) {
        Some(queues) => Ok((Source::SocketMemory, queues)),
        None => Ok((Source::QueuedBytes, queued_bytes(port)?)),
    }
}

fn socket_memory(port: u16) -> Option<Vec<(u16, u64)>> {
    let filter = format!("sport = :{port}");
    let output = Command::new("ss")
        .args(["-tnmOH", "state", "established", &filter])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let queues: Option<Vec<_>> = text.lines().map(socket_line).collect();
    queues.filter(|_| output.status.success())
}

/// The other side's port, and the memory of the send queue.
fn socket_line(line: &str) -> Option<(u16, u64)> {
    let peer = line.split_whitespace().nth(3)?;
    let (_, memory) = line.split_once("skmem:(")?;
    let queue = memory
        .split(',')
        .find_map(|field| field.strip_prefix('w'))?;
    Some((port_of(peer, 10)?, queue.parse().ok()?))
}

fn queued_bytes(port: u16) -> io::Result<Vec<(u16, u64)>> {
    const ESTABLISHED: &str = "01";
    let text = fs::read_to_string("/proc/net/tcp")?;
    let lines = text.lines().skip(1).filter_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, peer, state) = (fields.next()?, fields.next()?, fields.next()?);
        let (unsent, _) = fields.next()?.split_once(':')?;
        let ours = port_of(local, 16)? == port && state == ESTABLISHED;
        let queue = u64::from_str_radix(unsent, 16).ok()?;
        ours.then_some((port_of(peer, 16)?, queue))
    });
    Ok(lines.collect())
}

fn port_of(address: &str, radix: u32) -> Option<u16> {
    u16::from_str_radix(address.rsplit(':').next()?, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ss_are_read() {
        let line = "0 65226 127.0.0.1:4100 127.0.0.1:51234 \
            skmem:(r0,rb131072,t0,tb65536,f3328,w66816,o0,bl0,d0)";
        assert_eq!(socket_line(line), Some((51_234, 66_816)));
        assert_eq!(socket_line("0 0 127.0.0.1:4100 127.0.0.1:51234"), None);
    }
}
