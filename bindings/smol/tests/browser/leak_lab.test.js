// The leak lab, in Chromium: the trap, and the two ways out.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch } from "./support/browser.js";
import { Example } from "./support/programs.js";
import { screenshot } from "./support/screenshot.js";
import { eventually } from "./support/wait.js";

/** Connections that a browser opens to one host over HTTP/1.1. */
const LIMIT = 6;

let browser, lab, page, pages;

before(async () => {
  lab = await Example.start("leak_lab");
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await lab?.stop();
});

beforeEach(async () => {
  pages = [];
  page = await dashboard("naive");
});

afterEach(async () => {
  await Promise.all(pages.map((page) => page.context().close()));
  await count(0);
});

/** The dashboard in a browser of its own, or in another tab of `context`, which opens its stream in this way. */
async function dashboard(mode, context) {
  context ??= await browser.newContext({ viewport: { width: 1100, height: 860 } });
  const page = await context.newPage();
  pages.push(page);
  await page.goto(lab.url);
  if (mode !== "naive") await page.check(`input[value=${mode}]`);
  return page;
}

/** Waits until the server has so many streams: asked from elsewhere. */
async function count(streams) {
  let seen;
  const look = async () => (seen = await lab.json("/api/status")).active_connections === streams;
  await eventually(`there are ${streams} streams`, look, () => JSON.stringify(seen));
}

async function navigate(page, times) {
  for (let visit = 0; visit < times; visit++) await page.click("#navigate");
}

/** What the status says when its button was pressed. */
async function status(page, says) {
  let seen;
  const look = async () => {
    await page.click("#check");
    seen = await page.evaluate(() => [document.querySelector("#count").textContent, document.querySelector("#status").textContent]);
    return seen.join() === says.join();
  };
  await eventually(`the status is ${says}`, look, () => seen.join());
}

/** Begins to call the API, and hands out how that goes. */
async function call(page) {
  await page.click("#call");
  return () => page.textContent("#answer");
}

const isAnswered = (answer) => eventually("the API answers", async () => /orders in \d+ ms/.test(await answer()), answer);

test("the dashboard loads and shows notifications", async () => {
  const shown = () => page.locator("#feed li").count();
  await eventually("notifications come", async () => (await shown()) >= 2, shown);
  assert.match(await page.locator("#feed li").first().textContent(), /Order \d+ was shipped/);
  await count(1);
});

test("each navigation leaves a stream open, and the status says when that becomes dangerous", async () => {
  await status(page, ["1", "ok"]);
  await navigate(page, 3);
  await status(page, ["4", "ok"]);
  await navigate(page, 1);
  await status(page, ["5", "warning"]);
  await navigate(page, 1);
  await status(page, [String(LIMIT), "warning"]);
  // Another browser of the same house.
  const other = await dashboard("naive");
  await status(other, [String(LIMIT + 1), "danger"]);
});

test("at the browser's limit everything hangs, without an error, until a stream is closed", async () => {
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await isAnswered(await call(page));
  await navigate(page, LIMIT - 1);
  await count(LIMIT);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  const ended = [];
  page.on("requestfinished", (request) => ended.push(request.url()));
  const answer = await call(page);
  const orders = `${lab.url}/api/orders`;
  await eventually("it is asked", () => asked.includes(orders));
  // What the page asks of its instruments meanwhile is answered again and again; this is not.
  const measured = () => ended.filter((url) => url.endsWith("/api/status")).length;
  await eventually("others are answered", () => measured() >= 4, measured);
  assert.equal(await answer(), "waiting…");
  assert.ok(!ended.includes(orders), "the API call hangs");
  await navigate(page, 3);
  await eventually("the instruments go on", () => measured() >= 8, measured);
  await count(LIMIT);
  assert.deepEqual(complaints, [], "and nobody is told");
  await screenshot(page, "leak_lab");
  await page.click("#leave");
  await isAnswered(answer);
  await count(0);
});

test("whoever navigates to other pages and comes back with open tabs leaks as well", async () => {
  const context = page.context();
  for (let tab = 1; tab < LIMIT; tab++) await dashboard("naive", context);
  await count(LIMIT);
  await page.click("#call");
  assert.equal(await page.textContent("#answer"), "waiting…");
  await pages.pop().close();
  await isAnswered(() => page.textContent("#answer"));
  await count(LIMIT - 1);
});

test("with the tab named, even this page stays at one stream", async () => {
  await page.check("input[value=tab]");
  for (let visit = 0; visit < 2 * LIMIT; visit++) {
    await navigate(page, 1);
    await isAnswered(await call(page));
  }
  await count(1);
  const before = await page.locator("#feed li").count();
  const shown = () => page.locator("#feed li").count();
  await eventually("the newest stream goes on", async () => (await shown()) > before, shown);
});

test("with the package all visits share one stream, and nothing ever hangs", async () => {
  await page.check("input[value=package]");
  for (let visit = 0; visit < 2 * LIMIT; visit++) {
    await navigate(page, 1);
    await isAnswered(await call(page));
  }
  await count(1);
  await page.click("#leave");
  await count(0);
});

test("with the package ten tabs share one stream, which ends with the last of them", async () => {
  const context = page.context();
  await page.check("input[value=package]");
  for (let tab = 1; tab < 10; tab++) await dashboard("package", context);
  await count(1);
  for (const page of pages) await isAnswered(await call(page));
  for (const page of pages) {
    const shown = () => page.locator("#feed li").count();
    await eventually("each tab has notifications", async () => (await shown()) > 0, shown);
  }
  for (const page of pages.slice(1)) await page.close();
  await count(1);
  pages = [page];
  const shown = () => page.locator("#feed li").count();
  const before = await shown();
  await eventually("the last tab goes on", async () => (await shown()) > before, shown);
});

test("the count falls when streams close", async () => {
  await navigate(page, 3);
  await count(4);
  await page.reload();
  await count(1);
  await page.goto("about:blank");
  await count(0);
});
