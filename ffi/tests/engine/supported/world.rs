//! What the tests are made of: an engine, sockets, and readers of streams.
//!
//! It does not know what is tested.

#![expect(
    clippy::undocumented_unsafe_blocks,
    reason = "one thing holds for all calls: the engine lives, and pointers lead to what the header says"
)]

use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use std::ffi::c_int;
use std::io::{self, Read};
use std::mem::MaybeUninit;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{BorrowedFd, IntoRawFd, RawFd};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;
use tidings::tidings_status::{self, *};
use tidings::*;

/// How long anything may take on a machine with much else to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A struct with its size, and zeros.
macro_rules! init {
    ($type:ident $({ $($field:ident: $value:expr),* $(,)? })?) => {{
        // SAFETY: zeros are valid for every struct of the ABI.
        let zeros: $type = unsafe { std::mem::zeroed() };
        $type { size: size_of::<$type>() as u32, $($($field: $value,)*)? ..zeros }
    }};
}
pub(crate) use init;

/// A text for as long as the call takes.
pub(crate) fn text(text: &str) -> tidings_str {
    tidings_str::of(text.as_bytes())
}

/// An engine that is freed in the end.
pub(crate) struct Engine(pub(crate) *mut tidings_engine);

// SAFETY: engine calls are thread-safe; it is freed when nobody has it any more.
unsafe impl Send for Engine {}
// SAFETY: as above.
unsafe impl Sync for Engine {}

impl Drop for Engine {
    fn drop(&mut self) {
        // SAFETY: made by `tidings_engine_new`, and freed once.
        unsafe { tidings_engine_free(self.0) };
    }
}

/// A result, once it is checked that it is one.
fn written<T>(call: impl FnOnce(*mut T) -> tidings_status) -> Result<T, tidings_status> {
    let mut place = MaybeUninit::uninit();
    match call(place.as_mut_ptr()) {
        // SAFETY: after success, the result is written.
        TIDINGS_OK => Ok(unsafe { place.assume_init() }),
        status => Err(status),
    }
}

fn done(status: tidings_status) -> Result<(), tidings_status> {
    written(|_: *mut ()| status)
}

impl Engine {
    pub(crate) fn new(options: &tidings_engine_options) -> Result<Self, tidings_status> {
        written(|engine| unsafe { tidings_engine_new(options, engine) }).map(Self)
    }

    /// A started engine.
    pub(crate) fn start() -> Self {
        Self::start_with(&init!(tidings_engine_options))
    }

    pub(crate) fn start_with(options: &tidings_engine_options) -> Self {
        let engine = Self::new(options).expect("it is made");
        assert_eq!(unsafe { tidings_engine_start(engine.0) }, TIDINGS_OK);
        engine
    }

    pub(crate) fn try_adopt(
        &self,
        fd: c_int,
        adopt: &tidings_adopt,
    ) -> Result<u64, tidings_status> {
        written(|connection| unsafe { tidings_engine_adopt(self.0, fd, adopt, connection) })
    }

    pub(crate) fn retry_ms(&self) -> u64 {
        let retry_ms = |place| unsafe { tidings_engine_error_retry_ms(self.0, place) };
        written(retry_ms).expect("it can be asked")
    }

    /// A stream of a topic, on a connection of its own: its reader, and its id.
    pub(crate) fn stream(&self, topic: &str, tag: u64) -> (Reader, u64) {
        self.resumed(topic, tag, tidings_str::ABSENT)
    }

    pub(crate) fn resumed(
        &self,
        topic: &str,
        tag: u64,
        last_event_id: tidings_str,
    ) -> (Reader, u64) {
        let topics = [text(topic)];
        let open = init!(tidings_open {
            topics: topics.as_ptr(),
            topic_count: 1,
            last_event_id: last_event_id,
        });
        let adopt = init!(tidings_adopt {
            open: &raw const open,
            tag: tag
        });
        let (client, server) = tcp();
        let connection = self.try_adopt(server.into_raw_fd(), &adopt);
        (Reader::new(client), connection.expect("it is adopted"))
    }

