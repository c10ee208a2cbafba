'use strict';

// The wire format, case by case, through the decoder: each stream whole, byte by byte, cut in two at
// every place; and as text where it is UTF-8.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Decoder, EventStream, decode } = require('tidings');
const { cases } = require('./support/cases.js');

/** Fewer than this, and some were lost. */
const LEAST_CASES = 200;

const errors = { event_too_large: 'event too large', comment_too_large: 'comment too large' };

/** What a decoder makes of streams, each a list of chunks. */
function read({ options, expected }, streams) {
  const seen = [];
  const decoder = new Decoder({
    eventBytes: options.limit,
    // What comes between events is told before those of the same chunk.
    onComment: options.comments ? (comment) => seen.push({ comment }) : undefined,
    onRetry: (retry) => seen.push({ retry: Number(retry) }),
  });
  if (options.resume !== undefined) decoder.resume(options.resume);
  streams.forEach((chunks, number) => {
    if (number > 0) decoder.reset();
    try {
      for (const chunk of chunks) seen.push(...decoder.decode(chunk));
      decoder.decode('');
    } catch (error) {
      seen.push({ error: errors[error.code], offset: Number(/at byte (\d+)/.exec(error.message)?.[1]) });
    }
  });
  const last = decoder.lastEventId;
  decoder.close();
  return comparable({ seen, last }, expected);
}

/** The last event id of events before is not said with each event here, and order is by kind. */
function comparable({ seen, last }) {
  const kind = ({ data, error }) => (error !== undefined ? 2 : data !== undefined ? 1 : 0);
  const items = seen.map(({ last: _, ...item }) => JSON.parse(JSON.stringify(item)));
  return {
    seen: items
      .map((item, at) => [kind(item), at, item])
      .sort(([a, x], [b, y]) => a - b || x - y)
      .map(([, , item]) => sorted(item)),
    last,
  };
}

const sorted = (item) => Object.fromEntries(Object.entries(item).sort());

function ways(stream) {
  const cut = (...at) => [0, ...at].map((from, index) => stream.subarray(from, at[index] ?? stream.length));
  const all = [[stream], Array.from(stream, (_, at) => stream.subarray(at, at + 1))];
  for (let at = 1; at < stream.length; at++) all.push(cut(at));
  const text = stream.toString();
  if (Buffer.from(text).equals(stream)) all.push([text], text.split(''));
  return all;
}

const all = cases();

test('all cases are there', () => {
  assert.ok(all.length >= LEAST_CASES, `there are only ${all.length}`);
});

for (const one of all) {
  test(one.name, () => {
    const expected = comparable(one.expected);
    one.streams.forEach((stream, number) => {
      for (const way of ways(stream)) {
        const streams = one.streams.map((whole) => [whole]);
        streams[number] = way;
        assert.deepEqual(read(one, streams), expected);
      }
    });
  });
}

test('the stream and the iterator read the same', async () => {
  for (const { streams, options, expected } of all) {
    if (streams.length > 1 || options.limit !== undefined || options.resume !== undefined) continue;
    const events = comparable(expected).seen.filter(({ data }) => data !== undefined);
    const chunks = () => Array.from(streams[0], (byte) => Uint8Array.of(byte));
    const collect = async (iterable) => {
      const seen = [];
      for await (const event of iterable) seen.push(event);
      return comparable({ seen }).seen;
    };
    assert.deepEqual(await collect(decode(chunks())), events);
    assert.deepEqual(await collect(ReadableStream.from(chunks()).pipeThrough(new EventStream())), events);
  }
});
