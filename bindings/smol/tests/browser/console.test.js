// The console of a server without authentication, in Chromium, as a person uses it.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch, Tab } from "./support/browser.js";
import { Console } from "./support/console.js";
import { reservedPort, Server } from "./support/programs.js";
import { eventually } from "./support/wait.js";

let server, browser, page, at;

before(async () => {
  server = await Server.start([], await reservedPort());
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

beforeEach(async () => {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    permissions: ["clipboard-read", "clipboard-write"],
  });
  page = await context.newPage();
  at = await Console.open(page, server.url, { hash: "#live" });
  await at.connected();
});

afterEach(async () => {
  const wrong = await at.wrong();
  await page.context().close();
  assert.deepEqual(wrong, []);
});

const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
const dialog = () => page.getByRole("dialog");
const button = (name) => page.getByRole("button", { name, exact: true });

/** Waits until the reader of a stream that the page has closed has noticed. */
const ended = (id) =>
  eventually(`${id} is closed`, async () => {
    const { connections } = await (await fetch(`${server.url}/connections`)).json();
    return connections.every(({ connection }) => connection !== id);
  });

test("what is published in its form is seen in its feed", async () => {
  await at.publish({ type: "greeting", data: "hello\n<b>world</b>" });
  const { data, id } = await at.line("the greeting", ({ type }) => type === "greeting");
  assert.equal(data, "hello\n<b>world</b>");
  await at.sees("#answer", `${id}, to 1 connection`);
});

test("what others publish is seen in its feed, the newest first", async () => {
  await server.publish({ topics: ["a"], data: "first" });
  await server.publish({ topics: ["b/c"], data: { second: 2 } });
  await at.line("the second", ({ data }) => data === '{"second":2}');
  const data = (await at.feed()).slice(0, 2).map(({ data }) => data);
  assert.deepEqual(data, ['{"second":2}', "first"]);
});

test("it follows the topics that it is told to, also when the page is loaded again", async () => {
  await at.follow("news rooms/*");
  const follows = ({ type, data }) => type === "connected" && data.includes('"topics":["news","rooms/*"]');
  await at.line("the new connection", follows);
  await server.publish({ topics: ["other"], data: "not for it" });
  await server.publish({ topics: ["rooms/1"], data: "for it" });
  await at.line("what is for it", ({ data }) => data === "for it");
  assert.ok(!(await at.feed()).some(({ data }) => data === "not for it"));
  await page.reload();
  await at.line("the same topics", follows);
  assert.equal(await page.getByLabel("Topics and patterns").inputValue(), "news rooms/*");
});

test("an event unfolds, indented and coloured, and can be copied and published again", async () => {
  const data = '{"big":12345678901234567890,"list":[true,null,"x"]}';
  await server.publish({ topics: ["news"], event: "order", data: JSON.parse('"' + data.replaceAll('"', '\\"') + '"') });
  await at.line("the order", ({ type }) => type === "order");
  await page.locator("#feed summary", { hasText: "order" }).click();
  const shown = page.locator("#feed .data");
  assert.equal(
    await shown.textContent(),
    '{\n  "big": 12345678901234567890,\n  "list": [\n    true,\n    null,\n    "x"\n  ]\n}',
  );
  assert.equal(await shown.locator(".json-key").count(), 2);
  await button("Copy data").click();
  await at.sees("#toast", "Data copied");
  assert.equal(await clipboard(), data);
  await button("Publish again…").click();
  assert.equal(await page.locator("#data").inputValue(), data);
  assert.equal(await page.locator("#event").inputValue(), "order");
});

