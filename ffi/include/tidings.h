/**
 * @file tidings.h
 * @brief Server-Sent Events as state machines: decoder, hub, client; and an engine. The C ABI of Tidings.
 *
 * Generated from the Rust sources; do not edit. SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * But for the engine, nothing here does I/O, reads a clock or starts a thread, and nothing calls back. You
 * move the bytes, you say what time it is, and you ask what to do next. Functions come in four kinds:
 * nouns read, verbs are what you want, `handle_...` says what the world did, `poll_...` says what you have
 * to do or know. A hub in brief:
 *
 *     tidings_hub_open, _publish, _handle_writable, ...     whatever happened
 *     while tidings_hub_poll_output says READY:             drain it after every other call
 *         tidings_hub_transmit, sendmsg, tidings_hub_consume
 *     wait for sockets, or until tidings_hub_poll_timeout;  then tidings_hub_handle_timeout
 *
 * The engine does all of that for you, on threads of its own: start it, publish, and give it sockets from
 * which you have read a request with `tidings_engine_adopt`. It is there on Linux and macOS in libraries
 * that were built with it; in others its functions answer `TIDINGS_ERR_UNSUPPORTED`.
 *
 * Ownership. A handle (`tidings_hub *` and the like) comes from `..._new` and is yours until `..._free`,
 * which takes NULL too. Free it once. All else stays with whom it belongs to: what you hand in is copied
 * or forgotten before the call returns; what is handed out is borrowed, and its function says until when.
 *
 * Threads. One handle, one thread at a time; different handles are independent. An engine may be used by
 * several at a time, until it is freed; a frame never changes and may be read by many. Functions without
 * a handle can be called from anywhere.
 *
 * Errors. A function that can fail returns a `tidings_status`: 0, or a negative number that is never used
 * for anything else. After an error nothing has changed, and nothing was written: out-parameters come
 * last and are written only on success. `tidings_status_str` has a text for each number,
 * `tidings_status_name` its name, and `tidings_..._error` what was wrong with the last call that failed on
 * a handle. Nothing to do is no error.
 * Pointers are checked for NULL, lengths, sizes, kinds, flags and UTF-8 for what can be; that a pointer
 * leads to what is declared, and is aligned as C has it, is up to you. `TIDINGS_ERR_PANIC` is a bug in the
 * library that was caught: from then on the handle answers `TIDINGS_ERR_POISONED` and can only be freed.
 * Running out of memory ends the process.
 *
 * Strings are `tidings_str`: a pointer and a length, no NUL. NULL means absent. Topics, users and events
 * to publish are UTF-8; bytes of a stream are handed out as they came.
 *
 * Structs. Set each to zero before you fill it: 0 means default. Those that may grow begin with `size`:
 * set it to the sizeof (TIDINGS_INIT does both), and programs and libraries of different age go together:
 *
 *     tidings_open open = TIDINGS_INIT(tidings_open);
 *
 * A library refuses fields that it does not know, unless they are zero. In an array each has the same size.
 *
 * Time is milliseconds of any monotonic clock, an argument of every call that needs it, and never goes
 * back. Only `unix_ms` and `expires_ms` are Unix time. There is no entropy inside: pass random seeds.
 *
 * Connections are numbers, never 0 and never used again. One that is closed is
 * `TIDINGS_ERR_NOT_FOUND`, which late news of a socket may well meet: ignore it there. Knowing an id
 * gives no right. In JSON and JavaScript it is a text: `tidings_connection_format`. The `tag` that you give
 * one, a pointer for instance, comes back with what you are told of it.
 *
 * Versions. Within one TIDINGS_ABI_VERSION functions, constants and fields are added, never changed; the
 * library says its own with `tidings_abi_version`.
 */
#ifndef TIDINGS_H
#define TIDINGS_H


#include <stddef.h>
#include <stdint.h>

/** The version of the library that this header came with. */
#define TIDINGS_VERSION "0.1.0"
#define TIDINGS_VERSION_MAJOR 0
#define TIDINGS_VERSION_MINOR 1
#define TIDINGS_VERSION_PATCH 0

/// In an option: none of it, or off. Zero stands for the default.
#define TIDINGS_OFF UINT64_MAX

/// From `…_poll_timeout`: not before something else happens.
#define TIDINGS_NEVER UINT64_MAX

/// In `tidings_client_options.flags`: try again after a wrong status or content type, or an event over
/// the limit.
#define TIDINGS_CLIENT_RESILIENT 1

/// In `tidings_response.flags`: `retry_after_ms` counts.
#define TIDINGS_RESPONSE_RETRY_AFTER 1

/// What the text of a cursor takes at most, with the NUL at its end.
#define TIDINGS_CURSOR_BYTES 64

/// What the text of a connection id takes at most, with the NUL at its end.
#define TIDINGS_CONNECTION_BYTES 17

/// In `tidings_decoder_options.flags`: hand out comments.
#define TIDINGS_DECODER_COMMENTS 1

/// In `tidings_adopt.flags`: write the head of the response first, `HTTP/1.1 200 OK` and what belongs
/// to a stream. Without it, the host has written a head, or gives one as `open->preamble`.
#define TIDINGS_ADOPT_WRITE_HEAD 1

/// In `tidings_adopt.flags`, with a tag: say in outputs also what the stream was told that it missed.
#define TIDINGS_ADOPT_GAPS 2

/// In `tidings_engine_output.missed`: nobody can count them any more.
#define TIDINGS_UNCOUNTED UINT64_MAX

/// What `tidings_engine_error` writes at most, with the NUL at its end.
#define TIDINGS_ENGINE_ERROR_BYTES 256

/// In `tidings_event.flags`: `retry_ms` counts.
#define TIDINGS_EVENT_RETRY 1

/// The most slices that `tidings_hub_transmit` offers: what one vectored write takes anywhere.
#define TIDINGS_MAX_SLICES 64

/// In `tidings_open.flags`: send heartbeats as comments.
#define TIDINGS_OPEN_COMMENT_HEARTBEATS 1

/// In `tidings_class_options.flags`: keep one value per topic, replaced in place, not a history.
#define TIDINGS_CLASS_LATEST 1

/// In `tidings_hub_options.flags`: at `user_connections` close the oldest of the user, instead of
/// refusing the new one.
#define TIDINGS_HUB_REPLACE_OLDEST 1

/// In `tidings_control_event.flags`: do not send it.
#define TIDINGS_CONTROL_OFF 1

/// In `tidings_publish.flags`: only for connections with a grant that matches the topic.
#define TIDINGS_PUBLISH_PRIVATE 1

/// Room for reasons that may be added.
#define TIDINGS_CLOSE_REASONS 32

