'use strict';

// The hub: whom events reach, what comes back, what becomes of streams. Over real sockets, the same on
// either way that a stream can go.

const assert = require('node:assert/strict');
const { once } = require('node:events');
const { describe, test } = require('node:test');
const { createHub, TidingsError } = require('tidings');
const { frameworks } = require('./support/frameworks.js');
const { open, serve, until } = require('./support/hub.js');

const failsWith = (code, more = {}) => (error) => {
  assert.ok(error instanceof TidingsError, String(error?.stack));
  assert.deepEqual({ code: error.code, ...more }, { code, ...Object.fromEntries(Object.keys(more).map((name) => [name, error[name]])) });
  return true;
};

for (const [kind, { way }] of Object.entries(frameworks)) {
  test(`${kind}: a stream opens, gets events in order, resumes, and ends with a bye`, async (t) => {
    const { hub, url } = await serve(t, kind);
    const opened = [];
    const closed = [];
    hub.on('open', (connection) => opened.push(connection));
    hub.on('close', (connection, reason) => closed.push([connection.id, reason]));
    const reader = await open(`${url}?topics=news`);
    assert.equal(reader.status, 200);
    assert.equal(reader.headers['content-type'], 'text/event-stream');
    assert.equal(reader.headers['cache-control'], 'no-cache, no-transform');
    assert.equal(reader.headers['x-accel-buffering'], 'no');
    assert.equal(opened[0].id, reader.id);
    assert.equal(opened[0].way, way);
    assert.deepEqual(hub.stats().ways, { engine: 0, response: 0, [way]: 1 });

    const sent = await Promise.all([1, 2, 3].map((n) => hub.publish('news', { event: 'tick', data: `line ${n}\nwith ☃` })));
    for (const { id, recipients, duplicate } of sent) {
      assert.deepEqual(await reader.event(), { event: 'tick', data: `line ${sent.findIndex((one) => one.id === id) + 1}\nwith ☃`, id, retry: undefined });
      assert.deepEqual([recipients, duplicate], [1, false]);
    }
    reader.close();
    await until(() => closed.length === 1);
    assert.deepEqual(closed, [[reader.id, 'gone']]);
    assert.deepEqual(hub.stats().ways, { engine: 0, response: 0 });

    const again = await open(`${url}?topics=news`, { 'last-event-id': sent[0].id });
    assert.deepEqual([(await again.event()).id, (await again.event()).id], [sent[1].id, sent[2].id]);
    const drained = hub.drain(0);
    const bye = await again.event();
    assert.equal(bye.event, 'bye');
    assert.equal(JSON.parse(bye.data).reason, 'drain');
    assert.equal(await again.next(), undefined);
    await drained;
    assert.deepEqual(closed[1], [again.id, 'drain']);
  });
}

