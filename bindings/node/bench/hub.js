'use strict';

// Measures a broadcast of the hub beside better-sse, server and clients each in a process of its own:
// `npm run bench:hub -- [--quick] [--out FILE]`. Unless it is quick, it fails if a mark is missed.
//
// The time of the event loop is what it was active, less what it is while nothing happens; that of the
// processor is of all threads. Of both it is the median over rounds. Memory is what the process grew by
// while the streams were opened beside a thousand others, with garbage collected twice on either side.

const { fork } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { parseArgs } = require('node:util');
const { lines, median } = require('./figures.js');

const { values: options } = parseArgs({ options: { quick: { type: 'boolean' }, out: { type: 'string' } } });
const sizes = options.quick ? [{ count: 200, rounds: 3, ms: 100 }] : [
  { count: 1_000, rounds: 15, ms: 200 },
  { count: 10_000, rounds: 5, ms: 1_500 },
];

/** How many streams are open before memory is measured. */
const OTHERS = 1_000;

/** The most of what better-sse takes. */
const marks = { active: 1 / 50, cpu: 1 / 2, memory: 1 / 5 };

const start = async (name, ...args) => {
  const child = fork(path.join(__dirname, name), args.map(String), { execArgv: ['--expose-gc'] });
  const [said] = await once(child, 'message');
  const ask = async (deed, how) => {
    child.send({ deed, ...how });
    return (await once(child, 'message'))[0];
  };
  return { child, said, ask };
};

async function measure(kind, { count, rounds, ms }) {
  const server = await start('hub-server.js', kind);
  const clients = await start('hub-clients.js', server.said);
  // What the first streams make a process grow by is not that of a stream.
  const others = await start('hub-clients.js', server.said);
  await others.ask('open', { count: OTHERS });
  const before = await server.ask('memory');
  await clients.ask('open', { count });
  const memory = ((await server.ask('memory')) - before) / count;
  others.child.kill();
  while ((await server.ask('count')) > count) await sleep(50);
  const open = await server.ask('count');
  const measured = await server.ask('measure', { rounds, ms });
  const events = await clients.ask('events');
  for (const { child } of [server, clients]) child.kill();
  if (open !== count || events !== count * (rounds + 1)) {
    throw new Error(`${kind}: ${open} of ${count} streams, ${events} of ${count * (rounds + 1)} events`);
  }
  const used = (what) => median(measured.map(({ idle, busy }) => Math.max(busy[what] - idle[what], 0)));
  return { active: used('active') * 1_000, cpu: (used('cpu') * 1_000) / count, memory };
}

const shown = {
  active: 'µs of the event loop for a broadcast',
  cpu: 'µs of the processor for a delivery',
  memory: 'bytes of an idle stream',
};

(async () => {
  let missed = 0;
  let out = '';
  for (const { count, ...how } of sizes) {
    const results = {};
    // Through responses it takes three descriptors a stream, more than many systems allow.
    const kinds = count > 5_000 ? ['theirs', 'ours'] : ['theirs', 'ours', 'through'];
    for (const kind of kinds) results[kind] = await measure(kind, { count, ...how });
    const { theirs, ours, through } = results;
    for (const [what, unit] of Object.entries(shown)) {
      const ratio = ours[what] / theirs[what];
      const [mark, met] = [`at most ${marks[what]}`, ratio <= marks[what]];
      if (!met) missed++;
      const figures = [theirs, ours, through].map((one) => (one?.[what].toFixed(1) ?? '').padStart(12)).join('');
      const verdict = `${ratio.toPrecision(2)}, ${mark}: ${met ? 'met' : 'MISSED'}`;
      console.log(`${String(count).padStart(6)} streams, ${unit.padEnd(38)}${figures}  ${verdict}`);
      const own = { tidings: ours[what], ...(through && { 'tidings, through responses': through[what] }) };
      const figure = { unit: '', ours: own, theirs: { 'better-sse': theirs[what] }, ratios: [ratio], mark, met };
      out += lines('node hub', `${count.toLocaleString('en')} streams: ${unit}`, figure);
    }
  }
  console.log('(columns: better-sse, this package, this package through response.write)');
  if (options.out) fs.appendFileSync(options.out, out);
  if (missed !== 0 && !options.quick) process.exitCode = 1;
})();
