// What tabs that share owe each other beside the events, one thing at a time.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { groupOf } from "../src/share.js";
import { cursor, end, find, newLog, push } from "../src/share/log.js";
import { newMember } from "../src/share/member.js";
import type { Group, Packet } from "../src/share/packet.js";
import { newTab, type StartWorker } from "../src/share/tab.js";
import { isShareable } from "../src/source.js";
import type { Message, Plain, Source, Status } from "../src/types.js";
import { chance } from "./support/chance.js";
import { Agent, VirtualBrowser } from "./support/virtual-browser.js";
import { VirtualServer } from "./support/virtual-server.js";

const options: Plain = {
  poll: false,
  attempts: Infinity,
  delays: [1000],
  idleMs: 0,
  plain: false,
  hasToken: true,
  types: ["message"],
};
const URL = "http://127.0.0.1/events";
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

let browser: VirtualBrowser;
let server: VirtualServer;
beforeEach(() => {
  vi.useFakeTimers();
  browser = new VirtualBrowser(chance(1));
  server = new VirtualServer(chance(2));
});
afterEach(() => void vi.useRealTimers());

class Page {
  agent = new Agent(browser, server.connect);
  heard: Message[] = [];
  statuses: Status[] = [];
  token = vi.fn(async (_refused?: boolean): Promise<string> => "a token");
  tab: Source;

  constructor({ group = groupOf(URL, options, "ann"), startWorker }: { group?: Group; startWorker?: StartWorker } = {}) {
    const sink = {
      message: (message: Message) => void this.heard.push(message),
      status: (status: Status) => void this.statuses.push(status),
      token: (refused?: boolean) => this.token(refused),
    };
    this.tab = newTab(group, sink, this.agent.world, startWorker);
    this.tab.open();
  }

  get status(): Status {
    return this.statuses.at(-1)!;
  }

  ids(type = "message"): string[] {
    return this.heard.filter((message) => message.type === type).map(({ id }) => id);
  }
}

/** One that leads, and others that do not. */
async function group(count: number): Promise<Page[]> {
  const pages = [];
  for (; count; count--) {
    pages.push(new Page());
    await pass(200);
  }
  expect(pages.map(({ status }) => status.leader)).toEqual(pages.map((_, index) => index === 0));
  return pages;
}

const connection = () => [...server.open][0]!;

test("streams share that differ in nothing but what they listen to", () => {
  const name = (url: string, more: Partial<Plain>, user?: string) => groupOf(url, { ...options, ...more }, user).name;
  const same = name(URL, {}, "ann");
  expect(name(URL, { types: ["other"] }, "ann")).toBe(same);
  const others = [
    name(URL, {}, "bob"),
    name(URL, {}),
    name(`${URL}?topic=a`, {}, "ann"),
    name(URL, { credentials: "include" }, "ann"),
    name(URL, { transport: "fetch" }, "ann"),
    name(URL, { headers: { a: "b" } }, "ann"),
    name(URL, { hasToken: false }, "ann"),
    name(URL, { plain: true }, "ann"),
  ];
  expect(new Set([same, ...others]).size).toBe(others.length + 1);
});

test("nothing is shared that another user could get, nor where the browser cannot", () => {
  const cookies = { ...options, hasToken: false };
  vi.stubGlobal("BroadcastChannel", class {});
  vi.stubGlobal("navigator", { locks: {} });
  expect(isShareable(cookies, {})).toBe(true);
  expect(isShareable(cookies, { share: false })).toBe(false);
  expect(isShareable({ ...cookies, lastEventId: "e~1" }, {})).toBe(false);
  expect(isShareable(options, {})).toBe(false);
  expect(isShareable(options, { user: "ann" })).toBe(true);
  expect(isShareable({ ...cookies, headers: { a: "b" } }, {})).toBe(false);
  expect(isShareable({ ...cookies, headers: { a: "b" } }, { user: "ann" })).toBe(true);
  vi.stubGlobal("navigator", {});
  expect(isShareable(cookies, {})).toBe(false);
});

test("where a page may have no locks, it has a connection of its own", async () => {
  browser.forbidsLocks = true;
  const pages = [new Page(), new Page()];
  await pass(100);
  expect(server.open.size).toBe(2);
  server.publish();
  await pass(100);
  for (const page of pages) {
    expect(page.ids()).toEqual(["1"]);
    expect(page.status.shared).toBe(false);
    page.tab.close();
  }
  expect(server.open.size).toBe(0);
});

