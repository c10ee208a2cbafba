'use strict';

// Builds the addon for this machine, and puts it where it is looked for.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { target } = require('../src/target.js');

const root = path.join(__dirname, '..');

/** The library that cargo has built. */
function build() {
  const args = [
    ...['rustc', '--release', '--locked', '--package', 'tidings-node', '--lib'],
    ...['--message-format', 'json-render-diagnostics', '--', '-C', 'strip=symbols'],
  ];
  const { status, stdout } = spawnSync('cargo', args, {
    cwd: path.join(root, 'addon'),
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) process.exit(status ?? 1);
  const [artifact] = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .filter(({ target: built }) => built?.name === 'tidings_node' && built.kind.includes('cdylib'));
  return artifact.filenames.find((name) => /\.(so|dylib|dll)$/.test(name));
}

const built = build();
const folder = path.join(root, 'prebuilds', target());
fs.mkdirSync(folder, { recursive: true });
const file = path.join(folder, 'tidings.node');
// Put in its place in one step: a program that has the old file loaded keeps it, and one that loads it
// meanwhile gets the one or the other.
const copy = path.join(root, `.tidings.node.${process.pid}`);
fs.copyFileSync(built, copy);
fs.renameSync(copy, file);
console.log(path.relative(process.cwd(), file));
