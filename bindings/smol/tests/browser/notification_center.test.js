// The notification center, in Chromium: two users with three tabs each, through all that can happen.

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { launch } from "./support/browser.js";
import { Proxy } from "./support/proxy.js";
import { Example, reservedPort } from "./support/programs.js";
import { screenshot } from "./support/screenshot.js";
import { eventually } from "./support/wait.js";

const PASSWORDS = { ada: "engine", ben: "kite", cleo: "nile" };

let browser, directory, port, center, network, complaints;
/** Three tabs of one user, in a browser of their own. */
const people = {};

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "center-"));
  port = await reservedPort();
  center = await start();
  network = await Proxy.start(port);
  browser = await launch();
  for (const name of ["ada", "ben"]) people[name] = await signIn(name, 3);
});

after(async () => {
  await browser?.close();
  await network?.close();
  await center?.stop();
  await rm(directory, { recursive: true, force: true });
});

beforeEach(() => (complaints = []));

async function start(config = {}) {
  const file = join(directory, "config.json");
  const all = { database: join(directory, "center.redb"), initialReconnectDelay: 100, maxReconnectDelay: 400, ...config };
  await writeFile(file, JSON.stringify(all));
  return Example.start("notification_center", { port, args: [file] });
}

/** A browser in which someone signs in, with so many tabs. */
async function signIn(name, tabs) {
  const context = await browser.newContext({ viewport: { width: 1100, height: 760 }, permissions: ["notifications"] });
  const pages = [];
  for (let tab = 0; tab < tabs; tab++) {
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints?.push(String(error)));
    await page.goto(network.url);
    if (tab === 0) {
      await page.selectOption("[name=user]", name);
      await page.fill("[name=password]", PASSWORDS[name]);
      await page.click("#sign-in button");
    }
    pages.push(page);
    await isConnected(page);
  }
  return { name, context, pages };
}

const state = (page) => page.evaluate(() => document.querySelector("#state").stream?.status.state);
const isConnected = (page) => eventually("it is connected", async () => (await state(page)) === "connected", () => state(page));
const badge = async (page) => Number((await page.textContent("#badge")) || 0);
const titles = (page) => page.locator("#list li b").allTextContents();

async function send(page, to, title, body = "") {
  await page.selectOption("[name=to]", to);
  await page.fill("[name=title]", title);
  await page.fill("[name=body]", body);
  await page.click("#write button.main");
  await eventually("it is sent", async () => (await page.textContent("#told")).includes(title), () => page.textContent("#told"));
}

/** Waits until all tabs of a person say the same, and hands it out. */
async function inAllTabs(person, what, look) {
  const seen = async () => JSON.stringify(await Promise.all(person.pages.map(async (page) => [await titles(page), await badge(page)])));
  for (const page of person.pages) await eventually(`${what} in a tab of ${person.name}`, () => look(page), seen);
}

const shows = (title) => async (page) => (await titles(page)).includes(title);
const hides = (title) => async (page) => !(await titles(page)).includes(title);

/** What a program has asked over HTTP, with the session of a page. */
async function api(page, path, method = "GET", body) {
  return page.evaluate(async ([path, method, body]) => {
    const headers = body ? { "content-type": "application/json" } : {};
    const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
    return { status: answer.status, json: answer.status === 204 ? null : await answer.json() };
  }, [path, method, body]);
}

/** What someone sends from elsewhere. */
async function outside(from, to, title) {
  const [cookie] = await people[from].context.cookies();
  const headers = { cookie: `session=${cookie.value}`, origin: center.url, "content-type": "application/json" };
  return fetch(`${center.url}/api/notifications`, { method: "POST", headers, body: JSON.stringify({ to, title }) });
}

async function clear(...names) {
  for (const name of names) {
    const [page] = people[name].pages;
    const { json } = await api(page, "/api/notifications");
    for (const { id } of json.notifications) await api(page, `/api/notifications/${id}`, "DELETE");
    await inAllTabs(people[name], "nothing is left", async (page) => (await titles(page)).length === 0);
  }
}

/** How many streams the server has, by its log. */
const openStreams = () => center.json("/api/health").then(({ connections }) => connections);

