// Work that is done again and again, while it is wanted and the page can be seen.
// It does not know what is done.

export class Poller {
  #everyMs;
  #work;
  #wanted = false;
  #working = false;
  #again = false;
  #timer;

  constructor(everyMs, work) {
    this.#everyMs = everyMs;
    this.#work = work;
    document.addEventListener("visibilitychange", () => this.now());
  }

  start() {
    this.#wanted = true;
    this.now();
  }

  stop() {
    this.#wanted = false;
    clearTimeout(this.#timer);
  }

  /** Does it now, or once more where it is being done. */
  async now() {
    clearTimeout(this.#timer);
    if (!this.#wanted || document.hidden) return;
    if (this.#working) {
      this.#again = true;
      return;
    }
    this.#working = true;
    // The work may say that it is not to be done again so soon.
    const waitMs = await this.#work().catch((error) => console.warn(error));
    this.#working = false;
    if (this.#again) {
      this.#again = false;
      return this.now();
    }
    if (this.#wanted && !document.hidden) this.#timer = setTimeout(() => this.now(), waitMs ?? this.#everyMs);
  }
}
