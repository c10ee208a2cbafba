// @vitest-environment jsdom
// One connection over EventSource: its states, when it tries again, when it gives up.

import { expect, test, vi } from "vitest";
import { listen } from "./support/stream.js";
import { FakeEventSource, network, pass, Request, setOnline, setUpWorld, show } from "./support/world.js";

setUpWorld();

const last = () => FakeEventSource.last;
const EVENTS = "/events?topic=news";

test("it connects, delivers, and is closed", async () => {
  const heard = listen(EVENTS);
  expect(heard.stream.status).toEqual({ state: "idle", attempt: 0, transport: "eventsource", shared: false });
  await pass();
  expect(last().url.href).toBe("http://localhost:3000/events?topic=news&soft=1");
  last().connected();
  last().say("news", '{"a":1}', "e~2");
  expect(heard.events).toEqual(['news:{"a":1}']);
  expect(heard.states()).toEqual(["idle", "connecting", "connected"]);
  heard.stream.close();
  expect(heard.states()).toEqual(["idle", "connecting", "connected", "idle"]);
  heard.stream.reconnect();
  await pass(100_000);
  expect(FakeEventSource.all.length).toBe(1);
});

test("each attempt goes on after the last event, and is made later than the one before", async () => {
  const heard = listen(EVENTS, { poll: false });
  await pass();
  last().connected("e~4");
  last().say("news", "five", "e~5");
  for (const [failures, delay] of [1000, 2000, 4000, 8000, 16000, 30000, 30000].entries()) {
    last().fail();
    expect(heard.stream.status).toMatchObject({ state: "reconnecting", attempt: failures, retryInMs: delay });
    const made = FakeEventSource.all.length;
    await pass(delay - 1);
    expect(FakeEventSource.all.length).toBe(made);
    await pass(1);
    expect(FakeEventSource.all.length).toBe(made + 1);
    expect(last().url.searchParams.get("last_event_id")).toBe("e~5");
    expect(heard.stream.status.retryInMs).toBeUndefined();
  }
  last().connected("e~5");
  expect(heard.stream.status).toEqual({ state: "connected", attempt: 0, transport: "eventsource", shared: false });
  last().fail();
  expect(heard.stream.status.retryInMs).toBe(1000);
  heard.stream.close();
});

test("the time to the next attempt runs down", async () => {
  const heard = listen(EVENTS);
  await pass();
  last().fail();
  await pass(300);
  expect(heard.stream.status.retryInMs).toBe(700);
  heard.stream.close();
});

test("an attempt that is dropped says nothing more", async () => {
  const heard = listen(EVENTS);
  await pass();
  const first = last();
  first.connected();
  heard.stream.reconnect();
  expect(heard.events).toEqual([]);
  last().connected();
  last().say("news", "once", "e~9");
  expect(heard.events).toEqual(["news:once"]);
  heard.stream.close();
});

test("a limit on attempts ends in failed, and reconnect begins anew", async () => {
  const heard = listen(EVENTS, { attempts: 3, poll: false });
  await pass();
  last().fail();
  await pass(1000);
  last().fail();
  await pass(2000);
  last().fail();
  expect(heard.stream.status).toMatchObject({ state: "failed", attempt: 3, error: { code: "attempts" } });
  await pass(100_000);
  expect(FakeEventSource.all.length).toBe(3);
  heard.stream.reconnect();
  expect(heard.stream.status).toMatchObject({ state: "reconnecting", attempt: 0 });
  last().connected();
  expect(heard.stream.status.state).toBe("connected");
  expect(heard.stream.status.error).toBeUndefined();
  heard.stream.close();
});

test("after a bye its delay is kept exactly, whatever else happens", async () => {
  const heard = listen(EVENTS);
  await pass();
  last().connected("e~4");
  last().say("bye", { reason: "drain", retry_ms: 7321 }, "e~4");
  expect(last().readyState).toBe(2);
  expect(heard.stream.status).toMatchObject({ state: "reconnecting", attempt: 0, retryInMs: 7321, error: { code: "drain" } });
  await pass(7000);
  show(true);
  network(false);
  network(true);
  expect(FakeEventSource.all.length).toBe(1);
  await pass(320);
  expect(FakeEventSource.all.length).toBe(1);
  await pass(1);
  expect(FakeEventSource.all.length).toBe(2);
  expect(last().url.searchParams.get("last_event_id")).toBe("e~4");
  heard.stream.close();
});

