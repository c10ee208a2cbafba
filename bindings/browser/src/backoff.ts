// Owns how long to wait before the next attempt.
//
// It does not know why an attempt failed, nor what time it is.

/** However soon a server wants its clients back: `retry: 0` must not make them spin. */
const LEAST_MS = 100;

export class Backoff {
  #delays: number[];
  #step = 0;
  #first: number | undefined;

  /** `delays` in milliseconds; the last stays. */
  constructor(delays: number[]) {
    this.#delays = delays;
  }

  /** The first delay is to be this, and none is to be shorter: what a server asks for with `retry`. */
  retry(ms: number): void {
    this.#first = ms;
  }

  /** It worked: the next delay is the first again. */
  reset(): void {
    this.#step = 0;
  }

  /** How long to wait now, in milliseconds. */
  next(): number {
    const step = Math.min(this.#step++, this.#delays.length - 1);
    const delay = step === 0 && this.#first !== undefined ? this.#first : Math.max(this.#delays[step]!, this.#first ?? 0);
    return Math.max(LEAST_MS, delay * (0.8 + 0.4 * Math.random()));
  }
}