test("a notification of another user appears in every tab within a second, with its badge", async () => {
  const { ada, ben } = people;
  await ada.pages[0].click("#bell");
  assert.ok(await ada.pages[0].locator("#panel").isVisible(), "the dropdown opens");
  const began = Date.now();
  await send(ben.pages[0], "ada", "Lunch?", "At noon, by the river.");
  await inAllTabs(ada, "it appears", shows("Lunch?"));
  const took = Date.now() - began;
  console.log(`seen in every tab ${took} ms after it was written`);
  await inAllTabs(ada, "the badge counts it", async (page) => (await badge(page)) === 1);
  assert.match(await ada.pages[1].title(), /^\(1\)/);
  await inAllTabs(ben, "it is not Ben's", async (page) => (await badge(page)) === 0 && (await hides("Lunch?")(page)));
  assert.deepEqual(complaints, []);
});

test("read in one tab it is read in all, and whoever wrote it sees that", async () => {
  const { ada, ben } = people;
  await ada.pages[0].click("#list li >> text=Read");
  await inAllTabs(ada, "the badge is gone", async (page) => (await badge(page)) === 0);
  assert.ok(await shows("Lunch?")(ada.pages[2]));
  await inAllTabs(ben, "Ben is told", async (page) => (await page.textContent("#read-by")).includes("ada has read “Lunch?”"));
});

test("deleted in one tab it is gone from all", async () => {
  const { ada } = people;
  await ada.pages[0].click("#list li >> text=Delete");
  await inAllTabs(ada, "it is gone", hides("Lunch?"));
  await ada.pages[0].click("#bell");
  assert.ok(!(await ada.pages[0].locator("#panel").isVisible()), "the dropdown closes");
  assert.deepEqual(complaints, []);
});

test("all tabs of a user share one stream, and it ends with the last of them", async () => {
  await eventually("there is one stream for each of the two", async () => (await openStreams()) === 2, openStreams);
  const cleo = await signIn("cleo", 2);
  await eventually("Cleo has one too", async () => (await openStreams()) === 3, openStreams);
  await cleo.pages[0].close();
  await isConnected(cleo.pages[1]);
  await send(people.ben.pages[0], "cleo", "Still there?");
  await eventually("the other tab goes on", () => shows("Still there?")(cleo.pages[1]));
  await cleo.context.close();
  await eventually("her stream is gone", async () => (await openStreams()) === 2, openStreams);
});

test("nobody sees, reads or deletes what is another's", async () => {
  const { ada, ben } = people;
  await send(ada.pages[0], "ada", "Private");
  await inAllTabs(ada, "she has it", shows("Private"));
  const { json } = await api(ada.pages[0], "/api/notifications");
  const id = json.notifications.find(({ title }) => title === "Private").id;
  const tried = [["/api/notifications/" + id + "/read", "POST"], ["/api/notifications/" + id, "DELETE"]];
  for (const [path, method] of tried) assert.equal((await api(ben.pages[0], path, method)).status, 404);
  assert.ok(await hides("Private")(ben.pages[0]));
  const bad = { to: "nobody", title: "x" };
  assert.equal((await api(ben.pages[0], "/api/notifications", "POST", bad)).status, 400);
  assert.equal((await api(ben.pages[0], "/api/notifications", "POST", { to: "ada", title: "" })).status, 400);
  await clear("ada");
});

test("the session is a cookie that no script reads, and other sites change nothing with it", async () => {
  const { context, pages } = people.ada;
  const [cookie] = await context.cookies();
  assert.deepEqual([cookie.name, cookie.httpOnly, cookie.sameSite], ["session", true, "Strict"]);
  assert.equal(await pages[0].evaluate(() => document.cookie), "");
  const headers = { cookie: `session=${cookie.value}`, "content-type": "application/json" };
  const body = JSON.stringify({ to: "ada", title: "forged" });
  for (const origin of ["https://evil.example", "null"]) {
    const forged = await fetch(`${center.url}/api/notifications`, { method: "POST", headers: { ...headers, origin }, body });
    assert.equal(forged.status, 403, origin);
  }
  const stranger = await fetch(`${center.url}/events`);
  assert.equal(stranger.status, 401);
  assert.ok(await hides("forged")(pages[0]));
});

