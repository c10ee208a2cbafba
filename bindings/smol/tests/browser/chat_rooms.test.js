// The example chat_rooms as people use it: pages in Chromium, the dashboard, and event streams beside.
// What sockets may say is in chat_sockets.test.js, and figures in chat_load.test.js.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { faults } from "./support/axe.js";
import { launch, Tab } from "./support/browser.js";
import { empty, Person, rooms, Visitor } from "./support/chat.js";
import { Example } from "./support/programs.js";
import { Proxy } from "./support/proxy.js";
import { screenshot } from "./support/screenshot.js";
import { chance, eventually } from "./support/wait.js";

let browser;

before(async () => {
  browser = await launch();
});

after(() => browser?.close());

/** The example, and a window of its own for this test. */
async function start(t, { env = {}, ...look } = {}) {
  const chat = await Example.start("chat_rooms", { env });
  t.after(() => chat.stop());
  const context = await browser.newContext({ viewport: { width: 1100, height: 760 }, ...look });
  t.after(() => context.close());
  const errors = [];
  context.on("weberror", (error) => errors.push(String(error.error())));
  t.after(() => assert.deepEqual(errors, [], "no script fails"));
  return { chat, context };
}

/** A number of the dashboard. */
async function number(page, id) {
  return Number((await page.locator(`#${id}`).textContent()).replace(/\D/g, "") || Number.NaN);
}

test("two and three people talk in rooms, and an event stream hears the same", async (t) => {
  const { chat, context } = await start(t);
  const reader = await Tab.load(context, chat.url);
  await reader.listen("topic=rooms/lobby");
  await reader.waitFor("connected");
  const ada = await Visitor.enter(context, chat.url, "Ada");
  await ada.seesMembers("Ada (you)");
  const bob = await Visitor.enter(context, chat.url, "Bob");
  await ada.seesMembers("Ada (you)", "Bob");
  await bob.seesMembers("Ada", "Bob (you)");
  assert.deepEqual(await ada.notes(), ["Bob joined"]);
  await bob.page.getByLabel("What you say", { exact: true }).pressSequentially("Hel");
  await ada.page.getByText("Bob is typing…").waitFor();
  await bob.say("Hello Ada, <b>not bold</b> 🦀");
  await ada.seesLine("Bob: Hello Ada, <b>not bold</b> 🦀");
  await ada.sees("nobody type", () => ada.page.locator("#typing").textContent(), (text) => text === "");
  await ada.page.getByLabel("What you say", { exact: true }).fill("Hello Bob");
  await ada.page.getByRole("button", { name: "Send" }).click();
  await bob.seesLine("Ada: Hello Bob");
  for (const one of [ada, bob]) assert.deepEqual(await one.lines(), ["Bob: Hello Ada, <b>not bold</b> 🦀", "Ada: Hello Bob"]);
  // A third comes, and two of them have a room of their own, too.
  const chloe = await Visitor.enter(context, chat.url, "Chloé", ["ideas"]);
  assert.deepEqual(await chloe.lines(), [], "who comes later has not heard what was said");
  await ada.join("ideas");
  await ada.seesMembers("Ada (you)", "Chloé");
  await ada.page.getByLabel("Another room").focus();
  const there = ada.page.locator("#there option");
  await ada.sees("which rooms there are", () => there.evaluateAll((all) => all.map(({ value }) => value)), (all) => all.join() === "ideas,lobby");
  await bob.say("Is anybody here?");
  await bob.say("Anybody?");
  await ada.sees("two unread", () => ada.page.getByLabel("lobby, 2 unread").count(), (count) => count === 1);
  assert.equal(await ada.page.title(), "(2) Chat rooms");
  const ideas = [
    [chloe, "What if we saw who is typing?"],
    [ada, "We do: look above the field"],
    [chloe, "Ah! And when the train goes through a tunnel?"],
    [ada, "Then it comes back by itself, and has what was said meanwhile"],
    [ada, "Nothing twice, too"],
    [chloe, "And who only wants to read?"],
    [ada, "Follows rooms/ideas as an event stream"],
  ];
  for (const [one, text] of ideas) {
    await one.say(text);
    await (one === ada ? chloe : ada).seesLine(`${one.name}: ${text}`);
  }
  await chloe.page.getByLabel("What you say", { exact: true }).pressSequentially("Oh");
  await ada.page.getByText("Chloé is typing…").waitFor();
  await screenshot(ada.page, "chat_rooms");
  await ada.look("lobby");
  await ada.seesLine("Bob: Anybody?");
  assert.equal(await ada.page.title(), "Chat rooms");
  assert.equal((await bob.lines()).length, 4, "who is not in a room hears nothing of it");
  // Leaving is seen, whether it is said or not.
  await chloe.look("lobby");
  await chloe.page.getByRole("button", { name: "Leave" }).click();
  await bob.sees("that she left", bob.notes, (notes) => notes.at(-1) === "Chloé left");
  await bob.seesMembers("Ada", "Bob (you)");
  await chloe.sees("one room", () => chloe.page.locator("#rooms button").allTextContents(), (names) => names.join() === "ideas");
  await ada.page.close();
  await bob.sees("that she left", bob.notes, (notes) => notes.at(-1) === "Ada left");
  await chloe.page.getByRole("button", { name: "Leave" }).click();
  await chloe.page.getByText("You are in no room: join one.").waitFor();
  assert.deepEqual(await rooms(chat), [{ room: "lobby", members: 1, typing: 0 }]);
  const texts = (await reader.data("message")).map((data) => JSON.parse(data)).map(({ name, text }) => `${name}: ${text}`);
  assert.deepEqual(texts, await bob.lines());
});

