// The example chat_rooms over its sockets, and as event streams: what people may say, and what comes of it.
// Its pages are in chat_rooms.test.js, and figures in chat_load.test.js.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EventSource } from "eventsource";
import { empty, Person, rooms } from "./support/chat.js";
import { Example } from "./support/programs.js";
import { eventually } from "./support/wait.js";

async function start(t, env = {}) {
  const chat = await Example.start("chat_rooms", { env });
  t.after(() => chat.stop());
  return chat;
}

/** Reads a room as an event stream, with all that it hears. */
async function read(t, chat, room) {
  const stream = new EventSource(`${chat.url}/events?topic=rooms/${room}`);
  t.after(() => stream.close());
  const heard = [];
  for (const event of ["message", "joined", "left", "typing"]) {
    stream.addEventListener(event, ({ data, lastEventId }) => heard.push({ id: lastEventId, event, data: JSON.parse(data) }));
  }
  await new Promise((resolve) => stream.addEventListener("connected", resolve));
  return heard;
}

test("sixty people in a room all get what all say, in one order, and so does an event stream", async (t) => {
  const chat = await start(t);
  const stream = await read(t, chat, "hall");
  const people = await Promise.all([...Array(60)].map((_, at) => Person.enter(chat.url, `p${at}`, { rooms: ["hall"] })));
  const before = Date.now();
  const answers = await Promise.all(people.map((person) => person.say("hall", `from ${person.name}`)));
  for (const { type, data } of answers) assert.ok(type === "answer" && data.at_ms >= before - 1_000, JSON.stringify(data));
  const said = () => stream.filter(({ event }) => event === "message");
  await eventually("the stream has all", () => said().length === 60);
  const order = said().map(({ data }) => data.text);
  assert.equal(new Set(order).size, 60);
  for (const person of people) {
    await eventually(`${person.name} has all`, () => person.texts().length >= 59, () => person.texts().length);
    assert.deepEqual(person.texts(), order.filter((text) => text !== `from ${person.name}`));
  }
  // What they heard of is the same to the letter, its id included.
  const [{ heard }] = people;
  const alike = heard.filter(({ event }) => event === "message").map(({ id, event, data }) => ({ id, event, data }));
  assert.deepEqual(alike, said().filter(({ data }) => data.name !== "p0"));
  assert.equal((await rooms(chat))[0].members, 60);
});

test("whoever joins is told who is there; others are told who comes, goes and types", async (t) => {
  const chat = await start(t);
  const stream = await read(t, chat, "r");
  const [ada, bob] = [await Person.enter(chat.url, "ada", { rooms: ["r"] }), await Person.enter(chat.url, "bob")];
  assert.deepEqual(await ada.hears("members"), { room: "r", members: ["ada"], typing: [] });
  await ada.ask("typing", { room: "r", on: true });
  await bob.join("r");
  assert.deepEqual(await bob.hears("members"), { room: "r", members: ["ada", "bob"], typing: ["ada"] });
  await ada.hears("joined", ({ name }) => name === "bob");
  // Nobody goes on typing, and it ends by itself.
  await bob.hears("typing", ({ on }) => !on);
  await bob.ask("typing", { room: "r", on: true });
  await bob.ask("typing", { room: "r", on: true });
  await ada.hears("typing", ({ name, on }) => name === "bob" && on);
  await bob.ask("typing", { room: "r", on: false });
  await ada.hears("typing", ({ name, on }) => name === "bob" && !on);
  // Who says something types no more, which needs no word of its own.
  await bob.ask("typing", { room: "r", on: true });
  await bob.say("r", "hello");
  assert.deepEqual(await rooms(chat), [{ room: "r", members: 2, typing: 0 }]);
  await bob.ask("leave-room", { room: "r" });
  await ada.hears("left", ({ name }) => name === "bob");
  await ada.say("r", "are you there?");
  await ada.ask("leave-room", { room: "r" });
  await eventually("the stream has all", () => stream.at(-1)?.event === "left" && stream.at(-1).data.name === "ada");
  const told = stream.map(({ event, data }) => [event, data.name, data.on ?? data.text].filter((part) => part !== undefined).join(" "));
  assert.deepEqual(told, [
    "joined ada", "typing ada true", "joined bob", "typing ada false", "typing bob true", "typing bob false",
    "typing bob true", "message bob hello", "left bob", "message ada are you there?", "left ada",
  ]);
  assert.deepEqual(bob.texts(), [], "who has left hears nothing more");
});

