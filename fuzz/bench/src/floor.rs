//! The floor: a bare server of one thread, which does nothing but what no server can go without.
//!
//! It speaks just enough HTTP for the load, and does not know topics, limits or deadlines. It
//! keeps one log for all streams, each of which is a position in it, and answers a publish when it
//! has taken it, as a hub does.

use memchr::memmem::find;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// What the bare server does.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// One send for each socket and event.
    Each,
    /// One send for each socket, of all that was published meanwhile.
    Joined,
    /// Accepts, answers and closes, one after the other.
    Close,
}

const BACKLOG: i32 = 4_096;

/// The log is cut when it is longer.
const LOG_BYTES: usize = 1 << 20;

const LISTENER: u64 = u64::MAX;
const NO_SIGNAL: i32 = 0x4000;

/// What a stream begins with: about as much as a stream of Tidings.
const OPENING: &[u8] = b"HTTP/1.1 200 OK\r\n\
    content-type: text/event-stream\r\n\
    cache-control: no-cache, no-transform\r\n\
    x-accel-buffering: no\r\n\
    connection: close\r\n\
    date: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n";

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n{}\n";

pub(crate) fn run(kind: Kind) -> io::Result<()> {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    listener.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())?;
    listener.listen(BACKLOG)?;
    let listener = TcpListener::from(listener);
    println!("http://{}", listener.local_addr()?);
    match kind {
        Kind::Close => accept_and_close(&listener),
        Kind::Each | Kind::Joined => Floor::new(listener, kind)?.run(),
    }
}

fn accept_and_close(listener: &TcpListener) -> io::Result<()> {
    let mut request = [0; 4_096];
    loop {
        let (mut socket, _) = listener.accept()?;
        // A client that is gone needs no answer.
        let _ = socket.read(&mut request);
        let _ = socket.write(OPENING);
    }
}

struct Floor {
    kind: Kind,
    epoll: OwnedFd,
    listener: TcpListener,
    links: Vec<Option<Link>>,
    /// Places in `links` that are free.
    free: Vec<usize>,
    /// The links that are streams.
    streams: Vec<usize>,
    log: Vec<u8>,
    /// Where the log begins, counted from the first byte ever.
    log_start: usize,
    /// Where the events end that were not sent yet.
    ends: Vec<usize>,
    published: u64,
    /// A stream that was blocked takes bytes again.
    unblocked: bool,
    buffer: Vec<u8>,
}

struct Link {
    socket: TcpStream,
    /// A request that has not come whole.
    request: Vec<u8>,
    /// What a stream has been sent, as a place in the log; none for others.
    sent: Option<usize>,
    blocked: bool,
}

