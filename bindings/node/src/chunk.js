'use strict';

// Chunks as the addon takes them: bytes, in memory that is not shared.
//
// It does not know what they mean.

const { types } = require('node:util');
const { TidingsError } = require('./error.js');
const { wrong } = require('./options.js');

/** Makes bytes of chunks, be they bytes or text that is cut anywhere. */
class Chunks {
  /** Half a surrogate pair, whose other half comes with the next chunk. */
  #half = '';

  bytes(chunk) {
    if (this.#half !== '') return this.#continued(chunk);
    if (types.isUint8Array(chunk)) {
      return chunk.buffer instanceof SharedArrayBuffer ? Uint8Array.from(chunk) : chunk;
    }
    return typeof chunk === 'string' ? this.#text(chunk) : viewed(chunk);
  }

  #continued(chunk) {
    const half = this.#half;
    this.#half = '';
    if (typeof chunk === 'string') return this.#text(half + chunk);
    return Buffer.concat([Buffer.from(half), this.bytes(chunk)]);
  }

  #text(text) {
    const last = text.charCodeAt(text.length - 1);
    if (last >= 0xd800 && last < 0xdc00) {
      this.#half = text.at(-1);
      return Buffer.from(text.slice(0, -1));
    }
    return Buffer.from(text);
  }

  /** Makes ready for another stream. */
  reset() {
    this.#half = '';
  }
}

function viewed(chunk) {
  try {
    if (ArrayBuffer.isView(chunk)) {
      const bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      return chunk.buffer instanceof SharedArrayBuffer ? Uint8Array.from(bytes) : bytes;
    }
    if (types.isAnyArrayBuffer(chunk)) {
      const bytes = new Uint8Array(chunk);
      return types.isSharedArrayBuffer(chunk) ? Uint8Array.from(bytes) : bytes;
    }
  } catch (cause) {
    throw new TidingsError('invalid_argument', 'the memory of a chunk has been given away', { cause });
  }
  throw wrong('a chunk', 'bytes or a string', chunk);
}

module.exports = { Chunks };
