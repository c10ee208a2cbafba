'use strict';

// Subscriptions, against servers that answer what each test says.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { setTimeout: sleep } = require('node:timers/promises');
const { TidingsError, subscribe } = require('tidings');
const { HEAD, broken, collect, once, serve, silent, status, stream } = require('./support/server.js');

/** So that tests do not wait for reconnects. */
const soon = { retry: 1, minDelay: 1 };

const data = (events) => events.map((event) => event.data);

const failsWith =
  (code, more = {}) =>
  (error) => {
    assert.ok(error instanceof TidingsError, `${error}`);
    assert.deepEqual({ code: error.code, ...more }, { code, ...more });
    for (const [name, value] of Object.entries(more)) assert.equal(error[name], value);
    return true;
  };

describe('a subscription', () => {
  test('goes on where it was, through ends and cuts, until the server answers 204', async (t) => {
    const { url, requests } = await serve(
      t,
      stream('id: a\ndata: 1\n\n'),
      broken('data: 2\n\nid: naïve ☃\ndata: 3\n\ndata: cut'),
      stream('event: other\ndata: 4\n\n'),
    );
    const lost = [];
    const opened = [];
    const events = await collect(
      subscribe(url, {
        ...soon,
        onOpen: (response) => opened.push(response.status),
        onDisconnect: (error, retryIn) => lost.push([error.code, retryIn >= 0 && retryIn < 1000]),
      }),
    );
    assert.deepEqual(data(events), ['1', '2', '3', '4']);
    assert.deepEqual(events[0], { event: 'message', data: '1', id: 'a', retry: undefined });
    assert.equal(events[3].event, 'other');
    const ids = requests.map(({ headers }) => headers['last-event-id']);
    const sent = ids.map((id) => id && Buffer.from(id, 'latin1').toString());
    assert.deepEqual(sent, [undefined, 'a', 'naïve ☃', 'naïve ☃']);
    assert.equal(requests[0].headers.accept, 'text/event-stream');
    assert.deepEqual(lost, [
      ['ended', true],
      ['connection_lost', true],
      ['ended', true],
    ]);
    assert.deepEqual(opened, [200, 200, 200]);
  });

  test('begins where it is told to', async (t) => {
    const { url, requests } = await serve(t, stream('data: 1\n\n'));
    const subscription = subscribe(url, { ...soon, lastEventId: '41' });
    assert.equal(subscription.lastEventId, '41');
    await collect(subscription);
    assert.deepEqual(
      requests.map(({ headers }) => headers['last-event-id']),
      ['41', '41'],
    );
  });

  test('says as last event id that of what was handed out', async (t) => {
    const { url } = await serve(t, stream('id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\n\n'));
    const subscription = subscribe(url, soon);
    const seen = [];
    for (let number = 0; number < 2; number++) {
      await subscription.next();
      seen.push(subscription.lastEventId);
    }
    await subscription.next();
    assert.deepEqual([...seen, subscription.lastEventId], ['1', '2', '3']);
  });

  test('shows what a Tidings server says for itself, and keeps the delay of a bye', async (t) => {
    const { url } = await serve(
      t,
      stream('event: gap\ndata: {"missed":3}\n\nevent: bye\nretry: 321\ndata: {"reason":"drain"}\n\n'),
    );
    const delays = [];
    const events = await collect(subscribe(url, { onDisconnect: (_, retryIn) => delays.push(retryIn) }));
    assert.deepEqual(
      events.map(({ event }) => event),
      ['gap', 'bye'],
    );
    assert.ok(delays[0] > 300 && delays[0] <= 321, `${delays}`);
  });

  test('sends method, headers and body again, as functions give them', async (t) => {
    const { url, requests } = await serve(t, stream('data: 1\n\n'), stream('data: 2\n\n'));
    const bodies = [];
    let token = 0;
    const listen = (request) => request.on('data', (part) => bodies.push(String(part)));
    requests.push = function push(request) {
      listen(request);
      return Array.prototype.push.call(this, request);
    };
    const options = {
      ...soon,
      method: 'POST',
      headers: async () => ({ authorization: `Bearer ${++token}`, accept: 'text/*' }),
      body: () => `{"attempt":${token}}`,
    };
    assert.deepEqual(data(await collect(subscribe(new URL(url), options))), ['1', '2']);
    assert.deepEqual(
      requests.map(({ method }) => method),
      ['POST', 'POST', 'POST'],
    );
    assert.deepEqual(
      requests.map(({ headers }) => headers.authorization),
      ['Bearer 1', 'Bearer 2', 'Bearer 3'],
    );
    assert.equal(requests[0].headers.accept, 'text/*');
    assert.deepEqual(bodies.slice(0, 2), ['{"attempt":1}', '{"attempt":2}']);
  });

  test('without reconnects ends with the stream, and fails with the connection', async (t) => {
    const { url, requests } = await serve(t, stream('data: 1\n\n'), broken('data: 2\n\n'));
    assert.deepEqual(data(await collect(subscribe(url, { reconnect: false }))), ['1']);
    const second = subscribe(url, { reconnect: false });
    assert.equal((await second.next()).value.data, '2');
    await assert.rejects(second.next(), failsWith('connection_lost'));
    assert.equal((await second.next()).done, true);
    assert.equal(requests.length, 2);
  });

  test('fails where there is no stream, with what the server answered', async (t) => {
    const { url } = await serve(t, status(403), status(200, { 'content-type': 'text/html' }));
    await assert.rejects(collect(subscribe(url, soon)), failsWith('http_status', { status: 403 }));
    await assert.rejects(collect(subscribe(url, soon)), failsWith('content_type'));
  });

  test('tries again if it is to be resilient, and waits as long as the server asks', async (t) => {
    const { url, requests } = await serve(
      t,
      status(503, { 'retry-after': '1' }),
      status(200, { 'content-type': 'text/html' }),
      stream('data: 1\n\n'),
    );
    const lost = [];
    const onDisconnect = (error, retryIn) => lost.push([error.code, error.status, retryIn > 900]);
    const events = await collect(subscribe(url, { ...soon, resilient: true, onDisconnect }));
    assert.deepEqual(data(events), ['1']);
    assert.deepEqual(lost.slice(0, 2), [
      ['http_status', 503, true],
      ['content_type', undefined, false],
    ]);
    assert.equal(requests.length, 4);
  });

  test('gives up after as many attempts as it may, and says why the last one failed', async (t) => {
    const { url, server } = await serve(t);
    server.close();
    await once(server, 'close');
    const error = await collect(subscribe(url, { ...soon, maxAttempts: 2 })).catch((error) => error);
    failsWith('attempts')(error);
    failsWith('connection_lost')(error.cause);
    assert.ok(error.cause.cause instanceof TypeError);
  });

  test('takes a silent connection for dead', async (t) => {
    const { url, requests } = await serve(t, silent('id: 1\ndata: 1\n\n'), stream('data: 2\n\n'));
    const lost = [];
    const options = { ...soon, idleTimeout: 50, onDisconnect: (error) => lost.push(error.code) };
    assert.deepEqual(data(await collect(subscribe(url, options))), ['1', '2']);
    assert.deepEqual(lost, ['idle_timeout', 'ended']);
    assert.equal(requests[1].headers['last-event-id'], '1');
  });

  test('does not take a server for silent while the reader is busy', async (t) => {
    const { url } = await serve(t, (_, response) => {
      response.writeHead(200, HEAD);
      response.write('data: 1\n\n');
      setTimeout(() => response.end('data: 2\n\n'), 20);
    });
    const lost = [];
    const seen = [];
    const options = { ...soon, idleTimeout: 100, onDisconnect: (error) => lost.push(error.code) };
    for await (const event of subscribe(url, options)) {
      seen.push(event.data);
      await sleep(300);
    }
    assert.deepEqual(seen, ['1', '2']);
    assert.deepEqual(lost, ['ended']);
  });

  test('gives up on a server that does not answer', async (t) => {
    const { url } = await serve(t, () => {}, stream('data: 1\n\n'));
    const lost = [];
    const options = { ...soon, connectTimeout: 50, onDisconnect: (error) => lost.push(error.code) };
    assert.deepEqual(data(await collect(subscribe(url, options))), ['1']);
    assert.deepEqual(lost, ['connect_timeout', 'ended']);
  });

  test('hands out the events before one that is too large', async (t) => {
    const { url } = await serve(t, stream('data: 1\n\ndata: too large\n\n'));
    const subscription = subscribe(url, { eventBytes: 4 });
    assert.equal((await subscription.next()).value.data, '1');
    await assert.rejects(subscription.next(), failsWith('event_too_large'));
  });
});