impl Floor {
    fn new(listener: TcpListener, kind: Kind) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(
            &epoll,
            &listener,
            EventData::new_u64(LISTENER),
            EventFlags::IN,
        )?;
        Ok(Self {
            kind,
            epoll,
            listener,
            links: Vec::new(),
            free: Vec::new(),
            streams: Vec::new(),
            log: Vec::new(),
            log_start: 0,
            ends: Vec::new(),
            published: 0,
            unblocked: false,
            buffer: vec![0; 64 << 10],
        })
    }

    fn run(mut self) -> io::Result<()> {
        let mut ready = Vec::with_capacity(1_024);
        loop {
            ready.clear();
            epoll::wait(
                &self.epoll,
                rustix::buffer::spare_capacity(&mut ready),
                None,
            )?;
            for event in &ready {
                match event.data.u64() {
                    LISTENER => self.accept()?,
                    number => self.advance(number as usize, event.flags)?,
                }
            }
            self.fan_out()?;
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let socket = match self.listener.accept() {
                Ok((socket, _)) => socket,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            socket.set_nonblocking(true)?;
            socket.set_nodelay(true)?;
            let number = self.free.pop().unwrap_or(self.links.len());
            let data = EventData::new_u64(number as u64);
            epoll::add(&self.epoll, &socket, data, EventFlags::IN)?;
            if number == self.links.len() {
                self.links.push(None);
            }
            self.links[number] = Some(Link {
                socket,
                request: Vec::new(),
                sent: None,
                blocked: false,
            });
        }
    }

    fn advance(&mut self, number: usize, flags: EventFlags) -> io::Result<()> {
        let Some(link) = self.links[number].as_mut() else {
            return Ok(());
        };
        if flags.contains(EventFlags::OUT) {
            let data = EventData::new_u64(number as u64);
            epoll::modify(&self.epoll, &link.socket, data, EventFlags::IN)?;
            link.blocked = false;
            self.unblocked = true;
        }
        if !flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            return Ok(());
        }
        match link.socket.read(&mut self.buffer) {
            Ok(read) if read > 0 => {
                link.request.extend_from_slice(&self.buffer[..read]);
                self.answer(number)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Ok(_) | Err(_) => {
                self.links[number] = None;
                self.free.push(number);
                self.streams.retain(|stream| *stream != number);
                Ok(())
            }
        }
    }

    /// Answers the request, if it is whole.
    fn answer(&mut self, number: usize) -> io::Result<()> {
        let Some(link) = self.links[number].as_mut() else {
            return Ok(());
        };
        let Some(head) = find(&link.request, b"\r\n\r\n") else {
            return Ok(());
        };
        if link.request.starts_with(b"GET ") {
            link.request = Vec::new();
            link.socket.write_all(OPENING)?;
            let last = self.published;
            write!(
                link.socket,
                "id: 0000000000000000~{last}\nevent: connected\ndata: {{}}\n\n"
            )?;
            link.sent = Some(self.log_start + self.log.len());
            self.streams.push(number);
            return Ok(());
        }
        let length = content_length(&link.request[..head])?;
        let Some(body) = link.request.get(head + 4..head + 4 + length) else {
            return Ok(());
        };
        self.published += 1;
        let data = data(body)?;
        write!(self.log, "id: 0000000000000000~{}\ndata: ", self.published)?;
        self.log.extend_from_slice(data);
        self.log.extend_from_slice(b"\n\n");
        self.ends.push(self.log_start + self.log.len());
        link.request.clear();
        link.socket.write_all(ANSWER)
    }

    fn fan_out(&mut self) -> io::Result<()> {
        let ends = std::mem::take(&mut self.ends);
        let all = self.log_start + self.log.len();
        if self.kind == Kind::Each {
            ends.iter().try_for_each(|end| self.send_through(*end))?;
        } else if !ends.is_empty() {
            self.send_through(all)?;
        }
        if std::mem::take(&mut self.unblocked) {
            self.send_through(all)?;
        }
        self.ends = ends;
        self.ends.clear();
        if self.log.len() > LOG_BYTES {
            let streams = self.streams.iter();
            let sent = streams.filter_map(|stream| self.links[*stream].as_ref()?.sent);
            let keep = sent.min().unwrap_or(all);
            self.log.drain(..keep - self.log_start);
            self.log_start = keep;
        }
        Ok(())
    }

    /// Sends every stream what it has not had, up to a place in the log.
    fn send_through(&mut self, end: usize) -> io::Result<()> {
        for number in &self.streams {
            let Some(link) = &mut self.links[*number] else {
                continue;
            };
            let Some(sent) = link.sent.filter(|sent| *sent < end && !link.blocked) else {
                continue;
            };
            let bytes = &self.log[sent - self.log_start..end - self.log_start];
            let taken = match SockRef::from(&link.socket).send_with_flags(bytes, NO_SIGNAL) {
                Ok(taken) => taken,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
                // Reading will show that it is gone.
                Err(_) => bytes.len(),
            };
            link.sent = Some(sent + taken);
            if taken < bytes.len() {
                link.blocked = true;
                let flags = EventFlags::IN | EventFlags::OUT;
                let data = EventData::new_u64(*number as u64);
                epoll::modify(&self.epoll, &link.socket, data, flags)?;
            }
        }
        Ok(())
    }
}

fn content_length(head: &[u8]) -> io::Result<usize> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    length
        .and_then(|length| length.trim().parse().ok())
        .ok_or_else(|| io::Error::other("a request has no length"))
}

/// The data of an event in the load's JSON, which has nothing to unescape.
fn data(body: &[u8]) -> io::Result<&[u8]> {
    const KEY: &[u8] = b"\"data\":\"";
    let start = find(body, KEY).map(|start| start + KEY.len());
    start
        .and_then(|start| body.get(start..body.len().checked_sub(2)?))
        .ok_or_else(|| io::Error::other("a body has no data"))
}
