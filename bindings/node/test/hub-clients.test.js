'use strict';

// The hub, read by clients that others have made: npm's `eventsource`, that of undici, and `fetch`.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { subscribe } = require('tidings');
const { serve, until } = require('./support/hub.js');

const clients = {
  eventsource: async () => (await import('eventsource')).EventSource,
  undici: async () => require('undici').EventSource,
};

for (const [name, load] of Object.entries(clients)) {
  for (const engine of [true, false]) {
    test(`${name} reads, and resumes, ${engine ? 'on the engine' : 'through the response'}`, async (t) => {
      const EventSource = await load();
      const { hub, url } = await serve(t, 'http', { engine });
      const source = new EventSource(`${url}?topics=a`);
      t.after(() => source.close());
      const [seen, opened] = [[], []];
      source.addEventListener('note', ({ data, lastEventId }) => seen.push([data, lastEventId]));
      hub.on('open', (connection) => opened.push(connection));
      await until(() => opened.length === 1);
      const first = await hub.publish('a', { event: 'note', data: '1\n☃' });
      await until(() => seen.length === 1);
      opened[0].close();
      // Nobody listens now, or the next stream does: it is read all the same.
      await opened[0].closed;
      const second = await hub.publish('a', { event: 'note', data: '2' });
      await until(() => seen.length === 2);
      assert.deepEqual(seen, [
        ['1\n☃', first.id],
        ['2', second.id],
      ]);
    });
  }
}

test('the package reads itself: each event once and in order, through cuts', async (t) => {
  const { hub, url } = await serve(t);
  const reader = subscribe(`${url}?topics=a`, { minDelay: 1, retry: 1 });
  let cutting = true;
  hub.on('open', (connection) => setTimeout(() => cutting && connection.close(), 20).unref());
  await reader.next();
  const sending = (async () => {
    for (let number = 0; number < 200; number++) {
      await hub.publish('a', { event: 'count', data: String(number) });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  const seen = [];
  for await (const { event, data } of reader) {
    assert.notEqual(event, 'gap');
    if (event === 'count') seen.push(Number(data));
    if (seen.length === 200) break;
  }
  await sending;
  // From here on the hub may be closed at any time.
  cutting = false;
  assert.deepEqual(seen, Array.from({ length: 200 }, (_, number) => number));
  assert.ok(hub.stats().opened > 3, 'there were cuts');
});
