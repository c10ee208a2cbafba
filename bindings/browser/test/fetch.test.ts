// @vitest-environment jsdom
// One connection over fetch: what is sent, what is read, what a status means.

import { expect, test, vi } from "vitest";
import { listen } from "./support/stream.js";
import { FakeEventSource, pass, Request, setUpWorld } from "./support/world.js";

setUpWorld();

const last = () => Request.last;
const EVENTS = "/events?topic=news";
const HEADERS = { "x-tenant": "acme" };

test("headers, a method or a body go over fetch, as they are", async () => {
  const heard = listen(EVENTS, { headers: HEADERS, method: "POST", body: "q", credentials: "include" });
  await pass();
  expect(FakeEventSource.all).toEqual([]);
  expect(last().init).toMatchObject({ method: "POST", body: "q", credentials: "include", cache: "no-store" });
  expect(last().headers.get("x-tenant")).toBe("acme");
  expect(last().headers.get("accept")).toBe("text/event-stream");
  expect(last().url.search).toBe("?topic=news");
  last().open().connected("e~1").say("event: news\nid: e~2\nda");
  await pass();
  expect(heard.stream.status).toMatchObject({ state: "connected", transport: "fetch" });
  last().say("ta: one\n\n");
  await pass();
  expect(heard.events).toEqual(["news:one"]);
  heard.stream.close();
  expect(last().aborted).toBe(true);
});

test("a body is posted, and never polled for", async () => {
  const heard = listen(EVENTS, { body: "q" });
  await pass();
  expect(last().init).toMatchObject({ method: "POST", body: "q" });
  await pass(100_000);
  expect(Request.all.filter(({ url }) => url.pathname === "/poll")).toEqual([]);
  heard.stream.close();
});

test("a stream that ends or breaks is gone on with, also after an id without an event", async () => {
  const heard = listen(EVENTS, { headers: HEADERS });
  await pass();
  last().open().connected("e~1").say(": heartbeat\nid: e~7\n\n").say("data: half an ev");
  await pass();
  last().end();
  await pass();
  expect(heard.stream.status).toMatchObject({ state: "reconnecting", attempt: 0, error: { code: "ended" } });
  await pass(1000);
  expect(last().url.searchParams.get("last_event_id")).toBe("e~7");
  expect(last().headers.has("last-event-id")).toBe(false);
  last().open().connected("e~7");
  await pass();
  last().fail("cut");
  await pass();
  expect(heard.stream.status.error).toMatchObject({ code: "connection_lost" });
  expect(heard.events).toEqual([]);
  heard.stream.close();
});

test("the server's retry is the first delay", async () => {
  const heard = listen(EVENTS, { headers: HEADERS });
  await pass();
  last().open().connected().say("retry: 2500\n\n");
  await pass();
  last().end();
  await pass();
  expect(heard.stream.status.retryInMs).toBe(2500);
  heard.stream.close();
});

test.each([
  [400, { code: "bad_topic", message: "no topic" }],
  [401, { code: "unauthorized", message: "sign in" }],
  [403, undefined],
  [404, undefined],
  [204, undefined],
])("%i is final", async (status, error) => {
  const heard = listen(EVENTS, { headers: HEADERS });
  await pass();
  last().refuse(status, error);
  await pass();
  expect(heard.stream.status).toMatchObject({ state: "failed", error: { status, code: `http_${status}`, ...error } });
  heard.stream.close();
});

test.each([408, 429, 500, 502, 503])("%i passes", async (status) => {
  const heard = listen(EVENTS, { headers: HEADERS });
  await pass();
  last().refuse(status);
  await pass();
  expect(heard.stream.status).toMatchObject({ state: "reconnecting", attempt: 1, retryInMs: 1000, error: { status } });
  await pass(1000);
  last().refuse(status, undefined, { "retry-after": "7" });
  await pass();
  expect(heard.stream.status).toMatchObject({ attempt: 2, retryInMs: 7000 });
  heard.stream.close();
});

