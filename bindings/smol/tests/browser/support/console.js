// The console in a page, as a person has it before them, and what the browser complains of meanwhile.
// It does not know what is tried.

import { faults } from "./axe.js";
import { eventually } from "./wait.js";

/** What Chromium says of each request that found no server, or was refused: that is shown in the page. */
const REFUSED = /^Failed to load resource: (net::ERR_|the server responded with a status of (400|401|403|429|503))/;

export class Console {
  /** Opens it; `page` may have been opened before with what it needs. */
  static async open(page, url, { hash = "", view = "console" } = {}) {
    const console = new Console(page);
    await page.addInitScript(() => {
      window.violations = [];
      addEventListener("securitypolicyviolation", (event) =>
        window.violations.push(`${event.violatedDirective}: ${event.blockedURI}`),
      );
    });
    await page.goto(`${url}/${hash}`);
    await console.view(view);
    return console;
  }

  constructor(page) {
    this.page = page;
    this.complaints = [];
    page.on("pageerror", (error) => this.complaints.push(String(error.stack)));
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type()) && !REFUSED.test(message.text()))
        this.complaints.push(message.text());
    });
  }

  /** All that went wrong where nobody looks. */
  async wrong() {
    return [...this.complaints, ...(await this.page.evaluate(() => window.violations))];
  }

  /** What keeps people from using it, as far as axe finds out. */
  faults() {
    return faults(this.page);
  }

  async view(name) {
    await this.page.waitForSelector(`body[data-view="${name}"]`);
  }

  async tab(name) {
    await this.page.getByRole("tab", { name }).click();
  }

  async connected() {
    await this.sees("#state", "connected");
  }

  /** Waits until an element has a text. */
  async sees(selector, text) {
    let seen;
    const look = async () => (seen = await this.text(selector))?.includes(text);
    await eventually(`${text} in ${selector}`, look, () => seen);
  }

  /** The text of the first that is there. */
  text(selector) {
    return this.page.evaluate((selector) => document.querySelector(selector)?.textContent ?? null, selector);
  }

  /** The lines of the feed, the newest first. */
  feed() {
    return this.page.evaluate(() =>
      [...document.querySelectorAll("#feed li")].map((line) => ({
        type: line.querySelector(".type").textContent,
        data: line.querySelector(".preview").textContent,
        id: line.querySelector(".id").textContent,
        kind: line.className,
      })),
    );
  }

  /** Waits for a line of the feed. */
  line(what, matches) {
    const look = async () => (await this.feed()).find(matches);
    return eventually(`${what} is in the feed`, look, async () => JSON.stringify((await this.feed()).slice(0, 10)));
  }

  async follow(topics) {
    await this.page.getByLabel("Topics and patterns").fill(topics);
    await this.page.getByRole("button", { name: "Follow" }).click();
  }

  /** Publishes with the form of the page. */
  async publish({ to = "news", type = "", data }) {
    await this.page.locator("#to").fill(to);
    await this.page.locator("#event").fill(type);
    await this.page.locator("#data").fill(data);
    await this.page.getByRole("button", { name: "Publish", exact: true }).click();
  }

  /** As if the tab were behind another, or before it again. */
  hide(hidden) {
    return this.page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      Object.defineProperty(document, "visibilityState", {
        configurable: true,
        get: () => (hidden ? "hidden" : "visible"),
      });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  }
}
