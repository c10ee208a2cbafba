// The example chat_rooms with many people: it prints how long what is said takes to reach the last of them,
// and what that costs the server. Times are never asserted: they are the machine's, too.
//
// For the figures of its README, on a build for release:
//   TIDINGS=../../../../target/release/tidings node --test chat_load.test.js
// With TIDINGS_SOAK=true a hundred thousand come and go.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { empty, Person, rooms } from "./support/chat.js";
import { Example } from "./support/programs.js";
import { eventually } from "./support/wait.js";

/** People in the room, and how often one of them says something. */
const SIZES = [[1, 200], [10, 200], [100, 200], [1_000, 60]];

/** Sockets that are opened at a time. */
const AT_ONCE = 50;

let chat;

before(async () => {
  chat = await Example.start("chat_rooms");
});

after(() => chat?.stop());

/** Bytes of memory that the server holds. */
function memory() {
  const status = readFileSync(`/proc/${chat.program.child.pid}/status`, "utf8");
  return Number(status.match(/VmRSS:\s+(\d+) kB/)[1]) * 1_024;
}

/** Bytes of the server's log, which is kept for those who come back, up to its limits. */
async function log() {
  return (await chat.json("/stats")).log_bytes;
}

/** Microseconds that the server's threads were on a processor. */
function processor() {
  const tasks = `/proc/${chat.program.child.pid}/task`;
  const ran = (task) => Number(readFileSync(`${tasks}/${task}/schedstat`, "utf8").split(" ")[0]);
  return readdirSync(tasks).reduce((sum, task) => sum + ran(task), 0) / 1_000;
}

const mebibytes = (bytes) => (bytes / 2 ** 20).toFixed(1);

async function inTurns(count, open) {
  const all = [];
  for (let at = 0; at < count; at += AT_ONCE) {
    const some = [...Array(Math.min(AT_ONCE, count - at))].map((_, number) => open(at + number));
    all.push(...(await Promise.all(some)));
  }
  return all;
}

/** How long it takes from a message until all others have it, and who said it the answer, in ms. */
async function deliver(people, room, text) {
  let missing = people.length - 1;
  const heard = new Promise((resolve) => {
    if (!missing) resolve();
    for (const person of people) {
      person.listener = ({ event, data }) => {
        if (event !== "message" || !data.includes(text)) return;
        person.listener = () => {};
        missing -= 1;
        if (!missing) resolve();
      };
    }
  });
  const begin = performance.now();
  const [{ type }] = await Promise.all([people[0].say(room, text), heard]);
  assert.equal(type, "answer");
  return performance.now() - begin;
}

for (const [size, rounds] of SIZES) {
  test(`what one says reaches all of a room of ${size}`, async () => {
    const room = `load-${size}`;
    const quiet = { notes: false, rooms: [room] };
    const people = await inTurns(size, (at) => Person.enter(chat.url, `p${size}-${at}`, quiet));
    assert.deepEqual(await rooms(chat), [{ room, members: size, typing: 0 }]);
    // The first are warmer for those after them.
    for (let at = 0; at < 5; at++) await deliver(people, room, `warm ${at};`);
    const before = processor();
    const times = [];
    for (let at = 0; at < rounds; at++) times.push(await deliver(people, room, `number ${at};`));
    const each = (processor() - before) / (rounds * size);
    times.sort((a, b) => a - b);
    const at = (part) => times[Math.ceil(times.length * part) - 1].toFixed(2);
    console.log(`| ${size} | ${at(0.5)} ms | ${at(0.99)} ms | ${each.toFixed(1)} µs | ${mebibytes(memory())} MiB | ${mebibytes(await log())} MiB |`);
    for (const person of people) person.vanish();
    await empty(chat);
  });
}

test("people who come and go by the hundred leave nothing behind", async () => {
  const ROUNDS = process.env.TIDINGS_SOAK ? 1_000 : 24;
  const PEOPLE = 100;
  const sizes = [];
  const begin = performance.now();
  for (let round = 0; round < ROUNDS; round++) {
    const quiet = { notes: false, rooms: [`r${round}`] };
    const people = await inTurns(PEOPLE, (at) => Person.enter(chat.url, `p${at}-${round}`, quiet));
    await Promise.all(people.map((person, at) => (at % 2 ? person.vanish() : person.leave())));
    await empty(chat);
    sizes.push(memory() - (await log()));
  }
  const seconds = (performance.now() - begin) / 1_000;
  const half = sizes.slice(ROUNDS / 2);
  const grown = half.at(-1) - half[0];
  console.log(`${ROUNDS * PEOPLE} came and went in ${seconds.toFixed(1)} s; the last ${(ROUNDS / 2) * PEOPLE} left ${mebibytes(grown)} MiB more than was there, beside what the log took`);
  assert.ok(grown < 4 * 2 ** 20, `${sizes.map(mebibytes)}`);
  await eventually("no stream is left", async () => (await chat.json("/stats")).connections === 0);
});