/// The version of the ABI that this header describes. Programs that were compiled for one version run
/// with every library of the same: structs and functions are added, never changed.
#define TIDINGS_ABI_VERSION 1

/// What became of a call: 0, or what was wrong. After an error nothing has changed.
enum tidings_status
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
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
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tidings_status tidings_status;
#else
typedef int32_t tidings_status;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What an item is.
enum tidings_item_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// The input is used up: go on with more.
  TIDINGS_ITEM_NONE = 0,
  /// An event.
  TIDINGS_ITEM_EVENT = 1,
  /// From now on wait `event.retry_ms` before reconnecting. This comes with its line, before the
  /// event around it ends, if ever.
  TIDINGS_ITEM_RETRY = 2,
  /// A comment, in `event.data`.
  TIDINGS_ITEM_COMMENT = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tidings_item_kind tidings_item_kind;
#else
typedef uint32_t tidings_item_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What a driver has to do next.
enum tidings_output_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// Nothing until something happens.
  TIDINGS_OUTPUT_NONE = 0,
  /// The connection has something to send: transmit, write, consume what the socket took.
  TIDINGS_OUTPUT_READY = 1,
  /// The connection is closed and its id stale: close the socket.
  TIDINGS_OUTPUT_CLOSED = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tidings_output_kind tidings_output_kind;
#else
typedef uint32_t tidings_output_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// Why a connection is closed.
enum tidings_close_reason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// The application closed it.
  TIDINGS_CLOSE_CLOSED = 0,
  /// The hub is drained before a shutdown.
  TIDINGS_CLOSE_DRAIN = 1,
  /// The same tab of the same user opened a newer connection.
  TIDINGS_CLOSE_SUPERSEDED = 2,
  /// The user's newest connection took the place of this, its oldest.
  TIDINGS_CLOSE_REPLACED = 3,
  /// Its token ended.
  TIDINGS_CLOSE_EXPIRED = 4,
  /// No application event for the idle time.
  TIDINGS_CLOSE_IDLE = 5,
  /// It reached the maximum age.
  TIDINGS_CLOSE_AGE = 6,
  /// Its next event left the log while its socket was blocked, and its policy is to close.
  TIDINGS_CLOSE_LAGGED = 7,
  /// Its socket accepted no byte for the stall time.
  TIDINGS_CLOSE_STALLED = 8,
  /// The log dropped the frame it was in the middle of, and there was no room to keep the rest.
  TIDINGS_CLOSE_OVERFLOW = 9,
  /// The other side went away.
  TIDINGS_CLOSE_GONE = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tidings_close_reason tidings_close_reason;
#else
typedef uint32_t tidings_close_reason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// Why a connection missed events.
enum tidings_gap_reason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// They left the log while its socket was blocked.
  TIDINGS_GAP_LAGGED = 0,
  /// They had left the log when it came back.
  TIDINGS_GAP_TRIMMED = 1,
  /// It came back with an id that is none of this log: of another epoch, malformed, or forgotten.
  TIDINGS_GAP_UNKNOWN_CURSOR = 2,
  /// They were more than a resume replays.
  TIDINGS_GAP_REPLAY_LIMIT = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tidings_gap_reason tidings_gap_reason;
#else
typedef uint32_t tidings_gap_reason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// How the events of a connection are written.
enum tidings_encoding
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// `text/event-stream`, as an `EventSource` reads it.
  TIDINGS_ENCODING_EVENT_STREAM = 0,
  /// WebSocket messages: whole frames of RFC 6455, unmasked, each of text with an object of JSON in
  /// `id`, `event`, `data`, `topic` and, where there is one, `retry`. A heartbeat that would be a
  /// comment is a ping; the `bye` is followed by a close frame. The handshake, what the client says
  /// and what it is answered are yours.
  TIDINGS_ENCODING_WEBSOCKET = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tidings_encoding tidings_encoding;
#else
typedef uint32_t tidings_encoding;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What happens to a live reader whose next event has left the log while it was blocked.
enum tidings_lag
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// Of an open: what the hub's options say. Of these: `TIDINGS_LAG_GAP`.
  TIDINGS_LAG_DEFAULT = 0,
  /// It is told how many it missed, and goes on at the oldest event that is still there.
  TIDINGS_LAG_GAP = 1,
  /// It is closed with a `bye`; when it comes back with its cursor, it is told the gap.
  TIDINGS_LAG_CLOSE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tidings_lag tidings_lag;
#else
typedef uint32_t tidings_lag;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// Whom an event is for.
enum tidings_audience
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// Every subscriber of at least one of the topics.
  TIDINGS_AUDIENCE_TOPICS = 0,
  /// The user's connections among the subscribers of the topics.
  TIDINGS_AUDIENCE_USER_IN_TOPICS = 1,
  /// Every connection of the user.
  TIDINGS_AUDIENCE_USER = 2,
  /// Every connection.
  TIDINGS_AUDIENCE_EVERYONE = 3,
  /// One connection. Such an event is never replayed.
  TIDINGS_AUDIENCE_CONNECTION = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tidings_audience tidings_audience;
#else
typedef uint32_t tidings_audience;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// Where a client stands.
enum tidings_client_state_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// Not told to connect yet.
  TIDINGS_CLIENT_IDLE = 0,
  /// Waiting for a response.
  TIDINGS_CLIENT_CONNECTING = 1,
  /// Reading a stream.
  TIDINGS_CLIENT_CONNECTED = 2,
  /// Waiting for the time to connect again.
  TIDINGS_CLIENT_RECONNECTING = 3,
  /// Given up.
  TIDINGS_CLIENT_FAILED = 4,
  /// Closed by the application.
  TIDINGS_CLIENT_CLOSED = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tidings_client_state_kind tidings_client_state_kind;
#else
typedef uint32_t tidings_client_state_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What the driver has to do, or to tell the application.
enum tidings_client_output_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /// Nothing.
  TIDINGS_CLIENT_OUTPUT_NONE = 0,
  /// Send a GET with `Accept: text/event-stream`, without a cache, and with `Last-Event-ID` if there is
  /// one; hand in what comes of it.
  TIDINGS_CLIENT_OUTPUT_CONNECT = 1,
  /// The connection is open: events may come.
  TIDINGS_CLIENT_OUTPUT_OPEN = 2,
  /// Drop the request or the stream that is under way, if it still is, and hand in nothing more of it.
  /// If the client goes on, a connect follows in time.
  TIDINGS_CLIENT_OUTPUT_DISCONNECT = 3,
  /// The client has given up. It does nothing more unless it is told to connect again.
  TIDINGS_CLIENT_OUTPUT_FAILED = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tidings_client_output_kind tidings_client_output_kind;
