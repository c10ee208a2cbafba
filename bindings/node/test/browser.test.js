'use strict';

// The hub, read by an EventSource of a page in Chromium: events, a cut, a restart of the server.
//
// Chromium and what drives it are those of the tests of the server. `run.sh` sees whether they are there.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { after, before, describe, test } = require('node:test');
const { createHub } = require('tidings');
const { frameworks } = require('./support/frameworks.js');
const { query } = require('./support/hub.js');

const support = (name) => import(`../../smol/tests/browser/support/${name}.js`);
const skip = process.env.TIDINGS_CHROMIUM === 'true' ? false : 'run.sh has found no Chromium';

/** A hub behind a server of this kind, which notes the requests that became streams. */
class Site {
  streams = [];
  isDown = false;

  static async start(kind, port) {
    const site = new Site();
    site.hub = createHub({ retry: 50, log: { events: 10 } });
    site.hub.on('open', (connection, request) => site.streams.push({ connection, request }));
    const handler = (request, response) => {
      // A server that ends answers nobody any more. A 503 would be the end of an EventSource.
      if (site.isDown) return (request.stream?.session ?? request.socket).destroy();
      if (request.url.startsWith('/events')) return site.hub.connect(request, response, query(request.url));
      return response.writeHead(200, { 'content-type': 'text/plain' }).end('a page');
    };
    const { scheme, close } = await frameworks[kind].start(handler, port);
    site.stop = async () => {
      site.isDown = true;
      await site.hub.drain(0);
      await close();
    };
    site.origin = `${scheme.replace('http2', 'https')}://127.0.0.1:${port}`;
    return site;
  }
}

describe('a page in Chromium', { skip }, () => {
  let browser;
  let Tab;
  let reservedPort;

  before(async () => {
    let launch;
    [{ launch, Tab }, { reservedPort }] = await Promise.all([support('browser'), support('programs')]);
    browser = await launch();
  });

  after(() => browser?.close());

  for (const kind of ['http', 'https', 'http2']) {
    test(`${kind}: each event once, through a cut; and a gap when the server was restarted`, async (t) => {
      const port = await reservedPort();
      let site = await Site.start(kind, port);
      t.after(() => site.stop());
      // The server's certificate is signed by itself.
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const tab = await Tab.open(context, site.origin, 'topics=a');
      await tab.waitFor('connected');
      const [{ connection, request }] = site.streams;
      assert.equal(connection.way, frameworks[kind].way);
      assert.equal(request.httpVersionMajor, kind === 'http2' ? 2 : 1);

      const { id, recipients } = await site.hub.publish('a', { data: 'one\n☃' });
      assert.equal(recipients, 1);
      await tab.waitFor('message');
      connection.close();
      assert.equal(await connection.closed, 'closed');
      // The page is not there, or comes back: it gets it all the same.
      await site.hub.publish('a', { data: 'two' });
      await tab.waitFor('message', 2);
      assert.equal(site.streams[1].request.headers['last-event-id'], id);
      assert.deepEqual(await tab.data('gap'), []);

      await site.stop();
      site = await Site.start(kind, port);
      const [[{ id: returned }, gap]] = await Promise.all([once(site.hub, 'gap'), tab.waitFor('gap')]);
      assert.deepEqual([returned, gap], [site.streams[0].connection.id, { missed: null, reason: 'unknown_cursor' }]);
      const told = (await tab.data('gap')).map((data) => JSON.parse(data).missed);
      assert.deepEqual(told, [null]);
      await site.hub.publish('a', { data: 'three' });
      await tab.waitFor('message', 3);
      assert.deepEqual(await tab.data(), ['one\n☃', 'two', 'three']);
      await context.close();
    });
  }
});
