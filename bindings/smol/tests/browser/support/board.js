// The example check_in_board as its users meet it: doors, supervisors with a browser each, and plain clients.
// It does not know what is promised to them.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { Example } from "./programs.js";
import { eventually } from "./wait.js";

export const school = JSON.parse(await readFile(new URL("../../../examples/check_in_board/school.json", import.meta.url)));
export const idsIn = (group) => school.groups.find(({ active_group_id }) => active_group_id === group).students;
export const nameOf = (id) => school.students.find((student) => student.student_id === id).name;

export class Board {
  /** Starts it anew, as long as a test lasts. */
  static async start(t, env, port) {
    const example = await Example.start("check_in_board", { env, port });
    t.after(() => example.stop());
    const [, key] = await eventually("the key is told", () => example.program.out.match(/terminal#(.+)/));
    return new Board(example, key);
  }

  constructor(example, key) {
    Object.assign(this, { example, key, url: example.url, port: example.port });
  }

  /** Lines of the log, without colours. */
  log(pattern) {
    const lines = this.example.program.err.replaceAll(/\x1b\[[0-9;]*m/g, "").split("\n");
    return lines.filter((line) => pattern.test(line));
  }

  logged(pattern) {
    return eventually(`${pattern} is logged`, () => this.log(pattern).length > 0, () => this.example.program.describe());
  }

  stop() {
    return this.example.stop();
  }
}

/** A device at a door. */
export class Door {
  constructor(board) {
    this.board = board;
  }

  async ask(path, method = "GET", json = undefined, token = this.board.key) {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    if (json) headers["content-type"] = "application/json";
    const response = await fetch(this.board.url + path, { method, headers, body: json && JSON.stringify(json) });
    const text = await response.text();
    return { status: response.status, text, json: text && JSON.parse(text) };
  }

  async #happen(...request) {
    const answer = await this.ask(...request);
    assert.equal(answer.status, 200, answer.text);
    return answer.json;
  }

  in = (student_id, group) => this.#happen(`/api/active/groups/${group}/visits`, "POST", { student_id });
  out = (student, group) => this.#happen(`/api/active/groups/${group}/visits/${student}`, "DELETE");
  start = (group) => this.#happen(`/api/active/groups/${group}/session`, "POST");
  end = (group) => this.#happen(`/api/active/groups/${group}/session`, "DELETE");

  async assign(user, active_group_id, supervises) {
    const answer = await this.ask(`/api/staff/${user}/groups`, "POST", { active_group_id, supervises });
    assert.equal(answer.status, 204, answer.text);
  }

  async overview() {
    return (await this.ask("/api/overview")).json;
  }

  async subscribers(group) {
    const { groups } = await this.overview();
    return groups.find((one) => one.active_group_id === group).subscribers;
  }
}

/** A supervisor in a browser of their own. */
export class Supervisor {
  static async at(browser, url, name, { init } = {}) {
    const context = await browser.newContext({ viewport: { width: 1100, height: 760 }, locale: "de-DE" });
    const one = new Supervisor(context, await context.newPage(), url);
    await init?.(one.page);
    await one.page.goto(url);
    await one.signIn(name);
    return one;
  }

  constructor(context, page, url) {
    Object.assign(this, { context, page, url, errors: [], said: [] });
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("console", (message) => this.said.push(message.text()));
  }

  async signIn(name, password = "regenbogen") {
    await this.page.fill("[name=name]", name);
    await this.page.fill("[name=password]", password);
    await this.page.click("#sign-in button");
    await this.state("connected");
    // From here on, every line of the feed is noted.
    await this.page.evaluate(() => {
      window.lines = [];
      new MutationObserver((changes) => {
        for (const { addedNodes } of changes) window.lines.push(...[...addedNodes].map((line) => [line.dataset.type, line.textContent]));
      }).observe(document.getElementById("feed"), { childList: true });
    });
  }

  state(state) {
    return this.page.waitForSelector(`#state[state=${state}]`, { timeout: 60_000 });
  }

  /** Who is in a group, by the page; null where it does not run. */
  there(group) {
    return this.page.evaluate((group) => {
      const list = document.querySelector(`#groups [data-group="${group}"] .children`);
      return list && [...list.children].map((item) => item.firstChild.textContent);
    }, group);
  }

  /** Waits until these, and nobody else, are in a group; null: until it does not run. */
  async sees(group, ids) {
    let seen;
    const wanted = JSON.stringify(ids && ids.map(nameOf).sort());
    const look = async () => (seen = JSON.stringify((await this.there(group))?.sort() ?? null)) === wanted;
    await eventually(`${wanted} in ${group}`, look, () => seen);
  }

  lines() {
    return this.page.evaluate(() => window.lines);
  }

  /** Waits until something stands in the feed. */
  async reads(text) {
    let lines;
    await eventually(`${text} is read`, async () => (lines = await this.lines()).some(([, line]) => line.includes(text)), () => JSON.stringify(lines));
  }

  async close() {
    await this.context.close();
    assert.deepEqual(this.errors, []);
  }
}

/** A token, and the cookie of its session, without a page. */
export async function signIn(board, name) {
  const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ name, password: "regenbogen" }) };
  const response = await fetch(`${board.url}/api/auth/login`, init);
  assert.equal(response.status, 200);
  return { ...(await response.json()), cookie: response.headers.get("set-cookie") };
}

/** An EventSource with the token in its URL, as any page has it. */
export async function eventSource(browser, board, token, path = "/api/sse/events") {
  const page = await browser.newPage();
  await page.goto(`${board.url}/health`);
  await page.evaluate(([path, token]) => {
    window.heard = [];
    const source = new EventSource(`${path}${path.includes("?") ? "&" : "?"}token=${token}`);
    const types = ["student_checkin", "student_checkout", "activity_start", "activity_end", "connected", "heartbeat", "gap", "reauth", "bye", "error", "message"];
    for (const type of types) source.addEventListener(type, ({ type, data }) => window.heard.push({ type, data }));
  }, [path, token]);
  const heard = () => page.evaluate(() => window.heard);
  const waitFor = (type, count = 1) =>
    eventually(`${count} ${type}`, async () => (await heard()).filter((event) => event.type === type).length >= count, async () => JSON.stringify(await heard()));
  await waitFor("connected");
  return { page, heard, waitFor, close: () => page.close() };
}
