// Many tabs of one browser in Chromium, with one stream among them, whatever becomes of the tabs.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../../../smol/tests/browser/support/browser.js";
import { reservedPort, Server } from "../../../smol/tests/browser/support/programs.js";
import { eventually } from "../../../smol/tests/browser/support/wait.js";
import { Page } from "./support/page.js";
import { Site } from "./support/site.js";

let browser;
const delays = [50, 100, 200];
const WORKER = "/browser/worker.js";
const types = ["message", "gap", "connected"];

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

/** One browser profile with tabs on one origin, which speaks HTTP/1.1. */
class Tabs {
  static async with(play, { port, chromium = browser } = {}) {
    const tabs = new Tabs();
    tabs.server = await Server.start([], port);
    tabs.site = await Site.start(tabs.server.port);
    tabs.context = await chromium.newContext();
    try {
      await play(tabs);
    } finally {
      await tabs.context.close();
      await tabs.site.close();
      await tabs.server.stop();
    }
  }

  #published = 0;

  async open(options = {}) {
    const page = await Page.open(this.context, this.site, { share: true, delays, types, ...options });
    await page.waitForState("connected");
    return page;
  }

  openMany(count, options) {
    return Promise.all(Array.from({ length: count }, () => this.open(options)));
  }

  async publish(count = 1) {
    for (let event = 0; event < count; event++) {
      await this.server.publish({ topics: ["news"], data: `${++this.#published}` });
    }
  }

