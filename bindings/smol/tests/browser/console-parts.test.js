// What the console is made of, as far as it needs no page: what follows from samples, and how it is said.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { bytes, curl, duration, latency, rough } from "../../console/format.js";
import { indented, pieces, problem } from "../../console/json.js";
import { COLUMNS, quantile, Samples } from "../../console/samples.js";

const BOUNDS = [100, 1_000, 10_000];

function stats(published, { started_ms = 1, counts = [0, 0, 0, 0], connections = 2, gaps = 0 } = {}) {
  const delivery_latency = { bounds_us: BOUNDS, counts };
  return {
    connections,
    gaps,
    published,
    delivered: 2 * published,
    delivered_bytes: 100 * published,
    started_ms,
    delivery_latency,
  };
}

test("rates are differences over the time that has passed", () => {
  const samples = new Samples(10);
  samples.add(1_000, stats(10));
  samples.add(3_000, stats(30, { gaps: 2 }));
  assert.deepEqual(samples.time, [1, 3]);
  assert.deepEqual(samples.connections, [2, 2]);
  assert.deepEqual(
    [samples.published, samples.delivered, samples.bytes],
    [
      [null, 10],
      [null, 20],
      [null, 1_000],
    ],
  );
  assert.deepEqual(samples.gaps, [null, 2], "gaps are so rare that they are counted");
});

test("a moment is too short for a rate", () => {
  const samples = new Samples(10);
  samples.add(1_000, stats(10));
  samples.add(1_010, stats(11));
  samples.add(2_000, stats(20));
  assert.deepEqual(samples.published, [null, 10]);
});

test("no line leads over a time in which the server was away, was another, or nobody looked", () => {
  const samples = new Samples(20);
  samples.add(1_000, stats(1));
  samples.add(2_000, stats(2));
  samples.miss(3_000);
  samples.add(4_000, stats(9));
  assert.deepEqual(samples.published, [null, 1, null, null]);
  assert.deepEqual(samples.connections, [2, 2, null, 2]);
  samples.add(5_000, stats(3, { started_ms: 2 }));
  assert.deepEqual(samples.published.slice(4), [null, null]);
  assert.deepEqual(samples.connections.slice(4), [null, 2]);
  samples.add(65_000, stats(50, { started_ms: 2 }));
  assert.deepEqual(samples.connections.slice(6), [null, 2]);
});

test("no more samples are kept than were asked for, in any column", () => {
  const samples = new Samples(3);
  for (let at = 1; at <= 20; at++) samples.add(at * 1_000, stats(at));
  assert.deepEqual(samples.time, [18, 19, 20]);
  for (const column of COLUMNS) assert.equal(samples[column].length, 3, column);
});

test("a quantile lies within its bucket, and nothing has none", () => {
  assert.equal(quantile({ bounds_us: BOUNDS, counts: [0, 0, 0, 0] }, 0.5), null);
  assert.equal(quantile({ bounds_us: BOUNDS, counts: [10, 0, 0, 0] }, 0.5), 0.05);
  assert.equal(quantile({ bounds_us: BOUNDS, counts: [0, 10, 0, 0] }, 1), 1);
  assert.equal(quantile({ bounds_us: BOUNDS, counts: [99, 0, 1, 0] }, 1), 10);
  assert.equal(quantile({ bounds_us: BOUNDS, counts: [0, 0, 0, 5] }, 0.5), 10, "it is known to be at least that");
});

test("the latency of the last minute is of what was delivered in it", () => {
  const samples = new Samples(100);
  samples.add(1_000, stats(0, { counts: [0, 0, 100, 0] }));
  assert.equal(samples.latency(0.5), null);
  samples.add(2_000, stats(1, { counts: [10, 0, 100, 0] }));
  assert.equal(samples.latency(0.5), 0.05);
  for (let at = 3; at < 70; at++) samples.add(at * 1_000, stats(1, { counts: [10, 0, 100, 0] }));
  assert.equal(samples.latency(0.5), null);
});

test("JSON is indented without a change to what it says", () => {
  const text = '{"a":[1,2.50,-1e9],"b":{},"c":[],"d":"x:{},[\\"]\\\\","e":12345678901234567890,"f":null,"g":true}';
  assert.equal(indented(text).replaceAll(/\n */g, "").replaceAll('": ', '":'), text);
  assert.deepEqual(JSON.parse(indented(text)), JSON.parse(text));
  assert.equal(indented('{"a":[1]}'), '{\n  "a": [\n    1\n  ]\n}');
  const kinds = pieces('{"k":"v","n":1,"w":null}')
    .map(([kind]) => kind)
    .filter(Boolean);
  assert.deepEqual(kinds, ["key", "text", "key", "number", "key", "word"]);
  for (const wrong of ["", "{", "[1,]", "{'a':1}", "hello"]) {
    assert.equal(pieces(wrong), null, wrong);
    assert.equal(typeof problem(wrong), "string", wrong);
  }
});

test("numbers, sizes and times are said as people say them", () => {
  assert.deepEqual([0, 0.25, 12, 99.94, 1_234.5, 12_345].map(rough), ["0", "0.3", "12", "99.9", "1,235", "12.3K"]);
  assert.deepEqual([0, 1_023, 1_536, 200 << 10, 5 << 20].map(bytes), [
    "0 B",
    "1,023 B",
    "1.5 KiB",
    "200 KiB",
    "5.0 MiB",
  ]);
  assert.deepEqual([0, 59_999, 61_000, 3_600_000, 90_061_000].map(duration), [
    "0 s",
    "59 s",
    "1 min 1 s",
    "1 h",
    "1 d 1 h",
  ]);
  assert.deepEqual([0.0512, 4.2, 15.4, 2_500].map(latency), ["0.05 ms", "4.2 ms", "15 ms", "2.5 s"]);
});

test("a command for a shell quotes what it is given, and names no token", () => {
  assert.equal(curl("http://a/events?topic=it's"), "curl 'http://a/events?topic=it'\\''s'");
  const command = curl("http://a/publish", { hasToken: true, json: "{}", options: ["-N"] });
  assert.equal(
    command,
    "curl -N 'http://a/publish' -H \"Authorization: Bearer $TIDINGS_TOKEN\" -H 'content-type: application/json' -d '{}'",
  );
});

for (const name of ["dist/uPlot.iife.min.js", "dist/uPlot.min.css", "LICENSE"]) {
  test(`the vendored ${name} is the one of the npm package`, async () => {
    const file = name.split("/").at(-1);
    const vendored = await readFile(new URL(`../../console/vendor/uplot/${file}`, import.meta.url));
    const published = await readFile(new URL(`node_modules/uplot/${name}`, import.meta.url));
    assert.ok(vendored.equals(published));
  });
}
