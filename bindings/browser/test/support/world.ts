// A page's world under the test's control: time, EventSource, fetch.
//
// It does not know what is tested.

import { setMaxListeners } from "node:events";
import { afterEach, beforeEach, expect, vi } from "vitest";

/** Each test begins with no request made, and ends with nothing due. */
export function setUpWorld(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"] });
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    vi.stubGlobal("EventSource", FakeEventSource);
    vi.stubGlobal("fetch", vi.fn(fakeFetch));
    FakeEventSource.all = [];
    Request.all = [];
    setOnline(true);
  });
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    expect(FakeEventSource.all.filter(({ readyState }) => readyState !== 2)).toEqual([]);
    vi.useRealTimers();
  });
}

/** Names are made by chance, so that no test expects one. */
function withoutTab(url: string | URL): URL {
  const made = new URL(url);
  made.searchParams.delete("tab");
  return made;
}

/** Lets everything happen that is due by then. */
export const pass = (ms = 0) => vi.advanceTimersByTimeAsync(ms);

export class FakeEventSource extends EventTarget {
  static readonly CLOSED = 2;
  static all: FakeEventSource[] = [];
  static get last(): FakeEventSource {
    return this.all.at(-1)!;
  }
  readyState = 0;
  url: URL;

  constructor(url: string, readonly init: { withCredentials: boolean }) {
    super();
    this.url = withoutTab(url);
    FakeEventSource.all.push(this);
  }

  close(): void {
    this.readyState = 2;
  }

  say(type: string, data: unknown = "", lastEventId = ""): void {
    if (this.readyState === 2) return;
    this.readyState = 1;
    const text = typeof data === "string" ? data : JSON.stringify(data);
    this.dispatchEvent(new MessageEvent(type, { data: text, lastEventId }));
  }

  /** The first event of each stream. */
  connected(cursor = "e~1"): void {
    this.say("connected", { connection: "7", user: null, topics: [], cursor }, cursor);
  }

  /** Refused: it will not try again by itself. */
  fail({ refused = false } = {}): void {
    if (this.readyState === 2) return;
    this.readyState = refused ? 2 : 0;
    this.dispatchEvent(new Event("error"));
  }
}

/** A request that waits for the test to answer it. */
export class Request {
  static all: Request[] = [];
  static get last(): Request {
    return this.all.at(-1)!;
  }
  url: URL;
  headers: Headers;
  aborted = false;
  #settle = withResolvers<Response>();
  #body: ReadableStreamDefaultController<Uint8Array> | undefined;

  constructor(url: string | URL, readonly init: RequestInit) {
    this.url = withoutTab(url);
    this.headers = new Headers(init.headers);
    if (!init.signal) return;
    // Requests that have ended listen on here, as they would not in a browser.
    setMaxListeners(0, init.signal);
    init.signal.addEventListener("abort", () => this.fail("AbortError"));
  }

  get response(): Promise<Response> {
    return this.#settle.promise;
  }

  /** Begins a stream. */
  open(type = "text/event-stream"): this {
    const body = new ReadableStream<Uint8Array>({ start: (body) => void (this.#body = body) });
    this.#settle.resolve(new Response(body, { headers: { "content-type": type } }));
    return this;
  }

  say(text: string): this {
    this.#body!.enqueue(new TextEncoder().encode(text));
    return this;
  }

  connected(cursor = "e~1"): this {
    return this.say(`event: connected\nid: ${cursor}\ndata: {"connection":"7"}\n\n`);
  }

  end(): void {
    this.#body!.close();
  }

  refuse(status: number, error?: { code: string; message: string }, headers: Record<string, string> = {}): void {
    const body = error && JSON.stringify({ error });
    if (body) headers = { "content-length": String(body.length), ...headers };
    this.#settle.resolve(new Response(status === 204 ? null : (body ?? ""), { status, headers }));
  }

  fail(why = "no network"): void {
    this.aborted = this.init.signal!.aborted;
    this.#settle.reject(new TypeError(why));
    try {
      this.#body?.error(new TypeError(why));
    } catch {
      // It had ended.
    }
  }
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => ([resolve, reject] = [yes, no]));
  return { promise, resolve, reject };
}

function fakeFetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
  const request = new Request(url, init);
  Request.all.push(request);
  return request.response;
}

export function setOnline(isOnline: boolean): void {
  vi.spyOn(navigator, "onLine", "get").mockReturnValue(isOnline);
}

/** The network comes or goes. */
export function network(isOnline: boolean): void {
  setOnline(isOnline);
  window.dispatchEvent(new Event(isOnline ? "online" : "offline"));
}

export function show(isVisible: boolean): void {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(isVisible ? "visible" : "hidden");
  document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
}
