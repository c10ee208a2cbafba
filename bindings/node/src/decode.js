'use strict';

// Decoding as an async iterator.
//
// It does not know how it is done.

const { Source } = require('./decoder.js');
const { wrong } = require('./options.js');

function decode(chunks, options) {
  const source = new Source(options);
  return run(iterable(chunks), source);
}

function iterable(chunks) {
  const isIterable = typeof chunks?.[Symbol.asyncIterator] === 'function';
  // A string would be read character by character.
  const isSync = typeof chunks === 'object' && typeof chunks?.[Symbol.iterator] === 'function';
  const isBytes = ArrayBuffer.isView(chunks);
  if (isIterable || (isSync && !isBytes)) return chunks;
  throw wrong('what is decoded', 'a stream of chunks: a ReadableStream or (async) iterable', chunks);
}

async function* run(chunks, source) {
  try {
    for await (const chunk of chunks) {
      const events = [];
      const failure = source.take(chunk, events);
      for (const event of events) yield event;
      if (failure !== undefined) throw failure;
    }
  } finally {
    source.close();
  }
}

module.exports = { decode };