    pub(crate) fn publish(
        &self,
        topic: &str,
        data: &str,
    ) -> Result<tidings_published, tidings_status> {
        let topics = [text(topic)];
        let publish = publish_to(&topics, data);
        written(|published| unsafe { tidings_engine_publish(self.0, &publish, published) })
    }

    pub(crate) fn publish_all(
        &self,
        publishes: &[tidings_publish],
    ) -> Result<Vec<tidings_published>, tidings_status> {
        let mut published = Vec::with_capacity(publishes.len());
        done(unsafe {
            let (first, count) = (publishes.as_ptr(), publishes.len());
            tidings_engine_publish_all(self.0, first, count, published.as_mut_ptr())
        })?;
        unsafe { published.set_len(publishes.len()) };
        Ok(published)
    }

    pub(crate) fn post(
        &self,
        topic: &str,
        data: &str,
        tag: u64,
    ) -> Result<tidings_published, tidings_status> {
        let topics = [text(topic)];
        let publish = publish_to(&topics, data);
        written(|published| unsafe { tidings_engine_post(self.0, &publish, tag, published) })
    }

    pub(crate) fn subscribe(&self, connection: u64, topic: &str) -> tidings_status {
        unsafe { tidings_engine_subscribe(self.0, connection, text(topic)) }
    }

    pub(crate) fn unsubscribe(&self, connection: u64, topic: &str) -> tidings_status {
        unsafe { tidings_engine_unsubscribe(self.0, connection, text(topic)) }
    }

    pub(crate) fn renew(
        &self,
        connection: u64,
        expires_ms: u64,
        grants: &[tidings_str],
    ) -> tidings_status {
        let (first, count) = (grants.as_ptr(), grants.len());
        unsafe { tidings_engine_renew(self.0, connection, expires_ms, first, count) }
    }

    pub(crate) fn close(&self, connection: u64) -> tidings_status {
        unsafe { tidings_engine_close(self.0, connection) }
    }

    pub(crate) fn drain(&self, over_ms: u64) -> tidings_status {
        unsafe { tidings_engine_drain(self.0, over_ms) }
    }

    pub(crate) fn cursor(&self) -> Result<tidings_cursor, tidings_status> {
        written(|cursor| unsafe { tidings_engine_cursor(self.0, cursor) })
    }

    pub(crate) fn stats(&self) -> Result<tidings_stats, tidings_status> {
        let mut stats = init!(tidings_stats);
        done(unsafe { tidings_engine_stats(self.0, &raw mut stats) }).map(|()| stats)
    }

    pub(crate) fn poll_output(&self) -> Result<tidings_engine_output, tidings_status> {
        let mut output = init!(tidings_engine_output);
        done(unsafe { tidings_engine_poll_output(self.0, &raw mut output) }).map(|()| output)
    }

    /// The next output, which the descriptor says is there.
    pub(crate) fn next_output(&self) -> tidings_engine_output {
        assert!(
            self.is_readable_within(PATIENCE),
            "there is something to tell"
        );
        let output = self.poll_output().expect("it can be polled");
        assert_ne!(
            output.kind,
            tidings_engine_output_kind::TIDINGS_ENGINE_NONE as u32
        );
        output
    }

    /// The next output, which must be the end of a stream: its tag and reason.
    pub(crate) fn next_closed(&self) -> (u64, u32) {
        let output = self.next_output();
        assert_eq!(
            output.kind,
            tidings_engine_output_kind::TIDINGS_ENGINE_CLOSED as u32
        );
        (output.tag, output.reason)
    }

    /// That nothing is there to be told, and that the descriptor knows it.
    pub(crate) fn expect_silence(&self) {
        assert!(!self.is_readable_within(Duration::ZERO));
        let output = self.poll_output().expect("it can be polled");
        assert_eq!(
            output.kind,
            tidings_engine_output_kind::TIDINGS_ENGINE_NONE as u32
        );
    }

