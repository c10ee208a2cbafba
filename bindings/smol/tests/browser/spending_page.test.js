// The page of the example spending_alerts in Chromium, as its users have it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "./support/browser.js";
import { Proxy } from "./support/proxy.js";
import { screenshot } from "./support/screenshot.js";
import { AGUS, BUDI, DEWI, SARI, Spending } from "./support/spending.js";
import { eventually } from "./support/wait.js";

let browser;

before(async () => {
  browser = await launch();
});

after(async () => {
  await browser?.close();
});

/** The page in a window of its own, which is closed with the test. */
class Window {
  static async open(t, url, user, options) {
    const context = await browser.newContext({ viewport: { width: 1100, height: 760 }, ...options });
    t.after(() => context.close());
    return Window.tab(context, url, user);
  }

  static async tab(context, url, user) {
    const page = await context.newPage();
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`${url}/#${user}`);
    return new Window(page, complaints);
  }

  constructor(page, complaints) {
    this.page = page;
    this.complaints = complaints;
  }

  text(selector) {
    return this.page.locator(selector).textContent();
  }

  async waitFor(selector, text) {
    let seen;
    const look = async () => (seen = await this.text(selector)).includes(text);
    await eventually(`${text} in ${selector}`, look, () => `${seen}; ${this.complaints}`);
  }

  state() {
    return this.page.locator("tidings-status").getAttribute("state");
  }

  async waitForState(state) {
    let seen;
    await eventually(`it is ${state}`, async () => (seen = await this.state()) === state, () => seen);
  }

  /** What it says has happened, the first first. */
  async feed() {
    const lines = await this.page.locator("#feed li span").allTextContents();
    return lines.reverse().map((line) => line.replaceAll("\u00a0", " "));
  }

  async waitForFeed(lines) {
    let seen = [];
    await eventually("it is in the feed", async () => (seen = await this.feed()).length >= lines.length, () => seen.join("; "));
    assert.deepEqual(seen, lines);
  }

  async spend(amount) {
    await this.page.getByLabel("Another amount").fill(amount);
    await this.page.getByRole("button", { name: "Spend", exact: true }).click();
  }
}

test("who spends sees the alert come, and go when the limit is raised", async (t) => {
  const alerts = await Spending.start(t);
  const budi = await Window.open(t, alerts.url, BUDI);
  await budi.waitForState("connected");
  await budi.waitFor("#percent", "68.25%");
  assert.equal(await budi.text("#alert"), "");
  await budi.page.getByRole("button", { name: "Coffee" }).click();
  await budi.waitFor("#percent", "75.25%");
  await budi.spend("48750.25");
  await budi.waitFor("#percent", "85%");
  await budi.waitFor("[role=alert]", "Rp\u00a074,999.25");
  assert.equal(await budi.page.getByRole("meter").getAttribute("aria-valuenow"), "85");
  await budi.waitForFeed(["Spent Rp 35,000", "Spent Rp 48,750.25"]);
  await screenshot(budi.page, "spending_alerts");
  await budi.page.getByRole("button", { name: "Groceries" }).click();
  await budi.waitFor("#badge", "over the limit");
  await budi.waitFor("[role=alert]", "Rp\u00a0165,000.75 more than the limit");
  await budi.page.getByLabel("At most").fill("1000000");
  await budi.page.getByRole("button", { name: "Set" }).click();
  await budi.waitFor("#badge", "all is well");
  assert.equal(await budi.text("#alert"), "");
  assert.deepEqual(budi.complaints, []);
});

test("all windows of a user hear of it, and nobody else's", async (t) => {
  const alerts = await Spending.start(t);
  const [one, two] = [await Window.open(t, alerts.url, SARI), await Window.open(t, alerts.url, SARI)];
  const tab = await Window.tab(one.page.context(), alerts.url, SARI);
  const other = await Window.open(t, alerts.url, BUDI);
  for (const window of [one, two, tab, other]) {
    await window.waitForState("connected");
    await window.waitFor("#percent", "%");
  }
  assert.equal((await alerts.health(SARI)).connectedClients, 2, "tabs of one browser share a stream");
  await one.spend("1000");
  await alerts.spend(SARI, "0.5");
  for (const window of [one, two, tab]) {
    await window.waitForFeed(["Spent Rp 1,000", "Spent Rp 0.50"]);
    await window.waitFor("#sums", "Rp\u00a0268,000.50");
  }
  await alerts.spend(BUDI, "7");
  await other.waitForFeed(["Spent Rp 7"]);
});

