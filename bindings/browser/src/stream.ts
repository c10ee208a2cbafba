// What `connect` returns: listeners, the status, and a way to end it.
//
// It does not know where the events come from.

import { absolute, refuse, settings } from "./options.js";
import { source } from "./source.js";
import type { Message, Options, Plain, Source, Status, StreamEvent } from "./types.js";

type Listener = (event: StreamEvent) => void;
type Watcher = (status: Status) => void;

export class Stream {
  #settings: Plain;
  #source: Source | undefined;
  #listeners = new Map<string, Set<Listener>>();
  #watchers = new Set<Watcher>();
  #status: Status;
  /** When the next attempt is due. */
  #due = 0;
  #isClosed = false;

  constructor(url: string | URL, options: Options = {}) {
    const address = absolute(String(url));
    this.#settings = settings(address, options);
    this.#status = { state: "idle", attempt: 0, transport: this.#settings.transport ?? "eventsource", shared: false };
    // Whoever listens from the beginning does so by then.
    queueMicrotask(() => {
      if (this.#isClosed) return;
      this.#settings.types = [...this.#listeners.keys()];
      this.#source = source(address, this.#settings, options, {
        message: (message) => this.#message(message),
        status: (status) => this.#tell(status),
        token: async () => options.token!(),
      });
      this.#source.open();
    });
  }

  /** Listens to events of a type, or to all with `*`; the returned function ends it. */
  on(type: string, listener: Listener): () => void {
    if (type === "*" && this.#settings.transport === "eventsource") refuse("`eventsource` hears no `*`");
    let listeners = this.#listeners.get(type);
    if (!listeners) this.#listeners.set(type, (listeners = new Set()));
    // One that is given twice listens twice.
    const own: Listener = (event) => listener(event);
    listeners.add(own);
    this.#source?.listen(type);
    return () => void listeners.delete(own);
  }

  /** Tells the status, now and at each change; the returned function ends it. */
  watch(watcher: Watcher): () => void {
    const own: Watcher = (status) => watcher(status);
    this.#watchers.add(own);
    call(own, this.status);
    return () => void this.#watchers.delete(own);
  }

  get status(): Status {
    const { retryInMs, ...status } = this.#status;
    return retryInMs === undefined ? status : { ...status, retryInMs: Math.max(0, this.#due - Date.now()) };
  }

  /** Tries at once; also one that has failed. One that was closed stays closed. */
  reconnect(): void {
    if (!this.#isClosed) this.#source?.reconnect();
  }

  /** Ends it for good. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#source?.close();
    this.#listeners.clear();
    this.#watchers.clear();
  }

  #message(message: Message): void {
    const event: StreamEvent = { ...message, json: () => JSON.parse(message.data) };
    for (const type of [message.type, "*"]) {
      for (const listener of this.#listeners.get(type) ?? []) {
        if (!this.#isClosed) call(listener, event);
      }
    }
  }

  #tell(status: Status): void {
    this.#status = status;
    this.#due = Date.now() + (status.retryInMs ?? 0);
    for (const watcher of this.#watchers) call(watcher, this.status);
  }
}

/** What one of them throws is reported, and stops no other. */
function call<A>(listener: (given: A) => void, given: A): void {
  try {
    listener(given);
  } catch (error) {
    reportError(error);
  }
}
