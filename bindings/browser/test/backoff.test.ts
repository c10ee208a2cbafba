// How long is waited, rung by rung.

import { expect, test, vi } from "vitest";
import { Backoff } from "../src/backoff.js";

const DELAYS = [1000, 2000, 4000, 8000, 16000, 30000];

function waits(backoff: Backoff, chance: number, times = 8) {
  vi.spyOn(Math, "random").mockReturnValue(chance);
  return Array.from({ length: times }, () => Math.round(backoff.next()));
}

test("each delay is longer up to the last, by chance from 0.8 to 1.2 of it", () => {
  expect(waits(new Backoff(DELAYS), 0.5)).toEqual([1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
  expect(waits(new Backoff(DELAYS), 0, 6)).toEqual([800, 1600, 3200, 6400, 12800, 24000]);
  expect(waits(new Backoff(DELAYS), 1, 6)).toEqual([1200, 2400, 4800, 9600, 19200, 36000]);
});

test("after a success it begins anew", () => {
  const backoff = new Backoff(DELAYS);
  waits(backoff, 0.5, 4);
  backoff.reset();
  expect(waits(backoff, 0.5, 2)).toEqual([1000, 2000]);
});

test("what the server asks for is the first delay, and none is shorter", () => {
  const backoff = new Backoff(DELAYS);
  backoff.retry(3000);
  expect(waits(backoff, 0.5, 4)).toEqual([3000, 3000, 4000, 8000]);
  backoff.reset();
  backoff.retry(300);
  expect(waits(backoff, 0.5, 3)).toEqual([300, 2000, 4000]);
});

test("no server makes clients spin", () => {
  const backoff = new Backoff([0]);
  backoff.retry(0);
  expect(waits(backoff, 0.5, 2)).toEqual([100, 100]);
});
