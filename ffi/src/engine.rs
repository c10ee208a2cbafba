//! The engine in C: a hub on threads of its own, to which a host hands sockets and events.
//!
//! It does not know how that is done: `engine/` does, where this build can. Where it cannot, every
//! function here answers `TIDINGS_ERR_UNSUPPORTED`.

#[cfg(all(feature = "engine", any(target_os = "linux", target_os = "macos")))]
mod supported;
#[cfg(not(all(feature = "engine", any(target_os = "linux", target_os = "macos"))))]
mod unsupported;

use crate::cursor::tidings_cursor;
use crate::hub::{
    tidings_hub_options, tidings_open, tidings_publish, tidings_published, tidings_stats,
};
use crate::sized::SizeFirst;
use crate::status::tidings_status::{self, *};
use crate::text::tidings_str;
use std::ffi::{c_char, c_int};
use std::mem::offset_of;

#[cfg(all(feature = "engine", any(target_os = "linux", target_os = "macos")))]
use supported as body;
#[cfg(all(
    feature = "engine",
    feature = "test-hooks",
    any(target_os = "linux", target_os = "macos")
))]
pub use supported::{tidings_test_panic_engine, tidings_test_panic_engine_thread};
#[cfg(not(all(feature = "engine", any(target_os = "linux", target_os = "macos"))))]
use unsupported as body;

/// In `tidings_adopt.flags`: write the head of the response first, `HTTP/1.1 200 OK` and what belongs
/// to a stream. Without it, the host has written a head, or gives one as `open->preamble`.
pub const TIDINGS_ADOPT_WRITE_HEAD: u32 = 1;

/// In `tidings_adopt.flags`, with a tag: say in outputs also what the stream was told that it missed.
pub const TIDINGS_ADOPT_GAPS: u32 = 2;

/// In `tidings_engine_output.missed`: nobody can count them any more.
pub const TIDINGS_UNCOUNTED: u64 = u64::MAX;

/// What `tidings_engine_error` writes at most, with the NUL at its end.
pub const TIDINGS_ENGINE_ERROR_BYTES: usize = 256;

/// How an engine works. Zero means default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_engine_options {
    /// `sizeof(tidings_engine_options)`
    pub size: u32,
    /// Hubs that act as one, each on a thread of its own; at most 256. Default 1: one thread fills a
    /// network.
    pub shards: u32,
    /// The options of the hub; NULL: all defaults. `shard` and `seed` are the engine's. So are, where
    /// they are 0, `epoch` (random), `unix_ms_at_zero` (the clock) and the limit on connections (the
    /// descriptors that the process may open, as of `tidings_engine_new`).
    pub hub: *const tidings_hub_options,
    /// Publishes that are numbered and not yet in the log. Default 1,024. A post beyond them is refused
    /// with `TIDINGS_ERR_BUSY`, a publish waits.
    pub publish_queue: u32,
    /// Threads that may wait in a publish; one more is refused with `TIDINGS_ERR_BUSY`. Default 1,024.
    pub publish_waiters: u32,
    /// How long a publish waits before it is refused with `TIDINGS_ERR_BUSY`. Default 10,000.
    pub publish_wait_ms: u64,
    /// Answers to posts with a tag that were not polled; a post beyond them is refused with
    /// `TIDINGS_ERR_UNPOLLED`. Default 65,536.
    pub answers: u32,
    /// Bytes of the send buffer that the system has for each socket; Linux doubles it. Default 32,768.
    pub send_buffer_bytes: u32,
    /// Bytes not yet sent above which a TCP socket takes no more (Linux). Default 16,384.
    pub unsent_bytes: u32,
    /// How long the other side may leave bytes unacknowledged before the system gives it up (TCP on
    /// Linux). Set it above the hub's stall time. Default 75,000.
    pub user_timeout_ms: u32,
}

// SAFETY: `repr(C)`, begins with its size, has only numbers and a pointer.
unsafe impl SizeFirst for tidings_engine_options {
    const FIRST_SIZE: usize = size_of::<Self>();
}

/// A header of a response.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_header {
    /// Such as `access-control-allow-origin`.
    pub name: tidings_str,
    /// Visible characters, spaces and tabs. Nothing in it ends the line.
    pub value: tidings_str,
}