test("a leader after another is known to the server by the same name, and no other group is", async () => {
  const [first, second] = await group(2);
  const tab = connection().options.tab!;
  expect(tab.length).toBeGreaterThanOrEqual(16);
  first!.agent.crash();
  await pass(2_000);
  expect(second!.status.leader).toBe(true);
  expect(connection().options.tab).toBe(tab);
  new Page({ group: groupOf(URL, options, "bob") });
  await pass(200);
  expect(new Set([...server.open].map(({ options }) => options.tab)).size).toBe(2);
});

test("a tab is asked for a token, and another when that one has none", async () => {
  const pages = await group(3);
  for (const page of pages) page.token.mockRejectedValue(new Error("signed out"));
  pages[2]!.token.mockResolvedValue("the third's");
  await expect(Promise.all([connection().sink.token(true), pass(1_000)])).resolves.toEqual(["the third's", expect.anything()]);
  expect(pages[2]!.token).toHaveBeenCalledWith(true);
  pages[2]!.token.mockRejectedValue(new Error("signed out"));
  const refused = expect(connection().sink.token()).rejects.toThrow("signed out");
  await pass(1_000);
  await refused;
});

test("another tab is asked for a token when one does not answer, or is gone", async () => {
  const pages = await group(3);
  for (const page of pages) page.token.mockReturnValue(new Promise(() => {}));
  pages[2]!.token.mockResolvedValue("the third's");
  pages[1]!.agent.crash();
  const token = connection().sink.token();
  await pass(25_000);
  await expect(token).resolves.toBe("the third's");
});

test("whoever tries again, all do; and what one listens to later is listened to", async () => {
  const [, second] = await group(2);
  second!.tab.reconnect();
  second!.tab.listen("late");
  await pass(100);
  expect(connection().reconnects).toBe(1);
  expect(connection().options.types).toEqual(["message", "late"]);
});

test("a new leader listens to what any of them does", async () => {
  const [first, second, third] = await group(3);
  third!.tab.listen("late");
  await pass(100);
  first!.agent.crash();
  await pass(2_000);
  expect(second!.status.leader).toBe(true);
  expect(new Set(connection().options.types)).toEqual(new Set(["message", "late"]));
});

test("the leader is reminded of an attempt that is due", async () => {
  const [, second] = await group(2);
  const look = vi.fn();
  connection().look = look;
  connection().tellStatus({ state: "reconnecting", attempt: 1, retryInMs: 5_000, transport: "fetch", shared: false });
  await pass(100);
  expect(second!.status).toMatchObject({ state: "reconnecting", retryInMs: 5_000, shared: true, leader: false });
  expect(look).not.toHaveBeenCalled();
  await pass(5_100);
  expect(look).toHaveBeenCalled();
});

test("a tab whose script runs for long is not waited for long, and has missed nothing", async () => {
  const [first, second, third] = await group(3);
  third!.agent.hang(8_000);
  server.publish();
  await pass(100);
  first!.agent.crash();
  await pass(2_000);
  expect(second!.status).toMatchObject({ state: "connected", leader: true });
  server.publish();
  await pass(100);
  expect(second!.ids()).toEqual(["1", "2"]);
  expect(third!.ids()).toEqual([]);
  await pass(8_000);
  expect(third!.ids()).toEqual(["1", "2"]);
  expect(third!.ids("gap")).toEqual([]);
});

test("a page that was away for longer than the log reaches is told so", async () => {
  await group(1);
  const handlers = new Map<string, () => void>();
  vi.stubGlobal("addEventListener", (type: string, act: () => void) => handlers.set(type, act));
  const second = new Page();
  await pass(200);
  server.publish();
  await pass(200);
  handlers.get("pagehide")!();
  for (let event = 0; event < 1_100; event++) server.publish();
  await pass(1_000);
  handlers.get("pageshow")!();
  await pass(10_000);
  expect(second.ids()).toEqual(["1"]);
  const [gap] = second.heard.filter(({ type }) => type === "gap");
  expect(JSON.parse(gap!.data)).toEqual({ missed: null, from: "1", reason: "unknown_cursor" });
  server.publish();
  await pass(100);
  expect(second.ids()).toEqual(["1", "1102"]);
});

