// The console of a server that wants tokens, in Chromium: who may see what, and what becomes of them as time passes.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { launch } from "./support/browser.js";
import { Console } from "./support/console.js";
import { Server, tidings } from "./support/programs.js";
import { eventually } from "./support/wait.js";

const directory = mkdtempSync(join(tmpdir(), "tidings-"));
const secret = join(directory, "secret");
const ALL = ["--subscribe", "**", "--publish", "**", "--publish-direct", "--console", "--metrics", "--admin"];
const KEY = "the-key-of-a-shop-that-is-long-enough-to-be-one";
/** A server where anyone may look around, and read some. */
const SETTINGS = `
[auth]
anonymous = { subscribe = ["public/**"], console = true }
[[auth.keys]]
name = "shop"
key_file = "${join(directory, "key")}"
access = { publish = ["**"], console = true, metrics = true }
`;
let server, open, browser, page, at;

before(async () => {
  writeFileSync(secret, "a secret that is long enough for HS256, and then some");
  writeFileSync(join(directory, "key"), KEY);
  const settings = join(directory, "tidings.toml");
  writeFileSync(settings, SETTINGS);
  server = await Server.start(["--jwt-secret-file", secret]);
  open = await Server.start(["--config", settings]);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await open?.stop();
  rmSync(directory, { recursive: true });
});

beforeEach(async () => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  page = await context.newPage();
  at = await Console.open(page, server.url, { view: "sign-in" });
});

afterEach(async () => {
  const wrong = await at.wrong();
  await page.context().close();
  assert.deepEqual(wrong, []);
});

/** A token, as an operator makes one. */
async function token(user, may, { expires = "1h", id } = {}) {
  const program = tidings(
    "token",
    "--secret-file",
    secret,
    "--user",
    user,
    "--expires",
    expires,
    ...(id ? ["--id", id] : []),
    ...may,
  );
  assert.equal(await program.end, 0, program.describe());
  return program.out.trim();
}