for (const engine of [true, false]) {
  const options = { engine };
  describe(engine ? 'on the engine' : 'without handing sockets over', () => {
    test('an event reaches whom it is for', async (t) => {
      const { hub, open } = await serve(t, 'http', options);
      const ann = await open('?topics=a&user=ann&grants=a');
      const other = await open('?topics=a,b&user=ann');
      const bob = await open('?topics=a/*&user=bob');
      const publishes = [
        ['a', {}, [ann, other]],
        [['a', 'b', 'a/x'], {}, [ann, other, bob]],
        [{ user: 'ann' }, {}, [ann, other]],
        [{ user: 'ann', topics: 'b' }, {}, [other]],
        [{ everyone: true }, {}, [ann, other, bob]],
        [{ connection: bob.id }, {}, [bob]],
        ['a', { except: ann.id }, [other]],
        ['a', { private: true }, [ann]],
        ['nobody', {}, []],
      ];
      const wanted = new Map([ann, other, bob].map((reader) => [reader, []]));
      for (const [index, [to, others, readers]] of publishes.entries()) {
        const { recipients } = await hub.publish(to, { data: String(index) }, others);
        assert.equal(recipients, readers.length, `publish ${index}`);
        for (const reader of readers) wanted.get(reader).push(String(index));
      }
      await hub.publish({ everyone: true }, { data: 'end' });
      for (const [reader, data] of wanted) {
        const seen = [];
        for (let event; (event = await reader.event()).data !== 'end'; ) seen.push(event.data);
        assert.deepEqual(seen, data);
      }
    });

    test('subscriptions change while a stream is open', async (t) => {
      const { hub, open } = await serve(t, 'http', options);
      const opened = new Promise((resolve) => hub.once('open', resolve));
      const reader = await open('?topics=a');
      const connection = await opened;
      connection.subscribe('b');
      hub.unsubscribe(reader.id, 'a');
      const counts = await Promise.all(['a', 'b'].map((topic) => hub.publish(topic, { data: topic })));
      assert.deepEqual(counts.map(({ recipients }) => recipients), [0, 1]);
      assert.equal((await reader.event()).data, 'b');
      connection.renew({ grants: ['b'], expires: new Date(Date.now() + 60_000) });
      assert.equal((await hub.publish('b', { data: 'secret' }, { private: true })).recipients, 1);
      assert.equal((await reader.event()).data, 'secret');
      await connection.publish({ data: 'for you', retry: 500 });
      assert.deepEqual(await reader.event().then(({ data, retry }) => [data, retry]), ['for you', 500]);
      connection.close();
      assert.equal((await reader.event()).event, 'bye');
      assert.equal(await reader.next(), undefined);
      assert.equal(await connection.closed, 'closed');
      assert.throws(() => connection.subscribe('c'), failsWith('not_found'));
      connection.unsubscribe('c');
      connection.close();
    });

    test('an id of the publisher is known again', async (t) => {
      const { hub, open } = await serve(t, 'http', options);
      const reader = await open('?topics=a');
      assert.deepEqual(await hub.publish('a', { data: '1', id: 'mine' }), { id: 'mine', recipients: 1, duplicate: false });
      assert.deepEqual(await hub.publish('a', { data: '2', id: 'mine' }), { id: 'mine', recipients: 0, duplicate: true });
      await hub.publish('a', { data: '3' });
      assert.deepEqual([(await reader.event()).data, (await reader.event()).data], ['1', '3']);
    });

    test('what is no longer there is told as a gap', async (t) => {
      const { hub, open } = await serve(t, 'http', { ...options, log: { events: 2 } });
      const [ids, gaps] = [[], []];
      hub.on('gap', (connection, gap) => gaps.push([connection.id, gap]));
      for (const data of '12345') ids.push((await hub.publish('a', { data })).id);
      const reader = await open('?topics=a', { 'last-event-id': ids[0] });
      const gap = await reader.event();
      assert.equal(gap.event, 'gap');
      assert.equal(JSON.parse(gap.data).missed, 2);
      assert.deepEqual([(await reader.event()).data, (await reader.event()).data], ['4', '5']);
      assert.equal(hub.stats().gaps, 1);
      const stranger = await open('?topics=a', { 'last-event-id': 'of another log' });
      assert.equal(JSON.parse((await stranger.event()).data).missed, null);
      await until(() => gaps.length === 2);
      assert.deepEqual(gaps, [
        [reader.id, { missed: 2, reason: 'trimmed' }],
        [stranger.id, { missed: null, reason: 'unknown_cursor' }],
      ]);
    });

    test('a newer stream of a tab takes the place of the older, which stays away', async (t) => {
      const { hub, open } = await serve(t, 'http', options);
      const older = await open('?user=ann&tab=1');
      const newer = await open('?user=ann&tab=1');
      const bye = await older.event();
      assert.deepEqual([bye.event, JSON.parse(bye.data).reason], ['bye', 'superseded']);
      assert.equal(await older.next(), undefined);
      assert.equal((await open('?user=ann&tab=1', { 'last-event-id': bye.id })).status, 204);
      const soon = await open('?user=ann&tab=1');
      assert.deepEqual([soon.status, soon.headers['retry-after']], [503, '1']);
      await hub.publish({ user: 'ann' }, { data: 'x' });
      assert.equal((await newer.event()).data, 'x');
    });

    test('a request that is refused is answered', async (t) => {
      const { hub, open } = await serve(t, 'http', { ...options, userConnections: 1 });
      const refused = [];
      hub.on('refuse', (error, request) => refused.push([error.code, error.status, request.url]));
      await open('?user=ann');
      const cases = [
        ['?user=ann', 429, 'too_many_user_connections'],
        ['?topics=**.a', 400, 'invalid_topic'],
        ['?tab=short', 400, 'tab_too_short'],
        [`?expires=1000`, 401, 'expired'],
      ];
      for (const [search, status, code] of cases) {
        const answer = await open(search);
        assert.equal(answer.status, status);
        assert.equal(JSON.parse(await answer.text()).error.code, code);
        assert.equal(answer.headers['content-type'], 'application/json');
      }
      assert.deepEqual(refused, cases.map(([search, status, code]) => [code, status, `/${search}`]));
      await hub.drain(0);
      assert.equal((await open()).status, 503);
    });

    test('a refusal is left to the application if it wants it', async (t) => {
      const { open } = await serve(t, 'http', options, async (hub, request, response) => {
        const refusal = hub.connect(request, response, { tab: 'short', answer: false });
        await assert.rejects(refusal, failsWith('tab_too_short', { status: 400 }));
        response.writeHead(418).end('mine');
      });
      const answer = await open();
      assert.deepEqual([answer.status, await answer.text()], [418, 'mine']);
    });

    test('headers of the application are kept', async (t) => {
      const { open } = await serve(t, 'http', options, (hub, request, response) => {
        response.setHeader('Access-Control-Allow-Origin', 'https://example.org');
        response.setHeader('Set-Cookie', ['a=1', 'b=2']);
        return hub.connect(request, response, { headers: { 'X-Mine': 'yes' } });
      });
      const { headers } = await open();
      assert.equal(headers['access-control-allow-origin'], 'https://example.org');
      assert.deepEqual(headers['set-cookie'], ['a=1', 'b=2']);
      assert.equal(headers['x-mine'], 'yes');
      assert.equal(headers['content-type'], 'text/event-stream');
    });

    test('a reader that stops costs a bounded amount of memory, and misses nothing without a word', async (t) => {
      const { hub, open } = await serve(t, 'http', { ...options, log: { events: 100, records: 2_000 } });
      const reader = await open('?topics=a');
      const gaps = [];
      hub.on('gap', ({ id }, gap) => gaps.push([id, gap]));
      const data = 'x'.repeat(50_000);
      const before = process.memoryUsage().rss;
      for (let n = 0; n < 1_000; n++) await hub.publish('a', { data });
      const grown = process.memoryUsage().rss - before;
      assert.ok(grown < 40 * 2 ** 20, `grown by ${grown} bytes for 50 MB that were not read`);
      await hub.publish('a', { event: 'end', data: '' });
      let [seen, missed] = [0, 0];
      for (let event; (event = await reader.event()).event !== 'end'; ) {
        if (event.event === 'gap') missed += JSON.parse(event.data).missed;
        else seen++;
      }
      assert.equal(seen + missed, 1_000);
      assert.ok(missed > 0, 'the reader was slow');
      await until(() => gaps.reduce((sum, [, gap]) => sum + gap.missed, 0) === missed);
      for (const [id, { reason }] of gaps) assert.deepEqual([id, reason], [reader.id, 'lagged']);
    });

    test('a heartbeat is an event or a comment', async (t) => {
      const { open } = await serve(t, 'http', { ...options, heartbeat: 50, tick: 10 });
      assert.equal((await (await open('?heartbeat=event')).next()).event, 'heartbeat');
      const quiet = await open('?heartbeat=comment');
      const next = quiet.next();
      await until(() => quiet.comments.length > 1);
      quiet.close();
      await assert.rejects(next);
    });
  });
}

