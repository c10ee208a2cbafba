// Polling in Chromium, where a proxy keeps streams until they are whole, which is never.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../../../smol/tests/browser/support/browser.js";
import { Server } from "../../../smol/tests/browser/support/programs.js";
import { eventually } from "../../../smol/tests/browser/support/wait.js";
import { Page } from "./support/page.js";
import { Site } from "./support/site.js";

let browser;
let server;
let site;

before(async () => {
  browser = await launch();
  server = await Server.start();
  site = await Site.start(server.port);
});

after(async () => {
  await browser?.close();
  await site?.close();
  await server?.stop();
});

const publish = (data) => server.publish({ topics: ["news"], data });
const asked = (path) => site.requests.filter(({ url }) => url.startsWith(path)).length;

test("events come by polling where streams are held back, and by a stream again elsewhere", async () => {
  site.way = (path) => (path === "/events" ? "hold" : "pass");
  const page = await Page.open(browser, site);
  await page.waitForState("connected");
  assert.equal((await page.status()).transport, "poll");
  assert.deepEqual(await page.states(), ["idle", "connecting", "connected"]);
  const numbers = Array.from({ length: 50 }, (_, number) => `${number}`);
  for (const number of numbers) {
    await publish(number);
    if (number % 10 === 5) await page.waitFor("message", Number(number) + 1);
    if (number % 10 === 9) site.cut();
  }
  await page.waitFor("message", 50);
  assert.deepEqual(await page.data(), numbers);
  const polls = asked("/poll");
  assert.ok(polls < 100, `it has polled ${polls} times`);

  // Another network, which lets streams through.
  site.way = () => "pass";
  const context = page.page.context();
  await context.setOffline(true);
  await publish("meanwhile");
  await context.setOffline(false);
  await eventually("it streams", async () => (await page.status()).transport === "eventsource");
  await page.waitFor("message", 51);
  await publish("streamed");
  await page.waitFor("message", 52);
  assert.deepEqual((await page.data()).slice(50), ["meanwhile", "streamed"]);
  assert.deepEqual(await page.data("gap"), []);
});

test("polling alone does as well", async () => {
  site.way = (path) => (path === "/poll" ? "pass" : "cut");
  const page = await Page.open(browser, site, { transport: "poll" });
  await page.waitForState("connected");
  const streams = asked("/events");
  await publish("one");
  await publish("two");
  await page.waitFor("message", 2);
  assert.deepEqual(await page.data(), ["one", "two"]);
  assert.equal(asked("/events"), streams);
  await page.page.evaluate(() => window.stream.close());
});
