'use strict';

// Decoding in its three forms, and what they promise beyond the wire format.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const { Decoder, EventStream, TidingsError, decode } = require('tidings');
const { collect } = require('./support/server.js');

const event = (data, more) => ({ event: 'message', data, id: undefined, retry: undefined, ...more });

const bytes = (text) => new TextEncoder().encode(text);

describe('a decoder', () => {
  test('hands out events as plain objects', () => {
    const decoder = new Decoder();
    assert.deepEqual(decoder.decode('id: 7\nevent: tick\nretry: 5\ndata: a\ndata: b\n\ndata: c\n\ndata: d'), [
      event('a\nb', { id: '7', event: 'tick', retry: 5 }),
      event('c'),
    ]);
    assert.equal(decoder.lastEventId, '7');
    assert.deepEqual(decoder.decode('\n\n'), [event('d')]);
  });

  test('takes bytes in all forms, and text', () => {
    const text = 'data: naïve ☃ 😀\n\n';
    const whole = bytes(`xx${text}xx`);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes(text).length));
    shared.set(bytes(text));
    for (const chunk of [
      text,
      bytes(text),
      Buffer.from(text),
      bytes(text).buffer,
      whole.subarray(2, -2),
      new DataView(whole.buffer, 2, whole.length - 4),
      new Int8Array(bytes(text).buffer),
      shared,
      shared.buffer,
    ]) {
      assert.deepEqual(new Decoder().decode(chunk), [event('naïve ☃ 😀')]);
    }
  });

  test('puts text together that is cut within a character', () => {
    const decoder = new Decoder();
    const [high, low] = '😀'.split('');
    assert.deepEqual(decoder.decode(`data: a${high}`), []);
    assert.deepEqual(decoder.decode(''), []);
    assert.deepEqual(decoder.decode(`${low}\n\ndata: ${high}`), [event('a😀')]);
    assert.deepEqual(decoder.decode(bytes('b\n\n')), [event('\ufffdb')]);
    assert.deepEqual(decoder.decode(`data: ${low}${high}c\n\ndata: ${high}`), [event('\ufffd\ufffdc')]);
    decoder.reset();
    assert.deepEqual(decoder.decode(`data: ${low}\n\n`), [event('\ufffd')]);
  });

  test('keeps apart what is one byte a character and what is two, in one chunk and over many', () => {
    const texts = [
      'ascii',
      'naïve',
      '流れ',
      '😀',
      'ÿ',
      'Ā',
      '',
      'x'.repeat(30),
      'é'.repeat(30),
      '漢'.repeat(30),
    ];
    const stream = texts
      .flatMap((a, at) => texts.map((b) => [`${a}${b}`, String(at), b]))
      .map(([data, id, type]) => event(data, { id, event: type || 'message' }));
    const wire = stream
      .map(({ data, id, event }) => `id: ${id}\nevent: ${event}\ndata: ${data}\n\n`)
      .join('');
    for (const size of [1, 7, 100, 1460, wire.length * 4]) {
      const decoder = new Decoder();
      const all = bytes(wire);
      const seen = [];
      for (let at = 0; at < all.length; at += size) seen.push(...decoder.decode(all.subarray(at, at + size)));
      assert.deepEqual(seen, stream);
    }
  });

  test('takes chunks with more events than cross at once, and events longer than that', () => {
    const decoder = new Decoder();
    const many = Array.from({ length: 20_000 }, (_, number) => String(number));
    assert.deepEqual(
      decoder.decode(many.map((data) => `data: ${data}\n\n`).join('')).map(({ data }) => data),
      many,
    );
    const long = 'line\n'.repeat(100_000);
    assert.deepEqual(decoder.decode(`data: ${long.replaceAll('\n', '\ndata: ')}\n\ndata\n\n`), [
      event(long),
      event(''),
    ]);
  });

  test('tells of retries and comments as they come', () => {
    const told = [];
    const decoder = new Decoder({ onRetry: (ms) => told.push(ms), onComment: (text) => told.push(text) });
    assert.deepEqual(decoder.decode('retry: 5\n: ☃\nretry: 99999999999\n:\n\ndata: a\n\n'), [
      event('a', { retry: undefined }),
    ]);
    assert.deepEqual(told, [5, '☃', 99_999_999_999, '']);
  });

  test('hands out what comes before an event that is too large, then the error until it is reset', () => {
    const decoder = new Decoder({ eventBytes: 3 });
    assert.deepEqual(decoder.decode('id: 1\ndata: a\n\ndata: long\n\ndata: b\n\n'), [
      event('a', { id: '1' }),
    ]);
    for (const chunk of ['', 'data: c\n\n']) {
      assert.throws(() => decoder.decode(chunk), {
        name: 'TidingsError',
        code: 'event_too_large',
        message: /3 bytes/,
      });
    }
    decoder.reset();
    assert.deepEqual(decoder.decode('data: c\n\n'), [event('c')]);
    assert.equal(decoder.lastEventId, '1');
    decoder.resume('9');
    assert.equal(decoder.lastEventId, '9');
    assert.throws(() => decoder.resume('a\0'), { code: 'id_nul' });
    assert.throws(() => decoder.resume('a\r'), { code: 'id_line_break' });
    assert.equal(decoder.lastEventId, '9');
  });

  test('can be used by another while it tells', () => {
    const inner = new Decoder();
    const seen = [];
    const outer = new Decoder({ onComment: () => seen.push(...inner.decode('data: inner\n\n')) });
    assert.deepEqual(outer.decode(': a\ndata: 1\n\n: b\ndata: 2\n\n'), [event('1'), event('2')]);
    assert.deepEqual(seen, [event('inner'), event('inner')]);
  });

  test('is of no use when it is closed, but for its last event id', () => {
    const decoder = new Decoder();
    decoder.decode('id: 5\n\n');
    decoder.close();
    decoder.close();
    assert.equal(decoder.lastEventId, '5');
    for (const use of [() => decoder.decode(''), () => decoder.reset(), () => decoder.resume('')]) {
      assert.throws(use, (error) => error instanceof TidingsError && error.code === 'closed');
    }
  });

  test('names what it was given wrongly', () => {
    const detached = bytes('data: a\n\n');
    structuredClone(detached, { transfer: [detached.buffer] });
    for (const chunk of [undefined, null, 5, {}, [], Symbol.iterator, () => {}, detached, detached.buffer]) {
      assert.throws(() => new Decoder().decode(chunk), { name: 'TidingsError', code: 'invalid_argument' });
    }
    for (const [option, value] of Object.entries({
      eventBytes: -1,
      keptBytes: 1.5,
      onRetry: 5,
      onComment: 'x',
      maxBufferSize: 1,
    })) {
      assert.throws(() => new Decoder({ [option]: value }), { code: 'invalid_option', option });
    }
    assert.throws(() => new Decoder(5), { code: 'invalid_argument' });
    assert.throws(() => new Decoder().resume(5), { code: 'invalid_argument' });
  });
});