test("another person can be chosen, with what is theirs alone", async (t) => {
  const alerts = await Spending.start(t);
  const window = await Window.open(t, alerts.url, SARI);
  await window.waitFor("#percent", "133.5%");
  await window.page.getByText("Budi", { exact: true }).click();
  await window.waitFor("#percent", "68.25%");
  await window.waitForState("connected");
  await eventually("her stream is closed", async () => (await alerts.health(SARI)).connectedClients === 0);
  await alerts.spend(SARI, "1");
  await alerts.spend(BUDI, "2");
  await window.waitForFeed(["Spent Rp 2"]);
});

test("who is not active is told so", async (t) => {
  const alerts = await Spending.start(t);
  const window = await Window.open(t, alerts.url, DEWI);
  await window.waitFor("#refused", "this account is not active");
  await window.waitForState("failed");
  assert.equal(await window.page.locator("#spend").isVisible(), false);
});

test("where the period is over nothing counts, and the server says why", async (t) => {
  const alerts = await Spending.start(t);
  const window = await Window.open(t, alerts.url, AGUS);
  await window.waitFor("#badge", "the period is over");
  await window.spend("5");
  await window.waitFor("#spend output", "the period of this limit is over");
  await window.page.getByText("Budi", { exact: true }).click();
  await window.waitFor("#badge", "all is well");
  await window.spend("12,5");
  await window.waitFor("#spend output", "an amount is digits");
  assert.deepEqual(await window.feed(), []);
});

test("a page that was cut off shows all that it missed", async (t) => {
  const alerts = await Spending.start(t);
  const proxy = await Proxy.start(alerts.example.port);
  t.after(() => proxy.close());
  const window = await Window.open(t, proxy.url, BUDI);
  await window.waitForState("connected");
  await window.waitFor("#percent", "68.25%");
  await eventually("its stream is open", async () => (await alerts.health(BUDI)).connectedClients === 1);
  // Until all is spent, nothing gets through.
  proxy.cutAfter({ below: () => 0 }, 1);
  proxy.cut();
  await window.waitForState("reconnecting");
  for (const amount of ["1", "2.5", "3"]) await alerts.spend(BUDI, amount);
  proxy.stopCutting();
  await window.waitForFeed(["Spent Rp 1", "Spent Rp 2.50", "Spent Rp 3"]);
  await window.waitFor("#sums", "Rp\u00a0341,257");
  await window.waitForState("connected");
});

test("after a restart of the server, which signs anew, the page comes back by itself", async (t) => {
  const alerts = await Spending.start(t);
  const window = await Window.open(t, alerts.url, BUDI);
  await window.waitForState("connected");
  await alerts.spend(BUDI, "100000");
  await window.waitFor("#badge", "alert");
  await alerts.stop("SIGTERM");
  await window.waitForState("reconnecting");
  const again = await Spending.start(t, {}, alerts.example.port);
  await window.waitForState("connected");
  // It has forgotten what was spent.
  await window.waitFor("#percent", "68.25%");
  await again.spend(BUDI, "5000");
  await window.waitFor("#percent", "69.25%");
  await window.spend("5000");
  await window.waitFor("#percent", "70.25%");
});

test("a page outlives its tokens", async (t) => {
  const alerts = await Spending.start(t, { SPENDING_TOKEN_S: "2" });
  const window = await Window.open(t, alerts.url, BUDI);
  const opened = () => alerts.program.err.split("SSE stream opened").length - 1;
  const ended = () => alerts.program.err.includes('reason="expired"');
  await window.waitForState("connected");
  await eventually("a stream has ended with its token, and another is open", () => ended() && opened() > 1);
  await window.spend("1000");
  await window.waitForFeed(["Spent Rp 1,000"]);
  assert.deepEqual(window.complaints, []);
});

test("it fits a telephone, in the dark", async (t) => {
  const alerts = await Spending.start(t);
  const options = { viewport: { width: 340, height: 700 }, colorScheme: "dark" };
  const window = await Window.open(t, alerts.url, SARI, options);
  await window.waitFor("#percent", "133.5%");
  const [wide, dark] = await window.page.evaluate(() => [
    document.documentElement.scrollWidth,
    getComputedStyle(document.body).backgroundColor,
  ]);
  assert.deepEqual([wide, dark], [340, "rgb(23, 22, 20)"]);
});
