// The page of the server, in Chromium, as a person uses it.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { launch } from "./support/browser.js";
import { reservedPort, Server } from "./support/programs.js";
import { eventually } from "./support/wait.js";

let server, browser, page, complaints;

before(async () => {
  server = await Server.start([], await reservedPort());
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

beforeEach(async () => {
  await page?.close();
  page = await browser.newPage();
  complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await page.goto(`${server.url}/`);
  await waitForText("#state", "connected");
});

async function waitForText(selector, text) {
  let seen;
  const look = async () => (seen = await page.locator(selector).first().textContent({ timeout: 60_000 })).includes(text);
  await eventually(`${text} in ${selector}`, look, () => seen);
}

/** The newest lines of the feed, each as its cells. */
function feed() {
  return page.locator("#feed li").evaluateAll((lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent)));
}

async function publish(to, event, data) {
  await page.fill("#to", to);
  await page.fill("#event", event);
  await page.fill("#data", data);
  await page.click("#publish button");
}

test("what is published in its form is seen in its feed", async () => {
  await publish("news", "greeting", "hello\n<b>world</b>");
  const [type, data, id] = await eventually("it is in the feed", async () => (await feed()).find(([type]) => type === "greeting"));
  assert.deepEqual([type, data], ["greeting", "hello\n<b>world</b>"]);
  await waitForText("#answer", `${id}, to 1 stream`);
  assert.deepEqual(complaints, []);
});

test("what others publish is seen in its feed, the newest first", async () => {
  await server.publish({ topics: ["a"], data: "first" });
  await server.publish({ topics: ["b/c"], data: { second: 2 } });
  await eventually("both are in the feed", async () => (await feed()).length >= 3);
  const data = (await feed()).slice(0, 2).map(([, data]) => data);
  assert.deepEqual(data, ['{"second":2}', "first"]);
});

test("it follows the topics that it is told to", async () => {
  await page.fill("#topics", "news rooms/*");
  await page.click("#follow button >> nth=0");
  const connected = async () => (await feed()).some(([type, data]) => type === "connected" && data.includes('"topics":["news","rooms/*"]'));
  await eventually("it is connected anew", connected, async () => JSON.stringify(await feed()));
  await server.publish({ topics: ["other"], data: "not for it" });
  await server.publish({ topics: ["rooms/1"], data: "for it" });
  await eventually("it is in the feed", async () => (await feed()).some(([, data]) => data === "for it"));
  assert.ok(!(await feed()).some(([, data]) => data === "not for it"));
});

test("a refusal is shown in the server's words", async () => {
  await publish("a/*", "", "x");
  await waitForText("#answer", "topic 0");
  assert.equal(await page.locator("#answer").getAttribute("class"), "error");
});

test("it shows counts of the server", async () => {
  await waitForText("#connections", "1");
  const { published } = await server.stats();
  await waitForText("#published", String(published));
});

test("after a crash of the server it comes back by itself", async () => {
  const { port } = server;
  await publish("news", "", "before");
  await eventually("it is in the feed", async () => (await feed()).some(([, data]) => data === "before"));
  await server.stop("SIGKILL");
  await waitForText("#state", "reconnecting");
  server = await Server.start([], port);
  await waitForText("#state", "connected");
  await server.publish({ topics: ["news"], data: "after" });
  await eventually("it is in the feed", async () => (await feed()).some(([, data]) => data === "after"));
  const gaps = (await feed()).filter(([type]) => type === "gap");
  assert.equal(gaps.length, 1);
});