#else
typedef uint32_t tidings_client_output_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// What an engine tells its host.
enum tidings_engine_output_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
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
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum tidings_engine_output_kind tidings_engine_output_kind;
#else
typedef uint32_t tidings_engine_output_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/// Reads a stream through reconnects: when to connect, what to make of a response, when to try again.
typedef struct tidings_client tidings_client;

/// Reads a stream of events, cut into pieces anywhere.
typedef struct tidings_decoder tidings_decoder;

/// A hub on threads of its own. Alone of all handles, several threads may use it at a time.
typedef struct tidings_engine tidings_engine;

/// An encoded event. It never changes, so that any number of threads may read it.
typedef struct tidings_frame tidings_frame;

/// A hub: one bounded log of events, and connections that are cursors into it.
typedef struct tidings_hub tidings_hub;

/// Text or bytes that somebody else owns, without a NUL at the end.
///
/// `TIDINGS_STR("literal")` and `tidings_str_of(text)` make one. Where something may be absent, that is
/// `data == NULL`; with `len == 0` and another pointer it is there and empty. Nobody writes through
/// `data`. On POSIX systems it has the layout of `struct iovec`.
typedef struct {
  /// The first byte; NULL only with `len == 0`.
  const char *data;
  /// How many there are.
  size_t len;
} tidings_str;

/// How a client works. Zero means default, and `TIDINGS_OFF` none or never.
typedef struct {
  /// `sizeof(tidings_client_options)`
  uint32_t size;
  /// `TIDINGS_CLIENT_RESILIENT`, or 0.
  uint32_t flags;
  /// Random bits, for each client others: those of one seed would all come back at the same moment.
  uint64_t seed;
  /// The first delay before a reconnect, until the server sets another. Default 1 s.
  uint64_t retry_ms;
  /// What doubling the delay leads up to, unless the server asks for more. Default 30 s.
  uint64_t max_delay_ms;
  /// What no delay is shorter than. Default 100 ms.
  uint64_t min_delay_ms;
  /// How long a connection has to be open to count as a success, if no event comes. Default 10 s.
  uint64_t settled_ms;
  /// How many attempts in a row may fail before the client does. Default no limit.
  uint64_t max_attempts;
  /// How long to wait for a response. Default 30 s.
  uint64_t connect_timeout_ms;
  /// How long a connection may be silent before it is taken for dead. Default 90 s.
  uint64_t idle_timeout_ms;
  /// The type of the event whose `retry` is kept exactly; absent for `bye`, empty for none.
  tidings_str bye_event;
  /// Where to go on, as kept from an earlier client; absent or empty: at the end.
  tidings_str last_event_id;
  /// The most that one event may hold. Default 8 MiB.
  uint64_t event_bytes;
  /// How much memory each buffer may keep from one event to the next. Default 64 KiB.
  uint64_t kept_bytes;
} tidings_client_options;

/// What of an HTTP response decides whether an event stream follows. Redirects are the driver's: this is
/// the response at their end.
typedef struct {
  /// `sizeof(tidings_response)`
  uint32_t size;
  /// The status, such as 200.
  uint32_t status;
  /// The value of `Content-Type`; of several, with commas between them.
  tidings_str content_type;
  /// How long `Retry-After` asks to wait.
  uint64_t retry_after_ms;
  /// `TIDINGS_RESPONSE_RETRY_AFTER`, or 0.
  uint32_t flags;
  /// 0.
  uint32_t reserved;
} tidings_response;

/// One server-sent event, the same in both directions: what you publish and what you read.
///
/// Texts that you hand in are UTF-8. Those of a stream are as they came, which need not be UTF-8. This
/// struct never grows. Set it to zero first: `tidings_event event = {0};`
typedef struct {
  /// The event's own id; absent if it has none. An empty one tells readers to forget theirs.
  tidings_str id;
  /// The type. Absent or empty means `message`, and so says an event that was read.
  tidings_str event;
  /// The data. Without it readers get no event.
  tidings_str data;
  /// How long a reader waits before it reconnects.
  uint64_t retry_ms;
  /// `TIDINGS_EVENT_RETRY`, or 0.
  uint32_t flags;
  /// 0.
  uint32_t reserved;
} tidings_event;

/// What was found in a stream. This struct never grows.
typedef struct {
  /// A `tidings_item_kind`.
  uint32_t kind;
  /// 0.
  uint32_t reserved;
  /// Of an event: the last event id at it, its own or that of an event before. Empty if there is none.
  tidings_str last_event_id;
  /// The event.
  tidings_event event;
} tidings_item;

/// What the driver has to do, or to tell the application.
typedef struct {
  /// `sizeof(tidings_client_output)`
  uint32_t size;
  /// A `tidings_client_output_kind`.
  uint32_t kind;
  /// Of a connect: what to send as `Last-Event-ID`; absent if nothing.
  tidings_str last_event_id;
  /// Of a disconnect or failed: why, in a sentence.
  tidings_str message;
  /// Likewise, as a `tidings_status`.
  int32_t reason;
  /// With `TIDINGS_ERR_HTTP_STATUS`: the status that the server answered.
  uint32_t http_status;
} tidings_client_output;

/// A position in the log of a hub. Its text is the id of an event on the wire, and what clients send
/// back as `Last-Event-ID`. This struct never grows.
typedef struct {
  /// The life of the log.
  uint64_t epoch;
  /// The last number served; 0 is before the first event.
  uint64_t sequence;
  /// With `has_latest`: the last one served of the values that open a stream.
  uint64_t latest;
  /// Whether it stands in the middle of these: 0 or 1.
  uint32_t has_latest;
  /// 0.
  uint32_t reserved;
} tidings_cursor;

/// How a decoder works. Zero means default.
typedef struct {
  /// `sizeof(tidings_decoder_options)`
  uint32_t size;
  /// `TIDINGS_DECODER_COMMENTS`, or 0: comments are skipped, whatever their length.
  uint32_t flags;
  /// The most that one event may hold. Default 8 MiB.
  uint64_t event_bytes;
  /// How much memory each buffer may keep from one event to the next. Default 64 KiB.
  uint64_t kept_bytes;
} tidings_decoder_options;

/// The retention of the topics that match its patterns. Zero means default.
typedef struct {
  /// `sizeof(tidings_class_options)`
  uint32_t size;
  /// `TIDINGS_CLASS_LATEST`, or 0.
  uint32_t flags;
  /// Patterns of topic names: `*` for one segment, `**` for any rest.
  const tidings_str *topics;
  /// How many.
  size_t topic_count;
  /// The most events kept; of latest values, topics. Default 50,000.
  uint64_t events;
  /// The most bytes kept, frames and index together. Default 16 MiB.
  uint64_t bytes;
  /// How long an event is kept. Default for ever: until another limit.
  uint64_t age_ms;
  /// The most index records kept, for gaps to be counted. Default four times `events`.
  uint64_t records;
} tidings_class_options;