describe('which way a stream goes', () => {
  const patches = {
    'a patched write': (response) => {
      const { write } = response;
      response.write = (...call) => write.apply(response, call);
    },
    'a patched writeHead that answers something else': (response) => {
      const { writeHead } = response;
      response.writeHead = () => writeHead.call(response, 201);
    },
    'a header that is not ASCII': (response) => response.setHeader('x-name', 'caf\u00e9'),
  };
  for (const [name, patch] of Object.entries(patches)) {
    test(`${name} is not gone round`, async (t) => {
      const { hub, open } = await serve(t, 'http', {}, (hub, request, response) => {
        patch(response);
        return hub.connect(request, response, { topics: ['a'] });
      });
      const reader = await open();
      assert.deepEqual(hub.stats().ways, { engine: 0, response: 1 });
      await hub.publish('a', { data: '1' });
      assert.equal((await reader.event()).data, '1');
    });
  }

  test('who patches the head or the end alone is asked, and the socket moves', async (t) => {
    const asked = [];
    const { hub, open } = await serve(t, 'http', { userConnections: 1 }, (hub, request, response) => {
      const { writeHead, end } = response;
      response.writeHead = (status, ...more) => {
        asked.push(status);
        response.setHeader('set-cookie', ['a=1', 'b=2']);
        return writeHead.call(response, status, { ...more[0], 'x-late': 'yes' });
      };
      response.end = (...call) => setImmediate(() => asked.push('end') && end.apply(response, call));
      response.on('close', () => asked.push('close'));
      response.setHeader('content-type', 'text/html');
      response.setHeader('vary', 'cookie');
      return hub.connect(request, response, { user: 'ann', headers: { 'x-mine': 'yes' } });
    });
    const reader = await open();
    assert.deepEqual(hub.stats().ways, { engine: 1, response: 0 });
    const { 'set-cookie': cookies, 'x-late': late, 'x-mine': mine, vary, connection } = reader.headers;
    assert.deepEqual([cookies, late, mine, vary, connection], [['a=1', 'b=2'], 'yes', 'yes', 'cookie', 'close']);
    assert.equal(reader.headers['content-type'], 'text/event-stream');
    await until(() => asked.includes('close'));
    assert.deepEqual(asked, [200, 'end', 'close']);
    await hub.publish({ user: 'ann' }, { data: 'x' });
    assert.equal((await reader.event()).data, 'x');
    // What was to be a stream is a refusal, of which nothing says that it is a stream.
    const refused = await open();
    assert.deepEqual([refused.status, JSON.parse(await refused.text()).error.code], [429, 'too_many_user_connections']);
    assert.equal(refused.headers['content-type'], 'application/json');
    assert.equal(refused.headers['x-accel-buffering'], undefined);
    assert.deepEqual(refused.headers['set-cookie'], ['a=1', 'b=2']);
    assert.deepEqual(asked.slice(3, 5), [200, 429]);
  });

  test('a session of Express gives its cookie, is stored at once, and is known again', async (t) => {
    const session = require('express-session');
    const app = require('express')();
    const hub = createHub();
    app.use(session({ secret: 'known to nobody', resave: false, saveUninitialized: true }));
    app.get('/', async (request, response) => {
      request.session.visits = (request.session.visits ?? 0) + 1;
      await hub.connect(request, response, { user: request.sessionID });
      await hub.publish({ user: request.sessionID }, { data: String(request.session.visits) });
    });
    const { server, close } = await frameworks.http.start(app);
    t.after(() => hub.drain(0).then(close));
    const url = `http://127.0.0.1:${server.address().port}/`;
    const first = await open(url);
    assert.equal((await first.event()).data, '1');
    const cookie = first.headers['set-cookie'][0].split(';')[0];
    const second = await open(url, { cookie });
    assert.equal((await second.event()).data, '2');
    assert.deepEqual(hub.stats().ways, { engine: 2, response: 0 });
  });

  test('what compresses is flushed', async (t) => {
    const zlib = require('node:zlib');
    const { hub, open } = await serve(t, 'http', {}, (hub, request, response) => {
      const { write, end } = response;
      const gzip = zlib.createGzip();
      response.setHeader('content-encoding', 'gzip');
      gzip.on('data', (chunk) => write.call(response, chunk)).on('end', () => end.call(response));
      response.write = (chunk) => gzip.write(chunk);
      response.end = () => gzip.end();
      response.flush = () => gzip.flush();
      return hub.connect(request, response, { topics: ['a'] });
    });
    const { response, headers } = await open();
    assert.equal(headers['content-encoding'], 'gzip');
    const text = response.pipe(zlib.createGunzip()).setEncoding('utf8');
    let seen = '';
    text.on('data', (chunk) => (seen += chunk)).on('error', () => {});
    await hub.publish('a', { data: 'squeezed' });
    await until(() => seen.includes('data: squeezed\n\n'));
    response.destroy();
  });

  test('bytes that are not sent yet come first', async (t) => {
    const http = require('node:http');
    const { hub, url } = await serve(t, 'http', {}, async (hub, request, response) => {
      const { socket } = request;
      socket.cork();
      socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n');
      await hub.connect(request, response, { topics: ['a'] });
      socket.uncork();
    });
    const hints = [];
    const asking = http.get(url, { agent: false }).on('information', ({ headers }) => hints.push(headers.link));
    const [response] = await once(asking, 'response');
    t.after(() => response.on('error', () => {}).destroy());
    assert.deepEqual([response.statusCode, hints], [200, ['</a.css>; rel=preload']]);
    assert.deepEqual(hub.stats().ways, { engine: 0, response: 1 });
  });

  test('a body that was read is no obstacle, one that was not is left alone', async (t) => {
    const http = require('node:http');
    const { hub, url } = await serve(t, 'http', {}, async (hub, request, response) => {
      if (request.url === '/read') for await (const _ of request);
      await hub.connect(request, response);
    });
    const post = (path) =>
      new Promise((resolve) => {
        const asking = http.request(url + path, { method: 'POST', agent: false }, resolve);
        asking.on('error', () => {}).write('{"model":');
        if (path === 'read') asking.end('1}');
      });
    const answers = [await post('read')];
    assert.deepEqual(hub.stats().ways, { engine: 1, response: 0 });
    answers.push(await post('unread'));
    assert.deepEqual(hub.stats().ways, { engine: 1, response: 1 });
    for (const answer of answers) answer.on('error', () => {}).destroy();
  });

  test('a request that was handed over looks finished', async (t) => {
    const seen = [];
    const { open, server } = await serve(t, 'http', {}, (hub, request, response) => {
      for (const name of ['finish', 'close', 'error']) response.on(name, () => seen.push(name));
      for (const name of ['aborted', 'error']) request.on(name, () => seen.push(`request ${name}`));
      return hub.connect(request, response, { topics: ['a'] });
    });
    const reader = await open();
    await until(() => seen.includes('close'));
    assert.deepEqual(seen, ['finish', 'close']);
    const count = await new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
    assert.equal(count, 0, 'the server has let go of it');
    assert.equal(reader.headers.connection, 'close');
    assert.equal(reader.headers['transfer-encoding'], undefined);
  });
});

