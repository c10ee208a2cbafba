// @vitest-environment jsdom
// The hook in a component: what it returns, and what it leaves behind.

import { act, StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { useEvents, type Events, type EventsOptions } from "../src/react.js";
import { FakeEventSource, pass, Request, setUpWorld } from "./support/world.js";

vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
setUpWorld();

let root: Root;
/** What the hook returned last. */
let seen: Events<unknown>;

function Feed({ url, options }: { url: string | null; options?: EventsOptions<unknown> | undefined }) {
  seen = useEvents(url, { share: false, ...options });
  return null;
}

const render = (url: string | null, options?: EventsOptions<unknown>) =>
  act(async () => {
    root.render(<Feed url={url} options={options} />);
    await pass();
  });
const last = () => FakeEventSource.last;
const say = (...said: Parameters<FakeEventSource["say"]>) => act(async () => last().say(...said));

beforeEach(() => {
  vi.stubGlobal("IS_REACT_ACT_ENVIRONMENT", true);
  root = createRoot(document.createElement("div"));
});

afterEach(() => act(async () => root.unmount()));

test("it gives the status and the last event, and is closed with its component", async () => {
  await render("/events");
  expect(seen).toMatchObject({ status: { state: "connecting" }, last: undefined });
  await say("message", { a: 1 }, "e~1");
  expect(seen).toMatchObject({ status: { state: "connected" }, last: { a: 1 } });
  await say("message", "no JSON");
  expect(seen).toMatchObject({ status: { state: "connected" }, last: "no JSON", parseError: undefined });
  await act(async () => root.unmount());
  expect(last().readyState).toBe(2);
  expect(FakeEventSource.all.length).toBe(1);
  root = createRoot(document.createElement("div"));
});

test("in strict mode one stream is opened", async () => {
  await act(async () => {
    root.render(
      <StrictMode>
        <Feed url="/events" />
      </StrictMode>,
    );
    await pass();
  });
  expect(FakeEventSource.all.length).toBe(1);
  await say("message", 1);
  expect(seen.last).toBe(1);
});

test("another URL is another stream, and begins with nothing", async () => {
  await render("/events?topic=a");
  await say("message", "of a");
  const first = last();
  await render("/events?topic=b");
  expect(first.readyState).toBe(2);
  expect(last().url.search).toContain("topic=b");
  expect(seen).toMatchObject({ last: undefined, status: { state: "connecting" } });
  await render(null);
  expect(last().readyState).toBe(2);
  expect(seen.status.state).toBe("idle");
});

test("functions may be others each time, data may not", async () => {
  const [one, two] = [vi.fn(), vi.fn()];
  await render("/events", { onEvent: one, types: ["a"] });
  await say("a", "1");
  await render("/events", { onEvent: two, types: ["a"], parse: ({ data }) => `parsed ${data}` });
  await say("a", "2");
  expect(FakeEventSource.all.length).toBe(1);
  expect([one, two].map(({ mock }) => mock.calls.length)).toEqual([1, 1]);
  expect(seen.last).toBe("parsed 2");
  await render("/events", { onEvent: two, types: ["b"] });
  expect(FakeEventSource.all.length).toBe(2);
});

test("what cannot be parsed is told, and breaks nothing", async () => {
  await render("/events", { parse: (event) => event.json() });
  await say("message", { a: 1 });
  await say("message", "no JSON");
  expect(seen).toMatchObject({ status: { state: "connected" }, last: { a: 1 } });
  expect(seen.parseError).toBeInstanceOf(SyntaxError);
  await say("message", { a: 2 });
  expect(seen).toMatchObject({ last: { a: 2 }, parseError: undefined });
});

test("it can be told to reconnect, with the newest token", async () => {
  await render("/events", { token: () => "first" });
  const { reconnect } = seen;
  expect(Request.last.headers.get("authorization")).toBe("Bearer first");
  await render("/events", { token: () => "second" });
  expect(seen.reconnect).toBe(reconnect);
  await act(async () => {
    Request.last.refuse(403);
    await pass();
  });
  expect(seen.status.state).toBe("failed");
  await act(async () => {
    reconnect();
    Request.last.refuse(401);
    await pass();
  });
  expect(Request.last.headers.get("authorization")).toBe("Bearer second");
});

test("on a server it renders, and opens nothing", () => {
  expect(renderToString(<Feed url="/events" />)).toBe("");
  expect(seen.status.state).toBe("idle");
  expect(FakeEventSource.all).toEqual([]);
});
