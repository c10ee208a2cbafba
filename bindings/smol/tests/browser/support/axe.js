// What keeps people from using a page, as far as axe finds out.
// It does not know what is on it.

import { readFile } from "node:fs/promises";

/** The rules by which axe judges: WCAG 2.2 A and AA, and its own. */
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Each fault, and where it is. */
export async function faults(page) {
  await page.evaluate(await readFile(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8"));
  const { violations } = await page.evaluate((runOnly) => window.axe.run({ runOnly }), RULES);
  const where = ({ html, any }) => `${html} ${any.map(({ message }) => message)}`;
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(where).join("; ")}`);
}
