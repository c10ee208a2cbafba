'use strict';

// One of the two servers that are measured: `hub-server.js ours|theirs|through`, the last being ours without
// handing sockets over. It says its port, and does what it is told by its parent.

const http = require('node:http');
const { setTimeout: sleep } = require('node:timers/promises');

const kinds = {
  async theirs() {
    const { createChannel, createSession } = await import('better-sse');
    const channel = createChannel();
    return {
      listener: async (...call) => channel.register(await createSession(...call, { keepAlive: null })),
      broadcast: (data) => channel.broadcast(data, 'tick'),
      count: () => channel.sessionCount,
    };
  },
  ours: async (options) => {
    const { createHub } = require('tidings');
    const hub = createHub({ heartbeat: Infinity, ...options });
    return {
      listener: (...call) => hub.connect(...call, { topics: 'news' }),
      broadcast: (data) => hub.publish('news', { event: 'tick', data }),
      count: () => hub.stats().connections,
    };
  },
  through: () => kinds.ours({ engine: false }),
};

/** What is used in some time in which `act` is called: milliseconds of the event loop, and of all threads. */
async function window(ms, act) {
  const [before, used] = [performance.eventLoopUtilization(), process.cpuUsage()];
  const acted = act?.();
  await sleep(ms);
  await acted;
  const [{ active }, { user, system }] = [performance.eventLoopUtilization(before), process.cpuUsage(used)];
  return { active, cpu: (user + system) / 1_000 };
}

async function memory() {
  for (let turn = 0; turn < 2; turn++) {
    globalThis.gc();
    await sleep(100);
  }
  return process.memoryUsage().rss;
}

(async () => {
  const { listener, broadcast, count } = await kinds[process.argv[2]]();
  const data = 'x'.repeat(256);
  const deeds = {
    memory,
    count,
    async measure({ rounds, ms }) {
      const measured = [];
      // The first is to warm up.
      for (let round = 0; round <= rounds; round++) {
        measured.push({ idle: await window(ms), busy: await window(ms, () => broadcast(data)) });
      }
      return measured.slice(1);
    },
  };
  process.on('message', async ({ deed, ...how }) => process.send(await deeds[deed](how)));
  const server = http.createServer(listener);
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => process.send(server.address().port));
})();