/// One of the events that the hub itself sends. This struct never grows.
typedef struct {
  /// Its type on the wire; absent for its usual name.
  tidings_str name;
  /// JSON to send instead of the hub's own, in one line; absent for the hub's own. A field of the
  /// hub's own in braces stands for its value there, such as `{time_ms}` in that of a heartbeat.
  tidings_str json;
  /// `TIDINGS_CONTROL_OFF`, or 0.
  uint32_t flags;
  /// 0.
  uint32_t reserved;
} tidings_control_event;

/// What a hub is made with. Zero means default, and `TIDINGS_OFF` none or never, for each number from
/// `connections` to `retry_ms`.
typedef struct {
  /// `sizeof(tidings_hub_options)`
  uint32_t size;
  /// `TIDINGS_HUB_REPLACE_OLDEST`, or 0.
  uint32_t flags;
  /// The life of the log: random bits or the time, so that cursors of a log that is gone are known to
  /// be old. Default 1.
  uint64_t epoch;
  /// Random bits, for the spread of delays. Default 1.
  uint64_t seed;
  /// The Unix time at `now_ms == 0`. Token expiry is Unix time.
  uint64_t unix_ms_at_zero;
  /// The number of this hub among several of one process, part of its connection ids: 0 to 255.
  uint32_t shard;
  /// A `tidings_lag`.
  uint32_t lag;
  /// Retention by topic, the first match wins; at most 15.
  const tidings_class_options *classes;
  /// How many.
  size_t class_count;
  /// The retention of the rest, its patterns are ignored; NULL for defaults.
  const tidings_class_options *default_class;
  /// Connections in total. Default 2^24.
  uint64_t connections;
  /// Connections of one user. Default 100.
  uint64_t user_connections;
  /// Topics and patterns of one connection. Default 1,000.
  uint64_t topics_per_connection;
  /// Grants of one connection. Default 100.
  uint64_t grants_per_connection;
  /// Topics of one publish. Default 100.
  uint64_t topics_per_publish;
  /// Bytes of one topic, pattern, user or tab. Default 256.
  uint64_t name_bytes;
  /// Bytes of a publisher's own event id. Default 256.
  uint64_t id_bytes;
  /// Bytes of one encoded event. Default 1 MiB.
  uint64_t event_bytes;
  /// Events a resume replays; what is beyond them is told as a gap. Default 10,000.
  uint64_t replay_events;
  /// Bytes a resume replays, likewise. Default 1 MiB.
  uint64_t replay_bytes;
  /// Bytes in all of frames that blocked readers are in the middle of while the log has dropped them.
  /// Default 4 MiB.
  uint64_t rescue_bytes;
  /// Deadlines are rounded up to a multiple of this. Default 250.
  uint64_t tick_ms;
  /// A quiet stream is sent a heartbeat after this. Default 30 s.
  uint64_t heartbeat_ms;
  /// A stream without an application event for so long is closed. Default off.
  uint64_t idle_ms;
  /// A stream as old as this is closed. Default off.
  uint64_t age_ms;
  /// A blocked socket that accepts no byte for so long is cut. Default 60 s.
  uint64_t stall_ms;
  /// How long before a token ends `reauth` is sent. Default 60 s.
  uint64_t reauth_ms;
  /// How long a closing stream may take to accept its last bytes. Default 5 s.
  uint64_t linger_ms;
  /// The `retry` of a `bye`, spread by half up and down. Default 2 s.
  uint64_t retry_ms;
  /// Opens a stream: `{"connection","user","topics","cursor"}`.
  tidings_control_event connected;
  /// A quiet stream is alive: `{"time_ms"}`.
  tidings_control_event heartbeat;
  /// Events were missed: `{"missed","from","reason"}`.
  tidings_control_event gap;
  /// The token ends soon: `{"expires_ms"}`.
  tidings_control_event reauth;
  /// The hub closes the stream: `{"reason","retry_ms"}`.
  tidings_control_event bye;
} tidings_hub_options;

/// How an engine works. Zero means default.
typedef struct {
  /// `sizeof(tidings_engine_options)`
  uint32_t size;
  /// Hubs that act as one, each on a thread of its own; at most 256. Default 1: one thread fills a
  /// network.
  uint32_t shards;
  /// The options of the hub; NULL: all defaults. `shard` and `seed` are the engine's. So are, where
  /// they are 0, `epoch` (random), `unix_ms_at_zero` (the clock) and the limit on connections (the
  /// descriptors that the process may open, as of `tidings_engine_new`).
  const tidings_hub_options *hub;
  /// Publishes that are numbered and not yet in the log. Default 1,024. A post beyond them is refused
  /// with `TIDINGS_ERR_BUSY`, a publish waits.
  uint32_t publish_queue;
  /// Threads that may wait in a publish; one more is refused with `TIDINGS_ERR_BUSY`. Default 1,024.
  uint32_t publish_waiters;
  /// How long a publish waits before it is refused with `TIDINGS_ERR_BUSY`. Default 10,000.
  uint64_t publish_wait_ms;
  /// Answers to posts with a tag that were not polled; a post beyond them is refused with
  /// `TIDINGS_ERR_UNPOLLED`. Default 65,536.
  uint32_t answers;
  /// Bytes of the send buffer that the system has for each socket; Linux doubles it. Default 32,768.
  uint32_t send_buffer_bytes;
  /// Bytes not yet sent above which a TCP socket takes no more (Linux). Default 16,384.
  uint32_t unsent_bytes;
  /// How long the other side may leave bytes unacknowledged before the system gives it up (TCP on
  /// Linux). Set it above the hub's stall time. Default 75,000.
  uint32_t user_timeout_ms;
} tidings_engine_options;

/// Who opens a stream, for what, and from where. Zero means default.
typedef struct {
  /// `sizeof(tidings_open)`
  uint32_t size;
  /// `TIDINGS_OPEN_COMMENT_HEARTBEATS`, or 0.
  uint32_t flags;
  /// The authenticated user; absent if there is none.
  tidings_str user;
  /// The tab or device, so that a newer stream of it closes the older. Within the user; without a user
  /// it is a secret of at least 16 bytes.
  tidings_str tab;
  /// Topics and patterns. None is fine: users and everyone can still be addressed.
  const tidings_str *topics;
  /// How many.
  size_t topic_count;
  /// Names and patterns of the topics whose private events it may get.
  const tidings_str *grants;
  /// How many.
  size_t grant_count;
  /// The last event id as the client sent it. Absent or empty, the stream starts at the end of the log.
  tidings_str last_event_id;
  /// When its token ends, Unix time in milliseconds; 0 for never.
  uint64_t expires_ms;
  /// A `tidings_lag`.
  uint32_t lag;
  /// A `tidings_encoding`.
  uint32_t encoding;
  /// Bytes to send before all else, such as the head of an HTTP response; at most 4,096.
  tidings_str preamble;
  /// Comes back in every `tidings_output` of the connection: your own number for it, or a pointer to
  /// what you have of it. For an adopt it is 0, which has a tag of its own.
  uint64_t tag;
} tidings_open;

