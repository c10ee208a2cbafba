// @vitest-environment jsdom
// Polling: when it is taken, how it goes, and how streams are found again.

import { expect, test } from "vitest";
import { listen } from "./support/stream.js";
import { FakeEventSource, network, pass, Request, setUpWorld } from "./support/world.js";

setUpWorld();

const EVENTS = "/events?topic=news";
const polls = () => Request.all.filter(({ url }) => url.pathname === "/poll");
const last = () => Request.last;
const MINUTES = 60_000;

/** Answers the poll that waits. */
async function answer(...events: [string, string][]) {
  last().open().connected(last().url.searchParams.get("last_event_id") ?? "e~1");
  for (const [id, data] of events) last().say(`event: news\nid: ${id}\ndata: ${data}\n\n`);
  last().end();
  await pass();
}

/** Lets time pass with nothing to say, until a stream is tried. */
async function quiet() {
  const streams = FakeEventSource.all.length;
  let minutes = 0;
  for (; FakeEventSource.all.length === streams; minutes += 0.25) {
    await pass(MINUTES / 4);
    if (FakeEventSource.all.length === streams) await answer();
  }
  expect(minutes).toBeGreaterThanOrEqual(5);
  expect(minutes).toBeLessThan(5.5);
}

test("one poll follows another, each after the last event", async () => {
  const heard = listen(EVENTS, { transport: "poll" });
  await pass();
  expect(last().url.href).toBe("http://localhost:3000/poll?topic=news&wait=0");
  await answer();
  expect(heard.stream.status).toMatchObject({ state: "connected", transport: "poll" });
  expect(last().url.search).toBe("?topic=news&last_event_id=e%7E1");
  await pass(25_000);
  await answer(["e~2", "one"], ["e~3", "two"]);
  expect(polls().length).toBe(3);
  expect(last().url.searchParams.get("last_event_id")).toBe("e~3");
  expect(heard.events).toEqual(["news:one", "news:two"]);
  heard.stream.close();
  expect(last().aborted).toBe(true);
});

test("a server that answers at once with nothing is not asked all the time", async () => {
  const heard = listen(EVENTS, { transport: "poll" });
  await pass();
  await answer();
  await answer();
  expect(polls().length).toBe(2);
  await pass(999);
  expect(polls().length).toBe(2);
  await pass(1);
  expect(polls().length).toBe(3);
  await pass(1_000);
  await answer();
  expect(polls().length).toBe(4);
  await answer();
  heard.stream.close();
  await pass(10_000);
  expect(polls().length).toBe(4);
});

test("each answer begins as a stream does; an application is told once", async () => {
  const heard = listen(EVENTS, { transport: "poll" }, ["connected", "news"]);
  await pass();
  await answer();
  await answer(["e~2", "one"]);
  await pass(1000);
  expect(heard.events).toEqual(['connected:{"connection":"7"}', "news:one"]);
  heard.stream.close();
});

test("a token that ends is followed by another with the next poll", async () => {
  let count = 0;
  const heard = listen(EVENTS, { transport: "poll", token: () => `t${++count}` });
  await pass();
  await answer();
  last().open().connected().say("event: reauth\ndata: {}\n\n");
  await pass();
  expect(last().headers.get("authorization")).toBe("Bearer t2");
  expect(last().url.pathname).toBe("/poll");
  expect(heard.states()).toEqual(["idle", "connecting", "connected"]);
  heard.stream.close();
});

test("a poll that fails is repeated as a stream would be", async () => {
  const heard = listen(EVENTS, { transport: "poll" });
  await pass();
  await answer(["e~2", "one"]);
  last().refuse(503);
  await pass();
  expect(heard.stream.status).toMatchObject({ state: "reconnecting", attempt: 0, retryInMs: 1000 });
  await pass(1000);
  expect(last().url.searchParams.get("last_event_id")).toBe("e~2");
  last().fail();
  await pass();
  expect(heard.stream.status).toMatchObject({ attempt: 1, retryInMs: 2000, transport: "poll" });
  await pass(2000);
  await answer();
  last().refuse(204);
  await pass();
  expect(heard.stream.status).toMatchObject({ state: "failed", error: { code: "http_204" } });
  heard.stream.close();
});

test("a stream that stays silent is held back: polling is tried at once", async () => {
  const heard = listen(EVENTS);
  await pass(9_999);
  expect(Request.all).toEqual([]);
  await pass(1);
  expect(FakeEventSource.last.readyState).toBe(2);
  expect(polls().length).toBe(1);
  expect(heard.states()).toEqual(["idle", "connecting"]);
  await answer(["e~2", "one"]);
  expect(heard.stream.status).toMatchObject({ state: "connected", transport: "poll", attempt: 0 });
  expect(heard.events).toEqual(["news:one"]);
  heard.stream.close();
});

test("three streams in vain, and polling is tried in its turn", async () => {
  const heard = listen(EVENTS);
  await pass();
  for (const wait of [1000, 2000, 4000]) {
    FakeEventSource.last.fail();
    await pass(wait);
  }
  expect(FakeEventSource.all.length).toBe(3);
  expect(polls().length).toBe(1);
  // The server is not there at all: streams again.
  last().fail();
  for (const wait of [8000, 16_000, 30_000]) {
    await pass(wait);
    FakeEventSource.last.fail();
  }
  expect(FakeEventSource.all.length).toBe(6);
  expect(polls().length).toBe(1);
  await pass(30_000);
  expect(polls().length).toBe(2);
  heard.stream.close();
});

