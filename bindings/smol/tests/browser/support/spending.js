// The example spending_alerts as its users ask it: with a token each, over curl and fetch.
// It does not know what is promised to them.

import { Example, Program } from "./programs.js";
import { eventually } from "./wait.js";

/** Over the limit; below it; not active; with a limit for last month. */
export const [SARI, BUDI, DEWI, AGUS] = [13, 14, 15, 16];

const API = "/api/periode-limit";

export class Spending {
  #tokens = new Map();

  /** Starts it anew, as long as a test lasts. */
  static async start(t, env, port) {
    const example = await Example.start("spending_alerts", { env, port });
    t.after(() => example.stop());
    return new Spending(example);
  }

  constructor(example) {
    this.example = example;
    this.url = example.url;
    this.program = example.program;
  }

  async token(user) {
    if (!this.#tokens.has(user)) {
      const headers = { "content-type": "application/json" };
      const { token } = await this.example.json("/api/sign-in", { method: "POST", headers, body: JSON.stringify({ userId: user }) });
      this.#tokens.set(user, token);
    }
    return this.#tokens.get(user);
  }

  async fetch(user, path, { headers, ...init } = {}) {
    const authorization = `Bearer ${await this.token(user)}`;
    return fetch(this.url + API + path, { ...init, headers: { ...headers, authorization } });
  }

  async status(user) {
    return (await this.fetch(user, "/notifications/status")).json();
  }

  async health(user) {
    return (await this.fetch(user, "/notifications/health")).json();
  }

  post(user, path, body) {
    return this.fetch(user, path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  }

  async spend(user, amount) {
    const response = await this.post(user, "/spending", { amount });
    if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
    return response.json();
  }

  /** A stream as a person would look at it. */
  async curl(user, ...args) {
    return new Curl(`${this.url}${API}/notifications/stream`, await this.token(user), args);
  }

  stop(signal) {
    return this.example.stop(signal);
  }
}

export class Curl {
  constructor(url, token, args) {
    const headers = ["Accept: text/event-stream", `Authorization: Bearer ${token}`].flatMap((line) => ["-H", line]);
    this.program = new Program("curl", ["-sSN", ...headers, ...args, url]);
  }

  /** What has come, event by event. */
  get events() {
    const frames = this.program.out.split("\n\n").slice(0, -1);
    return frames.map((frame) => {
      const fields = frame.split("\n").map((line) => [line.split(": ", 1)[0], line.slice(line.indexOf(": ") + 2)]);
      return Object.fromEntries(fields);
    });
  }

  /** What the notifications among them say. */
  get notifications() {
    return this.events.filter(({ event }) => event === "notification").map(({ data }) => JSON.parse(data));
  }

  async waitFor(count) {
    await eventually(`${count} events`, () => this.events.length >= count, () => this.program.describe());
    return this.events;
  }
}