describe('a stream', () => {
  const from = (...chunks) => ReadableStream.from(chunks);

  test('stands where the parser stood, before a text decoder stream or without one', async () => {
    const chunks = [bytes('id: 1\ndata: n'), bytes('aïve\n\n').subarray(0, 2), bytes('aïve\n\n').subarray(2)];
    const stream = new EventStream();
    assert.deepEqual(await collect(from(...chunks).pipeThrough(stream)), [event('naïve', { id: '1' })]);
    assert.equal(stream.lastEventId, '1');
    const decoded = from(...chunks)
      .pipeThrough(new TextDecoderStream())
      .pipeThrough(new EventStream());
    assert.deepEqual(await collect(decoded), [event('naïve', { id: '1' })]);
  });

  test('has the options of a decoder and the strategies of a transform stream', async () => {
    const told = [];
    const strategy = new CountQueuingStrategy({ highWaterMark: 7 });
    const stream = new EventStream({ onRetry: (ms) => told.push(ms) }, strategy, strategy);
    assert.equal(stream.writable.getWriter().desiredSize, 7);
    assert.throws(() => new EventStream({ onError() {} }), { code: 'invalid_option', option: 'onError' });
    await collect(from('retry: 3\n').pipeThrough(new EventStream({ onRetry: (ms) => told.push(ms) })));
    assert.deepEqual(told, [3]);
  });

  test('fails after the events before an error', async () => {
    const seen = [];
    const stream = from('data: a\n\ndata: long\n\n').pipeThrough(
      new EventStream({ eventBytes: 3 }, undefined, { highWaterMark: 9 }),
    );
    const loop = async () => {
      for await (const { data } of stream) seen.push(data);
    };
    await assert.rejects(loop(), { code: 'event_too_large' });
    await assert.rejects(collect(from(5).pipeThrough(new EventStream())), { code: 'invalid_argument' });
  });
});

describe('an iterator', () => {
  test('reads whatever has chunks', async () => {
    const chunks = ['data: 1\n', Buffer.from('\ndata: 2\n\nda')];
    async function* generated() {
      yield* chunks;
    }
    for (const source of [
      chunks,
      new Set(chunks),
      generated(),
      ReadableStream.from(chunks),
      new Response('data: 1\n\ndata: 2\n\n').body,
    ]) {
      assert.deepEqual(await collect(decode(source)), [event('1'), event('2')]);
    }
  });

  test('cancels its source when the loop is left', async () => {
    let cancelled = false;
    const source = new ReadableStream({
      start: (stream) => stream.enqueue('data: 1\n\ndata: 2\n\n'),
      cancel: () => {
        cancelled = true;
      },
    });
    for await (const { data } of decode(source)) {
      assert.equal(data, '1');
      break;
    }
    assert.ok(cancelled);
  });

  test('fails with its source, and after the events before an error', async () => {
    const fault = new Error('gone');
    async function* failing() {
      yield 'data: 1\n\n';
      throw fault;
    }
    const seen = [];
    const loop = async (source, options) => {
      for await (const { data } of decode(source, options)) seen.push(data);
    };
    await assert.rejects(loop(failing()), fault);
    await assert.rejects(loop(['data: 2\n\ndata: long\n\n'], { eventBytes: 3 }), { code: 'event_too_large' });
    assert.deepEqual(seen, ['1', '2']);
  });

  test('checks at once what it is given', () => {
    for (const source of ['data: 1\n\n', bytes('x'), 5, undefined, null, {}]) {
      assert.throws(() => decode(source), { name: 'TidingsError', code: 'invalid_argument' });
    }
    assert.throws(() => decode([], { eventBytes: '1' }), { code: 'invalid_option', option: 'eventBytes' });
  });
});
