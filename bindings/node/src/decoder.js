'use strict';

// Decoding: chunks in, events out.
//
// It does not know where chunks come from: `stream` and `decode` do.

const { Chunks } = require('./chunk.js');
const { native, own, disown } = require('./native.js');
const { callback, coded, readOptions, whole, wrong } = require('./options.js');
const { numbers, taken, unpack } = require('./records.js');

/** The most that `eventBytes` may be: of a few such events V8 can still make strings. */
const MOST_BYTES = 128 * 2 ** 20;

/** The rules of the options that say how much memory decoding may take. */
const limits = {
  eventBytes: whole(0, MOST_BYTES),
  keptBytes: whole(0, MOST_BYTES),
};

const rules = { ...limits, onRetry: callback, onComment: callback };

/** The decoder behind all ways to decode. */
class Source {
  #handle;
  #chunks = new Chunks();
  #onRetry;
  #onComment;
  #lastEventId = '';

  constructor(options) {
    const { eventBytes, keptBytes, onRetry, onComment } = readOptions(options, rules);
    const handle = native.decoderNew(coded(eventBytes), coded(keptBytes), onComment ? 1 : 0);
    this.#handle = own(this, handle);
    this.#onRetry = onRetry;
    this.#onComment = onComment;
  }

  /** Appends the events that end in this chunk, and returns the error that comes after them, if any. */
  take(chunk, events) {
    const others = this.#onRetry || this.#onComment ? [] : undefined;
    let failure;
    try {
      const bytes = this.#chunks.bytes(chunk);
      let start = 0;
      do {
        const text = native.decoderDecode(this.#handle, bytes, start, numbers);
        start = taken();
        if (text !== undefined) unpack(text, events, others);
      } while (start < bytes.length);
    } catch (error) {
      failure = error;
    }
    if (others !== undefined) this.#tell(others);
    return failure;
  }

  #tell(others) {
    for (const { comment, retry } of others) {
      if (comment === undefined) this.#onRetry?.(retry);
      else this.#onComment?.(comment);
    }
  }

  get lastEventId() {
    return this.#handle === 0 ? this.#lastEventId : native.lastEventId(this.#handle);
  }

  reset() {
    native.decoderReset(this.#handle);
    this.#chunks.reset();
  }

  resume(id) {
    native.decoderResume(this.#handle, id);
    this.#chunks.reset();
  }

  close() {
    if (this.#handle === 0) return;
    this.#lastEventId = this.lastEventId;
    disown(this, this.#handle);
    this.#handle = 0;
  }
}

class Decoder {
  #source;

  constructor(options) {
    this.#source = new Source(options);
  }

  decode(chunk) {
    const events = [];
    const failure = this.#source.take(chunk, events);
    // Where events come first, the error comes again with the next call.
    if (failure !== undefined && events.length === 0) throw failure;
    return events;
  }

  get lastEventId() {
    return this.#source.lastEventId;
  }

  reset() {
    this.#source.reset();
  }

  resume(lastEventId) {
    if (typeof lastEventId !== 'string') throw wrong('the last event id', 'a string', lastEventId);
    this.#source.resume(lastEventId);
  }

  close() {
    this.#source.close();
  }
}

module.exports = { Decoder, Source, limits };
