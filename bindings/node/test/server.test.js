'use strict';

// A subscription to the real server, through a cut, a crash and a shutdown.

const assert = require('node:assert/strict');
const { test } = require('node:test');
const { subscribe } = require('tidings');

const programs = import('../../smol/tests/browser/support/programs.js');

/** The next event that is not for knowing how one stands. */
async function next(subscription) {
  for (;;) {
    const { value } = await subscription.next();
    if (value.event !== 'connected' && value.event !== 'heartbeat') return value;
  }
}

test('what happens to the server is seen, and nothing is lost in silence', async (t) => {
  const { Server } = await programs;
  const first = await Server.start();
  t.after(() => first.program.kill());
  const publish = (server, data) => server.publish({ topics: ['news'], event: 'tick', data });
  const lost = [];
  const subscription = subscribe(`${first.url}/events?topic=news&last_event_id=earliest`, {
    retry: 1,
    minDelay: 1,
    maxDelay: 50,
    onDisconnect: (error) => lost.push(error.code),
  });
  t.after(() => subscription.close());

  await publish(first, 'one');
  await publish(first, '{"naïve":"☃"}');
  const one = await next(subscription);
  assert.deepEqual([one.event, one.data], ['tick', 'one']);
  assert.equal((await next(subscription)).data, '{"naïve":"☃"}');

  // What was published is gone with the server, and nobody can say how much that is.
  await first.program.kill('SIGKILL');
  const waiting = next(subscription);
  const second = await Server.start([], first.port);
  t.after(() => second.program.kill());
  const gap = await waiting;
  assert.equal(gap.event, 'gap');
  assert.equal(JSON.parse(gap.data).missed, null);
  assert.ok(lost.length > 0);

  // A reader that comes back gets what was published meanwhile.
  await publish(second, 'two');
  assert.equal((await next(subscription)).data, 'two');
  const { lastEventId } = subscription;
  await subscription.return();
  await publish(second, 'three');
  const later = subscribe(`${second.url}/events?topic=news`, { lastEventId, reconnect: false });
  assert.equal((await next(later)).data, 'three');

  const stopped = second.program.kill('SIGTERM');
  const bye = await next(later);
  assert.equal(bye.event, 'bye');
  assert.equal(JSON.parse(bye.data).reason, 'drain');
  assert.equal((await later.next()).done, true);
  await stopped;
});
