// Says how long to wait before the next attempt.
//
// It does not know why an attempt failed, nor what time it is.

/** However soon a server wants its clients back: `retry: 0` must not make them spin. */
const LEAST_MS = 100;

/**
 * Milliseconds, for the wait of this number since something worked, from 0. The last of `delays` stays; what
 * the server asks for with `retry` is the first, and none is shorter.
 */
export function backoff(step: number, delays: number[], retry?: number): number {
  const delay = delays[Math.min(step, delays.length - 1)]!;
  return Math.max(LEAST_MS, (step ? Math.max(delay, retry ?? 0) : (retry ?? delay)) * (0.8 + 0.4 * Math.random()));
}