test("whoever is told to stay away does, and could go on where it was", async () => {
  const heard = listen(EVENTS);
  await pass();
  last().connected("e~4");
  last().say("bye", { reason: "superseded", retry_ms: 2000 }, "e~4!");
  expect(heard.stream.status).toMatchObject({ state: "failed", error: { code: "superseded" } });
  expect(heard.events).toEqual(['bye:{"reason":"superseded","retry_ms":2000}']);
  await pass(100_000);
  expect(FakeEventSource.all.length).toBe(1);
  heard.stream.reconnect();
  expect(last().url.searchParams.get("last_event_id")).toBe("e~4");
  heard.stream.close();
});

test("a refusal in the stream is told, final or not", async () => {
  const heard = listen(EVENTS);
  await pass();
  last().say("bye", { reason: "too_many_connections", message: "later", retry_ms: 500 });
  const error = { code: "too_many_connections", message: "later" };
  expect(heard.stream.status).toMatchObject({ state: "reconnecting", attempt: 1, retryInMs: 500, error });
  await pass(500);
  last().say("bye", { reason: "unauthorized", message: "sign in", retry_ms: null }, "!");
  expect(heard.stream.status).toMatchObject({ state: "failed", error: { code: "unauthorized", message: "sign in" } });
  heard.stream.close();
});

test("a bye that is no JSON breaks nothing", async () => {
  const heard = listen(EVENTS);
  await pass();
  last().connected();
  last().say("bye", "so long");
  expect(heard.stream.status).toMatchObject({ state: "reconnecting", retryInMs: 1000, error: { code: "bye" } });
  heard.stream.close();
});

test("what an EventSource is refused for is asked by fetch", async () => {
  const heard = listen(EVENTS);
  await pass();
  last().fail({ refused: true });
  await pass(1000);
  expect(FakeEventSource.all.length).toBe(1);
  expect(heard.stream.status.transport).toBe("fetch");
  Request.last.refuse(403, { code: "forbidden", message: "not yours" });
  await pass();
  expect(heard.stream.status).toMatchObject({ state: "failed", error: { code: "forbidden", message: "not yours", status: 403 } });
  heard.stream.close();
});

test("a server's event that is called error is no failure", async () => {
  const heard = listen(EVENTS, {}, ["error", "open"]);
  await pass();
  last().connected();
  last().dispatchEvent(new Event("open"));
  last().say("error", "boo");
  last().say("open", "sesame");
  expect(heard.events).toEqual(["error:boo", "open:sesame"]);
  expect(heard.stream.status.state).toBe("connected");
  heard.stream.close();
});

test("silence is taken for death, and heard over what sees all", async () => {
  const heard = listen(EVENTS, { idleMs: 5000 });
  await pass();
  last().connected("e~4");
  await pass(4000);
  last().say("heartbeat", { time_ms: 0 }, "e~6");
  await pass(4999);
  expect(heard.stream.status.state).toBe("connected");
  await pass(1);
  expect(heard.stream.status).toMatchObject({ state: "reconnecting", attempt: 0, error: { code: "idle_timeout" } });
  expect(last().readyState).toBe(2);
  await pass(1000);
  expect(Request.last.url.searchParams.get("last_event_id")).toBe("e~6");
  heard.stream.close();
});

test("with idleMs 0 silence is fine", async () => {
  const heard = listen(EVENTS, { idleMs: 0 });
  await pass();
  last().connected();
  await pass(10_000_000);
  expect(heard.stream.status.state).toBe("connected");
  heard.stream.close();
});

test("after the machine has slept the clock is looked at when the page is seen", async () => {
  const heard = listen(EVENTS);
  await pass();
  last().connected("e~4");
  show(true);
  expect(FakeEventSource.all.length).toBe(1);
  sleep(80_000);
  show(false);
  expect(FakeEventSource.all.length).toBe(1);
  show(true);
  expect(Request.last.url.searchParams.get("last_event_id")).toBe("e~4");
  heard.stream.close();
});

/** Timers stand still meanwhile. */
function sleep(ms: number) {
  vi.setSystemTime(Date.now() + ms);
}

test("a page that is seen, or a network that is back, waits no longer", async () => {
  const heard = listen(EVENTS);
  for (const wake of [() => show(true), () => network(true)]) {
    await pass();
    last().fail();
    const made = FakeEventSource.all.length;
    expect(heard.stream.status.state).toBe("reconnecting");
    wake();
    expect(FakeEventSource.all.length).toBe(made + 1);
  }
  heard.stream.close();
});

test("without a network attempts do not count", async () => {
  const heard = listen(EVENTS, { attempts: 2, poll: false });
  await pass();
  last().connected("e~3");
  network(false);
  expect(heard.stream.status.state).toBe("connected");
  last().fail();
  for (let count = 0; count < 5; count++) {
    expect(heard.stream.status).toMatchObject({ state: "reconnecting", attempt: 0, retryInMs: 30_000, error: { code: "offline" } });
    await pass(30_000);
    last().fail();
  }
  const made = FakeEventSource.all.length;
  network(true);
  expect(FakeEventSource.all.length).toBe(made + 1);
  expect(last().url.searchParams.get("last_event_id")).toBe("e~3");
  last().fail();
  expect(heard.stream.status).toMatchObject({ attempt: 1, retryInMs: 1000 });
  heard.stream.close();
});

