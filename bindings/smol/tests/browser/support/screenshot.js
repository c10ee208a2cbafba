// Pictures of pages for the documentation, taken by the tests that show what the pages do.
// It does not know what is on them.

import { mkdir } from "node:fs/promises";

const DIRECTORY = new URL("../../../../../target/screenshots/", import.meta.url);

/** Takes a picture of a page into target/screenshots; `make screenshots` puts them beside the texts. */
export async function screenshot(page, name) {
  await mkdir(DIRECTORY, { recursive: true });
  await page.screenshot({ path: new URL(`${name}.png`, DIRECTORY).pathname, animations: "disabled" });
}