test("what is malformed or not allowed gets an error that says what, and the socket stays", async (t) => {
  const chat = await start(t);
  const ada = await Person.enter(chat.url, "ada");
  const raw = async (text) => {
    ada.errors.length = 0;
    ada.socket.send(text);
    return eventually("an error", () => ada.errors[0]);
  };
  for (const [text, code] of [["no JSON", "invalid_json"], ["[1]", "invalid_json"], ["{}", "unknown_type"], ['{"type":7}', "invalid_json"]]) {
    assert.equal((await raw(text)).code, code, text);
    await ada.ask("ping");
  }
  assert.equal((await raw(Buffer.from([1, 2]))).code, "not_text");
  await ada.ask("ping");
  const refused = [
    ["dance", {}, "invalid_message", /unknown variant `dance`/],
    ["join-room", {}, "invalid_message", /missing field `room`/],
    ["join-room", { room: 7 }, "invalid_message", /invalid type/],
    ["join-room", { room: "r", colour: "red" }, "invalid_message", /unknown field `colour`/],
    ["join-room", { room: "" }, "invalid_room", /1 to 40 bytes/],
    ["join-room", { room: "a/b" }, "invalid_room", /letters, digits/],
    ["join-room", { room: "x".repeat(41) }, "invalid_room", /1 to 40 bytes/],
    ["leave-room", { room: "*" }, "invalid_room", /letters, digits/],
    ["message", { room: "r", text: "hello" }, "not_in_room", /join "r" before/],
    ["typing", { room: "r", on: true }, "not_in_room", /join "r" before/],
    ["message", { room: "r", text: " \n" }, "invalid_text", /1 to 1000 characters/],
    ["message", { room: "r", text: "é".repeat(1_001) }, "invalid_text", /1 to 1000 characters/],
    ["message", { room: "r", text: "hello", id: "a!" }, "invalid_id", /letters, digits and -/],
    // The gateway's own messages are not for those whom nobody has asked who they are.
    ["subscribe", { topics: ["rooms/r"] }, "forbidden", /./],
    ["publish", { topics: ["rooms/r"], data: "x" }, "forbidden", /./],
  ];
  for (const [type, message, code, says] of refused) {
    const answer = await ada.ask(type, message);
    assert.equal(`${answer.type} ${answer.code}`, `error ${code}`, JSON.stringify([type, message, answer]));
    assert.match(answer.message, says);
    assert.equal((await ada.ask("ping")).type, "pong");
  }
  // Nor is there another way around what is checked here.
  const [headers, body] = [{ "content-type": "application/json" }, JSON.stringify({ topics: ["rooms/r"], data: "x" })];
  assert.equal((await fetch(`${chat.url}/publish`, { method: "POST", headers, body })).status, 404);
  assert.equal((await fetch(`${chat.url}/ws`)).status, 404);
  await ada.join("r");
  assert.equal((await ada.say("r", "é".repeat(1_000))).type, "answer");
  // Whoever does nothing else is closed in the end, and nobody else is.
  const bob = await Person.enter(chat.url, "bob", { rooms: ["r"] });
  for (let at = 0; at < 20; at++) ada.socket.send("no JSON");
  assert.equal(await ada.closed, 1008);
  await bob.hears("left", ({ name }) => name === "ada");
});

