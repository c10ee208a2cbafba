// The package as others get it: its size, its files, and the copy that the server takes into its binary.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bundle } from "../scripts/build.js";
import { entries, vendored } from "../scripts/vendor.js";

/** What a page loads at least: less than a small picture. */
const MAIN_BYTES = 6 * 1024;

const built = mkdtempSync(join(tmpdir(), "tidings-"));
const root = new URL("..", import.meta.url).pathname;
const read = (...path: string[]) => readFileSync(join(...path), "utf8");
const scripts = (folder: string) => readdirSync(folder).filter((name) => name.endsWith(".js")).sort();

beforeAll(() => bundle(built));
afterAll(() => rmSync(built, { recursive: true }));

test("the main entry is small", () => {
  expect(gzipSync(read(built, "index.js"), { level: 9 }).length).toBeLessThan(MAIN_BYTES);
});

test("the same sources make the same bytes", async () => {
  const again = mkdtempSync(join(tmpdir(), "tidings-"));
  await bundle(again);
  for (const name of scripts(built)) expect(read(again, name)).toBe(read(built, name));
  rmSync(again, { recursive: true });
});

test("what the server has in its binary is what these sources make: else, `npm run vendor`", () => {
  const there = scripts(built).filter((name) => entries.includes(name.slice(0, -3)));
  expect(scripts(vendored)).toEqual(there);
  for (const name of there) expect(read(vendored, name), name).toBe(read(built, name));
});

test("licences come along, here and there", () => {
  for (const name of ["LICENSE-MIT", "LICENSE-APACHE"]) {
    const text = read(root, "../..", name);
    expect(read(root, name)).toBe(text);
    expect(JSON.parse(read(root, "package.json")).files).toContain(name);
    expect(read(vendored, name)).toBe(text);
  }
  expect(read(built, "index.js")).toMatch(/^\/\*! @tidings\/browser .*MIT OR Apache-2.0 \*\//);
});

test("entries do not bring the main entry twice, nor React", () => {
  expect(read(built, "react.js")).toMatch(/from"\.\/index\.js"/);
  expect(read(built, "react.js")).toMatch(/from"react"/);
  expect(read(built, "react.js")).not.toMatch(/EventSource\(/);
  expect(read(built, "status.js")).not.toMatch(/\bimport\b/);
});

test("every entry of the package is built", () => {
  const { exports } = JSON.parse(read(root, "package.json"));
  const files = Object.values<string | { default: string }>(exports).map((entry) => (typeof entry === "string" ? entry : entry.default));
  const bundles = files.filter((file) => file.startsWith("./dist/")).map((file) => file.slice("./dist/".length));
  // The main entry loads what shares where it is needed.
  const loaded = [...read(built, "index.js").matchAll(/import\("\.\/(\w+\.js)"\)/g)].map(([, file]) => file!);
  expect(loaded).toEqual(["share.js"]);
  expect(scripts(built)).toEqual([...loaded, ...bundles].sort());
});