test("what happens while the network is away is there when it is back", async () => {
  const { ada, ben } = people;
  await send(ben.pages[0], "ada", "Before");
  await inAllTabs(ada, "it is there", shows("Before"));
  network.cutAfter({ below: () => 0 }, 1);
  network.cut();
  await inAllTabs(ada, "it is seen that it is away", async (page) => (await state(page)) !== "connected");
  const created = await outside("ben", "ada", "While away");
  assert.equal(created.status, 201);
  assert.ok(await hides("While away")(ada.pages[0]));
  assert.ok(await shows("Before")(ada.pages[0]), "the last known state is shown");
  network.stopCutting();
  await inAllTabs(ada, "it has come", shows("While away"));
  await inAllTabs(ada, "the badge counts both", async (page) => (await badge(page)) === 2);
  await clear("ada");
});

test("a server that crashes and starts again restores the exact state, sessions included", async () => {
  const { ada, ben } = people;
  await send(ben.pages[0], "ada", "One");
  await send(ben.pages[0], "ada", "Two");
  await inAllTabs(ada, "both are there", shows("Two"));
  await center.stop("SIGKILL");
  await inAllTabs(ada, "it is said", (page) => page.locator("#banner").isVisible());
  assert.match(await ada.pages[0].textContent("#banner-text"), /What you see is of/);
  assert.deepEqual(await titles(ada.pages[0]), ["Two", "One"]);
  center = await start();
  await inAllTabs(ada, "it is connected again", async (page) => (await state(page)) === "connected");
  await send(ben.pages[0], "ada", "Three");
  await inAllTabs(ada, "all are there", async (page) => String(await titles(page)) === "Three,Two,One");
  await inAllTabs(ada, "the banner is gone", async (page) => !(await page.locator("#banner").isVisible()));
});

test("a picture of it", async () => {
  const { ada, ben } = people;
  await send(ben.pages[0], "ada", "Draft is ready", "Would you look at the second chapter?");
  await inAllTabs(ada, "it is there", shows("Draft is ready"));
  await ada.pages[0].click("#bell");
  await screenshot(ada.pages[0], "notification_center");
  await ada.pages[0].click("#bell");
  await clear("ada");
});

test("one tab rings for all, on the desktop too", async () => {
  const { ada, ben } = people;
  for (const page of ada.pages) {
    await page.evaluate(() => {
      window.rung = [];
      window.Notification = class {
        static permission = "granted";
        static requestPermission = async () => "granted";
        constructor(title, { body }) { window.rung.push([title, body]); }
      };
      window.AudioContext = class extends AudioContext {
        constructor() { super(); window.rung.push("sound"); }
      };
    });
    if (!(await page.isChecked("#sound"))) await page.check("#sound");
    if (!(await page.isChecked("#desktop"))) await page.check("#desktop");
  }
  await send(ben.pages[0], "ada", "Ring", "ring");
  await inAllTabs(ada, "it is there", shows("Ring"));
  const rung = async () => (await Promise.all(ada.pages.map((page) => page.evaluate(() => window.rung)))).flat();
  await eventually("it rings", async () => (await rung()).length === 2, async () => JSON.stringify(await rung()));
  assert.deepEqual((await rung()).sort(), [["Ring", "ring"], "sound"]);
  for (const page of ada.pages) await page.uncheck("#sound");
  await clear("ada");
});

test("where streams do not get through, the page polls", async () => {
  const context = await browser.newContext();
  await context.addCookies(await people.ada.context.cookies());
  const page = await context.newPage();
  await page.route("**/events*", (route) => route.abort());
  await page.goto(network.url);
  const way = () => page.evaluate(() => document.querySelector("#state").stream?.status.transport);
  await eventually("it polls", async () => (await way()) === "poll" && (await state(page)) === "connected", async () => `${await way()} ${await state(page)}`);
  await send(people.ben.pages[0], "ada", "By poll");
  await eventually("it comes", () => shows("By poll")(page), () => titles(page));
  await context.close();
  await clear("ada");
});