test("where there is no room any more, that is said, and there is when somebody has left", async (t) => {
  const chat = await start(t, { CHAT_SEATS: "3", CHAT_ROOMS: "2", CHAT_MEMBERS: "2" });
  const enter = (name) => Person.enter(chat.url, name);
  for (const name of ["", " ", "x".repeat(25), "a\nb"]) {
    await assert.rejects(enter(name), { status: 400, code: "invalid_name" });
  }
  await assert.rejects(Person.enter(chat.url, "ada", { query: { rooms: "ok,*" } }), { status: 400, code: "invalid_room" });
  const [ada, bob, chloe] = [await enter("ada"), await enter("bob"), await enter("chloe")];
  await assert.rejects(enter("dan"), { status: 503, code: "chat_full", message: "all 3 seats are taken: try again later" });
  for (const person of [ada, bob]) await person.join("one");
  const full = await chloe.ask("join-room", { room: "one" });
  assert.deepEqual([full.code, full.retry_ms > 0], ["room_full", true]);
  await chloe.join("two");
  const many = await chloe.ask("join-room", { room: "three" });
  assert.deepEqual([many.code, many.message], ["too_many_rooms", "there are 2 rooms already: join one of them"]);
  // Who was refused hears nothing of the room either.
  await ada.say("one", "only for us");
  await bob.hears("message");
  assert.deepEqual(chloe.texts(), []);
  await bob.vanish();
  await ada.hears("left");
  await chloe.join("one");
  await eventually("there is a seat", () => enter("dan").catch(() => null));
});

test("two sockets of one person are one member, who leaves with the last", async (t) => {
  const chat = await start(t);
  const bob = await Person.enter(chat.url, "bob", { rooms: ["r"] });
  const [one, two] = [await Person.enter(chat.url, "ada", { rooms: ["r"] }), await Person.enter(chat.url, "ada", { rooms: ["r"] })];
  assert.deepEqual((await two.hears("members")).members, ["ada", "bob"]);
  // What is said on one is heard on the other, and typing is of the person.
  await one.say("r", "from one");
  await two.hears("message", ({ text }) => text === "from one");
  await one.ask("typing", { room: "r", on: true });
  await two.ask("typing", { room: "r", on: true });
  await one.vanish();
  await two.say("r", "from two");
  await bob.hears("message", ({ text }) => text === "from two");
  await two.vanish();
  await bob.hears("left");
  const told = bob.heard.filter(({ data }) => data?.name === "ada").map(({ event, data }) => `${event} ${data.on ?? ""}`.trim());
  assert.deepEqual(told, ["joined", "message", "typing true", "message", "left"]);
  // Typing ends where the socket on which it was goes, and the other stays.
  const [three, four] = [await Person.enter(chat.url, "ada", { rooms: ["r"] }), await Person.enter(chat.url, "ada", { rooms: ["r"] })];
  await three.ask("typing", { room: "r", on: true });
  await three.vanish();
  await bob.hears("typing", ({ on }) => !on);
  assert.deepEqual(await rooms(chat), [{ room: "r", members: 2, typing: 0 }]);
  await four.leave();
});

test("who comes back while the old socket goes is there, as the others are told", async (t) => {
  const chat = await start(t);
  const bob = await Person.enter(chat.url, "bob", { rooms: ["r"] });
  let before = await Person.enter(chat.url, "ada", { rooms: ["r"] });
  for (let round = 0; round < 60; round++) {
    const next = await Person.enter(chat.url, "ada");
    // Now and then a word of the old one comes in between.
    if (round % 3 === 0) before.ask("typing", { room: "r", on: true });
    await Promise.all([before.vanish(), next.join("r")]);
    before = next;
  }
  await eventually("only one is left", async () => (await chat.json("/stats")).connections === 2);
  await before.say("r", "here");
  await bob.hears("message");
  let there = false;
  for (const { event, data } of bob.heard.filter(({ data }) => data.name === "ada")) {
    assert.equal(there, event !== "joined", `${event} where ada is ${there}`);
    if (event === "joined" || event === "left") there = event === "joined";
  }
  assert.equal(there, true);
  assert.equal((await rooms(chat))[0].members, 2);
});