describe('a subscription ends', () => {
  test('when the loop is left, and the server hears of it', async (t) => {
    let gone;
    const { url } = await serve(t, (request, response) => {
      gone = once(response, 'close');
      silent('data: 1\n\ndata: 2\n\n')(request, response);
    });
    const subscription = subscribe(url);
    for await (const event of subscription) {
      assert.equal(event.data, '1');
      break;
    }
    await gone;
    assert.deepEqual(await subscription.next(), { done: true, value: undefined });
  });

  test('when it is closed, for somebody who waits', async (t) => {
    const { url } = await serve(t, silent('data: 1\n\n'));
    for (const close of [(one) => one.close(), (one) => one.return(), (one) => one[Symbol.asyncDispose]()]) {
      const subscription = subscribe(url, soon);
      await Promise.race([subscription.next(), sleep(50)]);
      const waiting = subscription.next();
      await sleep(10);
      close(subscription);
      assert.deepEqual(await waiting, { done: true, value: undefined });
    }
  });

  test('when it is closed before it began', async (t) => {
    const { url, requests } = await serve(t);
    const subscription = subscribe(url);
    subscription.close();
    assert.deepEqual(await subscription.next(), { done: true, value: undefined });
    assert.equal(requests.length, 0);
  });

  test('when its signal says so: before, while it waits, and between events', async (t) => {
    const { url } = await serve(t, silent('data: 1\n\n'), silent('data: 1\n\ndata: 2\n\n'));
    const reason = new Error('enough');
    await assert.rejects(subscribe(url, { signal: AbortSignal.abort(reason) }).next(), reason);

    const first = new AbortController();
    const waiting = subscribe(url, { signal: first.signal });
    await waiting.next();
    setTimeout(() => first.abort(reason), 10);
    await assert.rejects(waiting.next(), reason);

    const second = new AbortController();
    const seen = [];
    const loop = async () => {
      for await (const event of subscribe(url, { signal: second.signal })) {
        seen.push(event.data);
        second.abort();
      }
    };
    await assert.rejects(loop(), { name: 'AbortError' });
    assert.deepEqual(seen, ['1']);
  });

  test('when what the application gave throws, and that is what is thrown', async (t) => {
    const { url } = await serve(t, stream('data: 1\n\n'), stream('data: 1\n\n'));
    const fault = new Error('mine');
    const throws = () => {
      throw fault;
    };
    await assert.rejects(collect(subscribe(url, { headers: throws })), fault);
    await assert.rejects(collect(subscribe(url, { onOpen: throws })), fault);
    await assert.rejects(collect(subscribe(url, { ...soon, onDisconnect: throws })), fault);
  });
});

