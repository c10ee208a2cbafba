'use strict';

// News for somebody who waits, with a limit on the time.
//
// It does not know what they mean. A race of promises would keep what it has lost.

/** The longest that a timer of Node can wait. */
const LONGEST = 2 ** 31 - 1;

class Inbox {
  #news = [];
  #wake;

  put(news) {
    this.#news.push(news);
    this.#wake?.();
  }

  /** The next news, or undefined after so many milliseconds. */
  async take(ms) {
    if (this.#news.length === 0) await this.#wait(ms);
    return this.#news.shift();
  }

  #wait(ms) {
    return new Promise((resolve) => {
      // A timer may be a little early; who is told so comes back.
      const late = () => this.#wake();
      const timer = ms === Infinity ? undefined : setTimeout(late, Math.min(Math.ceil(ms), LONGEST));
      this.#wake = () => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
    });
  }
}

module.exports = { Inbox };
