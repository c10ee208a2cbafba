// On a server there is no page: to import the package there does nothing, and breaks nothing.

import { expect, test } from "vitest";

test.each(["index", "status", "react"])("%s can be imported where there is no window", async (entry) => {
  expect(typeof globalThis.window).toBe("undefined");
  expect(Object.keys(await import(`../src/${entry}.ts`)).length).toBe(1);
});
