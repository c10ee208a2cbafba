// People in the example chat_rooms: those in pages, and those who have only a socket.
// It does not know what they talk about.

import WebSocket from "ws";
import { eventually } from "./wait.js";

/** A person at a socket, with all that they heard. */
export class Person {
  /** Who was let in. Where that is refused, there is an error with its status and code. */
  static async enter(url, name, { rooms = [], query = {}, notes = true } = {}) {
    const search = new URLSearchParams({ name, ...query });
    const person = new Person(name, new WebSocket(`${url.replace("http", "ws")}/chat?${search}`), notes);
    await person.opened;
    for (const room of rooms) await person.join(room);
    return person;
  }

  constructor(name, socket, notes) {
    Object.assign(this, { name, socket, notes });
    this.heard = [];
    this.errors = [];
    this.asked = 0;
    this.waiting = new Map();
    this.listener = () => {};
    this.opened = new Promise((resolve, reject) => {
      socket.on("unexpected-response", async (_, response) => {
        let body = "";
        for await (const part of response) body += part;
        reject(Object.assign(new Error(body), { status: response.statusCode, ...JSON.parse(body).error }));
      });
      socket.on("error", reject);
      socket.on("open", resolve);
    });
    this.closed = new Promise((resolve) => socket.on("close", resolve));
    socket.on("message", (data) => this.#hear(JSON.parse(data)));
  }

  #hear(message) {
    if (message.type) {
      if (message.ref === undefined) this.errors.push(message);
      this.waiting.get(message.ref)?.(message);
      this.waiting.delete(message.ref);
      return;
    }
    if (message.id) this.cursor = message.id;
    if (this.notes) this.heard.push({ ...message, data: message.data && JSON.parse(message.data) });
    this.listener(message);
  }

  /** Asks, and hands out the answer, be it an error. */
  ask(type, message = {}) {
    const ref = ++this.asked;
    const answer = new Promise((resolve) => this.waiting.set(ref, resolve));
    this.socket.send(JSON.stringify({ type, ref, ...message }));
    return answer;
  }

  async join(room) {
    const answer = await this.ask("join-room", { room });
    if (answer.type !== "answer") throw new Error(JSON.stringify(answer));
  }

  say(room, text, more = {}) {
    return this.ask("message", { room, text, ...more });
  }

  /** The data of what was heard of one type. */
  of(event) {
    return this.heard.filter((heard) => heard.event === event).map(({ data }) => data);
  }

  texts() {
    return this.of("message").map(({ text }) => text);
  }

  /** Waits until something of a type was heard that is so. */
  hears(event, is = () => true) {
    const found = () => this.of(event).find(is);
    return eventually(`${this.name} hears ${event}`, found, () => JSON.stringify(this.heard.slice(-20)));
  }

  /** Is gone without a word. */
  vanish() {
    this.socket.terminate();
    return this.closed;
  }

  leave() {
    this.socket.close(1000);
    return this.closed;
  }
}

/** A person in front of a page. */
export class Visitor {
  static async enter(context, url, name, rooms = []) {
    const visitor = new Visitor(await context.newPage(), name);
    await visitor.load(url);
    await visitor.lets("lobby");
    for (const room of rooms) await visitor.join(room);
    return visitor;
  }

  constructor(page, name) {
    Object.assign(this, { page, name });
  }

  /** Opens the page, and gives the name. */
  async load(url) {
    await this.page.goto(url);
    await this.enters("Your name", this.name);
  }

  /** By the keyboard: Chromium waits a second before each click in a page that is not in front. */
  async enters(field, text) {
    await this.page.getByLabel(field, { exact: true }).fill(text);
    await this.page.getByLabel(field, { exact: true }).press("Enter");
  }

  async join(room) {
    await this.enters("Another room", room);
    await this.lets(room);
  }

  /** Waits until it is in a room, and looks at it. */
  lets(room) {
    return this.page.locator("#room", { hasText: new RegExp(`^${room}$`) }).waitFor();
  }

  look(room) {
    return this.page.locator(`#rooms [data-room="${room}"]`).click();
  }

  say(text) {
    return this.enters("What you say", text);
  }

  /** What is said in the room that is looked at. */
  lines() {
    const part = "#said li:not(.note)";
    return this.page.locator(part).evaluateAll((lines) =>
      lines.map((line) => `${line.querySelector("b").textContent}: ${line.querySelector("p").textContent}`));
  }

  members() {
    return this.page.locator("#members li").allTextContents();
  }

  notes() {
    return this.page.locator("#said .note").allTextContents();
  }

  state() {
    return this.page.locator("#status").getAttribute("state");
  }

  /** Does not wait until the page tries again by itself. */
  async hurry() {
    const hurried = async () => {
      if ((await this.state()) === "connected") return true;
      const button = this.page.getByRole("button", { name: "Retry now" });
      // It may be back by itself just then.
      if (await button.isVisible()) await button.click({ timeout: 1_000 }).catch(() => {});
      return false;
    };
    await eventually(`${this.name} is back`, hurried);
  }

  async sees(what, look, is) {
    const seen = async () => JSON.stringify(await look.call(this));
    await eventually(`${this.name} sees ${what}`, async () => is(await look.call(this)), seen);
  }

  seesLine(line) {
    return this.sees(line, this.lines, (lines) => lines.includes(line));
  }

  seesMembers(...members) {
    return this.sees(`${members}`, this.members, (seen) => JSON.stringify(seen) === JSON.stringify(members));
  }
}

/** What the rooms are, from the server itself. */
export function rooms(chat) {
  return chat.json("/api/rooms");
}

/** Waits until nobody is there any more. */
export async function empty(chat) {
  const nobody = async () => (await rooms(chat)).length === 0;
  await eventually("all have left", nobody, async () => JSON.stringify(await rooms(chat)));
}
