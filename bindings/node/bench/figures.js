'use strict';

// What was measured, as lines that `make bench` makes the tables of the README from.
//
// It does not know what was measured, nor how.

/**
 * The lines of one thing that was done by both: `ratio` is ours over theirs, or what the mark is about;
 * `mark` is undefined where there is none.
 */
function lines(group, what, { unit, ours, theirs, ratios, mark, met }) {
  const line = (name, unit, runs, judged = { mark: null, met: null }) =>
    `${JSON.stringify({ case: group, name: `${what}: ${name}`, unit, median: median(runs), runs, ...judged })}\n`;
  const [[peer, figure]] = Object.entries(theirs);
  const judged = mark === undefined ? undefined : { mark, met };
  return [
    ...Object.entries(ours).map(([name, figure]) => line(name, unit, [figure])),
    line(peer, unit, [figure]),
    line('over the fastest peer', 'times', ratios, judged),
  ].join('');
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

module.exports = { lines, median };
