// How the console looks, and whether everybody can use it: light and dark, wide and narrow, by keyboard, read aloud.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "./support/browser.js";
import { Console } from "./support/console.js";
import { Server } from "./support/programs.js";
import { screenshot } from "./support/screenshot.js";
import { eventually } from "./support/wait.js";

const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 390, height: 844 };
const MINUTE = 62;
const readers = new AbortController();
let server, browser;

before(async () => {
  server = await Server.start();
  browser = await launch();
  const topics = ["prices/*", "orders/eu", "orders/us", "rooms/7"];
  for (const [number, topic] of [...topics, ...topics, ...topics].entries()) {
    const user = ["ann", "bob", "eve", "joe", "kim"][number % 5];
    read(`${server.url}/events?topic=${topic}&user=${user}`);
  }
  await server.waitForStat("connections", 12);
});

after(async () => {
  readers.abort();
  await browser?.close();
  await server?.stop();
});

/** Reads a stream to its end, in this process. */
async function read(url) {
  try {
    const { body } = await fetch(url, { signal: readers.signal });
    for await (const _ of body) continue;
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
}

/** What a second brings to a shop that is doing well. */
function second(at) {
  const swell = 6 + 4 * Math.sin(at / 9) + 2 * Math.sin(at / 2.3);
  const price = (number) => {
    const symbol = ["btc", "eth", "sol"][number % 3];
    return {
      topics: [`prices/${symbol}`],
      event: "price",
      data: { symbol: symbol.toUpperCase(), price: 1_200 + at * 3 + number, change: number / 100 },
    };
  };
  const order = {
    order: 4_711 + at,
    customer: { name: "Ann", vip: true },
    items: ["tea", "cups"],
    total: 42.5,
    note: null,
  };
  const events = Array.from({ length: Math.round(swell * 2) }, (_, number) => price(number));
  if (at % 2 === 1) events.splice(-2, 0, { topics: ["orders/eu"], event: "order", data: order });
  if (at % 3 === 1) events.splice(-4, 0, { topics: ["rooms/7"], event: "said", data: "The kettle is on." });
  return events;
}

/** A console that has been looked at for some time, which takes less: its clock is the test's. */
async function lookedAt(seconds, options) {
  const context = await browser.newContext({ viewport: WIDE, ...options });
  const page = await context.newPage();
  await page.clock.install();
  const at = await Console.open(page, server.url);
  await at.connected();
  for (let passed = 0; passed < seconds; passed++) {
    await server.publish(second(passed));
    const asked = page.waitForResponse(/\/stats$/);
    await page.clock.runFor(1_000);
    await asked;
    // The answer has been drawn, and the next second is waited for.
    const { published } = await server.stats();
    await at.sees("#more-published", published.toLocaleString("en"));
  }
  return at;
}

async function unfold({ page }, type) {
  await page.getByRole("button", { name: "Pause" }).click();
  await page.locator("#feed summary", { hasText: type }).first().click();
  await page.locator("#feed").evaluate((list) => list.scrollTo(0, 0));
}

for (const [scheme, name] of [
  ["light", "console"],
  ["dark", "console-dark"],
]) {
  test(`it is ${scheme} as the system is, and nothing in it is hard to read`, async () => {
    const at = await lookedAt(scheme === "light" ? MINUTE : 8, { colorScheme: scheme });
    const { page } = at;
    const light = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const background = await light();
    assert.equal(Number(background.match(/\d+/)[0]) > 128, scheme === "light", background);
    if (scheme === "light") await screenshot(page, name);
    assert.deepEqual(await at.faults(), []);
    for (const tab of ["Live", "Topics", "Connections"]) {
      await at.tab(tab);
      if (tab === "Live") await unfold(at, "order");
      else await page.locator(`#${tab.toLowerCase()}-list tbody tr`).first().waitFor();
      if (tab === "Live" && scheme === "dark") await screenshot(page, name);
      assert.deepEqual(await at.faults(), [], tab);
    }
    await page.locator("#connections-list .link").first().click();
    await page.getByRole("dialog").waitFor();
    assert.deepEqual(await at.faults(), [], "dialog");
    await page.keyboard.press("Escape");
    await page.getByLabel("Colours").selectOption(scheme === "light" ? "Dark" : "Light");
    assert.notEqual(await light(), background);
    await page.reload();
    await at.view("console");
    assert.notEqual(await light(), background, "it is remembered");
    assert.deepEqual(await at.wrong(), []);
    await page.context().close();
  });
}

test("it is for phones, too: nothing is cut off at the side", async () => {
  const at = await lookedAt(MINUTE, {
    viewport: NARROW,
    colorScheme: "light",
    hasTouch: true,
    isMobile: true,
    deviceScaleFactor: 2,
  });
  const { page } = at;
  await screenshot(page, "console-narrow");
  for (const tab of ["Overview", "Live", "Topics", "Connections"]) {
    await at.tab(tab);
    const [wide, seen] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.ok(wide <= seen, `${tab}: ${wide} of ${seen}`);
    assert.deepEqual(await at.faults(), [], tab);
  }
  assert.deepEqual(await at.wrong(), []);
  await page.context().close();
});

test("all sections are reached with the keyboard, and dialogs give the focus back", async () => {
  const page = await (await browser.newContext({ viewport: WIDE })).newPage();
  const at = await Console.open(page, server.url);
  const focused = () => page.evaluate(() => document.activeElement.textContent.trim());
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Overview");
  for (const [key, name] of [
    ["ArrowRight", "Live"],
    ["End", "Connections"],
    ["ArrowRight", "Overview"],
    ["ArrowLeft", "Connections"],
    ["Home", "Overview"],
    ["End", "Connections"],
  ]) {
    await page.keyboard.press(key);
    assert.equal(await focused(), name);
    assert.equal(await page.locator("[role=tabpanel]:visible").getAttribute("id"), name.toLowerCase());
    assert.equal(new URL(page.url()).hash, `#${name.toLowerCase()}`);
  }
  const close = page
    .locator("#connections-list tbody tr")
    .first()
    .getByRole("button", { name: /^Close/ });
  await close.focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  assert.equal(await focused(), "Keep", "the safe answer is the first");
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await eventually(
    "the focus is back",
    async () => close.evaluate((button) => button === document.activeElement),
    focused,
  );
  assert.deepEqual(await at.wrong(), []);
  await page.context().close();
});

test("it talks to its own server alone, and nothing in it moves for those who want that", async () => {
  const page = await (await browser.newContext({ reducedMotion: "reduce" })).newPage();
  const asked = new Set();
  page.on("request", (request) => asked.add(new URL(request.url()).origin));
  const at = await Console.open(page, server.url);
  await at.connected();
  assert.deepEqual([...asked], [server.url]);
  const moves = await page.evaluate(
    () =>
      [...document.querySelectorAll("*")].filter(
        (element) =>
          getComputedStyle(element).transitionDuration !== "0s" || getComputedStyle(element).animationName !== "none",
      ).length,
  );
  assert.equal(moves, 0);
  const markup = await page.content();
  assert.ok(!/ style="[^"]*"[^>]*>/.test(await (await fetch(server.url)).text()), "no style of its own");
  assert.ok(markup.includes("main.js"));
  await page.context().close();
});

test("nothing jumps while the numbers come in", async () => {
  const page = await (await browser.newContext({ viewport: WIDE })).newPage();
  await page.addInitScript(() => {
    window.shift = 0;
    new PerformanceObserver((list) => list.getEntries().forEach((entry) => (window.shift += entry.value))).observe({
      type: "layout-shift",
      buffered: true,
    });
  });
  const at = await Console.open(page, server.url);
  await at.connected();
  await at.sees("#more-published", "in all");
  await server.publish(second(0));
  await at.sees("#now-latency", "ms");
  assert.ok((await page.evaluate(() => window.shift)) < 0.02, String(await page.evaluate(() => window.shift)));
  await page.context().close();
});
