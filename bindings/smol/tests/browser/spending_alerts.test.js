// The example spending_alerts over HTTP: what its streams, its status and its health promise, with curl
// and fetch. Its page is in spending_page.test.js.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EventSource } from "eventsource";
import { Example, Program } from "./support/programs.js";
import { Proxy } from "./support/proxy.js";
import { AGUS, BUDI, DEWI, SARI, Spending } from "./support/spending.js";
import { eventually } from "./support/wait.js";

const sum = (told) => told.map(({ currentSpending }) => currentSpending);

test("a stream says that it is connected, where its user stands, and that it is alive", async (t) => {
  const alerts = await Spending.start(t, { SPENDING_HEARTBEAT_MS: "250" });
  const before = Date.now();
  const stream = await alerts.curl(SARI);
  const [connected, notification, heartbeat] = await stream.waitFor(3);
  assert.deepEqual([connected.event, connected.data], ["connected", '{"message":"Connected to Spending notifications"}']);
  assert.equal(notification.event, "notification");
  const { timestamp, ...said } = JSON.parse(notification.data);
  assert.equal(
    JSON.stringify(said),
    '{"userId":13,"currentSpending":267000,"maxSpending":200000,"alertPercentage":85,"currentPercentage":133.5,"isAlert":true}',
  );
  assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(Date.parse(timestamp) >= before && Date.parse(timestamp) <= Date.now(), timestamp);
  assert.equal(heartbeat.event, "heartbeat");
  assert.match(heartbeat.data, /^\{"timestamp":\d+\}$/);
  const beat = JSON.parse(heartbeat.data).timestamp;
  assert.ok(beat > before && beat <= Date.now() + 1_000, heartbeat.data);
});

test("status and health are what was described", async (t) => {
  const alerts = await Spending.start(t);
  const now = new Date();
  const month = (offset) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset));
  assert.deepEqual(await alerts.status(SARI), {
    currentSpending: 267000,
    maxLimit: 200000,
    alertPercentage: 85,
    currentPercentage: 133.5,
    isAlert: true,
    periodeStart: month(0).toISOString(),
    periodeEnd: new Date(month(1) - 1).toISOString(),
  });
  const health = await alerts.health(SARI);
  assert.deepEqual(health, { status: "healthy", userId: 13, connectedClients: 0, totalSystemClients: 0 });
});

test("two streams of one user both hear of it, another user never does", async (t) => {
  const alerts = await Spending.start(t);
  const [one, two, other] = [await alerts.curl(SARI), await alerts.curl(SARI), await alerts.curl(BUDI)];
  for (const stream of [one, two, other]) await stream.waitFor(2);
  await eventually("all are counted", async () => {
    const { connectedClients, totalSystemClients } = await alerts.health(SARI);
    return connectedClients === 2 && totalSystemClients === 3;
  });
  assert.equal((await alerts.health(BUDI)).connectedClients, 1);
  await alerts.spend(SARI, "1000");
  await alerts.spend(BUDI, "20000");
  await alerts.spend(SARI, "500.5");
  for (const stream of [one, two]) {
    await stream.waitFor(4);
    assert.deepEqual(sum(stream.notifications), [267000, 268000, 268500.5]);
    assert.ok(stream.notifications.every(({ userId }) => userId === SARI));
  }
  await other.waitFor(3);
  // Whatever hers were, they would stand before its own.
  await alerts.spend(BUDI, "1");
  await other.waitFor(4);
  assert.deepEqual(other.notifications.map(({ userId }) => userId), [BUDI, BUDI, BUDI]);
});

test("who asks has a token that is good, and an account that is active", async (t) => {
  const alerts = await Spending.start(t);
  const elsewhere = await Spending.start(t);
  const foreign = await elsewhere.token(SARI);
  const dewi = await alerts.token(DEWI);
  for (const path of ["stream", "status", "health"]) {
    for (const [token, status, code] of [
      [undefined, 401, "unauthenticated"],
      ["nonsense", 401, "invalid_token"],
      [foreign, 401, "invalid_token"],
      [dewi, 403, "inactive_user"],
    ]) {
      const headers = token ? { authorization: `Bearer ${token}` } : {};
      const response = await fetch(`${alerts.url}/api/periode-limit/notifications/${path}`, { headers });
      assert.deepEqual([response.status, (await response.json()).error.code], [status, code], path);
    }
  }
  for (const path of ["events", "poll"]) {
    const headers = { authorization: `Bearer ${dewi}` };
    assert.equal((await fetch(`${alerts.url}/${path}`, { headers })).status, 404, "there is no way around");
  }
  assert.equal((await alerts.post(DEWI, "/spending", { amount: "1" })).status, 403);
  const refused = await alerts.curl(DEWI, "--fail");
  assert.equal(await refused.program.end, 22);
});

