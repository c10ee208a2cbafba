'use strict';

// The client of the core, as an object: when to connect, when to try again, what to make of a response.
//
// It does not know HTTP, nor what time it is.

const { randomFillSync } = require('node:crypto');
const { limits } = require('./decoder.js');
const { native, own, disown } = require('./native.js');
const { coded, flag, milliseconds, text, whole } = require('./options.js');
const { numbers, taken, unpack } = require('./records.js');

/** The rules of the options that are the core's. */
const rules = {
  ...limits,
  lastEventId: text,
  byeEvent: text,
  resilient: flag,
  retry: milliseconds(0),
  maxDelay: milliseconds(0),
  minDelay: milliseconds(0),
  settled: milliseconds(0),
  maxAttempts: whole(1, 2 ** 32 - 1, true),
  connectTimeout: milliseconds(1, true),
  idleTimeout: milliseconds(1, true),
};

/** What can be told, in the order of the addon. */
const verbs = { connect: 0, close: 1, end: 2, error: 3, timeout: 4 };

const kinds = [undefined, 'connect', 'open', 'disconnect', 'failed'];

class Client {
  #handle;

  constructor(options) {
    const [low, high] = randomFillSync(new Uint32Array(2));
    const { retry, maxDelay, minDelay, settled } = options;
    const { maxAttempts, connectTimeout, idleTimeout, eventBytes, keptBytes } = options;
    const values = Float64Array.of(
      ...[low, high, options.resilient ? 1 : 0],
      ...[retry, maxDelay, minDelay, settled, maxAttempts, connectTimeout, idleTimeout].map(coded),
      ...[eventBytes, keptBytes].map(coded),
    );
    this.#handle = own(this, native.clientNew(values, options.byeEvent, options.lastEventId));
  }

  /** Tells what is wanted or has happened: one of `verbs`. */
  tell(verb, now) {
    native.clientTell(this.#handle, now, verbs[verb]);
  }

  /** The server has answered. Infinity stands for no `retryAfter`. */
  response(now, { status, contentType, retryAfter }) {
    native.clientResponse(this.#handle, now, status, contentType, retryAfter);
  }

  /** The events that end in this chunk. */
  data(now, bytes) {
    const events = [];
    let start = 0;
    do {
      const texts = native.clientData(this.#handle, bytes, start, numbers, now);
      start = taken();
      if (texts !== undefined) unpack(texts, events);
    } while (start < bytes.length);
    return events;
  }

  /** What to do next, or undefined. */
  poll() {
    const said = native.clientPollOutput(this.#handle, numbers);
    const kind = kinds[numbers[0]];
    if (kind === undefined) return undefined;
    if (kind === 'connect') return { kind, lastEventId: said };
    if (kind === 'open') return { kind };
    const end = said.indexOf('\n');
    return { kind, code: said.slice(0, end), message: said.slice(end + 1), status: numbers[1] };
  }

  /** When to tell `timeout`; infinity for never. */
  get deadline() {
    return native.clientPollTimeout(this.#handle);
  }

  get lastEventId() {
    return native.lastEventId(this.#handle);
  }

  free() {
    if (this.#handle === 0) return;
    disown(this, this.#handle);
    this.#handle = 0;
  }
}

module.exports = { Client, rules };