describe('a mistake is told', () => {
  test('an option of a hub that is wrong is named', () => {
    const wrong = {
      engine: 1,
      shards: 0,
      lag: 'drop',
      heartbeat: 0,
      connections: -1,
      replaceOldest: 'yes',
      heartbeats: 5,
      log: 5,
      publishQueue: 0.5,
    };
    for (const [option, value] of Object.entries(wrong)) {
      assert.throws(() => createHub({ [option]: value }), failsWith('invalid_option', { option }));
    }
    assert.throws(() => createHub({ log: { events: 'x' } }), failsWith('invalid_option', { option: 'log.events' }));
    assert.throws(() => createHub({ log: { event: 1 } }), failsWith('invalid_option', { option: 'log.event' }));
    assert.throws(() => createHub({ classes: [{ topics: [5] }] }), failsWith('invalid_option', { option: 'classes[0].topics' }));
    assert.throws(() => createHub({ controls: { bye: { name: 'a\nb' } } }), failsWith('invalid_option', { option: 'controls.bye.name' }));
    assert.throws(() => createHub({ controls: { bye: { name: 'gap' } } }), failsWith('control_name'));
    assert.throws(() => createHub({ classes: [{ topics: ['a**'] }] }), failsWith('class_pattern'));
    assert.throws(() => createHub(null), failsWith('invalid_argument'));
  });

  test('of a connect and of a publish', async (t) => {
    const { hub, open } = await serve(t, 'http', {}, async (hub, request, response) => {
      const wrong = { user: 5, topics: ['a', 5], grants: 'a\nb', expires: 'soon', lag: 'none', heartbeat: 1, headers: { 'a b': '' }, topic: 'a' };
      for (const [option, value] of Object.entries(wrong)) {
        await assert.rejects(hub.connect(request, response, { [option]: value }), failsWith('invalid_option', { option }));
      }
      response.end('fine');
      await assert.rejects(hub.connect(request, response), failsWith('invalid_argument'));
    });
    assert.equal(await (await open()).text(), 'fine');
    await assert.rejects(hub.connect({}, {}), failsWith('invalid_argument'));
    const publishes = [
      [['a\nb', { data: '' }], 'invalid_option'],
      [['a', {}], 'invalid_option'],
      [['a', { data: 5 }], 'invalid_option'],
      [['a'], 'invalid_argument'],
      [[{}, { data: '' }], 'invalid_argument'],
      [[{ user: 'a', everyone: true }, { data: '' }], 'invalid_argument'],
      [[5, { data: '' }], 'invalid_argument'],
      [['a', { data: '' }, { excepted: 1 }], 'invalid_option'],
      [['a', { data: '' }, { except: 'x' }], 'connection_id'],
      [[[], { data: '' }], 'no_topic'],
      [['a*', { data: '' }], 'invalid_topic'],
      [['a', { data: '', event: 'bye' }], 'reserved_event'],
      [['a', { data: '', id: 'a\nb' }], 'id_line_break'],
    ];
    for (const [call, code] of publishes) await assert.rejects(hub.publish(...call), failsWith(code), String(call));
    assert.throws(() => hub.subscribe('nobody', 'a'), failsWith('connection_id'));
    assert.throws(() => hub.close({}), failsWith('invalid_argument'));
    assert.equal(hub.stats().published, 0);
  });

  test('after the drain, and draining twice is fine', async () => {
    const hub = createHub();
    const drained = hub.drain(0);
    assert.equal(hub.drain(), drained);
    await drained;
    await hub[Symbol.asyncDispose]?.();
    await assert.rejects(hub.publish('a', { data: '' }), failsWith('closed'));
    assert.throws(() => hub.stats(), failsWith('closed'));
    assert.throws(() => hub.close('1000000'), failsWith('closed'));
  });
});
