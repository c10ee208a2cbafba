// A page with a stream of the package, and all that it says.
//
// It does not know what is expected.

import { eventually } from "../../../../smol/tests/browser/support/wait.js";

export class Page {
  /** `options` are those of `connect`, with its URL; types are what is listened to. */
  static async open(browser, site, { url = "/events?topic=news", types = ["message", "gap", "bye"], token, ...options } = {}) {
    const page = await browser.newPage();
    if (token) await page.exposeFunction("token", token);
    await page.goto(`${site.url}/`);
    const one = new Page(page);
    await one.connect({ url, types, hasToken: !!token, ...options });
    return one;
  }

  constructor(page) {
    this.page = page;
  }

  connect(asked) {
    return this.page.evaluate(async ({ url, types, hasToken, ...options }) => {
      const { connect } = await import("/browser/index.js");
      if (hasToken) options.token = () => window.token();
      const stream = connect(url, { share: false, ...options });
      Object.assign(window, { stream, heard: [], statuses: [] });
      for (const type of types) stream.on(type, ({ type, data, id }) => window.heard.push({ type, data, id }));
      stream.watch((status) => window.statuses.push(status));
    }, asked);
  }

  status() {
    return this.page.evaluate(() => window.stream.status);
  }

  states() {
    return this.page.evaluate(() => window.statuses.map(({ state }) => state));
  }

  /** The data of the events of one type. */
  data(type = "message") {
    return this.page.evaluate((type) => window.heard.filter((event) => event.type === type).map(({ data }) => data), type);
  }

  waitForState(state) {
    const look = async () => (await this.status()).state === state;
    return eventually(`it is ${state}`, look, async () => JSON.stringify(await this.page.evaluate(() => window.statuses.slice(-20))));
  }

  waitFor(type, count = 1) {
    const look = async () => (await this.data(type)).length >= count;
    return eventually(`${count} times ${type}`, look, async () => JSON.stringify(await this.page.evaluate(() => [window.heard.slice(-5), window.statuses.slice(-5)])));
  }
}
