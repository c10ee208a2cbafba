//! The load: thousands of streams and some publishers on one thread, without a task for any.
//!
//! It owns the sockets and reads what comes. It does not know what the events mean: whoever calls
//! it watches.

pub(crate) mod crowd;
pub(crate) mod live;
mod publisher;
mod stream;
pub(crate) mod tally;

use publisher::{Answer, Publisher};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::{AsFd, OwnedFd};
use rustix::time::Timespec;
use socket2::{Domain, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use stream::{Progress, Stream};
use tidings_core::Event;

/// How long anything may take that the load waits for.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much is read of one socket at a time.
const READ_BYTES: usize = 256 << 10;

/// Sockets that are looked at in one turn.
const TURN_EVENTS: usize = 1_024;

/// How long an unhurried load sleeps.
const NAP: Duration = Duration::from_millis(1);

/// What is told of streams as it happens.
pub(crate) trait Watch {
    /// An event came, so many nanoseconds after the load began.
    fn event(&mut self, stream: usize, event: &Event<'_>, now_ns: u64);

    /// The stream is over, or never was.
    fn ended(&mut self, stream: usize, end: End);
}

/// How a stream ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// Instead of a stream there was this answer.
    Refused(u16),
    /// The server closed it.
    Closed,
    /// The server cut it.
    Reset,
}

/// A request for a stream, and how its socket is made.
#[derive(Clone, Default)]
pub(crate) struct Ask {
    /// Path and query.
    pub(crate) path: String,
    pub(crate) last_event_id: Option<String>,
    /// The socket's receive buffer; none leaves it to the system.
    pub(crate) receive_bytes: Option<usize>,
}

pub(crate) struct Load {
    epoll: OwnedFd,
    start: Instant,
    address: SocketAddr,
    links: Vec<Option<Link>>,
    /// Places in `links` that are free.
    free: Vec<usize>,
    ready: Vec<epoll::Event>,
    buffer: Vec<u8>,
    /// Streams whose request is not answered yet, and those that are open.
    opening: usize,
    open: usize,
    /// Publishers that wait for work.
    idle: Vec<usize>,
    publishing: usize,
}

enum Link {
    Stream(Stream),
    Publisher(Publisher),
}

impl Load {
    /// A load on the server at this address.
    pub(crate) fn new(address: SocketAddr) -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            start: Instant::now(),
            address,
            links: Vec::new(),
            free: Vec::new(),
            ready: Vec::with_capacity(TURN_EVENTS),
            buffer: vec![0; READ_BYTES],
            opening: 0,
            open: 0,
            idle: Vec::new(),
            publishing: 0,
        })
    }

    /// Nanoseconds since the load began.
    pub(crate) fn now_ns(&self) -> u64 {
        nanoseconds(self.start.elapsed())
    }

    /// Streams that are open.
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// Streams whose request is not answered yet.
    pub(crate) fn opening(&self) -> usize {
        self.opening
    }

    /// Publishers that wait for their answer.
    pub(crate) fn publishing(&self) -> usize {
        self.publishing
    }

    /// Asks for a stream, and returns its number.
    pub(crate) fn ask(&mut self, ask: &Ask) -> io::Result<usize> {
        let socket = self.connect(ask.receive_bytes)?;
        let request = ask.request(self.address);
        let number = self.insert(Link::Stream(Stream::new(socket, request)))?;
        self.opening += 1;
        Ok(number)
    }

    /// Asks for many streams, with no more than so many unanswered at a time, and waits for all.
    pub(crate) fn ask_many(
        &mut self,
        ask: &Ask,
        count: usize,
        parallel: usize,
        watch: &mut impl Watch,
    ) -> io::Result<Vec<usize>> {
        let mut numbers = Vec::with_capacity(count);
        while numbers.len() < count {
            while numbers.len() < count && self.opening < parallel {
                numbers.push(self.ask(ask)?);
            }
            self.turn(PATIENCE, watch)?;
        }
        self.until(watch, |load, _| load.opening == 0)?;
        Ok(numbers)
    }

    /// Connects publishers, which are idle at first, in place of those that are: a server may be
    /// about to leave them because they had nothing to say for long.
    pub(crate) fn set_publishers(&mut self, count: usize) -> io::Result<()> {
        for number in std::mem::take(&mut self.idle) {
            self.links[number] = None;
            self.free.push(number);
        }
        for _ in 0..count {
            let socket = self.connect(None)?;
            let number = self.insert(Link::Publisher(Publisher::new(socket)))?;
            self.idle.push(number);
        }
        Ok(())
    }

    /// Lets an idle publisher send a body to the server; false where none is idle.
    pub(crate) fn publish(&mut self, body: &[u8]) -> io::Result<bool> {
        self.publish_to("/publish", body)
    }

    /// The same with another path and query.
    pub(crate) fn publish_to(&mut self, path: &str, body: &[u8]) -> io::Result<bool> {
        let Some(number) = self.idle.pop() else {
            return Ok(false);
        };
        let address = self.address;
        if let Some(Link::Publisher(publisher)) = &mut self.links[number] {
            let sent = publisher.publish(address, path, body)?;
            self.publishing += 1;
            if !sent {
                let flags = EventFlags::IN | EventFlags::OUT;
                let data = EventData::new_u64(number as u64);
                epoll::modify(&self.epoll, &publisher.socket, data, flags)?;
            }
        }
        Ok(true)
    }

    /// Does what there is to do, and waits for it at most so long.
    pub(crate) fn turn(&mut self, timeout: Duration, watch: &mut impl Watch) -> io::Result<()> {
        self.ready.clear();
        let timeout = Timespec::try_from(timeout).map_err(io::Error::other)?;
        let ready = rustix::buffer::spare_capacity(&mut self.ready);
        match epoll::wait(&self.epoll, ready, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let ready = std::mem::take(&mut self.ready);
        for event in &ready {
            let (number, flags) = (event.data.u64() as usize, event.flags);
            self.advance(number, flags, watch)?;
        }
        self.ready = ready;
        Ok(())
    }

    /// Does what there is to do; where that was little, lets more come first.
    ///
    /// While it sleeps no socket wakes it. How often one does is a matter of chance, and the time
    /// it takes is the server's.
    pub(crate) fn unhurried_turn(&mut self, watch: &mut impl Watch) -> io::Result<()> {
        self.turn(Duration::ZERO, watch)?;
        if self.ready.len() < TURN_EVENTS {
            std::thread::sleep(NAP);
        }
        Ok(())
    }

    /// Goes on until something is so.
    ///
    /// # Errors
    /// When it takes too long.
    pub(crate) fn until<W: Watch>(
        &mut self,
        watch: &mut W,
        mut is_so: impl FnMut(&Self, &W) -> bool,
    ) -> io::Result<()> {
        let start = Instant::now();
        while !is_so(self, watch) {
            if start.elapsed() > PATIENCE {
                return Err(io::Error::other("what was waited for did not come"));
            }
            self.unhurried_turn(watch)?;
        }
        Ok(())
    }

    /// Goes on for so long.
    pub(crate) fn run_for(&mut self, time: Duration, watch: &mut impl Watch) -> io::Result<()> {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            self.turn(left, watch)?;
        }
        Ok(())
    }

    /// Reads a stream no more, or again.
    pub(crate) fn set_reading(&mut self, number: usize, reading: bool) -> io::Result<()> {
        if let Some(Some(Link::Stream(stream))) = self.links.get(number) {
            let flags = if reading {
                EventFlags::IN
            } else {
                EventFlags::empty()
            };
            let data = EventData::new_u64(number as u64);
            epoll::modify(&self.epoll, &stream.socket, data, flags)?;
        }
        Ok(())
    }

    /// The port of a stream's socket on this side.
    pub(crate) fn port(&self, number: usize) -> Option<u16> {
        let Some(Some(Link::Stream(stream))) = self.links.get(number) else {
            return None;
        };
        Some(stream.socket.local_addr().ok()?.as_socket()?.port())
    }

    /// Leaves a stream.
    pub(crate) fn close(&mut self, number: usize) {
        if let Some(Link::Stream(stream)) = self.links.get_mut(number).and_then(Option::take) {
            if stream.is_open() {
                self.open -= 1;
            } else {
                self.opening -= 1;
            }
            self.free.push(number);
        }
    }

    fn connect(&self, receive_bytes: Option<usize>) -> io::Result<Socket> {
        let socket = Socket::new(Domain::for_address(self.address), Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if let Some(bytes) = receive_bytes {
            socket.set_recv_buffer_size(bytes)?;
        }
        match socket.connect(&self.address.into()) {
            Err(error)
                if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            other => other?,
        }
        Ok(socket)
    }

    fn insert(&mut self, link: Link) -> io::Result<usize> {
        let number = self.free.pop().unwrap_or(self.links.len());
        let data = EventData::new_u64(number as u64);
        let flags = EventFlags::IN | EventFlags::OUT;
        epoll::add(&self.epoll, link.as_fd(), data, flags)?;
        if number == self.links.len() {
            self.links.push(None);
        }
        self.links[number] = Some(link);
        Ok(number)
    }

    fn advance(
        &mut self,
        number: usize,
        flags: EventFlags,
        watch: &mut impl Watch,
    ) -> io::Result<()> {
        let Some(link) = self.links.get_mut(number).and_then(Option::as_mut) else {
            return Ok(());
        };
        if flags.contains(EventFlags::OUT) && link.send()? {
            let data = EventData::new_u64(number as u64);
            epoll::modify(&self.epoll, link.as_fd(), data, EventFlags::IN)?;
        }
        if !flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
            return Ok(());
        }
        match link {
            Link::Publisher(publisher) => match publisher.read(&mut self.buffer)? {
                Answer::None => {}
                Answer::Whole => {
                    self.idle.push(number);
                    self.publishing -= 1;
                }
                Answer::Left => {
                    self.idle.retain(|idle| *idle != number);
                    self.links[number] = None;
                    self.free.push(number);
                }
            },
            Link::Stream(stream) => {
                let now_ns = nanoseconds(self.start.elapsed());
                let tell = |event: &Event<'_>| watch.event(number, event, now_ns);
                match stream.read(&mut self.buffer, tell)? {
                    Progress::None => {}
                    Progress::Opened => {
                        self.opening -= 1;
                        self.open += 1;
                    }
                    Progress::Ended(end) => {
                        watch.ended(number, end);
                        self.close(number);
                    }
                }
            }
        }
        Ok(())
    }
}