/// A header of a response.
typedef struct {
  /// Such as `access-control-allow-origin`.
  tidings_str name;
  /// Visible characters, spaces and tabs. Nothing in it ends the line.
  tidings_str value;
} tidings_header;

/// A stream to run on a socket. Zero means default.
typedef struct {
  /// `sizeof(tidings_adopt)`
  uint32_t size;
  /// `TIDINGS_ADOPT_...`, or 0.
  uint32_t flags;
  /// Who opens it, for what, and from where; NULL: all defaults, which is no topic at all. Its
  /// `preamble` is sent first, behind the head that the library writes.
  const tidings_open *open;
  /// With `TIDINGS_ADOPT_WRITE_HEAD`: headers beside the library's own, which are `content-type`,
  /// `cache-control`, `connection`, `date` and `x-accel-buffering`. Those and headers about the
  /// length or coding of the body are refused with `TIDINGS_ERR_HEADER`.
  const tidings_header *headers;
  /// How many there are.
  size_t header_count;
  /// Not 0: say in an output with this tag when the stream has closed, and why.
  uint64_t tag;
} tidings_adopt;

/// One event to publish. What its audience does not name has to be zero.
typedef struct {
  /// `sizeof(tidings_publish)`
  uint32_t size;
  /// A `tidings_audience`.
  uint32_t audience;
  /// The topics.
  const tidings_str *topics;
  /// How many.
  size_t topic_count;
  /// The user.
  tidings_str user;
  /// The connection.
  uint64_t connection;
  /// What it says. Its id, if it has one, is your own: readers see it, and publishing it again while
  /// the hub remembers it publishes nothing.
  tidings_event event;
  /// The connection that does not want it, usually the sender's; 0 for none.
  uint64_t except;
  /// `TIDINGS_PUBLISH_PRIVATE`, or 0.
  uint32_t flags;
  /// 0.
  uint32_t reserved;
} tidings_publish;

/// What became of a publish. This struct never grows.
typedef struct {
  /// The position of the event. Unless it has an id of your own, its text is the id.
  tidings_cursor cursor;
  /// How many open connections it is for at this moment, each counted once.
  uint64_t recipients;
  /// 1 if an event with this id was published before: nothing was published now, and the cursor is that
  /// of the first.
  uint32_t duplicate;
  /// 0.
  uint32_t reserved;
} tidings_published;

/// What a hub has done since it was made, and what it holds now.
typedef struct {
  /// `sizeof(tidings_stats)`
  uint32_t size;
  /// 0.
  uint32_t reserved;
  /// Open connections, those included that are about to close.
  uint64_t connections;
  /// Users with a connection.
  uint64_t users;
  /// Topics with a subscriber or an event in the index.
  uint64_t topics;
  /// Events in the log.
  uint64_t log_events;
  /// Bytes of the log, frames and index, as counted against its limits.
  uint64_t log_bytes;
  /// Connections opened.
  uint64_t opened;
  /// Events published.
  uint64_t published;
  /// Publishes that were known by their id already.
  uint64_t duplicates;
  /// Events of which a connection took the last byte, for each connection.
  uint64_t delivered;
  /// Bytes that connections took.
  uint64_t delivered_bytes;
  /// Gaps told.
  uint64_t gaps;
  /// Events missed, where they could be counted.
  uint64_t missed;
  /// Values replaced by newer ones before their turn to leave.
  uint64_t replaced;
  /// Events for one connection that closed before it could be offered them.
  uint64_t undelivered;
  /// Connections closed, by `tidings_close_reason`.
  uint64_t closed[TIDINGS_CLOSE_REASONS];
} tidings_stats;

/// Something that the host has asked to be told.
typedef struct {
  /// `sizeof(tidings_engine_output)`, set by the caller.
  uint32_t size;
  /// A `tidings_engine_output_kind`.
  uint32_t kind;
  /// The host's own, as it was given.
  uint64_t tag;
  /// Of a stream: which.
  uint64_t connection;
  /// Of a stream: a `tidings_close_reason`; of a gap a `tidings_gap_reason`, of several the first.
  uint32_t reason;
  /// Of an event: `TIDINGS_OK`, or `TIDINGS_ERR_STOPPED` where the engine ended before.
  int32_t status;
  /// Of an event: which of those that were posted together, counted from 0.
  uint64_t index;
  /// Of an event: how many live streams it is for, each counted once.
  uint64_t recipients;
  /// Of a gap: how many events, or `TIDINGS_UNCOUNTED`.
  uint64_t missed;
} tidings_engine_output;

/// What a driver has to do next. This struct never grows.
typedef struct {
  /// A `tidings_output_kind`.
  uint32_t kind;
  /// Of a closed one, a `tidings_close_reason`.
  uint32_t reason;
  /// Which connection.
  uint64_t connection;
  /// Of a closed one: 1 if the stream ends without its `bye`. Then reset the socket, so that the system
  /// forgets what it holds.
  uint32_t cut;
  /// 0.
  uint32_t reserved;
  /// The connection's, as `tidings_open.tag` gave it: for a pointer to what you have of it.
  uint64_t tag;
} tidings_output;

/// What one class of a hub holds.
typedef struct {
  /// `sizeof(tidings_class_stats)`
  uint32_t size;
  /// 0.
  uint32_t reserved;
  /// Events that can still be sent; of latest values, values.
  uint64_t events;
  /// Index records, those of events included whose frame is gone.
  uint64_t records;
  /// Frames and index, as counted against the limit.
  uint64_t bytes;
  /// The number of the oldest event that can still be sent; 0 if there is none.
  uint64_t first;
} tidings_class_stats;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/// Makes a client that waits to be told to connect. `options` may be NULL. It is yours to free.
tidings_status tidings_client_new(const tidings_client_options *options, tidings_client **client);

/// Frees a client; NULL is fine.
void tidings_client_free(tidings_client *client);

/// What was wrong in the last call that failed; empty if none did. Until the next call on the client.
tidings_status tidings_client_error(tidings_client *client,
                                    tidings_str *text);

/// Connects now: for the first time, again after failure or close, or without waiting any longer for the
/// next attempt. Does nothing while there is a connection.
tidings_status tidings_client_connect(tidings_client *client,
                                      uint64_t now_ms);