test("what one person does on many sockets at once is done one after the other", async (t) => {
  const chat = await start(t);
  const bob = await Person.enter(chat.url, "bob", { rooms: ["r"] });
  const stream = await read(t, chat, "r");
  const sockets = await Promise.all([...Array(6)].map(() => Person.enter(chat.url, "ada")));
  const done = [];
  const asked = sockets.flatMap((socket, at) =>
    [...Array(12)].flatMap((_, round) => [
      socket.ask("join-room", { room: "r" }),
      socket.say("r", `${at}.${round}`),
      socket.ask("typing", { room: "r", on: true }),
      socket.ask("leave-room", { room: "r" }),
      socket.say("r", "not in the room"),
    ].map((answer, step) => answer.then(({ type }) => done.push([at, round * 5 + step, type])))));
  await Promise.all(asked);
  for (let at = 0; at < 6; at++) {
    const own = done.filter(([socket]) => socket === at);
    assert.deepEqual(own.map(([, step]) => step), [...Array(60).keys()], "each socket's are answered in order");
    assert.deepEqual(own.map(([, , type]) => type), [...Array(60).keys()].map((step) => (step % 5 === 4 ? "error" : "answer")));
  }
  await bob.say("r", "the end");
  await eventually("the stream has all", () => stream.at(-1)?.data.text === "the end");
  // Others see a person who comes and goes in turn, and speaks and types only in between.
  let there = false;
  let types = false;
  const texts = [];
  for (const { event, data } of stream.filter(({ data }) => data.name === "ada")) {
    assert.equal(there, event !== "joined", `${event} where ada is ${there}`);
    if (event === "typing") assert.equal(types, !data.on, "typing begins and ends in turn");
    if (event === "joined") there = true;
    if (event === "left") there = types = false;
    if (event === "typing") types = data.on;
    if (event === "message") types = false;
    if (event === "message") texts.push(data.text);
  }
  assert.equal(there, false);
  assert.equal(new Set(texts).size, 72);
  for (let at = 0; at < 6; at++) {
    const own = texts.filter((text) => text.startsWith(`${at}.`));
    assert.deepEqual(own, [...Array(12).keys()].map((round) => `${at}.${round}`));
  }
  assert.deepEqual(await rooms(chat), [{ room: "r", members: 1, typing: 0 }]);
});

test("who vanishes leaves all rooms at once, and nothing ticks for them any more", async (t) => {
  const chat = await start(t);
  const bob = await Person.enter(chat.url, "bob", { rooms: ["r", "s"] });
  const people = await Promise.all([...Array(20)].map((_, at) => Person.enter(chat.url, `p${at}`, { rooms: ["r", "s", `own${at}`] })));
  await Promise.all(people.map((person) => person.ask("typing", { room: "r", on: true })));
  assert.deepEqual((await rooms(chat)).at(-2), { room: "r", members: 21, typing: 20 });
  people.forEach((person) => person.vanish());
  await eventually("all are told of", () => bob.of("left").length === 40, () => bob.of("left").length);
  assert.deepEqual(await rooms(chat), [{ room: "r", members: 1, typing: 0 }, { room: "s", members: 1, typing: 0 }]);
  // Typing that somebody begins now ends after any that began before: nobody was told of an end in between.
  await bob.ask("typing", { room: "r", on: true });
  await bob.hears("typing", ({ name, on }) => name === "bob" && !on);
  const ends = bob.of("typing").filter(({ on }) => !on);
  assert.deepEqual(ends, [{ name: "bob", on: false }]);
});