    pub(crate) fn fd(&self) -> Result<RawFd, tidings_status> {
        written(|fd| unsafe { tidings_engine_fd(self.0, fd) })
    }

    pub(crate) fn is_readable_within(&self, time: Duration) -> bool {
        is_readable_within(self.fd().expect("there is one"), time)
    }

    pub(crate) fn error(&self) -> String {
        let mut buffer = [0_u8; TIDINGS_ENGINE_ERROR_BYTES];
        let (first, capacity) = (buffer.as_mut_ptr().cast(), buffer.len());
        let len = written(|len| unsafe { tidings_engine_error(self.0, first, capacity, len) });
        let len = len.expect("there is room");
        assert_eq!(buffer[len], 0);
        String::from_utf8(buffer[..len].to_vec()).expect("it is text")
    }
}

pub(crate) fn is_readable_within(fd: RawFd, time: Duration) -> bool {
    // SAFETY: the engine keeps it open.
    let fd = unsafe { BorrowedFd::borrow_raw(fd) };
    let mut fds = [PollFd::new(&fd, PollFlags::IN)];
    let time = Timespec::try_from(time).expect("it is short");
    poll(&mut fds, Some(&time)).expect("it can be polled") == 1
}

/// An event for every subscriber of the topics.
pub(crate) fn publish_to(topics: &[tidings_str], data: &str) -> tidings_publish {
    let mut publish = init!(tidings_publish {
        topics: topics.as_ptr(),
        topic_count: topics.len(),
    });
    publish.event.data = text(data);
    publish
}

pub(crate) fn text_of(cursor: &tidings_cursor) -> String {
    let mut buffer = [0_u8; TIDINGS_CURSOR_BYTES];
    let len = written(|len| unsafe {
        tidings_cursor_format(cursor, buffer.as_mut_ptr().cast(), buffer.len(), len)
    });
    let len = len.expect("there is room");
    String::from_utf8(buffer[..len].to_vec()).expect("it is text")
}

/// The two ends of a connection. All are made with one listener: many tests would run out of ports.
pub(crate) fn tcp() -> (TcpStream, TcpStream) {
    static LISTENER: OnceLock<Mutex<TcpListener>> = OnceLock::new();
    let listener = LISTENER
        .get_or_init(|| Mutex::new(TcpListener::bind("127.0.0.1:0").expect("a port is free")));
    // Locked, so that nobody else gets the other end.
    let listener = listener.lock().expect("nobody has failed with it");
    let address = listener.local_addr().expect("it has an address");
    let client = TcpStream::connect(address).expect("it can be reached");
    let server = listener.accept().expect("it is there").0;
    client
        .set_read_timeout(Some(PATIENCE))
        .expect("it can be set");
    (client, server)
}

/// The client's end of a stream.
pub(crate) struct Reader {
    socket: Box<dyn Read + Send>,
    seen: String,
}

impl Reader {
    pub(crate) fn new(socket: impl Read + Send + 'static) -> Self {
        Self {
            socket: Box::new(socket),
            seen: String::new(),
        }
    }

    /// Reads until this has come, and hands out all that has, up to there.
    pub(crate) fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(end) {
                let rest = self.seen.split_off(at + end.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            assert!(
                self.read().expect("it can be read"),
                "it ended before {end:?}: {}",
                self.seen
            );
        }
    }

    /// Reads to an orderly end.
    pub(crate) fn rest(&mut self) -> String {
        while self.read().expect("it can be read") {}
        std::mem::take(&mut self.seen)
    }

    /// Reads to the end, in whatever way it comes.
    pub(crate) fn end(&mut self) {
        while self.read().is_ok_and(|more| more) {}
    }

    fn read(&mut self) -> io::Result<bool> {
        let mut bytes = [0; 16_384];
        let read = self.socket.read(&mut bytes)?;
        self.seen += str::from_utf8(&bytes[..read]).expect("streams here are ASCII");
        Ok(read > 0)
    }
}
