// On a server there is no page: to import the package there does nothing, and breaks nothing.

import { expect, test } from "vitest";

test("each entry can be imported where there is no window", async () => {
  expect(typeof globalThis.window).toBe("undefined");
  const { connect } = await import("../src/index.js");
  expect(connect).toBeInstanceOf(Function);
});