  /** Each of these pages has heard, or hears, all from the first of them on, each once and in order. */
  async expectAll(pages, first = 1) {
    const expected = Array.from({ length: this.#published - first + 1 }, (_, index) => `${first + index}`);
    for (const page of pages) {
      await page.waitFor("message", expected.length);
      assert.deepEqual(await page.data(), expected);
      assert.deepEqual(await page.data("gap"), []);
    }
  }

  streams(count) {
    return this.server.waitForStat("connections", count);
  }
}

async function leaderOf(pages) {
  for (const page of pages) if ((await page.status()).leader) return page;
  return undefined;
}

const others = (pages, page) => pages.filter((other) => other !== page);

/** The renderer dies, and no script of it runs any more. */
async function crash(page) {
  const crashed = new Promise((resolve) => page.page.once("crash", resolve));
  page.page.goto("chrome://crash").catch(() => {});
  await crashed;
}

for (const [way, options] of [["locks", {}], ["a worker", { worker: WORKER }]]) {
  test(`with ${way}, eight tabs have one stream, and what they ask the server is answered`, async () => {
    await Tabs.with(async (tabs) => {
      const pages = await tabs.openMany(8, options);
      await tabs.streams(1);
      await tabs.publish(50);
      const statuses = await Promise.all(pages.map(({ page }) => page.evaluate(async () => (await fetch("/health")).status)));
      assert.deepEqual(statuses, pages.map(() => 200));
      await tabs.expectAll(pages);
      await tabs.streams(1);
      assert.equal(tabs.site.requests.filter(({ url }) => url.startsWith("/events")).length, 1);
      const leaders = (await Promise.all(pages.map((page) => page.status()))).filter(({ leader }) => leader);
      assert.equal(leaders.length, way === "locks" ? 1 : 0);
      for (const page of pages) await page.page.close();
      await tabs.streams(0);
    });
  });

  test(`with ${way}, a tab that joins late is told at once how things are`, async () => {
    await Tabs.with(async (tabs) => {
      const first = await tabs.open(options);
      await tabs.publish(3);
      const late = await tabs.open(options);
      await late.waitFor("connected");
      await tabs.publish(3);
      await tabs.expectAll([first]);
      await tabs.expectAll([late], 4);
      assert.deepEqual(await late.data("connected"), await first.data("connected"));
    });
  });

  test(`with ${way}, all tabs hear each event once when the server is started again`, async () => {
    const port = await reservedPort();
    await Tabs.with(async (tabs) => {
      const pages = await tabs.openMany(3, options);
      await tabs.publish(5);
      await tabs.expectAll(pages);
      await tabs.server.stop();
      for (const page of pages) await page.waitForState("reconnecting");
      tabs.server = await Server.start([], port);
      for (const page of pages) await page.waitForState("connected");
      await tabs.streams(1);
      await tabs.publish(5);
      for (const page of pages) {
        await page.waitFor("message", 10);
        assert.deepEqual(await page.data(), Array.from({ length: 10 }, (_, index) => `${index + 1}`));
        assert.equal((await page.data("gap")).length, 1, "the server has forgotten what was before");
      }
    }, { port });
  });
}

for (const [how, end] of [
  ["closed", (page) => page.page.close()],
  ["crashed", crash],
]) {
  test(`when the tab with the stream is ${how}, the others go on`, async () => {
    await Tabs.with(async (tabs) => {
      let pages = await tabs.openMany(5);
      while (pages.length > 1) {
        await tabs.publish(10);
        const leader = await eventually("one leads", () => leaderOf(pages));
        const publishing = tabs.publish(30);
        await end(leader);
        await publishing;
        pages = others(pages, leader);
        await tabs.expectAll(pages);
        await tabs.streams(1);
      }
    });
  });
}

test("when the worker is killed, a tab goes on", async () => {
  await Tabs.with(async (tabs) => {
    const pages = await tabs.openMany(3, { worker: WORKER });
    await tabs.publish(10);
    const session = await browser.newBrowserCDPSession();
    const { targetInfos } = await session.send("Target.getTargets");
    const worker = targetInfos.find(({ type }) => type === "shared_worker");
    const publishing = tabs.publish(30);
    await session.send("Target.closeTarget", { targetId: worker.targetId });
    await publishing;
    await eventually("one leads", () => leaderOf(pages));
    await tabs.publish(10);
    await tabs.expectAll(pages);
    await tabs.streams(1);
  });
});

test("where the worker cannot be had, a tab leads", async () => {
  await Tabs.with(async (tabs) => {
    const pages = await tabs.openMany(3, { worker: "/none.js" });
    await tabs.publish(5);
    await tabs.expectAll(pages);
    assert.ok(await leaderOf(pages));
    await tabs.streams(1);
  });
});

test("a tab that is duplicated, with all that it keeps, is another", async () => {
  await Tabs.with(async (tabs) => {
    const first = await tabs.open();
    await first.page.evaluate(() => sessionStorage.setItem("mine", "copied"));
    const opened = tabs.context.waitForEvent("page");
    await first.page.evaluate(() => void window.open("/"));
    const copy = new Page(await opened);
    await copy.page.waitForLoadState();
    assert.equal(await copy.page.evaluate(() => sessionStorage.getItem("mine")), "copied");
    await copy.connect({ url: "/events?topic=news", share: true, delays, types });
    await copy.waitForState("connected");
    await tabs.publish(5);
    await tabs.expectAll([first, copy]);
    await tabs.streams(1);
    await first.page.close();
    await tabs.publish(5);
    await tabs.expectAll([copy]);
  });
});

test("tabs of two users never share, and signing in as another changes to theirs", async () => {
  await Tabs.with(async (tabs) => {
    const as = (user) => ({ url: `/events?topic=news&user=${user}`, user });
    const anns = await tabs.openMany(2, as("ann"));
    const bobs = await tabs.openMany(2, as("bob"));
    await tabs.streams(2);
    await tabs.server.publish({ user: "ann", data: "for ann" });
    await tabs.server.publish({ user: "bob", data: "for bob" });
    for (const page of anns) await page.waitFor("message");
    for (const page of bobs) await page.waitFor("message");
    const [changed] = anns;
    await changed.page.evaluate(() => window.stream.close());
    await changed.connect({ ...as("bob"), share: true, delays, types });
    await changed.waitForState("connected");
    await tabs.streams(2);
    await tabs.server.publish({ user: "ann", data: "for ann alone" });
    await tabs.server.publish({ user: "bob", data: "for bob again" });
    await changed.waitFor("message");
    assert.deepEqual(await changed.data(), ["for bob again"]);
    await anns[1].waitFor("message", 2);
    assert.deepEqual(await anns[1].data(), ["for ann", "for ann alone"]);
    for (const page of bobs) {
      await page.waitFor("message", 2);
      assert.deepEqual(await page.data(), ["for bob", "for bob again"]);
    }
  });
});

test("the same address with other users in the option does not share either", async () => {
  await Tabs.with(async (tabs) => {
    await tabs.open({ user: "ann" });
    await tabs.open({ user: "bob" });
    await tabs.open({});
    await tabs.streams(3);
  });
});

test("with headers and no user nothing is shared", async () => {
  await Tabs.with(async (tabs) => {
    const pages = await tabs.openMany(2, { headers: { "x-page": "1" } });
    await tabs.streams(2);
    for (const page of pages) assert.equal((await page.status()).shared, false);
  });
});

test("a page in the back/forward cache leaves, and comes back with what it missed", async () => {
  const chromium = await launch({ backForwardCache: true });
  try {
    const play = async (tabs) => {
      const first = await tabs.open();
      const second = await tabs.open();
      await tabs.publish(3);
      await tabs.expectAll([first, second]);
      await first.page.evaluate(() => addEventListener("pageshow", ({ persisted }) => (window.isBack = persisted)));
      await first.page.goto(`${tabs.site.url}/other`);
      await eventually("the other leads", () => leaderOf([second]));
      await tabs.publish(3);
      await tabs.expectAll([second]);
      await first.page.evaluate(() => void setTimeout(() => history.back()));
      // While pages change places, there is none to ask.
      await eventually("the page is back", () => first.page.evaluate(() => window.isBack).catch(() => false));
      await first.waitFor("message", 6);
      await tabs.publish(3);
      await tabs.expectAll([first, second]);
      await tabs.streams(1);
    };
    await Tabs.with(play, { chromium });
  } finally {
    await chromium.close();
  }
});

test("types that one tab listens to later come to that tab", async () => {
  await Tabs.with(async (tabs) => {
    const [one, other] = await tabs.openMany(2);
    const follower = (await one.status()).leader ? other : one;
    await follower.page.evaluate(() => window.stream.on("late", ({ type, data, id }) => window.heard.push({ type, data, id })));
    await eventually("it comes", async () => {
      await tabs.server.publish({ topics: ["news"], event: "late", data: "here" });
      return (await follower.data("late")).length > 0;
    });
    const leader = follower === one ? other : one;
    assert.deepEqual(await leader.data("late"), []);
  });
});