test("a person with two windows is there once, and sees in both what is said in either", async (t) => {
  const { chat, context } = await start(t);
  const bob = await Visitor.enter(context, chat.url, "Bob");
  const [one, two] = [await Visitor.enter(context, chat.url, "Ada"), await Visitor.enter(context, chat.url, "Ada")];
  await bob.seesMembers("Ada", "Bob (you)");
  await one.say("from one");
  await two.seesLine("Ada: from one");
  await two.say("from two");
  await one.seesLine("Ada: from two");
  await one.page.getByLabel("What you say", { exact: true }).pressSequentially("x");
  await bob.page.getByText("Ada is typing…").waitFor();
  assert.equal(await two.page.locator("#typing").textContent(), "", "nobody is told that they type");
  await one.page.close();
  await bob.sees("that nobody types", () => bob.page.locator("#typing").textContent(), (text) => text === "");
  await bob.say("still there?");
  await two.seesLine("Bob: still there?");
  assert.deepEqual(await bob.notes(), ["Ada joined"]);
  await two.page.close();
  await bob.sees("that she left", bob.notes, (notes) => notes.at(-1) === "Ada left");
  await bob.seesMembers("Bob (you)");
});

test("through cuts nothing is lost, nothing doubled, and what is said meanwhile is said then", async (t) => {
  const { chat, context } = await start(t);
  const proxy = await Proxy.start(chat.port);
  t.after(() => proxy.close());
  const ada = await Visitor.enter(context, proxy.url, "Ada", ["ideas"]);
  const bob = await Visitor.enter(context, chat.url, "Bob", ["ideas"]);
  const hers = [];
  const his = [];
  const random = chance();
  for (let round = 0; round < 6; round++) {
    // She is cut off at a chosen moment: when her words have come, and she does not know it yet.
    if (round % 2) proxy.cutNext('{"at_ms":');
    for (let at = 0; at < 5; at++) {
      hers.push(`hers ${round}.${at}`);
      his.push(`his ${round}.${at}`);
      await ada.say(hers.at(-1));
      await bob.say(his.at(-1));
      if (at === 2) proxy.cut();
      if (at === 2 && round === 0) proxy.cutAfter(random, 2_000);
    }
    proxy.stopCutting();
    await ada.hurry();
    await ada.sees("what he said last", ada.lines, (lines) => lines.includes(`Bob: ${his.at(-1)}`));
    await bob.sees("what she said last", bob.lines, (lines) => lines.includes(`Ada: ${hers.at(-1)}`));
  }
  for (const one of [ada, bob]) {
    const lines = await one.lines();
    assert.deepEqual(lines.filter((line) => line.startsWith("Bob")), his.map((text) => `Bob: ${text}`));
    assert.deepEqual(lines.filter((line) => line.startsWith("Ada")), hers.map((text) => `Ada: ${text}`));
  }
  await ada.sees("all as said", () => ada.page.locator("#said .waiting").count(), (count) => count === 0);
  assert.deepEqual(await ada.page.locator("#said .gap").allTextContents(), []);
  // She is back in both rooms, once.
  await ada.look("lobby");
  await ada.seesMembers("Ada (you)", "Bob");
  assert.deepEqual(await rooms(chat), [{ room: "ideas", members: 2, typing: 0 }, { room: "lobby", members: 2, typing: 0 }]);
});

