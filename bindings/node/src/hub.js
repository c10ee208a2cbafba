'use strict';

// The hub, for the application: streams, publishes, and what the engine tells of both.
//
// It does not know HTTP, nor how an engine works.

const { EventEmitter } = require('node:events');
const { Connection } = require('./connection.js');
const { connect, expires } = require('./connect.js');
const { TidingsError } = require('./error.js');
const { hubOptions, list } = require('./hub-options.js');
const { native } = require('./native.js');
const { milliseconds, readOptions, wrong } = require('./options.js');
const { posting } = require('./publish.js');
const { refuse, statusOf } = require('./refusal.js');
const { counts, room } = require('./stats.js');

/** Why a stream has closed, in the order of the C ABI. */
const reasons = [
  ...['closed', 'drain', 'superseded', 'replaced', 'expired', 'idle', 'age', 'lagged', 'stalled', 'overflow'],
  'gone',
];

/** Why events were missed, likewise. */
const gapReasons = ['lagged', 'trimmed', 'unknown_cursor', 'replay_limit'];

/** The kinds of an output that tell of a stream; the other tells of an event. */
const CLOSED = 1;
const GAP = 3;

/** More events than can be counted. */
const UNCOUNTED = 2 ** 53;

/** How many numbers an output is. */
const OUTPUT = 6;

/** What a drain is spread over, if nothing is said. */
const DRAIN = 2_000;

/** A place for what the addon has to tell, and for one number. */
const news = new Uint32Array(1 + OUTPUT * 400);
const one = new Uint32Array(1);

class Hub extends EventEmitter {
  #engine;
  #takesSockets;
  #tag = 0;
  /** Who waits for an output, by its tag: connections, and publishes. */
  #waiting = new Map();
  #ways = { engine: 0, response: 0 };
  #isHeld = false;
  #drain;

  constructor(options) {
    super();
    const { encoded, takesSockets } = hubOptions(options);
    if (native.engineNew === undefined) {
      throw new TidingsError('unsupported', 'a hub needs Linux or macOS');
    }
    this.#takesSockets = takesSockets;
    // What is thrown within a callback of an addon is lost, in a tick it is not.
    this.#engine = native.engineNew(...encoded, () => process.nextTick(() => this.#hear()));
  }

