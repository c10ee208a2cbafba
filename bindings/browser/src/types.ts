// The words that all parts of the package share.
//
// It does not know what is done with them.

/**
 * How a stream is: `idle` before it is opened and after it is closed, `connecting` until it first works,
 * `connected`, `reconnecting` while it waits or tries again, `failed` when only `reconnect()` can help.
 */
export type State = "idle" | "connecting" | "connected" | "reconnecting" | "failed";

/** How events come: two ways to stream, and long polling where streams do not get through. */
export type Way = "eventsource" | "fetch" | "poll";

/** An event as it is on the wire. `id` is the last event id: its own, or that of an event before it. */
export interface Message {
  type: string;
  data: string;
  id: string;
}

/** An event as listeners get it. */
export interface StreamEvent extends Message {
  /** The data read as JSON. Throws what `JSON.parse` throws. */
  json<T = unknown>(): T;
}

/** Why a connection was lost or refused. */
export interface Failure {
  /** For programs: the server's code or reason, or one of this package's own. */
  code: string;
  /** For people. */
  message: string;
  /** The HTTP status, where there was one. */
  status?: number;
}

export interface Status {
  state: State;
  /** How many attempts in a row have failed. */
  attempt: number;
  /** How long until the next attempt, in milliseconds; without it nothing is waited for. */
  retryInMs?: number;
  /** What happened last, unless all is well. */
  error?: Failure;
  transport: Way;
  /** Whether other tabs use the same connection. */
  shared: boolean;
  /** Whether the shared connection is this tab's. */
  leader?: boolean;
}

/** What decides how a connection works; it can be sent to another tab or a worker. */
export interface Settings {
  /** Sent with each request; fetch is used then. */
  headers?: Record<string, string>;
  /** The method of the request; fetch is used then. Default: `POST` where there is a body. */
  method?: string;
  /** The body of the request; fetch is used then. */
  body?: string;
  /** As of `fetch`. `include` sends cookies to other origins, too. */
  credentials?: RequestCredentials;
  /** How events come; without it, what gets through is found out. */
  transport?: Way;
  /** How many failed attempts in a row end in `failed`. Default: no limit. */
  attempts?: number;
  /** How long to wait after the first failure, the second, and so on, in milliseconds, each times 0.8 to
   * 1.2; the last stays. Default: 1, 2, 4, 8, 16, 30 s. */
  delays?: number[];
  /** A connection that was silent for so many milliseconds is taken for dead; 0: none is. Default 75,000:
   * the server says something every 30 s, so that one of its heartbeats may be late. */
  idleMs?: number;
  /** Begin after the event with this id, or with `earliest`. */
  lastEventId?: string;
  /** A server that is not Tidings: it is sent no parameters beside those of the URL, only the header
   * `Last-Event-ID`, and it is not expected to say anything by itself. */
  plain?: boolean;
}

export interface Options extends Settings {
  /** Who is signed in: tabs of one user share a connection, those of different users never do. */
  user?: string;
  /** False: a connection of its own. */
  share?: boolean;
  /** The URL of the package's worker, to share through it; without it one of the tabs has the connection. */
  worker?: string;
  /** Gives a token, which is sent as `Authorization: Bearer`. Called again when one is refused or ends. */
  token?: () => string | Promise<string>;
  /** The URL for polling; false: none. Default: where the path ends in `/events`, `/poll` in its place. */
  poll?: string | false;
}

/** The options of a connection, all of them known, fit to be sent to another tab or a worker. */
export interface Plain extends Settings {
  /** An absolute URL, or false where there is no polling. */
  poll: string | false;
  attempts: number;
  delays: number[];
  idleMs: number;
  plain: boolean;
  /** Whether a token is to be asked for. */
  hasToken: boolean;
  /** What is listened to when it is opened; `*` is all. */
  types: string[];
  /** The name under which the server closes what it still has of an earlier connection of this reader. */
  tab?: string;
}

/** What a connection tells. */
export interface Sink {
  message(message: Message): void;
  status(status: Status): void;
  /** Asks for a token; `refused` where the last one is of no more use. */
  token(refused?: boolean): Promise<string>;
}

/** Where a stream's events come from: a connection of its own, or a share in one. */
export interface Source {
  open(): void;
  close(): void;
  /** Tries now: also after it failed, and where it waits or seems to work. */
  reconnect(): void;
  /** Events of this type are wanted, too. */
  listen(type: string): void;
  /** Does now what is due: timers may be late. */
  look?(): void;
}