test("a page that hears nothing for too long comes back by itself", async (t) => {
  const { chat, context } = await start(t);
  const proxy = await Proxy.start(chat.port);
  t.after(() => proxy.close());
  const bob = await Visitor.enter(context, chat.url, "Bob");
  await context.clock.install();
  const ada = await Visitor.enter(context, proxy.url, "Ada");
  const { connections } = proxy;
  await ada.page.clock.fastForward(76_000);
  await ada.sees("another connection", () => proxy.connections, (count) => count > connections);
  await ada.hurry();
  await bob.say("here?");
  await ada.seesLine("Bob: here?");
  await ada.say("here");
  await bob.seesLine("Ada: here");
  await bob.seesMembers("Ada", "Bob (you)");
});

test("after a restart of the server pages are back in their rooms, and say what may be missing", async (t) => {
  const { chat, context } = await start(t);
  const [ada, bob] = [await Visitor.enter(context, chat.url, "Ada", ["ideas"]), await Visitor.enter(context, chat.url, "Bob", ["ideas"])];
  await ada.say("before");
  await bob.seesLine("Ada: before");
  await chat.stop();
  for (const one of [ada, bob]) await one.sees("that it is cut off", one.state, (state) => state === "reconnecting");
  await ada.say("while nobody listens");
  const again = await Example.start("chat_rooms", { port: chat.port });
  t.after(() => again.stop());
  await ada.hurry();
  await bob.hurry();
  await bob.seesLine("Ada: while nobody listens");
  for (const one of [ada, bob]) {
    await one.sees("that it is back", one.state, (state) => state === "connected");
    await one.sees("both", one.members, (members) => members.length === 2);
    assert.deepEqual(await one.lines(), ["Ada: before", "Ada: while nobody listens"]);
    const gaps = await one.page.locator("#said .gap").allTextContents();
    assert.deepEqual(gaps, ["What was said meanwhile could not be caught up with: something may be missing here"]);
  }
  await bob.say("and on");
  await ada.seesLine("Bob: and on");
  // One that stops in order is waited for, too: what is said meanwhile is said before it, or after.
  const stopped = again.stop("SIGTERM");
  const more = ["one", "two", "three"];
  for (const text of more) await ada.say(text);
  await stopped;
  const third = await Example.start("chat_rooms", { port: chat.port });
  t.after(() => third.stop());
  for (const one of [ada, bob]) await one.hurry();
  await bob.seesLine("Ada: three");
  const lines = (await bob.lines()).slice(3);
  assert.deepEqual(lines, more.map((text) => `Ada: ${text}`));
});

test("where there is too much of something, the page says so in words", async (t) => {
  const { chat, context } = await start(t, { env: { CHAT_SEATS: "2", CHAT_ROOMS: "2", CHAT_MEMBERS: "1" } });
  const problem = (visitor, text) => visitor.page.locator("#problem", { hasText: text }).waitFor();
  const ada = await Visitor.enter(context, chat.url, "Ada");
  const bob = await Person.enter(chat.url, "bob", { rooms: ["hall"] });
  const chloe = new Visitor(await context.newPage(), "Chloé");
  await chloe.load(chat.url);
  await problem(chloe, "all 2 seats are taken: try again later");
  await chloe.sees("that it is tried again", chloe.state, (state) => state === "reconnecting");
  await ada.enters("Another room", "hall");
  await problem(ada, "1 are in this room: try again when somebody has left");
  await ada.enters("Another room", "another");
  await problem(ada, "there are 2 rooms already: join one of them");
  await ada.enters("Another room", "a/b");
  await problem(ada, "the name of a room is 1 to 40 bytes: letters, digits, - and _");
  assert.deepEqual(await ada.page.locator("#rooms button").allTextContents(), ["lobby"], "she is where she was");
  await ada.page.getByLabel("What you say", { exact: true }).evaluate((input) => input.removeAttribute("maxlength"));
  await ada.say("x".repeat(1_001));
  await ada.page.getByText("Not said: a text has 1 to 1000 characters").waitFor();
  // A seat is free: who waited comes in, finds the lobby full, and takes another room.
  await bob.vanish();
  await problem(chloe, "1 are in this room: try again when somebody has left");
  await chloe.join("hall");
  await chloe.seesMembers("Chloé (you)");
  const dan = new Visitor(await context.newPage(), "   ");
  await dan.load(chat.url);
  await problem(dan, "a name has 1 to 24 characters, in one line");
  await dan.page.getByLabel("Your name").waitFor();
});

