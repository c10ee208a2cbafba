// A socket that comes back by itself and goes on where it was, so that nothing is lost or said twice.
// It does not know rooms, or what is said. `<tidings-status>` can show how it is.

const DELAYS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000];

/** A server is never quiet for so long: that is two heartbeats and a half. */
const SILENCE = 75_000;

export class Link {
  status = { state: "idle", attempt: 0 };
  /** What `watch` was given. */
  #watchers = new Set();
  #socket = null;
  #timer;
  #silence;
  /** How long the server wants to be left alone. */
  #retryInMs;
  /** Where in the log this page is. */
  #cursor = "";
  /** By this name the server knows that a socket takes the place of one that was cut. */
  #tab = crypto.randomUUID();
  #asked = 0;
  /** By `ref`: what was asked, and who waits for the answer. */
  #waiting = new Map();

  /**
   * `name` is who speaks; `rooms()` is what to go on with after a cut; `heard(event, data, topic, id)` gets
   * every event; `refused(error)` hears that there will be no socket.
   */
  constructor({ name, rooms, heard, refused }) {
    Object.assign(this, { name, rooms, heard, refused });
  }

  /** Opens a socket now, in place of the one that there may be. */
  reconnect() {
    this.#leave();
    const query = new URLSearchParams({ name: this.name, tab: this.#tab });
    if (this.#cursor) {
      query.set("last_event_id", this.#cursor);
      query.set("rooms", this.rooms());
    }
    const path = `/chat?${query}`;
    const { attempt } = this.status;
    this.#say({ state: attempt ? "reconnecting" : "connecting", attempt });
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + path);
    this.#socket = socket;
    socket.onmessage = ({ data }) => socket === this.#socket && this.#hear(JSON.parse(data));
    socket.onclose = () => socket === this.#socket && this.#lost(path);
    this.#listen();
  }

  watch(watcher) {
    this.#watchers.add(watcher);
    watcher(this.status);
    return () => this.#watchers.delete(watcher);
  }

  /**
   * Asks the server for something. The answer is its own, or an error in its words, with its code; one
   * without a code says that the connection was lost. With `keep` it is asked `again` until it is answered.
   */
  ask(type, message, { keep = false } = {}) {
    const ref = ++this.#asked;
    const text = JSON.stringify({ type, ref, ...message });
    const isOpen = this.status.state === "connected";
    if (!isOpen && !keep) return Promise.reject(new Error("There is no connection."));
    if (isOpen) this.#socket.send(text);
    return new Promise((resolve, reject) => this.#waiting.set(ref, { text, keep, resolve, reject }));
  }

  /** Sends what waits for an answer since before the cut. */
  again() {
    for (const { text, keep } of this.#waiting.values()) if (keep) this.#socket.send(text);
  }

  #hear({ type, ref, data, code, message, retry_ms, event, topic, id }) {
    this.#listen();
    if (type) return this.#answer({ type, ref, data, code, message, retry_ms });
    if (id) this.#cursor = id;
    if (!event) return;
    const said = data ? JSON.parse(data) : {};
    if (event === "connected") this.#say({ state: "connected", attempt: 0 });
    if (event === "bye") this.#retryInMs = said.retry_ms;
    // An id that ends so says: stay away.
    if (event === "bye" && id?.endsWith("!")) this.#end({ code: said.reason, message: `The server has closed this socket: ${said.reason}.` });
    this.heard(event, said, topic, id);
  }

  #answer({ type, ref, data, code, message, retry_ms }) {
    const waiting = this.#waiting.get(ref);
    // The server has closed this socket, and says so in a moment.
    const isLost = code === "connection_not_found";
    if (waiting?.keep && (isLost || retry_ms)) {
      // Time will mend it, if not the next connection does before.
      const socket = this.#socket;
      if (retry_ms) setTimeout(() => socket === this.#socket && socket.send(waiting.text), retry_ms);
      return;
    }
    this.#waiting.delete(ref);
    if (type !== "error") waiting?.resolve(data);
    else waiting?.reject(isLost ? lost() : Object.assign(new Error(message), { code }));
  }

  /** Waits for the next word of the server, but not for ever. */
  #listen() {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.reconnect(), SILENCE);
  }

  /** Has no socket any more. What was asked on it is not answered. */
  #leave() {
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    for (const [ref, { keep, reject }] of this.#waiting) {
      if (keep) continue;
      this.#waiting.delete(ref);
      reject(lost());
    }
  }

  async #lost(path) {
    this.#leave();
    const attempt = this.status.attempt + 1;
    const usual = DELAYS[Math.min(attempt, DELAYS.length) - 1] * (0.8 + 0.4 * Math.random());
    const retryInMs = this.#retryInMs ?? usual;
    this.#retryInMs = undefined;
    this.#say({ state: "reconnecting", attempt, retryInMs });
    this.#timer = setTimeout(() => this.reconnect(), retryInMs);
    // A page is not told why there is no socket; a request for something else is.
    const error = await refusal(path);
    if (this.#socket || this.status.attempt !== attempt) return;
    if (error?.isFinal) this.#end(error);
    else if (error) this.#say({ ...this.status, error });
  }

  close() {
    this.#leave();
    this.#say({ state: "idle", attempt: 0 });
  }

  #end(error) {
    this.#leave();
    this.#say({ state: "failed", attempt: this.status.attempt, error });
    this.refused(error);
  }

  #say(status) {
    this.status = status;
    this.#watchers.forEach((watcher) => watcher(status));
  }
}

function lost() {
  return new Error("The connection is lost.");
}

/** Why there is no socket to be had; nothing where there is one, or no server. */
async function refusal(path) {
  try {
    const answer = await fetch(path);
    const { error } = await answer.json();
    // All that is wrong is that this was no request for a socket.
    if (error.code === "upgrade_needed") return null;
    return { ...error, status: answer.status, isFinal: answer.status === 400 };
  } catch {
    return null;
  }
}