/// A stream to run on a socket. Zero means default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_adopt {
    /// `sizeof(tidings_adopt)`
    pub size: u32,
    /// `TIDINGS_ADOPT_...`, or 0.
    pub flags: u32,
    /// Who opens it, for what, and from where; NULL: all defaults, which is no topic at all. Its
    /// `preamble` is sent first, behind the head that the library writes.
    pub open: *const tidings_open,
    /// With `TIDINGS_ADOPT_WRITE_HEAD`: headers beside the library's own, which are `content-type`,
    /// `cache-control`, `connection`, `date` and `x-accel-buffering`. Those and headers about the
    /// length or coding of the body are refused with `TIDINGS_ERR_HEADER`.
    pub headers: *const tidings_header,
    /// How many there are.
    pub header_count: usize,
    /// Not 0: say in an output with this tag when the stream has closed, and why.
    pub tag: u64,
}

// SAFETY: `repr(C)`, begins with its size, has only numbers and pointers.
unsafe impl SizeFirst for tidings_adopt {
    const FIRST_SIZE: usize = size_of::<Self>();
}

/// What an engine tells its host.
#[repr(u32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum tidings_engine_output_kind {
    /// Nothing.
    TIDINGS_ENGINE_NONE = 0,
    /// A stream that was adopted with a tag has closed: `connection`, `reason`.
    TIDINGS_ENGINE_CLOSED = 1,
    /// An event that was posted with a tag is in the log, or never will be: `index`, `status`,
    /// `recipients`.
    TIDINGS_ENGINE_PUBLISHED = 2,
    /// A stream that was adopted with `TIDINGS_ADOPT_GAPS` was told of events that it missed:
    /// `connection`, `reason`, `missed`. What it misses until this is polled is added to it, and its end
    /// comes after it.
    TIDINGS_ENGINE_GAP = 3,
}

/// Something that the host has asked to be told.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct tidings_engine_output {
    /// `sizeof(tidings_engine_output)`, set by the caller.
    pub size: u32,
    /// A `tidings_engine_output_kind`.
    pub kind: u32,
    /// The host's own, as it was given.
    pub tag: u64,
    /// Of a stream: which.
    pub connection: u64,
    /// Of a stream: a `tidings_close_reason`; of a gap a `tidings_gap_reason`, of several the first.
    pub reason: u32,
    /// Of an event: `TIDINGS_OK`, or `TIDINGS_ERR_STOPPED` where the engine ended before.
    pub status: i32,
    /// Of an event: which of those that were posted together, counted from 0.
    pub index: u64,
    /// Of an event: how many live streams it is for, each counted once.
    pub recipients: u64,
    /// Of a gap: how many events, or `TIDINGS_UNCOUNTED`.
    pub missed: u64,
}

// SAFETY: `repr(C)`, begins with its size, has only numbers.
unsafe impl SizeFirst for tidings_engine_output {
    const FIRST_SIZE: usize = offset_of!(Self, recipients) + size_of::<u64>();
}

/// A hub on threads of its own. Alone of all handles, several threads may use it at a time.
pub struct tidings_engine(body::Engine);

/// Makes an engine, and checks its options, which may be NULL. It has no threads yet, so that the
/// process may still fork. It is yours to free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_new(
    options: *const tidings_engine_options,
    engine: *mut *mut tidings_engine,
) -> tidings_status {
    body::new(options, engine)
}

/// Stops the threads, closes every stream without a word, and frees the engine. No other call may be
/// under way, and the descriptor of `tidings_engine_fd` goes with it. Drain first to end in order. NULL
/// is fine. One thread that all engines of a process share stays, and sleeps.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_free(engine: *mut tidings_engine) {
    body::free(engine);
}

/// Starts the threads. They take none of the process's signals.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_start(engine: *const tidings_engine) -> tidings_status {
    body::start(engine)
}

/// Gives a connected stream socket, TCP or local, to the engine, which runs a stream on it. The host has
/// read a request from it, and has taken it out of its own event loop.
///
/// From `TIDINGS_OK` on the descriptor is the engine's, and its number may stand for something else any
/// time. After an error it is the host's, untouched: answer on it, and close it.
///
/// The stream may have closed by the time this returns; its output, if asked for, comes all the same.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_adopt(
    engine: *const tidings_engine,
    fd: c_int,
    adopt: *const tidings_adopt,
    connection: *mut u64,
) -> tidings_status {
    body::adopt(engine, fd, adopt, connection)
}

/// Publishes an event, and waits until it is in the log; not until it is written. `published` may be
/// NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_publish(
    engine: *const tidings_engine,
    publish: *const tidings_publish,
    published: *mut tidings_published,
) -> tidings_status {
    body::publish(engine, publish, published)
}

/// Publishes several events in order, all or none, with no other event between, and waits until they
/// are in the log. `published` may be NULL, or has room for as many.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_publish_all(
    engine: *const tidings_engine,
    publishes: *const tidings_publish,
    count: usize,
    published: *mut tidings_published,
) -> tidings_status {
    body::publish_all(engine, publishes, count, published)
}

