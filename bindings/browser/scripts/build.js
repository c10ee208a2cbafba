// Bundles each entry to one file in dist/, the same bytes each time.
//
// It does not know about types: tsc makes the declarations.

import { readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const { name, version, license } = JSON.parse(readFileSync(`${root}/package.json`, "utf8"));

/** Entries share what the main entry keeps in mind, so they import it where it lies beside them, and so does it
 * what not every page needs. */
const main = {
  name: "main",
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/(index|share)\.js$/ }, ({ path }) => ({ path, external: true }));
  },
};

/** Writes the bundles of entries to a folder. */
export function bundle(outdir, entries = ["index", "share", "worker", "status", "react"]) {
  return build({
    absWorkingDir: root,
    entryPoints: entries.map((entry) => `${root}/src/${entry}.ts`),
    outdir,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    external: ["react"],
    plugins: [main],
    banner: { js: `/*! ${name} ${version}, ${license} */` },
    legalComments: "none",
    logLevel: "warning",
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  rmSync(`${root}/dist`, { recursive: true, force: true });
  await bundle(`${root}/dist`);
}