test("the dashboard draws what happens, from before it was opened, and through a restart", async (t) => {
  const { chat, context } = await start(t);
  const people = await Promise.all([...Array(12)].map((_, at) => Person.enter(chat.url, `p${at}`, { rooms: ["hall", `team-${at % 4}`] })));
  for (let at = 0; at < 30; at++) await people[at % 12].say("hall", `number ${at}`);
  await assert.rejects(Person.enter(chat.url, " "));
  const page = await context.newPage();
  await page.goto(`${chat.url}/dashboard`);
  const is = (id, expected) => eventually(`${id} is ${expected}`, async () => (await number(page, id)) === expected, () => number(page, id));
  await is("messages", 30);
  await is("refused", 1);
  await is("rooms", 5);
  await is("connections", 13);
  const first = page.locator("#list li").first();
  assert.equal(await first.textContent(), "hall12");
  // More is said and heard, and the numbers move.
  const delivered = await number(page, "delivered");
  assert.ok(delivered >= 30 * 11, `${delivered}`);
  let said = 30;
  for (const more of [22, 9, 41, 60, 25, 34]) {
    for (let at = 0; at < more; at++) people[(at * 7) % 12].say("hall", "more");
    for (const person of people.slice(more % 12)) person.ask("typing", { room: "hall", on: true });
    await is("messages", (said += more));
  }
  await people[0].vanish();
  await people[1].ask("leave-room", { room: "hall" });
  await page.locator("#list li").first().getByText("10").waitFor();
  await is("connections", 12);
  assert.ok((await number(page, "delivered")) >= delivered + (said - 30) * 11);
  const drawn = await page.locator(".chart canvas").evaluateAll((all) => all.map((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const [r, g, b] = getComputedStyle(document.querySelector("header a")).color.match(/\d+/g).map(Number);
    // Pixels of the colour of the first line.
    let pixels = 0;
    for (let at = 0; at < data.length; at += 4) pixels += data[at] === r && data[at + 1] === g && data[at + 2] === b && data[at + 3] === 255;
    return pixels;
  }));
  assert.equal(drawn.length, 4);
  assert.ok(drawn.every((pixels) => pixels > 20), `${drawn}`);
  await screenshot(page, "chat_dashboard");
  await chat.stop();
  const state = () => page.locator("#status").getAttribute("state");
  await eventually("it is cut off", async () => (await state()) === "reconnecting");
  const again = await Example.start("chat_rooms", { port: chat.port });
  t.after(() => again.stop());
  await page.getByRole("button", { name: "Retry now" }).click();
  await is("connections", 1);
  await page.locator("#list:empty").waitFor({ state: "attached" });
  await empty(again);
});

test("all pages fit a telephone, in the dark, and keep nobody out", async (t) => {
  const { chat, context } = await start(t, { viewport: { width: 360, height: 640 }, colorScheme: "dark" });
  const ada = await Visitor.enter(context, chat.url, "A".repeat(24), ["x".repeat(40)]);
  await ada.say("a".repeat(300));
  await ada.seesLine(`${"A".repeat(24)}: ${"a".repeat(300)}`);
  const board = await context.newPage();
  await board.goto(`${chat.url}/dashboard`);
  await eventually("it has numbers", async () => (await number(board, "connections")) === 2);
  const door = await context.newPage();
  await door.goto(chat.url);
  for (const page of [ada.page, board, door]) {
    const look = await page.evaluate(() => ({
      wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      background: getComputedStyle(document.body).backgroundColor,
    }));
    assert.deepEqual(look, { wide: 0, background: "rgb(23, 22, 20)" });
    assert.deepEqual(await faults(page), []);
    await page.emulateMedia({ colorScheme: "light" });
    assert.deepEqual(await faults(page), []);
  }
});