/// As `tidings_engine_publish` for who cannot wait: the event has its number when this returns, and
/// goes into the log in that order. `published->recipients` is 0 yet; with a tag that is not 0, an output
/// says how many there are. Where too much is under way it answers `TIDINGS_ERR_BUSY` at once.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_post(
    engine: *const tidings_engine,
    publish: *const tidings_publish,
    tag: u64,
    published: *mut tidings_published,
) -> tidings_status {
    body::post(engine, publish, tag, published)
}

/// As `tidings_engine_publish_all` and `tidings_engine_post`: with a tag, there is an output for each
/// event, in order.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_post_all(
    engine: *const tidings_engine,
    publishes: *const tidings_publish,
    count: usize,
    tag: u64,
    published: *mut tidings_published,
) -> tidings_status {
    body::post_all(engine, publishes, count, tag, published)
}

/// Adds a topic or pattern to an open stream, from the end of the log on. Fine if it has it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_subscribe(
    engine: *const tidings_engine,
    connection: u64,
    topic: tidings_str,
) -> tidings_status {
    body::subscribe(engine, connection, topic)
}

/// Takes a topic or pattern from a stream. Fine if it does not have it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_unsubscribe(
    engine: *const tidings_engine,
    connection: u64,
    topic: tidings_str,
) -> tidings_status {
    body::unsubscribe(engine, connection, topic)
}

/// Gives a stream the end (Unix time; 0 for none) and the grants of a new token, so that it goes on
/// without a reconnect.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_renew(
    engine: *const tidings_engine,
    connection: u64,
    expires_ms: u64,
    grants: *const tidings_str,
    grant_count: usize,
) -> tidings_status {
    body::renew(engine, connection, expires_ms, grants, grant_count)
}

/// Closes a stream: it gets no further event, its `bye` is sent, then its socket is closed. Fine if it
/// is about to close.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_close(
    engine: *const tidings_engine,
    connection: u64,
) -> tidings_status {
    body::close(engine, connection)
}

/// The end of the log: the position to store with a snapshot of your state, so that a reader that
/// starts there gets every later event.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_cursor(
    engine: *const tidings_engine,
    cursor: *mut tidings_cursor,
) -> tidings_status {
    body::cursor(engine, cursor)
}

/// Counts of what the engine has done and holds. Set `stats->size` before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_stats(
    engine: *const tidings_engine,
    stats: *mut tidings_stats,
) -> tidings_status {
    body::stats(engine, stats)
}

/// Stops publishes, sends what was accepted, closes every stream with a `bye` whose `retry` is spread
/// over the time, and cuts after it those that are blocked. Returns when all are closed. The engine has
/// then stopped, so that most calls answer `TIDINGS_ERR_STOPPED`; what is to be told can be polled.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_drain(
    engine: *const tidings_engine,
    over_ms: u64,
) -> tidings_status {
    body::drain(engine, over_ms)
}

/// The next thing that you have asked to be told, or `TIDINGS_ENGINE_NONE`. Set `output->size` before.
///
/// Nothing is told unasked, and nothing that was asked for is lost: while as many outputs are due or
/// waiting as there may be (ends of streams: the limit on connections; posted events:
/// `tidings_engine_options.answers`), what would add one is refused with `TIDINGS_ERR_UNPOLLED`. Of
/// gaps no more than one waits for each stream.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_poll_output(
    engine: *const tidings_engine,
    output: *mut tidings_engine_output,
) -> tidings_status {
    body::poll_output(engine, output)
}

/// A descriptor for the host's own event loop: it is readable exactly while
/// `tidings_engine_poll_output` has something, and from the moment on that the engine is poisoned. It
/// is the engine's: neither read it nor close it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_fd(
    engine: *const tidings_engine,
    fd: *mut c_int,
) -> tidings_status {
    body::fd(engine, fd)
}

/// Writes what was wrong with the last call that failed, on whatever thread, with a NUL that `len` does
/// not count; empty if there was none. `TIDINGS_ENGINE_ERROR_BYTES` are enough.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_error(
    engine: *const tidings_engine,
    buffer: *mut c_char,
    capacity: usize,
    len: *mut usize,
) -> tidings_status {
    body::error(engine, buffer, capacity, len)
}

/// After how many milliseconds the client of the last `tidings_engine_adopt` that failed, on whatever
/// thread, may come back: where it was refused with `TIDINGS_ERR_SUPERSEDED_TOO_SOON`; else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tidings_engine_error_retry_ms(
    engine: *const tidings_engine,
    retry_ms: *mut u64,
) -> tidings_status {
    body::error_retry_ms(engine, retry_ms)
}
