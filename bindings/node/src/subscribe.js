'use strict';

// The driver of a client: requests, chunks and time for the core's machine, events for whoever iterates.
//
// It does not know when to try again, nor what a response means: the machine does. It does nothing
// unless somebody waits for an event: a reader that is busy has the server wait, and meanwhile the
// machine's clock stands still, so that it does not take a full buffer for a silent server.

const { Chunks } = require('./chunk.js');
const { Client, rules: clientRules } = require('./client.js');
const { TidingsError } = require('./error.js');
const { Inbox } = require('./inbox.js');
const { callback, flag, invalid, readOptions } = require('./options.js');
const { address, checkRequest, init, rules: requestRules, summary } = require('./request.js');

const rules = {
  ...requestRules,
  ...clientRules,
  reconnect: flag,
  onOpen: callback,
  onDisconnect: callback,
  signal(value, name) {
    if (typeof value?.addEventListener !== 'function' || typeof value.throwIfAborted !== 'function') {
      throw invalid(name, 'an AbortSignal', value);
    }
    return value;
  },
};

/** A request, and the stream that comes of it. */
class Attempt {
  #stop = new AbortController();
  #response;
  #reader;
  #chunks = new Chunks();
  #reading = false;

  /** Sends the request; what comes of it goes to the inbox. */
  async start(url, options, lastEventId, inbox) {
    let about;
    try {
      about = await init(options, lastEventId);
    } catch (fault) {
      return inbox.put({ attempt: this, fault });
    }
    try {
      const { fetch = globalThis.fetch } = options;
      const response = await fetch(url, { ...about, signal: this.#stop.signal });
      inbox.put({ attempt: this, response });
    } catch (error) {
      inbox.put({ attempt: this, error });
    }
  }

  /** There is a response, and nobody knows yet whether it is one to read. */
  answered(response) {
    this.#response = response;
  }

  /** Takes the stream of the response. */
  open() {
    this.#reader = this.#response.body?.getReader();
    return this.#response;
  }

  /** Has the next chunk go to the inbox, unless it is on its way. */
  read(inbox) {
    if (this.#reading) return;
    this.#reading = true;
    const next = this.#reader?.read() ?? Promise.resolve({ done: true });
    next.then(
      ({ done, value }) => {
        this.#reading = false;
        inbox.put(done ? { attempt: this, done } : { attempt: this, chunk: value });
      },
      (error) => inbox.put({ attempt: this, error }),
    );
  }

  bytes(chunk) {
    return this.#chunks.bytes(chunk);
  }

  /** Drops it, whatever it has come to. */
  drop() {
    this.#stop.abort();
    // A `fetch` of the application's own may not know about signals.
    const body = this.#reader ?? this.#response?.body;
    body?.cancel().catch(() => {});
  }
}

class Subscription {
  #url;
  #options;
  #client;
  #inbox = new Inbox();
  #events;
  /** The attempt that counts. */
  #attempt;
  #isOpen = false;
  #lastEventId;
  #closed = false;
  /** Why a connection was lost last. */
  #cause;
  /** How long the reader was busy, in all. */
  #busy = 0;
  #abort = () => {
    this.#drop();
    this.#inbox.put({});
  };

  constructor(url, options) {
    this.#url = address(url);
    this.#options = readOptions(options, rules);
    checkRequest(this.#options);
    this.#client = new Client(this.#options);
    this.#lastEventId = this.#options.lastEventId ?? '';
    this.#events = this.#run();
  }

  next() {
    return this.#events.next();
  }

  return(value) {
    this.close();
    return this.#events.return(value);
  }

  throw(error) {
    this.close();
    return this.#events.throw(error);
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** Ends it, also for somebody who waits for an event. */
  close() {
    this.#closed = true;
    this.#abort();
  }

  /** Of the events that were handed out: what was read and not yet handed out can still be missed. */
  get lastEventId() {
    return this.#lastEventId;
  }

  get #now() {
    return Math.floor(performance.now() - this.#busy);
  }

  /** Whether the application wants no more; an abort is thrown. */
  get #isOver() {
    this.#options.signal?.throwIfAborted();
    return this.#closed;
  }

  async *#run() {
    const { signal } = this.#options;
    signal?.addEventListener('abort', this.#abort);
    try {
      this.#client.tell('connect', this.#now);
      while (this.#goesOn()) {
        if (this.#isOpen) this.#attempt.read(this.#inbox);
        const now = this.#now;
        const news = await this.#inbox.take(this.#client.deadline - now);
        if (this.#isOver) return;
        const events = this.#hear(news);
        const begun = performance.now();
        for (const event of events) {
          if (event.id !== undefined) this.#lastEventId = event.id;
          yield event;
          if (this.#isOver) return;
        }
        this.#busy += performance.now() - begun;
        // Also of what was no event.
        this.#lastEventId = this.#client.lastEventId;
      }
    } finally {
      this.#closed = true;
      signal?.removeEventListener('abort', this.#abort);
      this.#drop();
      this.#client.free();
    }
  }

  /** Does what the machine says. False when all is over. */
  #goesOn() {
    for (;;) {
      if (this.#isOver) return false;
      const output = this.#client.poll();
      if (output === undefined) return true;
      if (!this.#obey(output)) return false;
    }
  }

  #obey(output) {
    switch (output.kind) {
      case 'connect':
        this.#attempt = new Attempt();
        this.#attempt.start(this.#url, this.#options, output.lastEventId, this.#inbox);
        return true;
      case 'open': {
        const response = this.#attempt.open();
        this.#isOpen = true;
        this.#options.onOpen?.(response);
        return true;
      }
      case 'disconnect':
        this.#drop();
        if (output.code !== 'no_content') this.#lost(failure(output));
        return true;
      default:
        if (output.code === 'no_content') return false;
        throw failure(output, this.#cause);
    }
  }

  /** Tells the machine what has happened, and returns the events of it. */
  #hear({ attempt, ...news } = {}) {
    const client = this.#client;
    if (attempt === undefined) {
      client.tell('timeout', this.#now);
    } else if (attempt !== this.#attempt) {
      // Late news of one that was dropped.
      if (news.response !== undefined) attempt.answered(news.response);
      attempt.drop();
    } else if (news.chunk !== undefined) {
      return client.data(this.#now, attempt.bytes(news.chunk));
    } else if (news.response !== undefined) {
      attempt.answered(news.response);
      client.response(this.#now, summary(news.response));
    } else {
      this.#ended(news);
    }
    return [];
  }

  /** The attempt has come to an end of its own. */
  #ended({ done, error, fault }) {
    if (fault !== undefined) throw fault;
    this.#drop();
    this.#client.tell(done ? 'end' : 'error', this.#now);
    if (!done) {
      const message = 'the connection was lost, or could not be made';
      this.#lost(new TidingsError('connection_lost', message, { cause: error }));
    } else if (this.#options.reconnect === false) {
      this.#closed = true;
    } else {
      this.#lost(new TidingsError('ended', 'the server has ended the stream'));
    }
  }

  /** Tells the application of a connection that is gone. */
  #lost(error) {
    this.#cause = error;
    if (this.#options.reconnect === false) throw error;
    this.#options.onDisconnect?.(error, Math.max(0, this.#client.deadline - this.#now));
  }

  #drop() {
    this.#isOpen = false;
    this.#attempt?.drop();
    this.#attempt = undefined;
  }
}

/** The error of a machine that has dropped a connection, or given up. */
function failure({ code, message, status }, cause) {
  const error = new TidingsError(code, message, code === 'attempts' ? { cause } : undefined);
  if (status !== 0) error.status = status;
  return error;
}

Object.defineProperty(Subscription.prototype, Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose'), {
  value() {
    return this.return();
  },
  configurable: true,
  writable: true,
});

function subscribe(url, options) {
  return new Subscription(url, options);
}

module.exports = { subscribe };
