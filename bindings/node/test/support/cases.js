'use strict';

// The cases of the wire format, from the Markdown files of the core. `core/tests/wire/README.md` says how
// they are written down, and the core's own tests that all are well-formed.

const fs = require('node:fs');
const path = require('node:path');

const folder = path.join(__dirname, '../../../../core/tests/wire');

const simple = { n: '\n', r: '\r', t: '\t', 0: '\0', '\\': '\\', '"': '"' };
const escapes = /\\(?:([nrt0\\"])|x([0-9a-f]{2})|u\{([0-9a-f]+)\}|\{(\d+)\*([^}]*)\})/gi;

/** The bytes that are written so. */
function bytes(written) {
  const parts = [];
  let from = 0;
  for (const match of written.matchAll(escapes)) {
    const [all, letter, byte, character, times, part] = match;
    parts.push(Buffer.from(written.slice(from, match.index)));
    from = match.index + all.length;
    if (letter !== undefined) parts.push(Buffer.from(simple[letter]));
    else if (byte !== undefined) parts.push(Buffer.from(byte, 'hex'));
    else if (character !== undefined)
      parts.push(Buffer.from(String.fromCodePoint(Number.parseInt(character, 16))));
    else parts.push(...Array.from({ length: Number(times) }, () => bytes(part)));
  }
  parts.push(Buffer.from(written.slice(from)));
  return Buffer.concat(parts);
}

/** The pairs of a line: words, each with a text or a number. */
function pairs(line) {
  const found = {};
  for (const [, word, text, number] of line.matchAll(/(\w+) (?:"((?:[^"\\]|\\.)*)"|(\d+))/g)) {
    found[word] = text === undefined ? Number(number) : bytes(text).toString();
  }
  return found;
}

function readOptions(lines) {
  const options = {};
  for (const line of lines) {
    if (line === 'comments') options.comments = true;
    else Object.assign(options, pairs(line));
  }
  return options;
}

/** What is expected, as `replay` collects it. */
function readEvents(lines) {
  const seen = lines.filter((line) => line !== 'nothing').map(pairs);
  const end = Object.keys(seen.at(-1) ?? {}).join() === 'last' ? seen.pop() : { last: '' };
  return { seen, last: end.last };
}

function readCase(file, [title, ...lines]) {
  const blocks = [];
  let block;
  for (const line of lines) {
    if (line === '```') block = undefined;
    else if (line.startsWith('```')) blocks.push((block = { label: line.slice(3), lines: [] }));
    else block?.lines.push(line);
  }
  const all = (label) => blocks.filter((one) => one.label === label).map((one) => one.lines);
  const [events] = all('events');
  const joined = (one) => bytes(one.join(''));
  return {
    name: `${file}: ${title.slice(3)}`,
    options: readOptions(all('options').flat()),
    // What a writer makes is read as well.
    streams: [...all('stream'), ...all('bytes')].map(joined),
    expected: events && readEvents(events),
  };
}

/** All cases that say what is read. */
function cases() {
  const files = fs.readdirSync(folder).filter((name) => name.endsWith('.md') && name !== 'README.md');
  return files.flatMap((file) => {
    const lines = fs.readFileSync(path.join(folder, file), 'utf8').split('\n');
    const starts = lines.flatMap((line, at) => (line.startsWith('## ') ? [at] : []));
    return starts
      .map((start, index) => readCase(file, lines.slice(start, starts[index + 1])))
      .filter(({ expected }) => expected !== undefined);
  });
}

module.exports = { cases };