/// Closes the client, until it is told to connect again.
tidings_status tidings_client_close(tidings_client *client);

/// The server has answered. Late news of a connection that is gone does no harm.
tidings_status tidings_client_handle_response(tidings_client *client,
                                              uint64_t now_ms,
                                              const tidings_response *response);

/// Bytes of the stream have come. Takes them from the front of the input up to the end of the next event:
/// `taken` says how many. Go on behind them until the item is `TIDINGS_ITEM_NONE`; what is left of the
/// input then is of no use.
///
/// An item is borrowed from the input and the client: until the next call on the client. A stream over a
/// limit is no error of this call: it ends the connection, as the outputs say.
tidings_status tidings_client_handle_data(tidings_client *client,
                                          uint64_t now_ms,
                                          const char *input,
                                          size_t len,
                                          size_t *taken,
                                          tidings_item *item);

/// The stream has ended, or the connection before there was a response.
tidings_status tidings_client_handle_end(tidings_client *client, uint64_t now_ms);

/// The connection has failed, or could not be made.
tidings_status tidings_client_handle_error(tidings_client *client, uint64_t now_ms);

/// It is as late as `tidings_client_poll_timeout` said, or later. Earlier does no harm.
tidings_status tidings_client_handle_timeout(tidings_client *client, uint64_t now_ms);

/// When to call `tidings_client_handle_timeout`, if nothing happens before. `TIDINGS_NEVER`: not before
/// something does.
tidings_status tidings_client_poll_timeout(const tidings_client *client,
                                           uint64_t *at_ms);

/// What to do next, at once; `TIDINGS_CLIENT_OUTPUT_NONE`: nothing. Set `output->size` before. Its texts are
/// borrowed until the next call on the client.
tidings_status tidings_client_poll_output(tidings_client *client,
                                          tidings_client_output *output);

/// Where the client stands: a `tidings_client_state_kind`.
tidings_status tidings_client_state(const tidings_client *client, uint32_t *at);

/// The last event id, empty if there is none. It survives reconnects, failure and close: keep it to
/// resume later. Until the next call on the client.
tidings_status tidings_client_last_event_id(tidings_client *client, tidings_str *id);

/// The first delay before a reconnect, as the server or the options have it.
tidings_status tidings_client_retry_ms(const tidings_client *client, uint64_t *retry_ms);

/// Writes the text of a cursor, with a NUL that `len` does not count. `TIDINGS_CURSOR_BYTES` are enough.
tidings_status tidings_cursor_format(const tidings_cursor *cursor,
                                     char *buffer,
                                     size_t capacity,
                                     size_t *len);

/// Reads the text of a cursor.
tidings_status tidings_cursor_parse(tidings_str text, tidings_cursor *cursor);

/// Writes the text of a connection id, as it stands in JSON, with a NUL that `len` does not count.
/// `TIDINGS_CONNECTION_BYTES` are enough.
tidings_status tidings_connection_format(uint64_t connection,
                                         char *buffer,
                                         size_t capacity,
                                         size_t *len);

/// Reads the text of a connection id.
tidings_status tidings_connection_parse(tidings_str text, uint64_t *connection);

/// The slot of a connection in its hub: small, one for each that is open, and used again once it is
/// closed. It can be the index for a table of your own, which has to grow: one that supersedes another may
/// have a slot beyond the limit on connections. `tidings_open.tag` is simpler.
uint32_t tidings_connection_index(uint64_t connection);

/// Makes a decoder for a new stream. `options` may be NULL. It is yours to free.
tidings_status tidings_decoder_new(const tidings_decoder_options *options,
                                   tidings_decoder **decoder);

/// Frees a decoder; NULL is fine.
void tidings_decoder_free(tidings_decoder *decoder);

/// What was wrong in the last call that failed; empty if none did. Until the next call on the decoder.
tidings_status tidings_decoder_error(tidings_decoder *decoder,
                                     tidings_str *text);

/// Takes bytes from the front of the input up to the end of the next item: `taken` says how many. Go on
/// behind them until the item is `TIDINGS_ITEM_NONE`.
///
/// An item is borrowed from the input and the decoder: until the next call on the decoder. An event over
/// the limit is an error; then every call answers it until `tidings_decoder_reset`.
tidings_status tidings_decoder_decode(tidings_decoder *decoder,
                                      const char *input,
                                      size_t len,
                                      size_t *taken,
                                      tidings_item *item);

/// The last event id of the stream: what a reconnect sends as `Last-Event-ID`. Empty if there is none.
/// Until the next call on the decoder.
tidings_status tidings_decoder_last_event_id(const tidings_decoder *decoder,
                                             tidings_str *id);

/// Makes ready for a new stream when the old one has ended or failed. What was incomplete is dropped;
/// the last event id stays.
tidings_status tidings_decoder_reset(tidings_decoder *decoder);

/// Like `tidings_decoder_reset`, for a stream that goes on after the event of this id; with an empty one,
/// after none.
tidings_status tidings_decoder_resume(tidings_decoder *decoder,
                                      tidings_str last_event_id);

/// Makes an engine, and checks its options, which may be NULL. It has no threads yet, so that the
/// process may still fork. It is yours to free.
tidings_status tidings_engine_new(const tidings_engine_options *options, tidings_engine **engine);

/// Stops the threads, closes every stream without a word, and frees the engine. No other call may be
/// under way, and the descriptor of `tidings_engine_fd` goes with it. Drain first to end in order. NULL
/// is fine. One thread that all engines of a process share stays, and sleeps.
void tidings_engine_free(tidings_engine *engine);

/// Starts the threads. They take none of the process's signals.
tidings_status tidings_engine_start(const tidings_engine *engine);

/// Gives a connected stream socket, TCP or local, to the engine, which runs a stream on it. The host has
/// read a request from it, and has taken it out of its own event loop.
///
/// From `TIDINGS_OK` on the descriptor is the engine's, and its number may stand for something else any
/// time. After an error it is the host's, untouched: answer on it, and close it.
///
/// The stream may have closed by the time this returns; its output, if asked for, comes all the same.
tidings_status tidings_engine_adopt(const tidings_engine *engine,
                                    int fd,
                                    const tidings_adopt *adopt,
                                    uint64_t *connection);

/// Publishes an event, and waits until it is in the log; not until it is written. `published` may be
/// NULL.
tidings_status tidings_engine_publish(const tidings_engine *engine,
                                      const tidings_publish *publish,
                                      tidings_published *published);

/// Publishes several events in order, all or none, with no other event between, and waits until they
/// are in the log. `published` may be NULL, or has room for as many.
tidings_status tidings_engine_publish_all(const tidings_engine *engine,
                                          const tidings_publish *publishes,
                                          size_t count,
                                          tidings_published *published);

