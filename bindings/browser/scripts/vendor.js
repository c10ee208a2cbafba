// Builds what the server serves to pages, and puts it where the server takes it into its binary:
// `npm run vendor`. A test fails while that is not what the sources make.
//
// It does not know under which paths it is served.

import { copyFileSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { bundle } from "./build.js";

/** What pages can load without a bundler. React's hook is for applications that have one. */
export const entries = ["index", "share", "worker", "status"];
export const vendored = fileURLToPath(new URL("../../smol/console/vendor/tidings", import.meta.url));

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  rmSync(vendored, { recursive: true, force: true });
  mkdirSync(vendored, { recursive: true });
  await bundle(vendored, entries);
  for (const licence of ["LICENSE-MIT", "LICENSE-APACHE"]) copyFileSync(new URL(`../${licence}`, import.meta.url), `${vendored}/${licence}`);
}