test("what is no event stream is not read", async () => {
  const heard = listen(EVENTS, { headers: HEADERS });
  await pass();
  last().open("text/html");
  await pass();
  expect(heard.stream.status).toMatchObject({ state: "reconnecting", error: { code: "http_200", message: expect.stringContaining("text/html") } });
  expect(last().init.signal!.aborted).toBe(true);
  heard.stream.close();
});

test("a page of a proxy is no reason", async () => {
  const heard = listen(EVENTS, { headers: HEADERS });
  await pass();
  last().refuse(502, { code: "x", message: "y" }, { "content-length": "1000000" });
  await pass();
  expect(heard.stream.status.error).toMatchObject({ code: "http_502", status: 502 });
  heard.stream.close();
});

test("an event that is too large ends the attempt", async () => {
  const heard = listen(EVENTS, { headers: HEADERS });
  await pass();
  last().open().connected().say(`data: ${"x".repeat(9_000_000)}`);
  await pass();
  expect(heard.stream.status).toMatchObject({ state: "reconnecting", error: { code: "event_too_large" } });
  heard.stream.close();
});

test("a request that is not answered is given up", async () => {
  const heard = listen(EVENTS, { headers: HEADERS, poll: false });
  await pass(30_000);
  expect(heard.stream.status).toMatchObject({ state: "reconnecting", attempt: 1, error: { code: "connect_timeout" } });
  expect(last().aborted).toBe(true);
  heard.stream.close();
});

const PLAIN = { plain: true };

test("a server that is not Tidings gets its URL as it is, and the header", async () => {
  const heard = listen("/stream?a=1", PLAIN);
  await pass();
  expect(last().url.search).toBe("?a=1");
  expect(last().headers.has("last-event-id")).toBe(false);
  last().open();
  await pass();
  expect(heard.stream.status.state).toBe("connected");
  last().say("id: 7!\nevent: bye\ndata: {}\n\nid: 8!\n\n");
  await pass();
  expect(heard.events).toEqual(["bye:{}"]);
  last().end();
  await pass(1000);
  expect(last().url.search).toBe("?a=1");
  expect(last().headers.get("last-event-id")).toBe("8!");
  heard.stream.close();
});

test("a server that is silent has settled after a while, one that ends sooner has not", async () => {
  const heard = listen("/stream", PLAIN);
  await pass();
  for (const attempt of [1, 2]) {
    last().open();
    await pass(9_999);
    last().end();
    await pass();
    expect(heard.stream.status.attempt).toBe(attempt);
    await pass(attempt * 1000);
  }
  last().open();
  await pass(10_000);
  last().end();
  await pass();
  expect(heard.stream.status).toMatchObject({ attempt: 0, retryInMs: 1000 });
  heard.stream.close();
});

test("without an EventSource, fetch does it", async () => {
  vi.stubGlobal("EventSource", undefined);
  const heard = listen(EVENTS);
  await pass();
  last().open().connected();
  await pass();
  expect(heard.stream.status).toMatchObject({ state: "connected", transport: "fetch" });
  heard.stream.close();
});

test("what was read, but not yet told when an application begins anew, comes again and is told once", async () => {
  const heard = listen(EVENTS, { headers: HEADERS });
  heard.stream.on("news", ({ data }) => data === "one" && heard.stream.reconnect());
  await pass();
  last().open().connected("e~1").say("event: news\nid: e~2\ndata: one\n\nevent: news\nid: e~3\ndata: two\n\n");
  await pass();
  expect(heard.events).toEqual(["news:one"]);
  last().fail();
  await pass(1000);
  expect(last().url.searchParams.get("last_event_id")).toBe("e~2");
  last().open().connected("e~2").say("event: news\nid: e~3\ndata: two\n\n");
  await pass();
  expect(heard.events).toEqual(["news:one", "news:two"]);
  heard.stream.close();
});
