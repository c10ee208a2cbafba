// The indicator in Chromium: on a page without a bundler, in light and in dark.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch } from "../../../smol/tests/browser/support/browser.js";
import { Server } from "../../../smol/tests/browser/support/programs.js";
import { eventually } from "../../../smol/tests/browser/support/wait.js";
import { Page } from "./support/page.js";
import { Site } from "./support/site.js";

let browser;
let server;
let site;

before(async () => {
  browser = await launch();
  server = await Server.start();
  site = await Site.start(server.port);
});

after(async () => {
  await browser?.close();
  await site?.close();
  await server?.stop();
});

/** What can be seen of the indicator, and what a screen reader gets. */
function look({ page }) {
  return page.evaluate(() => {
    const element = document.querySelector("tidings-status");
    const part = (name) => element.shadowRoot.querySelector(`[part=${name}]`);
    return {
      state: element.getAttribute("state"),
      text: part("text").textContent,
      heard: element.shadowRoot.querySelector("[role=status]").textContent,
      colour: getComputedStyle(part("dot")).backgroundColor,
      canRetry: part("retry").checkVisibility(),
    };
  });
}

const becomes = (one, state) => eventually(`it shows ${state}`, async () => (await look(one)).state === state, async () => JSON.stringify(await look(one)));

test("it is green, yellow with the seconds and a button, and green again", async () => {
  const one = await Page.open(browser, site, { delays: [60_000] });
  await one.page.evaluate(async () => {
    document.documentElement.style.colorScheme = "light dark";
    await import("/browser/status.js");
    const element = document.createElement("tidings-status");
    element.stream = window.stream;
    document.body.append(element);
  });
  await becomes(one, "connected");
  const light = await look(one);
  assert.equal(light.colour, "rgb(23, 122, 60)");
  assert.equal(light.canRetry, false);
  await one.page.emulateMedia({ colorScheme: "dark" });
  assert.equal((await look(one)).colour, "rgb(74, 194, 116)");
  await one.page.addStyleTag({ content: "tidings-status { --tidings-connected: rgb(1, 2, 3) }" });
  assert.equal((await look(one)).colour, "rgb(1, 2, 3)");

  site.way = () => "cut";
  site.cut();
  await becomes(one, "reconnecting");
  await eventually("it says how long", async () => /^Reconnecting in \d+ s$/.test((await look(one)).text));
  assert.equal((await look(one)).heard, "Reconnecting …");
  site.way = () => "pass";
  await one.page.getByRole("button", { name: "Retry now" }).click();
  await becomes(one, "connected");
  assert.equal((await look(one)).canRetry, false);
});
