//! The numbers that functions answer with. A number is never used for anything else again.
//!
//! It does not know which errors of the core they stand for; `failure` does.

use crate::text::with_nul;
use std::ffi::{CStr, c_char};

/// What became of a call: 0, or what was wrong. After an error nothing has changed.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum tidings_status {
    /// Done.
    TIDINGS_OK = 0,

    /// A pointer that must not be is NULL.
    TIDINGS_ERR_NULL = -1,
    /// The size in a struct is none that this library knows, or it has more than this library knows.
    TIDINGS_ERR_STRUCT_SIZE = -2,
    /// A text is not UTF-8.
    TIDINGS_ERR_UTF8 = -3,
    /// The buffer or array is too short.
    TIDINGS_ERR_BUFFER = -4,
    /// A length is more than can be.
    TIDINGS_ERR_LENGTH = -5,
    /// A kind, flag or number is none of those there are, a reserved field is not zero, or two fields
    /// are set that exclude each other.
    TIDINGS_ERR_INVALID = -6,
    /// The connection is closed, or never was.
    TIDINGS_ERR_NOT_FOUND = -7,
    /// An earlier call on the handle panicked. Free it.
    TIDINGS_ERR_POISONED = -8,
    /// A bug in the library: it panicked. The handle is of no use any more.
    TIDINGS_ERR_PANIC = -9,
    /// This build of the library cannot do it.
    TIDINGS_ERR_UNSUPPORTED = -10,
    /// A text that is no connection id.
    TIDINGS_ERR_CONNECTION_ID = -11,
    /// A text that is no cursor.
    TIDINGS_ERR_CURSOR = -12,
    /// An error that has no number of its own.
    TIDINGS_ERR_OTHER = -13,

    /// The event id has a line break.
    TIDINGS_ERR_ID_LINE_BREAK = -20,
    /// The event id has a NUL.
    TIDINGS_ERR_ID_NUL = -21,
    /// The event type has a line break.
    TIDINGS_ERR_EVENT_LINE_BREAK = -22,

    /// The decoder met an event over its limit.
    TIDINGS_ERR_EVENT_TOO_LARGE = -40,
    /// The decoder met a comment over its limit.
    TIDINGS_ERR_COMMENT_TOO_LARGE = -41,

    /// More than 15 classes.
    TIDINGS_ERR_TOO_MANY_CLASSES = -60,
    /// A pattern of a class is none.
    TIDINGS_ERR_CLASS_PATTERN = -61,
    /// A class without room for an event.
    TIDINGS_ERR_CLASS_TOO_SMALL = -62,
    /// The default class keeps only latest values.
    TIDINGS_ERR_DEFAULT_CLASS_LATEST = -63,
    /// An interval is 0.
    TIDINGS_ERR_ZERO_INTERVAL = -64,
    /// Two control events have one name, or one has none or a line break in it.
    TIDINGS_ERR_CONTROL_NAME = -65,
    /// The JSON of a control event has a line break.
    TIDINGS_ERR_CONTROL_JSON = -66,
    /// The limit on connections is more than 2^24.
    TIDINGS_ERR_LIMIT_CONNECTIONS = -67,
    /// The limit on event bytes is more than 1 GiB.
    TIDINGS_ERR_LIMIT_EVENT_BYTES = -68,

    /// Another stream took the place of the one that the client resumes. Answer 204.
    TIDINGS_ERR_STAY_AWAY = -80,
    /// The hub is being drained. Answer 503.
    TIDINGS_ERR_DRAINING = -81,
    /// The hub has as many connections as it takes.
    TIDINGS_ERR_TOO_MANY_CONNECTIONS = -82,
    /// The user has as many connections as it may.
    TIDINGS_ERR_TOO_MANY_USER_CONNECTIONS = -83,
    /// The tab closed an older stream less than a second ago. Answer 503, to come back after as long as
    /// `tidings_..._error_retry_ms` says.
    TIDINGS_ERR_SUPERSEDED_TOO_SOON = -84,
    /// More topics than the connection or the publish may have.
    TIDINGS_ERR_TOO_MANY_TOPICS = -85,
    /// More grants than the connection may have.
    TIDINGS_ERR_TOO_MANY_GRANTS = -86,
    /// A topic is no name, or no pattern where one may stand.
    TIDINGS_ERR_INVALID_TOPIC = -87,
    /// A grant is neither name nor pattern.
    TIDINGS_ERR_INVALID_GRANT = -88,
    /// The user is no name.
    TIDINGS_ERR_INVALID_USER = -89,
    /// The tab is no name.
    TIDINGS_ERR_INVALID_TAB = -90,
    /// A tab without a user has less than 16 bytes.
    TIDINGS_ERR_TAB_TOO_SHORT = -91,
    /// The token has ended.
    TIDINGS_ERR_EXPIRED = -92,
    /// The preamble is longer than 4,096 bytes.
    TIDINGS_ERR_PREAMBLE_TOO_LONG = -93,
    /// Consume did not follow transmit for the same connection, or took more than was offered.
    TIDINGS_ERR_NOT_TRANSMITTED = -94,

    /// A publish to topics names none.
    TIDINGS_ERR_NO_TOPIC = -110,
    /// The event has no data.
    TIDINGS_ERR_NO_DATA = -111,
    /// The hub itself sends events of this type.
    TIDINGS_ERR_RESERVED_EVENT = -112,
    /// The encoded event is over the limit.
    TIDINGS_ERR_EVENT_TOO_LONG = -113,
    /// The event id is empty or over the limit.
    TIDINGS_ERR_ID_LENGTH = -114,
    /// The event id has a control character.
    TIDINGS_ERR_ID_CONTROL_CHARACTER = -115,
    /// The event id looks like a cursor.
    TIDINGS_ERR_ID_RESERVED = -116,
    /// A topic that keeps its latest value is published with others, or to one user.
    TIDINGS_ERR_LATEST_NOT_ALONE = -117,
    /// Together the events are more than the log keeps.
    TIDINGS_ERR_BATCH_TOO_LARGE = -118,
    /// Readers have still to be offered the oldest events: write what is ready, then publish again.
    TIDINGS_ERR_FULL = -119,

    /// The application closed the client.
    TIDINGS_ERR_CLIENT_CLOSED = -140,
    /// No response came in time.
    TIDINGS_ERR_CONNECT_TIMEOUT = -141,
    /// Not a byte came for too long.
    TIDINGS_ERR_IDLE_TIMEOUT = -142,
    /// The server answered 204: it wants the client to stay away.
    TIDINGS_ERR_NO_CONTENT = -143,
    /// The server answered with another status than 200.
    TIDINGS_ERR_HTTP_STATUS = -144,
    /// The response is no event stream.
    TIDINGS_ERR_CONTENT_TYPE = -145,
    /// Too many attempts in a row failed.
    TIDINGS_ERR_ATTEMPTS = -146,

    /// The engine is not started yet.
    TIDINGS_ERR_NOT_STARTED = -160,
    /// The engine was started before.
    TIDINGS_ERR_STARTED = -161,
    /// The engine is being drained, or has ended.
    TIDINGS_ERR_STOPPED = -162,
    /// Readers cannot keep up with what is published. Publish again later.
    TIDINGS_ERR_BUSY = -163,
    /// As many outputs are due or waiting as there may be. Poll them, then try again.
    TIDINGS_ERR_UNPOLLED = -164,
    /// More than 256 shards.
    TIDINGS_ERR_SHARDS = -165,
    /// The system refused a thread, a descriptor or a socket.
    TIDINGS_ERR_SYSTEM = -166,
    /// A number that is no open descriptor.
    TIDINGS_ERR_BAD_FD = -167,
    /// A descriptor that is no stream socket.
    TIDINGS_ERR_NOT_A_STREAM_SOCKET = -168,
    /// A socket that is not connected, or not any more.
    TIDINGS_ERR_NOT_CONNECTED = -169,
    /// A header of a response is none, or one that the library itself writes.
    TIDINGS_ERR_HEADER = -170,
}

