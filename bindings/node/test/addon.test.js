'use strict';

// The addon itself: whatever it is handed, it answers or throws a `TidingsError`, and it frees what it
// made. The functions are not for people; that they hold is what keeps a mistake in `src` from being
// more than an error.

const assert = require('node:assert/strict');
const { describe, test } = require('node:test');
const v8 = require('node:v8');
const vm = require('node:vm');
const { setTimeout: sleep } = require('node:timers/promises');
const { Decoder, EventStream, TidingsError, decode, subscribe } = require('tidings');
const { native } = require('../src/native.js');
const { collect } = require('./support/server.js');

const SEED = Number(process.env.SEED ?? 20_261_121);

/** Numbers that look random, the same for the same seed. */
function dice(seed) {
  let state = seed >>> 0;
  return (sides) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) % sides;
  };
}

const detached = (array) => {
  structuredClone(array, { transfer: [array.buffer] });
  return array;
};

/** Of everything something. */
const values = (roll) => [
  undefined,
  null,
  true,
  0,
  -0,
  1,
  -1,
  2.5,
  NaN,
  Infinity,
  -Infinity,
  2 ** 31,
  2 ** 53,
  1e300,
  5n,
  Symbol('s'),
  '',
  'id',
  'a\0b',
  '\ud800',
  'x'.repeat(10_000),
  {},
  [],
  () => 5,
  class {},
  new Proxy({}, {}),
  new Date(),
  /x/,
  new Uint8Array(0),
  new Uint8Array(roll(100)),
  Buffer.from('data: a\n\nid: 5\n\nretry: 9\n\n: c\n\nevent: \u2603\ndata: \xff\n\n'),
  Buffer.alloc(20_000, 'data: x\n\n'),
  new Uint16Array(8),
  new Uint32Array(0),
  new Uint32Array(9),
  new Uint32Array(10),
  new Uint32Array(2048),
  new Float64Array(12),
  new Float64Array(12).fill(roll(1000)),
  new Float64Array(11),
  new BigUint64Array(4),
  new ArrayBuffer(8),
  new DataView(new ArrayBuffer(8)),
  new Uint8Array(new SharedArrayBuffer(8)),
  new Uint32Array(new SharedArrayBuffer(80)),
  detached(new Uint8Array(64)),
  detached(new Uint32Array(64)),
  detached(new Float64Array(12)),
  new Uint8Array(new ArrayBuffer(8, { maxByteLength: 16 })),
];

describe('the addon', () => {
  test(`answers or throws, whatever it is handed (SEED=${SEED})`, () => {
    const roll = dice(SEED);
    const { setup, count, ...functions } = native;
    const before = count();
    const names = Object.keys(functions);
    const handles = [];
    const thrown = new Map();
    for (let step = 0; step < 40_000; step++) {
      if (handles.length < 20) {
        handles.push(
          native.decoderNew(0, 0, roll(2)),
          native.clientNew(new Float64Array(12), undefined, undefined),
        );
      }
      const name = names[roll(names.length)];
      const some = values(roll);
      const pick = () => (roll(3) === 0 ? handles[roll(handles.length)] : some[roll(some.length)]);
      const call = Array.from({ length: roll(7) }, pick);
      if (name === 'free')
        handles.splice(0, handles.length, ...handles.filter((handle) => handle !== call[0]));
      try {
        const made = native[name](...call);
        if (name.endsWith('New')) handles.push(made);
      } catch (error) {
        assert.ok(error instanceof TidingsError, `${name}: ${error}`);
        assert.notEqual(error.code, 'panic', `${name}: ${error}`);
        assert.notEqual(error.code, 'other', `${name}: ${error}`);
        thrown.set(error.code, (thrown.get(error.code) ?? 0) + 1);
      }
    }
    handles.forEach((handle) => native.free(handle));
    assert.equal(count(), before);
    assert.ok(thrown.get('closed') > 100 && thrown.get('invalid_argument') > 100, 'both kinds were met');
  });

  test('decodes as it should when numbers and chunk are one memory', () => {
    const memory = new ArrayBuffer(4096);
    const text = Buffer.from('data: a\n\n'.repeat(20));
    const chunk = new Uint8Array(memory, 0, text.length);
    chunk.set(text);
    const handle = native.decoderNew(0, 0, 0);
    const numbers = new Uint32Array(memory);
    const texts = native.decoderDecode(handle, chunk, 0, numbers);
    assert.equal(texts, text.toString());
    assert.equal(numbers[0], 2 + 2 * 20);
    native.free(handle);
  });

  test('never takes one number for another', () => {
    const first = native.decoderNew(0, 0, 0);
    native.free(first);
    const second = native.decoderNew(0, 0, 0);
    const client = native.clientNew(new Float64Array(12), undefined, undefined);
    for (const stale of [
      first,
      client,
      second + 0.5,
      -second,
      0,
      second + 2 ** 24,
      second + 1,
      Infinity,
      NaN,
    ]) {
      assert.throws(() => native.decoderReset(stale), { code: 'closed' });
    }
    for (const stale of [first, second]) {
      assert.throws(() => native.clientPollTimeout(stale), { code: 'closed' });
    }
    native.decoderReset(second);
    [second, client].forEach((handle) => native.free(handle));
  });

  test('throws errors with a code and a sentence', () => {
    assert.throws(() => native.decoderReset(0), {
      name: 'TidingsError',
      code: 'closed',
      message: 'it is closed',
    });
    assert.throws(() => native.setup(5), { code: 'invalid_argument' });
  });

  test('takes the arrays of another realm', () => {
    const chunk = vm.runInNewContext('new Uint8Array([100, 97, 116, 97, 10, 10])');
    assert.deepEqual(new Decoder().decode(chunk).length, 1);
  });
});