test("the feed pauses, filters by text and by type, and forgets", async () => {
  await server.publish({ topics: ["news"], event: "apple", data: "one red" });
  await server.publish({ topics: ["news"], event: "pear", data: "two green" });
  await at.line("the pear", ({ type }) => type === "pear");
  const types = async () => (await at.feed()).map(({ type }) => type);

  await page.getByLabel("Filter by text").fill("RED");
  assert.deepEqual(await types(), ["apple"]);
  await page.getByLabel("Filter by text").fill("nothing is like this");
  await at.sees("#feed-empty", "Nothing that matches the filter.");
  await page.getByLabel("Filter by text").fill("");
  await page.getByLabel("Type").first().selectOption("pear");
  assert.deepEqual(await types(), ["pear"]);
  await page.getByLabel("Type").first().selectOption("");
  assert.deepEqual(await types(), ["pear", "apple", "connected"]);
  await page.getByLabel("Control events").uncheck();
  assert.deepEqual(await types(), ["pear", "apple"]);

  await button("Pause").click();
  await server.publish({ topics: ["news"], event: "fig", data: "3" });
  await at.sees("#count", "paused, 1 new");
  assert.deepEqual(await types(), ["pear", "apple"]);
  await button("Resume").click();
  assert.deepEqual(await types(), ["fig", "pear", "apple"]);
  await button("Clear").click();
  await at.sees("#feed-empty", "curl");
  assert.deepEqual(await types(), []);
});

test("the feed stays small, however much comes", async () => {
  const batch = Array.from({ length: 100 }, (_, number) => ({ topics: ["many"], event: "many", data: String(number) }));
  for (let times = 0; times < 12; times++) await server.publish(batch);
  await at.sees("#count", "of 1,20");
  assert.equal((await at.feed()).length, 500);
  assert.equal((await at.feed())[0].data, "99");
});

test("a stream and a publish can be taken to a terminal", async () => {
  await button("Copy as curl").first().click();
  await at.sees("#toast", "Command copied");
  assert.equal(await clipboard(), `curl -N '${server.url}/events?topic=**'`.replace("**", "**"));
  await page.locator("#data").fill("it's");
  await button("Copy as curl").last().click();
  await eventually("it is another command", async () => (await clipboard()).includes("/publish"));
  const json = `{"topics":["news"],"data":"it'\\''s"}`;
  assert.equal(await clipboard(), `curl '${server.url}/publish' -H 'content-type: application/json' -d '${json}'`);
});

test("each audience has its fields, and each publish its answer", async () => {
  const tab = await Tab.open(browser, server.url, "topic=rooms/1&user=ann");
  await tab.waitFor("connected");
  const [{ data }] = (await tab.heard()).filter(({ type }) => type === "connected");
  const audience = page.locator("#audience");
  await page.locator("#data").fill("to ann");
  await audience.selectOption("user");
  assert.ok(await page.locator("#to").isHidden());
  await page.locator("#to-user").fill("ann");
  await button("Publish").click();
  await at.sees("#answer", "to 1 connection");
  await audience.selectOption("both");
  await page.locator("#to").fill("rooms/1");
  await button("Publish").click();
  await tab.waitFor("message", 2);
  await audience.selectOption("connection");
  await page.locator("#to-connection").fill(JSON.parse(data).connection);
  await button("Publish").click();
  await tab.waitFor("message", 3);
  await audience.selectOption("everyone");
  await page.locator("#event-id").fill("order-7");
  await button("Publish").click();
  await tab.waitFor("message", 4);
  await at.sees("#answer", "order-7, to 2 connections");
  await button("Publish").click();
  await at.sees("#answer", "order-7: known already");
  await tab.page.close();
});

test("JSON is checked while it is typed, and indented where it is right", async () => {
  const data = page.locator("#data");
  await data.fill('{"a":[1,2]');
  await at.sees("#data-check", "Not JSON, and sent as text");
  assert.ok(await button("Format").isDisabled());
  await data.fill('{"a":[1]}');
  await at.sees("#data-check", "Valid JSON.");
  await button("Format").click();
  assert.equal(await data.inputValue(), '{\n  "a": [\n    1\n  ]\n}');
  await data.fill("hello");
  await at.sees("#data-check", "Text");
});

test("a refusal is shown in the server's words", async () => {
  await at.publish({ to: "a/*", data: "x" });
  await at.sees("#answer.error", "topic 0");
});

