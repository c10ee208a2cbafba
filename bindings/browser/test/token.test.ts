// @vitest-environment jsdom
// Tokens: sent, refused, renewed while the stream goes on.

import { expect, test, vi } from "vitest";
import { listen } from "./support/stream.js";
import { pass, Request, setUpWorld } from "./support/world.js";

setUpWorld();

const last = () => Request.last;
const sent = () => last().headers.get("authorization");
const UNAUTHORIZED = { code: "unauthorized", message: "it has ended" };

/** Gives a token of another number each time. */
function counting() {
  let count = 0;
  return vi.fn(() => `t${++count}`);
}

test("a token is asked for once, and sent with each attempt", async () => {
  const token = counting();
  const heard = listen("/events", { token: async () => token() });
  await pass();
  expect(sent()).toBe("Bearer t1");
  last().open().connected();
  await pass();
  last().end();
  await pass(1000);
  expect(sent()).toBe("Bearer t1");
  expect(token).toHaveBeenCalledTimes(1);
  heard.stream.close();
});

test("one that is refused is asked for again at once, and then as often as attempts are made", async () => {
  const heard = listen("/events", { token: counting(), attempts: 2 });
  await pass();
  last().refuse(401, UNAUTHORIZED);
  await pass();
  expect(sent()).toBe("Bearer t2");
  expect(heard.states()).toEqual(["idle", "connecting"]);
  last().refuse(401, UNAUTHORIZED);
  await pass();
  expect(heard.stream.status).toMatchObject({ state: "reconnecting", attempt: 1, retryInMs: 1000, error: { code: "unauthorized" } });
  await pass(1000);
  expect(sent()).toBe("Bearer t3");
  last().refuse(401, UNAUTHORIZED);
  await pass();
  expect(heard.stream.status).toMatchObject({ state: "failed", error: { code: "attempts", status: 401 } });
  heard.stream.close();
});

test("a token that cannot be had is a failed attempt", async () => {
  const heard = listen("/events", { token: () => Promise.reject(new Error("signed out")) });
  await pass();
  expect(Request.all).toEqual([]);
  expect(heard.stream.status).toMatchObject({ state: "reconnecting", attempt: 1, error: { code: "token", message: expect.stringContaining("signed out") } });
  heard.stream.close();
});

test("a token that nobody gives is waited for, but not for ever", async () => {
  const heard = listen("/events", { token: () => new Promise<string>(() => {}) });
  await pass(60_000);
  expect(heard.stream.status).toMatchObject({ state: "reconnecting", attempt: 1, error: { code: "token" } });
  heard.stream.close();
});

test("a token that comes too late is not sent", async () => {
  let give!: (token: string) => void;
  const heard = listen("/events", { token: () => new Promise<string>((resolve) => (give = resolve)) });
  await pass();
  heard.stream.close();
  give("late");
  await pass();
  expect(Request.all).toEqual([]);
});

test("before its token ends, the stream is given another", async () => {
  const heard = listen("/api/events?topic=a", { token: counting(), headers: { "x-tenant": "acme" }, credentials: "include" });
  await pass();
  const stream = last().open().connected();
  await pass();
  stream.say('event: reauth\ndata: {"expires_ms":1}\n\n');
  await pass();
  expect(last().url.href).toBe("http://localhost:3000/api/connections/7/token");
  expect(last().init).toMatchObject({ method: "POST", credentials: "include" });
  expect(sent()).toBe("Bearer t2");
  expect(last().headers.get("x-tenant")).toBe("acme");
  const renewal = last();
  stream.say("event: news\ndata: goes on\n\n");
  await pass();
  expect(heard.events).toEqual(["news:goes on"]);
  stream.end();
  await pass(1000);
  expect(sent()).toBe("Bearer t2");
  heard.stream.close();
  expect(renewal.aborted).toBe(true);
});

test("a stream without a name of its own goes on with the new token when it has ended", async () => {
  const heard = listen("/events", { token: counting() });
  await pass();
  const stream = last().open();
  stream.say('event: connected\ndata: {"message":"hello"}\n\nevent: reauth\ndata: {}\n\n');
  await pass();
  expect(Request.all.length).toBe(1);
  stream.end();
  await pass(1000);
  expect(sent()).toBe("Bearer t2");
  heard.stream.close();
});

test("where a new token cannot be had, it is asked for when the stream has ended", async () => {
  let count = 0;
  const token = async () => {
    if (++count === 2) throw new Error("not now");
    return `t${count}`;
  };
  const heard = listen("/events", { token });
  await pass();
  last().open().connected().say("event: reauth\ndata: {}\n\n");
  await pass();
  expect(Request.all.length).toBe(1);
  last().say('event: bye\ndata: {"reason":"expired","retry_ms":100}\n\n');
  await pass(100);
  expect(sent()).toBe("Bearer t3");
  heard.stream.close();
});
