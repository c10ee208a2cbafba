'use strict';

// Many streams, and the ends of processes and threads: descriptors and memory come back, nothing is kept
// alive that has nothing to wait for, and nothing falls over.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const { describe, test } = require('node:test');
const { promisify } = require('node:util');
const { Worker } = require('node:worker_threads');
const { TidingsError, createHub } = require('tidings');
const { native } = require('../src/native.js');
const { client, open, serve, until } = require('./support/hub.js');

const isLinux = process.platform === 'linux';

/** What the open descriptors of this process are: each socket and each pipe has a name of its own. */
function opened() {
  return fs.readdirSync('/proc/self/fd').flatMap((descriptor) => {
    try {
      return [fs.readlinkSync(`/proc/self/fd/${descriptor}`)];
    } catch {
      // The one that read the directory.
      return [];
    }
  });
}

/** How many descriptors this process has open. */
const descriptors = () => opened().length;

for (const engine of [true, false]) {
  describe(engine ? 'on the engine' : 'without handing sockets over', () => {
    test('a thousand streams get an event, and their descriptors come back', { skip: !isLinux }, async (t) => {
      const { hub, server } = await serve(t, 'http', { engine });
      const { port } = server.address();
      // By name and not by number: the threads of a hub that ended before this one may still be closing some.
      const before = new Set(opened());
      const readers = [];
      // Fewer at a time than what the system lets wait to be accepted.
      while (readers.length < 1_000) {
        for (let number = 0; number < 100; number++) readers.push(client(port));
        await until(() => hub.stats().connections === readers.length);
      }
      const { recipients } = await hub.publish('a', { data: 'to all of them' });
      assert.equal(recipients, 1_000);
      await until(() => readers.every(({ text }) => text.includes('data: to all of them\n\n')));
      let closed = 0;
      hub.on('close', () => closed++);
      for (const { socket } of readers) socket.destroy();
      await until(() => closed === 1_000);
      const more = () => opened().filter((name) => !before.has(name));
      await until(() => more().length === 0, () => `still open: ${more()}`);
    });
  });
}

test('a hub that is made and drained leaves nothing', { skip: !isLinux }, async () => {
  const turn = async () => {
    const hub = createHub();
    await hub.publish('a', { data: '' });
    await hub.drain(0);
  };
  await turn();
  const [before, handles] = [descriptors(), native.count()];
  for (let number = 0; number < 20; number++) await turn();
  await until(() => descriptors() <= before);
  assert.equal(native.count(), handles);
});

test('the functions of an engine answer or throw, whatever they are handed', async () => {
  const hub = createHub();
  const engine = native.engineNew(...require('../src/hub-options.js').hubOptions().encoded, () => {});
  const values = [undefined, null, -1, 0.5, NaN, 2 ** 53, '', 'a\nb', '1000000', {}, [], new Uint32Array(0)];
  values.push(new Uint32Array(200), new Float64Array(4), new Float64Array(4).fill(9), Buffer.alloc(3));
  const names = Object.keys(native).filter((name) => /^engine(?!New|Drain)/.test(name));
  let thrown = 0;
  for (const name of names) {
    for (let step = 0; step < 2_000; step++) {
      const pick = (index) => values[(step * 31 + index * 17 + ((step * index) >> 3)) % values.length];
      const call = Array.from({ length: 10 }, (_, index) => pick(index + 1));
      // A number could be a descriptor of something.
      if (name === 'engineAdopt' && call[0] !== 2 ** 53) call[0] = NaN;
      try {
        native[name](step % 10 === 0 ? values[step % values.length] : engine, ...call);
      } catch (error) {
        assert.ok(error instanceof TidingsError, `${name}: ${error}`);
        assert.ok(!['panic', 'poisoned', 'other'].includes(error.code), `${name}: ${error.code}`);
        thrown++;
      }
    }
  }
  assert.ok(thrown > 1_000);
  native.free(engine);
  await hub.drain(0);
});

const run = promisify(execFile);

/** Runs a program to its end. It fails if a rejection is left alone, or if it does not end. */
async function program(text) {
  const begin = `
    const http = require('node:http');
    const { createHub, subscribe } = require('tidings');
    const serve = (hub) => new Promise((resolve) => {
      const server = http.createServer((...call) => hub.connect(...call, { topics: 'a' }));
      server.listen(0, '127.0.0.1', () => resolve({ server, url: 'http://127.0.0.1:' + server.address().port }));
    });`;
  const body = `${begin} (async () => { ${text} })()`;
  const flags = ['--unhandled-rejections=strict', '--trace-uncaught', '--eval', body];
  const { stdout } = await run(process.execPath, flags, { cwd: __dirname, timeout: 20_000 });
  return stdout;
}