impl Link {
    /// Sends what it has to; true once that is all.
    fn send(&mut self) -> io::Result<bool> {
        match self {
            Self::Stream(stream) => stream.send(),
            Self::Publisher(publisher) => publisher.send(),
        }
    }
}

impl AsFd for Link {
    fn as_fd(&self) -> rustix::fd::BorrowedFd<'_> {
        match self {
            Self::Stream(stream) => stream.socket.as_fd(),
            Self::Publisher(publisher) => publisher.socket.as_fd(),
        }
    }
}

impl Ask {
    /// The stream of a topic.
    pub(crate) fn topic(topic: &str) -> Self {
        Self {
            path: format!("/events?topic={topic}"),
            ..Self::default()
        }
    }

    /// What a browser would ask, in about as many bytes.
    fn request(&self, address: SocketAddr) -> Vec<u8> {
        let mut text = format!(
            "GET {} HTTP/1.1\r\nHost: {address}\r\n\
             User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n\
             Accept: text/event-stream\r\nCache-Control: no-cache\r\n\
             Accept-Encoding: gzip, deflate, br\r\nAccept-Language: en\r\n",
            self.path
        );
        if let Some(id) = &self.last_event_id {
            text.push_str("Last-Event-ID: ");
            text.push_str(id);
            text.push_str("\r\n");
        }
        text.push_str("\r\n");
        text.into_bytes()
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
