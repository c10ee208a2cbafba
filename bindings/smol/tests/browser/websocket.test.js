// A page with a WebSocket of the browser's own.
// It does not know frames.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { launch, Tab } from "./support/browser.js";
import { Server } from "./support/programs.js";
import { eventually } from "./support/wait.js";

let browser, server;

before(async () => {
  server = await Server.start([]);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** Opens a socket in a page, and notes what it hears. */
function open(page, url) {
  return page.evaluate((url) => {
    window.said = [];
    window.socket = new WebSocket(url);
    window.socket.onmessage = ({ data }) => window.said.push(JSON.parse(data));
    window.socket.onclose = ({ code, wasClean }) => window.said.push({ closed: code, wasClean });
  }, url);
}

const said = (page) => page.evaluate(() => window.said);

const say = (page, message) => page.evaluate((message) => window.socket.send(JSON.stringify(message)), message);

async function heard(page, what, is) {
  const found = async () => (await said(page)).find(is);
  return eventually(what, found, async () => JSON.stringify(await said(page)));
}

test("pages talk with each other, and with event streams", async () => {
  const [ada, bob] = [await Tab.load(browser, server.url), await Tab.load(browser, server.url)];
  const address = `${server.url.replace("http", "ws")}/ws`;
  await open(ada.page, `${address}?topic=room`);
  await open(bob.page, address);
  const reader = await Tab.open(browser, server.url, "topic=room");
  await reader.waitFor("connected");
  for (const { page } of [ada, bob]) await heard(page, "it is connected", ({ event }) => event === "connected");
  await say(bob.page, { type: "subscribe", topics: ["room"], ref: 1 });
  const joined = await heard(bob.page, "it is answered", ({ ref }) => ref === 1);
  assert.deepEqual(joined, { type: "answer", ref: 1, topics: ["room"] });
  await say(ada.page, { type: "publish", topics: ["room"], data: { text: "é\n🦀" }, event: "chat", ref: "p" });
  const answer = await heard(ada.page, "it is published", ({ ref }) => ref === "p");
  assert.equal(answer.recipients, 2);
  const event = await heard(bob.page, "it is heard", ({ event }) => event === "chat");
  assert.deepEqual(event, { id: answer.id, event: "chat", data: JSON.stringify({ text: "é\n🦀" }), topic: "room" });
  assert.ok(!(await said(ada.page)).some(({ event }) => event === "chat"), "the sender does not hear it");
  await say(bob.page, { type: "dance", ref: 2 });
  assert.equal((await heard(bob.page, "it is refused", ({ ref }) => ref === 2)).code, "unknown_type");
  await ada.page.evaluate(() => window.socket.close(1000));
  assert.deepEqual(await heard(ada.page, "it is closed", ({ closed }) => closed), { closed: 1000, wasClean: true });
  await Promise.all([ada, bob, reader].map(({ page }) => page.close()));
});

test("a page of another origin opens nothing", async () => {
  const other = createServer((_, response) => response.setHeader("content-type", "text/html").end("page"));
  await new Promise((resolve) => other.listen(0, "127.0.0.1", resolve));
  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${other.address().port}/`);
  await open(page, `${server.url.replace("http", "ws")}/ws?topic=room`);
  const end = await heard(page, "it is refused", ({ closed }) => closed);
  assert.deepEqual(end, { closed: 1006, wasClean: false });
  assert.equal((await said(page)).length, 1);
  await page.close();
  other.close();
});

test("a server that stops says so", async () => {
  const stopping = await Server.start([]);
  const tab = await Tab.load(browser, stopping.url);
  await open(tab.page, `${stopping.url.replace("http", "ws")}/ws?topic=room`);
  await heard(tab.page, "it is connected", ({ event }) => event === "connected");
  await stopping.stop("SIGTERM");
  const end = await heard(tab.page, "it is closed", ({ closed }) => closed);
  assert.deepEqual(end, { closed: 1001, wasClean: true });
  const bye = await heard(tab.page, "it was told", ({ event }) => event === "bye");
  assert.equal(JSON.parse(bye.data).reason, "drain");
  await tab.page.close();
});
