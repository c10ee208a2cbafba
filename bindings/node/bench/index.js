'use strict';

// Measures the reader beside eventsource-parser: the same chunks by turns in one process, objects with
// strings at the end. `npm run bench -- [--quick] [--out FILE]`; unless it is quick, it fails if a mark is
// missed.
//
// Times are of the processor, all threads of the process together, so that a busy machine and a
// collector that works aside do not make one look better. A ratio is the median over rounds, each of
// which measures both: what slows one down is likely to slow down the other.

const fs = require('node:fs');
const { parseArgs } = require('node:util');
const { EventSourceParserStream } = require('eventsource-parser/stream');
const { createParser } = require('eventsource-parser');
const { Decoder, EventStream, decode } = require('tidings');
const { lines, median } = require('./figures.js');
const { streams } = require('./streams.js');

const { values: options } = parseArgs({ options: { quick: { type: 'boolean' }, out: { type: 'string' } } });
const ROUNDS = options.quick ? 5 : 25;
const ROUND_MS = options.quick ? 20 : 60;

/** Both decode a chunk to an array of events. */
const decoders = {
  theirs({ chunks }) {
    const decoder = new TextDecoder();
    let events;
    const parser = createParser({ onEvent: (event) => events.push(event) });
    return () => {
      let count = 0;
      for (const chunk of chunks) {
        events = [];
        parser.feed(decoder.decode(chunk, { stream: true }));
        count += events.length;
      }
      return count;
    };
  },
  ours({ chunks }) {
    const decoder = new Decoder();
    return () => {
      let count = 0;
      for (const chunk of chunks) count += decoder.decode(chunk).length;
      return count;
    };
  },
};

const readable = (chunks) => {
  let at = 0;
  return new ReadableStream({
    pull: (stream) => (at < chunks.length ? stream.enqueue(chunks[at++]) : stream.close()),
  });
};

async function count(iterable) {
  let events = 0;
  for await (const _ of iterable) events++;
  return events;
}

/** Both pipe a body through web streams, as one does with a response. */
const pipes = {
  theirs:
    ({ chunks }) =>
    () =>
      count(readable(chunks).pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())),
  ours:
    ({ chunks }) =>
    () =>
      count(readable(chunks).pipeThrough(new EventStream())),
};

/** Ours without the pipe. */
const loops = {
  theirs: pipes.theirs,
  ours:
    ({ chunks }) =>
    () =>
      count(decode(readable(chunks))),
};

/** Microseconds of the processor for one pass, over at least so much time. */
async function measure(pass) {
  const { user, system } = process.cpuUsage();
  const end = performance.now() + ROUND_MS;
  let passes = 0;
  do {
    await pass();
    passes++;
  } while (performance.now() < end);
  const used = process.cpuUsage();
  return (used.user - user + used.system - system) / passes;
}

async function compare(stream, contestants) {
  const theirs = contestants.theirs(stream);
  const ours = contestants.ours(stream);
  for (const pass of [theirs, ours, theirs, ours]) {
    const events = await pass();
    if (events !== stream.events && events !== stream.events - 1)
      throw new Error(`read ${events} of ${stream.events}`);
  }
  await measure(theirs);
  await measure(ours);
  const rounds = { theirs: [], ours: [], ratio: [] };
  for (let round = 0; round < ROUNDS; round++) {
    globalThis.gc?.();
    const first = round % 2 === 0;
    const a = await measure(first ? theirs : ours);
    const b = await measure(first ? ours : theirs);
    const [their, our] = first ? [a, b] : [b, a];
    rounds.theirs.push(their);
    rounds.ours.push(our);
    rounds.ratio.push(their / our);
  }
  const speed = (us) => stream.bytes / us / 1.048576;
  return {
    ratios: rounds.ratio,
    ours: speed(median(rounds.ours)),
    theirs: speed(median(rounds.theirs)),
    nsPerEvent: (median(rounds.ours) * 1000) / stream.events,
  };
}

const groups = [
  ['node reader', 'a decoder, called with each chunk', decoders, streams],
  [
    'node stream',
    'EventStream, beside TextDecoderStream and EventSourceParserStream',
    pipes,
    streams.slice(0, 1),
  ],
  ['node loop', 'decode, beside the same pipe', loops, streams.slice(0, 1)],
];

async function main() {
  const out = options.out && fs.createWriteStream(options.out);
  const missed = [];
  for (const [group, about, contestants, shapes] of groups) {
    console.log(`\n${group}: ${about}; MiB/s of processor time, beside eventsource-parser`);
    console.log(
      `  ${''.padEnd(32)} ${['ours', 'theirs', 'ns/event', 'ratio'].map((word) => word.padStart(9)).join('')}`,
    );
    for (const stream of shapes) {
      const { ours, theirs, nsPerEvent, ratios } = await compare(stream, contestants);
      const ratio = median(ratios);
      // The pipes are those of Node: they have no marks.
      const limit = contestants === decoders ? stream.mark : undefined;
      const met = limit === undefined || ratio >= limit;
      const mark = limit === undefined ? undefined : `at least ${limit}`;
      if (!met) missed.push(`${group}: ${stream.name}`);
      const columns = [ours.toFixed(0), theirs.toFixed(0), nsPerEvent.toFixed(0), ratio.toFixed(2)];
      const verdict = mark === undefined ? '' : `, ${mark}: ${met ? 'met' : 'MISSED'}`;
      console.log(
        `  ${stream.name.padEnd(32)} ${columns.map((column) => column.padStart(9)).join('')}${verdict}`,
      );
      const speeds = { unit: 'MiB/s', ours: { tidings: ours }, theirs: { 'eventsource-parser': theirs } };
      out?.write(lines(group, stream.name, { ...speeds, ratios, mark, met }));
    }
  }
  out?.end();
  // A small run is for seeing that everything works.
  if (missed.length > 0 && !options.quick) {
    console.error(`marks missed: ${missed.join('; ')}`);
    process.exitCode = 1;
  }
}

main();