describe('a fetch of the application', () => {
  const answer = (body) => new Response(body, { headers: HEAD });

  test('is used, with all that a request needs', async () => {
    const calls = [];
    const fetch = async (...call) => {
      calls.push(call);
      return calls.length === 1 ? answer('data: 1\n\n') : new Response(null, { status: 204 });
    };
    assert.deepEqual(data(await collect(subscribe('http://nowhere.invalid/', { ...soon, fetch }))), ['1']);
    const [url, { method, headers, signal }] = calls[0];
    assert.deepEqual(
      [url, method, headers.get('accept')],
      ['http://nowhere.invalid/', 'GET', 'text/event-stream'],
    );
    assert.equal(signal.aborted, true, 'what has ended is let go');
  });

  test('may fail at once, answer without a body, or not care about signals', async () => {
    const answers = [
      () => {
        throw new Error('at once');
      },
      () => answer(null),
      () => answer(new ReadableStream({ start: (stream) => stream.enqueue('data: text\n\n') })),
    ];
    let cancelled = 0;
    const fetch = (_url, { signal: _ }) => answers.shift()?.() ?? new Response(null, { status: 204 });
    const lost = [];
    const options = { ...soon, fetch, idleTimeout: 50, onDisconnect: (error) => lost.push(error.code) };
    for await (const event of subscribe('http://nowhere.invalid/', options)) assert.equal(event.data, 'text');
    assert.deepEqual(lost, ['connection_lost', 'ended', 'idle_timeout']);

    const body = new ReadableStream({ cancel: () => cancelled++ });
    const refused = async () => new Response(body, { status: 500 });
    await assert.rejects(
      collect(subscribe('http://nowhere.invalid/', { fetch: refused })),
      failsWith('http_status'),
    );
    assert.equal(cancelled, 1);
  });

  test('may give chunks that are none', async () => {
    const fetch = async () => answer(new ReadableStream({ start: (stream) => stream.enqueue(5) }));
    await assert.rejects(
      collect(subscribe('http://nowhere.invalid/', { fetch })),
      failsWith('invalid_argument'),
    );
  });
});

test('an option that is wrong is named', () => {
  const wrong = {
    method: 'GE T',
    headers: { 'a b': '' },
    body: new ReadableStream(),
    signal: {},
    lastEventId: 5,
    fetch: 'fetch',
    reconnect: 1,
    resilient: 'yes',
    retry: -1,
    maxDelay: 0.5,
    minDelay: NaN,
    settled: '5s',
    maxAttempts: 0,
    connectTimeout: 0,
    idleTimeout: null,
    byeEvent: true,
    eventBytes: 2 ** 40,
    keptBytes: {},
    onOpen: {},
    onDisconnect: 5,
    lastEventID: '5',
  };
  for (const [option, value] of Object.entries(wrong)) {
    assert.throws(
      () => subscribe('http://127.0.0.1/', { [option]: value }),
      (error) => {
        failsWith('invalid_option', { option })(error);
        assert.ok(error.message.includes(`\`${option}\``), error.message);
        return true;
      },
    );
  }
  assert.throws(
    () => subscribe('http://127.0.0.1/', { body: 'x' }),
    failsWith('invalid_option', { option: 'body' }),
  );
  assert.throws(() => subscribe('http://127.0.0.1/', null), failsWith('invalid_argument'));
  assert.throws(() => subscribe('/relative'), failsWith('invalid_argument'));
  assert.throws(() => subscribe('http://127.0.0.1/', { lastEventId: 'a\nb' }), failsWith('id_line_break'));
});
