// @vitest-environment jsdom
// The indicator: what it shows of a stream, what a screen reader hears, what it leaves behind.

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { connect, type Status } from "../src/index.js";
import { type TidingsStatus } from "../src/status.js";
import "../src/status.js";
import { FakeEventSource, pass, setUpWorld } from "./support/world.js";

setUpWorld();

let element: TidingsStatus;
const part = (name: string) => element.shadowRoot!.querySelector<HTMLElement>(`[part=${name}]`)!;
const heard = () => element.shadowRoot!.querySelector("[role=status]")!.textContent;
const shown = () => [element.getAttribute("state"), part("text").textContent, part("retry").hidden];

beforeEach(() => {
  element = document.createElement("tidings-status");
  document.body.append(element);
});

afterEach(() => element.remove());

test("it follows a stream", async () => {
  expect(shown()).toEqual(["idle", "Not connected", true]);
  const stream = connect("/events", { share: false });
  element.stream = stream;
  await pass();
  expect(shown()).toEqual(["connecting", "Connecting …", true]);
  FakeEventSource.last.connected();
  expect(shown()).toEqual(["connected", "Connected", true]);
  FakeEventSource.last.fail();
  expect(shown()).toEqual(["reconnecting", "Reconnecting in 1 s", false]);
  await pass(1000);
  expect(shown()).toEqual(["reconnecting", "Reconnecting …", true]);
  FakeEventSource.last.fail();
  expect(part("text").textContent).toBe("Reconnecting in 2 s");
  await pass(1000);
  expect(part("text").textContent).toBe("Reconnecting in 1 s");
  expect(heard()).toBe("Reconnecting …");
  const made = FakeEventSource.all.length;
  part("retry").click();
  expect(FakeEventSource.all.length).toBe(made + 1);
  FakeEventSource.last.say("bye", { reason: "forbidden", message: "not yours", retry_ms: null }, "!");
  expect(shown()).toEqual(["failed", "Disconnected: not yours", false]);
  expect(heard()).toBe("Disconnected: not yours");
  part("retry").click();
  FakeEventSource.last.connected();
  expect(shown()).toEqual(["connected", "Connected", true]);
  stream.close();
  expect(shown()).toEqual(["idle", "Not connected", true]);
});

/** A stream that only shows. */
function fake(status: Partial<Status>) {
  const unwatch = vi.fn();
  const full: Status = { state: "idle", attempt: 0, transport: "fetch", shared: false, ...status };
  return { status: full, unwatch, reconnect: vi.fn(), watch: vi.fn(() => unwatch) };
}

test("its texts can be others", () => {
  element.setAttribute("text-waiting", "Neuer Versuch in {seconds} s");
  element.setAttribute("text-failed", "Getrennt ({reason})");
  element.setAttribute("text-retry", "Jetzt versuchen");
  element.stream = fake({ state: "reconnecting", retryInMs: 6500 });
  expect(part("text").textContent).toBe("Neuer Versuch in 7 s");
  expect(part("retry").textContent).toBe("Jetzt versuchen");
  element.stream = fake({ state: "failed", error: { code: "x", message: "$& <b>" } });
  expect(part("text").textContent).toBe("Getrennt ($& <b>)");
  element.setAttribute("text-failed", "Aus");
  expect(part("text").textContent).toBe("Aus");
});

test("what a screen reader hears does not change each second", () => {
  element.stream = fake({ state: "reconnecting", retryInMs: 5000 });
  const heardNode = element.shadowRoot!.querySelector("[role=status]")!.firstChild;
  vi.advanceTimersByTime(3000);
  expect(element.shadowRoot!.querySelector("[role=status]")!.firstChild).toBe(heardNode);
  expect(part("text").getAttribute("aria-hidden")).toBe("true");
  expect(part("retry").tagName).toBe("BUTTON");
});

test("away from the page, or with another stream, it watches no more", () => {
  const [first, second] = [fake({ state: "reconnecting", retryInMs: 5000 }), fake({})];
  element.stream = first;
  expect(vi.getTimerCount()).toBe(1);
  element.stream = second;
  expect(first.unwatch).toHaveBeenCalledTimes(1);
  expect(vi.getTimerCount()).toBe(0);
  element.remove();
  expect(second.unwatch).toHaveBeenCalledTimes(1);
  document.body.append(element);
  expect(second.watch).toHaveBeenCalledTimes(2);
  element.stream = null;
  expect(shown()).toEqual(["idle", "Not connected", true]);
});

test("a stream that is given before it is on the page is watched there", () => {
  const other = document.createElement("tidings-status");
  const stream = fake({ state: "connected" });
  other.stream = stream;
  expect(stream.watch).not.toHaveBeenCalled();
  document.body.append(other);
  expect(other.getAttribute("state")).toBe("connected");
  other.remove();
});
