// Streams of pages in Chromium, from a real server, over a network that fails in all the usual ways.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "../../../smol/tests/browser/support/browser.js";
import { reservedPort, Server, tidings } from "../../../smol/tests/browser/support/programs.js";
import { chance, eventually } from "../../../smol/tests/browser/support/wait.js";
import { Page } from "./support/page.js";
import { Site } from "./support/site.js";

let browser;
/** Soon enough for tests, and in the shape of the default. */
const delays = [50, 100, 200];
const numbers = (count) => Array.from({ length: count }, (_, number) => `${number}`);

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

/** Runs a test with a server of its own behind a site, and closes the pages. */
async function withSite(args, play) {
  const server = await Server.start(args);
  const site = await Site.start(server.port);
  try {
    await play(site, server);
  } finally {
    for (const context of browser.contexts()) await context.close();
    await site.close();
    await server.stop();
  }
}

const publish = (server, data) => server.publish({ topics: ["news"], data: `${data}` });

for (const transport of ["eventsource", "fetch"]) {
  test(`over ${transport}, each event comes once and in order, through many cuts`, async () => {
    await withSite([], async (site, server) => {
      const random = chance();
      const page = await Page.open(browser, site, { transport, delays });
      await page.waitForState("connected");
      for (const number of numbers(300)) {
        await publish(server, number);
        if (random.below(20) === 0) site.cut();
      }
      await page.waitFor("message", 300);
      assert.deepEqual(await page.data(), numbers(300));
      assert.deepEqual(await page.data("gap"), []);
      assert.ok((await page.states()).includes("reconnecting"));
      assert.equal((await page.status()).transport, transport);
    });
  });
}

test("after a restart of the server the page is told of the gap, and goes on", async () => {
  const port = await reservedPort();
  let server = await Server.start([], port);
  const site = await Site.start(port);
  try {
    const page = await Page.open(browser, site, { delays });
    await page.waitForState("connected");
    await publish(server, "before");
    await page.waitFor("message");
    await server.stop();
    await page.waitForState("reconnecting");
    // A proxy says 502 meanwhile; the end of an EventSource, but not of this.
    await eventually("some attempts failed", async () => (await page.status()).attempt >= 3);
    server = await Server.start([], port);
    await page.waitForState("connected");
    await publish(server, "after");
    await page.waitFor("message", 2);
    assert.deepEqual(await page.data(), ["before", "after"]);
    assert.equal(JSON.parse((await page.data("gap"))[0]).missed, null);
  } finally {
    for (const context of browser.contexts()) await context.close();
    await site.close();
    await server.stop();
  }
});

test("a server that stops in order says when to come back", async () => {
  const port = await reservedPort();
  let server = await Server.start(["--drain", "2s"], port);
  const site = await Site.start(port);
  try {
    const page = await Page.open(browser, site, { delays });
    await page.waitForState("connected");
    await server.stop("SIGTERM");
    server = await Server.start([], port);
    await page.waitFor("bye");
    await page.waitForState("connected");
    const waits = await page.page.evaluate(() => window.statuses.filter(({ retryInMs }) => retryInMs !== undefined));
    const [bye] = (await page.data("bye")).map((data) => JSON.parse(data));
    assert.equal(waits[0].retryInMs, bye.retry_ms);
    assert.equal(waits[0].error.code, bye.reason);
  } finally {
    for (const context of browser.contexts()) await context.close();
    await site.close();
    await server.stop();
  }
});

/** A server that wants tokens, and what makes them. */
async function withTokens(play) {
  const folder = mkdtempSync(join(tmpdir(), "tidings-"));
  const secret = join(folder, "secret");
  writeFileSync(secret, "a secret of thirty-two bytes, or more of them");
  const make = async (...args) => {
    const program = tidings("token", "--secret-file", secret, "--user", "ann", "--subscribe", "news", ...args);
    assert.equal(await program.end, 0, program.err);
    return program.out.trim();
  };
  try {
    await withSite(["--jwt-secret-file", secret], (site, server) => play(site, server, make));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a stream outlives its token", async () => {
  await withTokens(async (site, server, make) => {
    const publisher = await make("--publish", "news", "--metrics");
    const headers = { authorization: `Bearer ${publisher}`, "content-type": "application/json" };
    const body = JSON.stringify({ topics: ["news"], data: "after the first token" });
    let given = 0;
    const page = await Page.open(browser, site, { token: () => make("--expires", ++given === 1 ? "4s" : "1h"), delays });
    await page.waitForState("connected");
    const begun = Date.now();
    const isRenewed = () => site.requests.some(({ method, url }) => method === "POST" && /^\/connections\/[^/]+\/token$/.test(url));
    await eventually("the token is renewed", isRenewed);
    await eventually("the first token has ended", () => Date.now() - begun > 5_000);
    const response = await fetch(`${server.url}/publish`, { method: "POST", headers, body });
    assert.equal(response.status, 200);
    await page.waitFor("message");
    assert.deepEqual(await page.states(), ["idle", "connecting", "connected"]);
    assert.deepEqual(await page.data("bye"), []);
    assert.equal(given, 2);
    assert.equal(site.requests.filter(({ url }) => url.startsWith("/events")).length, 1);
  });
});

