'use strict';

// What has been leaves no memory behind: streams that have ended, events that were published and read.
//
// TIDINGS_SOAK=true does twenty times as much: 200,000 streams and ten million events.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const v8 = require('node:v8');
const vm = require('node:vm');
const { subscribe } = require('tidings');
const { client, serve, until } = require('./support/hub.js');

const SCALE = process.env.TIDINGS_SOAK === 'true' ? 20 : 1;
const skip = process.platform !== 'linux';

v8.setFlagsFromString('--expose-gc');
const collectGarbage = vm.runInNewContext('gc');

/** What a process holds, when it has let go of what it can. The room that V8 keeps for later is not counted. */
function memory() {
  for (let turn = 0; turn < 2; turn++) collectGarbage();
  const { total_physical_size: kept, used_heap_size: used } = v8.getHeapStatistics();
  return process.memoryUsage.rss() - kept + used;
}

/** What is done a few times first to warm up does not make the process grow when it is done often. */
async function staysSmall(t, what, { warmUp, count }, act) {
  await act(warmUp);
  const before = memory();
  const start = performance.now();
  await act(count);
  const grown = memory() - before;
  const seconds = (performance.now() - start) / 1_000;
  t.diagnostic(`${count} ${what}: ${(grown / 2 ** 20).toFixed(1)} MB more, ${seconds.toFixed(0)} s`);
  assert.ok(grown < 40 * 2 ** 20, `grown by ${grown} bytes over ${count} ${what}`);
}

for (const engine of [true, false]) {
  describe(engine ? 'on the engine' : 'through responses', { skip }, () => {
    test('streams that have ended', async (t) => {
      const { hub, server } = await serve(t, 'http', { engine });
      const { port } = server.address();
      const counts = { warmUp: 3_000, count: (engine ? 10_000 : 3_000) * SCALE };
      await staysSmall(t, 'streams', counts, async (count) => {
        for (let done = 0; done < count; done += 100) {
          const readers = Array.from({ length: 100 }, () => client(port));
          await until(() => readers.every(({ text }) => text.includes('event: connected')));
          for (const { socket } of readers) socket.destroy();
          await until(() => hub.stats().connections === 0);
        }
      });
    });

    test('events that were published, and read in order', async (t) => {
      // A log that is full when the warm up is done.
      const { hub, url } = await serve(t, 'http', { engine, log: { events: 1_000 } });
      const reader = subscribe(`${url}?topics=a`, { reconnect: false });
      t.after(() => reader.close());
      await reader.next();
      let published = 0;
      let read = 0;
      const counts = { warmUp: 100_000, count: (engine ? 500_000 : 50_000) * SCALE };
      await staysSmall(t, 'events', counts, async (count) => {
        for (let done = 0; done < count; done += 1_000) {
          const posts = Array.from({ length: 1_000 }, () => hub.publish('a', { event: 'n', data: String(published++) }));
          await Promise.all(posts);
          while (read < published) {
            const { event, data } = (await reader.next()).value;
            if (event === 'n') assert.equal(data, String(read++));
            else assert.equal(event, 'heartbeat');
          }
        }
      });
      assert.equal(hub.stats().gaps, 0);
    });
  });
}