test("a stream that was open while the network was gone is made anew, without a word", async () => {
  const heard = listen(EVENTS);
  await pass();
  last().connected("e~3");
  network(false);
  network(true);
  expect(FakeEventSource.all.map(({ readyState }) => readyState)).toEqual([2, 0]);
  expect(last().url.searchParams.get("last_event_id")).toBe("e~3");
  last().connected("e~3");
  expect(heard.states()).toEqual(["idle", "connecting", "connected"]);
  heard.stream.close();
});

test("a page that goes closes its stream, and goes on with it when it is back", async () => {
  const heard = listen(EVENTS);
  await pass();
  last().connected("e~3");
  window.dispatchEvent(new Event("pagehide"));
  expect(last().readyState).toBe(2);
  expect(vi.getTimerCount()).toBe(0);
  window.dispatchEvent(new Event("pageshow"));
  expect(FakeEventSource.all.length).toBe(2);
  expect(last().url.searchParams.get("last_event_id")).toBe("e~3");
  last().connected("e~3");
  window.dispatchEvent(new Event("pageshow"));
  expect(FakeEventSource.all.length).toBe(2);
  heard.stream.close();
});

test("a page that goes while it waits makes no attempt before it is back", async () => {
  const heard = listen(EVENTS);
  await pass();
  last().connected();
  last().say("bye", { reason: "drain", retry_ms: 5000 });
  window.dispatchEvent(new Event("pagehide"));
  await pass(10_000);
  expect(FakeEventSource.all.length).toBe(1);
  window.dispatchEvent(new Event("pageshow"));
  expect(FakeEventSource.all.length).toBe(2);
  heard.stream.close();
});

test("types that are listened to later are heard; all types are, over fetch", async () => {
  const heard = listen(EVENTS);
  await pass();
  last().connected("e~3");
  heard.stream.on("late", ({ data }) => heard.events.push(data));
  last().say("late", "better", "e~4");
  expect(heard.events).toEqual(["better"]);
  heard.stream.on("*", ({ type }) => heard.events.push(`all ${type}`));
  expect(last().readyState).toBe(2);
  expect(Request.last.url.searchParams.get("last_event_id")).toBe("e~4");
  Request.last.open().say("event: whatever\nid: e~5\ndata\n\n");
  await pass();
  expect(heard.events).toEqual(["better", "all whatever"]);
  expect(heard.states()).toEqual(["idle", "connecting", "connected", "connected"]);
  heard.stream.close();
});

test("whoever closes the stream at its bye hears of no reconnect", async () => {
  const heard = listen(EVENTS);
  await pass();
  last().connected();
  heard.stream.on("bye", () => heard.stream.close());
  last().say("bye", { reason: "drain", retry_ms: 100 });
  expect(heard.states()).toEqual(["idle", "connecting", "connected", "idle"]);
  await pass(1000);
  expect(FakeEventSource.all.length).toBe(1);
});

test("a delay that is longer than any clock is not none", async () => {
  const heard = listen(EVENTS);
  await pass();
  last().say("bye", { reason: "drain", retry_ms: 3_000_000_000 });
  await pass(1_000_000);
  expect(FakeEventSource.all.length).toBe(1);
  heard.stream.close();
});

test("what listens may close the stream at once", async () => {
  const heard = listen(EVENTS);
  await pass();
  heard.stream.on("connected", () => heard.stream.close());
  last().connected();
  last().say("news", "late");
  expect(heard.events).toEqual([]);
});

test("a stream that is closed at once makes no request", async () => {
  listen(EVENTS).stream.close();
  await pass(10_000);
  expect(FakeEventSource.all).toEqual([]);
});

test("after it was closed, nothing of the page reaches it", async () => {
  const heard = listen(EVENTS);
  await pass();
  last().fail();
  heard.stream.close();
  setOnline(false);
  for (const type of ["online", "offline", "pagehide", "pageshow"]) window.dispatchEvent(new Event(type));
  show(true);
  await pass(1_000_000);
  expect(FakeEventSource.all.length).toBe(1);
});

test("it begins where it is told to", async () => {
  const heard = listen(EVENTS, { lastEventId: "earliest", credentials: "include" });
  await pass();
  expect(last().url.searchParams.get("last_event_id")).toBe("earliest");
  expect(last().init.withCredentials).toBe(true);
  heard.stream.close();
});