use tidings_status::*;

/// What is wrong, in a sentence. It is static, also for a number that is no status.
#[unsafe(no_mangle)]
pub extern "C" fn tidings_status_str(status: i32) -> *const c_char {
    text(status).as_ptr()
}

/// What a number is called here, such as `TIDINGS_ERR_NULL`: for logs, and for exceptions in other
/// languages. `unknown` for a number that is no status. It is static.
#[unsafe(no_mangle)]
pub extern "C" fn tidings_status_name(status: i32) -> *const c_char {
    entry(status)
        .map_or(c"unknown", |entry| entry.name)
        .as_ptr()
}

/// The same as `tidings_status_str`, for Rust.
pub(crate) fn text(status: i32) -> &'static CStr {
    entry(status).map_or(c"a number that is no status", |entry| entry.text)
}

struct Entry {
    status: tidings_status,
    name: &'static CStr,
    text: &'static CStr,
}

fn entry(status: i32) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.status as i32 == status)
}

macro_rules! entries {
    ($($status:ident: $text:literal,)*) => {
        &[$(Entry {
            status: $status,
            name: with_nul(concat!(stringify!($status), "\0")),
            text: $text,
        }),*]
    };
}

const ENTRIES: &[Entry] = entries! {
    TIDINGS_OK: c"done",
    TIDINGS_ERR_NULL: c"a pointer that must not be is NULL",
    TIDINGS_ERR_STRUCT_SIZE: c"the size in a struct is too small, or fields unknown to this library are set",
    TIDINGS_ERR_UTF8: c"a text is not UTF-8",
    TIDINGS_ERR_BUFFER: c"the buffer or array is too short",
    TIDINGS_ERR_LENGTH: c"a length is more than can be",
    TIDINGS_ERR_INVALID: c"a kind, flag or number is unknown, a reserved field is set, or two fields exclude each other",
    TIDINGS_ERR_NOT_FOUND: c"the connection is closed, or never was",
    TIDINGS_ERR_POISONED: c"an earlier call on this handle panicked: free it",
    TIDINGS_ERR_PANIC: c"a bug in the library: it panicked, and this handle is of no use any more",
    TIDINGS_ERR_UNSUPPORTED: c"this build of the library cannot do it",
    TIDINGS_ERR_CONNECTION_ID: c"not a connection id: use the text that `connected` or the library gave",
    TIDINGS_ERR_CURSOR: c"not a cursor: use the id of an event, unchanged",
    TIDINGS_ERR_OTHER: c"an error without a number of its own",
    TIDINGS_ERR_ID_LINE_BREAK: c"the event id has a line break",
    TIDINGS_ERR_ID_NUL: c"the event id has a NUL",
    TIDINGS_ERR_EVENT_LINE_BREAK: c"the event type has a line break",
    TIDINGS_ERR_EVENT_TOO_LARGE: c"an event of the stream is over the limit of the decoder",
    TIDINGS_ERR_COMMENT_TOO_LARGE: c"a comment of the stream is over the limit of the decoder",
    TIDINGS_ERR_TOO_MANY_CLASSES: c"more than 15 classes",
    TIDINGS_ERR_CLASS_PATTERN: c"a pattern of a class is none",
    TIDINGS_ERR_CLASS_TOO_SMALL: c"a class needs room for 1 event, and bytes for two of the largest size and 8 KiB",
    TIDINGS_ERR_DEFAULT_CLASS_LATEST: c"the default class cannot keep only latest values",
    TIDINGS_ERR_ZERO_INTERVAL: c"an interval must be at least 1 ms",
    TIDINGS_ERR_CONTROL_NAME: c"control events need names that differ, without line breaks",
    TIDINGS_ERR_CONTROL_JSON: c"the JSON of a control event must be one line",
    TIDINGS_ERR_LIMIT_CONNECTIONS: c"a hub names at most 16777216 connections",
    TIDINGS_ERR_LIMIT_EVENT_BYTES: c"an event has at most 1 GiB",
    TIDINGS_ERR_STAY_AWAY: c"another stream took the place of this one: answer 204",
    TIDINGS_ERR_DRAINING: c"the hub is being drained",
    TIDINGS_ERR_TOO_MANY_CONNECTIONS: c"the hub has as many connections as it takes",
    TIDINGS_ERR_TOO_MANY_USER_CONNECTIONS: c"the user has as many connections as it may",
    TIDINGS_ERR_SUPERSEDED_TOO_SOON: c"this tab opened a stream less than a second ago",
    TIDINGS_ERR_TOO_MANY_TOPICS: c"too many topics",
    TIDINGS_ERR_TOO_MANY_GRANTS: c"too many grants",
    TIDINGS_ERR_INVALID_TOPIC: c"a topic is no name, or no pattern where one may stand",
    TIDINGS_ERR_INVALID_GRANT: c"a grant is neither name nor pattern",
    TIDINGS_ERR_INVALID_USER: c"the user is no name",
    TIDINGS_ERR_INVALID_TAB: c"the tab is no name",
    TIDINGS_ERR_TAB_TOO_SHORT: c"a tab without a user needs 16 random bytes or more",
    TIDINGS_ERR_EXPIRED: c"the token has ended",
    TIDINGS_ERR_PREAMBLE_TOO_LONG: c"the preamble is over 4096 bytes",
    TIDINGS_ERR_NOT_TRANSMITTED: c"consume follows transmit, for the same connection and no more bytes",
    TIDINGS_ERR_NO_TOPIC: c"a publish to topics needs one",
    TIDINGS_ERR_NO_DATA: c"an event needs data, be it empty",
    TIDINGS_ERR_RESERVED_EVENT: c"the hub itself sends events of this type",
    TIDINGS_ERR_EVENT_TOO_LONG: c"the encoded event is over the limit",
    TIDINGS_ERR_ID_LENGTH: c"the event id is empty or over the limit",
    TIDINGS_ERR_ID_CONTROL_CHARACTER: c"the event id has a control character",
    TIDINGS_ERR_ID_RESERVED: c"the event id looks like a cursor, ends in `!`, or is `earliest`",
    TIDINGS_ERR_LATEST_NOT_ALONE: c"a topic that keeps only its latest value is published alone and to all",
    TIDINGS_ERR_BATCH_TOO_LARGE: c"together the events are more than the log keeps",
    TIDINGS_ERR_FULL: c"readers have still to be offered the oldest events: write, then publish again",
    TIDINGS_ERR_CLIENT_CLOSED: c"the application closed the client",
    TIDINGS_ERR_CONNECT_TIMEOUT: c"no response came in time",
    TIDINGS_ERR_IDLE_TIMEOUT: c"the stream was silent for too long",
    TIDINGS_ERR_NO_CONTENT: c"the server answered 204: do not connect again",
    TIDINGS_ERR_HTTP_STATUS: c"the server answered with another status than 200",
    TIDINGS_ERR_CONTENT_TYPE: c"the response is no event stream",
    TIDINGS_ERR_ATTEMPTS: c"too many attempts in a row failed",
    TIDINGS_ERR_NOT_STARTED: c"the engine is not started yet",
    TIDINGS_ERR_STARTED: c"the engine was started before",
    TIDINGS_ERR_STOPPED: c"the engine is being drained, or has ended",
    TIDINGS_ERR_BUSY: c"readers cannot keep up with what is published: publish again later",
    TIDINGS_ERR_UNPOLLED: c"as many outputs are due or waiting as there may be: poll them, then try again",
    TIDINGS_ERR_SHARDS: c"an engine has at most 256 shards",
    TIDINGS_ERR_SYSTEM: c"the system refused a thread, a descriptor or a socket",
    TIDINGS_ERR_BAD_FD: c"a number that is no open descriptor",
    TIDINGS_ERR_NOT_A_STREAM_SOCKET: c"a descriptor that is no stream socket",
    TIDINGS_ERR_NOT_CONNECTED: c"a socket that is not connected, or not any more",
    TIDINGS_ERR_HEADER: c"a header is malformed, or one that the library itself writes",
};