test("streams that worked once are not given up for a few that fail", async () => {
  const heard = listen(EVENTS);
  await pass();
  FakeEventSource.last.connected();
  for (const wait of [1000, 2000, 4000, 8000, 16_000, 30_000]) {
    FakeEventSource.last.fail();
    await pass(wait);
  }
  expect(FakeEventSource.all.length).toBe(7);
  expect(polls()).toEqual([]);
  heard.stream.close();
});

test("streams that are refused for a reason are not given up", async () => {
  const heard = listen(EVENTS, { headers: { "x-tenant": "acme" } });
  await pass();
  for (const wait of [1000, 2000, 4000, 8000, 16000]) {
    last().refuse(503, { code: "full", message: "later" });
    await pass(wait);
  }
  expect(polls()).toEqual([]);
  heard.stream.close();
});

test("a server without polling is not polled again", async () => {
  const heard = listen(EVENTS);
  await pass(10_000);
  last().refuse(404);
  await pass();
  expect(heard.stream.status.state).toBe("connecting");
  expect(FakeEventSource.all.length).toBe(2);
  await pass(30_000);
  expect(heard.stream.status).toMatchObject({ state: "reconnecting", attempt: 1, error: { code: "connect_timeout" } });
  await pass(60_000);
  expect(polls().length).toBe(1);
  heard.stream.close();
});

test.each([404, 403])("where only polling is wanted, a %i is final", async (status) => {
  const heard = listen(EVENTS, { transport: "poll" });
  await pass();
  last().refuse(status);
  await pass();
  expect(heard.stream.status).toMatchObject({ state: "failed", error: { status } });
  expect(polls().length).toBe(1);
  heard.stream.close();
});

test("what is refused for good when it is polled is refused", async () => {
  const heard = listen(EVENTS);
  await pass(10_000);
  last().refuse(403, { code: "forbidden", message: "not yours" });
  await pass();
  expect(heard.stream.status).toMatchObject({ state: "failed", error: { code: "forbidden" } });
  expect(FakeEventSource.all.length).toBe(1);
  heard.stream.close();
});

test("while polling works, a stream is tried now and then, and taken when it works", async () => {
  const heard = listen(EVENTS);
  await pass(10_000);
  await answer(["e~2", "one"]);
  await quiet();
  expect(FakeEventSource.all.length).toBe(2);
  expect(FakeEventSource.last.url.searchParams.get("last_event_id")).toBe("e~2");
  await pass(10_000);
  // Still held back.
  expect(last().url.search).toBe("?topic=news&last_event_id=e%7E2&wait=0");
  await answer(["e~3", "two"]);
  expect(heard.states()).toEqual(["idle", "connecting", "connected"]);
  await quiet();
  FakeEventSource.last.connected("e~3");
  FakeEventSource.last.say("news", "three", "e~4");
  expect(heard.stream.status).toMatchObject({ state: "connected", transport: "eventsource" });
  expect(heard.events).toEqual(["news:one", "news:two", "news:three"]);
  const polled = polls().length;
  await pass(60_000);
  expect(polls().length).toBe(polled);
  heard.stream.close();
});

test("on another network, a stream is tried at once", async () => {
  const heard = listen(EVENTS);
  await pass(10_000);
  await answer(["e~2", "one"]);
  network(false);
  network(true);
  expect(FakeEventSource.all.length).toBe(2);
  FakeEventSource.last.connected("e~2");
  expect(heard.stream.status.transport).toBe("eventsource");
  heard.stream.close();
});

test("a trial that fails goes back to polling at once", async () => {
  const heard = listen(EVENTS);
  await pass(10_000);
  await answer();
  await quiet();
  const before = polls().length;
  FakeEventSource.last.fail();
  expect(polls().length).toBe(before + 1);
  expect(heard.states()).toEqual(["idle", "connecting", "connected"]);
  heard.stream.close();
});

test.each([
  ["/events?topic=a", undefined, "/poll?topic=a&wait=0"],
  ["/api/events", undefined, "/api/poll?wait=0"],
  ["/events?topic=a", "/wait", "/wait?wait=0"],
  ["/stream?topic=a", "/wait?topic=b", "/wait?topic=b&wait=0"],
])("%s is polled at %s", async (url, poll, expected) => {
  const heard = listen(url, { transport: "poll", ...(poll === undefined ? {} : { poll }) });
  await pass();
  expect(last().url.href).toBe(`http://localhost:3000${expected}`);
  heard.stream.close();
});

test.each([
  ["/stream?then=/events", {}],
  ["/events", { poll: false as const }],
  ["/events", { transport: "eventsource" as const }],
])("%s with %o is never polled", async (url, options) => {
  const heard = listen(url, options);
  await pass(200_000);
  expect(Request.all).toEqual([]);
  expect(heard.stream.status.state).toBe("reconnecting");
  heard.stream.close();
});
