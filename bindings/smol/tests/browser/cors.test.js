// Pages of other origins, and what they may do with the session of their visitor.
// It does not know how the server finds out.

import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch } from "./support/browser.js";
import { Server } from "./support/programs.js";
import { eventually } from "./support/wait.js";

const ACCESS = { subscribe: ["news"], publish: ["news"] };
const opened = [];
let browser, directory, server, listed, other;

/** An application: pages with a session of their visitor's, and who that is. */
async function application() {
  const app = createServer((request, response) => {
    if (request.url !== "/whoami") {
      response.setHeader("set-cookie", "session=ann; HttpOnly; SameSite=Lax");
      return response.setHeader("content-type", "text/html").end("<!doctype html><title>page</title>");
    }
    const known = request.headers.cookie?.includes("session=ann");
    response.statusCode = known ? 200 : 401;
    response.end(known ? JSON.stringify({ user: "ann", access: ACCESS }) : "");
  });
  await new Promise((resolve) => app.listen(0, "127.0.0.1", resolve));
  opened.push(app);
  return `http://127.0.0.1:${app.address().port}`;
}

before(async () => {
  [listed, other] = [await application(), await application()];
  directory = await mkdtemp(join(tmpdir(), "tidings-"));
  const config = join(directory, "tidings.toml");
  await writeFile(config, `[auth.forward]\nurl = "${listed}/whoami"\n[cors]\norigins = ["${listed}"]\n`);
  server = await Server.start(["--config", config]);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  for (const app of opened) app.close();
  if (directory) await rm(directory, { recursive: true });
});

/** A page of an origin, which reads the topic `news` with the session of its visitor. */
async function page(origin) {
  const page = await browser.newPage();
  await page.goto(`${origin}/`);
  await page.evaluate((url) => {
    window.heard = [];
    window.source = new EventSource(`${url}/events?topic=news`, { withCredentials: true });
    for (const type of ["connected", "message", "error"]) {
      window.source.addEventListener(type, ({ data }) => window.heard.push([type, data]));
    }
  }, server.url);
  return page;
}

const heard = (page, type) => page.evaluate((type) => window.heard.filter(([found]) => found === type).map(([, data]) => data), type);

/** Publishes from a page with the session, and says what it may know of the answer. */
function publish(page, data, options = {}) {
  const body = JSON.stringify({ topics: ["news"], data });
  const headers = { "content-type": "application/json" };
  const request = { method: "POST", credentials: "include", headers, body, ...options };
  const send = ([url, request]) => fetch(url, request).then(({ status, type }) => `${type} ${status}`, () => "failed");
  return page.evaluate(send, [`${server.url}/publish`, request]);
}

test("a page of a listed origin reads and publishes with the session of its visitor", async () => {
  const reader = await page(listed);
  const [connected] = await eventually("it is connected", async () => {
    const found = await heard(reader, "connected");
    return found.length > 0 && found;
  });
  assert.equal(JSON.parse(connected).user, "ann");
  assert.equal(await publish(reader, "hello"), "cors 200");
  await eventually("it is heard", async () => (await heard(reader, "message")).includes("hello"));
  await reader.close();
});

test("a page of another origin reads nothing and publishes nothing", async () => {
  const reader = await page(listed);
  await eventually("it is connected", async () => (await heard(reader, "connected")).length > 0);
  const stranger = await page(other);
  await eventually("it is refused", async () => (await stranger.evaluate(() => window.source.readyState)) === 2);
  assert.deepEqual(await heard(stranger, "connected"), []);
  assert.equal(await publish(stranger, "evil"), "failed");
  // What needs nobody's leave gets through to the server, with the cookie, and is refused there.
  const simple = { mode: "no-cors", headers: { "content-type": "text/plain" } };
  assert.equal(await publish(stranger, "evil", simple), "opaque 0");
  assert.equal(await publish(reader, "last"), "cors 200");
  await eventually("it is heard", async () => (await heard(reader, "message")).includes("last"));
  assert.ok(!(await heard(reader, "message")).includes("evil"));
  await Promise.all([reader, stranger].map((page) => page.close()));
});
