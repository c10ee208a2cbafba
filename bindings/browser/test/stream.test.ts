// @vitest-environment jsdom
// What an application has in hand: options, listeners, watchers.

import { expect, test, vi } from "vitest";
import { connect, type Options } from "../src/index.js";
import { FakeEventSource, pass, setUpWorld } from "./support/world.js";

setUpWorld();

const open = async (options: Options = {}) => {
  const stream = connect("/events", { share: false, ...options });
  await pass();
  return stream;
};

test("data is read as JSON where it is asked for", async () => {
  const stream = await open();
  const seen: unknown[] = [];
  stream.on("message", (event) => seen.push(event.json<{ a: number }>().a, event.id));
  FakeEventSource.last.say("message", '{"a":1}', "e~1");
  expect(seen).toEqual([1, "e~1"]);
  stream.close();
});

test("what one listener throws is reported, and the others hear", async () => {
  const report = vi.fn();
  vi.stubGlobal("reportError", report);
  const stream = await open();
  const heard = vi.fn();
  stream.watch(({ state }) => {
    if (state === "connected") throw new Error("watcher");
  });
  stream.on("message", (event) => event.json());
  stream.on("message", heard);
  FakeEventSource.last.say("message", "no JSON");
  expect(heard).toHaveBeenCalledTimes(1);
  expect(report.mock.calls.map(([error]) => error.name)).toEqual(["Error", "SyntaxError"]);
  expect(stream.status.state).toBe("connected");
  stream.close();
});

test("whoever stops listening hears nothing more, and the others do", async () => {
  const stream = await open();
  const heard = vi.fn();
  const off = stream.on("message", heard);
  stream.on("message", heard);
  const watched = vi.fn();
  const unwatch = stream.watch(watched);
  unwatch();
  FakeEventSource.last.say("message", "a");
  expect(heard).toHaveBeenCalledTimes(2);
  off();
  FakeEventSource.last.say("message", "b");
  expect(heard).toHaveBeenCalledTimes(3);
  expect(watched).toHaveBeenCalledTimes(1);
  stream.close();
});

test("a listener that closes the stream is the last to hear", async () => {
  const stream = await open();
  const heard = vi.fn();
  stream.on("message", () => stream.close());
  stream.on("message", heard);
  FakeEventSource.last.say("message", "a");
  expect(heard).not.toHaveBeenCalled();
});

test.each<Options>([
  { transport: "eventsource", token: () => "t" },
  { transport: "eventsource", headers: {} },
  { transport: "eventsource", method: "POST" },
  { transport: "eventsource", plain: true },
  { transport: "poll", poll: false },
  { delays: [] },
  { delays: [Number.NaN] },
])("%o cannot be", (options) => {
  expect(() => connect("/events", options)).toThrow(TypeError);
});

test("an EventSource does not hear everything", async () => {
  const stream = await open({ transport: "eventsource" });
  expect(() => stream.on("*", () => {})).toThrow(TypeError);
  stream.close();
});
