/// <reference types="node" />

import type { EventEmitter } from 'node:events';
import type { IncomingMessage, OutgoingHttpHeader, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';

/** One event of a stream. */
export interface Event {
  /** The type; `message` if the stream names none. */
  readonly event: string;
  /** The data, its lines separated by `\n`. */
  readonly data: string;
  /** Its own id, if it has one. An empty one says that the ids before are forgotten. */
  readonly id: string | undefined;
  /** How long to wait before reconnecting, in milliseconds, if the event says so. */
  readonly retry: number | undefined;
}

/** A piece of a stream, cut anywhere. */
export type Chunk = string | ArrayBufferView | ArrayBufferLike;

export interface DecodeOptions {
  /**
   * The most that one event may hold, in bytes: its data, id and type together. More is the error
   * `event_too_large`. Default 8 MiB, at most 128 MiB.
   */
  eventBytes?: number | undefined;
  /** How much memory each buffer may keep from one event to the next. Default 64 KiB. */
  keptBytes?: number | undefined;
  /**
   * Hears of each `retry` in the stream. It comes with its line, and before the events of the chunk.
   */
  onRetry?: ((ms: number) => void) | undefined;
  /** Hears of each comment, before the events of the chunk. Without it comments cost nothing. */
  onComment?: ((comment: string) => void) | undefined;
}

/** Reads a stream that comes in chunks. */
export class Decoder {
  constructor(options?: DecodeOptions);
  /**
   * The events that end in this chunk. An event over the limit is an error, which comes with the call
   * after the events before it, and again with each call until `reset`.
   */
  decode(chunk: Chunk): Event[];
  /** What a reconnect sends as `Last-Event-ID`; empty if there is none. */
  readonly lastEventId: string;
  /** Makes ready for another stream. What was incomplete is dropped; the last event id stays. */
  reset(): void;
  /** Likewise, for a stream that goes on after the event of this id. */
  resume(lastEventId: string): void;
  /** Frees its memory now; else it is freed some time after nobody has it any more. */
  close(): void;
}

/**
 * Chunks in, events out: `response.body.pipeThrough(new EventStream())`. It stands where
 * `TextDecoderStream` and `EventSourceParserStream` stood.
 */
export class EventStream extends TransformStream<Chunk, Event> {
  constructor(
    options?: DecodeOptions,
    writableStrategy?: QueuingStrategy<Chunk>,
    readableStrategy?: QueuingStrategy<Event>,
  );
  /** What a reconnect sends as `Last-Event-ID`; empty if there is none. */
  readonly lastEventId: string;
}

/**
 * The events of a stream: `for await (const event of decode(response.body))`. It ends with the chunks;
 * an event that is incomplete then is dropped, as the standard says. Leaving the loop cancels the chunks.
 */
export function decode(
  chunks: AsyncIterable<Chunk> | (Iterable<Chunk> & object) | ReadableStream<Chunk>,
  options?: DecodeOptions,
): AsyncGenerator<Event, void, undefined>;

/** Times are milliseconds. */
export interface SubscribeOptions {
  /** Default `GET`. */
  method?: string | undefined;
  /** Headers, or a function that is asked for them before each request: for tokens that end. */
  headers?: RequestHeaders | (() => RequestHeaders | Promise<RequestHeaders>) | undefined;
  /** What is sent with each request, or a function that is asked for it. */
  body?: RequestBody | (() => RequestBody | Promise<RequestBody>) | undefined;
  /** Ends it: who waits for an event gets the reason of the signal as an error. */
  signal?: AbortSignal | undefined;
  /** Where to go on, as kept from an earlier time. */
  lastEventId?: string | undefined;
  /** Used instead of the global `fetch`. */
  fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /**
   * Whether to connect again when the connection is lost or the stream ends. Default true. Without it
   * the end of the stream is the end of the loop, and a lost connection is an error.
   */
  reconnect?: boolean | undefined;
  /**
   * Whether to try again also after a wrong status or content type, or an event over the limit. Default
   * false, as the standard has it.
   */
  resilient?: boolean | undefined;
  /** The first delay before a reconnect, until the server sets another. Default 1,000. */
  retry?: number | undefined;
  /** What doubling the delay leads up to, unless the server asks for more. Default 30,000. */
  maxDelay?: number | undefined;
  /** What no delay is shorter than, whatever the server says. Default 100. */
  minDelay?: number | undefined;
  /** How long a connection has to be open to count as a success, if no event comes. Default 10,000. */
  settled?: number | undefined;
  /** How many attempts in a row may fail. Default `Infinity`. */
  maxAttempts?: number | undefined;
  /** How long to wait for a response. Default 30,000; `Infinity` for ever. */
  connectTimeout?: number | undefined;
  /** How long a connection may be silent before it is taken for dead. Default 90,000; `Infinity` for ever. */
  idleTimeout?: number | undefined;
  /** The type of the event whose `retry` is kept exactly. Default `bye`; empty for none. */
  byeEvent?: string | undefined;
  /** See `DecodeOptions`. */
  eventBytes?: number | undefined;
  /** See `DecodeOptions`. */
  keptBytes?: number | undefined;
  /** Hears of each response whose stream is read. */
  onOpen?: ((response: Response) => void) | undefined;
  /**
   * Hears of each connection that is lost, ends or is refused, and in how many milliseconds the next
   * attempt comes; `Infinity` if there is none.
   */
  onDisconnect?: ((error: TidingsError, retryIn: number) => void) | undefined;
}

/** Headers in any form that `fetch` takes. */
export type RequestHeaders = NonNullable<RequestInit['headers']>;

/** A body in any form that `fetch` takes and that can be sent again. */
export type RequestBody = NonNullable<RequestInit['body']>;

/** The events of a stream, through reconnects. */
export interface Subscription extends AsyncIterableIterator<Event, void, undefined> {
  next(): Promise<IteratorResult<Event, void>>;
  return(): Promise<IteratorResult<Event, void>>;
  [Symbol.asyncIterator](): Subscription;
  [Symbol.asyncDispose](): Promise<void>;
  /** The last event id as of the last event that was handed out: what to keep, to go on later. */
  readonly lastEventId: string;
  /** Ends it, also for somebody who waits for an event. */
  close(): void;
}

/**
 * Reads a stream as `EventSource` does, with what that lacks: headers, methods, an end to silence. The
 * first request is made when somebody waits for an event.
 *
 * It ends when it is closed, when the loop is left, or when the server answers 204. It fails with a
 * `TidingsError` when the server answers with something else than a stream, or with the reason of the
 * signal. What a Tidings server says for itself comes as events: `gap` tells that events were missed,
 * `bye` why the stream ends.
 */
export function subscribe(url: string | URL, options?: SubscribeOptions): Subscription;

/** How much of a class of topics is kept. */
export interface Retention {
  /** The most events. Default 50,000. */
  events?: number | undefined;
  /** The most bytes, of events and their index together. Default 16 MiB. */
  bytes?: number | undefined;
  /** How long, in milliseconds. Default `Infinity`: until another limit. */
  age?: number | undefined;
  /** The most index records, for gaps to be counted. Default four times `events`. */
  records?: number | undefined;
}

/** Topics that are kept alike. */
export interface TopicClass extends Retention {
  /** Patterns of topics: `*` for one segment, `**` for any rest. */
  topics: string | readonly string[];
  /** Whether one value per topic is kept, replaced in place, instead of a history. */
  latest?: boolean | undefined;
}

/**
 * An event of the hub itself: `false` for none, or another name or JSON. A field of the hub's own JSON in
 * braces stands for its value there, such as `{time_ms}` in that of a heartbeat.
 */
export type ControlEvent = false | { name?: string | undefined; json?: string | undefined };

/** What becomes of a reader whose next event has left the log while it was slow. */
export type Lag = 'gap' | 'close';

/** Times are milliseconds. */
export interface HubOptions {
  /** Whether sockets of plain HTTP/1.1 requests may move to the engine's own threads. Default true. */
  engine?: boolean | undefined;
  /** Threads among which streams are spread. Default 1: one fills a network. */
  shards?: number | undefined;
  /** How many publishes may be numbered and not yet in the log. Default 16,384; beyond them it is `busy`. */
  publishQueue?: number | undefined;
  /** What is kept for readers that come back. */
  log?: Retention | undefined;
  /** Topics that are kept otherwise than `log` says; the first match wins. At most 15. */
  classes?: readonly TopicClass[] | undefined;
  /** What becomes of a reader that is too slow. Default `gap`: it is told how many events it missed. */
  lag?: Lag | undefined;
  /** Streams in total. Default: as many as the process may open descriptors, less some. */
  connections?: number | undefined;
  /** Streams of one user. Default 100. */
  userConnections?: number | undefined;
  /** Whether a stream over `userConnections` replaces the oldest, instead of being refused. */
  replaceOldest?: boolean | undefined;
  /** Default 1,000. */
  topicsPerConnection?: number | undefined;
  /** Default 100. */
  grantsPerConnection?: number | undefined;
  /** Default 100. */
  topicsPerPublish?: number | undefined;
  /** Bytes of one topic, user or tab. Default 256. */
  nameBytes?: number | undefined;
  /** Bytes of an id of your own. Default 256. */
  idBytes?: number | undefined;
  /** Bytes of one encoded event. Default 1 MiB. */
  eventBytes?: number | undefined;
  /** Events that a resume replays; what is beyond them is told as a gap. Default 10,000. */
  replayEvents?: number | undefined;
  /** Bytes that a resume replays, likewise. Default 1 MiB. */
  replayBytes?: number | undefined;
  /** Bytes of events that slow readers are in the middle of while the log has dropped them. Default 4 MiB. */
  rescueBytes?: number | undefined;
  /** What times are rounded up to. Default 250. */
  tick?: number | undefined;
  /** A quiet stream gets a heartbeat after this. Default 30,000; `Infinity` for none. */
  heartbeat?: number | undefined;
  /** A stream without an event of the application for so long is closed. Default `Infinity`. */
  idleTimeout?: number | undefined;
  /** A stream as old as this is closed. Default `Infinity`. */
  maxAge?: number | undefined;
  /** A reader that takes not a byte for so long is cut. Default 60,000. */
  stallTimeout?: number | undefined;
  /** How long before a token ends `reauth` is sent. Default 60,000. */
  reauth?: number | undefined;
  /** How long a closing stream may take for its last bytes. Default 5,000. */
  linger?: number | undefined;
  /** When readers are to come back after a `bye`, spread by half up and down. Default 2,000. */
  retry?: number | undefined;
  /** The events that the hub itself sends. */
  controls?:
    | Partial<Record<'connected' | 'heartbeat' | 'gap' | 'reauth' | 'bye', ControlEvent | undefined>>
    | undefined;
}

/** Who opens a stream, and for what. */
export interface ConnectOptions {
  /** The authenticated user. */
  user?: string | undefined;
  /**
   * The tab or device: a newer stream of it closes the older. Without a user it is a secret of at least
   * 16 bytes.
   */
  tab?: string | undefined;
  /** Topics and patterns. */
  topics?: string | readonly string[] | undefined;
  /** Topics and patterns whose private events it may get. */
  grants?: string | readonly string[] | undefined;
  /** When its token ends: a date, or milliseconds since 1970. */
  expires?: Date | number | undefined;
  /** Where to go on. Default: the header `Last-Event-ID` of the request. */
  lastEventId?: string | undefined;
  /** Default: that of the hub. */
  lag?: Lag | undefined;
  /** Heartbeats as events, which a page can see, or as comments. Default `event`. */
  heartbeat?: 'event' | 'comment' | undefined;
  /** Headers of the response, beside those that are set on it. */
  headers?: Readonly<Record<string, OutgoingHttpHeader>> | undefined;
  /** Whether a request that is refused is answered. Default true; else `connect` rejects. */
  answer?: boolean | undefined;
}

/** Why a stream has closed. */
export type CloseReason =
  | 'closed'
  | 'drain'
  | 'superseded'
  | 'replaced'
  | 'expired'
  | 'idle'
  | 'age'
  | 'lagged'
  | 'stalled'
  | 'overflow'
  | 'gone'
  | 'unknown';

/** What a stream missed. */
export interface Gap {
  /** How many events; null where nobody can count them any more. */
  missed: number | null;
  /**
   * Why: it did not read fast enough; they had left the log when it came back; it came back with an id that
   * is none of this log; they were more than a resume replays.
   */
  reason: 'lagged' | 'trimmed' | 'unknown_cursor' | 'replay_limit' | 'unknown';
}

/** A stream that was opened. Its id stands wherever a connection is asked for. */
export interface Connection {
  /** Knowing it gives no right. */
  readonly id: string;
  readonly user: string | undefined;
  /** Where it runs: on the engine's threads, or through `response.write`. */
  readonly way: 'engine' | 'response';
  /** Why it was closed, once it is. */
  readonly closed: Promise<CloseReason>;
  subscribe(topics: string | readonly string[]): void;
  unsubscribe(topics: string | readonly string[]): void;
  /** Goes on with a new token: its end, none if it is not given, and its grants. */
  renew(options?: RenewOptions): void;
  /** Publishes to this stream alone. Such an event is never replayed. */
  publish(event: Publish): Promise<Published>;
  /** Sends a `bye`, then closes. It may be gone already. */
  close(): void;
  toString(): string;
  toJSON(): string;
}

export interface RenewOptions {
  expires?: Date | number | undefined;
  grants?: string | readonly string[] | undefined;
}

/** Whom an event is for. */
export type Audience =
  | string
  | readonly string[]
  | { topics: string | readonly string[]; user?: string | undefined }
  | { user: string }
  | { everyone: true }
  | { connection: Connection | string };

/** An event to publish. */
export interface Publish {
  /** The type; `message` if there is none. */
  event?: string | undefined;
  /** The data: a text of any number of lines. */
  data: string;
  /** An id of your own. While the hub remembers it, publishing it again publishes nothing. */
  id?: string | undefined;
  /** How long a reader waits before it reconnects, in milliseconds. */
  retry?: number | undefined;
}

export interface PublishOptions {
  /** The connection that does not want it, usually the sender's. */
  except?: Connection | string | undefined;
  /** Whether only connections with a grant get it. */
  private?: boolean | undefined;
}

/** What became of an event. */
export interface Published {
  id: string;
  /** How many open streams it is for, each counted once. */
  recipients: number;
  /** Whether it was known by its id. */
  duplicate: boolean;
}

/** What a hub has done, and what it holds. */
export interface HubStats {
  connections: number;
  users: number;
  topics: number;
  logEvents: number;
  logBytes: number;
  opened: number;
  published: number;
  duplicates: number;
  delivered: number;
  deliveredBytes: number;
  gaps: number;
  missed: number;
  replaced: number;
  undelivered: number;
  /** Streams that have closed, by reason. */
  closed: Record<Exclude<CloseReason, 'unknown'>, number>;
  /** Streams that are open, by where they run. */
  ways: { engine: number; response: number };
}

export interface HubEvents {
  /** A stream has opened. */
  open: [connection: Connection, request: IncomingMessage | Http2ServerRequest];
  /** A stream was told that it missed events. What it misses while your code is busy is one gap. */
  gap: [connection: Connection, gap: Gap];
  /** A stream has closed. */
  close: [connection: Connection, reason: CloseReason];
  /** A request was refused, and answered. */
  refuse: [error: TidingsError, request: IncomingMessage | Http2ServerRequest];
}

/** A hub: one log of events, and streams that read it. */
export class Hub extends EventEmitter<HubEvents> {
  constructor(options?: HubOptions);
  /**
   * Makes a stream of a response that has not begun. Undefined if the request was refused, which is
   * answered then, or if the client is gone.
   */
  connect(
    request: IncomingMessage | Http2ServerRequest,
    response: ServerResponse | Http2ServerResponse,
    options?: ConnectOptions,
  ): Promise<Connection | undefined>;
  /** Publishes an event. Its number is taken before this returns: the order of calls is that of events. */
  publish(to: Audience, event: Publish, options?: PublishOptions): Promise<Published>;
  subscribe(connection: Connection | string, topics: string | readonly string[]): void;
  unsubscribe(connection: Connection | string, topics: string | readonly string[]): void;
  renew(connection: Connection | string, options?: RenewOptions): void;
  close(connection: Connection | string): void;
  /** The end of the log: what to store with a snapshot, for readers to start at. */
  readonly cursor: string;
  stats(): HubStats;
  /**
   * Sends what was published, closes every stream with a `bye`, and ends the hub. Readers are to come
   * back spread over so many milliseconds, default 2,000; those that are blocked are cut after them.
   */
  drain(over?: number): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Makes a hub. It has threads of its own: end it with `drain`. */
export function createHub(options?: HubOptions): Hub;

/** What this package throws. */
export class TidingsError extends Error {
  constructor(code: string, message: string, options?: { cause?: unknown });
  name: 'TidingsError';
  /**
   * What is wrong: `invalid_argument`, `invalid_option`, `closed`, `unsupported`; of a stream
   * `event_too_large`, `comment_too_large`; of a hub those of a refusal, `busy`,
   * `not_found`, `stopped`; of a subscription `http_status`, `content_type`,
   * `connect_timeout`, `idle_timeout`, `connection_lost`, `ended`, `attempts`; or the name of another
   * status of the C ABI, in lower case.
   */
  code: string;
  /** With `invalid_option`: its name. */
  option?: string;
  /** With `http_status`: what the server answered. */
  status?: number;
}
