'use strict';

// What the addon found in a chunk, unpacked into events. `addon/src/records.rs` is the other end, and
// says how it is packed.
//
// It does not know where the chunk came from.

const HAS_ID = 1;
const HAS_EVENT = 2;
const HAS_RETRY = 4;
const OTHER = 8;
const FLAGS = 15;
const FLAG_BITS = 4;

const HEAD = 2;

/** Where the addon writes. One for all: nothing else runs before it is read. */
const numbers = new Uint32Array(2048);

/** Appends to `events` those of a call, and to `others` what else there was, unless it is undefined. */
function unpack(text, events, others) {
  const end = numbers[0];
  let type = 'message';
  let at = HEAD;
  while (at < end) {
    const head = numbers[at];
    const data = text.slice(numbers[at + 1], head >>> FLAG_BITS);
    at += 2;
    if ((head & FLAGS) === 0) {
      events.push({ event: type, data, id: undefined, retry: undefined });
      continue;
    }
    let id;
    let retry;
    if ((head & HAS_ID) !== 0) {
      id = text.slice(numbers[at], numbers[at + 1]);
      at += 2;
    }
    if ((head & HAS_EVENT) !== 0) {
      type = text.slice(numbers[at], numbers[at + 1]);
      at += 2;
    }
    if ((head & HAS_RETRY) !== 0) {
      retry = milliseconds(at);
      at += 2;
    }
    if ((head & OTHER) === 0) events.push({ event: type, data, id, retry });
    else others?.push(retry === undefined ? { comment: data } : { retry });
  }
}

function milliseconds(at) {
  return numbers[at] + numbers[at + 1] * 2 ** 32;
}

/** How far the chunk is used up. */
function taken() {
  return numbers[1];
}

module.exports = { numbers, taken, unpack };