test("numbers and charts move with what the server does", async () => {
  await at.tab("Overview");
  await at.sees("#now-connections", "1");
  await at.sees("#server", "up ");
  await server.publish([
    { topics: ["news"], data: "1" },
    { topics: ["news"], data: "2" },
  ]);
  const { published } = await server.stats();
  await at.sees("#more-published", `${published.toLocaleString("en")} in all`);
  await at.sees("#now-latency", "ms");
  const label = () => page.getByRole("img", { name: /^Events: / }).getAttribute("aria-label");
  await eventually("the chart has a value", async () => /published [\d.]+\/s/.test(await label()), label);
  const inked = () =>
    page
      .locator(".plot canvas")
      .first()
      .evaluate((canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return data.filter((byte, place) => place % 4 === 3 && byte > 0).length;
      });
  assert.ok((await inked()) > 100);
  assert.match(await label(), /gaps 0$/);
  const missed = await fetch(`${server.url}/events?topic=news&last_event_id=unknown`);
  await at.sees("#now-gaps.bad", String((await server.stats()).gaps));
  await eventually("the chart has a mark", async () => /gaps 1$/.test(await label()), label);
  await missed.body.cancel();
  await at.sees("#closed", "gone");
  await at.sees("#hub", (await server.stats()).cursor.split("~")[0]);
  await page.getByLabel("15 min").check();
  assert.equal(await page.getByRole("img", { name: /^Events: / }).count(), 1);
});

test("topics are listed with their readers and events, and a click follows one", async () => {
  const tab = await Tab.open(browser, server.url, "topic=rooms/quiet");
  await server.publish({ topics: ["rooms/loud"], data: "1" });
  await at.tab("Topics");
  const row = (name) => page.locator("#topics-list tbody tr", { hasText: name });
  await row("rooms/loud").waitFor();
  await eventually(
    "the reader is counted",
    async () => (await row("rooms/quiet").locator("td").allTextContents()).join("|") === "rooms/quiet|1|1|0",
  );
  await button("rooms/loud").click();
  await at.line("a stream of this topic alone", ({ data }) => data.includes('"topics":["rooms/loud"]'));
  assert.equal(await page.getByRole("tab", { name: "Live" }).getAttribute("aria-selected"), "true");
  await tab.page.close();
});

test("connections are listed, found, shown and closed, once that is confirmed", async () => {
  const ann = await Tab.open(browser, server.url, "topic=rooms/1&user=ann");
  const bob = await Tab.open(browser, server.url, "topic=rooms/2&user=bob");
  for (const tab of [ann, bob]) await tab.waitFor("connected");
  const id = JSON.parse((await ann.data("connected"))[0]).connection;
  await at.tab("Connections");
  const rows = page.locator("#connections-list tbody tr");
  const users = async () => (await rows.locator("td:nth-child(2)").allTextContents()).sort();
  await eventually("all are listed", async () => (await users()).join() === "ann,bob,– (this page)", users);
  await page.getByPlaceholder("User").fill("ann");
  await button("Show").click();
  await eventually("one is listed", async () => (await users()).join() === "ann", users);
  await page.getByPlaceholder("User").fill("");
  await page.getByPlaceholder("Topic").fill("rooms/2");
  await button("Show").click();
  await eventually("who gets the topic is listed", async () => (await users()).join() === "bob,– (this page)", users);
  await page.getByPlaceholder("Topic").fill("nobody/here");
  await page.getByPlaceholder("User").fill("nobody");
  await button("Show").click();
  await at.sees("#connections-list .empty", "No connection is like that.");
  await page.getByPlaceholder("Topic").fill("");
  await page.getByPlaceholder("User").fill("ann");
  await page.keyboard.press("Enter");

  await button(id).click();
  await dialog().getByText("rooms/1").waitFor();
  await dialog().getByRole("button", { name: "Done" }).click();
  await button(`Close ${id}…`).click();
  await dialog().getByRole("button", { name: "Keep" }).click();
  assert.deepEqual(await users(), ["ann"]);
  await button(`Close ${id}…`).click();
  await dialog().getByRole("button", { name: "Close it" }).click();
  await ended(id);
  // Its client may come back, and does.
  await ann.waitFor("connected", 2);
  await Promise.all([ann, bob].map((tab) => tab.page.close()));
});

test("a user is shut out", async () => {
  const eve = await Tab.open(browser, server.url, "topic=rooms/1&user=eve");
  await eve.waitFor("connected");
  const id = JSON.parse((await eve.data("connected"))[0]).connection;
  await eve.page.evaluate(() => window.source.addEventListener("error", () => window.source.close()));
  await at.tab("Connections");
  await button(id).click();
  await dialog().getByRole("button", { name: "Revoke eve…" }).click();
  await dialog().getByRole("button", { name: "Shut out" }).click();
  await ended(id);
  await button(id).waitFor({ state: "detached" });
  await eve.page.close();
});