test("a tab that joins while an attempt is waited for is told how long", async () => {
  await group(1);
  connection().tellStatus({ state: "reconnecting", attempt: 1, retryInMs: 5_000, transport: "fetch", shared: false });
  await pass(3_000);
  const late = new Page();
  await pass(200);
  expect(late.status.state).toBe("reconnecting");
  expect(late.status.retryInMs).toBeGreaterThan(1_700);
  expect(late.status.retryInMs).toBeLessThanOrEqual(2_000);
});

test("those who were connected see a new leader as a reconnect", async () => {
  const [first, second] = await group(2);
  first!.agent.crash();
  await pass(2_000);
  const states = second!.statuses.map(({ state }) => state).filter((state, at, all) => state !== all[at - 1]);
  expect(states).toEqual(["connecting", "connected", "reconnecting", "connected"]);
});

test("a worker that does not begin in time is not waited for", async () => {
  const started: Group[] = [];
  const page = new Page({ startWorker: (group) => void started.push(group) });
  await pass(2_900);
  expect(page.status).toMatchObject({ state: "connecting", leader: false });
  await pass(500);
  expect(started.length).toBe(1);
  expect(page.status).toMatchObject({ state: "connected", leader: true });
});

test("what is closed says nothing, and can be opened again", async () => {
  const [first, second] = await group(2);
  first!.tab.close();
  expect(first!.status.state).toBe("idle");
  server.publish();
  await pass(2_000);
  expect(first!.ids()).toEqual([]);
  expect(second!.ids()).toEqual(["1"]);
  first!.tab.open();
  await pass(200);
  server.publish();
  await pass(100);
  expect(first!.ids()).toEqual(["2"]);
});

test("whoever has answered the call of a leader takes nothing more from the one before", () => {
  const heard: string[] = [];
  const said: Packet[] = [];
  const status: Status = { state: "connected", attempt: 0, transport: "fetch", shared: true };
  const sink = { message: ({ id }: Message) => void heard.push(id), status() {}, token: async () => "" };
  const member = newMember("one", "", ["message"], status, sink, (packet) => void said.push(packet));
  const message = (reign: number, id: string) => member.hear({ kind: "message", reign, message: { type: "message", data: "", id } });
  const state = (reign: number, before: string) =>
    member.hear({ kind: "state", reign, tab: "a tab", status, connected: undefined, log: newLog(before) });
  state(1, "a");
  message(1, "b");
  member.hear({ kind: "call", reign: 2, placed: 1, end: 2 });
  expect(said.at(-1)).toMatchObject({ kind: "hello", heard: 2, placed: 1, end: 2 });
  message(1, "c");
  state(1, "c");
  expect(heard).toEqual(["b"]);
  state(2, "b");
  message(2, "c");
  message(2, "d");
  expect(heard).toEqual(["b", "c", "d"]);
});

test("the log keeps the latest, by number and by length, and what is before them", () => {
  const log = newLog("");
  for (let id = 1; id <= 1_500; id++) push(log, { type: "message", data: "", id: `${id}` });
  expect([log.start, end(log), log.before, cursor(log)]).toEqual([500, 1_500, "500", "1500"]);
  push(log, { type: "message", data: "x".repeat(900_000), id: "1501" });
  push(log, { type: "bye", data: "x".repeat(900_000), id: "1501!" });
  expect([log.messages.length, log.size, log.before, cursor(log)]).toEqual([1, 900_000, "1501", "1501"]);
  push(log, { type: "message", data: "x".repeat(2_000_000), id: "1503" });
  expect(log.messages.length).toBe(1);
});

test("a place is found by number and id, and by the id where numbers have changed", () => {
  const log = newLog("a");
  for (const id of ["b", "b", "c", ""]) push(log, { type: "message", data: "", id });
  expect(find(log, 2, "b")).toBe(2);
  expect(find(log, 3, "b")).toBe(3);
  expect(find(log, 9, "b")).toBe(3);
  expect(find(log, 9, "a")).toBe(1);
  expect(find(log, 4, "c")).toBe(4);
  expect(find(log, 9, "z")).toBeUndefined();
  expect(find(log, 9, "")).toBeUndefined();
});
