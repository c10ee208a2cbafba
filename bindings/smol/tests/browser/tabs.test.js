// What Chromium does when the server ends its stream: with a word that it stay away, or with a time
// after which it may come back.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, Tab } from "./support/browser.js";
import { reservedPort, Server } from "./support/programs.js";
import { eventually } from "./support/wait.js";

const CLOSED = 2;
let browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

/** Runs a test with a server of its own, and closes the pages. */
async function withServer(args, play) {
  const server = await Server.start(args);
  try {
    await play(server);
  } finally {
    await server.stop();
    for (const context of browser.contexts()) await context.close();
  }
}

const QUERY = "topic=news&user=ada&tab=1";

test("a tab whose place was taken stays away for good, and the other stays", async () => {
  await withServer([], async (server) => {
    const older = await Tab.open(browser, server.url, QUERY);
    await older.waitFor("connected");
    const newer = await Tab.open(browser, server.url, QUERY);
    await newer.waitFor("connected");
    await older.waitFor("bye");
    assert.equal(JSON.parse((await older.data("bye"))[0]).reason, "superseded");
    // It asks once more, and is answered 204.
    await eventually("the older is closed", async () => (await older.state()) === CLOSED);
    await server.publish({ topics: ["news"], data: "for the newer" });
    await newer.waitFor("message");
    const stats = await server.stats();
    assert.equal(stats.opened, 2);
    assert.equal(stats.closed.superseded, 1);
    assert.equal(stats.connections, 1);
    assert.deepEqual(await newer.data("bye"), []);
    assert.deepEqual(await older.data("message"), []);
  });
});

test("of three pages with one tab the last one stays", async () => {
  await withServer([], async (server) => {
    const tabs = [];
    for (let number = 0; number < 3; number++) {
      const tab = await Tab.load(browser, server.url);
      tabs.push(tab);
      // One that comes too soon after another is refused with 503, for which a page closes too.
      const connected = async () => {
        await tab.listen(QUERY);
        const settled = async () => (await tab.data("connected")).length > 0 || (await tab.state()) === CLOSED;
        await eventually("it is connected or refused", settled);
        return (await tab.data("connected")).length > 0;
      };
      await eventually("it is connected", connected);
    }
    for (const tab of tabs.slice(0, 2)) {
      await eventually("an older one is closed", async () => (await tab.state()) === CLOSED);
    }
    const stats = await server.stats();
    assert.equal(stats.opened, 3);
    assert.equal(stats.connections, 1);
    assert.deepEqual(await tabs[2].data("bye"), []);
  });
});

/** Checks that the page came back after each of its byes, and never before the time it was told. */
async function assertKeptItsDistance(tab, times) {
  const heard = (await tab.heard()).filter(({ type }) => type === "bye" || type === "open");
  let checked = 0;
  for (const [number, { type, data, at }] of heard.entries()) {
    const next = heard[number + 1];
    if (type !== "bye" || !next) continue;
    assert.equal(next.type, "open");
    const { retry_ms: retry } = JSON.parse(data);
    assert.ok(next.at - at >= retry - 1, `told to wait ${retry} ms, it came after ${next.at - at}`);
    checked += 1;
  }
  assert.ok(checked >= times, `${checked} times it came back`);
}

test("after a bye Chromium comes back no earlier than it was told, and misses nothing", async () => {
  await withServer(["--max-age", "500ms"], async (server) => {
    const tab = await Tab.open(browser, server.url, "topic=news");
    await tab.waitFor("connected");
    const expected = [];
    while ((await tab.data("connected")).length < 4) {
      expected.push(`news ${expected.length}`);
      await server.publish({ topics: ["news"], data: expected.at(-1) });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await tab.waitFor("message", expected.length);
    assert.deepEqual(await tab.data("message"), expected);
    assert.deepEqual(await tab.data("gap"), []);
    await assertKeptItsDistance(tab, 3);
  });
});

test("after a restart in order Chromium comes back and is told of the gap", async () => {
  const port = await reservedPort();
  let server = await Server.start(["--drain", "3s"], port);
  try {
    const tab = await Tab.open(browser, server.url, "topic=news");
    await tab.waitFor("connected");
    await server.publish({ topics: ["news"], data: "before" });
    await tab.waitFor("message");
    assert.equal(await server.stop("SIGTERM"), 0);
    server = await Server.start([], port);
    await server.publish({ topics: ["news"], data: "after" });
    await tab.waitFor("message", 2);
    assert.deepEqual(await tab.data("message"), ["before", "after"]);
    assert.equal(JSON.parse((await tab.data("gap"))[0]).missed, null);
    await assertKeptItsDistance(tab, 1);
  } finally {
    await server.stop();
  }
});
