'use strict';

// Decoding as a web stream.
//
// It does not know how it is done.

const { TransformStream } = require('node:stream/web');
const { Source } = require('./decoder.js');

class EventStream extends TransformStream {
  #source;

  constructor(options, writableStrategy, readableStrategy) {
    const source = new Source(options);
    super(
      {
        transform(chunk, controller) {
          const events = [];
          const failure = source.take(chunk, events);
          for (const event of events) controller.enqueue(event);
          if (failure === undefined) return;
          source.close();
          throw failure;
        },
        flush: () => source.close(),
        cancel: () => source.close(),
      },
      writableStrategy,
      readableStrategy,
    );
    this.#source = source;
  }

  get lastEventId() {
    return this.#source.lastEventId;
  }
}

module.exports = { EventStream };
