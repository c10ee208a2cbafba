'use strict';

// What is published: its files, and that it works in a project that has nothing else.

const assert = require('node:assert/strict');
const { execFile } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');
const { promisify } = require('node:util');
const { target } = require('../src/target.js');

const root = path.join(__dirname, '..');
const run = promisify(execFile);
const npm = (args, cwd) =>
  run('npm', [...args, '--offline', '--no-audit', '--no-fund'], { cwd, timeout: 120_000 });

let folder;
let files;

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'tidings-package-'));
  const { stdout } = await npm(['pack', '--json', '--pack-destination', folder], root);
  const [packed] = JSON.parse(stdout);
  files = packed.files.map((file) => file.path);
  fs.writeFileSync(path.join(folder, 'package.json'), '{"name":"empty","private":true}');
  await npm(['install', '--ignore-scripts', path.join(folder, packed.filename)], folder);
});

after(() => fs.rmSync(folder, { recursive: true, force: true }));

const write = (name, text) => fs.writeFileSync(path.join(folder, name), text);

test('the package has what it needs, and nothing else', () => {
  const sources = fs.readdirSync(path.join(root, 'src')).map((name) => `src/${name}`);
  const builds = fs.readdirSync(path.join(root, 'prebuilds')).map((name) => `prebuilds/${name}/tidings.node`);
  assert.ok(builds.includes(`prebuilds/${target()}/tidings.node`));
  const others = ['README.md', 'index.d.mts', 'index.d.ts', 'index.mjs', 'package.json'];
  assert.deepEqual(files.sort(), [...others, ...sources, ...builds].sort());
  const { scripts, dependencies } = JSON.parse(fs.readFileSync(path.join(root, 'package.json')));
  assert.equal(dependencies, undefined);
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare'])
    assert.equal(scripts[name], undefined);
});

test('import and require give the same names, of the same classes', async () => {
  write('use.cjs', "const t = require('tidings'); console.log(Object.keys(t).sort().join());");
  const { stdout: required } = await run(process.execPath, ['use.cjs'], { cwd: folder });
  write(
    'use.mjs',
    `import * as all from 'tidings';
     import { Decoder, TidingsError, decode } from 'tidings';
     import { createRequire } from 'node:module';
     const other = createRequire(import.meta.url)('tidings');
     console.log(Object.keys(all).sort().join());
     for await (const event of decode(['data: works\\n\\n'])) console.log(event.data);
     try { new other.Decoder({ wrong: 1 }); } catch (error) { console.log(error instanceof TidingsError); }`,
  );
  const { stdout: imported } = await run(process.execPath, ['use.mjs'], { cwd: folder });
  assert.equal(imported, `${required}works\ntrue\n`);
});

test('its types are found by projects of both kinds', async () => {
  const types = path.join(root, 'test/types');
  for (const name of ['esm.mts', 'cjs.cts']) fs.copyFileSync(path.join(types, name), path.join(folder, name));
  write(
    'old.ts',
    "import { Decoder } from 'tidings'; export const events: { data: string }[] = new Decoder().decode('');",
  );
  const common = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022,esnext.disposable'];
  const known = ['--types', 'node', '--typeRoots', path.join(root, 'node_modules/@types')];
  const tsc = (...args) => {
    const all = [path.join(root, 'node_modules/typescript/bin/tsc'), ...common, ...known, ...args];
    return run(process.execPath, all, { cwd: folder }).catch(({ stdout }) => assert.fail(stdout));
  };
  await tsc('--module', 'nodenext', 'esm.mts', 'cjs.cts');
  await tsc('--module', 'commonjs', '--moduleResolution', 'node10', 'old.ts');
});
