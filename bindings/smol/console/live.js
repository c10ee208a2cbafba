// The stream of the page: opened for topics, let go while the page is hidden, taken up where it was.
// It does not know what is done with the events.
//
// A browser has six connections to an origin over HTTP/1.1: tabs that show the same share one stream, and
// those that nobody looks at have none.

import { connect } from "../browser/index.js";
import { address } from "./api.js";

export class Live {
  #session;
  #hear;
  #tell;
  #topics = null;
  /** Who follows what. */
  #key;
  #stream = null;
  #cursor;
  #unwatch;

  /** `hear` gets each event, `tell` each status. */
  constructor(session, hear, tell) {
    this.#session = session;
    this.#hear = hear;
    this.#tell = tell;
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#rest() : this.#open()));
  }

  /** Follows these topics from now on, or, where that is what was followed last, from where it was. */
  follow(topics) {
    const key = JSON.stringify([this.#session.identity.user, topics]);
    if (key !== this.#key) {
      this.#rest();
      this.#cursor = undefined;
    }
    this.#key = key;
    this.#topics = topics;
    this.#open();
  }

  reconnect() {
    this.#stream?.reconnect();
  }

  stop() {
    this.#rest();
    this.#topics = null;
  }

  #open() {
    if (this.#stream || !this.#topics || document.hidden) return;
    const { user, authentication } = this.#session.identity;
    const query = new URLSearchParams(this.#topics.map((topic) => ["topic", topic]));
    const stream = (this.#stream = connect(`${address("events")}?${query}`, {
      user: authentication ? (user ?? undefined) : undefined,
      token: this.#session.token ? this.#session.tokens() : undefined,
      lastEventId: this.#cursor,
    }));
    stream.on("*", (event) => {
      if (stream !== this.#stream) return;
      if (event.id && !event.id.endsWith("!")) this.#cursor = event.id;
      this.#hear(event);
    });
    this.#unwatch = stream.watch((status) => stream === this.#stream && this.#tell(status));
  }

  #rest() {
    this.#unwatch?.();
    this.#stream?.close();
    this.#stream = null;
  }
}