test("streams hold nothing of the database", async () => {
  const { pid } = center.program.child;
  const handles = async () => {
    const links = await Promise.all((await readdir(`/proc/${pid}/fd`)).map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => "")));
    return links.filter((link) => link.endsWith("center.redb")).length;
  };
  const before = await handles();
  const [cookie] = await people.ada.context.cookies();
  const streams = await openMany(Array(50).fill(cookie.value));
  await eventually("they are open", async () => (await openStreams()) === 52, openStreams);
  assert.equal(await handles(), before);
  streams.forEach((socket) => socket.destroy());
  await eventually("they are gone", async () => (await openStreams()) === 2, openStreams);
});

test("a stream on which nothing happens is closed, and the page comes back", async () => {
  await center.stop("SIGTERM");
  center = await start({ idleTimeout: 1_000, heartbeatInterval: 300 });
  const [cookie] = await people.ada.context.cookies();
  const stream = await fetch(`${center.url}/events`, { headers: { cookie: `session=${cookie.value}` } });
  const text = await stream.text();
  assert.match(text, /event: heartbeat/);
  assert.match(text, /event: bye\n(retry: \d+\n)?data: \{"reason":"idle"/);
  await send(people.ben.pages[0], "ada", "Awake?");
  await inAllTabs(people.ada, "it is there", shows("Awake?"));
  await clear("ada");
});

test("a page that has failed says so, and goes on by hand", async () => {
  await center.stop("SIGTERM");
  center = await start({ maxReconnectAttempts: 2 });
  const person = await signIn("cleo", 1);
  const [page] = person.pages;
  await center.stop("SIGKILL");
  await eventually("it has failed", async () => (await state(page)) === "failed", () => state(page));
  assert.match(await page.textContent("#banner-text"), /cannot be reached/);
  await page.click("#refresh");
  center = await start();
  await page.click("#refresh");
  await isConnected(page);
  await send(people.ben.pages[0], "cleo", "Back");
  await eventually("it comes", () => shows("Back")(page), () => titles(page));
  await person.context.close();
});

test("who signs out sees nothing more, in any tab", async () => {
  const person = await signIn("cleo", 2);
  await person.pages[0].click("#sign-out");
  for (const page of person.pages) {
    await eventually("it asks to sign in", () => page.locator("#sign-in").isVisible(), () => page.textContent("body"));
    assert.deepEqual(await titles(page), []);
  }
  await person.context.close();
});

test("a thousand users who are connected cost at most 5 MB", async () => {
  await center.stop("SIGTERM");
  center = await start({ guests: 1_000 });
  const { pid } = center.program.child;
  const resident = async () => Number((await readFile(`/proc/${pid}/statm`, "utf8")).split(" ")[1]) * 4_096;
  const cookies = [];
  for (let guest = 1; guest <= 1_000; guest++) cookies.push(await guestCookie(guest));
  // The first ones make what the program itself needs: buffers, a connection to itself.
  const first = await openMany(cookies.slice(0, 20));
  first.forEach((socket) => socket.destroy());
  await eventually("they are gone", async () => (await openStreams()) <= 2, openStreams);
  const before = [await openStreams(), await resident()];
  const streams = await openMany(cookies);
  await eventually("all are connected", async () => (await openStreams()) >= before[0] + 1_000, openStreams);
  const grown = (await resident()) - before[1];
  console.log(`1,000 connected users: ${(grown / 1e6).toFixed(2)} MB`);
  assert.ok(grown <= 5e6, `${grown} bytes`);
  streams.forEach((socket) => socket.destroy());
});

async function guestCookie(number) {
  const body = JSON.stringify({ user: `guest-${number}`, password: "guest" });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${center.url}/api/session`, { method: "POST", headers, body });
  assert.equal(answer.status, 200);
  return answer.headers.get("set-cookie").match(/session=([^;]+)/)[1];
}

/** Streams on bare sockets, each with a session, some at a time. */
async function openMany(sessions) {
  const streams = [];
  for (let next = 0; next < sessions.length; next += 20) {
    streams.push(...(await Promise.all(sessions.slice(next, next + 20).map(openOne))));
  }
  return streams;
}

function openOne(session) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", reject);
    socket.once("data", () => resolve(socket.resume()));
    socket.write(`GET /events HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncookie: session=${session}\r\n\r\n`);
  });
}