test("a user has a hundred streams, and not one more", async (t) => {
  const alerts = await Spending.start(t);
  const streams = [];
  t.after(() => streams.forEach((stream) => stream.abort()));
  const open = async () => {
    const abort = new AbortController();
    const response = await alerts.fetch(SARI, "/notifications/stream", { signal: abort.signal });
    if (response.status === 200) streams.push(abort);
    return response;
  };
  // More than so many at once have to wait a little, too; that is another refusal.
  const refused = await eventually("one is refused for good", async () => {
    const response = await open();
    if (response.status === 200) return undefined;
    const { code } = (await response.json()).error;
    assert.equal(response.status, 429);
    return code === "too_many_user_connections" && response;
  });
  assert.equal(streams.length, 100);
  assert.ok(Number(refused.headers.get("retry-after")) > 0);
  assert.equal((await alerts.health(SARI)).connectedClients, 100);
  const other = await alerts.curl(BUDI);
  await other.waitFor(2);
  streams.pop().abort();
  await eventually("there is room again", async () => (await open()).status === 200);
});

test("how many streams a user has can be set", async (t) => {
  const alerts = await Spending.start(t, { SPENDING_CONNECTIONS_PER_USER: "1" });
  const stream = await alerts.curl(SARI);
  await stream.waitFor(2);
  assert.equal((await alerts.fetch(SARI, "/notifications/stream")).status, 429);
});

test("before and after the period of a limit nobody is told, and nothing counts", async (t) => {
  const alerts = await Spending.start(t, { SPENDING_HEARTBEAT_MS: "250" });
  const stream = await alerts.curl(AGUS);
  const before = await alerts.status(AGUS);
  assert.ok(Date.parse(before.periodeEnd) < Date.now());
  const refused = await alerts.post(AGUS, "/spending", { amount: "150000" });
  assert.deepEqual([refused.status, (await refused.json()).error.code], [409, "outside_period"]);
  assert.equal((await alerts.post(AGUS, "", { maxLimit: "1", alertPercentage: 1 })).status, 409);
  assert.deepEqual(await alerts.status(AGUS), before);
  assert.equal(before.isAlert, false);
  const beats = () => stream.events.filter(({ event }) => event === "heartbeat").length;
  await eventually("it is connected and alive", () => beats() >= 2, () => stream.program.describe());
  assert.deepEqual(stream.notifications, []);
});

test("an alert begins at its part of the limit, and ends where the limit is raised", async (t) => {
  const alerts = await Spending.start(t);
  const stream = await alerts.curl(BUDI);
  await stream.waitFor(2);
  await alerts.spend(BUDI, "83749.49");
  await alerts.spend(BUDI, "0.01");
  await alerts.spend(BUDI, "75000.01");
  assert.equal((await alerts.post(BUDI, "", { maxLimit: "1000000", alertPercentage: 60 })).status, 200);
  await stream.waitFor(6);
  const said = stream.notifications.map(({ currentSpending, maxSpending, alertPercentage, currentPercentage, isAlert }) => {
    return [currentSpending, maxSpending, alertPercentage, currentPercentage, isAlert];
  });
  assert.deepEqual(said, [
    [341250.5, 500000, 85, 68.25, false],
    [424999.99, 500000, 85, 84.99, false],
    [425000, 500000, 85, 85, true],
    [500000.01, 500000, 85, 100, true],
    [500000.01, 1000000, 60, 50, false],
  ]);
});

test("what is no amount is refused, and changes nothing", async (t) => {
  const alerts = await Spending.start(t);
  const before = await alerts.status(BUDI);
  for (const [path, body, status] of [
    ["/spending", { amount: "0.001" }, 400],
    ["/spending", { amount: "-5" }, 400],
    ["/spending", { amount: 5 }, 400],
    ["/spending", { amount: "5", to: 13 }, 400],
    ["/spending", {}, 400],
    ["/spending", { amount: "0" }, 409],
    ["/spending", { amount: "9999999999999.99" }, 409],
    ["", { maxLimit: "0", alertPercentage: 85 }, 409],
    ["", { maxLimit: "1000", alertPercentage: 101 }, 409],
    ["", { maxLimit: "1000" }, 400],
  ]) {
    const response = await alerts.post(BUDI, path, body);
    assert.equal(response.status, status, `${path} ${JSON.stringify(body)}`);
  }
  assert.deepEqual(await alerts.status(BUDI), before);
});