test("long lists are turned page by page", async () => {
  const batch = Array.from({ length: 100 }, (_, number) => ({
    topics: [`page/${String(number).padStart(3, "0")}`],
    data: "1",
  }));
  await server.publish(batch);
  await at.tab("Topics");
  const first = () => page.locator("#topics-list tbody tr .link").first().textContent();
  await page.locator("#topics-list tbody tr").nth(49).waitFor();
  const begin = await first();
  await button("Next").click();
  await eventually("it is another page", async () => (await first()) > begin);
  await at.sees("#topics-list .pager", "Page 2");
  await button("Previous").click();
  await eventually("it is the first page", async () => (await first()) === begin);
  assert.ok(await button("Previous").isDisabled());
});

test("after a crash of the server it comes back by itself, and says what it missed", async () => {
  const { port } = server;
  await at.publish({ data: "before" });
  await at.line("what was before", ({ data }) => data === "before");
  await server.stop("SIGKILL");
  await at.sees("#state", "reconnecting");
  await at.sees("#notices", "Trying again.");
  server = await Server.start([], port);
  await at.connected();
  assert.equal(await at.text("#notices"), "");
  await server.publish({ topics: ["news"], data: "after" });
  await at.line("what was after", ({ data }) => data === "after");
  const gaps = (await at.feed()).filter(({ type }) => type === "gap");
  assert.equal(gaps.length, 1);
  assert.equal(gaps[0].kind, "gap");
  assert.match(gaps[0].data, /not known how many/);
});

test("a page that nobody sees asks for nothing, has no stream, and goes on where it was", async () => {
  await at.publish({ data: "seen" });
  await at.line("what was seen", ({ data }) => data === "seen");
  await at.tab("Connections");
  await at.hide(true);
  await server.waitForStat("connections", 0);
  // Whatever was under way has been answered by then.
  await page.evaluate(() => fetch("health"));
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await server.publish({ topics: ["news"], data: "unseen" });
  // Longer than any of its periods.
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 4_000)));
  assert.deepEqual(asked, []);
  await at.hide(false);
  await at.line("what came meanwhile", ({ data }) => data === "unseen");
  assert.equal((await at.feed()).filter(({ type }) => type === "gap").length, 0);
  assert.equal((await at.feed()).filter(({ data }) => data === "seen").length, 1);
});

test("lists are asked for only while they are shown", async () => {
  await at.tab("Topics");
  await page.waitForResponse(/\/topics/);
  await at.tab("Overview");
  await page.waitForResponse(/\/stats/);
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await eventually("some seconds have passed", () => asked.filter((path) => path === "/stats").length > 3);
  assert.deepEqual([...new Set(asked)], ["/stats"]);
});

test("what a server without authentication keeps to its own machine is explained to others", async () => {
  // What it says to those who come from elsewhere, which no test does.
  const access = {
    subscribe: ["**"],
    grants: [],
    publish: [],
    publish_private: [],
    publish_direct: false,
    console: true,
    metrics: true,
    admin: false,
  };
  await page.route("**/identity", (route) =>
    route.fulfill({ json: { user: null, access, expires_ms: null, authentication: false } }),
  );
  await page.reload();
  await at.connected();
  await at.sees("#connections .denied", "its own machine alone");
  await at.sees("#publish .denied", "its own machine alone");
  await at.sees("#more-published", "in all");
  assert.ok(await page.locator("#go-sign-in").isHidden());
});

test("many consoles at once share the connections of a browser over HTTP/1.1", async () => {
  const others = [];
  for (let number = 0; number < 8; number++) {
    const other = await Console.open(await page.context().newPage(), server.url, { hash: "#live" });
    await other.connected();
    others.push(other);
  }
  await server.publish({ topics: ["news"], data: "for all of them" });
  for (const other of others) await other.line("the event", ({ data }) => data === "for all of them");
  const { connections } = await server.stats();
  assert.ok(connections <= 2, `${connections} streams`);
  for (const other of others) {
    assert.deepEqual(await other.wrong(), []);
    await other.page.close();
  }
});