/// As `tidings_engine_publish` for who cannot wait: the event has its number when this returns, and
/// goes into the log in that order. `published->recipients` is 0 yet; with a tag that is not 0, an output
/// says how many there are. Where too much is under way it answers `TIDINGS_ERR_BUSY` at once.
tidings_status tidings_engine_post(const tidings_engine *engine,
                                   const tidings_publish *publish,
                                   uint64_t tag,
                                   tidings_published *published);

/// As `tidings_engine_publish_all` and `tidings_engine_post`: with a tag, there is an output for each
/// event, in order.
tidings_status tidings_engine_post_all(const tidings_engine *engine,
                                       const tidings_publish *publishes,
                                       size_t count,
                                       uint64_t tag,
                                       tidings_published *published);

/// Adds a topic or pattern to an open stream, from the end of the log on. Fine if it has it.
tidings_status tidings_engine_subscribe(const tidings_engine *engine,
                                        uint64_t connection,
                                        tidings_str topic);

/// Takes a topic or pattern from a stream. Fine if it does not have it.
tidings_status tidings_engine_unsubscribe(const tidings_engine *engine,
                                          uint64_t connection,
                                          tidings_str topic);

/// Gives a stream the end (Unix time; 0 for none) and the grants of a new token, so that it goes on
/// without a reconnect.
tidings_status tidings_engine_renew(const tidings_engine *engine,
                                    uint64_t connection,
                                    uint64_t expires_ms,
                                    const tidings_str *grants,
                                    size_t grant_count);

/// Closes a stream: it gets no further event, its `bye` is sent, then its socket is closed. Fine if it
/// is about to close.
tidings_status tidings_engine_close(const tidings_engine *engine,
                                    uint64_t connection);

/// The end of the log: the position to store with a snapshot of your state, so that a reader that
/// starts there gets every later event.
tidings_status tidings_engine_cursor(const tidings_engine *engine, tidings_cursor *cursor);

/// Counts of what the engine has done and holds. Set `stats->size` before.
tidings_status tidings_engine_stats(const tidings_engine *engine, tidings_stats *stats);

/// Stops publishes, sends what was accepted, closes every stream with a `bye` whose `retry` is spread
/// over the time, and cuts after it those that are blocked. Returns when all are closed. The engine has
/// then stopped, so that most calls answer `TIDINGS_ERR_STOPPED`; what is to be told can be polled.
tidings_status tidings_engine_drain(const tidings_engine *engine,
                                    uint64_t over_ms);

/// The next thing that you have asked to be told, or `TIDINGS_ENGINE_NONE`. Set `output->size` before.
///
/// Nothing is told unasked, and nothing that was asked for is lost: while as many outputs are due or
/// waiting as there may be (ends of streams: the limit on connections; posted events:
/// `tidings_engine_options.answers`), what would add one is refused with `TIDINGS_ERR_UNPOLLED`. Of
/// gaps no more than one waits for each stream.
tidings_status tidings_engine_poll_output(const tidings_engine *engine,
                                          tidings_engine_output *output);

/// A descriptor for the host's own event loop: it is readable exactly while
/// `tidings_engine_poll_output` has something, and from the moment on that the engine is poisoned. It
/// is the engine's: neither read it nor close it.
tidings_status tidings_engine_fd(const tidings_engine *engine,
                                 int *fd);

/// Writes what was wrong with the last call that failed, on whatever thread, with a NUL that `len` does
/// not count; empty if there was none. `TIDINGS_ENGINE_ERROR_BYTES` are enough.
tidings_status tidings_engine_error(const tidings_engine *engine,
                                    char *buffer,
                                    size_t capacity,
                                    size_t *len);

/// After how many milliseconds the client of the last `tidings_engine_adopt` that failed, on whatever
/// thread, may come back: where it was refused with `TIDINGS_ERR_SUPERSEDED_TOO_SOON`; else 0.
tidings_status tidings_engine_error_retry_ms(const tidings_engine *engine,
                                             uint64_t *retry_ms);

/// Whether the event can be sent: its texts are UTF-8, its id has no NUL, and neither id nor type a
/// line break.
tidings_status tidings_event_check(const tidings_event *event);

/// How many bytes `tidings_event_encode` writes.
tidings_status tidings_event_encoded_len(const tidings_event *event, size_t *len);

/// Writes the event as it goes over the wire, with the blank line that ends it. A buffer with less than
/// `tidings_event_encoded_len` is `TIDINGS_ERR_BUFFER`.
tidings_status tidings_event_encode(const tidings_event *event,
                                    char *buffer,
                                    size_t capacity,
                                    size_t *len);

/// How many bytes `tidings_comment_encode` writes.
tidings_status tidings_comment_encoded_len(tidings_str text, size_t *len);

/// Writes a comment, which readers ignore, one line for each line of the text. A buffer with less than
/// `tidings_comment_encoded_len` is `TIDINGS_ERR_BUFFER`.
tidings_status tidings_comment_encode(tidings_str text,
                                      char *buffer,
                                      size_t capacity,
                                      size_t *len);

/// Encodes an event. The frame is yours to free.
tidings_status tidings_frame_new(const tidings_event *event, tidings_frame **frame);

/// The bytes, as they go over the wire. They live as long as the frame.
tidings_status tidings_frame_bytes(const tidings_frame *frame, tidings_str *bytes);

/// Frees a frame; NULL is fine.
void tidings_frame_free(tidings_frame *frame);

/// Makes a hub with an empty log. `options` may be NULL. It is yours to free.
tidings_status tidings_hub_new(const tidings_hub_options *options, tidings_hub **hub);

/// Frees a hub with all its connections, of which nothing is said any more; NULL is fine.
void tidings_hub_free(tidings_hub *hub);

/// What was wrong in the last call that failed; empty if none did. Until the next call on the hub.
tidings_status tidings_hub_error(tidings_hub *hub, tidings_str *text);

/// After how many milliseconds the client of the last call that failed may come back: where that was a
/// `tidings_hub_open` that was refused with `TIDINGS_ERR_SUPERSEDED_TOO_SOON`; else 0.
tidings_status tidings_hub_error_retry_ms(const tidings_hub *hub,
                                          uint64_t *retry_ms);

/// Opens a stream for a request that has been read: `connection` is its id from now on, never 0.
tidings_status tidings_hub_open(tidings_hub *hub,
                                uint64_t now_ms,
                                const tidings_open *open,
                                uint64_t *connection);

/// Adds a topic or pattern to an open connection, from the end of the log on. Fine if it has it.
tidings_status tidings_hub_subscribe(tidings_hub *hub, uint64_t connection, tidings_str topic);