async function signIn(token) {
  await page.getByLabel("Token or key").fill(token);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

const button = (name) => page.getByRole("button", { name, exact: true });

test("nothing is shown before somebody has signed in, and a wrong token is refused in the server's words", async () => {
  assert.ok(await page.locator("#sections").isHidden());
  assert.ok(await page.getByRole("tablist").isHidden());
  assert.deepEqual(await at.faults(), []);
  await signIn("not.a.token");
  await eventually("it is refused", async () => (await at.text("#sign-in-error")) !== "");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  const asked = [];
  page.on("request", (request) => asked.push(request.url()));
  await signIn(await token("ann", ALL));
  await at.view("console");
  await at.connected();
  await at.sees("#who-name", "ann");
  assert.ok(
    asked.every((url) => !url.includes("eyJ")),
    "no token is in an address",
  );
});

test("it lasts as long as the tab, and is over when one signs out", async () => {
  await signIn(await token("ann", ALL));
  await at.connected();
  await page.reload();
  await at.view("console");
  await at.connected();
  assert.deepEqual(await page.evaluate(() => [localStorage.length, document.cookie]), [0, ""]);
  const other = await Console.open(await page.context().newPage(), server.url, { view: "sign-in" });
  await other.page.close();
  await page.locator("#who-name").click();
  await at.sees("#who-access", "May read**");
  await at.sees("#who-expires", "Until");
  await button("Sign out").click();
  await at.view("sign-in");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await page.reload();
  await at.view("sign-in");
});

test("with all rights it publishes, lists and closes", async () => {
  await signIn(await token("ann", ALL, { id: "tok-1" }));
  await at.connected();
  await at.tab("Live");
  await at.publish({ data: "hello" });
  await at.line("the event", ({ data }) => data === "hello");
  await at.tab("Overview");
  await at.sees("#more-published", "in all");
  await at.tab("Connections");
  const row = page.locator("#connections-list tbody tr", { hasText: "ann (this page)" });
  await row.waitFor();
  await row.locator(".link").click();
  await page.getByRole("dialog").getByText("tok-1").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

test("what a token does not allow is explained, and not asked for", async () => {
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await signIn(await token("bob", ["--subscribe", "news", "--subscribe", "rooms/*", "--console"]));
  await at.view("console");
  await at.connected();
  for (const [tab, panel, permission] of [
    ["Overview", "#overview", "metrics"],
    ["Topics", "#topics", "admin"],
    ["Connections", "#connections", "admin"],
  ]) {
    await at.tab(tab);
    assert.ok((await page.locator(`${panel} .denied`).innerText()).includes(`“${permission}”`));
    assert.ok(await page.locator(`${panel} .allowed`).isHidden());
  }
  await at.tab("Live");
  assert.ok((await page.locator("#publish .denied").innerText()).includes("“publish”"));
  assert.ok(await page.locator("#publish-form").isHidden());
  assert.equal(await page.getByLabel("Topics and patterns").inputValue(), "news rooms/*");
  assert.ok(!asked.some((path) => ["/stats", "/topics", "/connections"].includes(path)), asked.join());
  await at.follow("secret");
  await at.sees("#notices", '"secret" may not be subscribed to');
  await at.follow("news");
  await at.connected();
});

test("a token without the console is told so, and another can be taken", async () => {
  await signIn(await token("eve", ["--subscribe", "news"]));
  await at.view("refused");
  await at.sees("#refused-why", "“console”");
  assert.deepEqual(await at.faults(), []);
  await button("Sign in with another").click();
  await at.view("sign-in");
  await signIn(await token("ann", ALL));
  await at.view("console");
});

test("before a token ends a new one is asked for, and with it nothing is interrupted", async () => {
  // The server says so a minute before the end: at once.
  await signIn(await token("ann", ALL, { expires: "50s" }));
  await at.connected();
  await at.tab("Live");
  await at.sees("#notices", "Your token ends in");
  const renew = async (token) => {
    await page.getByLabel("New token").fill(token);
    await button("Go on").click();
  };
  await renew(await token("bob", ALL));
  await at.sees("#notices", "That token is for bob, not for ann");
  assert.deepEqual(await at.faults(), []);
  const less = ALL.filter((word) => word !== "--admin");
  await renew(await token("ann", less, { expires: "2h" }));
  await eventually("it is asked for no more", async () => (await at.text("#notices")) === "");
  await at.sees("#connections .denied", "“admin”");
  await page.locator("#who-name").click();
  await at.sees("#who-expires", "1 h 59 min");
  const own = JSON.parse((await at.feed()).find(({ type }) => type === "connected").data).connection;
  const good = await token("root", ALL);
  await eventually("the stream goes on with it", async () => {
    const response = await fetch(`${server.url}/connections/${own}`, { headers: { authorization: `Bearer ${good}` } });
    const { expires_ms } = await response.json();
    return expires_ms > Date.now() + 3_600_000;
  });
  assert.equal((await at.feed()).filter(({ type }) => type === "connected").length, 1);
});

test("a token that is refused ends it, and says why", async () => {
  await signIn(await token("ann", ALL, { id: "short-lived" }));
  await at.connected();
  const headers = { authorization: `Bearer ${await token("root", ALL)}`, "content-type": "application/json" };
  const revoked = await fetch(`${server.url}/revocations`, {
    method: "POST",
    headers,
    body: '{"token_id":"short-lived"}',
  });
  assert.equal(revoked.status, 200);
  await at.view("sign-in");
  await at.sees("#sign-in-why", "You were signed out");
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await signIn(await token("ann", ALL, { id: "another" }));
  await at.view("console");
  await at.connected();
});

test("where anyone may look, signing in is offered, and a key will do", async () => {
  await page.goto(open.url);
  await at.view("console");
  await at.connected();
  assert.equal(await page.getByLabel("Topics and patterns").inputValue(), "public/**");
  await at.sees("#overview .denied", "“metrics”");
  assert.ok(await page.locator("#who").isHidden());
  await button("Sign in").click();
  await at.view("sign-in");
  await button("Go on without").click();
  await at.view("console");
  await at.connected();
  await button("Sign in").click();
  await signIn(KEY);
  await at.view("console");
  await at.sees("#who-name", "a key");
  await at.sees("#more-published", "in all");
  await at.tab("Live");
  await at.publish({ to: "public/1", data: "from a shop" });
  await at.sees("#answer", "to 0 connections");
  await page.locator("#who-name").click();
  await button("Sign out").click();
  await at.connected();
  assert.ok(await page.locator("#publish-form").isHidden());
});