const endings = {
  'a hub without streams keeps no process alive': 'createHub(); console.log(1);',
  'a publish is waited for': "console.log((await createHub().publish('a', { data: '' })).recipients + 1);",
  'a drain is waited for': "const hub = createHub(); process.on('beforeExit', () => {}); await hub.drain(50); console.log(1);",
  'a process ends by itself after a drain': `
    const hub = createHub(); const { server, url } = await serve(hub);
    const events = subscribe(url, { reconnect: false }); await events.next();
    server.close(); hub.drain(0).then(() => console.log(1));
    for await (const event of events) if (event.event !== 'bye') console.log(event);`,
  'a stream keeps its process alive until it is gone': `
    const hub = createHub(); const { server, url } = await serve(hub);
    const asking = http.get(url, { agent: false }, (response) => {
      response.on('error', () => {}).socket.unref(); server.close();
      setTimeout(() => response.destroy(), 100).unref();
    });
    asking.on('error', () => {});
    hub.on('close', (_, reason) => console.log(reason === 'gone' ? 1 : reason));`,
  'process.exit ends it with streams open': `
    const hub = createHub(); const { url } = await serve(hub);
    await subscribe(url).next(); hub.publish('a', { data: '' }); console.log(1); process.exit(0);`,
  'process.exit ends it within a drain': `
    const hub = createHub(); await serve(hub); hub.drain(60_000); console.log(1); process.exit(0);`,
  'an error in a handler of an event is the process’s': `
    process.on('uncaughtException', (error) => { console.log(error.message); process.exit(0); });
    const hub = createHub(); const { url } = await serve(hub);
    hub.on('close', () => { throw new Error('1'); });
    const events = subscribe(url); await events.next(); events.close();`,
};

describe('the end of a process', () => {
  for (const [name, text] of Object.entries(endings)) {
    test(name, async () => assert.equal(await program(text), '1\n'));
  }

  test('the workers of a cluster have each a hub', async () => {
    const text = `
      const cluster = require('node:cluster');
      if (cluster.isPrimary) {
        const worker = cluster.fork();
        worker.on('message', async (url) => {
          const events = subscribe(url, { reconnect: false });
          for await (const event of events) if (event.event === 'bye') console.log(1);
        });
      } else {
        const hub = createHub(); const { server, url } = await serve(hub);
        hub.on('open', () => hub.drain(0).then(() => cluster.worker.disconnect()));
        process.send(url);
      }`;
    const file = `${fs.mkdtempSync(`${require('node:os').tmpdir()}/tidings-cluster-`)}/cluster.js`;
    const begin = `const http = require('node:http');
      const { createHub, subscribe } = require(${JSON.stringify(require.resolve('tidings'))});
      const serve = (hub) => new Promise((resolve) => {
        const server = http.createServer((...call) => hub.connect(...call));
        server.listen(0, '127.0.0.1', () => resolve({ server, url: 'http://127.0.0.1:' + server.address().port }));
      });`;
    fs.writeFileSync(file, `${begin} (async () => { ${text} })()`);
    const { stdout } = await run(process.execPath, [file], { timeout: 20_000 });
    assert.equal(stdout, '1\n');
    fs.rmSync(require('node:path').dirname(file), { recursive: true });
  });
});

describe('a worker thread', () => {
  const worker = (more = '') =>
    new Worker(
      `const { parentPort } = require('node:worker_threads');
       const http = require('node:http');
       const { createHub } = require('tidings');
       const hub = createHub();
       const server = http.createServer((...call) => hub.connect(...call, { topics: 'a' }));
       server.listen(0, '127.0.0.1', () => parentPort.postMessage('http://127.0.0.1:' + server.address().port + '/'));
       hub.on('open', () => hub.publish('a', { data: 'from a worker' }));
       ${more}`,
      { eval: true },
    );

  test('has a hub of its own, which goes with it', async () => {
    const workers = [worker(), worker()];
    const urls = await Promise.all(workers.map((one) => once(one, 'message').then(([url]) => url)));
    const readers = await Promise.all(urls.map((url) => open(url)));
    for (const reader of readers) assert.equal((await reader.event()).data, 'from a worker');
    await Promise.all(workers.map((one) => one.terminate()));
    for (const reader of readers) {
      const next = await reader.next().catch((error) => error);
      assert.ok(next === undefined || next instanceof Error, 'the stream has ended');
    }
  });

  test('ends within a drain', async () => {
    const one = worker("hub.on('open', () => setTimeout(() => { hub.drain(30_000); parentPort.postMessage(0); }, 20));");
    const [url] = await once(one, 'message');
    const reader = await open(url);
    await once(one, 'message');
    await one.terminate();
    reader.close();
  });

  test('ends with its hub open, many times', { skip: !isLinux }, async () => {
    const turn = async () => {
      const one = worker();
      await once(one, 'message');
      await one.terminate();
    };
    await turn();
    const before = descriptors();
    for (let number = 0; number < 10; number++) await turn();
    await until(() => descriptors() <= before, () => `${descriptors()} descriptors, before ${before}`);
  });
});