test("a stream that is cut and comes back is sent what it missed, and then where its user stands", async (t) => {
  const alerts = await Spending.start(t);
  const stream = await alerts.curl(BUDI);
  const [, { id }] = await stream.waitFor(2);
  await stream.program.kill();
  await alerts.spend(BUDI, "100");
  await alerts.spend(SARI, "1");
  await alerts.spend(BUDI, "200");
  const back = await alerts.curl(BUDI, "-H", `Last-Event-ID: ${id}`);
  await back.waitFor(4);
  assert.deepEqual(sum(back.notifications), [341350.5, 341550.5, 341550.5]);
  assert.equal(back.events[0].event, "connected");
});

test("an EventSource with a token in its headers hears all three events, through a cut", async (t) => {
  const alerts = await Spending.start(t, { SPENDING_HEARTBEAT_MS: "250" });
  const proxy = await Proxy.start(alerts.example.port);
  t.after(() => proxy.close());
  const authorization = `Bearer ${await alerts.token(BUDI)}`;
  const source = new EventSource(`${proxy.url}/api/periode-limit/notifications/stream`, {
    fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, authorization } }),
  });
  t.after(() => source.close());
  const heard = { connected: [], notification: [], heartbeat: [] };
  for (const [type, list] of Object.entries(heard)) source.addEventListener(type, ({ data }) => list.push(JSON.parse(data)));
  const hears = (type, count) => eventually(`${count} times ${type}`, () => heard[type].length >= count, () => JSON.stringify(heard));
  await hears("heartbeat", 2);
  proxy.cut();
  await alerts.spend(BUDI, "9.5");
  await hears("connected", 2);
  await hears("notification", 3);
  assert.deepEqual(sum(heard.notification), [341250.5, 341260, 341260]);
});

test("a client that leaves is gone, and the log says so", async (t) => {
  const alerts = await Spending.start(t);
  for (const signal of ["SIGINT", "SIGKILL"]) {
    const stream = await alerts.curl(SARI);
    await stream.waitFor(2);
    const from = alerts.program.err.length;
    await stream.program.kill(signal);
    await eventually("it is removed", () => alerts.program.err.slice(from).includes("removed"), () => alerts.program.describe());
    const lines = alerts.program.err.slice(from).match(/SSE .* for user \d+/g);
    assert.deepEqual(lines, [
      "SSE stream aborted for user 13",
      "SSE connection closed for user 13",
      "SSE client removed for user 13",
    ]);
    assert.equal((await alerts.health(SARI)).connectedClients, 0);
  }
  assert.match(alerts.program.err, /SSE stream opened for user 13/);
  assert.match(alerts.program.err, /SSE notification sent user=13 id=/);
});

test("of clients that vanish by the dozen nothing is left", async (t) => {
  const alerts = await Spending.start(t);
  const streams = await Promise.all(Array.from({ length: 40 }, () => alerts.curl(BUDI)));
  await Promise.all(streams.map((stream) => stream.waitFor(2)));
  assert.equal((await alerts.health(BUDI)).connectedClients, 40);
  const publishing = alerts.spend(BUDI, "1");
  await Promise.all(streams.map(({ program }) => program.kill()));
  await publishing;
  await eventually("none is counted", async () => {
    const { connectedClients, totalSystemClients } = await alerts.health(BUDI);
    return connectedClients === 0 && totalSystemClients === 0;
  });
  const count = (text) => alerts.program.err.split(text).length - 1;
  await eventually("the log has all of them", () => count("SSE client removed") === 40, () => alerts.program.describe());
  assert.deepEqual([count("SSE stream opened"), count("SSE stream aborted")], [40, 40]);
});

test("when the server stops, every curl ends as it should", async (t) => {
  const alerts = await Spending.start(t);
  const streams = [await alerts.curl(SARI), await alerts.curl(SARI), await alerts.curl(BUDI), await alerts.curl(BUDI, "--http2-prior-knowledge")];
  for (const stream of streams) await stream.waitFor(2);
  assert.equal(await alerts.stop("SIGTERM"), 0);
  for (const { program, events } of streams) {
    assert.deepEqual([await program.end, program.err], [0, ""], program.describe());
    assert.equal(JSON.parse(events.at(-1).data).reason, "drain");
  }
  const count = (text) => alerts.program.err.split(text).length - 1;
  assert.deepEqual([count("SSE stream aborted"), count("SSE connection closed"), count("SSE client removed")], [0, 4, 4]);
});

test("settings that are no numbers are named", async () => {
  const program = new Program(Example.path("spending_alerts"), ["127.0.0.1:0"], { env: { SPENDING_HEARTBEAT_MS: "soon" } });
  assert.equal(await program.end, 1);
  assert.match(program.err, /SPENDING_HEARTBEAT_MS is no number/);
});
