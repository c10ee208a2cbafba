/// <reference types="node" />

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

/** What this package throws. */
export class TidingsError extends Error {
  constructor(code: string, message: string, options?: { cause?: unknown });
  name: 'TidingsError';
  /**
   * What is wrong: `invalid_argument`, `invalid_option`, `closed`, `unsupported`; of a stream
   * `event_too_large`, `comment_too_large`; of a subscription `http_status`, `content_type`,
   * `connect_timeout`, `idle_timeout`, `connection_lost`, `ended`, `attempts`; or the name of another
   * status of the C ABI, in lower case.
   */
  code: string;
  /** With `invalid_option`: its name. */
  option?: string;
  /** With `http_status`: what the server answered. */
  status?: number;
}
