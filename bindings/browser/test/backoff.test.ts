// How long is waited, rung by rung.

import { expect, test, vi } from "vitest";
import { backoff } from "../src/backoff.js";

const DELAYS = [1000, 2000, 4000, 8000, 16000, 30000];

function waits(chance: number, times: number, retry?: number, delays = DELAYS) {
  vi.spyOn(Math, "random").mockReturnValue(chance);
  return Array.from({ length: times }, (_, step) => Math.round(backoff(step, delays, retry)));
}

test("each delay is longer up to the last, by chance from 0.8 to 1.2 of it", () => {
  expect(waits(0.5, 8)).toEqual([1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  expect(waits(0, 6)).toEqual([800, 1600, 3200, 6400, 12800, 24000]);
  expect(waits(1, 6)).toEqual([1200, 2400, 4800, 9600, 19200, 36000]);
});

test("what the server asks for is the first delay, and none is shorter", () => {
  expect(waits(0.5, 4, 3000)).toEqual([3000, 3000, 4000, 8000]);
  expect(waits(0.5, 3, 300)).toEqual([300, 2000, 4000]);
});

test("no server makes clients spin", () => {
  expect(waits(0.5, 2, 0, [0])).toEqual([100, 100]);
});