/// Takes a topic or pattern from a connection. Fine if it does not have it.
tidings_status tidings_hub_unsubscribe(tidings_hub *hub, uint64_t connection, tidings_str topic);

/// Gives a connection the end (Unix time; 0 for none) and the grants of a new token, so that it goes on
/// without a reconnect.
tidings_status tidings_hub_renew(tidings_hub *hub,
                                 uint64_t now_ms,
                                 uint64_t connection,
                                 uint64_t expires_ms,
                                 const tidings_str *grants,
                                 size_t grant_count);

/// Publishes one event. `published` may be NULL. Nobody listening is no error: it is kept for those who
/// resume. After `TIDINGS_ERR_FULL` write what `tidings_hub_poll_output` says, then publish again.
tidings_status tidings_hub_publish(tidings_hub *hub,
                                   uint64_t now_ms,
                                   const tidings_publish *publish,
                                   tidings_published *published);

/// Publishes several events in order, all or none. `published` may be NULL, or has room for as many.
tidings_status tidings_hub_publish_all(tidings_hub *hub,
                                       uint64_t now_ms,
                                       const tidings_publish *publishes,
                                       size_t count,
                                       tidings_published *published);

/// Closes a connection: it gets no further event, its `bye` is sent, then `TIDINGS_OUTPUT_CLOSED` comes.
/// Fine if it is about to close.
tidings_status tidings_hub_close(tidings_hub *hub,
                                 uint64_t now_ms,
                                 uint64_t connection);

/// Closes every connection before a shutdown, and opens no more: each gets what is in the log and a `bye`
/// with a `retry` spread over `over_ms`. After that time those that are blocked are cut.
tidings_status tidings_hub_drain(tidings_hub *hub,
                                 uint64_t now_ms,
                                 uint64_t over_ms);

/// The connection is gone: its socket failed, or the other side closed it. Its id is stale from now on,
/// and no output follows.
tidings_status tidings_hub_handle_closed(tidings_hub *hub,
                                         uint64_t connection);

/// The socket of a blocked connection takes bytes again. Fine if it is not blocked.
tidings_status tidings_hub_handle_writable(tidings_hub *hub, uint64_t connection);

/// A time has come. Calling it early or often does no harm.
tidings_status tidings_hub_handle_timeout(tidings_hub *hub, uint64_t now_ms);

/// When to call `tidings_hub_handle_timeout` at the latest; it may be past. `TIDINGS_NEVER`: not before
/// something else happens.
tidings_status tidings_hub_poll_timeout(const tidings_hub *hub,
                                        uint64_t *at_ms);

/// What to do next; `TIDINGS_OUTPUT_NONE`: nothing until something happens. Drain it after every other
/// call.
tidings_status tidings_hub_poll_output(tidings_hub *hub,
                                       tidings_output *output);

/// What to send to a connection now, at most 64 KiB unless one event alone is longer: `count` slices, 0
/// if there is nothing or its socket is blocked. `capacity` is at least `TIDINGS_MAX_SLICES`.
///
/// The bytes are borrowed until the next call on the hub. On POSIX systems the slices are a
/// `struct iovec[]`: give them to `sendmsg` or `writev`. Follow it with `tidings_hub_consume`.
tidings_status tidings_hub_transmit(tidings_hub *hub,
                                    uint64_t now_ms,
                                    uint64_t connection,
                                    tidings_str *slices,
                                    size_t capacity,
                                    size_t *count);

/// The socket took the first `taken` bytes of what `tidings_hub_transmit` offered, 0 if none. If these
/// are not all, the connection is blocked until `tidings_hub_handle_writable`.
tidings_status tidings_hub_consume(tidings_hub *hub,
                                   uint64_t now_ms,
                                   uint64_t connection,
                                   size_t taken);

/// The end of the log: the position to store with a snapshot of your state, so that a reader that starts
/// there gets every later event.
tidings_status tidings_hub_cursor(const tidings_hub *hub,
                                  tidings_cursor *cursor);

/// The position of a connection: everything addressed to it up to there was taken by its socket, at least
/// in part, or was told as a gap or is about to be.
tidings_status tidings_hub_position(const tidings_hub *hub,
                                    uint64_t connection,
                                    tidings_cursor *cursor);

/// Whether a connection is open, be it about to close: 0 or 1.
tidings_status tidings_hub_is_open(const tidings_hub *hub, uint64_t connection, uint32_t *is_open);

/// Sets the Unix time that it is at `now_ms`. Token expiry goes by it.
tidings_status tidings_hub_set_unix_ms(tidings_hub *hub, uint64_t now_ms, uint64_t unix_ms);

/// Counts of what the hub has done and holds. Set `stats->size` before.
tidings_status tidings_hub_stats(const tidings_hub *hub, tidings_stats *stats);

/// What one class holds, counted as in the options; the default class comes last. Set `stats->size`
/// before. An index beyond them is `TIDINGS_ERR_INVALID`.
tidings_status tidings_hub_class_stats(const tidings_hub *hub,
                                       size_t index,
                                       tidings_class_stats *stats);

/// The name of a reason as in `bye` events and logs, `unknown` for none. It is static.
const char *tidings_close_reason_str(uint32_t reason);

/// The name of a reason as in `gap` events and logs, `unknown` for none. It is static.
const char *tidings_gap_reason_str(uint32_t reason);

/// What is wrong, in a sentence. It is static, also for a number that is no status.
const char *tidings_status_str(int32_t status);

/// What a number is called here, such as `TIDINGS_ERR_NULL`: for logs, and for exceptions in other
/// languages. `unknown` for a number that is no status. It is static.
const char *tidings_status_name(int32_t status);

/// The version of the library, as in `TIDINGS_VERSION`. It is static.
const char *tidings_version(void);

/// The version of the library's ABI: compare it with `TIDINGS_ABI_VERSION`.
uint32_t tidings_abi_version(void);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/** A literal as a tidings_str. */
#ifdef __cplusplus
#define TIDINGS_STR(literal) (tidings_str{"" literal, sizeof(literal) - 1})
#else
#define TIDINGS_STR(literal) ((tidings_str){"" literal, sizeof(literal) - 1})
#endif

/** A struct of this type with its size set and all else zero, to initialise a variable with. */
#ifdef __cplusplus
#define TIDINGS_INIT(type) (tidings_init<type>())
template <typename T> inline T tidings_init() { T value = T(); value.size = sizeof(T); return value; }
#else
#define TIDINGS_INIT(type) {.size = sizeof(type)}
#endif

/** A text that ends with NUL; absent for NULL. */
static inline tidings_str tidings_str_of(const char *text) {
  tidings_str str = {text, 0};
  while (text && text[str.len]) {
    str.len++;
  }
  return str;
}

#endif /* TIDINGS_H */
