'use strict';

// Processes and threads: what is left open keeps none alive, and what ends frees what it had.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { test } = require('node:test');
const { promisify } = require('node:util');
const { Worker } = require('node:worker_threads');
const { once, serve, silent } = require('./support/server.js');

const run = promisify(execFile);

/** Runs a program to its end. It fails if a rejection is left alone, or if it does not end. */
async function program(text, ...args) {
  const flags = ['--unhandled-rejections=strict', '--trace-uncaught', '--eval', text];
  const { stdout } = await run(process.execPath, [...flags, '--', ...args], {
    cwd: __dirname,
    timeout: 20_000,
  });
  return stdout;
}

test('a program ends when its subscription does', async (t) => {
  const { url } = await serve(t, ...Array.from({ length: 6 }, () => silent('data: 1\n\n')));
  const endings = {
    broken: 'for await (const event of subscribe(url)) { console.log(event.data); break; }',
    closed:
      'const s = subscribe(url); console.log((await s.next()).value.data); setTimeout(() => s.close(), 20); await s.next();',
    aborted:
      'const a = new AbortController(); const s = subscribe(url, { signal: a.signal }); console.log((await s.next()).value.data);' +
      'setTimeout(() => a.abort(), 20); await s.next().catch(() => {});',
    exited:
      'const s = subscribe(url); console.log((await s.next()).value.data); s.next(); setTimeout(() => process.exit(), 20);',
  };
  for (const [name, text] of Object.entries(endings)) {
    const body = `const { subscribe } = require('tidings'); const url = process.argv[1]; (async () => { ${text} })()`;
    assert.equal(await program(body, url), '1\n', name);
  }
});

test('a program ends with decoders left open', async () => {
  const text =
    "const { Decoder, EventStream } = require('tidings'); const d = new Decoder(); d.decode('data: 1');" +
    "new EventStream().writable.getWriter().write('data: 2\\n\\n'); console.log('done')";
  assert.equal(await program(text), 'done\n');
});

test('the addon loads without the network being asked for names', async () => {
  const text =
    "process.report.excludeNetwork = false; require('tidings'); console.log(process.report.excludeNetwork)";
  assert.equal(await program(text), 'false\n');
});

/** Leaves 8 MB in decoders, tells so, and stays. */
const hoarder = `
  const { parentPort } = require('node:worker_threads');
  const { Decoder } = require('tidings');
  globalThis.kept = [1, 2, 3, 4].map(() => new Decoder());
  const line = 'data: ' + 'x'.repeat(2 ** 21);
  for (const decoder of kept) decoder.decode(line);
  parentPort.postMessage(new Decoder().decode('data: done\\n\\n')[0].data);
  setInterval(() => kept[0].decode('x'), 1);
`;

const start = () => new Worker(hoarder, { eval: true });

test('several workers use it at once', async () => {
  const workers = [start(), start(), start()];
  const said = await Promise.all(workers.map((worker) => once(worker, 'message')));
  assert.deepEqual(said, ['done', 'done', 'done']);
  await Promise.all(workers.map((worker) => worker.terminate()));
});

test('a worker that ends frees what it left open', async () => {
  const turn = async () => {
    const worker = start();
    await once(worker, 'message');
    await worker.terminate();
    return process.memoryUsage().rss;
  };
  let before = 0;
  for (let number = 0; number < 3; number++) before = await turn();
  let after = 0;
  for (let number = 0; number < 20; number++) after = await turn();
  const grown = after - before;
  assert.ok(grown < 60 * 2 ** 20, `grown by ${grown} bytes, of 160 MB that 20 workers left open`);
});