  /** Makes a stream of a response: the connection, or undefined if the request was refused. */
  async connect(request, response, options) {
    let answers = true;
    const open = (...call) => {
      answers = call[1].answer ?? true;
      return this.#open(...call);
    };
    let connection;
    try {
      connection = await connect(request, response, options, this.#takesSockets, open);
    } catch (error) {
      const status = statusOf(error);
      if (status === undefined || error.option !== undefined) throw error;
      error.status = status;
      if (!answers) throw error;
      if (!response.destroyed) refuse(response, error);
      this.emit('refuse', error, request);
      return undefined;
    }
    if (connection !== undefined) this.emit('open', connection, request);
    return connection;
  }

  #open(way, { user }, [fd, numbers, ...texts], place = one) {
    const tag = ++this.#tag;
    numbers[0] = tag;
    const id = native.engineAdopt(this.#engine, fd, numbers, ...texts, place);
    const connection = new Connection(this, id, user, way);
    this.#ways[way]++;
    this.#wait(tag, connection);
    return connection;
  }

  /** Numbers an event before it returns. */
  publish(to, event, options) {
    try {
      const tag = this.#tag + 1;
      const id = native.enginePost(this.#engine, ...posting(tag, to, event, options), one);
      const duplicate = one[0] !== 0;
      this.#tag = tag;
      return new Promise((resolve, reject) => this.#wait(tag, { id, duplicate, resolve, reject }));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  subscribe(connection, topics) {
    for (const topic of list(topics, 'topics')) native.engineSubscribe(this.#engine, idOf(connection), topic);
  }

  unsubscribe(connection, topics) {
    for (const topic of list(topics, 'topics')) native.engineUnsubscribe(this.#engine, idOf(connection), topic);
  }

  renew(connection, options) {
    const { expires: end, grants } = readOptions(options, { expires, grants: list });
    const texts = grants === undefined || grants.length === 0 ? undefined : grants.join('\n');
    native.engineRenew(this.#engine, idOf(connection), end ?? 0, texts);
  }

  close(connection) {
    native.engineClose(this.#engine, idOf(connection));
  }

  get cursor() {
    return native.engineCursor(this.#engine);
  }

  stats() {
    const numbers = new Uint32Array(room);
    native.engineStats(this.#engine, numbers);
    return { ...counts(numbers, reasons), ways: { ...this.#ways } };
  }

  /** Closes every stream in order, spread over some time, and ends the hub. */
  drain(over = DRAIN) {
    if (this.#drain === undefined) {
      milliseconds(0)(over, 'over');
      const done = new Promise((resolve) => {
        this.#drain = { resolve };
      });
      this.#drain.promise = done;
      this.#hold();
      native.engineDrain(this.#engine, over);
    }
    return this.#drain.promise;
  }

  async [Symbol.asyncDispose ?? Symbol.for('nodejs.asyncDispose')]() {
    await this.drain();
  }

  #wait(tag, who) {
    this.#waiting.set(tag, who);
    if (!this.#isHeld) this.#hold();
  }

  /** The process lives as long as there is something to hear of. */
  #hold() {
    const holds = this.#waiting.size !== 0 || (this.#drain !== undefined && this.#engine !== 0);
    if (holds === this.#isHeld) return;
    this.#isHeld = holds;
    native.engineHold(this.#engine, holds ? 1 : 0);
  }

  /** The addon has something to tell. */
  #hear() {
    const told = [];
    let length;
    do {
      // What is drained has ended: this is its late news.
      if (this.#engine === 0) return;
      length = native.enginePoll(this.#engine, news);
      for (let at = 1; at < length; at += OUTPUT) told.push(news.slice(at, at + OUTPUT));
    } while (length + OUTPUT > news.length);
    const isDrained = news[0] !== 0;
    const events = told.map((output) => this.#take(output)).filter((event) => event !== undefined);
    this.#hold();
    if (isDrained) this.#end();
    for (const event of events) process.nextTick(() => this.emit(...event));
    if (isDrained) process.nextTick(this.#drain.resolve);
  }

  /** One output; where it tells of a stream, the event to emit. */
  #take([kind, low, high, told, ...halves]) {
    const tag = whole(low, high);
    const who = this.#waiting.get(tag);
    const count = whole(...halves);
    if (kind === GAP) {
      return ['gap', who, { missed: count < UNCOUNTED ? count : null, reason: gapReasons[told] ?? 'unknown' }];
    }
    this.#waiting.delete(tag);
    if (kind === CLOSED) {
      this.#ways[who.way]--;
      const reason = reasons[told] ?? 'unknown';
      Connection.end(who, reason);
      return ['close', who, reason];
    }
    const { id, duplicate, resolve, reject } = who;
    if (told === 0) resolve({ id, recipients: count, duplicate });
    else reject(stopped());
    return undefined;
  }

  #end() {
    native.free(this.#engine);
    this.#engine = 0;
    this.#isHeld = false;
    for (const { reject } of this.#waiting.values()) reject?.(stopped());
    this.#waiting.clear();
  }
}

/** A number from its halves. */
const whole = (low, high) => high * 2 ** 32 + low;

const stopped = () => new TidingsError('stopped', 'the hub was drained before the event was in its log');

function idOf(connection) {
  const id = typeof connection === 'string' ? connection : connection?.id;
  if (typeof id !== 'string') throw wrong('a connection', 'one of this hub, or its id', connection);
  return id;
}

const createHub = (options) => new Hub(options);

module.exports = { Hub, createHub };
