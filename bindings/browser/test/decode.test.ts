// The wire format, case by case: each stream whole, byte by byte, cut in two at every place.

import { expect, test } from "vitest";
import { Decoder } from "../src/decode.js";
import { cases } from "../../node/test/support/cases.js";

/** Fewer than this, and some were lost. */
const LEAST_CASES = 200;

interface Case {
  name: string;
  options: { limit?: number; resume?: string };
  streams: Uint8Array[];
  expected: { seen: Record<string, string | number>[]; last: string };
}

/** What the decoder makes of streams, each a list of chunks. */
function read({ resume }: Case["options"], streams: Uint8Array[][]) {
  const seen: Record<string, string | number>[] = [];
  let last = resume ?? "";
  for (const chunks of streams) {
    const reader = {
      message: ({ type, data, id }: { type: string; data: string; id: string }) => seen.push({ event: type, data, last: id }),
      // All that is longer than any page waits for is alike.
      retry: (retry: number) => seen.push({ retry: Math.min(retry, 2 ** 64) }),
    };
    const decoder = new Decoder(reader, last);
    chunks.forEach((chunk) => decoder.push(chunk));
    last = decoder.lastEventId;
  }
  return { seen, last };
}

/** Comments are never told here; an id is told with each event, whose ever it is. */
function expected({ expected: { seen, last } }: Case) {
  const items = seen
    .filter(({ comment }) => comment === undefined)
    .map(({ event, data, id, last, retry }) => (event === undefined ? { retry } : { event, data, last: id ?? last ?? "" }));
  return { seen: items, last };
}

function ways(stream: Uint8Array) {
  const all = [[stream], Array.from(stream, (_, at) => stream.subarray(at, at + 1))];
  for (let at = 1; at < stream.length; at++) all.push([stream.subarray(0, at), stream.subarray(at)]);
  return all;
}

const all = cases() as Case[];

test("all cases are there", () => {
  expect(all.length).toBeGreaterThanOrEqual(LEAST_CASES);
});

for (const one of all) {
  // A limit counts otherwise here: what is kept, in characters.
  if (one.options.limit !== undefined) continue;
  test(one.name, () => {
    one.streams.forEach((stream, number) => {
      for (const way of ways(stream)) {
        const streams = one.streams.map((whole) => [whole]);
        streams[number] = way;
        expect(read(one.options, streams)).toEqual(expected(one));
      }
    });
  });
}

test("a large event in small pieces is read in time that grows with its size alone", () => {
  const piece = new TextEncoder().encode("x".repeat(1000));
  let size = 0;
  const decoder = new Decoder({ message: ({ data }) => (size = data.length), retry: () => {} });
  decoder.push(new TextEncoder().encode("data:"));
  for (let count = 0; count < 8000; count++) decoder.push(piece);
  decoder.push(new TextEncoder().encode("\n\n"));
  expect(size).toBe(8_000_000);
});

const bytes = (text: string) => new TextEncoder().encode(text);

/** The data of events, and whether there was one too large. */
function within(limit: number, ...chunks: string[]) {
  const seen: string[] = [];
  const decoder = new Decoder({ message: ({ data }) => seen.push(data), retry: () => {} }, "", limit);
  try {
    chunks.forEach((chunk) => decoder.push(bytes(chunk)));
  } catch (error) {
    expect(error).toBeInstanceOf(RangeError);
    seen.push("too large");
  }
  return seen;
}

test("an event is limited, whether its end has come or not, and each anew", () => {
  expect(within(20, "data: 0123456789\n\n", "data: 0123456789\n\n")).toEqual(["0123456789", "0123456789"]);
  expect(within(20, "data: 0123456789", "0123456789")).toEqual(["too large"]);
  expect(within(20, "data: 0123456789\n", "data: 0123456789\n")).toEqual(["too large"]);
  expect(within(20, ": a comment that", " does not end")).toEqual(["too large"]);
});
