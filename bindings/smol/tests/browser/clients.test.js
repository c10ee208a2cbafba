// A log file that grows is followed by four clients at once: Chromium, curl, the npm package
// eventsource, and `tidings subscribe`. Connections are cut, clients are killed, the server crashes.
// The tests are the acts of one play, in this order.

import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { EventSource } from "eventsource";
import { launch, Tab } from "./support/browser.js";
import { follow, Program, reservedPort, Server, tidings } from "./support/programs.js";
import { Proxy } from "./support/proxy.js";
import { chance, eventually } from "./support/wait.js";

const random = chance();
const directory = mkdtempSync(join(tmpdir(), "tidings-"));
const file = join(directory, "app.log");
/** What everyone is to see. */
const expected = [];
let server, browser, clients, curl, log;

/** What the npm package hears. */
class Npm {
  constructor(url) {
    this.heard = [];
    this.source = new EventSource(`${url}/events?topic=logs`);
    for (const type of ["connected", "message", "gap"]) {
      this.source.addEventListener(type, (event) => this.heard.push({ type, data: event.data }));
    }
  }

  data(type) {
    return this.heard.filter((event) => event.type === type).map((event) => event.data);
  }
}

async function startClients() {
  const proxies = await Promise.all([1, 2, 3].map(() => Proxy.start(server.port)));
  const [chromium, npm, own] = proxies;
  // The page itself is to be loaded; whatever comes first after it is cut.
  const page = await Tab.load(browser, chromium.url);
  for (const proxy of proxies) proxy.cutNext();
  await page.listen("topic=logs");
  const source = new Npm(npm.url);
  const program = tidings("subscribe", "--server", own.url, "--topic", "logs");
  const told = (type) => [...program.err.matchAll(new RegExp(`^tidings: ${type} (.*)$`, "gm"))].map((match) => match[1]);
  clients = [
    { name: "Chromium", proxy: chromium, data: (type) => page.data(type) },
    { name: "eventsource", proxy: npm, data: (type) => source.data(type) },
    { name: "tidings subscribe", proxy: own, data: (type) => (type === "message" ? program.lines : told(type)) },
  ];
  clients.end = async () => {
    source.source.close();
    await program.kill();
    await Promise.all(proxies.map((proxy) => proxy.close()));
  };
}

/** curl prints the stream as it comes. */
function startCurl() {
  curl = new Program("curl", ["-sN", `${server.url}/events?topic=logs`]);
  const events = () => [...curl.out.matchAll(/^(?:event: (.*)\n)?data: (.*)\n\n/gm)];
  const data = (type) => events().filter(([, found = "message"]) => found === type).map((match) => match[2]);
  curl.client = { name: "curl", data };
}

/** Appends lines to the file, cut into writes anywhere. */
async function grow(count, between = async () => {}) {
  let text = "";
  for (let line = 0; line < count; line++) {
    expected.push(`line ${expected.length}: ${"é".repeat(random.below(20))}`);
    text += `${expected.at(-1)}\n`;
  }
  let bytes = Buffer.from(text);
  while (bytes.length > 0) {
    const part = 1 + random.below(300);
    appendFileSync(file, bytes.subarray(0, part));
    bytes = bytes.subarray(part);
    await between();
  }
}

/** Waits until a client has seen as much as there is, and checks that it is exactly that. */
async function assertSeen({ name, data }) {
  let seen = [];
  const look = async () => (seen = await data("message")).length >= expected.length;
  await eventually(`${name} has seen everything`, look, () => {
    return `${seen.length} of ${expected.length}, the last ${seen.at(-1)}; ${log?.describe()}`;
  });
  assert.deepEqual(seen, expected, name);
}

async function assertAllSeen() {
  for (const client of clients) await assertSeen(client);
}

before(async () => {
  writeFileSync(file, "");
  server = await Server.start([], await reservedPort());
  browser = await launch();
});

after(async () => {
  await clients?.end();
  await browser?.close();
  for (const program of [curl, log, server?.program]) await program?.kill();
  rmSync(directory, { recursive: true, force: true });
});

test("a first connection that is cut before its first event is made again", async () => {
  await startClients();
  startCurl();
  for (const { name, data, proxy } of [...clients, curl.client]) {
    const connected = async () => (await data("connected")).length > 0;
    await eventually(`${name} is connected`, connected, () => curl.describe());
    assert.ok(!proxy || proxy.cutOff === 1, `${name} was cut`);
  }
  // From here on everyone comes back soon.
  expected.push("come back soon");
  await server.publish({ topics: ["logs"], data: expected[0], retry: 100 });
  await assertAllSeen();
});

test("all four see the file grow", async () => {
  log = follow(file, "logs", server.url);
  await grow(200);
  await assertAllSeen();
  await assertSeen(curl.client);
});

test("through cuts, those that resume miss nothing and see nothing twice", async () => {
  for (const { name, proxy } of clients) {
    proxy.cutAfter(random, 4_000, { wholeHeads: name === "Chromium" });
    proxy.cut();
  }
  const counts = clients.map(({ proxy }) => proxy.connections);
  await grow(600, async () => {
    if (random.below(20) === 0) clients[random.below(clients.length)].proxy.cut();
    await new Promise((resolve) => setTimeout(resolve, 50));
  });
  for (const { proxy } of clients) proxy.stopCutting();
  await assertAllSeen();
  await assertSeen(curl.client);
  for (const [number, { name, proxy, data }] of clients.entries()) {
    assert.ok(proxy.connections >= counts[number] + 10, `${name} was cut: ${proxy.connections} connections`);
    assert.deepEqual(await data("gap"), [], `${name} has no gap`);
  }
});

test("a client that is killed leaves the count at once", async () => {
  await server.waitForStat("connections", 4);
  await curl.kill();
  // Far less than a heartbeat, which would find it too.
  await server.waitForStat("connections", 3, 10_000);
});

test("after a crash of the server they come back by themselves and are told of the gap", async () => {
  const { port } = server;
  // What is under way in a crash may come in both lives; here nothing is.
  await server.stats();
  await server.stop("SIGKILL");
  await grow(50);
  server = await Server.start([], port);
  await grow(50);
  await assertAllSeen();
  for (const { name, data } of clients) {
    const told = await data("gap");
    assert.equal(told.length, 1, `${name}: ${told}`);
    assert.equal(JSON.parse(told[0]).missed, null, name);
  }
  await server.waitForStat("connections", 3);
});
