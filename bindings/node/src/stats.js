'use strict';

// The counts of a hub, by their names.
//
// It does not know what they count.

/** In the order of the C ABI. */
const names = [
  ...['connections', 'users', 'topics', 'logEvents', 'logBytes', 'opened', 'published', 'duplicates'],
  ...['delivered', 'deliveredBytes', 'gaps', 'missed', 'replaced', 'undelivered'],
];

/** As many reasons as the C ABI has room for. */
const REASONS = 32;

/** How many numbers the addon writes. */
const room = (names.length + REASONS) * 2;

/** What the addon has written: a number in two halves for each. */
function counts(numbers, reasons) {
  const count = (index) => numbers[index * 2 + 1] * 2 ** 32 + numbers[index * 2];
  const read = Object.fromEntries(names.map((name, index) => [name, count(index)]));
  read.closed = Object.fromEntries(reasons.map((name, index) => [name, count(names.length + index)]));
  return read;
}

module.exports = { counts, room };
