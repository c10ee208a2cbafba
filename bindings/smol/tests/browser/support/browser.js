// Headless Chromium, and an EventSource in one of its pages.
// It does not know what is streamed.

import { chromium } from "playwright-core";
import { eventually } from "./wait.js";

/** With a back/forward cache where that is tested: it makes pages come and go otherwise. */
export function launch({ backForwardCache = false } = {}) {
  return chromium.launch({
    executablePath: "/usr/bin/chromium",
    headless: true,
    ignoreDefaultArgs: backForwardCache ? ["--disable-back-forward-cache"] : [],
    args: [
      "--no-sandbox",
      "--disable-dev-shm-usage",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

/** An EventSource in a page of its own, with all that it hears. */
export class Tab {
  static async open(browser, origin, query) {
    const tab = await Tab.load(browser, origin);
    await tab.listen(query);
    return tab;
  }

  /** A page that does not listen yet. */
  static async load(browser, origin) {
    const page = await browser.newPage();
    // Any page of the origin will do; this one has no script of its own.
    await page.goto(`${origin}/health`);
    return new Tab(page);
  }

  constructor(page) {
    this.page = page;
  }

  listen(query) {
    return this.page.evaluate((query) => {
      window.heard = [];
      window.source = new EventSource(`/events?${query}`);
      const note = (event) => {
        window.heard.push({ type: event.type, data: event.data, id: event.lastEventId, at: performance.now() });
      };
      for (const type of ["open", "error", "message", "connected", "gap", "bye"]) {
        window.source.addEventListener(type, note);
      }
    }, query);
  }

  heard() {
    return this.page.evaluate(() => window.heard);
  }

  /** The data of the events of one type. */
  async data(type = "message") {
    return (await this.heard()).filter((event) => event.type === type).map((event) => event.data);
  }

  state() {
    return this.page.evaluate(() => window.source.readyState);
  }

  /** Waits until so many events of one type were heard. */
  async waitFor(type, count = 1) {
    const look = async () => (await this.data(type)).length >= count;
    const seen = async () => JSON.stringify((await this.heard()).slice(-20));
    await eventually(`${count} times ${type}`, look, seen);
  }
}
