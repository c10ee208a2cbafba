// Owns one deadline that can be moved, dropped, and looked at.
//
// It does not know what is due. It goes by the time of day as well, since timers stand still while a
// machine sleeps.

/** What a browser's clock holds; more would be due at once. */
const LONGEST_MS = 2 ** 31 - 1;

export class Timer {
  #handle: ReturnType<typeof setTimeout> | undefined;
  #at = 0;
  #due!: () => void;

  get isSet(): boolean {
    return this.#handle !== undefined;
  }

  /** Calls once after so many milliseconds, in place of what was due before. */
  set(ms: number, due: () => void): void {
    this.clear();
    this.#at = Date.now() + ms;
    this.#due = due;
    this.#handle = setTimeout(() => this.fire(), Math.min(ms, LONGEST_MS));
  }

  /** Does now what is due later. */
  fire(): void {
    if (!this.isSet) return;
    this.clear();
    this.#due();
  }

  /** Does now what should have been done already. */
  look(): void {
    if (Date.now() >= this.#at) this.fire();
  }

  clear(): void {
    clearTimeout(this.#handle);
    this.#handle = undefined;
  }
}