test("a token that is refused is asked for again", async () => {
  await withTokens(async (site, _server, make) => {
    let given = 0;
    const page = await Page.open(browser, site, { token: () => (++given === 1 ? "none" : make()), delays });
    await page.waitForState("connected");
    assert.deepEqual(await page.states(), ["idle", "connecting", "connected"]);
    assert.equal(given, 2);
  });
});

test("what is refused for good ends in failed, and says why", async () => {
  await withTokens(async (site, _server, make) => {
    const softly = await Page.open(browser, site, { delays });
    await softly.waitForState("failed");
    assert.equal((await softly.status()).error.code, "unauthenticated");
    const other = await Page.open(browser, site, { url: "/events?topic=secrets", token: () => make(), delays });
    await other.waitForState("failed");
    const { error } = await other.status();
    assert.equal(error.status, 403);
    assert.match(error.message, /secrets/);
  });
});

test("a newer stream of the tab takes the place of the older, which stays away", async () => {
  await withSite([], async (site, server) => {
    const url = "/events?topic=news&user=ann&tab=1";
    const older = await Page.open(browser, site, { url });
    await older.waitForState("connected");
    const newer = await Page.open(browser, site, { url });
    await newer.waitForState("connected");
    await older.waitForState("failed");
    assert.equal((await older.status()).error.code, "superseded");
    const stats = await server.stats();
    assert.equal(stats.closed.superseded, 1);
    assert.equal(stats.connections, 1);
  });
});

for (const transport of ["eventsource", "fetch"]) {
  test(`over ${transport}, a network that swallows everything is found out, and nothing is lost`, async () => {
    await withSite([], async (site, server) => {
      const page = await Page.open(browser, site, { transport, idleMs: 1_000, delays, url: "/events?topic=news" });
      await page.waitForState("connected");
      await publish(server, "before");
      await page.waitFor("message");
      site.way = () => "silent";
      site.silence();
      await publish(server, "meanwhile");
      await page.waitForState("reconnecting");
      assert.equal((await page.status()).error?.code, "idle_timeout");
      site.way = () => "pass";
      await page.waitFor("message", 2);
      assert.deepEqual(await page.data(), ["before", "meanwhile"]);
    });
  });
}

test("a page that was offline is back at once, and has missed nothing", async () => {
  await withSite([], async (site, server) => {
    const page = await Page.open(browser, site, { attempts: 2 });
    await page.waitForState("connected");
    await page.page.context().setOffline(true);
    site.cut();
    await page.waitForState("reconnecting");
    await publish(server, "meanwhile");
    const { error, attempt, retryInMs } = await page.status();
    assert.equal(error.code, "offline");
    assert.equal(attempt, 0);
    assert.ok(retryInMs > 20_000);
    const begun = Date.now();
    await page.page.context().setOffline(false);
    await page.waitFor("message");
    assert.ok(Date.now() - begun < 15_000);
    assert.deepEqual(await page.data(), ["meanwhile"]);
  });
});

test("a page in the back/forward cache goes on where it was", async () => {
  const cached = await launch({ backForwardCache: true });
  try {
    await withSite([], async (site, server) => {
      const one = await Page.open(cached, site);
      await one.waitForState("connected");
      await one.page.evaluate(() => addEventListener("pageshow", ({ persisted }) => (window.isBack = persisted)));
      await one.page.goto(`${site.url}/other`);
      await server.waitForStat("connections", 0);
      await publish(server, "meanwhile");
      await one.page.evaluate(() => void setTimeout(() => history.back()));
      // While pages change places, there is none to ask.
      await eventually("the page is back", () => one.page.evaluate(() => window.isBack).catch(() => false));
      await one.waitFor("message");
      await publish(server, "since then");
      await one.waitFor("message", 2);
      assert.deepEqual(await one.data(), ["meanwhile", "since then"]);
      assert.deepEqual(await one.data("gap"), []);
      const { opened, connections } = await server.stats();
      assert.deepEqual({ opened, connections }, { opened: 2, connections: 1 });
    });
  } finally {
    await cached.close();
  }
});

test("what is closed, and a page that has gone, leave nothing open", async () => {
  await withSite([], async (site, server) => {
    const page = await Page.open(browser, site);
    await page.waitForState("connected");
    await page.page.evaluate(() => window.stream.close());
    await server.waitForStat("connections", 0);
    const other = await Page.open(browser, site, { transport: "fetch" });
    await other.waitForState("connected");
    await other.page.goto(`${site.url}/other`);
    await server.waitForStat("connections", 0);
  });
});