test("what is said reaches those who are there, whoever vanishes meanwhile", async (t) => {
  const chat = await start(t);
  const enter = (name) => Person.enter(chat.url, name, { rooms: ["r"] });
  const people = await Promise.all([...Array(40)].map((_, at) => enter(`p${at}`)));
  const [speaker, ...others] = people;
  const answers = [];
  for (let at = 0; at < 100; at++) {
    answers.push(speaker.say("r", `${at}`));
    if (at % 5 === 0) others[at / 5].vanish();
  }
  for (const { type } of await Promise.all(answers)) assert.equal(type, "answer");
  const texts = [...Array(100).keys()].map(String);
  for (const person of others.slice(20)) {
    await eventually(`${person.name} has all`, () => person.texts().length >= 100, () => person.texts().length);
    assert.deepEqual(person.texts(), texts);
  }
  await eventually("the others are gone", async () => (await rooms(chat))[0].members === 20);
  for (const person of people) person.vanish();
  await empty(chat);
});

test("a socket that comes back gets what was said meanwhile, and what is said twice is said once", async (t) => {
  const chat = await start(t);
  const bob = await Person.enter(chat.url, "bob", { rooms: ["r"] });
  const tab = "tab-of-ada";
  let ada = await Person.enter(chat.url, "ada", { rooms: ["r"], query: { tab } });
  const heard = [];
  for (let round = 0; round < 10; round++) {
    for (let at = 0; at < 20; at++) {
      if (at === 7) {
        // The answer to this may not come any more, so that it is said again.
        ada.say("r", `ada ${round}`, { id: `m-${round}` });
        ada.vanish();
      }
      await bob.say("r", `${round}.${at}`);
    }
    const before = ada;
    ada = await eventually("it comes back", () =>
      Person.enter(chat.url, "ada", { query: { tab, rooms: "r", last_event_id: before.cursor } }).catch(({ code }) => {
        assert.equal(code, "superseded_too_soon");
        return null;
      }));
    await ada.join("r");
    assert.equal((await ada.say("r", `ada ${round}`, { id: `m-${round}` })).type, "answer");
    await eventually("it has the last", () => ada.texts().at(-1) === `${round}.19`, () => JSON.stringify(ada.texts()));
    heard.push(...before.heard);
  }
  heard.push(...ada.heard);
  const messages = heard.filter(({ event }) => event === "message");
  const others = messages.filter(({ data }) => data.name === "bob").map(({ data }) => data.text);
  assert.deepEqual(others, [...Array(200).keys()].map((at) => `${Math.floor(at / 20)}.${at % 20}`));
  // What was told when its own socket had gone comes back to who said it: once, and known by its id.
  const own = messages.filter(({ data }) => data.name === "ada").map(({ id }) => id);
  assert.equal(new Set(own).size, own.length);
  for (const id of own) assert.match(id, /^ada\/m-\d$/);
  await eventually("bob has all", () => bob.texts().length >= 10, () => JSON.stringify(bob.texts()));
  assert.deepEqual(bob.texts(), [...Array(10).keys()].map((round) => `ada ${round}`));
});

test("what is answered was said, also by a server that is being stopped", async (t) => {
  const chat = await start(t);
  const [ada, bob] = [await Person.enter(chat.url, "ada", { rooms: ["r"] }), await Person.enter(chat.url, "bob", { rooms: ["r"] })];
  const answered = [];
  const refused = new Set();
  // Ten at a time, which is fewer than the errors for which a socket is closed.
  for (let round = 0; round < 40 && !refused.size; round++) {
    const answers = [...Array(10)].map(async (_, at) => {
      const { type, code } = await ada.say("r", `${round}.${at}`);
      if (type === "answer") answered.push(`${round}.${at}`);
      else refused.add(code);
    });
    if (round === 20) chat.stop("SIGTERM");
    await Promise.race([ada.closed, Promise.all(answers)]);
  }
  for (const person of [ada, bob]) {
    assert.equal(await person.closed, 1001);
    assert.equal(person.of("bye")[0].reason, "drain");
  }
  // What was said and not answered, for she was gone, comes after it.
  assert.deepEqual(bob.texts().slice(0, answered.length), answered);
  for (const code of refused) assert.match(code, /^(draining|connection_not_found)$/);
});
