// TLS and HTTP/2 as real clients speak them: curl in every way it can, and Chromium with many tabs.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, Tab } from "./support/browser.js";
import { Program, Server } from "./support/programs.js";
import { eventually } from "./support/wait.js";

const TABS = 10;
const directory = mkdtempSync(join(tmpdir(), "tidings-"));
const [cert, key] = ["cert.pem", "key.pem"].map((name) => join(directory, name));
let plain, secure;

before(async () => {
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
  const self = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", cert];
  execFileSync("openssl", [...self, ...names], { stdio: "ignore" });
  plain = await Server.start();
  secure = await Server.start(["--tls-cert", cert, "--tls-key", key]);
});

after(async () => {
  await plain?.stop();
  await secure?.stop();
  rmSync(directory, { recursive: true });
});

/** Runs curl to its end, with what it printed. */
async function curl(...args) {
  const program = new Program("curl", ["-sS", "--max-time", "30", ...args]);
  assert.equal(await program.end, 0, program.describe());
  return program.out;
}

for (const [how, version, isSecure] of [
  [["--http1.1"], "1.1", false],
  [["--http2-prior-knowledge"], "2", false],
  // It is offered, and declined: browsers never ask for it either.
  [["--http2"], "1.1", false],
  [["--http1.1", "--cacert"], "1.1", true],
  [["--http2", "--cacert"], "2", true],
  [["--no-alpn", "--cacert"], "1.1", true],
  [["--tls-max", "1.2", "--http2", "--cacert"], "2", true],
]) {
  test(`curl ${how.join(" ")} over ${isSecure ? "TLS" : "TCP"} speaks HTTP/${version}`, async () => {
    const server = isSecure ? secure : plain;
    const options = isSecure ? [...how, cert] : how;
    const topic = `curl/${version}/${how.join("").replaceAll(/[^a-z0-9]/g, "")}`;
    const stream = new Program("curl", ["-sSNi", ...options, `${server.url}/events?topic=${topic}`]);
    try {
      await eventually("it is connected", () => stream.out.includes("event: connected"), () => stream.describe());
      assert.match(stream.out, new RegExp(`^HTTP/${version} 200`));
      const body = JSON.stringify({ topics: [topic], data: "hello" });
      const json = ["-H", "content-type: application/json", "-d", body, "-w", " %{http_version}"];
      const published = await curl(...options, ...json, `${server.url}/publish`);
      assert.match(published, new RegExp(`"recipients":1}\\s+${version}$`));
      await eventually("it has the event", () => stream.out.includes("data: hello\n"), () => stream.describe());
    } finally {
      await stream.kill();
    }
  });
}

test("plain HTTP on the port of TLS is no answer, and no harm", async () => {
  const url = secure.url.replace("https:", "http:");
  const program = new Program("curl", ["-sS", "--max-time", "30", `${url}/health`]);
  assert.notEqual(await program.end, 0, program.describe());
  assert.match(await curl("--cacert", cert, `${secure.url}/health`), /ok/);
});

test("a page with ten tabs does not freeze over HTTP/2", async () => {
  const browser = await launch();
  try {
    // All of them share what a browser has for one visitor: cookies, cache, and connections.
    const visitor = await browser.newContext({ ignoreHTTPSErrors: true });
    const tabs = [];
    for (let number = 0; number < TABS; number++) {
      tabs.push(await Tab.open(visitor, secure.url, "topic=tabs"));
      await tabs.at(-1).waitFor("connected");
    }
    for (const [number, tab] of tabs.entries()) {
      // Beside the streams there is room for everything else.
      const published = await tab.page.evaluate(async (data) => {
        const headers = { "content-type": "application/json" };
        const body = JSON.stringify({ topics: ["tabs"], data });
        const response = await fetch("/publish", { method: "POST", headers, body });
        return response.json();
      }, `from ${number}`);
      assert.equal(published.recipients, TABS);
    }
    const expected = tabs.map((_, number) => `from ${number}`);
    for (const tab of tabs) {
      await tab.waitFor("message", TABS);
      assert.deepEqual(await tab.data(), expected);
      const protocols = await tab.page.evaluate(() => {
        const entries = performance.getEntriesByType("resource");
        return entries.filter(({ name }) => name.endsWith("/publish")).map((entry) => entry.nextHopProtocol);
      });
      assert.deepEqual(protocols, ["h2"]);
    }
    // One that is closed is gone at once, though its connection stays.
    const count = async () => JSON.parse(await curl("--cacert", cert, `${secure.url}/stats`)).connections;
    assert.equal(await count(), TABS);
    await tabs.pop().page.close();
    await eventually("the stream is closed", async () => (await count()) === TABS - 1);
  } finally {
    await browser.close();
  }
});
