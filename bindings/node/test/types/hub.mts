// The hub, as `tsc` sees it.

import http from 'node:http';
import http2 from 'node:http2';
import { createHub, Hub } from 'tidings';
import type { CloseReason, Connection, Published } from 'tidings';

const hub: Hub = createHub({
  engine: false,
  lag: 'close',
  log: { events: 1000, age: Infinity },
  classes: [{ topics: 'prices/**', latest: true }],
  controls: { heartbeat: false, bye: { name: 'end' } },
});

http.createServer(async (request, response) => {
  const connection: Connection | undefined = await hub.connect(request, response, {
    user: 'ann',
    topics: ['a', 'b/*'],
    expires: new Date(),
    headers: { vary: 'cookie', 'set-cookie': ['a=1'] },
  });
  if (connection === undefined) return;
  connection.subscribe('c');
  const reason: CloseReason = await connection.closed;
  reason.trim();
});
http2.createServer((request, response) => void hub.connect(request, response));

hub.on('close', (connection, reason) => [connection.id.trim(), reason.trim()]);
hub.on('gap', (connection, { missed, reason }) => [connection.id.trim(), missed?.toFixed(), reason === 'lagged']);
hub.on('refuse', (error, request) => [error.code, request.url]);

async function publish(connection: Connection): Promise<void> {
  const { id, recipients, duplicate }: Published = await hub.publish('a', { data: '' }, { except: connection });
  [id.trim(), recipients.toFixed(), duplicate === true];
  await hub.publish({ user: 'ann' }, { event: 'note', data: '{}' });
  await hub.publish({ user: 'ann', topics: ['a'] }, { data: '' }, { private: true, except: '5' });
  await hub.publish({ everyone: true }, { data: '', retry: 5 });
  await hub.publish({ connection: connection.id }, { data: '' });
  hub.stats().closed.drain.toFixed();
  hub.stats().ways.engine.toFixed();
  await using other = createHub();
  await other.drain(100);
}

// @ts-expect-error no option
createHub({ compression: true });
// @ts-expect-error data is a text
void hub.publish('a', { data: { x: 1 } });
// @ts-expect-error no audience
void hub.publish({ room: 'a' }, { data: '' });
// @ts-expect-error there is no such event
hub.on('lost', () => {});

export { publish };