describe('memory', () => {
  v8.setFlagsFromString('--expose-gc');
  const collectGarbage = vm.runInNewContext('gc');

  const settles = async (wanted) => {
    for (let round = 0; round < 100 && native.count() > wanted; round++) {
      collectGarbage();
      await sleep(5);
    }
    assert.equal(native.count(), wanted);
  };

  test('is freed when nobody has a decoder any more', async () => {
    await settles(0);
    for (let number = 0; number < 100; number++) new Decoder().decode('data: a');
    for (let number = 0; number < 10; number++) new EventStream();
    for (let number = 0; number < 10; number++) subscribe('http://127.0.0.1/');
    assert.equal(native.count(), 120);
    await settles(0);
  });

  test('is freed at once by what ends', async () => {
    await settles(0);
    await collect(decode(['data: a\n\n']));
    await collect(ReadableStream.from(['data: a\n\n']).pipeThrough(new EventStream()));
    await assert.rejects(collect(decode(['data: abc'], { eventBytes: 1 })));
    const fetch = async () => new Response(null, { status: 204 });
    await collect(subscribe('http://127.0.0.1/', { fetch }));
    assert.equal(native.count(), 0);
  });

  test('of a large event is not kept by the small one behind it', () => {
    const decoder = new Decoder();
    const line = `${'x'.repeat(2 ** 20)}\n`;
    const kept = [];
    const round = () => {
      const [, small] = decoder.decode(`data: ${line}\ndata: a text that is long enough for a slice\n\n`);
      kept.push(small.data);
      collectGarbage();
      return process.memoryUsage().heapUsed;
    };
    const before = round();
    for (let number = 0; number < 49; number++) round();
    const grown = round() - before;
    assert.equal(kept.length, 51);
    assert.ok(grown < 5 * 2 ** 20, `grown by ${grown} bytes for 50 small events`);
  });

  test('does not grow with events', async () => {
    const decoder = new Decoder();
    const chunk = Buffer.from('id: 5\nevent: tick\ndata: naïve ☃\n\n'.repeat(1000));
    const round = () => {
      for (let number = 0; number < 100; number++) decoder.decode(chunk);
      collectGarbage();
      return process.memoryUsage().rss;
    };
    for (let number = 0; number < 5; number++) round();
    const before = round();
    for (let number = 0; number < 10; number++) round();
    const grown = round() - before;
    assert.ok(grown < 16 * 2 ** 20, `grown by ${grown} bytes after a million events`);
  });
});
